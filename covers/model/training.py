"""Training: features once, the head on them, then the whole network, best epoch kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from covers.artefact import Stamp, publish
from covers.errors import ConfigError, DataError, ModelError
from covers.model.backbone import Backbone, Head, make_backbone, normalise
from covers.model.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from covers.model.device import pick_device
from covers.model.embed import (
    Preprocessing,
    cover_files,
    embed_frozen,
    frozen_parts,
    frozen_weights_path,
)
from covers.model.pixels import PixelCache
from covers.model.probe import start_head
from covers.model.recipe import Recipe, portable_recipe
from covers.model.saved import SavedModel, make_card

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from covers.catalogue.schema import Catalogue
    from covers.model.card import ModelCard
    from covers.model.pixels import CoverFile
    from covers.workspace import Workspace

KEPT_CACHE_BYTES = 2 * 2**30


class TrainingWatcher:
    """Is told how training goes; this one does not care."""

    def stage(self, name: str, done: float, total: float) -> None:
        """Hear that some of a stage is done."""

    def epoch(self, phase: str, epoch: int, scores: dict[str, float]) -> None:
        """Hear that an epoch of the ``"head"`` or the ``"network"`` is over."""

    def note(self, text: str) -> None:
        """Hear of something worth telling a person."""


@dataclass(frozen=True)
class TrainingSet:
    """What is trained on, in rows of the catalogue.

    Parameters
    ----------
    cover_ids : list of str
        Covers that can be read, train side and tuning slice together.
    groups : ndarray of int64, shape (n_covers,)
        Covers of one group stay together.
    shares : Tensor of float32, shape (n_covers, n_genres)
        1/m for each of a cover's m genres.
    train, tuning : ndarray of int64
        Positions in `cover_ids`.
    vocab : tuple of str
        Genre of each column.
    """

    cover_ids: list[str]
    groups: npt.NDArray[np.int64]
    shares: Tensor
    train: npt.NDArray[np.int64]
    tuning: npt.NDArray[np.int64]
    vocab: tuple[str, ...]


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
    from sklearn.model_selection import StratifiedGroupKFold

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
    main_genre = shares.argmax(axis=1)
    n_folds = max(2, round(1 / tuning_share))
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    train, tuning = next(iter(folds.split(np.zeros(len(rows)), main_genre, groups)))
    return TrainingSet(
        [catalogue.cover_ids[row] for row in rows],
        groups,
        torch.from_numpy(shares),
        train,
        tuning,
        vocab,
    )


def balance_genres(shares: Tensor, strength: float, *, multi_label: bool) -> Tensor:
    """Return the weight of each genre, shape (n_genres,): the rarer, the heavier.

    Parameters
    ----------
    shares : Tensor, shape (n_covers, n_genres)
        1/m for each of a cover's m genres.
    strength : float
        0 weighs covers equally, 1 weighs genres equally.
    multi_label : bool
        Weigh "has the genre" against "has it not" instead.
    """
    counts = shares.sum(dim=0).clamp_min(1.0)  # (G,)
    if multi_label:
        positive = (shares > 0).sum(dim=0).clamp_min(1)
        return ((len(shares) - positive) / positive).clamp_min(1.0) ** (0.5 * strength)
    weights = (counts.sum() / (len(counts) * counts)) ** strength
    return weights * counts.sum() / (weights * counts).sum()


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
        If there is too little to train on.
    ModelError
        If the backbone or its weights cannot be had, or there is nothing to resume.
    """
    from covers.model.learner import seed_everything

    start = time.monotonic()
    watcher = watcher or TrainingWatcher()
    catalogue = workspace.catalogue()
    checkpoint = read_checkpoint(workspace) if resume else None
    labels = catalogue.label_fingerprint()
    if resume:
        _check_resumable(checkpoint, recipe, labels, seed)
    where = pick_device(device)
    seed_everything(seed)
    announce_download(recipe, offline=offline, watcher=watcher)
    backbone, mean, std = make_backbone(recipe.arch, recipe.weights)
    recipe = _fit_image_size(recipe, backbone)
    cache = PixelCache(workspace.cache_folder, recipe.image_size)
    wanted = _covers_to_cache(catalogue, cache)
    failed = cache.fill(
        workspace, wanted, lambda done, total: watcher.stage("decode", done, total)
    )
    data = choose_training_set(
        catalogue,
        lambda cover_id: cover_id in cache,
        tuning_share=recipe.tuning_share,
        seed=seed,
    )
    run = _Run(
        workspace, recipe, data, cache, where, seed, watcher, backbone, mean, std
    )
    frozen_fingerprint, statistics = run.frozen_statistics(wanted)
    head = Head(
        backbone.n_features,
        recipe.embedding_dim,
        len(data.vocab),
        recipe.dropout,
        follows=recipe.weights == "none",
    )
    interrupted = False
    if checkpoint is None:
        run.fit_head(head, statistics)
    network = nn.Sequential(backbone, head)
    if recipe.epochs:
        interrupted = run.fit_network(network, labels, checkpoint)
    summary = {
        "n_labelled": sum(bool(genres) for genres in catalogue.genres),
        "n_train": len(data.train),
        "n_tuning": len(data.tuning),
        "n_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "best": run.best,
        "is_interrupted": interrupted,
        "frozen": {
            "fingerprint": frozen_fingerprint,
            "deepest_channels": backbone.channels[-1],
        },
    }
    card = make_card(
        network,
        arch=recipe.arch,
        vocab=data.vocab,
        embedding_dim=recipe.embedding_dim,
        image_size=recipe.image_size,
        mean=tuple(mean),
        std=tuple(std),
        multi_label=recipe.multi_label,
        stamp=Stamp(
            kind="model",
            made_from={"labels": labels},
            parameters=portable_recipe(recipe),
            seed=seed,
        ),
        summary=summary,
    )
    SavedModel(card, network, "cpu").save(workspace.model_folder)
    write_history(workspace, run.history)
    if not interrupted:
        _checkpoint_path(workspace).unlink(missing_ok=True)
    if len(cache) * cache.picture_bytes > KEPT_CACHE_BYTES:
        cache.delete()
    return TrainingReport(
        card, run.history, interrupted, time.monotonic() - start, failed
    )


