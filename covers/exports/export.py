"""Writing an export: refused in one line where that cannot end well, published whole or not at all.

What is there already is never touched, unless ``force`` is given and it is an
export of the same kind in which nobody put anything else.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.errors import DataError, needs_extra, refuse_missing_package
from covers.exports.parquet import KIND
from covers.exports.table.cover_table import PART_OF, choose_rows, read_cover_table
from covers.exports.targets import Target, find_target
from covers.render.text import counted
from covers.workspace.artefacts import Stamp
from covers.workspace.disk.strangers import open_regular, parse_json
from covers.workspace.registry import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from covers.workspace.paths import Workspace

LEDGER = ".covers-export.json"
"""Lies in every exported folder and names its files, so that they can be replaced."""

_MOST_FILES = 1_000_000


@dataclass(frozen=True, kw_only=True, repr=False)
class Export:
    """What was exported.

    Parameters
    ----------
    target : str
    path : Path
        A file, or a folder.
    n_covers : int
    n_bytes : int
        Of all its files.
    notes : tuple of str
        What was left out, and why.
    then : str
        What to do with it; empty where that is plain.

    Examples
    --------
    >>> library.export("csv", folder / "covers.csv").n_covers
    120
    """

    target: str
    path: Path
    n_covers: int
    n_bytes: int
    notes: tuple[str, ...] = ()
    then: str = ""

    @property
    def said(self) -> str:
        """How many covers are where, in a line."""
        size = self.n_bytes / 1e6
        return f"{counted(self.n_covers, 'cover')} in '{self.path}' ({size:,.1f} MB)"

    def __repr__(self) -> str:
        more = [self.then] if self.then else []
        return "\n".join([self.said, *self.notes, *more])

    def to_json(self) -> dict[str, Any]:
        """Return what ``covers export --json`` prints."""
        return {
            "target": self.target,
            "path": str(self.path),
            "n_covers": self.n_covers,
            "n_bytes": self.n_bytes,
            "notes": list(self.notes),
            "then": self.then,
        }


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which covers are exported, and whether an older export may be replaced.

    Parameters
    ----------
    cover_ids : sequence of str, optional
        These, in this order; by default all.
    where : mapping, optional
        Only covers with these values, as in a search; also by ``prediction``,
        ``verdict``, ``certainty``, ``cluster`` and ``split``.
    force : bool, default=False
        Replace an export of the same kind.
    pictures : bool, default=True
        False leaves pictures of covers out, since they belong to others.
    """

    cover_ids: Sequence[str] | None = None
    where: Mapping[str, Any] | None = None
    force: bool = False
    pictures: bool = True


def export_workspace(
    workspace: Workspace, target: str, out: Path, wanted: Wanted | None = None
) -> Export:
    """Export covers of a workspace for another program.

    Parameters
    ----------
    workspace : Workspace
    target : str
        One of `covers.exports.targets.TARGETS`.
    out : Path
        The file or folder to make.
    wanted : Wanted, optional

    Raises
    ------
    DataError
        If there is no such target, `out` exists or cannot be written, or no cover
        is left.
    CoversError, IndexerError
        If something that the target needs is missing or stale.
    MissingExtraError
        If the package that writes it is absent.
    """
    how = wanted or Wanted()
    chosen = find_target(target)
    if chosen.package:
        refuse_missing_package(chosen.package, f"the export {chosen.name!r}")
    refuse_existing(chosen, out, force=how.force)
    asked = {PART_OF[name] for name in how.where or () if name in PART_OF}
    table = read_cover_table(workspace, needs={*chosen.needs, *asked}, uses=chosen.uses)
    table = choose_rows(table, cover_ids=how.cover_ids, where=how.where)
    table = replace(table, has_pictures=how.pictures)
    with (
        _published(chosen, out, workspace, force=how.force) as draft,
        needs_extra(f"the export {chosen.name!r}"),
    ):
        notes = chosen.write(replace(table, final_path=out), draft)
    return Export(
        target=chosen.name,
        path=out,
        n_covers=len(table),
        n_bytes=_size(out),
        notes=(*table.notes, *notes),
        then=chosen.then.format(out=quote(out), text=_as_literal(out)),
    )


def _as_literal(out: Path) -> str:
    """Return a path as Python writes it, so that it may stand in a shell's single quotes."""
    return json.dumps(str(out)).replace("'", "\\u0027")


