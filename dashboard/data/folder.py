"""Where a cover's file lies on this machine, and opening its folder there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from covers.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from covers.library.library import Library

_AT_ONCE_S = 2.0
"""What cannot open a folder says so within this time."""


def file_of(library: Library, cover_id: str) -> Path | None:
    """Return the first file of a cover that is there; None where no source has it today."""
    catalogue = library.catalogue
    row = int(catalogue.rows_of([cover_id])[0])
    if row < 0:
        return None
    for place in catalogue.table["locations"][row].as_py() or ():
        try:
            path = library.workspace.resolve_here(place["source"], place["path"])
        except DataError:
            continue
        if path.is_file():
            return path
    return None


def open_folder(path: Path) -> bool:
    """Show a file's folder in the file manager of this machine; say whether there is one.

    The file itself is not opened.
    """
    if sys.platform.startswith(("win", "darwin", "cygwin")):
        import click

        return click.launch(str(path), locate=True) == 0
    command = ["xdg-open", str(path.resolve().parent)]
    try:
        opened = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return opened.wait(_AT_ONCE_S) == 0
    except OSError:
        return False
    except subprocess.TimeoutExpired:
        return True  # it is the file manager itself, which is open