def announce_download(
    recipe: Recipe, *, offline: bool, watcher: TrainingWatcher
) -> None:
    """Say that weights will be downloaded, or refuse to when offline.

    Raises
    ------
    ModelError
        If `offline` and the weights are not on this machine.
    """
    import os
    from pathlib import Path

    import torchvision

    if recipe.weights != "imagenet":
        return
    if recipe.arch in torchvision.models.list_models(module=torchvision.models):
        entry = torchvision.models.get_model_weights(recipe.arch).DEFAULT
        is_here = (
            Path(torch.hub.get_dir()) / "checkpoints" / entry.url.rsplit("/", 1)[-1]
        ).is_file()
        size = (
            f" ({entry.meta['_file_size']:.0f} MB)"
            if "_file_size" in entry.meta
            else ""
        )
    else:
        is_here, size = False, ""
        if offline:
            os.environ["HF_HUB_OFFLINE"] = "1"
            return
    if is_here:
        return
    if offline:
        message = (
            f"ImageNet weights of {recipe.arch!r} are not on this machine and '--offline' forbids fetching them: "
            "give a file with '--weights FILE', or train from scratch with '--weights none'"
        )
        raise ModelError(message)
    watcher.note(
        f"fetching ImageNet weights of {recipe.arch}{size}, once; '--weights FILE' or '--offline' avoid that"
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
    checkpoint: Checkpoint | None, recipe: Recipe, labels: str, seed: int
) -> None:
    if checkpoint is None:
        message = "no interrupted training to resume: run 'covers train'"
        raise ModelError(message)
    if (
        checkpoint.labels != labels
        or checkpoint.recipe != portable_recipe(recipe)
        or checkpoint.seed != seed
    ):
        message = (
            "the interrupted training had another catalogue, recipe or seed: "
            "repeat its options, or start anew with 'covers train'"
        )
        raise ModelError(message)


def _covers_to_cache(catalogue: Catalogue, cache: PixelCache) -> list[CoverFile]:
    """Return the covers worth decoding: all of a small library, else the train side."""
    if len(catalogue) * cache.picture_bytes <= KEPT_CACHE_BYTES:
        return cover_files(catalogue)
    return cover_files(catalogue, np.flatnonzero(catalogue.splits == "train").tolist())


def _checkpoint_path(workspace: Workspace) -> Any:
    from covers.model.checkpoint import checkpoint_path

    return checkpoint_path(workspace)


