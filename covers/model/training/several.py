"""Training the networks of one model, one after the other, and joining them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from covers.errors import ModelError
from covers.model.network.backbone import normalise
from covers.model.network.embedder_names import shown_arch
from covers.model.network.head import Head
from covers.model.network.joined import JoinedBackbone, JoinedHead
from covers.model.training.loss import score_tuning, tempered_losses

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from covers.model.network.backbone import Backbone
    from covers.model.network.joined import Norm
    from covers.model.pixels import CoverFile
    from covers.model.training.checkpoint import Checkpoint
    from covers.model.training.finetune import TrainingRun
    from covers.model.training.heads.frozen import FrozenStatistics
    from covers.model.training.history import (
        BestRow,
        FrozenBackbone,
        HeadFit,
        HistoryRow,
        TrainingSummary,
    )
    from covers.model.training.recipe import Recipe

_AT_ONCE = 32


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A network of one or several parts, trained.

    Parameters
    ----------
    network : nn.Sequential
        Backbone, head, and the final head where there is one.
    summary : dict
        What is kept of the training in the model's description.
    history : list of dict
        Scores of all epochs, of the parts in turn.
    is_interrupted : bool
    """

    network: nn.Sequential
    summary: TrainingSummary
    history: list[HistoryRow]
    is_interrupted: bool


@dataclass(frozen=True, kw_only=True)
class _Part:
    network: nn.Sequential
    run: TrainingRun
    logits: Tensor  # (n_tuning, n_genres)
    is_interrupted: bool
    frozen: FrozenBackbone
    final: Head | None
    head_fit: HeadFit | None

    @property
    def best(self) -> BestRow:
        """Its best epoch; the head alone is always scored."""
        assert self.run.best is not None
        return self.run.best


@dataclass(frozen=True, kw_only=True)
class LabelledCovers:
    """All covers with a genre, the held-out ones too.

    Parameters
    ----------
    cover_ids : list of str
    groups : ndarray of int64, shape (n_covers,)
    membership : Tensor of float32, shape (n_covers, n_genres)
        As `TrainingRun.membership` of the train side.
    """

    cover_ids: list[str]
    groups: npt.NDArray[np.int64]
    membership: Tensor


@dataclass(frozen=True, kw_only=True)
class PartsGiven:
    """What all parts of a network are trained with.

    Parameters
    ----------
    files : list of CoverFile
        Covers to keep statistics of.
    everyone : LabelledCovers
        Of both sides.
    labels : str
        Fingerprint of what is trained on.
    checkpoint : Checkpoint or None
        Of an interrupted training.
    """

    files: list[CoverFile]
    everyone: LabelledCovers
    labels: str
    checkpoint: Checkpoint | None


def train_parts(
    backbone: Backbone,
    norm: Norm,
    recipe: Recipe,
    start_run: Callable[[Recipe, Backbone, Norm], TrainingRun],
    given: PartsGiven,
) -> TrainedNetwork:
    """Train every part of a backbone with a head of its own, and join them.

    Where no part was fine-tuned, heads are fitted once more on all labelled covers
    with a statistic, the final heads; the others never see held-out covers.

    A part is trained as if it were alone. An interrupted training goes on in the
    part that the checkpoint is of; those before it are trained again, which with
    the same seed gives the same. After an interruption the parts that follow get
    their heads and no more.

    Parameters
    ----------
    backbone : Backbone
        One, or a `JoinedBackbone`.
    norm : (mean, std)
        Of a single one.
    recipe : Recipe
        For all parts.
    start_run : callable
        From a part's recipe, backbone and normalisation to its training run.
    given : PartsGiven
    """
    checkpoint = given.checkpoint
    is_joined = isinstance(backbone, JoinedBackbone)
    parts = list(backbone.parts) if is_joined else [backbone]
    norms = list(backbone.norms) if is_joined else [norm]
    trained: list[_Part] = []
    interrupted = False
    for part, own_norm, own in zip(parts, norms, recipe.parts(), strict=True):
        arch = own.arch
        if interrupted:
            own = replace(own, epochs=0)
        run = start_run(own, part, own_norm)
        if is_joined:
            run.watcher.note(
                f"network {len(trained) + 1} of {len(parts)}: {shown_arch(arch)}"
            )
        resumed = (
            checkpoint if checkpoint and checkpoint.recipe["arch"] == arch else None
        )
        trained.append(_train_part(run, replace(given, checkpoint=resumed)))
        interrupted |= trained[-1].is_interrupted
    best = _score_together(trained) if is_joined else trained[0].best
    heads = [_join([part.network[1] for part in trained], is_joined=is_joined)]
    finals = [part.final for part in trained if part.final is not None]
    summary: TrainingSummary = {"best": best, "frozen": trained[-1].frozen}
    if len(finals) == len(trained):
        heads.append(_join(finals, is_joined=is_joined))
        summary["final"] = {"n_covers": len(given.everyone.cover_ids)}
    fits = [part.head_fit for part in trained if part.head_fit is not None]
    if len(fits) == len(trained):
        summary["head_fits"] = fits
    network = nn.Sequential(backbone, *heads)
    if is_joined:
        summary["parts"] = [
            {"arch": part.run.recipe.arch, "best": part.best} for part in trained
        ]
    history = [row for part in trained for row in part.run.history]
    return TrainedNetwork(
        network=network,
        summary=summary,
        history=history,
        is_interrupted=interrupted,
    )


