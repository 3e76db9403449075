"""Files that a person names to be written: refused in one line where that cannot end well."""

from __future__ import annotations

from pathlib import Path

from covers.arguments import path as check_path
from covers.errors import DataError


def output_file(name: str, given: str | Path, *endings: str) -> Path:
    """Return where a file shall be written, before anything is computed for it.

    Parameters
    ----------
    name : str
        Of the parameter.
    given : str or Path
    *endings : str
        What its name may end in; the first is the usual one.

    Raises
    ------
    DataError
        If it is a folder, has another ending, or lies in what is no folder.

    Examples
    --------
    >>> output_file("path", "where.txt", ".png", ".jpg")
    Traceback (most recent call last):
    covers.errors.DataError: 'where.txt' shall be named with .png or .jpg, such as 'where.png'
    """
    path = check_path(name, given).expanduser()
    such_as = path.with_suffix(endings[0]) if path.name else Path(f"out{endings[0]}")
    if path.is_dir():
        such_as = path / f"out{endings[0]}"
        message = f"'{path}' is a folder: name a file, such as '{such_as}'"
        raise DataError(message)
    if path.suffix.lower() not in endings:
        allowed = " or ".join(filter(None, (", ".join(endings[:-1]), endings[-1])))
        message = f"'{path}' shall be named with {allowed}, such as '{such_as}'"
        raise DataError(message)
    above = next(one for one in path.parents if one.exists())
    if not above.is_dir():
        message = f"'{path}' cannot be written: '{above}' is a file, name another path"
        raise DataError(message)
    return path
