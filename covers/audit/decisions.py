"""Putting a person's decisions in force, and taking them back.

Decisions lie over what the sources say (`covers.catalogue.corrections`); the
catalogue is made anew from what the last scan saw, without reading a source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from covers.audit.review import check_genres, read_cover_ids, read_review
from covers.catalogue.corrections import Overlay
from covers.catalogue.table import read_catalogue
from covers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from covers.catalogue.corrections import Decision
    from covers.workspace.paths import Workspace


@dataclass(frozen=True, kw_only=True)
class Review:
    """How many decisions of a person are in force, and what they changed.

    Parameters
    ----------
    n_dropped, n_relabelled, n_kept : int
        Decisions in force after this.
    n_changed : int
        Decisions that were new, changed or taken back.
    new_genres : list of str
        Genres that no cover had before: perhaps misspelt.
    """

    n_dropped: int
    n_relabelled: int
    n_kept: int
    n_changed: int
    new_genres: list[str] = field(default_factory=list)


def accept_review(workspace: Workspace, path: Path) -> Review:
    """Take over the decisions of a reviewed table and make the catalogue anew.

    Parameters
    ----------
    workspace : Workspace
    path : Path
        A table written by `covers.audit.review.write_review`, with
        actions filled in.

    Raises
    ------
    DataError
        If the table cannot be followed; then nothing is changed.
    """
    catalogue = read_catalogue(workspace)
    overlay = Overlay.read(workspace)
    known = {d.cover_id: d.path for d in overlay.decisions}
    known.update(zip(catalogue.cover_ids, catalogue.column("path"), strict=True))
    decisions = read_review(path, known)
    return _replace(
        workspace,
        overlay,
        overlay.with_decisions(decisions),
        check_genres(decisions, catalogue.genre_counts),
    )


def revert_review(workspace: Workspace, path: Path | None = None) -> Review:
    """Take decisions back: those about the covers of a reviewed table, or all.

    Parameters
    ----------
    workspace : Workspace
    path : Path, optional
        The reviewed table; None takes every decision back.
    """
    overlay = Overlay.read(workspace)
    left = Overlay() if path is None else overlay.without(read_cover_ids(path))
    return _replace(workspace, overlay, left, [])


def _replace(
    workspace: Workspace, old: Overlay, new: Overlay, new_genres: list[str]
) -> Review:
    """Write decisions instead of others, and make the catalogue anew where it depends on them."""
    _write(workspace, new)
    if new.fingerprint() != old.fingerprint():
        try:
            put_in_force(workspace)
        except BaseException:
            old.write(workspace)
            raise
    before, after = _facts(old.decisions), _facts(new.decisions)
    subjects = before.keys() | after.keys()
    return Review(
        n_dropped=len(new.dropped),
        n_relabelled=len(new.genres),
        n_kept=len(new.confirmed),
        n_changed=sum(before.get(s) != after.get(s) for s in subjects),
        new_genres=new_genres,
    )


def _write(workspace: Workspace, decisions: Overlay) -> None:
    try:
        decisions.write(workspace)
    except OSError as error:
        message = f"cannot write decisions in '{workspace.root}': {error.strerror or error}; make room or allow writing there"
        raise DataError(message) from error


def _facts(decisions: Iterable[Decision]) -> dict[tuple[str, str], Any]:
    """Return action and genres of each decision, by the cover or finding that it is about."""
    return {d.subject: (d.action, d.genres) for d in decisions}


def note_decisions(
    workspace: Workspace,
    decisions: Iterable[Decision],
    *,
    instead_of: Iterable[tuple[str, str]] = (),
) -> Overlay:
    """Write decisions down; they come into force when the catalogue is made anew.

    Every scan does that, and `put_in_force`.

    Parameters
    ----------
    workspace : Workspace
    decisions : iterable of Decision
        Each replaces an older one about the same subject.
    instead_of : iterable of (str, str)
        Subjects (`Decision.subject`) whose decision is taken back first.

    Returns
    -------
    Overlay
        All decisions there are now.

    Raises
    ------
    DataError
        If they cannot be written.
    """
    from covers.workspace.disk.locks import lock_workspace

    with lock_workspace(workspace.root):
        old = Overlay.read(workspace)
        gone = set(instead_of)
        left = Overlay(tuple(d for d in old.decisions if d.subject not in gone))
        new = left.with_decisions(decisions)
        _write(workspace, new)
    return new


def put_in_force(workspace: Workspace) -> None:
    """Make the catalogue anew with all decisions that were written down."""
    from covers.intake.scan import reassemble_workspace

    reassemble_workspace(workspace.root)
