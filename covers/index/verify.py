"""Checking that an index is whole, and that pictures still give its vectors."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import DataError, ModelError, StaleError
from covers.index.open import index_address, open_index
from covers.model.card import read_card
from covers.model.network.embedder_names import FILE
from covers.stats.rows import RowsById
from covers.workspace.disk.jsonable import to_jsonable
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.registry import INDEX
from indexer import Problem, open_store
from indexer.local.verification import verify_folder
from indexer.remote.address import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from covers.catalogue.table import Catalogue
    from covers.workspace.paths import Workspace
    from indexer import VectorStore, VerifyReport

MIN_COSINE = 0.98
"""In 16 bits the same picture in another batch came to 0.994 of itself (the least of 80, tf_efficientnet_lite0)."""
MANY = 20
"""No more covers than this are named; one command repairs them all."""


@dataclass(frozen=True, kw_only=True, repr=False)
class IndexCheck(ReadOnly):
    """Whether an index is whole and right.

    Parameters
    ----------
    ok : bool
        Whether nothing is wrong.
    problems : tuple of Problem
        Of each what is wrong (``what``), where (``file`` or ``id``), and the
        command that mends it (``repair``).
    n_covers, generation : int or None
        None where the index cannot be opened.
    recall_at_k : float or None
        Share of the true nearest neighbours that the index finds, in [0, 1].
    k : int or None
        Of that recall.
    n_pictures : int
        How many pictures were embedded again and compared.
    missing_sources : tuple of str
        Sources that are not there today, so that none of their pictures was.
    """

    ok: bool
    problems: tuple[Problem, ...]
    n_covers: int | None
    generation: int | None
    recall_at_k: float | None
    k: int | None
    n_pictures: int
    missing_sources: tuple[str, ...]
    _report: VerifyReport = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return what ``covers index verify --json`` prints."""
        plain: dict[str, Any] = to_jsonable(self._report.to_dict())
        return {
            **plain,
            "pictures_compared": self.n_pictures,
            "missing_sources": list(self.missing_sources),
        }

    def __repr__(self) -> str:
        if self.ok:
            recall = (
                f"recall@{self.k} {self.recall_at_k:.3f}, "
                if self.recall_at_k is not None
                else ""
            )
            away = ", ".join(map(repr, self.missing_sources))
            but = f"; not there today: {away}" if away else ""
            return (
                f"generation {self.generation}: {self.n_covers:,} covers, all well "
                f"({recall}{self.n_pictures} pictures embedded again{but})"
            )
        return "\n".join(
            f"{one.file or one.id or 'index'}: {one.what}\n  repair: {one.repair}"
            for one in self.problems
        )


def verify_index(
    workspace: Workspace, *, n_pictures: int = 16, seed: int = 0, device: str = "auto"
) -> IndexCheck:
    """Check the index, and that pictures embedded again still give its vectors.

    Parameters
    ----------
    workspace : Workspace
        With an index; pictures are compared when its model and sources are at hand.
    n_pictures : int, default=16
        How many covers to embed again.
    seed : int, default=0
        Chooses them.
    device : str, default="auto"
        Where the network runs.

    Returns
    -------
    IndexCheck
        With the problems that ``VectorIndex.verify`` finds, and covers' own: another
        model, a catalogue that went on, vectors that no longer come out of the
        pictures.
    """
    report, n_compared = _verify(
        workspace, n_pictures=n_pictures, seed=seed, device=device
    )
    return IndexCheck(
        ok=report.ok,
        problems=report.problems,
        n_covers=report.info.get("n"),
        generation=report.info.get("generation"),
        recall_at_k=report.info.get("recall_at_k"),
        k=report.info.get("k"),
        n_pictures=n_compared,
        missing_sources=tuple(source.name for source in workspace.missing_sources()),
        _report=report,
    )


def _verify(
    workspace: Workspace, *, n_pictures: int, seed: int, device: str
) -> tuple[VerifyReport, int]:
    """Return the report of an index, and how many pictures were compared; see `verify_index`."""
    rebuild = INDEX.repair(workspace.root, "index rebuild")
    address = index_address(workspace)
    if is_remote(address):
        report = open_store(address).verify()
    else:  # also one that is too damaged to be opened
        report = verify_folder(Path(address))
    if not report.ok:
        return report, 0
    try:
        index = open_index(workspace)
        catalogue = read_catalogue(workspace)
    except (StaleError, ModelError, DataError) as error:
        return _with(
            report, [Problem(file="index", what=str(error), repair=rebuild)]
        ), 0
    known = RowsById(catalogue.cover_ids)
    is_indexed = np.zeros(len(catalogue), bool)
    strangers = list[str]()
    for batch in index.batches(with_vectors=False, columns=()):
        at = known.of(batch.ids.tolist())
        is_indexed[at[at >= 0]] = True
        strangers = sorted([*strangers, *batch.ids[at < 0].tolist()])[:MANY]
    missing = [catalogue.cover_ids[row] for row in np.flatnonzero(~is_indexed)]
    problems = _membership_problems(workspace, missing, strangers)
    rows = np.flatnonzero(is_indexed).tolist()
    some = np.random.default_rng(seed).permutation(len(rows))[:n_pictures]
    n_compared, differing = _compare_pictures(
        workspace, index, catalogue, [rows[i] for i in some], device
    )
    problems += [
        Problem(
            id=cover_id,
            what=f"embedded again it is at cosine {cosine:.4f} of its vector",
            repair=rebuild,
        )
        for cover_id, cosine in differing
    ]
    return _with(report, problems), n_compared


def _with(report: VerifyReport, problems: list[Problem]) -> VerifyReport:
    """Return a report with further problems."""
    found = (*report.problems, *problems)
    return replace(report, ok=not found, problems=found)


def _membership_problems(
    workspace: Workspace, missing: Iterable[str], strangers: Iterable[str]
) -> list[Problem]:
    """Name covers that only the catalogue or only the index has, the first few."""
    not_indexed = set(missing)
    apart = sorted(not_indexed.union(strangers))
    update = INDEX.repair(workspace.root)
    words = {
        True: "in the catalogue, not in the index",
        False: "in the index, not in the catalogue",
    }
    return [
        Problem(id=cover_id, what=words[cover_id in not_indexed], repair=update)
        for cover_id in apart[:MANY]
    ]


def _compare_pictures(
    workspace: Workspace,
    index: VectorStore,
    catalogue: Catalogue,
    rows: Sequence[int],
    device: str,
) -> tuple[int, list[tuple[str, float]]]:
    """Embed the pictures of some rows again; return how many, and those whose vector is another."""
    card = read_card(workspace.model_folder)
    if not rows or card.arch.startswith(FILE):  # no picture was embedded
        return 0, []
    from covers.model.embed import cover_files
    from covers.model.pixels import read_pixels
    from covers.model.weights import SavedModel

    model = SavedModel.open(workspace.model_folder, device)
    ids, pixels = [], []
    for file in cover_files(catalogue, rows):
        try:
            pixels.append(read_pixels(workspace, file, model.image_size))
            ids.append(file.cover_id)
        except DataError:
            continue  # the source is not at hand; the index is not at fault
    if not ids:
        return 0, []
    cosines = (model.embed(np.stack(pixels)).embeddings * index.reconstruct(ids)).sum(
        axis=1
    )
    return len(ids), [
        (c, float(cosine))
        for c, cosine in zip(ids, cosines, strict=True)
        if cosine < MIN_COSINE
    ]
