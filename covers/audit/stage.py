"""The audit of a workspace: every check run, findings written and read back.

An audit changes nothing: it lists findings with a reason and a confidence.
What a person decides about them comes back through
`covers.audit.decisions`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.arguments import check_fields, flag, made_by, number
from covers.audit.audited import AuditedCover, Place
from covers.audit.duplicates import find_repeated_designs, find_shared_covers
from covers.audit.findings import Finding, FindingKind
from covers.audit.labels import (
    LabelCheck,
    find_doubtful_labels,
    find_outliers,
)
from covers.audit.pictures import PictureLimits, find_bad_pictures
from covers.audit.result import Audit
from covers.catalogue.corrections import Overlay
from covers.catalogue.cover_set import CoverSet, columns_of
from covers.catalogue.table import read_catalogue
from covers.errors import CoversError, DataError, MissingExtraError
from covers.images.duplicates.near_duplicates import find_near_duplicates
from covers.images.duplicates.views import Views
from covers.images.thumbnails import load_thumbnails
from covers.stats.rows import RowsById
from covers.workspace.artefacts import Stamp, write_json
from covers.workspace.read_artefacts import read_document, read_rows, typed
from covers.workspace.registry import AUDIT_DOCUMENT, PICTURES
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from covers.catalogue.table import Catalogue
    from covers.workspace.paths import Workspace
    from covers.workspace.settings import Source

_LOG = logging.getLogger(__name__)
_COLUMNS = (
    "cover_id",
    "path",
    "artist",
    "album",
    "year",
    "width",
    "height",
)
_MEASURES = ("brightness", "contrast", "sharpness")
_MUSIC_KINDS = (
    FindingKind.ART_DIFFERS,
    FindingKind.TRACK_ART_DIFFERS,
    FindingKind.ARTIST_PHOTO,
)
_EMBEDDING_KINDS = (FindingKind.LABEL_ERROR, FindingKind.OUTLIER)


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """What an audit looks for.

    Parameters
    ----------
    pictures : PictureLimits
        When a picture is tiny, dark and so on.
    label_share : float, default=0.02
        List at most this share of the labelled covers as doubtful.
    music : bool, default=True
        Whether to read the pictures of music libraries again and compare them.

    Examples
    --------
    >>> sure = covers.AuditOptions(label_share=0.01, music=False)
    >>> len(library.audit(sure).findings) <= len(library.audit().findings)
    True
    """

    pictures: PictureLimits = field(default_factory=PictureLimits)
    label_share: float = 0.02
    music: bool = True

    def __post_init__(self) -> None:
        check_fields(
            self,
            pictures=made_by("PictureLimits"),
            label_share=number(0, 1),
            music=flag,
        )


def run(
    workspace: Workspace,
    options: AuditOptions | None = None,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Audit a workspace and publish ``analysis/audit.json`` where that can be written.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue. Embeddings are used when there are any.
    options : AuditOptions, optional
    seed : int, default=0
        Of folds, samples and planted label errors.
    progress : callable, optional
        Called with pictures of music files read and all of them.

    Raises
    ------
    DataError
        If there is no catalogue, or it belongs to other pictures.
    """
    used = options or AuditOptions()
    catalogue = read_catalogue(workspace)
    rows = _read_rows(workspace, catalogue)
    not_checked: dict[str, str] = {}
    features = _read_features(workspace, catalogue, not_checked)
    pairs = find_near_duplicates(
        Views.of(_read_pictures(workspace, catalogue)),
        look=load_thumbnails(workspace, catalogue.cover_ids),
    )
    findings = find_shared_covers(rows)
    findings += find_repeated_designs(rows, pairs, features)
    findings += find_bad_pictures(rows, used.pictures)
    label_check = None
    if features is not None:
        more, label_check, why_not = _look_at_features(
            catalogue, rows, features, used, seed
        )
        findings += more
        if why_not:
            not_checked[FindingKind.LABEL_ERROR.value] = why_not
    findings += _audit_music(workspace, catalogue, used, not_checked, progress)
    overlay = Overlay.read(workspace)
    left = [finding for finding in findings if not _is_reviewed(finding, overlay)]
    order = {kind: rank for rank, kind in enumerate(FindingKind)}
    # Of equal confidence, the order in which they were found: most doubtful first.
    left.sort(key=lambda f: (order[f.kind], -f.confidence))
    audit = Audit(
        findings=tuple(left),
        n_covers=len(catalogue),
        n_reviewed=len(findings) - len(left),
        not_checked=not_checked,
        label_check=label_check,
    )
    stamp = Stamp(
        kind=AUDIT_DOCUMENT.kind,
        made_from={"catalogue": catalogue.label_fingerprint()},
        seed=seed,
    )
    path = workspace.path(AUDIT_DOCUMENT)
    try:
        write_json(path, audit.to_json(), stamp)
    except (OSError, DataError) as error:
        # A workspace may lie on a read-only disk: what was found is still of use.
        reason = getattr(error, "strerror", None) or error
        _LOG.warning("'%s' could not be written: %s", path, reason)
    return audit


