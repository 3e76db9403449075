"""The fastai side of training: loaders over cached pixels, mild augmentation, callbacks.

Letters: B covers in a batch, S side in pixels, G genres, F backbone statistics.
"""

from __future__ import annotations

import math
import random
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

with warnings.catch_warnings():
    # At import fastai scripts two functions and sets an option that pandas retired.
    warnings.simplefilter("ignore")
    from fastai.callback.core import Callback, CancelFitException
    from fastai.callback.schedule import Learner  # noqa: TC002 - gives learners their one-cycle
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from fastai.optimizer import Adam
    from fastai.vision.learner import model_meta, vision_learner

from covers.model.device import mixed_precision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from covers.model.backbone import Backbone, Head
    from covers.model.pixels import Pixels

__all__ = [
    "EpochReport",
    "GenreLoss",
    "KeepBest",
    "MixedPrecisionForward",
    "adamw",
    "answer_tuning",
    "copy_state",
    "make_network_learner",
    "make_picture_loaders",
    "mix_states",
    "seed_everything",
    "tempered_losses",
]

Batch = tuple[Tensor, Tensor]


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch, and ask torch for repeatable kernels."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - fastai and torchvision draw from the global one
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def adamw(params: Any, lr: float, **options: Any) -> Any:
    """Return fastai's Adam with decoupled weight decay."""
    return Adam(params, lr=lr, decouple_wd=True, **options)


class GenreLoss(nn.Module):  # type: ignore[misc]
    """Cross-entropy against shares of genres, genres weighted as they are rare.

    Parameters
    ----------
    genre_weights : Tensor, shape (n_genres,)
        Weight of each genre's share; mean 1 over covers.
    label_smoothing : float
        Share of each label spread over all genres.
    multi_label : bool
        Independent genres: binary cross-entropy on "has this genre".
    """

    def __init__(
        self, genre_weights: Tensor, *, label_smoothing: float, multi_label: bool
    ) -> None:
        super().__init__()
        self.register_buffer("genre_weights", genre_weights)
        self.label_smoothing = label_smoothing
        self.multi_label = multi_label

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of logits (B, G) against targets (B, G)."""
        losses, weights = self.each(logits, targets)
        loss: Tensor = (weights * losses).sum() / weights.sum()
        return loss

    def each(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return each cover's loss (B,) and weight (B,)."""
        weights = self.genre_weights.to(logits.device)
        if self.multi_label:
            targets = targets * (
                1 - self.label_smoothing
            ) + self.label_smoothing / 2 * (targets > -1)
            losses = F.binary_cross_entropy_with_logits(
                logits, targets, pos_weight=weights, reduction="none"
            )
            return losses.mean(dim=1), torch.ones_like(losses[:, 0])
        smooth = (
            targets * (1 - self.label_smoothing)
            + self.label_smoothing / targets.shape[1]
        )
        return -(smooth * F.log_softmax(logits, dim=1)).sum(dim=1), targets @ weights