class _Run:
    """One training run: its parts, and what has come of it so far."""

    def __init__(
        self,
        workspace: Workspace,
        recipe: Recipe,
        data: TrainingSet,
        cache: PixelCache,
        device: torch.device,
        seed: int,
        watcher: TrainingWatcher,
        backbone: Backbone,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        from covers.model.learner import GenreLoss

        self.workspace, self.recipe, self.data, self.cache = (
            workspace,
            recipe,
            data,
            cache,
        )
        self.device, self.seed, self.watcher = device, seed, watcher
        self.backbone, self.mean, self.std = backbone, tuple(mean), tuple(std)
        weights = balance_genres(
            data.shares[data.train],
            recipe.class_balance,
            multi_label=recipe.multi_label,
        )
        self.loss = GenreLoss(
            weights,
            label_smoothing=recipe.label_smoothing,
            multi_label=recipe.multi_label,
        )
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {}
        self.targets = (data.shares > 0).float() if recipe.multi_label else data.shares

    def frozen_statistics(self, files: list[CoverFile]) -> tuple[str, Tensor]:
        """Run the untouched backbone over the cached covers, as far as it has not been.

        Returns
        -------
        fingerprint : str
            Of the untouched backbone and its preprocessing.
        statistics : Tensor of float32, shape (n_covers, n_features)
            Of the training set's covers.
        """
        fingerprint, _ = embed_frozen(
            self.workspace,
            self.backbone,
            Preprocessing(self.recipe.image_size, self.mean, self.std),
            device=self.device.type,
            files=[file for file in files if file.cover_id in self.cache],
            progress=lambda done, total: self.watcher.stage("features", done, total),
        )
        _keep_backbone(self.workspace, self.backbone.state_dict())
        parts = frozen_parts(self.workspace, fingerprint)
        ids, (statistics,) = parts.read(["statistics"], "covers train")
        position = {cover_id: row for row, cover_id in enumerate(ids)}
        rows = [position[cover_id] for cover_id in self.data.cover_ids]
        return fingerprint, torch.from_numpy(statistics[rows])

    def fit_head(self, head: Head, statistics: Tensor) -> None:
        """Fit the head on the frozen statistics: in closed form, then by a short one-cycle."""
        from covers.model.learner import (
            EpochReport,
            KeepBest,
            make_array_loaders,
            make_head_learner,
            score_tuning,
            seed_everything,
        )

        recipe, data = self.recipe, self.data
        seed_everything(self.seed)
        start_head(
            head,
            statistics[data.train],
            self.targets[data.train],
            data.groups[data.train],
            class_balance=recipe.class_balance,
            multi_label=recipe.multi_label,
            seed=self.seed,
        )
        loaders = make_array_loaders(
            (statistics[data.train], self.targets[data.train]),
            (statistics[data.tuning], self.targets[data.tuning]),
            batch_size=4 * recipe.batch_size,
            device=self.device,
        )
        learner = make_head_learner(
            head, loaders, self.loss, weight_decay=recipe.weight_decay
        )
        report = EpochReport(
            self._note_epoch("head"),
            lambda share: self.watcher.stage("head", share, 1),
            self.seed,
        )
        best = KeepBest(report, patience=recipe.head_epochs)
        with torch.inference_mode():
            logits = head.eval().cpu()(statistics[data.tuning])
        targets = self.targets[data.tuning]
        best.best_loss = float(self.loss(logits, targets))
        best.best_state = {k: v.detach().clone() for k, v in head.state_dict().items()}
        scores = {
            "train_loss": float("nan"),
            "tuning_loss": best.best_loss,
            **score_tuning(logits, targets),
        }
        self._note_epoch("probe")(0, scores)
        self._note_best("probe", 0)
        learner.fit_one_cycle(
            recipe.head_epochs, recipe.learning_rate, cbs=[report, best]
        )
        head.load_state_dict(best.best_state)
        if best.best_epoch >= 0:
            self._note_best("head", best.best_epoch)

    def fit_network(
        self, network: nn.Sequential, labels: str, checkpoint: Checkpoint | None
    ) -> bool:
        """Fine-tune everything; returns whether it was interrupted. Leaves the best weights in `network`."""
        from covers.model.learner import (
            Augment,
            EpochReport,
            KeepBest,
            MixedPrecisionForward,
            make_network_learner,
            make_picture_loaders,
            seed_everything,
        )

        recipe, data = self.recipe, self.data
        seed_everything(self.seed)
        loaders = make_picture_loaders(
            self.cache.reader(data.cover_ids),
            self.targets,
            data.train,
            data.tuning,
            batch_size=recipe.batch_size,
            device=self.device,
            after_batch=(
                Augment(self.mean, self.std, recipe.mixup),
                lambda batch: (normalise(batch[0], self.mean, self.std), batch[1]),
            ),
        )
        network.to(self.device, memory_format=torch.channels_last)
        body, head = network[0], network[1]
        assert isinstance(body, Backbone)
        assert isinstance(head, Head)
        learner = make_network_learner(
            body,
            head,
            loaders,
            self.loss,
            weight_decay=recipe.weight_decay,
            frozen_share=0.0 if recipe.weights == "none" else recipe.frozen_share,
        )
        report = EpochReport(
            self._note_epoch("network"),
            lambda share: self.watcher.stage("network", share, 1),
            self.seed,
        )

        def save(best: KeepBest) -> None:
            write_checkpoint(
                self.workspace,
                Checkpoint(
                    labels=labels,
                    recipe=portable_recipe(recipe),
                    seed=self.seed,
                    epoch=best.epoch,
                    best_epoch=best.best_epoch,
                    best_loss=best.best_loss,
                    history=self.history,
                    network={
                        k: v.detach().cpu() for k, v in best.model.state_dict().items()
                    },
                    best=best.best_state,
                    optimizer=best.opt.state_dict(),
                ),
            )

        best = KeepBest(report, recipe.patience, save)
        first = 0
        if checkpoint is not None:
            first = self._restore(checkpoint, network, learner, best)
        else:
            best.best_loss = float(self.best.get("tuning_loss", float("inf")))
            best.best_state = {
                k: v.detach().cpu().clone() for k, v in network.state_dict().items()
            }
        if recipe.weights == "none":
            rates = slice(recipe.learning_rate, recipe.learning_rate)
        else:
            rates = slice(recipe.learning_rate / 50, recipe.learning_rate / 5)
        interrupted = False
        try:
            learner.fit_one_cycle(
                recipe.epochs,
                rates,
                pct_start=0.3,
                start_epoch=first,
                cbs=[report, best, MixedPrecisionForward(self.device)],
            )
        except KeyboardInterrupt:
            interrupted = True
        network.load_state_dict(best.best_state)
        if best.best_epoch >= 0:
            self._note_best("network", best.best_epoch)
        return interrupted

    def _restore(
        self, checkpoint: Checkpoint, network: nn.Sequential, learner: Any, best: Any
    ) -> int:
        """Put an interrupted run back as it was; returns the epoch to go on with."""
        network.load_state_dict(checkpoint.network)
        learner.create_opt()
        learner.opt.load_state_dict(checkpoint.optimizer)
        best.best_loss, best.best_epoch, best.best_state = (
            checkpoint.best_loss,
            checkpoint.best_epoch,
            checkpoint.best,
        )
        self.history = list(checkpoint.history)
        phases = ("network",) if checkpoint.best_epoch >= 0 else ("head", "probe")
        rows = [row for row in self.history if row["phase"] in phases]
        self.best = min(rows, key=lambda row: row["tuning_loss"]) if rows else {}
        return checkpoint.epoch + 1

    def _note_epoch(self, phase: str) -> Callable[[int, dict[str, float]], None]:
        def note(epoch: int, scores: dict[str, float]) -> None:
            self.history.append({"phase": phase, "epoch": epoch, **scores})
            self.watcher.epoch(phase, epoch, scores)

        return note

    def _note_best(self, phase: str, epoch: int) -> None:
        rows = [
            row
            for row in self.history
            if row["phase"] == phase and row["epoch"] == epoch
        ]
        self.best = rows[0] if rows else self.best


def _keep_backbone(workspace: Workspace, state: dict[str, Tensor]) -> None:
    """Keep the untouched backbone, so that the baselines can be measured on later covers too."""
    from safetensors.torch import save

    with publish(frozen_weights_path(workspace), "wb") as file:
        file.write(
            save(
                {key: value.detach().cpu().contiguous() for key, value in state.items()}
            )
        )


def write_history(workspace: Workspace, history: Sequence[dict[str, Any]]) -> None:
    """Write ``history.csv`` and ``learning_curve.svg`` beside the model."""
    import csv

    from covers.model.curve import draw_learning_curve

    names = ["phase", "epoch", "train_loss", "tuning_loss", "accuracy", "macro_f1"]
    with publish(workspace.model_folder / "history.csv") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows([{name: row.get(name) for name in names} for row in history])
    draw_learning_curve(history, workspace.model_folder / "learning_curve.svg")