def refuse_existing(target: Target, out: Path, *, force: bool) -> None:
    """Refuse a path of another ending, or taken by anything but an export that may be replaced.

    Raises
    ------
    DataError
        Saying what is there.
    """
    if "\0" in str(out):
        message = f"{str(out)!r} is no name that a file can have: name another path"
        raise DataError(message)
    if target.endings and out.suffix.lower() not in target.endings:
        message = f"'{out}' shall be named with {' or '.join(target.endings)}, such as '{target.such_as}'"
        raise DataError(message)
    if not os.path.lexists(out) or _is_empty_folder(target, out):
        return
    if not force:
        message = f"'{out}' exists already: name another path, or replace an export of before with '--force'"
        raise DataError(message)
    reason = _why_not_ours(target, out)
    if reason:
        message = f"'{out}' {reason}, and is never replaced: name another path, or remove it yourself"
        raise DataError(message)


def _is_empty_folder(target: Target, out: Path) -> bool:
    """Say whether an empty folder is there."""
    is_folder = target.is_folder and out.is_dir() and not out.is_symlink()
    return is_folder and not any(out.iterdir())


def _why_not_ours(target: Target, out: Path) -> str:
    """Say why what is there is no export of this kind; empty where it is one."""
    if out.is_symlink():
        return "is a link"
    if out.is_dir() != target.is_folder:
        return f"is a {'folder' if out.is_dir() else 'file'}"
    if target.is_folder:
        return _why_not_our_folder(target, out)
    return (
        ""
        if target.is_own(out)
        else f"was not written by 'covers export {target.name}'"
    )


def _why_not_our_folder(target: Target, out: Path) -> str:
    """Say why a folder may not be replaced; empty where an export of the same kind wrote all of it."""
    try:
        with open_regular(out / LEDGER) as file:
            ledger = parse_json(file.read())
        listed = {str(name) for name in ledger["files"]}
        made = str(ledger["target"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"was not written by 'covers export {target.name}'"
    if made != target.name:
        return f"is an export of another kind ({made!r:.40})"
    for path in _files_below(out):
        name = path.relative_to(out).as_posix()
        if name not in listed and name != LEDGER:
            return f"holds '{name}', which no export put there"
    return ""


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder except folders; links are not followed."""
    for number, (parent, folders, names) in enumerate(os.walk(folder)):
        if number > _MOST_FILES:
            return
        links = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (Path(parent, name) for name in [*names, *links])


@contextmanager
def _published(
    target: Target, out: Path, workspace: Workspace, *, force: bool
) -> Iterator[Path]:
    """Give a path beside `out` to write to, and put what was written there at its end.

    Raises
    ------
    DataError
        If the disk is full, or may not be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name[:40]}."))
    except OSError as error:
        raise _cannot_write(out, error) from error
    try:
        # In a folder of its own for folders; a playlist must lie where it will lie.
        draft = room / "new" if target.is_folder else Path(f"{room}.tmp")
        if target.is_folder:
            draft.mkdir()
        yield draft
        if target.is_folder:
            _write_ledger(target, draft, workspace)
        refuse_existing(target, out, force=force)
        if os.path.lexists(out):
            out.replace(room / "old")
        draft.replace(out)
    except OSError as error:
        raise _cannot_write(out, error) from error
    finally:
        Path(f"{room}.tmp").unlink(missing_ok=True)
        shutil.rmtree(room, ignore_errors=True)


def _write_ledger(target: Target, folder: Path, workspace: Workspace) -> None:
    """List the files of a folder, with what they were made from."""
    from covers.index.embedded import fingerprints_at_hand

    names = sorted(p.relative_to(folder).as_posix() for p in _files_below(folder))
    stamp = Stamp(kind=KIND, made_from=fingerprints_at_hand(workspace))
    content = {"target": target.name, "stamp": asdict(stamp), "files": names}
    text = json.dumps(content, indent=1)
    (folder / LEDGER).write_text(text + "\n", encoding="utf-8")


def _cannot_write(out: Path, error: OSError) -> DataError:
    """Say in one line why an export could not be written."""
    reason = error.strerror or str(error)
    return DataError(
        f"cannot write '{out}' ({reason}): name a path that can be written and has room"
    )


def _size(out: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    paths = _files_below(out) if out.is_dir() else [out]
    return sum(path.stat().st_size for path in paths)
