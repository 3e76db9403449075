"""Genres suggested for albums without one, and how often such suggestions are right on held-out albums.

Letters: A albums, G genres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.audit import stage as audit
from covers.audit.findings import FindingKind
from covers.catalogue.table import read_catalogue
from covers.errors import CoversError, DataError
from covers.evaluate.classify_covers import classify_covers
from covers.evaluate.stage import read_votes
from covers.index.embedded import fingerprints_at_hand
from covers.model.card import read_card
from covers.render.numbers import per_cent
from covers.stats import intervals
from covers.stats.rows import RowsById
from covers.suggest.albums import Album, group_albums, mean_by_album
from covers.suggest.result import Precision, Ranked, Suggestion, Suggestions
from covers.workspace.read_artefacts import read_document, repair_command
from covers.workspace.registry import AUDIT_DOCUMENT, VOTES
from indexer.files.arrow import as_take_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.catalogue.table import Catalogue
    from covers.evaluate.classify_covers import ClassifiedCovers
    from covers.workspace.paths import Workspace

MIN_CERTAINTY = 0.8
CERTAINTIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_N_RANKED = 3
_N_VOTERS = 3
_UNFAMILIAR = "unfamiliar"


def suggest_workspace(
    workspace: Workspace,
    *,
    min_certainty: float = MIN_CERTAINTY,
    doubtful: bool = True,
) -> Suggestions:
    """Suggest genres for the albums of a workspace that have none, or a doubtful one.

    Nothing is written: no tag, no catalogue.

    Parameters
    ----------
    workspace : Workspace
        With a model, an index and a fresh evaluation.
    min_certainty : float, default=0.8
        Albums whose likeliest genre is less certain are left open, in [0, 1].
    doubtful : bool, default=True
        Also look at albums whose genre an audit found doubtful.

    Raises
    ------
    CoversError, IndexerError
        If something it needs is missing or stale.
    DataError
        If `min_certainty` is no share.
    """
    if not 0 <= min_certainty <= 1:
        message = f"min_certainty is {min_certainty!r}: expected a share from 0 to 1, such as 0.8"
        raise DataError(message)
    catalogue = read_catalogue(workspace)
    precision = measure_precision(workspace, catalogue, min_certainty)
    notes: list[str] = []
    doubts = _read_doubts(workspace, catalogue, notes) if doubtful else {}
    albums = [
        album
        for album in group_albums(catalogue.table)
        if not any(catalogue.genres[row] for row in album.rows)
        or any(catalogue.cover_ids[row] in doubts for row in album.rows)
    ]
    ids = [catalogue.cover_ids[row] for album in albums for row in album.rows]
    classified = classify_covers(workspace, ids, n_voters=_N_VOTERS)
    rows = RowsById(classified.cover_ids).of(catalogue.cover_ids)
    # A final head is fitted on the held-out covers, too.
    sees_all = bool(read_card(workspace.model_folder).summary.get("final"))
    known = _Known(
        catalogue=catalogue,
        classified=classified,
        doubts=doubts,
        min_certainty=min_certainty,
        sees_all=sees_all,
    )
    items = [
        found
        for album in albums
        if (found := _suggest(album, rows[list(album.rows)], known))
    ]
    n_unread = len(albums) - len(items)
    if n_unread:
        notes.append(f"{n_unread:,} albums have no embedding and were not looked at")
    items.sort(key=lambda one: (bool(one.left_open), -one.certainty))
    return Suggestions(
        items=tuple(items),
        precision=precision,
        min_certainty=min_certainty,
        notes=tuple(notes),
        _workspace=workspace,
    )


def measure_precision(
    workspace: Workspace, catalogue: Catalogue, min_certainty: float
) -> tuple[Precision, ...]:
    """Measure how often the likeliest genre of held-out albums is theirs, by certainty.

    The probabilities are cross-fitted: nothing that is fitted saw the album, its
    artist or its near-duplicates. Albums unlike anything in the library are
    left out, as they get no suggestion.

    Raises
    ------
    CoversError
        If there is no evaluation, or a stale one.
    """
    made_from = fingerprints_at_hand(workspace, catalogue)
    table, stamp = read_votes(workspace, made_from=made_from)
    held = np.flatnonzero(np.asarray(table.column("held_out").to_pylist(), bool))
    if not len(held):
        repair = repair_command(workspace, VOTES)
        message = f"no cover was held out in the evaluation: run '{repair}'"
        raise DataError(message)
    table = table.take(as_take_indices(held))
    rows = catalogue.rows_of(table.column("cover_id").to_pylist())
    albums = group_albums(catalogue.table.take(as_take_indices(rows)))
    p = mean_by_album(np.asarray(table.column("p_combined").to_pylist(), float), albums)
    vocab = [str(genre) for genre in stamp.parameters["vocab"]]
    genres = table.column("genres").to_pylist()
    verdicts = table.column("verdict").to_pylist()
    own = [{g for row in album.rows for g in genres[row]} for album in albums]
    right = np.array(
        [vocab[int(mean.argmax())] in of for mean, of in zip(p, own, strict=True)],
        bool,
    )
    frequent = max(vocab, key=lambda genre: catalogue.genre_counts.get(genre, 0))
    has_frequent = np.array([frequent in of for of in own], bool)
    familiar = np.array([verdicts[a.rows[0]] != _UNFAMILIAR for a in albums], bool)
    groups = catalogue.groups[rows[[album.rows[0] for album in albums]]]
    certain = np.where(familiar, p.max(axis=1), -1.0)
    found = []
    for cut in sorted({*CERTAINTIES, min_certainty}):
        reached = certain >= cut
        rate = float(has_frequent[reached].mean()) if reached.any() else math.nan
        one = _precision_from(cut, certain, right, groups)
        found.append(replace(one, frequent=frequent, frequent_rate=rate))
    return tuple(found)


def _precision_from(
    cut: float,
    certain: npt.NDArray[np.float64],
    right: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64],
) -> Precision:
    """Measure albums of a certainty and above."""
    reached = certain >= cut
    n, n_right = int(reached.sum()), int(right[reached].sum())
    n_groups = len(np.unique(groups[reached]))
    return Precision(
        certainty=cut,
        n=n,
        n_right=n_right,
        n_groups=n_groups,
        share=n / max(len(certain), 1),
        ci95=wilson_interval(n_right / n if n else np.nan, n_groups),
    )


def wilson_interval(rate: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a rate that was seen in n trials; see `covers.stats.intervals`.

    Unlike a bootstrap it stays open where all were right.

    Parameters
    ----------
    rate : float
        0 to 1.
    n : int
        With 0 the interval is (NaN, NaN).

    Examples
    --------
    >>> low, high = wilson_interval(0.81, 100)
    >>> round(low, 3), round(high, 3)
    (0.722, 0.875)
    """
    if not n:
        return float("nan"), float("nan")
    low, high = intervals.wilson_interval([rate], [n], math.inf)
    return float(low[0]), float(high[0])


