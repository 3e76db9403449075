"""How sources are scanned, this time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covers.workspace.remote import AnyPath


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """How sources are scanned, apart from the settings that a workspace remembers.

    Parameters
    ----------
    kind : {"auto", "folders", "manifest", "music"}
        What the given sources are.
    root : Path or RemotePath, optional
        Folder that a manifest's paths begin in, when not its own.
    seed : int, optional
        Seed of the split; by default that of the settings.
    split_anew : bool, default=False
        Forget the sides that covers have and split all of them again.
    n_workers : int, optional
        Threads that read pictures; by default one per core.
    """

    kind: str = "auto"
    root: AnyPath | None = None
    seed: int | None = None
    split_anew: bool = False
    n_workers: int | None = None
