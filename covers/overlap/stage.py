"""The overlap of a workspace's genres: made from its embeddings, written, and read back.

Letters: N covers, G genres, P pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from covers.catalogue.implied import SHARED, broad_of, read_implied
from covers.errors import DataError
from covers.index.embedded import EmbeddedCovers, fingerprints_at_hand
from covers.overlap.by_k import measure_ladder, number_pair
from covers.overlap.changes import measure_changes, split_covers
from covers.overlap.confusion import read_confusion
from covers.overlap.exemplars import Exemplars, find_exemplars
from covers.overlap.finite_sample import FEWEST_GROUPS
from covers.overlap.measured import Closest
from covers.overlap.overlap import (
    OverlapMatrices,
    OverlapSettings,
    label_covers,
    measure_overlap,
    n_neighbours,
)
from covers.overlap.result import Overlap
from covers.overlap.tree import find_edges, grow_tree
from covers.stats.membership import has_genre
from covers.stats.neighbours import find_own_neighbours
from covers.workspace.artefacts import write_json
from covers.workspace.read_artefacts import read_document, typed
from covers.workspace.registry import CATALOGUE, OVERLAP, OVERLAP_DOCUMENT
from covers.workspace.stages import Made, Maker, Manner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from covers.overlap.confusion import Table
    from covers.overlap.measured import Pair
    from covers.stats.neighbours import Neighbours
    from covers.workspace.artefacts import Stamp
    from covers.workspace.paths import Workspace
    from covers.workspace.publishing import Draft

Which = Literal["auto", "held-out", "all"]
_MOST_NOTES = 4
ENOUGH_GROUPS = 40
"""With fewer held-out groups than this per genre, intervals would span half the scale."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The settings of a measurement; see `covers.workspace.settings.OverlapOptions`."""

    k: int | None
    n_bootstraps: int
    by: Literal["year", "source"] | None
    which: Which
    seed: int


def run(workspace: Workspace, manner: Manner | None = None, **changes: Any) -> Overlap:
    """Measure the overlap of a workspace's genres; write ``analysis/overlap.json`` and its figures.

    Parameters
    ----------
    workspace : Workspace
        With catalogue, model and embeddings.
    manner : Manner, optional
        Whether to make it again, to replace, to draw; callbacks.
    **changes
        Settings that differ from the workspace's own
        (`covers.workspace.settings.OverlapOptions`): ``k``, ``n_bootstraps``,
        ``by``, ``which``, and ``seed``. A network tears apart the covers it was
        trained on, so ``which="all"`` makes genres look more distinct than they
        are; but few held-out groups say nothing at all. ``"auto"`` takes the
        held-out covers where the middle genre has at least `ENOUGH_GROUPS` groups
        among them.

    Returns
    -------
    Overlap
        The workspace's own, or one with other settings.

    Raises
    ------
    ModelError, DataError
        If something is missing, or no cover is left to measure.
    """
    return MAKER.run(workspace, manner or Manner(), **changes)


def _make(workspace: Workspace, wanted: Wanted, manner: Manner) -> Made[Overlap]:
    """Measure the overlap with some settings."""
    found = measure_workspace(workspace, wanted, manner.progress)

    def write(draft: Draft, stamp: Stamp) -> None:
        write_json(draft.new_path(OVERLAP_DOCUMENT), found.to_json(), stamp)

    return Made(result=found, write=write, parameters={})


def measure_workspace(
    workspace: Workspace,
    wanted: Wanted,
    progress: Callable[[int, int], None] | None = None,
) -> Overlap:
    """Measure the overlap of a workspace's genres and write nothing; see `run`."""
    which, by, seed = wanted.which, wanted.by, wanted.seed
    everything = EmbeddedCovers.read(workspace)
    counted = _which(everything, which)
    covers = _labelled(workspace, everything, counted)
    measured = OverlapSettings(k=wanted.k, n_bootstraps=wanted.n_bootstraps, seed=seed)
    rows_of_parts = split_covers(covers, by)
    n_steps = len(rows_of_parts) + 2
    step = progress or (lambda done, total: None)
    step(0, n_steps)
    nested = read_implied(workspace, covers.vocab, covers.membership, share=SHARED)
    found = describe_overlap(
        covers, measured, nested, confusion=read_confusion(workspace, covers)
    )
    step(1, n_steps)
    by_k = measure_ladder(covers, seed=seed)
    step(2, n_steps)
    single: dict[str, OverlapMatrices] = {}
    parts: dict[str, Overlap] = {}
    for done, (name, rows) in enumerate(rows_of_parts.items(), start=2):
        # Resamples of their own, so that chance in one part is not that in another.
        of_part = replace(measured, seed=seed + done)
        part = covers.take(rows)
        measured_part = _measure(part, of_part)
        single[name] = measured_part.overlap
        parts[name] = _describe(part, measured_part, nested, {})
        step(done + 1, n_steps)
    seen = counted == "all" and not everything.held_out().all()
    return replace(
        found,
        covers=counted,
        by_k=tuple(by_k),
        notes=(*found.notes, *([_note_on_seen(which)] if seen else [])),
        by=by,
        parts=parts,
        changes=tuple(measure_changes(single, nested)) if by == "year" else (),
    )


