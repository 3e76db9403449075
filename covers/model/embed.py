"""Embedding every cover of a workspace, by the trained network and by its untouched backbone."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.catalogue.cover_set import OF_ALL, CoverSet, columns_of
from covers.catalogue.table import read_catalogue
from covers.errors import DataError
from covers.model.card import read_card
from covers.model.network.embedder_names import FILE, is_untouched
from covers.model.parts import VectorParts
from covers.model.pixels import CoverFile, Progress
from covers.model.streams import stream_work
from covers.stats.rows import RowsById
from covers.stats.unit_vectors import unit_rows
from covers.workspace.artefacts import Stamp
from covers.workspace.disk.strangers import refuse_link
from covers.workspace.registry import EMBEDDINGS, FROZEN_WEIGHTS, MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.model.network.backbone import Backbone
    from covers.model.network.extractor import Extractor
    from covers.model.weights import SavedModel
    from covers.workspace.paths import Workspace

EMBEDDINGS_KIND = "embeddings"
FROZEN_KIND = "frozen features"
COVERS_PER_PART = 2048
_PARTS_FOLDER = re.compile(r"(frozen-)?[0-9a-f]{32}")
_LOG = logging.getLogger(__name__)
BATCH_SIZE: int | None = None  # by default as network and device like it


@dataclass(frozen=True, kw_only=True)
class EmbeddingTable(CoverSet):
    """Covers with their vectors, and with what the network says of each.

    Parameters
    ----------
    cover_ids, vocab, membership, groups, splits
        As in `CoverSet`, by the catalogue.
    embeddings : ndarray of float32, shape (n_covers, embedding_dim)
        L2-normalised.
    logits : ndarray of float32, shape (n_covers, n_genres)
        Uncalibrated, in the order of the model's own genres, which need not be
        `vocab`; width 0 for the untouched backbone.
    fingerprint : str
        Of the model that made them.
    """

    cover_ids: list[str]
    embeddings: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    fingerprint: str = field(metadata=OF_ALL)


@dataclass(frozen=True)
class Preprocessing:
    """What is done to a picture before the network sees it."""

    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class EmbedReport:
    """What an embedding run did: counts, and reasons by path for what could not be read."""

    n_new: int
    n_known: int
    failed: dict[str, str]


def cover_files(
    catalogue: Catalogue, rows: Sequence[int] | None = None
) -> list[CoverFile]:
    """Return what is needed to read the pictures of some (by default all) rows."""
    some = catalogue.table.select(["cover_id", "locations"])
    if rows is not None:
        some = some.take(np.asarray(rows, np.int64))
    columns = (some.column(name).to_pylist() for name in some.column_names)
    return [CoverFile(*cover) for cover in zip(*columns, strict=True)]


def embeddings_parts(workspace: Workspace, fingerprint: str) -> VectorParts:
    """Return where a model's embeddings lie."""
    return VectorParts(workspace.embeddings_folder / fingerprint, EMBEDDINGS_KIND)


def frozen_parts(workspace: Workspace, fingerprint: str) -> VectorParts:
    """Return where an untouched backbone's features lie."""
    return VectorParts(
        workspace.embeddings_folder / f"frozen-{fingerprint}", FROZEN_KIND
    )


