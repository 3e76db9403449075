"""Opening a library that is there, and making one of covers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.arguments import callback, checked, optional, path
from covers.arguments import sources as several
from covers.library.library import Library
from covers.library.naming import naming
from covers.library.stored import DEVICE
from covers.workspace.paths import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@checked(root=path, device=DEVICE)
def open_library(root: str | Path, *, device: str | None = None) -> Library:
    """Open the library that a workspace holds.

    Parameters
    ----------
    root : str or Path
        Folder of the workspace, as ``covers run -w`` made it.
    device : {"auto", "cpu", "cuda"}, optional
        Where the network runs; by default as the workspace's settings say.

    Raises
    ------
    DataError
        If there is no workspace; the message names the command that makes one.

    Examples
    --------
    >>> covers.open(folder / "workspace")
    <Library: 120 covers of 8 genres in 'workspace'>
    """
    with naming(Path(root)):
        return Library(Workspace.open(Path(root)), device=device)


@checked(root=path, sources=several, device=DEVICE, progress=optional(callback))
def create_library(
    root: str | Path,
    sources: str | Path | Sequence[str | Path],
    *,
    device: str | None = None,
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
    device : {"auto", "cpu", "cuda"}, optional
        Where the network runs, as in `covers.open`.
    progress : callable, optional
        Called with (pictures read, pictures in all).
    **settings
        As in `Library.scan`, such as ``genre_minimum=20`` or ``seed=1``.

    Examples
    --------
    >>> made = covers.create(folder / "mine", [folder / "covers"])
    >>> len(made)
    120
    """
    made = Library(Workspace(Path(root)), device=device)
    made.scan(*several("sources", sources), progress=progress, **settings)
    return made
