"""Who is told how a training goes; needs no torch."""

from __future__ import annotations


class TrainingWatcher:
    """Hears how a training goes, and by default does nothing with it; to be inherited from."""

    def stage(self, name: str, done: float, total: float) -> None:
        """Hear that some of a stage is done."""

    def epoch(self, phase: str, epoch: int, scores: dict[str, float]) -> None:
        """Hear the scores of the ``"probe"`` or of an epoch of the ``"network"``."""

    def note(self, text: str) -> None:
        """Hear of something worth telling a person."""
