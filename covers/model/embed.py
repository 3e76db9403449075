"""Embedding every cover of a workspace, by the trained network and by its untouched backbone."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.catalogue.table import read_catalogue
from covers.model.batch_streams import Streams, stream_work
from covers.model.card import baseline_of, learned_from, read_card
from covers.model.embedding_table import (
    FROZEN_KIND,
    frozen_parts,
    frozen_weights_path,
)
from covers.model.network.embedder_names import FILE, is_untouched
from covers.model.pending import find_pending
from covers.model.pixels import CoverFile, Progress
from covers.render.short_repr import ShortRepr
from covers.workspace.artefacts import Stamp
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.registry import MODEL
from indexer.files.arrow import as_take_indices

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from torch import Tensor

    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.model.network.backbone import Backbone
    from covers.model.network.extractor import Extractor
    from covers.model.vector_parts import VectorParts
    from covers.model.weights import SavedModel
    from covers.workspace.paths import Workspace

    _Part = tuple[Backbone, tuple[float, ...], tuple[float, ...]]

COVERS_PER_PART = 2048
_LOG = logging.getLogger(__name__)
BATCH_SIZE: int | None = None  # by default as network and device like it


@dataclass(frozen=True)
class Preprocessing:
    """What is done to a picture before the network sees it.

    Parameters
    ----------
    image_size : int
        Side in pixels.
    mean, std : tuple of 3 floats
        What pictures in [0, 1] are normalised with.
    mirrored : bool, default=False
        Whether left and right are exchanged.
    """

    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mirrored: bool = False

    def described(self) -> dict[str, object]:
        """Return the fields as JSON values; without the mirroring where there is none, as older versions wrote them."""
        values = asdict(self)
        if not self.mirrored:
            del values["mirrored"]
        return values


@dataclass(frozen=True)
class FrozenNetwork:
    """A backbone that no training has touched, with what its pictures go through."""

    backbone: Backbone
    preprocessing: Preprocessing

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, architecture and preprocessing: it changes when a vector would."""
        from covers.model.network.backbone import N_MIXTURES, STATISTICS
        from covers.model.weights import fingerprint_weights

        output = (f"texture of {N_MIXTURES}", *STATISTICS)
        return fingerprint_weights(
            dict(self.backbone.state_dict()),
            arch=self.backbone.arch,
            statistics=("vector",) if self.backbone.is_untouched else output,
            **self.preprocessing.described(),
        )


@dataclass(frozen=True)
class _Results:
    """Where the results of a run go, and the callback that reports its progress."""

    parts: VectorParts
    stamp: Stamp
    n_known: int
    progress: Progress | None


@dataclass(frozen=True, repr=False)
class EmbedReport(ReadOnly, ShortRepr):
    """What an embedding run did: counts, and reasons by path for what could not be read."""

    n_new: int
    n_known: int
    failed: dict[str, str]

    def to_json(self) -> dict[str, object]:
        """Return what ``covers embed --json`` prints."""
        failed = [{"path": path, "reason": why} for path, why in self.failed.items()]
        return {"new": self.n_new, "known": self.n_known, "failed": failed}


