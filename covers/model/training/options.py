"""How a training is run, apart from its recipe; readable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covers.model.training.watcher import TrainingWatcher


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Where and from which seed a training runs, and the watcher that it reports to.

    Parameters
    ----------
    device : str, default="auto"
        Where the network runs: ``"auto"``, ``"cpu"`` or ``"cuda"``.
    seed : int, default=0
        Same seed, same machine, same numbers.
    resume : bool, default=False
        Go on from the last finished epoch of an interrupted run.
    offline : bool, default=False
        Never touch the network.
    watcher : TrainingWatcher, optional
        Receives the progress.
    """

    device: str = "auto"
    seed: int = 0
    resume: bool = False
    offline: bool = False
    watcher: TrainingWatcher | None = None

    def note(self, text: str) -> None:
        """Send a message to the watcher, if there is one."""
        if self.watcher is not None:
            self.watcher.note(text)
