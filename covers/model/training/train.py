"""Training: features once, the head on them, then the whole network, best epoch kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from covers.catalogue.table import read_catalogue
from covers.errors import ConfigError, ModelError
from covers.model.embed import (
    cover_files,
)
from covers.model.embedders.stored_vectors import store_vectors
from covers.model.network.architectures import split_archs
from covers.model.network.device import pick_device
from covers.model.network.embedder_names import (
    FILE,
    is_untouched,
    shown_arch,
    vectors_path,
)
from covers.model.network.imagenet import announce_weights
from covers.model.network.make_backbone import make_backbone
from covers.model.pixels import PixelCache
from covers.model.trained_on import write_trained_on
from covers.model.training.checkpoint import (
    Checkpoint,
    checkpoint_path,
    read_checkpoint,
)
from covers.model.training.enough import (
    labelled_train_rows,
    refuse_few_genres,
    refuse_few_groups,
)
from covers.model.training.finetune import TrainingRun
from covers.model.training.options import TrainingOptions
from covers.model.training.prospect import describe_prospect
from covers.model.training.recipe import (
    Recipe,
    for_catalogue,
    for_device,
    list_idle,
    portable_recipe,
    say_idle,
)
from covers.model.training.several import (
    LabelledCovers,
    PartsGiven,
    TrainedNetwork,
    train_parts,
)
from covers.model.training.training_set import TrainingSet, TrainingSetup
from covers.model.training.watcher import TrainingWatcher
from covers.model.weights import SavedModel, make_card
from covers.render.short_repr import ShortRepr
from covers.stats.folds import group_folds
from covers.stats.membership import has_genre
from covers.workspace.artefacts import Stamp
from covers.workspace.disk.locks import lock_training
from covers.workspace.disk.publish import publish
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.disk.text_tables import write_csv
from covers.workspace.registry import HISTORY, LEARNING_CURVE, MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.model.embedders.vectors_file import CoverVectors
    from covers.model.network.backbone import Backbone
    from covers.model.network.joined import Norm
    from covers.model.pixels import CoverFile
    from covers.model.training.history import HistoryRow, TrainingSummary
    from covers.workspace.paths import Workspace

MOST_CACHE_BYTES = 2 * 2**30


@dataclass(frozen=True, repr=False)
class TrainingReport(ReadOnly, ShortRepr):
    """What a training run ended with."""

    card: ModelCard
    history: tuple[HistoryRow, ...]
    is_interrupted: bool
    seconds: float
    failed: dict[str, str]

    def to_json(self) -> dict[str, object]:
        """Return what ``covers train --json`` prints."""
        return {
            "fingerprint": self.card.fingerprint,
            "arch": self.card.arch,
            "vocab": self.card.vocab,
            "summary": self.card.summary,
            "history": self.history,
            "seconds": round(self.seconds, 1),
            "failed": self.failed,
        }


def choose_training_set(
    catalogue: Catalogue,
    readable: Callable[[str], bool],
    *,
    tuning_share: float,
    seed: int,
) -> TrainingSet:
    """Pick the labelled covers of the train side and set a grouped slice aside for tuning.

    Raises
    ------
    DataError
        If there are too few genres or covers to train on.
    """
    refuse_few_genres(catalogue)
    rows = [
        row
        for row in labelled_train_rows(catalogue)
        if readable(catalogue.cover_ids[row])
    ]
    groups = catalogue.groups[rows]
    refuse_few_groups(groups)
    known = catalogue.membership()[rows]
    n_folds = max(2, round(1 / tuning_share))
    folds = group_folds(groups, known, n_folds=n_folds, seed=seed)
    train, tuning = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)
    return TrainingSet(
        [catalogue.cover_ids[row] for row in rows],
        groups,
        torch.from_numpy(known).float(),
        train,
        tuning,
        catalogue.vocab,
    )


def train_workspace(
    workspace: Workspace,
    recipe: Recipe,
    options: TrainingOptions | None = None,
    **changes: Any,
) -> TrainingReport:
    """Train on the train side of a workspace and publish the model.

    Held-out covers are never looked at: the epoch is chosen on a grouped
    slice of the train side. Ctrl-C keeps the best epoch so far.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue.
    recipe : Recipe
        Parameters.
    options : TrainingOptions, optional
        Where and from which seed it runs, and the watcher.
    **changes
        Of `TrainingOptions` that differ, such as ``device="cpu"``.

    Raises
    ------
    DataError
        If there is too little to train on, or another training is running.
    ModelError
        If the backbone or its weights cannot be had, or there is nothing to resume.
    """
    start = time.monotonic()
    how = replace(options or TrainingOptions(), **changes)
    catalogue = read_catalogue(workspace)
    if recipe.multi_label is None:
        recipe = for_catalogue(recipe, catalogue)
        if recipe.multi_label:
            how.note(
                f"{100 * catalogue.share_with_several:.0f} % of the covers have several genres: genres are taken as independent; "
                "'--single-label' takes one genre for each cover"
            )
    recipe = _weigh_epochs(recipe, catalogue, how)
    with lock_training(workspace.root):
        checkpoint = read_checkpoint(workspace) if how.resume else None
        if how.resume:
            labels, again = catalogue.label_fingerprint(), MODEL.repair(workspace.root)
            _check_resumable(checkpoint, recipe, labels, how.seed, again)
        for part in recipe.parts():
            announce_weights(
                part.arch, part.weights, offline=how.offline, note=how.note
            )
        report = _train(workspace, catalogue, recipe, checkpoint, how)
    return replace(report, seconds=time.monotonic() - start)


def _weigh_epochs(recipe: Recipe, catalogue: Catalogue, how: TrainingOptions) -> Recipe:
    """Choose the number of epochs where none is given, and note what fine-tuning is likely to bring."""
    n_covers = len(labelled_train_rows(catalogue))
    recipe = for_device(recipe, n_covers, on_gpu=pick_device(how.device).type != "cpu")
    if idle := list_idle(recipe):
        how.note(say_idle(idle))
    trainable = [part for part in recipe.parts() if not is_untouched(part.arch)]
    if any(part.weights != "none" for part in trainable):
        how.note(describe_prospect(n_covers, recipe.epochs or 0))
    return recipe


@dataclass(frozen=True)
class _Start:
    """What a training begins with: a backbone, or vectors from a file instead."""

    arch: str
    backbone: Backbone
    norm: Norm
    vectors_fingerprint: str = ""
    vectors: CoverVectors | None = None

    @classmethod
    def make(
        cls,
        workspace: Workspace,
        catalogue: Catalogue,
        recipe: Recipe,
        note: Callable[[str], None],
    ) -> _Start:
        arch, of_vectors, vectors = recipe.arch, "", None
        if arch.startswith(FILE):
            of_vectors, vectors = store_vectors(workspace, vectors_path(arch))
            note(vectors.told(catalogue))
            arch = f"{FILE}{vectors_path(arch).name}#{vectors.vectors.shape[1]}"
        backbone, mean, std = make_backbone(arch, recipe.weights)
        return cls(arch, backbone, (tuple(mean), tuple(std)), of_vectors, vectors)


def _train(
    workspace: Workspace,
    catalogue: Catalogue,
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    how: TrainingOptions,
) -> TrainingReport:
    """Train and publish; see `train_workspace`."""
    from covers.model.training.fastai_adapter import seed_everything

    watcher = how.watcher or TrainingWatcher()
    seed_everything(how.seed)
    start = _Start.make(workspace, catalogue, recipe, watcher.note)
    given, recipe = recipe, _fit_image_size(recipe, start.backbone)
    cache = PixelCache(workspace.cache_folder, recipe.image_size)
    wanted = [] if start.vectors else _covers_to_cache(catalogue, cache)
    failed = {}
    if not start.vectors:
        failed = cache.fill(
            workspace, wanted, lambda done, total: watcher.stage("decode", done, total)
        )
    if failed:
        workspace.refuse_missing_sources()
    readable = set(start.vectors.cover_ids) if start.vectors else cache
    data = choose_training_set(
        catalogue,
        lambda cover_id: cover_id in readable,
        tuning_share=recipe.tuning_share,
        seed=how.seed,
    )
    where = pick_device(how.device)
    setup = TrainingSetup(
        workspace, cache, where, how.seed, watcher, start.vectors_fingerprint
    )
    trained = train_parts(
        start.backbone,
        start.norm,
        recipe,
        lambda part, backbone, norm: TrainingRun(setup, part, data, backbone, norm),
        PartsGiven(
            files=wanted,
            everyone=_labelled(
                catalogue, lambda cover_id: cover_id in readable, recipe
            ),
            labels=catalogue.label_fingerprint(),
            checkpoint=checkpoint,
        ),
    )
    stamp = Stamp(
        kind="model",
        made_from={"labels": catalogue.label_fingerprint()},
        parameters=portable_recipe(given),
        seed=how.seed,
    )
    summary: TrainingSummary = {
        "n_labelled": catalogue.n_labelled,
        "n_train": len(data.train),
        "n_tuning": len(data.tuning),
        **trained.summary,
    }
    trained = replace(trained, summary=summary)
    card = _describe(trained, start, recipe, data.vocab, stamp)
    _publish(workspace, catalogue, card, trained)
    if len(cache) * cache.picture_bytes > MOST_CACHE_BYTES:
        cache.delete()
    history = tuple(trained.history)
    return TrainingReport(card, history, trained.is_interrupted, 0.0, failed)


def _describe(
    trained: TrainedNetwork,
    start: _Start,
    recipe: Recipe,
    vocab: tuple[str, ...],
    stamp: Stamp,
) -> ModelCard:
    """Return the whole description of a trained network."""
    network = trained.network
    mean, std = start.norm
    return make_card(
        network,
        arch=start.arch,
        vocab=vocab,
        embedding_dim=recipe.embedding_dim * max(1, len(split_archs(recipe.arch))),
        image_size=recipe.image_size,
        mean=mean,
        std=std,
        multi_label=bool(recipe.multi_label),
        stamp=stamp,
        summary={
            "n_parameters": sum(one.numel() for one in network.parameters()),
            "is_interrupted": trained.is_interrupted,
            **trained.summary,
        },
    )


def _publish(
    workspace: Workspace, catalogue: Catalogue, card: ModelCard, trained: TrainedNetwork
) -> None:
    """Write the model and what is known of its training; an interrupted one can go on."""
    write_history(workspace, trained.history)
    write_trained_on(workspace, catalogue, card.fingerprint)
    SavedModel(card, trained.network, "cpu").save(workspace.model_folder)
    if not trained.is_interrupted:
        checkpoint_path(workspace).unlink(missing_ok=True)


def _labelled(
    catalogue: Catalogue, readable: Callable[[str], bool], recipe: Recipe
) -> LabelledCovers:
    """Return the covers of both sides that have a genre and can be read."""
    membership = catalogue.membership(catalogue.vocab)
    rows = [
        row
        for row in np.flatnonzero(has_genre(membership))
        if readable(catalogue.cover_ids[row])
    ]
    known = torch.from_numpy(membership[rows]).float()
    return LabelledCovers(
        cover_ids=[catalogue.cover_ids[row] for row in rows],
        groups=catalogue.groups[rows],
        membership=(known > 0).float() if recipe.multi_label else known,
    )


def _fit_image_size(recipe: Recipe, backbone: Backbone) -> Recipe:
    """Check the picture size against an architecture that takes only one."""
    if backbone.fixed_size is None or backbone.fixed_size == recipe.image_size:
        return recipe
    if recipe.image_size != Recipe().image_size:
        message = (
            f"{shown_arch(recipe.arch)!r} takes pictures of {backbone.fixed_size} px only, not of "
            f"{recipe.image_size} px: give '--image-size {backbone.fixed_size}'"
        )
        raise ConfigError(message)
    return replace(recipe, image_size=backbone.fixed_size)


def _check_resumable(
    checkpoint: Checkpoint | None, recipe: Recipe, labels: str, seed: int, train: str
) -> None:
    """Refuse to go on with another training; `train` is the command that starts anew."""
    if checkpoint is None:
        message = f"no interrupted training to resume: run '{train}'"
        raise ModelError(message)
    if (
        checkpoint.labels != labels
        or checkpoint.recipe not in [portable_recipe(part) for part in recipe.parts()]
        or checkpoint.seed != seed
    ):
        message = (
            "the interrupted training had another catalogue, recipe or seed: "
            f"repeat its options, or start anew with '{train}'"
        )
        raise ModelError(message)


def _covers_to_cache(catalogue: Catalogue, cache: PixelCache) -> list[CoverFile]:
    """Return the covers worth decoding: all of a small library, else the train side."""
    if len(catalogue) * cache.picture_bytes <= MOST_CACHE_BYTES:
        return cover_files(catalogue)
    return cover_files(catalogue, np.flatnonzero(catalogue.splits == "train").tolist())


def write_history(workspace: Workspace, history: Sequence[HistoryRow]) -> None:
    """Write ``history.csv`` and ``learning_curve.svg`` beside the model."""
    from covers.render.charts.curves import training_history

    names = ["phase", "epoch", "train_loss", "tuning_loss", "accuracy", "macro_f1"]
    write_csv(
        workspace.path(HISTORY),
        names,
        ([row.get(name) for name in names] for row in history),
    )
    alone = [row for row in history if row["phase"] != "mix"]
    with publish(workspace.path(LEARNING_CURVE)) as file:
        file.write(training_history(alone))
