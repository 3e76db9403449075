"""Publishing all files of an artefact together: data first, what is drawn from it next, the stamp last.

All are written into a draft beside the old ones and moved when the last is
whole. A run that is killed leaves the old artefact, or one whose stamp says that
it is not whole, which is then made again; see `is_whole`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from covers.errors import DataError
from covers.workspace.artefacts import add_to_summary
from covers.workspace.disk.leftovers import DRAFT, whose
from covers.workspace.disk.publish import sync_folder, translate_disk_errors
from covers.workspace.disk.strangers import refuse_link, refuse_linked_lock
from covers.workspace.paths import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from covers.workspace.artefacts import Stamp
    from covers.workspace.registry import Artefact, File

_FILES = "files"
_LONGEST_WAIT_S = 600


@dataclass(frozen=True)
class Draft(Workspace):
    """A workspace as it will be: a file that is written already is found in the draft.

    Parameters
    ----------
    folder : Path
        Where the draft lies.
    """

    folder: Path = field(kw_only=True)

    def new_path(self, file: File) -> Path:
        """Return where to write a file."""
        return file.below(self.folder)

    def path(self, file: File) -> Path:
        """Return where a file is found: in the draft if it was written, else in the workspace."""
        place = self.new_path(file)
        return place if place.exists() else super().path(file)

    @property
    def analysis_folder(self) -> Path:
        """Where pages and figures go."""
        return self.folder / super().analysis_folder.relative_to(self.root)

    def written(self, but: File) -> dict[str, int]:
        """Return the bytes of every file that was written, one left out."""
        found = {
            path.relative_to(self.folder).as_posix(): path.stat().st_size
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }
        found.pop(but.path, None)
        return found


def publish_whole(
    workspace: Workspace, artefact: Artefact, write: Callable[[Draft], None]
) -> None:
    """Publish an artefact with everything that belongs to it.

    Parameters
    ----------
    workspace : Workspace
    artefact : Artefact
    write : callable
        Writes its files into a draft. The stamp of ``artefact.file``, which must
        be among them, then gets a list of all, and that file is moved last.

    Raises
    ------
    DataError
        If something cannot be written; then nothing has changed.
    """
    with _draft(workspace, artefact) as draft:
        write(draft)
        document = draft.new_path(artefact.file)
        files = draft.written(but=artefact.file)
        add_to_summary(document, {_FILES: json.dumps(files, sort_keys=True)})
        for name in files:
            _move(draft.folder / name, workspace.root / name)
        for folder in {(workspace.root / name).parent for name in files}:
            sync_folder(folder)
        _move(document, workspace.path(artefact.file))
        sync_folder(workspace.path(artefact.file).parent)
        for file in artefact.drawn:
            if file.path not in files:
                workspace.path(file).unlink(missing_ok=True)


def keep_files(workspace: Workspace, draft: Draft, artefact: Artefact) -> None:
    """Copy what is published of an artefact into a draft, the figures left out."""
    for file in artefact.files:
        source = workspace.path(file)
        if file not in artefact.drawn and source.is_file():
            draft.new_path(file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, draft.new_path(file), follow_symlinks=False)


def is_whole(workspace: Workspace, stamp: Stamp) -> bool:
    """Say whether all that was published with an artefact is still there, by its size.

    An artefact of a version that did not list its files is taken to be whole.
    """
    try:
        files = json.loads(stamp.summary.get(_FILES, "{}"))
        sizes = {PurePosixPath(name): int(size) for name, size in files.items()}
    except (TypeError, ValueError, AttributeError):
        return False
    for path, size in sizes.items():
        if path.is_absolute() or ".." in path.parts:
            return False
        try:
            if (workspace.root / path).lstat().st_size != size:
                return False
        except OSError:
            return False
    return True


@contextmanager
def _draft(workspace: Workspace, artefact: Artefact) -> Iterator[Draft]:
    """Open a draft, one at a time, and remove it at the end, and any that a killed run left."""
    parent = workspace.path(artefact.file).parent
    with translate_disk_errors(parent):
        refuse_link(parent)
        parent.mkdir(parents=True, exist_ok=True)
        refuse_linked_lock(parent / ".publishing.lock")
        lock = FileLock(parent / ".publishing.lock", timeout=_LONGEST_WAIT_S)
        try:
            lock.acquire()
        except Timeout as error:
            message = (
                f"another process publishes in '{parent}': wait for it, or end it first"
            )
            raise DataError(message) from error
        try:
            for left in parent.glob(f"{DRAFT}*"):
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{DRAFT}{whose()}"))
            try:
                yield Draft(workspace.root, folder=folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            lock.release()


def _move(source: Path, target: Path) -> None:
    """Rename a finished file to its final name."""
    refuse_link(target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)  # noqa: PTH105  the same name, whichever it is
