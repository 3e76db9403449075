"""Opening a library that is there, and making one of covers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.errors import DataError
from covers.library.library import Library
from covers.workspace.paths import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def open_library(root: str | Path) -> Library:
    """Open the library that a workspace holds.

    Parameters
    ----------
    root : str or Path
        Folder of the workspace, as ``covers run -w`` made it.

    Raises
    ------
    DataError
        If there is no workspace; the message names the command that makes one.

    Examples
    --------
    >>> covers.open(folder / "workspace")
    <Library: 120 covers of 8 genres in 'workspace'>
    """
    return Library(Workspace.open(_named(root)))


def _named(root: str | Path) -> Path:
    """Return the folder of a workspace, unless its name is empty."""
    if not str(root).strip():
        message = f"no workspace {str(root)!r}: name its folder, or '.' for this one"
        raise DataError(message)
    return Path(root)


def create_library(
    root: str | Path,
    sources: str | Path | Sequence[str | Path],
    *,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> Library:
    """Take in covers and make a workspace of them; nothing in the sources is changed.

    Parameters
    ----------
    root : str or Path
        Folder of the workspace; made if missing.
    sources : str, Path, or a sequence of them
        Folders with a folder per genre, music libraries, or manifests.
    progress : callable, optional
        Called with (pictures read, pictures in all).
    **settings
        Of the intake, such as ``genre_minimum=20``.

    Examples
    --------
    >>> made = covers.create(folder / "mine", [folder / "covers"])
    >>> len(made)
    120
    """
    from covers.intake.scan import scan_workspace
    from covers.workspace.remote import path_of_source

    folder = _named(root)
    one_or_many = [sources] if isinstance(sources, str | Path) else sources
    scan_workspace(
        folder,
        [path_of_source(str(source), Path()) for source in one_or_many],
        intake=settings,
        progress=progress,
    )
    return open_library(folder)
