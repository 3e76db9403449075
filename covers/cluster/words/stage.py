"""Naming clusters, genres and regions of the map by words: wiring and artefact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.catalogue.table import read_catalogue
from covers.cluster.map.stage import read_map
from covers.cluster.words.names import NamedRegion, NamedSet, Names, read_names
from covers.cluster.words.subjects import (
    FEWEST_GROUPS,
    WordSet,
    find_words,
    score_words,
)
from covers.cluster.words.word_list import read_words
from covers.errors import CoversError
from covers.index.by_embedder import open_embedder, open_other_index
from covers.index.embedder_card import need_word_embedder, read_embedder_card
from covers.stats.membership import has_genre
from covers.stats.rows import RowsById
from covers.stats.unit_vectors import unit_rows
from covers.workspace.artefacts import fingerprint, fingerprint_file, write_json
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import CLUSTER_TABLE, MAP_TABLE, NAMES, NAMES_DOCUMENT
from covers.workspace.stages import Made, Maker, Manner
from indexer.files.arrow import as_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.catalogue.table import Catalogue
    from covers.cluster.words.subjects import FittingWord
    from covers.model.embedders.protocol import WordEmbedder
    from covers.workspace.artefacts import Stamp
    from covers.workspace.paths import Workspace
    from covers.workspace.publishing import Draft
    from indexer import VectorIndex

TEMPLATES = ("{}", "an album cover: {}")
"""What a word is put into; its vector is the mean of these."""
_COVERS_PER_REGION, _MOST_REGIONS = 60, 24


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The settings of naming; see `covers.workspace.settings.NameOptions`."""

    words: str | None
    margin: float
    seed: int


def run(workspace: Workspace, manner: Manner | None = None, **changes: Any) -> Names:
    """Find the words that fit clusters, genres and regions of the map; write ``names.json``.

    Parameters
    ----------
    workspace : Workspace
        With an index that knows words. Clusters and map are named where there are any.
    manner : Manner, optional
        Whether to make it again or to replace; callbacks.
    **changes
        Settings that differ from the workspace's own
        (`covers.workspace.settings.NameOptions`): ``words``, a file; ``margin``.

    Raises
    ------
    DataError, ModelError, StaleError
        If no index knows words, or its weights are not at hand.
    """
    return MAKER.run(workspace, manner or Manner(), **changes)


def made_from(workspace: Workspace) -> dict[str, str]:
    """Return the fingerprints of what names are made from.

    Raises
    ------
    DataError
        If no index knows words, or there is no catalogue.
    """
    name = need_word_embedder(workspace)
    card = read_embedder_card(workspace, name)
    found = {
        "catalogue": read_catalogue(workspace).label_fingerprint(),
        "embedder": card.fingerprint,
        "texts": card.text_fingerprint,
    }
    for part, file in (("clusters", CLUSTER_TABLE), ("map", MAP_TABLE)):
        if workspace.path(file).is_file():
            found[part] = fingerprint_file(workspace.path(file))
    return found


def _make(workspace: Workspace, wanted: Wanted, manner: Manner) -> Made[Names]:
    """Find the words with some settings."""
    name = need_word_embedder(workspace)
    words = read_words(workspace.root / wanted.words if wanted.words else None)
    steps = manner.progress or (lambda done, total: None)
    steps(0, 4)
    index = open_other_index(workspace, name)
    vectors = embed_words(open_embedder(workspace, name), words)
    steps(1, 4)
    namer = _Namer.of(
        read_catalogue(workspace), index, words, vectors, float(wanted.margin)
    )
    steps(2, 4)
    names = Names(
        embedder=name,
        n_words=len(words),
        margin=namer.words.margin,
        n_covers=len(namer.ids),
        clusters=tuple(_name_clusters(workspace, namer)),
        genres=tuple(namer.name_genres()),
        regions=tuple(_name_regions(workspace, namer, wanted.seed)),
    )
    steps(4, 4)

    def write(draft: Draft, stamp: Stamp) -> None:
        write_json(draft.new_path(NAMES_DOCUMENT), names.to_json(), stamp)

    return Made(result=names, write=write, parameters={"list": fingerprint(words)})


