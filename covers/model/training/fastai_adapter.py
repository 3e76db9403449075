"""The fastai side of training: loaders over cached pixels, mild augmentation, callbacks.

Letters: B covers in a batch, S side in pixels, G genres, F backbone statistics.
"""

from __future__ import annotations

import itertools
import math
import random
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from covers.model.training.loss import GenreLoss, score_tuning, tempered_losses

with warnings.catch_warnings():
    # At import fastai scripts two functions and sets an option that pandas retired.
    warnings.simplefilter("ignore")
    from fastai.callback.core import Callback, CancelFitException
    from fastai.callback.schedule import Learner  # noqa: TC002 - gives learners their one-cycle
    from fastai.optimizer import Adam
    from fastai.vision.learner import model_meta, vision_learner

from covers.model.network.backbone import Backbone
from covers.model.network.device import mixed_precision
from covers.model.network.head import Head

N_STEPS = 6
"""In how many steps the rate rises from the shallow to the deep end of a backbone."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastai.data.core import DataLoaders

    from covers.model.training.history import EpochScores


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch, and ask torch for repeatable kernels."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - fastai and torchvision draw from the global one
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def adamw(params: Any, lr: float, **options: Any) -> Any:
    """Return fastai's Adam with decoupled weight decay."""
    return Adam(params, lr=lr, decouple_wd=True, **options)


class MixedPrecisionForward(Callback):  # type: ignore[misc]
    """Run the forward pass in 16 bits where the device gains from it.

    fastai's own `MixedPrecision` knows CUDA only. float16 on old GPUs would
    need loss scaling; there the network stays in float32.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def before_batch(self) -> None:
        """Enter 16 bits."""
        self.context = mixed_precision(self.device)
        self.context.__enter__()

    def after_pred(self) -> None:
        """Leave 16 bits: losses are computed in float32."""
        self.context.__exit__(None, None, None)
        self.learn.pred = self.pred.float()


class KeepStatistics(Callback):  # type: ignore[misc]
    """Leave a pretrained backbone's batch normalisations at the mean and spread they came with.

    A few dozen covers' own are noise beside those of a million photographs.
    """

    def before_train(self) -> None:
        """Switch them to answering, after fastai has switched everything to training."""
        for module in self.model[0].modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


class EpochReport(Callback):  # type: ignore[misc]
    """Report each step and each epoch to a callback.

    Parameters
    ----------
    on_epoch : callable
        Called with the epoch's number and its scores on the tuning covers.
    on_step : callable
        Called with the share of the whole fit that is done.
    seed : int
        Each epoch draws from a stream of its own, so that a resumed run goes
        on exactly as it would have.
    """

    order = 50

    def __init__(
        self,
        on_epoch: Callable[[int, EpochScores], None],
        on_step: Callable[[float], None],
        seed: int,
    ) -> None:
        super().__init__()
        self.on_epoch, self.on_step, self.seed = on_epoch, on_step, seed

    def before_epoch(self) -> None:
        """Reseed and start collecting."""
        seed_everything(self.seed * 10_007 + self.epoch)
        self.dls.train.rng = random.Random(self.seed * 10_007 + self.epoch)
        self.train_losses: list[float] = []
        self.predictions: list[tuple[Tensor, Tensor]] = []

    def after_batch(self) -> None:
        """Collect losses and predictions."""
        if self.training:
            self.train_losses.append(float(self.loss.detach()))
            self.on_step((self.epoch + (self.iter + 1) / self.n_iter) / self.n_epoch)
        else:
            self.predictions.append(
                (self.pred.detach().cpu(), self.yb[0].detach().cpu())
            )

    def after_epoch(self) -> None:
        """Score the tuning covers and report."""
        if not self.predictions:
            return
        logits = torch.cat([pred for pred, _ in self.predictions])
        membership = torch.cat([one for _, one in self.predictions])
        self.losses, tuning_loss = tempered_losses(self.loss_func, logits, membership)
        self.scores: EpochScores = {
            "train_loss": float(np.mean(self.train_losses))
            if self.train_losses
            else math.nan,
            "tuning_loss": tuning_loss,
            **score_tuning(logits, membership),
        }
        self.on_epoch(self.epoch, self.scores)


class KeepBest(Callback):  # type: ignore[misc]
    """Keep the weights of the epoch with the lowest tuning loss, and stop when it stays away.

    Parameters
    ----------
    report : EpochReport
        Where the scores come from.
    patience : int
        Epochs without improvement before the fit ends.
    on_epoch_end : callable, optional
        Called after each epoch, such as to save a checkpoint.
    """

    order = 60

    def __init__(
        self,
        report: EpochReport,
        patience: int,
        on_epoch_end: Callable[[KeepBest], None] | None = None,
    ) -> None:
        super().__init__()
        self.report, self.patience, self.on_epoch_end = report, patience, on_epoch_end
        self.best_loss, self.best_epoch = math.inf, -1
        self.best_state: dict[str, Tensor] = {}

    def after_epoch(self) -> None:
        """Keep these weights if they are the best, stop if that was long ago."""
        if not self.report.predictions:
            return
        loss = self.report.scores["tuning_loss"]
        if not math.isfinite(loss):
            raise CancelFitException
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best_state = copy_state(self.model)
        if self.on_epoch_end:
            self.on_epoch_end(self)
        if self.epoch - self.best_epoch >= self.patience:
            raise CancelFitException


def copy_state(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's tensors in main memory."""
    return {
        key: value.detach().cpu().clone() for key, value in model.state_dict().items()
    }


def mix_states(
    first: dict[str, Tensor], second: dict[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Return tensors between two states: the first's at a share of 0, the second's at 1.

    Counters, which have no between, are the second's.
    """
    return {
        key: torch.lerp(first[key], value, share)
        if value.is_floating_point()
        else value
        for key, value in second.items()
    }


def make_network_learner(
    network: nn.Sequential,
    loaders: DataLoaders,
    loss: GenreLoss,
    *,
    weight_decay: float,
    frozen_share: float,
) -> Learner:
    """Return fastai's vision learner over a network of backbone and head, in groups of layers.

    The groups are the backbone's first tensors (`frozen_share` of them, which
    stay as they are; none by default), the others in `N_STEPS` equal steps from
    shallow to deep, and the head.
    """
    backbone, head = network
    assert isinstance(backbone, Backbone)
    assert isinstance(head, Head)

    def split_layers(network: nn.Sequential) -> list[list[nn.Parameter]]:
        body = list(network[0].parameters())
        cut = round(len(body) * frozen_share)
        steps = np.linspace(cut, len(body), N_STEPS + 1).round().astype(int)
        groups = [body[:cut], *(body[a:b] for a, b in itertools.pairwise(steps))]
        return [*filter(None, groups), list(network[1].parameters())]

    def ready(pretrained: bool = False) -> Backbone:
        return backbone

    # `vision_learner` takes how to cut an architecture from this table only.
    model_meta[ready] = {"cut": lambda body: body, "split": split_layers}
    try:
        learner = vision_learner(
            loaders,
            ready,
            normalize=False,
            n_out=head.classify.out_features,
            pretrained=False,
            custom_head=head,
            init=None,
            loss_func=loss,
            opt_func=adamw,
            wd=weight_decay,
            train_bn=not frozen_share,
        )
    finally:
        del model_meta[ready]
    if frozen_share:
        learner.freeze_to(1)
    _be_quiet(learner)
    return learner


def _be_quiet(learner: Learner) -> None:
    """Keep fastai from printing progress of its own."""
    for name in ("progress", "recorder"):
        if hasattr(learner, name):
            learner.remove_cb(getattr(learner, name))