def _note_on_seen(which: Which) -> str:
    """Return a note that some of the counted covers are those the network was trained on."""
    note = (
        "all covers are counted, also those the network was trained on, which it "
        "tears apart: genres look more distinct than they are"
    )
    few = f"; fewer than {ENOUGH_GROUPS} groups per genre are held out"
    return note + few if which == "auto" else note


def _labelled(
    workspace: Workspace, everything: EmbeddedCovers, counted: str
) -> EmbeddedCovers:
    """Return the covers that are counted: those with a genre, all or held out."""
    labelled = everything.has_genre()
    if counted == "held-out":
        labelled = labelled & everything.held_out()
    covers = everything.take(labelled)
    if not len(covers):
        scan = CATALOGUE.repair(workspace.root, "scan SOURCE")
        message = f"no labelled {counted} cover in '{workspace.root}': run '{scan}'"
        raise DataError(message)
    return covers


def read(workspace: Workspace) -> Overlap:
    """Read ``analysis/overlap.json``, fresh or not; one of version 0.1 comes with today's names.

    Raises
    ------
    DataError
        If it is missing or unreadable.
    """
    found = read_document(workspace, OVERLAP_DOCUMENT)
    return typed(Overlap, found, workspace, OVERLAP_DOCUMENT)


def describe_overlap(
    covers: EmbeddedCovers,
    settings: OverlapSettings,
    nested: npt.NDArray[np.bool_] | None = None,
    *,
    confusion: Mapping[str, Table] | None = None,
) -> Overlap:
    """Measure the overlap of some covers, and say which covers stand for it.

    Parameters
    ----------
    covers : EmbeddedCovers
    settings : OverlapSettings
    nested : ndarray of bool, shape (n_genres, n_genres), optional
        Row i, column j: covers of genre i are covers of genre j too, so that the
        overlap of the two says nothing.
    confusion : dict of str to list of list of Confusion, optional
        Of each method.
    """
    n_genres = len(covers.vocab)
    nested = np.zeros((n_genres, n_genres), bool) if nested is None else nested
    return _describe(covers, _measure(covers, settings), nested, confusion or {})


@dataclass(frozen=True)
class _Measured:
    """The overlap of some covers, their neighbours, and a mask of the covers whose neighbours were counted."""

    overlap: OverlapMatrices
    near: Neighbours
    sampled: npt.NDArray[np.bool_]


def _measure(covers: EmbeddedCovers, settings: OverlapSettings) -> _Measured:
    """Find neighbours, and measure the overlap."""
    labels = label_covers(covers.membership, covers.groups, settings)
    sampled = has_genre(labels.sampled_membership)
    near = find_own_neighbours(
        covers.embeddings, covers.groups, n_neighbours(len(covers)), sampled
    )
    found = measure_overlap(
        near, covers.membership, covers.groups, covers.vocab, settings
    )
    return _Measured(found, near, sampled)


