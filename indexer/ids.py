"""Ids: what is accepted, and how a row is found by its id without parsing all."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["as_ids", "hash_ids", "refuse_repeated_ids"]

Hashes = npt.NDArray[np.uint64]


def as_ids(ids: Any, *, what: str = "ids") -> list[str]:
    """Make a list of strings of the ids that were given.

    Parameters
    ----------
    ids : sequence of str
        A list, an array, a pandas Series, an Arrow array, …
    what : str
        The name of the argument, for messages.

    Raises
    ------
    TypeError
        If `ids` is a bare string, or one of the ids is no string.
    ValueError
        If an id is empty or no valid Unicode.
    """
    if isinstance(ids, str | bytes):
        message = f"{what} must be a sequence of strings, got one string {ids!r}"
        raise TypeError(message)
    plain = ids.to_pylist() if hasattr(ids, "to_pylist") else ids
    checked = [str(value) if isinstance(value, str) else value for value in plain]
    for position, value in enumerate(checked):
        if not isinstance(value, str):
            message = (
                f"{what} must be strings: number {position} is {value!r}, "
                f"a {type(value).__name__}"
            )
            raise TypeError(message)
        if not value:
            message = f"{what} must not be empty: number {position} is ''"
            raise ValueError(message)
    try:
        "".join(checked).encode()
    except UnicodeEncodeError as error:
        message = f"{what} must be valid Unicode: {error}"
        raise ValueError(message) from error
    return checked


def refuse_repeated_ids(ids: Sequence[str]) -> None:
    """Refuse ids that are given twice.

    Raises
    ------
    ValueError
        Names some of them.
    """
    if len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    repeated = [value for value in ids if value in seen or seen.add(value)]  # type: ignore[func-returns-value]
    shown = ", ".join(map(repr, repeated[:5])) + (", …" if len(repeated) > 5 else "")
    message = (
        f"{len(repeated)} ids are given more than once: {shown}; give each id once"
    )
    raise ValueError(message)


def hash_ids(ids: Iterable[str]) -> Hashes:
    """Hash each id to 64 bits, the same on every machine and in every process."""
    digests = b"".join(
        hashlib.blake2b(value.encode(), digest_size=8).digest() for value in ids
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64, copy=False)
