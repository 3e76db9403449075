"""Recognising a scan that would find what the last one found.

``scan.json`` keeps a hash of all that a scan looks at before it opens a
picture (names, sizes and times of change of the files, the settings, the
decisions) and of the files it published, with the report it gave. Where the
hash is the same, so is the rest of the scan, and the report is given again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from covers.catalogue.splits import SplitBalance
from covers.errors import DataError
from covers.images.thumbnail_shards import SUFFIX
from covers.intake.summary import ScanReport, SourceReport
from covers.workspace.artefacts import Stamp, write_json
from covers.workspace.read_artefacts import read_document
from covers.workspace.registry import SCAN_REPORT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from covers.intake.sources import Walk
    from covers.workspace.paths import Workspace


def hash_walks(walks: Mapping[str, Walk], looked_at: Mapping[str, object]) -> str:
    """Hash what a scan saw before it opened a picture.

    Parameters
    ----------
    walks : mapping of str to Walk
        Files of each source, by its name.
    looked_at : mapping
        Everything else the result depends on, as JSON values.
    """
    digest = hashlib.sha256(json.dumps(looked_at, sort_keys=True).encode())
    digest.update(importlib.metadata.version("album-covers").encode())
    digest.update(SUFFIX.encode())  # of thumbnails: other kinds do not count
    for name, walk in walks.items():
        lines = [name, str(len(walk.files)), repr(walk.problems)]
        lines += [f"{e.path}\0{e.size}\0{e.mtime_ns}" for e in walk.files]
        digest.update("\n".join(lines).encode())
    return digest.hexdigest()[:32]


def recall_report(workspace: Workspace, seen: str) -> ScanReport | None:
    """Return what a scan would report, if the last one saw the same.

    Parameters
    ----------
    workspace : Workspace
        As the last scan left it, or not.
    seen : str
        From `hash_walks`.

    Returns
    -------
    ScanReport or None
        None where anything differs, also of what the last scan published.
    """
    if workspace.journal_path.exists():
        return None
    try:
        kept = read_document(workspace, SCAN_REPORT)
    except DataError:
        return None
    if kept.get("seen") != seen or kept.get("published") != _hash_published(workspace):
        return None
    report = dict(kept["report"])
    report["problems_path"] = workspace.problems_path
    report["sources"] = [SourceReport(**source) for source in report["sources"]]
    report["split"] = SplitBalance(**report["split"])
    return ScanReport(**report)


def remember_report(workspace: Workspace, seen: str, report: ScanReport) -> None:
    """Keep the report that the next scan gives if it sees the same."""
    again = replace(
        report,
        new=0,
        changed=0,
        moved=0,
        gone=0,
        unchanged=report.n_locations,
        n_read=0,
    )
    payload = {
        "seen": seen,
        "published": _hash_published(workspace),
        "report": asdict(again),
    }
    write_json(_path(workspace), payload, Stamp(kind=SCAN_REPORT.kind))


def _path(workspace: Workspace) -> Path:
    return workspace.path(SCAN_REPORT)


def _hash_published(workspace: Workspace) -> str:
    """Hash sizes and times of what a scan publishes, and the names of the thumbnails."""
    digest = hashlib.sha256()
    for path in (
        workspace.catalogue_path,
        workspace.pictures_path,
        workspace.scan_records_path,
        workspace.problems_path,
        workspace.tags_path,
    ):
        try:
            status = path.stat()
        except FileNotFoundError:
            digest.update(f"{path.name} is missing\n".encode())
        else:
            digest.update(
                f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode()
            )
    folder = workspace.thumbnails_folder
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208  strings, 100,000 times
        digest.update(name.encode("utf-8", "surrogateescape"))
        below = folder / name
        if below.is_dir():
            names = "\0".join(sorted(os.listdir(below)))  # noqa: PTH208
            digest.update(names.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]
