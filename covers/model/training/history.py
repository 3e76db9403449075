"""What is noted of a training, as it goes into checkpoints, ``history.csv`` and the model's description."""

from __future__ import annotations

from typing import NotRequired, TypedDict

__all__ = [
    "BestRow",
    "EpochScores",
    "FinalHead",
    "FrozenBackbone",
    "HeadFit",
    "HistoryRow",
    "MixRow",
    "PartSummary",
    "Scores",
    "TrainingSummary",
    "TuningScores",
]


class TuningScores(TypedDict):
    """How many genres of the tuning covers are right."""

    accuracy: float
    macro_f1: float


class Scores(TuningScores):
    """The same, with the loss on the tuning covers."""

    tuning_loss: float


class EpochScores(Scores):
    """The same, with the loss on the train covers; NaN where none was measured."""

    train_loss: float


class BestRow(Scores):
    """The scores of the weights that are kept.

    `phase` is ``"probe"`` for the head alone, ``"network"`` for an epoch of the whole,
    ``"mix"`` for weights between start and end, and ``"joined"`` for several networks
    together.
    """

    phase: str
    epoch: int


class HistoryRow(BestRow, EpochScores):
    """The scores of one epoch."""


class MixRow(HistoryRow):
    """The scores of weights between start and end, of which `share` is the end's."""

    share: float


class FrozenBackbone(TypedDict):
    """The statistics of the untouched backbone that an evaluation reads as a baseline."""

    fingerprint: str
    deepest_channels: int
    columns: list[int]


class HeadFit(TypedDict):
    """How a head was fitted in closed form, so that it can be fitted again without a fold."""

    fingerprint: str
    mirrored: NotRequired[str]
    penalty: float
    class_balance: float
    seed: int
    mixes: NotRequired[bool]


class FinalHead(TypedDict):
    """The head that was fitted on all labelled covers."""

    n_covers: int


class PartSummary(TypedDict):
    """One of several networks that are joined."""

    arch: str
    best: BestRow


class TrainingSummary(TypedDict):
    """What a model's description says of its training."""

    n_labelled: NotRequired[int]
    n_train: NotRequired[int]
    n_tuning: NotRequired[int]
    best: BestRow
    frozen: FrozenBackbone
    final: NotRequired[FinalHead]
    head_fits: NotRequired[list[HeadFit]]
    parts: NotRequired[list[PartSummary]]
