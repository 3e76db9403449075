"""Scanning: from the sources to the catalogue, again and again.

A scan reads what is new or changed (by size and time of change, then by
content), keeps the covers of sources that are not mounted today, and publishes
``pictures.parquet``, ``covers.toml``, ``catalogue.parquet``, ``scan-records.parquet``
and ``problems.csv``, each whole or not at all. Where nothing changed
since the last scan, its report is given again (`covers.intake.repeat`). An interrupted scan
leaves them as they were and goes on from its journal.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from covers.intake.repeat import remember_report
from covers.intake.scan_steps import ScanSteps
from covers.workspace.locks import lock_workspace
from covers.workspace.paths import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from covers.intake.summary import ScanReport


def scan_workspace(
    workspace_root: Path,
    sources: Sequence[Path] = (),
    *,
    kind: str = "auto",
    root: Path | None = None,
    intake: Mapping[str, Any] | None = None,
    seed: int | None = None,
    split_anew: bool = False,
    n_workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ScanReport:
    """Take covers into a workspace, which is made when it is not there.

    Parameters
    ----------
    workspace_root : Path
        Folder of the workspace.
    sources : sequence of Path, optional
        Genre folders, manifests or music libraries to scan and to remember;
        by default all that the workspace knows. Covers of sources that are
        not scanned stay.
    kind : {"auto", "folders", "manifest", "music"}
        What the given sources are.
    root : Path, optional
        Folder that a manifest's paths begin in, when not its own.
    intake : mapping, optional
        Changes to `covers.workspace.settings.IntakeSettings`; they are remembered in
        ``covers.toml``.
    seed : int, optional
        Seed of the split; by default that of the settings.
    split_anew : bool, default=False
        Forget the sides that covers have and split all of them again.
    n_workers : int, optional
        Threads that read pictures; by default one per core.
    progress : callable, optional
        Called with the number of pictures read and the number to read.

    Returns
    -------
    ScanReport
        What was found.

    Raises
    ------
    DataError
        If a source is missing, empty or of no known kind, or another scan of
        the workspace is running.
    ConfigError
        If a setting or the genre table is malformed.
    """
    begun = time.monotonic()
    with lock_workspace(workspace_root):
        scan = ScanSteps(Workspace(workspace_root), intake or {}, seed, progress)
        scan.look(sources, kind, root)
        seen = scan.seen()
        known = None if split_anew else scan.recall(seen)
        if known is not None:
            report = known
        else:
            scan.find(n_workers)
            scan.read(n_workers)
            report = scan.publish(split_anew=split_anew)
            if not any(record.content.may_pass for record in scan.records):
                remember_report(scan.workspace, seen, report)
    return replace(report, seconds=round(time.monotonic() - begun, 2))


def reassemble_workspace(workspace_root: Path) -> ScanReport:
    """Make the catalogue anew from what the last scan saw, without looking at a source.

    This is what follows a person's decision about a cover: see
    `covers.catalogue.corrections`.
    """
    with lock_workspace(workspace_root):
        scan = ScanSteps(Workspace(workspace_root), {}, None, None)
        scan.sources = list(scan.settings.sources)
        scan.states = {source.name: "not scanned" for source in scan.sources}
        return scan.publish(split_anew=False)
