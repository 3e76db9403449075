"""One training run: the head on frozen statistics, then the whole network.

`covers.model.training.train` says what is trained on and publishes what comes of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from covers.model.network.backbone import Backbone, normalise
from covers.model.training.checkpoint import Checkpoint, write_checkpoint
from covers.model.training.heads.fit import (
    HeadSettings,
    learns_from_mixtures,
    start_head,
)
from covers.model.training.heads.frozen import FrozenStatistics, make_statistics
from covers.model.training.heads.tuned import tuned_statistics
from covers.model.training.loss import balance_genres
from covers.model.training.recipe import Recipe, portable_recipe
from covers.stats.significance import is_certainly_lower
from covers.workspace.interrupts import go_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import numpy.typing as npt

    from covers.model.network.head import Head
    from covers.model.network.joined import Norm
    from covers.model.pixels import CoverFile
    from covers.model.training.history import (
        BestRow,
        EpochScores,
        HistoryRow,
        MixRow,
    )
    from covers.model.training.training_set import TrainingSet, TrainingSetup

SHALLOW_RATE = 0.1
"""Rate of a pretrained backbone's shallow end, as a share of its deep end's and the head's."""

MIXES = (0.5, 1.0)
"""How far the weights that are tried lie from the start's towards the last epoch's."""

_REFIT_PENALTY = 0.3
"""Weakest pull on a head that is fitted on covers which its backbone was tuned on."""