def _read_doubts(
    workspace: Workspace, catalogue: Catalogue, notes: list[str]
) -> dict[str, float]:
    """Return the chance that its genre is wrong of each cover that an audit doubts."""
    made_from = {"catalogue": catalogue.label_fingerprint()}
    try:
        read_document(workspace, AUDIT_DOCUMENT, made_from=made_from)
        found = audit.read(workspace)
    except CoversError as error:
        notes.append(f"doubtful genres were not looked at: {error}")
        return {}
    return {
        finding.cover_ids[0]: finding.confidence
        for finding in found.findings
        if finding.kind is FindingKind.LABEL_ERROR
    }


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What suggestions are made from.

    Parameters
    ----------
    catalogue : Catalogue
    classified : ClassifiedCovers
        What network and vote say of the covers of all albums.
    doubts : dict of str to float
        Chance that a cover's genre is wrong, by its id.
    min_certainty : float
        Below it nothing is suggested.
    sees_all : bool
        Whether the network has seen the held-out covers, too.
    """

    catalogue: Catalogue
    classified: ClassifiedCovers
    doubts: dict[str, float]
    min_certainty: float
    sees_all: bool


def _suggest(
    album: Album, rows: npt.NDArray[np.int64], known: _Known
) -> Suggestion | None:
    """Say what one album may be, its covers classified at `rows`; None where none could be read."""
    catalogue, classified, doubts = known.catalogue, known.classified, known.doubts
    ids = [catalogue.cover_ids[row] for row in album.rows]
    readable = rows[rows >= 0]
    if not len(readable):
        return None
    p = classified.probabilities[readable].mean(axis=0, dtype=np.float64)
    ranked = tuple(
        Ranked(genre=classified.vocab[column], certainty=float(p[column]))
        for column in np.argsort(-p, kind="stable")[:_N_RANKED]
    )
    genres = tuple(sorted({g for row in album.rows for g in catalogue.genres[row]}))
    verdict = classified.verdicts[readable[0]]
    doubt = max((doubts[one] for one in ids if one in doubts), default=None)
    sides: Sequence[str] = [str(catalogue.splits[row]) for row in album.rows]
    return Suggestion(
        cover_ids=tuple(ids),
        path=catalogue.table.column("path")[album.rows[0]].as_py() or "",
        artist=album.artist,
        album=album.album,
        genres=genres,
        ranked=ranked,
        verdict=verdict,
        left_open=_why_open(ranked[0], verdict, genres, known.min_certainty),
        doubt=doubt,
        seen=bool(genres) and ("train" in sides or known.sees_all),
        voters=tuple(classified.voters[readable[0]]),
    )


def _why_open(
    first: Ranked, verdict: str, genres: tuple[str, ...], min_certainty: float
) -> str:
    """Say why nothing is suggested; empty where something is."""
    if verdict == _UNFAMILIAR:
        return "unlike the rest"
    if first.genre in genres:
        return f"looks like {first.genre}"
    if first.certainty < min_certainty:
        return f"below {per_cent(min_certainty)}"
    return ""