def embed_words(
    embedder: WordEmbedder, words: Sequence[str]
) -> npt.NDArray[np.float32]:
    """Return the unit vectors of words, each the mean of those of its `TEMPLATES`."""
    total = np.zeros((len(words), embedder.dim), np.float32)
    for template in TEMPLATES:
        total += embedder.embed_texts([template.format(word) for word in words])
    return unit_rows(total)


class _Namer:
    """Finds words for sets of covers, by the vectors of both in one space."""

    def __init__(
        self,
        catalogue: Catalogue,
        ids: list[str],
        scores: npt.NDArray[np.float32],
        words: WordSet,
    ) -> None:
        self.ids, self.scores, self.words = ids, scores, words
        rows = catalogue.rows_of(ids)
        self.groups = catalogue.groups[rows]
        self.vocab = catalogue.vocab
        self.membership = catalogue.membership(catalogue.vocab)[rows]
        self.rows = RowsById(ids)

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        index: VectorIndex,
        words: Sequence[str],
        vectors: npt.NDArray[np.float32],
        margin: float,
    ) -> _Namer:
        """Score the words for all covers of the index that are still in the catalogue."""
        ids = [cover_id for cover_id in catalogue.cover_ids if cover_id in index]
        scores = score_words(index.reconstruct(ids), vectors)
        return cls(catalogue, ids, scores, WordSet(words, vectors @ vectors.T, margin))

    def find(
        self,
        shares: npt.NDArray[np.float64],
        rest: npt.NDArray[np.float64] | None = None,
    ) -> tuple[FittingWord, ...]:
        """Return the words that fit some of the covers."""
        return tuple(find_words(self.scores, shares, self.groups, self.words, rest))

    def name_genres(self) -> list[NamedSet]:
        """Name the genres; the rest are covers of other genres."""
        labelled = has_genre(self.membership)
        named = []
        for column, genre in enumerate(self.vocab):
            shares = self.membership[:, column]
            words = self.find(shares, np.where(labelled, 1 - shares, 0))
            n = int((shares > 0).sum())
            named.append(NamedSet(name=genre, n=n, words=words))
        return named


def _name_clusters(workspace: Workspace, namer: _Namer) -> list[NamedSet]:
    """Name the clusters, where there are any."""
    try:
        table = read_rows(workspace, CLUSTER_TABLE)[0]
    except CoversError:
        return []
    rows = namer.rows.of(table.column("cover_id").to_pylist())
    labels = as_numbers(table.column("label"))[rows >= 0]
    rows = rows[rows >= 0]
    named = []
    for cluster in np.unique(labels[labels >= 0]):
        shares = np.zeros(len(namer.ids))
        shares[rows[labels == cluster]] = 1
        named.append(
            NamedSet(name=str(cluster), n=int(shares.sum()), words=namer.find(shares))
        )
    return named


def _name_regions(workspace: Workspace, namer: _Namer, seed: int) -> list[NamedRegion]:
    """Cut the map into parts of some sixty covers or more, and name those that words fit."""
    try:
        table = read_map(workspace)
    except CoversError:
        return []
    from sklearn.cluster import KMeans

    rows = namer.rows.of(table.column("cover_id").to_pylist())
    xy = np.stack([as_numbers(table.column(axis)) for axis in ("x", "y")], axis=1)
    xy, rows = xy[rows >= 0], rows[rows >= 0]
    n = min(_MOST_REGIONS, len(rows) // _COVERS_PER_REGION)
    if n < 2:
        return []
    parts = KMeans(n, n_init=4, random_state=seed).fit_predict(xy)
    named = []
    for part in range(n):
        own = parts == part
        if own.sum() < FEWEST_GROUPS:
            continue
        shares = np.zeros(len(namer.ids))
        shares[rows[own]] = 1
        words = namer.find(shares)
        if words:
            x, y = map(float, np.median(xy[own], axis=0))
            named.append(NamedRegion(x=x, y=y, n=int(own.sum()), words=words))
    return named


def remember_words(workspace: Workspace, path: Path) -> str:
    """Return a file of words as it is remembered, after a look into it.

    Raises
    ------
    DataError
        If it is no list of words.
    """
    read_words(path)
    return workspace.relative(Path(path))


MAKER = Maker(
    artefact=NAMES, made_from=made_from, wanted=Wanted, make=_make, read=read_names
)