def read(workspace: Workspace) -> Audit:
    """Read what the last audit found.

    Raises
    ------
    DataError
        If there was none, or it cannot be read.
    """
    content = read_document(workspace, AUDIT_DOCUMENT)
    return typed(Audit, content, workspace, AUDIT_DOCUMENT)


def _read_rows(workspace: Workspace, catalogue: Catalogue) -> list[AuditedCover]:
    """Return catalogue rows with the measures of their pictures."""
    pictures = _read_pictures(workspace, catalogue)
    columns = [
        *(catalogue.column(name) for name in _COLUMNS),
        *(pictures.column(name).to_pylist() for name in _MEASURES),
    ]
    places = [
        tuple(Place(path=one["path"], genres=tuple(one["genres"])) for one in found)
        for found in catalogue.column("locations")
    ]
    genres = [tuple(found) for found in catalogue.column("genres")]
    names = ("genres", "places", *_COLUMNS, *_MEASURES)
    return [
        AuditedCover(**dict(zip(names, values, strict=True)))
        for values in zip(genres, places, *columns, strict=True)
    ]


def _read_pictures(workspace: Workspace, catalogue: Catalogue) -> pa.Table:
    """Return the picture measures in the order of the catalogue, null where missing."""
    import pyarrow as pa

    table, _ = read_rows(workspace, PICTURES)
    rows = RowsById(table.column("cover_id").to_pylist()).of(catalogue.cover_ids)
    return table.take(make_array([None if r < 0 else int(r) for r in rows], pa.int64()))


def _read_features(
    workspace: Workspace, catalogue: Catalogue, not_checked: dict[str, str]
) -> npt.NDArray[np.float32] | None:
    """Return L2-normalised features in the order of the catalogue, NaN where missing.

    The untouched backbone's come first: a network trained on these labels has
    learnt their errors.
    """
    reasons = []
    for name in ("read_frozen", "read_embeddings"):
        try:
            from covers.model import embedding_table

            table = getattr(embedding_table, name)(workspace)
        except (CoversError, ImportError) as error:
            reasons.append(str(error))
            continue
        known = table.rows.of(catalogue.cover_ids)
        features = np.full((len(known), table.embeddings.shape[1]), np.nan, np.float32)
        features[known >= 0] = table.embeddings[known[known >= 0]]
        return features
    for kind in _EMBEDDING_KINDS:
        not_checked[kind.value] = f"there are no embeddings yet ({reasons[0]})"
    return None


def _look_at_features(
    catalogue: Catalogue,
    rows: list[AuditedCover],
    features: npt.NDArray[np.float32],
    options: AuditOptions,
    seed: int,
) -> tuple[list[Finding], LabelCheck | None, str]:
    """Look for outliers and doubtful labels; say why labels could not be checked."""
    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    chosen = [rows[row] for row in known]
    covers = CoverSet(**columns_of(catalogue, known))
    findings = find_outliers(chosen, features[known], covers.groups, seed=seed)
    try:
        doubtful, check = find_doubtful_labels(
            chosen,
            features[known],
            covers,
            share=options.label_share,
            seed=seed,
        )
    except ValueError as error:
        return findings, None, str(error)
    return findings + doubtful, check, ""


def _audit_music(
    workspace: Workspace,
    catalogue: Catalogue,
    options: AuditOptions,
    not_checked: dict[str, str],
    progress: Callable[[int, int], None] | None,
) -> list[Finding]:
    """Compare the pictures of music libraries."""
    libraries = [s for s in workspace.settings.sources if s.kind == "music"]
    reason = "" if libraries else "there is no music library in this workspace"
    if libraries and not options.music:
        reason = "not asked for"
    findings: list[Finding] = []
    for source in libraries if options.music else ():
        try:
            findings += _audit_library(workspace, catalogue, source, progress)
        except (DataError, MissingExtraError) as error:
            reason = str(error)
    if reason:
        not_checked.update((kind.value, reason) for kind in _MUSIC_KINDS)
    return findings


def _audit_library(
    workspace: Workspace,
    catalogue: Catalogue,
    source: Source,
    progress: Callable[[int, int], None] | None,
) -> list[Finding]:
    """Compare the pictures of one music library."""
    from covers.audit.album_art import MusicFolder, collect_albums
    from covers.audit.music import find_album_art
    from covers.intake.music.tag_cache import TagCache

    cache = TagCache.open(workspace.tags_path)
    covers = {
        (place["path"], place["member"] or ""): cover_id
        for cover_id, places in zip(
            catalogue.cover_ids, catalogue.column("locations"), strict=True
        )
        for place in places
        if place["source"] == source.name
    }
    library = collect_albums(
        MusicFolder(
            root=workspace.root / source.path,
            tags={
                path: row[2]
                for (name, path), row in cache.rows.items()
                if name == source.name
            },
            priority=workspace.settings.intake.art_priority,
            covers=covers,
            leave_out=[workspace.root],
        ),
        progress,
    )
    return find_album_art(library)


def _is_reviewed(finding: Finding, overlay: Overlay) -> bool:
    """Whether a person decided to keep every cover of a finding as it is."""
    return bool(finding.cover_ids) and all(
        (cover_id, finding.kind.value) in overlay.confirmed
        for cover_id in finding.cover_ids
    )