def cover_files(
    catalogue: Catalogue, rows: Sequence[int] | None = None
) -> list[CoverFile]:
    """Return what is needed to read the pictures of some (by default all) rows."""
    some = catalogue.table.select(["cover_id", "locations"])
    if rows is not None:
        some = some.take(as_take_indices(np.asarray(rows, np.int64)))
    columns = (some.column(name).to_pylist() for name in some.column_names)
    return [CoverFile(*cover) for cover in zip(*columns, strict=True)]


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
    fingerprint = (
        model.fingerprint if model else read_card(workspace.model_folder).fingerprint
    )
    pending = find_pending(workspace, fingerprint)
    files = cover_files(pending.catalogue, pending.rows)
    if not files:
        return EmbedReport(0, pending.n_known, {})
    if model is None:
        from covers.model.weights import SavedModel

        model = SavedModel.open(workspace.model_folder, device)
    model.extractor.prepare(len(files))
    network = model

    def work(pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        return network.embed_library(pixels)

    results = _Results(pending.parts, pending.stamp, pending.n_known, progress)
    failed = _run(workspace, files, model.extractor, work, results)
    return EmbedReport(len(files) - len(failed), pending.n_known, failed)


def embed_frozen(
    workspace: Workspace,
    network: FrozenNetwork,
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
    network : FrozenNetwork
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

    fingerprint = network.fingerprint
    parts = frozen_parts(workspace, fingerprint)
    known = set(parts.ids().to_pylist())
    wanted = cover_files(read_catalogue(workspace)) if files is None else files
    missing = [file for file in wanted if file.cover_id not in known]
    if not missing:
        return fingerprint, {}
    how = network.preprocessing
    extractor = Extractor(
        network.backbone, how.mean, how.std, how.image_size, pick_device(device)
    )
    # Trainings begin with these: the same seed shall go on to train the same network.
    extractor.prepare(len(missing), pack=False)

    def work(pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        statistics = extractor(pictures.flip(3) if how.mirrored else pictures)
        return {"statistics": statistics.half().cpu().numpy()}

    stamp = Stamp(kind=FROZEN_KIND, made_from={"backbone": fingerprint})
    results = _Results(parts, stamp, len(wanted) - len(missing), progress)
    return fingerprint, _run(workspace, missing, extractor, work, results)


def embed_frozen_workspace(
    workspace: Workspace, *, device: str = "auto", progress: Progress | None = None
) -> dict[str, str]:
    """Complete the baselines' features with covers that came after the training, and those that heads are fitted on.

    Of several networks, all are completed. A model without its untouched backbone,
    such as one that was imported, has no such baseline: a warning says so.

    Returns
    -------
    dict of str to str
        Reason by path of covers that could not be read.

    Raises
    ------
    ModelError, DataError
        If there is no model, no catalogue, or the untouched backbone is damaged.
    """
    card, catalogue = read_card(workspace.model_folder), read_catalogue(workspace)
    labelled = set(catalogue.labelled_ids.to_pylist())
    wanted = dict.fromkeys(learned_from(card), labelled)
    wanted[baseline_of(card)] = set(catalogue.cover_ids)
    lacking = {
        one: ids
        for one, ids in wanted.items()
        if not ids.issubset(frozen_parts(workspace, one).ids().to_pylist())
    }
    if not lacking or card.arch.startswith(FILE):
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
    failed: dict[str, str] = {}
    for network in _untouched_networks(workspace, card, lacking):
        ids = lacking.get(network.fingerprint, wanted[baseline_of(card)])
        files = [one for one in cover_files(catalogue) if one.cover_id in ids]
        failed |= embed_frozen(
            workspace, network, device=device, files=files, progress=progress
        )[1]
    return failed


def _untouched_networks(
    workspace: Workspace, card: ModelCard, lacking: Collection[str]
) -> Iterator[FrozenNetwork]:
    """Yield the backbones, as they were before training, whose statistics are lacking."""
    fits = card.summary.get("head_fits", ())
    parts = _parts(workspace, card) if len(fits) > 1 else []
    # Where a head was fitted for an evaluation across folds its backbone is untouched.
    known = [*zip(fits, parts, strict=False)][:-1]
    last = fits[-1] if fits else {}
    for fit, part in [*known, ({**last, "fingerprint": baseline_of(card)}, None)]:
        plain, mirrored = str(fit["fingerprint"]), str(fit.get("mirrored", ""))
        if plain not in lacking and mirrored not in lacking:
            continue
        backbone, mean, std = part or _last_untouched(workspace, card)
        how = Preprocessing(card.image_size, tuple(mean), tuple(std))
        if plain in lacking:
            yield FrozenNetwork(backbone, how)
        if mirrored in lacking:
            yield FrozenNetwork(backbone, replace(how, mirrored=True))


def _last_untouched(workspace: Workspace, card: ModelCard) -> _Part:
    """Return a model's last network as it was before training."""
    from covers.model.network.architectures import split_archs
    from covers.model.network.make_backbone import Undrawn, is_layered, make_backbone

    last = (split_archs(card.arch) or [card.arch])[-1]
    if is_untouched(last):  # it is still in the model
        return _parts(workspace, card)[-1]
    state = read_frozen_weights(workspace)
    with Undrawn():
        backbone, mean, std = make_backbone(last, layered=is_layered(state))
    backbone.load_state_dict(state)
    if last == card.arch:
        mean, std = card.mean, card.std
    return backbone, mean, std


def _parts(workspace: Workspace, card: ModelCard) -> list[_Part]:
    """Return the networks of a model, each with what its pictures are normalised with."""
    from covers.model.network.joined import JoinedBackbone
    from covers.model.weights import SavedModel

    backbone = SavedModel.open(workspace.model_folder, "cpu").backbone
    if not isinstance(backbone, JoinedBackbone):
        return [(backbone, card.mean, card.std)]
    return [
        (part, *norm) for part, norm in zip(backbone.parts, backbone.norms, strict=True)
    ]


def read_frozen_weights(workspace: Workspace) -> dict[str, Tensor]:
    """Read the backbone as it was before training.

    Raises
    ------
    ModelError
        If it is missing or damaged.
    """
    from covers.model.network.weights.pretrained import read_state

    return dict(read_state(frozen_weights_path(workspace)))


def _run(
    workspace: Workspace,
    files: Sequence[CoverFile],
    extractor: Extractor,
    work: Callable[[npt.NDArray[np.uint8]], dict[str, npt.NDArray[np.float32]]],
    results: _Results,
) -> dict[str, str]:
    """Run the network on pictures in batches, and publish the results batch file by batch file."""
    failed: dict[str, str] = {}
    ids: list[str] = []
    blocks: list[dict[str, npt.NDArray[np.float32]]] = []
    n_done = results.n_known
    total = n_done + len(files)

    def flush() -> None:
        if ids:
            results.parts.append(
                ids,
                {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]},
                results.stamp,
            )
            ids.clear()
            blocks.clear()

    for batch in stream_work(
        workspace,
        files,
        work,
        Streams(
            size_px=extractor.size_px,
            on_gpu=extractor.device.type == "cuda",
            batch_size=BATCH_SIZE or extractor.batch_size,
        ),
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
        if results.progress:
            results.progress(n_done, total)
    flush()
    return failed
