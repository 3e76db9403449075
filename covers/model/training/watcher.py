"""Callbacks for the progress of a training; needs no torch."""

from __future__ import annotations


class TrainingWatcher:
    """Callbacks for the progress of a training; each does nothing until a subclass overrides it.

    Examples
    --------
    >>> class Teller(covers.TrainingWatcher):
    ...     def note(self, text):
    ...         print(text)
    >>> Teller().note("first the last layer")
    first the last layer
    """

    def stage(self, name: str, done: float, total: float) -> None:
        """Report that part of a stage is done."""

    def epoch(self, phase: str, epoch: int, scores: dict[str, float]) -> None:
        """Report the scores of the ``"probe"``, or of an epoch of the ``"network"``."""

    def note(self, text: str) -> None:
        """Report something in words."""