class _ArrayLoader(DataLoader):  # type: ignore[misc]
    """Batches of positions, turned into tensors in one go."""

    def __init__(
        self, n: int, fetch: Callable[[Sequence[int]], Batch], **options: Any
    ) -> None:
        super().__init__(range(n), **options)
        self.fetch = fetch

    def create_batches(self, samps: Any) -> Any:
        yield from (self.fetch(list(chunk)) for chunk in self.chunkify(samps))

    def chunkify(self, b: Any) -> Any:
        positions = list(b)
        stops = range(0, len(positions), self.bs)
        chunks = [positions[i : i + self.bs] for i in stops]
        if (
            self.drop_last
            and len(chunks) > 1
            and len(chunks[-1]) < max(2, self.bs // 2)
        ):
            chunks.pop()  # batch statistics of a few covers are noise
        return chunks

    def __len__(self) -> int:
        return len(self.chunkify(range(self.n)))


def make_picture_loaders(
    read: Callable[[Sequence[int]], Pixels],
    targets: Tensor,
    train: npt.NDArray[np.int64],
    tuning: npt.NDArray[np.int64],
    *,
    batch_size: int,
    device: torch.device,
    after_batch: tuple[Callable[[Batch], Batch], Callable[[Batch], Batch]],
) -> DataLoaders:
    """Serve cached pictures.

    Parameters
    ----------
    read : callable
        From positions to pixels (B, S, S, 3).
    targets : Tensor, shape (n, n_genres)
        Shares of genres by position.
    train, tuning : ndarray of int64
        Positions of the two sides.
    batch_size : int
        Pictures per step.
    device : torch.device
        Where batches go.
    after_batch : pair of callables
        What is done to a batch of either side on the device.
    """

    def loader(
        side: npt.NDArray[np.int64], work: Callable[[Batch], Batch], *, shuffle: bool
    ) -> _ArrayLoader:
        def fetch(positions: Sequence[int]) -> Batch:
            rows = side[positions]
            pixels = torch.from_numpy(read(rows.tolist())).permute(
                0, 3, 1, 2
            )  # (B, 3, S, S)
            return pixels, targets[torch.from_numpy(rows)]

        return _ArrayLoader(
            len(side),
            fetch,
            bs=batch_size if shuffle else 2 * batch_size,
            shuffle=shuffle,
            drop_last=shuffle,
            device=device,
            after_batch=work,
        )

    return DataLoaders(
        loader(train, after_batch[0], shuffle=True),
        loader(tuning, after_batch[1], shuffle=False),
        device=device,
    )


class Augment:
    """Mild changes that leave a cover what it is: never mirrored, for it carries text.

    Each picture is zoomed by up to 15 %, shifted within that, rotated by up to
    3 degrees, and changed in brightness, contrast and saturation by up to 15 %.

    Parameters
    ----------
    mean, std : tuple of float
        Normalisation that follows.
    mixup : float
        Parameter of the beta distribution that pictures and targets are
        blended with; 0 blends nothing.
    """

    def __init__(
        self, mean: tuple[float, ...], std: tuple[float, ...], mixup: float = 0.0
    ) -> None:
        self.mean, self.std, self.mixup = mean, std, mixup

    def __call__(self, batch: Batch) -> Batch:
        """Change and normalise uint8 pictures (B, 3, S, S)."""
        pixels, targets = batch
        n, device = len(pixels), pixels.device
        images = pixels.float()
        zoom = torch.empty(n, device=device).uniform_(0.85, 1.0)
        angle = torch.empty(n, device=device).uniform_(-math.pi / 60, math.pi / 60)
        shift = torch.empty(n, 2, device=device).uniform_(-1, 1) * (1 - zoom)[:, None]
        cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
        theta = torch.stack(
            [cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1
        ).view(n, 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        images = F.grid_sample(
            images,
            grid,
            mode="bilinear",
            padding_mode="reflection",
            align_corners=False,
        )
        light, contrast, colour = (
            0.85 + 0.3 * torch.rand(3, n, 1, device=device)
        ).unbind(0)  # (B, 1)
        middle = images.mean(dim=(1, 2, 3)).view(n, 1)  # (B, 1)
        mix = (
            colour[:, :, None] * torch.eye(3, device=device)
            + (1 - colour[:, :, None]) / 3
        )  # (B, 3, 3)
        # Saturation, contrast, brightness and normalisation are one affine map of the three channels.
        scale = 1 / (255 * torch.tensor(self.std, device=device))  # (3,)
        shift = torch.tensor(self.mean, device=device) / torch.tensor(
            self.std, device=device
        )
        mix = mix * contrast[:, :, None] * scale[:, None]
        offset = middle * (light - contrast) * scale - shift  # (B, 3)
        images = torch.baddbmm(offset[:, :, None], mix, images.flatten(2)).view(
            n, 3, *images.shape[2:]
        )
        if self.mixup > 0:
            share = float(np.random.beta(self.mixup, self.mixup))  # noqa: NPY002 - seeded with the rest
            order = torch.randperm(n, device=device)
            images = share * images + (1 - share) * images[order]
            targets = share * targets + (1 - share) * targets[order]
        return images.contiguous(memory_format=torch.channels_last), targets


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


class EpochReport(Callback):  # type: ignore[misc]
    """Tell somebody about each step and each epoch.

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
        on_epoch: Callable[[int, dict[str, float]], None],
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
        targets = torch.cat([target for _, target in self.predictions])
        self.losses, tuning_loss = tempered_losses(self.loss_func, logits, targets)
        self.scores = {
            "train_loss": float(np.mean(self.train_losses))
            if self.train_losses
            else math.nan,
            "tuning_loss": tuning_loss,
            **score_tuning(logits, targets),
        }
        self.on_epoch(self.epoch, self.scores)


def tempered_losses(
    loss: GenreLoss, logits: Tensor, targets: Tensor
) -> tuple[Tensor, float]:
    """Return each cover's weighted loss (n,), and their mean, at the temperature that suits logits (n, G) best.

    Probabilities are calibrated later, on covers of their own; an epoch is not
    to be preferred for being less confident.
    """
    slopes = torch.logspace(-2, 1.5, 15, base=2).tolist()
    mean, slope = min((float(loss(slope * logits, targets)), slope) for slope in slopes)
    losses, weights = loss.each(slope * logits, targets)
    return weights * losses, mean


def score_tuning(logits: Tensor, targets: Tensor) -> dict[str, float]:
    """Return accuracy and macro-F1 of logits (n, G) against shares of genres (n, G)."""
    from sklearn.metrics import f1_score

    predicted = logits.argmax(dim=1)
    hits = targets.gather(1, predicted[:, None]).squeeze(1) > 0
    truth = torch.where(hits, predicted, targets.argmax(dim=1))
    macro = f1_score(
        truth.numpy(), predicted.numpy(), average="macro", zero_division=0.0
    )
    return {"accuracy": float(hits.float().mean()), "macro_f1": float(macro)}


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


def answer_tuning(learner: Learner, state: dict[str, Tensor], seed: int) -> EpochReport:
    """Load a state into the learner's model and report on the tuning covers, as after an epoch."""
    learner.model.load_state_dict(state)
    report = EpochReport(lambda _epoch, _scores: None, lambda _share: None, seed)
    device = next(learner.model.parameters()).device
    learner.validate(cbs=[report, MixedPrecisionForward(device)])
    return report


def make_network_learner(
    backbone: Backbone,
    head: Head,
    loaders: DataLoaders,
    loss: GenreLoss,
    *,
    weight_decay: float,
    frozen_share: float,
) -> Learner:
    """Return fastai's vision learner over a ready backbone and head, in three groups of layers.

    The groups are the backbone's first tensors (`frozen_share` of them, which
    stay as they are), the rest of the backbone, and the head. With nothing
    frozen the first group is the shallow half.
    """

    def split_layers(network: nn.Sequential) -> list[list[nn.Parameter]]:
        body = list(network[0].parameters())
        cut = round(len(body) * (frozen_share or 0.5))
        return [body[:cut], body[cut:], list(network[1].parameters())]

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
    """Leave the terminal to the command line."""
    for name in ("progress", "recorder"):
        if hasattr(learner, name):
            learner.remove_cb(getattr(learner, name))