def embed_workspace(
    workspace: Workspace,
    *,
    device: str = "auto",
    progress: Progress | None = None,
    model: SavedModel | None = None,
) -> EmbedReport:
    """Embed the covers that have no embedding by the current model yet.

    An interrupted run goes on where it stopped: at most one batch file of
    `COVERS_PER_PART` covers is done again. Embeddings of other models and of
    covers that are gone stay until the index no longer needs them.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue and a model.
    device : str, default="auto"
        Where the network runs.
    progress : callable, optional
        Called with covers done and covers in all.
    model : SavedModel, optional
        The workspace's model, when it is open already.

    Raises
    ------
    ModelError, DataError
        If there is no model or no catalogue.
    """
    catalogue = read_catalogue(workspace)
    fingerprint = (
        model.fingerprint if model else read_card(workspace.model_folder).fingerprint
    )
    parts = embeddings_parts(workspace, fingerprint)
    known = set(parts.ids().to_pylist())
    new = [row for row, id_ in enumerate(catalogue.cover_ids) if id_ not in known]
    files = cover_files(catalogue, new)
    if not files:
        return EmbedReport(0, len(catalogue), {})
    if model is None:
        from covers.model.weights import SavedModel

        model = SavedModel.open(workspace.model_folder, device)
    model.extractor.prepare(len(files))
    network = model

    def work(pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        return network.embed_library(pixels)

    stamp = Stamp(kind=EMBEDDINGS_KIND, made_from={"model": fingerprint})
    failed = _run(
        workspace,
        files,
        model.extractor,
        parts,
        stamp,
        work,
        len(catalogue) - len(files),
        progress,
    )
    return EmbedReport(len(files) - len(failed), len(catalogue) - len(files), failed)


def frozen_fingerprint(backbone: Backbone, preprocessing: Preprocessing) -> str:
    """Return what changes when an untouched backbone's answer would change."""
    from covers.model.network.backbone import N_MIXTURES, STATISTICS
    from covers.model.weights import fingerprint_weights

    output = (f"texture of {N_MIXTURES}", *STATISTICS)
    return fingerprint_weights(
        dict(backbone.state_dict()),
        arch=backbone.arch,
        statistics=("vector",) if backbone.is_untouched else output,
        **asdict(preprocessing),
    )


def embed_frozen(
    workspace: Workspace,
    backbone: Backbone,
    preprocessing: Preprocessing,
    *,
    device: str = "auto",
    files: Sequence[CoverFile] | None = None,
    progress: Progress | None = None,
) -> tuple[str, dict[str, str]]:
    """Run an untouched backbone over the covers it has not seen yet.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue.
    backbone : Backbone
        Untouched by training.
    preprocessing : Preprocessing
        Picture size and normalisation.
    device : str, default="auto"
        Where it runs.
    files : sequence of CoverFile, optional
        Which covers; by default all of the catalogue.
    progress : callable, optional
        Called with covers done and covers in all.

    Returns
    -------
    fingerprint : str
        Of the backbone with its preprocessing.
    failed : dict of str to str
        Reason by path of covers that could not be read.
    """
    import torch

    from covers.model.network.device import pick_device
    from covers.model.network.extractor import Extractor

    fingerprint = frozen_fingerprint(backbone, preprocessing)
    parts = frozen_parts(workspace, fingerprint)
    known = set(parts.ids().to_pylist())
    wanted = cover_files(read_catalogue(workspace)) if files is None else files
    missing = [file for file in wanted if file.cover_id not in known]
    if not missing:
        return fingerprint, {}
    extractor = Extractor(
        backbone,
        preprocessing.mean,
        preprocessing.std,
        preprocessing.image_size,
        pick_device(device),
    )
    # Trainings begin with these: the same seed shall go on to train the same network.
    extractor.prepare(len(missing), pack=False)

    def work(pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        statistics = extractor(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        return {"statistics": statistics.half().cpu().numpy()}

    stamp = Stamp(kind=FROZEN_KIND, made_from={"backbone": fingerprint})
    n_known = len(wanted) - len(missing)
    return fingerprint, _run(
        workspace,
        missing,
        extractor,
        parts,
        stamp,
        work,
        n_known,
        progress,
    )


def embed_frozen_workspace(
    workspace: Workspace, *, device: str = "auto", progress: Progress | None = None
) -> dict[str, str]:
    """Complete the baselines' features with covers that came after the training.

    A model without its untouched backbone, such as one that was imported, has no
    such baseline: a warning says so.

    Returns
    -------
    dict of str to str
        Reason by path of covers that could not be read.

    Raises
    ------
    ModelError, DataError
        If there is no model, no catalogue, or the untouched backbone is damaged.
    """
    card = read_card(workspace.model_folder)
    fingerprint = str(card.summary.get("frozen", {}).get("fingerprint", ""))
    known = set(frozen_parts(workspace, fingerprint).ids().to_pylist())
    is_complete = known.issuperset(read_catalogue(workspace).cover_ids)
    if is_complete or card.arch.startswith(FILE):
        return {}
    weights = frozen_weights_path(workspace)
    if not weights.is_file():
        _LOG.warning(
            "no baseline on the untouched backbone: '%s' is missing, as in a model that was "
            "imported; '%s' trains a new model and writes it",
            weights,
            MODEL.repair(workspace.root),
        )
        return {}
    from covers.model.network.architectures import split_archs
    from covers.model.network.make_backbone import Undrawn, is_layered, make_backbone

    last = (split_archs(card.arch) or [card.arch])[-1]
    if is_untouched(last):  # it is still in the model
        backbone, mean, std = _last_part(workspace, card)
    else:
        state = read_frozen_weights(workspace)
        with Undrawn():
            backbone, mean, std = make_backbone(last, layered=is_layered(state))
        backbone.load_state_dict(state)
        if last == card.arch:
            mean, std = card.mean, card.std
    preprocessing = Preprocessing(card.image_size, tuple(mean), tuple(std))
    return embed_frozen(
        workspace, backbone, preprocessing, device=device, progress=progress
    )[1]


def _last_part(
    workspace: Workspace, card: ModelCard
) -> tuple[Backbone, tuple[float, ...], tuple[float, ...]]:
    """Return the last network of a model, and what its pictures are normalised with."""
    from covers.model.network.joined import JoinedBackbone
    from covers.model.weights import SavedModel

    backbone = SavedModel.open(workspace.model_folder, "cpu").backbone
    if not isinstance(backbone, JoinedBackbone):
        return backbone, card.mean, card.std
    last: Backbone = backbone.parts[-1]
    return last, *backbone.norms[-1]


def read_frozen_weights(workspace: Workspace) -> dict[str, Any]:
    """Read the backbone as it was before training.

    Raises
    ------
    ModelError
        If it is missing or damaged.
    """
    from covers.model.network.pretrained import read_state

    return dict(read_state(frozen_weights_path(workspace)))


def _run(
    workspace: Workspace,
    files: Sequence[CoverFile],
    extractor: Extractor,
    parts: VectorParts,
    stamp: Stamp,
    work: Callable[[npt.NDArray[np.uint8]], dict[str, npt.NDArray[np.float32]]],
    n_done: int,
    progress: Progress | None,
) -> dict[str, str]:
    """Push pictures through `work`, which asks `extractor`, and publish the results part by part."""
    failed: dict[str, str] = {}
    ids: list[str] = []
    blocks: list[dict[str, npt.NDArray[np.float32]]] = []
    total = n_done + len(files)

    def flush() -> None:
        if ids:
            parts.append(
                ids,
                {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]},
                stamp,
            )
            ids.clear()
            blocks.clear()

    for batch in stream_work(
        workspace,
        files,
        work,
        size_px=extractor.size_px,
        on_gpu=extractor.device.type == "cuda",
        batch_size=BATCH_SIZE or extractor.batch_size,
    ):
        for position, reason in batch.failed:
            path = (
                files[position].locations[0]["path"]
                if files[position].locations
                else files[position].cover_id
            )
            failed[path] = reason
        if len(batch.positions):
            ids += [files[position].cover_id for position in batch.positions]
            blocks.append(batch.arrays)
        if len(ids) >= COVERS_PER_PART:
            flush()
        n_done += len(batch.positions) + len(batch.failed)
        if progress:
            progress(n_done, total)
    flush()
    return failed


def read_embeddings(
    workspace: Workspace,
    cover_ids: Sequence[str] | None = None,
    *,
    final: bool = False,
) -> EmbeddingTable:
    """Read the embeddings of some covers, by default those of the catalogue, in their order.

    Covers that could not be embedded, or are not in the catalogue, are left out.

    Parameters
    ----------
    workspace : Workspace
        With a model and embeddings.
    cover_ids : sequence of str, optional
    final : bool, default=False
        The embeddings that pictures from outside are compared with, by the head
        that was fitted on all labelled covers; not to be measured on any. Logits
        are those of the held-out fit either way.

    Raises
    ------
    ModelError, DataError
        If there is no model, no catalogue, or no embedding by this model.
    """
    card = read_card(workspace.model_folder)
    fingerprint = card.fingerprint
    parts = embeddings_parts(workspace, fingerprint)
    column = "final" if final and card.summary.get("final") else "embedding"
    ids, (embeddings, logits) = parts.read(
        [column, "logits"], EMBEDDINGS.repair(workspace.root), among=cover_ids
    )
    catalogue = read_catalogue(workspace)
    wanted = catalogue.cover_ids if cover_ids is None else cover_ids
    columns, rows = _embedded_columns(catalogue, ids, wanted)
    return EmbeddingTable(
        **columns,
        embeddings=embeddings[rows],
        logits=logits[rows],
        fingerprint=fingerprint,
    )


def read_frozen(workspace: Workspace) -> EmbeddingTable:
    """Read the untouched backbone's features of the covers in the catalogue, in its order.

    The features are the channel means of its deepest feature map, or the vector
    of a network that is used as published, L2-normalised: what a search without
    any training would use.

    Raises
    ------
    ModelError, DataError
        If there is no model, no catalogue, or the features were never made.
    """
    card = read_card(workspace.model_folder)
    fingerprint = str(card.summary.get("frozen", {}).get("fingerprint", ""))
    if not fingerprint:
        message = (
            "the model does not say which backbone it started from: "
            f"run '{MODEL.repair(workspace.root)}'"
        )
        raise DataError(message)
    frozen = card.summary["frozen"]
    width = int(frozen["deepest_channels"])
    first, last = frozen.get("columns", (-2 * width, -width))
    parts = frozen_parts(workspace, fingerprint)
    ids, (statistics,) = parts.read(["statistics"], EMBEDDINGS.repair(workspace.root))
    catalogue = read_catalogue(workspace)
    columns, rows = _embedded_columns(catalogue, ids, catalogue.cover_ids)
    return EmbeddingTable(
        **columns,
        embeddings=unit_rows(statistics[rows, first:last]),
        logits=np.zeros((len(rows), 0), np.float32),
        fingerprint=fingerprint,
    )


def _embedded_columns(
    catalogue: Catalogue, ids: Sequence[str], wanted: Sequence[str]
) -> tuple[dict[str, Any], npt.NDArray[np.int64]]:
    """Return what the catalogue says of the wanted covers among `ids`, and their rows in `ids`."""
    rows = RowsById(ids).of(wanted)
    in_catalogue = RowsById(catalogue.cover_ids).of(wanted)
    known = (rows >= 0) & (in_catalogue >= 0)
    return columns_of(catalogue, in_catalogue[known]), rows[known]


def delete_old_embeddings(workspace: Workspace, keep: Sequence[str]) -> None:
    """Remove embeddings of all models but those in `keep`, and frozen features that are not used."""
    refuse_link(workspace.embeddings_folder)
    for folder in workspace.embeddings_folder.glob("*"):
        if _PARTS_FOLDER.fullmatch(folder.name) and folder.name not in keep:
            VectorParts(folder, EMBEDDINGS_KIND).delete()


def frozen_weights_path(workspace: Workspace) -> Path:
    """Return where the untouched backbone's weights are kept for the baselines."""
    return workspace.path(FROZEN_WEIGHTS)