class TrainingRun:
    """One training run: network, data and recipe, and the best weights so far."""

    def __init__(
        self,
        setup: TrainingSetup,
        recipe: Recipe,
        data: TrainingSet,
        backbone: Backbone,
        norm: Norm,
    ) -> None:
        from covers.model.training.loss import GenreLoss

        self.workspace, self.cache = setup.workspace, setup.cache
        self.setup = setup
        self.device, self.seed, self.watcher = setup.device, setup.seed, setup.watcher
        self.recipe, self.data = recipe, data
        mean, std = norm
        self.backbone, self.mean, self.std = backbone, tuple(mean), tuple(std)
        weights = balance_genres(
            data.membership[data.train],
            recipe.class_balance,
            multi_label=bool(recipe.multi_label),
        )
        self.loss = GenreLoss(
            weights,
            label_smoothing=recipe.label_smoothing,
            multi_label=bool(recipe.multi_label),
        )
        self.history: list[HistoryRow] = []
        self.best: BestRow | None = None
        # Of the tuning covers, by a tuned network whose head has not seen them.
        self.tuned_logits: Tensor | None = None
        self.membership = (
            (data.membership > 0).float() if recipe.multi_label else data.membership
        )

    def frozen_statistics(
        self, files: list[CoverFile], labelled: Collection[str]
    ) -> FrozenStatistics:
        """Run the untouched backbone over the cached covers; see `covers.model.training.heads.frozen`."""
        norm = (self.mean, self.std)
        network = (self.backbone, norm)
        return make_statistics(self.setup, self.recipe, network, files, labelled)

    def fit_head(self, head: Head, statistics: Tensor) -> None:
        """Fit the head on the frozen statistics, in closed form, and score it on the tuning covers."""
        self.penalty = self._start_head(head, statistics, self.data.train)
        scores, self.start_losses = self._score(head, statistics)
        self._note_epoch("probe")(0, scores)
        self._note_best("probe", 0)

    def _score(
        self, head: Head, statistics: Tensor
    ) -> tuple[EpochScores, npt.NDArray[np.float64]]:
        """Return scores of a head on the tuning covers, and each one's loss."""
        from covers.model.training.loss import score_tuning, tempered_losses

        with torch.inference_mode():
            logits = head.eval().cpu()(statistics[self.data.tuning])
        membership = self.membership[self.data.tuning]
        losses, mean = tempered_losses(self.loss, logits, membership)
        scores: EpochScores = {
            "train_loss": float("nan"),
            "tuning_loss": mean,
            **score_tuning(logits, membership),
        }
        return scores, losses.double().numpy()

    def fit_head_on_all(self, head: Head, statistics: Tensor) -> float:
        """Fit the head once more, with the tuning covers too: for when fine-tuning did not beat it; returns its penalty."""
        everyone = np.arange(len(self.data.cover_ids))
        return self._start_head(head.cpu(), statistics, everyone)

    def _start_head(
        self,
        head: Head,
        statistics: Tensor,
        rows: npt.NDArray[np.int64],
        penalty: float | None = None,
    ) -> float:
        starts = np.arange(0, len(statistics), len(self.data.cover_ids))
        views = (starts[:, None] + rows).ravel()  # mirror images lie behind the covers
        groups = self.data.groups[rows]
        return self.start_head(
            head, statistics[views], self.membership[rows], groups, penalty
        )

    def start_head(
        self,
        head: Head,
        statistics: Tensor,
        membership: Tensor,
        groups: npt.NDArray[np.int64],
        penalty: float | None = None,
    ) -> float:
        """Fit a head on some covers as the recipe says; see `covers.model.training.heads.fit.start_head`."""
        from covers.model.training.fastai_adapter import seed_everything

        seed_everything(self.seed)
        settings = HeadSettings(
            class_balance=self.recipe.class_balance,
            multi_label=bool(self.recipe.multi_label),
            seed=self.seed,
            penalty=penalty,
            mixes=self.mixes(len(groups)) and penalty is None,
        )
        return start_head(head, statistics, membership, groups, settings)

    def mixes(self, n_covers: int) -> bool:
        """Say whether a head on the untouched backbone learns from mixtures of so many covers too."""
        is_pretrained = self.recipe.weights != "none"
        return is_pretrained and learns_from_mixtures(
            n_covers, multi_label=bool(self.recipe.multi_label)
        )

    def fit_network(
        self, network: nn.Sequential, labels: str, checkpoint: Checkpoint | None
    ) -> bool:
        """Fine-tune everything; returns whether it was interrupted. Leaves the best weights in `network`.

        A pretrained backbone is taken half the way from the start to the last
        epoch [1]_, or all of it, and the head is fitted on it in closed form once
        more; which of the two reads the tuning covers better is kept, unless it
        reads them certainly worse than the start
        (`covers.stats.significance.is_certainly_lower`). A backbone from nothing
        keeps its best epoch.

        References
        ----------
        .. [1] Wortsman, M. et al. (2022). "Robust fine-tuning of zero-shot models". CVPR.
        """
        from covers.model.training.fastai_adapter import (
            EpochReport,
            KeepBest,
            copy_state,
            seed_everything,
        )

        seed_everything(self.seed)
        network.to(self.device, memory_format=torch.channels_last)
        learner = self._make_learner(network)
        report = EpochReport(
            self._note_epoch("network"),
            lambda share: self.watcher.stage("network", share, 1),
            self.seed,
        )
        # Rates high enough to move what is pretrained read worse before they read better.
        patience = self.n_epochs + 1 if self.is_pretrained else self.recipe.patience
        best = KeepBest(report, patience, lambda best: self._save(best, labels))
        first, beginning = 0, copy_state(network)
        if checkpoint is not None:
            first = self._restore(checkpoint, network, learner, best)
        else:
            best.best_loss = self.best["tuning_loss"] if self.best else math.inf
            best.best_state = beginning
        interrupted = self._fit_epochs(learner, first, [report, best])
        if best.best_epoch >= 0:
            self._note_best("network", best.best_epoch)
        if self.is_pretrained and not interrupted:
            self._refit(network, beginning, copy_state(network))
        else:
            network.load_state_dict(best.best_state)
        return interrupted

    @property
    def n_epochs(self) -> int:
        """Epochs of the whole network."""
        return self.recipe.epochs or 0

    @property
    def is_pretrained(self) -> bool:
        """Whether the backbone starts from trained weights."""
        return self.recipe.weights != "none"

    def _make_learner(self, network: nn.Sequential) -> Any:
        """Return fastai's learner over the network and the cached pictures."""
        from covers.model.training.fastai_adapter import make_network_learner
        from covers.model.training.picture_loaders import (
            Augment,
            PictureSide,
            make_picture_loaders,
        )

        recipe, data = self.recipe, self.data
        augment = Augment(self.mean, self.std, recipe.mixup)
        loaders = make_picture_loaders(
            self.cache.pixels_of(data.cover_ids),
            self.membership,
            (
                PictureSide(data.train, augment),
                PictureSide(
                    data.tuning,
                    lambda batch: (normalise(batch[0], self.mean, self.std), batch[1]),
                ),
            ),
            batch_size=recipe.batch_size,
            device=self.device,
        )
        return make_network_learner(
            network,
            loaders,
            self.loss,
            weight_decay=recipe.weight_decay,
            frozen_share=recipe.frozen_share if self.is_pretrained else 0.0,
        )

    def _fit_epochs(self, learner: Any, first: int, watching: list[Any]) -> bool:
        """Train from epoch `first` on; returns whether it was interrupted."""
        from covers.model.training.fastai_adapter import (
            KeepStatistics,
            MixedPrecisionForward,
        )

        peak = self.recipe.learning_rate
        shallow = peak * SHALLOW_RATE if self.is_pretrained else peak
        callbacks = [*watching, MixedPrecisionForward(self.device)]
        if self.is_pretrained:
            callbacks.append(KeepStatistics())
        try:
            learner.fit_one_cycle(
                self.n_epochs,
                slice(shallow, peak),
                pct_start=0.3,
                start_epoch=first,
                cbs=callbacks,
            )
        except KeyboardInterrupt:
            go_on()  # what is good so far is kept
            return True
        return False

    def _save(self, best: Any, labels: str) -> None:
        """Write what an interrupted training goes on from."""
        state = best.model.state_dict()
        write_checkpoint(
            self.workspace,
            Checkpoint(
                labels=labels,
                recipe=portable_recipe(self.recipe),
                seed=self.seed,
                epoch=best.epoch,
                best_epoch=best.best_epoch,
                best_loss=best.best_loss,
                history=self.history,
                network={key: value.detach().cpu() for key, value in state.items()},
                best=best.best_state,
                optimizer=best.opt.state_dict(),
            ),
        )

    def _refit(
        self,
        network: nn.Sequential,
        beginning: dict[str, Tensor],
        ended: dict[str, Tensor],
    ) -> None:
        """Fit the head anew on backbones between the start's and the last epoch's; leave the best in `network`."""
        from covers.model.training.fastai_adapter import mix_states

        body, head = network
        penalty = min(self.penalty, _REFIT_PENALTY)
        read, n_covers = (
            self.cache.pixels_of(self.data.cover_ids),
            len(self.data.groups),
        )
        tuned = None
        for share in MIXES:
            network.load_state_dict(mix_states(beginning, ended, share))
            statistics = tuned_statistics(
                body, read, n_covers, (self.mean, self.std), self.device
            )
            self._start_head(head.cpu(), statistics, self.data.train, penalty)
            scores, losses = self._score(head, statistics)
            row: MixRow = {
                "phase": "mix",
                "epoch": self.n_epochs - 1,
                "share": share,
                **scores,
            }
            self.history.append(row)
            if tuned is None or scores["tuning_loss"] < tuned[0]["tuning_loss"]:
                logits = head(statistics[self.data.tuning]).detach()
                tuned = row, losses, statistics, logits
        assert tuned is not None
        row, losses, statistics, logits = tuned
        groups = self.data.groups[self.data.tuning]
        network.cpu()
        if is_certainly_lower(self.start_losses, losses, groups, n_tried=1):
            network.load_state_dict(beginning)
            self._note_best("probe", 0)
            return
        network.load_state_dict(mix_states(beginning, ended, row["share"]))
        self._start_head(head, statistics, np.arange(n_covers), penalty)
        self.best, self.tuned_logits = row, logits

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
        phases = ("network",) if checkpoint.best_epoch >= 0 else ("probe",)
        rows = [row for row in self.history if row["phase"] in phases]
        self.best = min(rows, key=lambda row: row["tuning_loss"]) if rows else None
        return checkpoint.epoch + 1

    def _note_epoch(self, phase: str) -> Callable[[int, EpochScores], None]:
        def note(epoch: int, scores: EpochScores) -> None:
            row: HistoryRow = {"phase": phase, "epoch": epoch, **scores}
            self.history.append(row)
            self.watcher.epoch(phase, epoch, cast("dict[str, float]", scores))

        return note

    def _note_best(self, phase: str, epoch: int) -> None:
        rows = [
            row
            for row in self.history
            if row["phase"] == phase and row["epoch"] == epoch
        ]
        self.best = rows[0] if rows else self.best