def _join(heads: list[Head], *, is_joined: bool) -> Head:
    """Return one head of several parts'; of a single network its own."""
    return JoinedHead(heads) if is_joined else heads[0]


def _train_part(run: TrainingRun, given: PartsGiven) -> _Part:
    """Fit a head on a backbone's statistics, then fine-tune as far as that pays."""
    recipe, backbone = run.recipe, run.backbone
    everyone = given.everyone
    frozen = run.frozen_statistics(given.files, everyone.cover_ids)
    statistics = frozen.of(run.data.cover_ids)
    if statistics is None:
        message = "the backbone said nothing of some covers: run 'covers train' again"
        raise ModelError(message)
    head = Head(
        backbone.n_features,
        recipe.embedding_dim,
        len(run.data.vocab),
        recipe.dropout,
        follows=recipe.weights == "none",
    )
    run.fit_head(head, statistics)
    network = nn.Sequential(backbone, head)
    interrupted = False
    if recipe.epochs and not backbone.is_untouched:
        interrupted = run.fit_network(network, given.labels, given.checkpoint)
    is_start = run.best is not None and run.best["phase"] == "probe"
    logits = run.tuned_logits
    if logits is None:
        logits = _answer_tuning(run, network, statistics if is_start else None)
    final: Head | None = None
    head_fit: HeadFit | None = None
    if is_start and not interrupted:
        penalty = run.fit_head_on_all(head, statistics)
        final = _fit_final(run, head, frozen, everyone)
        if not recipe.multi_label:
            head_fit = {
                "fingerprint": frozen.fingerprint,
                "penalty": penalty,
                "class_balance": recipe.class_balance,
                "seed": run.seed,
                "mixes": run.mixes(len(run.data.cover_ids)),
            }
            if frozen.mirrored:
                head_fit["mirrored"] = frozen.mirrored
    described: FrozenBackbone = {
        "fingerprint": frozen.fingerprint,
        "deepest_channels": backbone.channels[-1],
        "columns": list(backbone.baseline_columns),
    }
    return _Part(
        network=network,
        run=run,
        logits=logits,
        is_interrupted=interrupted,
        frozen=described,
        final=final,
        head_fit=head_fit,
    )


def _fit_final(
    run: TrainingRun, head: Head, frozen: FrozenStatistics, everyone: LabelledCovers
) -> Head | None:
    """Fit a head on the statistics of all labelled covers; None where some held-out covers have none."""
    if len(everyone.cover_ids) <= len(run.data.cover_ids):
        return None
    known = frozen.of(everyone.cover_ids)
    if known is None:
        return None
    final = Head(
        head.project.in_features,
        head.project.out_features,
        head.classify.out_features,
        run.recipe.dropout,
        follows=head.follows,
    )
    run.start_head(final, known, everyone.membership, everyone.groups)
    final.eval()
    return final


def _answer_tuning(
    run: TrainingRun, network: nn.Sequential, statistics: Tensor | None
) -> Tensor:
    """Return a network's logits (n_tuning, n_genres) of the tuning covers."""
    was_training = network.training
    network.eval()
    tuning = run.data.tuning
    try:
        with torch.inference_mode():
            if statistics is not None:
                head = network[1].cpu()
                return head(statistics[tuning]).clone()
            read = run.cache.pixels_of(run.data.cover_ids)
            device = next(network.parameters()).device
            found = []
            for first in range(0, len(tuning), _AT_ONCE):
                pixels = read(tuning[first : first + _AT_ONCE].tolist())
                pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device)
                images = normalise(pictures, run.mean, run.std)
                found.append(network(images).float().cpu())
            return torch.cat(found)
    finally:
        network.train(was_training)


def _score_together(trained: list[_Part]) -> BestRow:
    """Score the mean of the parts' answers on the tuning covers."""
    run = trained[0].run
    logits = torch.stack([part.logits for part in trained]).mean(dim=0)
    membership = run.membership[run.data.tuning]
    is_start = all(part.best["phase"] == "probe" for part in trained)
    return {
        "phase": "probe" if is_start else "joined",
        "epoch": 0,
        "tuning_loss": tempered_losses(run.loss, logits, membership)[1],
        **score_tuning(logits, membership),
    }