def _describe(
    covers: EmbeddedCovers,
    measured: _Measured,
    nested: npt.NDArray[np.bool_],
    confusion: Mapping[str, Table],
) -> Overlap:
    """Say what was measured, and which covers stand for it; see `describe_overlap`."""
    found, sampled = measured.overlap, measured.sampled
    shown = find_exemplars(measured.near, covers.membership, covers.groups)
    return Overlap(
        genres=tuple(covers.vocab),
        broad=broad_of(covers.vocab, nested),
        pairs=_pairs(found, shown, covers.cover_ids, nested, confusion),
        effective_genres=found.effective_genres,
        effective_genres_ci95=found.effective_genres_ci95,
        k=found.k,
        grouped_by=covers.grouped_by,
        n_covers=len(covers),
        n_sampled=int(sampled.sum()),
        n_groups=len(np.unique(covers.groups)),
        n_by_genre=dict(zip(covers.vocab, found.n_covers.tolist(), strict=True)),
        tree=grow_tree(found).named(),
        edges=tuple(find_edges(found, nested=nested)),
        prototypes={
            genre: tuple(covers.cover_ids[row] for row in rows)
            for genre, rows in zip(covers.vocab, shown.prototypes, strict=True)
        },
        isolated=tuple(covers.cover_ids[row] for row in shown.isolated),
        notes=tuple(_notes(found, int(sampled.sum()))),
    )


def _which(covers: EmbeddedCovers, which: Which) -> Literal["held-out", "all"]:
    """Decide between held-out and all covers where the settings say ``auto``."""
    if which != "auto":
        return which
    if covers.held_out().all():
        return "held-out"
    held = covers.take(covers.held_out() & covers.has_genre())
    n_groups = [
        len(np.unique(held.groups[held.membership[:, genre] > 0]))
        for genre in range(len(held.vocab))
    ]
    enough = bool(n_groups) and float(np.median(n_groups)) >= ENOUGH_GROUPS
    return "held-out" if enough else "all"


def _pairs(
    found: OverlapMatrices,
    shown: Exemplars,
    cover_ids: list[str],
    nested: npt.NDArray[np.bool_],
    confusion: Mapping[str, Table],
) -> tuple[Pair, ...]:
    """Return one entry per pair of genres; of nested ones ``contained`` names the one within the other."""
    pairs = []
    for a, b in zip(*np.triu_indices(len(found.genres), 1), strict=True):
        pair = (int(a), int(b))
        contained = ""
        if nested[a, b] or nested[b, a]:
            contained = found.genres[a if nested[a, b] else b]
        closest = tuple(
            Closest(a=cover_ids[i], b=cover_ids[j], similarity=float(similarity))
            for i, j, similarity in shown.closest.get(pair, [])
        )
        pairs.append(
            replace(
                number_pair(found, *pair),
                bridges=tuple(cover_ids[row] for row in shown.bridges.get(pair, [])),
                closest=closest,
                contained=contained,
                confusion_ab={name: one[a][b] for name, one in confusion.items()},
                confusion_ba={name: one[b][a] for name, one in confusion.items()},
            )
        )
    return tuple(pairs)


def _notes(found: OverlapMatrices, n_sampled: int) -> list[str]:
    """List what one must know before using the figures."""
    notes = []
    if n_sampled > 0 and found.n_covers.sum() > found.settings.n_sampled:
        notes.append(
            f"the neighbourhoods of {n_sampled:,} covers were looked at, drawn by groups, "
            "the same number from each genre; all covers are neighbours"
        )
    few = [
        (genre, n, covers)
        for genre, n, covers in zip(
            found.genres, found.n_groups, found.n_covers, strict=True
        )
        if n < FEWEST_GROUPS
    ]
    if len(few) > _MOST_NOTES:
        names = ", ".join(genre for genre, _, _ in few)
        notes.append(
            f"{len(few)} genres have covers of too few groups to measure "
            f"({FEWEST_GROUPS} groups are needed), so their pairs are null: {names}"
        )
    else:
        notes += [
            f"{genre}: {covers:g} covers of {n} groups, too few to measure "
            f"({FEWEST_GROUPS} groups are needed), so its pairs are null"
            for genre, n, covers in few
        ]
    small = [
        genre
        for genre, n in zip(found.genres, found.n_groups, strict=True)
        if FEWEST_GROUPS <= n < 60
    ]
    if small:
        notes.append(
            "fewer than 60 groups, so the overlap may be off by 0.05 beyond chance: "
            + ", ".join(small)
        )
    return notes


def _draw(draft: Draft) -> None:
    """Draw the figures of an overlap that lies in a draft."""
    from covers.overlap.figures.draw import draw_overlap_figures

    draw_overlap_figures(draft)


MAKER = Maker(
    artefact=OVERLAP,
    made_from=fingerprints_at_hand,
    wanted=Wanted,
    make=_make,
    read=read,
    draw=_draw,
)
