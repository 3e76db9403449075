"""Training: features once, the head on them, then the whole network, best epoch kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from covers.catalogue.table import read_catalogue
from covers.errors import ConfigError, DataError, ModelError
from covers.model.embed import (
    cover_files,
)
from covers.model.embedders.kept_vectors import keep_vectors
from covers.model.network.architectures import split_archs
from covers.model.network.device import pick_device
from covers.model.network.embedder_names import FILE, is_untouched, vectors_path
from covers.model.network.imagenet import announce_weights
from covers.model.network.make_backbone import make_backbone
from covers.model.pixels import PixelCache
from covers.model.trained_on import write_trained_on
from covers.model.training.checkpoint import (
    Checkpoint,
    checkpoint_path,
    read_checkpoint,
)
from covers.model.training.finetune import TrainingRun, TrainingSet
from covers.model.training.prospect import describe_prospect
from covers.model.training.recipe import (
    Recipe,
    for_catalogue,
    for_device,
    portable_recipe,
)
from covers.model.training.several import LabelledCovers, train_parts
from covers.model.training.watcher import TrainingWatcher
from covers.model.weights import SavedModel, make_card
from covers.stats.folds import group_folds
from covers.workspace.artefacts import Stamp
from covers.workspace.disk.locks import lock_training
from covers.workspace.disk.publish import publish
from covers.workspace.disk.text_tables import write_csv
from covers.workspace.registry import HISTORY, LEARNING_CURVE, MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.model.network.backbone import Backbone
    from covers.model.network.joined import Norm
    from covers.model.pixels import CoverFile
    from covers.workspace.paths import Workspace

KEPT_CACHE_BYTES = 2 * 2**30


@dataclass(frozen=True)
class TrainingReport:
    """What a training run ended with."""

    card: ModelCard
    history: list[dict[str, Any]]
    is_interrupted: bool
    seconds: float
    failed: dict[str, str]


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
    vocab = catalogue.vocab
    if len(vocab) < 2:
        counts = (
            ", ".join(
                f"{genre}: {n}" for genre, n in list(catalogue.genre_counts.items())[:5]
            )
            or "none"
        )
        message = (
            f"training needs at least 2 genres of {catalogue.genre_minimum} covers or more, found {counts}: "
            "scan a folder per genre or a manifest with genres, or lower 'genre_minimum' in covers.toml"
        )
        raise DataError(message)
    membership = catalogue.membership(vocab)
    rows = [
        row
        for row in np.flatnonzero(
            (catalogue.splits == "train") & (membership.sum(axis=1) > 0)
        )
        if readable(catalogue.cover_ids[row])
    ]
    groups = catalogue.groups[rows]
    if len(set(groups.tolist())) < 10:
        message = f"training needs at least 10 separate covers or artists on the train side, found {len(set(groups))}"
        raise DataError(message)
    shares = membership[rows]
    n_folds = max(2, round(1 / tuning_share))
    folds = group_folds(groups, shares, n_folds=n_folds, seed=seed)
    train, tuning = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)
    return TrainingSet(
        [catalogue.cover_ids[row] for row in rows],
        groups,
        torch.from_numpy(shares).float(),
        train,
        tuning,
        vocab,
    )


def train_workspace(
    workspace: Workspace,
    recipe: Recipe,
    *,
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    offline: bool = False,
    watcher: TrainingWatcher | None = None,
) -> TrainingReport:
    """Train on the train side of a workspace and publish the model.

    The held-out side is never looked at: the epoch is chosen on a grouped
    slice of the train side. Ctrl-C keeps the best epoch so far.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue.
    recipe : Recipe
        Parameters.
    device : str, default="auto"
        Where the network runs.
    seed : int, default=0
        Same seed, same machine, same numbers.
    resume : bool, default=False
        Go on from the last finished epoch of an interrupted run.
    offline : bool, default=False
        Never touch the network.
    watcher : TrainingWatcher, optional
        Is told how it goes.

    Raises
    ------
    DataError
        If there is too little to train on, or another training is running.
    ModelError
        If the backbone or its weights cannot be had, or there is nothing to resume.
    """
    start = time.monotonic()
    watcher = watcher or TrainingWatcher()
    catalogue = read_catalogue(workspace)
    if recipe.multi_label is None:
        recipe = for_catalogue(recipe, catalogue)
        if recipe.multi_label:
            watcher.note(
                f"{100 * catalogue.share_with_several:.0f} % of the covers have several genres: genres are taken as independent; "
                "'--single-label' takes one genre for each cover"
            )
    where = pick_device(device)
    recipe = _weigh_epochs(recipe, catalogue, where, watcher)
    with lock_training(workspace.root):
        checkpoint = read_checkpoint(workspace) if resume else None
        if resume:
            labels, again = catalogue.label_fingerprint(), MODEL.repair(workspace.root)
            _check_resumable(checkpoint, recipe, labels, seed, again)
        for part in recipe.parts():
            announce_weights(
                part.arch, part.weights, offline=offline, note=watcher.note
            )
        report = _train(workspace, catalogue, recipe, checkpoint, where, seed, watcher)
    return replace(report, seconds=time.monotonic() - start)


def _weigh_epochs(
    recipe: Recipe, catalogue: Catalogue, where: torch.device, watcher: TrainingWatcher
) -> Recipe:
    """Decide how long to fine-tune, where nobody has, and say what it is likely to bring."""
    is_labelled = catalogue.membership(catalogue.vocab).sum(axis=1) > 0
    n_covers = int((is_labelled & (catalogue.splits == "train")).sum())
    recipe = for_device(recipe, n_covers, on_gpu=where.type != "cpu")
    trainable = [part for part in recipe.parts() if not is_untouched(part.arch)]
    if any(part.weights != "none" for part in trainable):
        watcher.note(describe_prospect(n_covers, recipe.epochs or 0))
    return recipe


def _train(
    workspace: Workspace,
    catalogue: Catalogue,
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    where: torch.device,
    seed: int,
    watcher: TrainingWatcher,
) -> TrainingReport:
    """Train and publish; see `train_workspace`."""
    from covers.model.training.fastai_adapter import seed_everything

    labels = catalogue.label_fingerprint()
    seed_everything(seed)
    arch = recipe.arch
    kept = ""
    vectors = None
    if arch.startswith(FILE):
        kept, vectors = keep_vectors(workspace, vectors_path(arch))
        watcher.note(vectors.told(catalogue))
        arch = f"{FILE}{vectors_path(arch).name}#{vectors.vectors.shape[1]}"
    backbone, mean, std = make_backbone(arch, recipe.weights)
    asked, recipe = recipe, _fit_image_size(recipe, backbone)
    cache = PixelCache(workspace.cache_folder, recipe.image_size)
    wanted = [] if vectors else _covers_to_cache(catalogue, cache)
    failed = {}
    if not vectors:
        failed = cache.fill(
            workspace, wanted, lambda done, total: watcher.stage("decode", done, total)
        )
    if failed:
        workspace.refuse_missing_sources()
    readable = set(vectors.cover_ids) if vectors else cache
    data = choose_training_set(
        catalogue,
        lambda cover_id: cover_id in readable,
        tuning_share=recipe.tuning_share,
        seed=seed,
    )

    def start_run(part: Recipe, backbone: Backbone, norm: Norm) -> TrainingRun:
        return TrainingRun(
            workspace, part, data, cache, where, seed, watcher, backbone, *norm, kept
        )

    everyone = _labelled(catalogue, lambda cover_id: cover_id in readable, recipe)
    trained = train_parts(
        backbone, (mean, std), recipe, start_run, wanted, everyone, labels, checkpoint
    )
    network = trained.network
    summary = {
        "n_labelled": sum(bool(genres) for genres in catalogue.genres),
        "n_train": len(data.train),
        "n_tuning": len(data.tuning),
        "n_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "is_interrupted": trained.is_interrupted,
        **trained.summary,
    }
    card = make_card(
        network,
        arch=arch,
        vocab=data.vocab,
        embedding_dim=recipe.embedding_dim * max(1, len(split_archs(recipe.arch))),
        image_size=recipe.image_size,
        mean=tuple(mean),
        std=tuple(std),
        multi_label=bool(recipe.multi_label),
        stamp=Stamp(
            kind="model",
            made_from={"labels": labels},
            parameters=portable_recipe(asked),
            seed=seed,
        ),
        summary=summary,
    )
    write_history(workspace, trained.history)
    write_trained_on(workspace, catalogue, card.fingerprint)
    SavedModel(card, network, "cpu").save(workspace.model_folder)
    if not trained.is_interrupted:
        checkpoint_path(workspace).unlink(missing_ok=True)
    if len(cache) * cache.picture_bytes > KEPT_CACHE_BYTES:
        cache.delete()
    return TrainingReport(card, trained.history, trained.is_interrupted, 0.0, failed)


def _labelled(
    catalogue: Catalogue, readable: Callable[[str], bool], recipe: Recipe
) -> LabelledCovers:
    """Return the covers of both sides that have a genre and can be read."""
    membership = catalogue.membership(catalogue.vocab)
    rows = [
        row
        for row in np.flatnonzero(membership.sum(axis=1) > 0)
        if readable(catalogue.cover_ids[row])
    ]
    shares = torch.from_numpy(membership[rows]).float()
    return LabelledCovers(
        cover_ids=[catalogue.cover_ids[row] for row in rows],
        groups=catalogue.groups[rows],
        targets=(shares > 0).float() if recipe.multi_label else shares,
    )


def _fit_image_size(recipe: Recipe, backbone: Backbone) -> Recipe:
    """Check the picture size against an architecture that takes only one."""
    if backbone.fixed_size is None or backbone.fixed_size == recipe.image_size:
        return recipe
    if recipe.image_size != Recipe().image_size:
        message = f"architecture {recipe.arch!r} takes pictures of {backbone.fixed_size} px only: leave '--image-size' out"
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
    if len(catalogue) * cache.picture_bytes <= KEPT_CACHE_BYTES:
        return cover_files(catalogue)
    return cover_files(catalogue, np.flatnonzero(catalogue.splits == "train").tolist())


def write_history(workspace: Workspace, history: Sequence[dict[str, Any]]) -> None:
    """Write ``history.csv`` and ``learning_curve.svg`` beside the model."""
    from covers.render.curves import training_history

    names = ["phase", "epoch", "train_loss", "tuning_loss", "accuracy", "macro_f1"]
    write_csv(
        workspace.path(HISTORY),
        names,
        ([row.get(name) for name in names] for row in history),
    )
    alone = [row for row in history if row["phase"] != "mix"]
    with publish(workspace.path(LEARNING_CURVE)) as file:
        file.write(training_history(alone))
