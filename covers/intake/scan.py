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
from typing import TYPE_CHECKING

from covers.intake.record_table import may_any_pass
from covers.intake.repeat import remember_report
from covers.intake.scan_options import ScanOptions
from covers.intake.scan_steps import ScanSteps
from covers.workspace.disk.locks import lock_workspace
from covers.workspace.paths import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from covers.intake.summary import ScanReport
    from covers.workspace.remote import AnyPath

__all__ = ["ScanOptions", "reassemble_workspace", "scan_workspace"]


def scan_workspace(
    workspace_root: Path,
    sources: Sequence[AnyPath] = (),
    *,
    intake: Mapping[str, object] | None = None,
    options: ScanOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ScanReport:
    """Take covers into a workspace, which is made when it is not there.

    Parameters
    ----------
    workspace_root : Path
        Folder of the workspace.
    sources : sequence of Path or RemotePath, optional
        Genre folders, manifests or music libraries to scan and to remember;
        by default all that the workspace knows. Covers of sources that are
        not scanned stay.
    intake : mapping, optional
        Changes to `covers.workspace.settings.IntakeSettings`; they are remembered in
        ``covers.toml``.
    options : ScanOptions, optional
        What the sources are, and how they are read.
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
        scan = ScanSteps(Workspace(workspace_root), intake or {}, options, progress)
        kept = scan.new_catalogue.note_kept_sides(
            is_seed_given=scan.options.seed is not None
        )
        scan.look(sources)
        seen = scan.seen()
        known = None if scan.options.split_anew else scan.recall(seen)
        if known is not None:
            report = known
        else:
            scan.find()
            scan.read()
            report = scan.publish()
            if not may_any_pass(scan.records):
                remember_report(scan.workspace, seen, report)
    return replace(
        report,
        warnings=(*report.warnings, *kept),
        seconds=round(time.monotonic() - begun, 2),
    )


def reassemble_workspace(workspace_root: Path) -> ScanReport:
    """Make the catalogue anew from what the last scan saw, without looking at a source.

    This is what follows a person's decision about a cover: see
    `covers.catalogue.corrections`.
    """
    with lock_workspace(workspace_root):
        scan = ScanSteps(Workspace(workspace_root), {})
        scan.sources = list(scan.settings.sources)
        scan.states = {source.name: "not scanned" for source in scan.sources}
        return scan.publish()
