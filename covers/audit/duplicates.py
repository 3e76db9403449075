"""Findings about the same design in several files or under several genres."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.audit.findings import Finding, FindingKind
from covers.images.duplicates.groups import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.audit.audited import AuditedCover
    from covers.images.duplicates.near_duplicates import DuplicatePairs

# Shares of right pairs on real covers, judged by eye; see docs/method/audit.md.
_NEAR_BITS = 8
_CONFIDENCE_NEAR = 0.99
_CONFIDENCE_FAR = 0.94
_CONFIDENCE_AGREED = 0.99
_CONFIDENCE_UNDECIDED = 0.9
_CONFIDENCE_CONTRADICTED = 0.5
# A series or a template rather than one design.
_CONFIDENCE_ARTISTS_DIFFER = 0.5
_AGREEING_QUANTILE = 0.999
_CONTRADICTING_QUANTILE = 0.99
_N_RANDOM_PAIRS = 40_000

_EDITION = re.compile(
    r"[\(\[][^\)\]]*\b(?:re-?issue|re-?master(?:ed)?|edition|deluxe|version|anniversary|expanded|mono|stereo)\b[^\)\]]*[\)\]]",
    re.IGNORECASE,
)


def find_repeated_designs(
    rows: Sequence[AuditedCover],
    pairs: DuplicatePairs,
    features: npt.NDArray[np.float32] | None = None,
) -> list[Finding]:
    """Describe the groups that near-duplicate pairs form.

    Parameters
    ----------
    rows : sequence of AuditedCover
    pairs : DuplicatePairs
        Rows of near-duplicates.
    features : ndarray of float32, shape (n_covers, n_features), optional
        L2-normalised embeddings that confirm or contradict the pairs; rows of
        NaN where a cover has none.

    Returns
    -------
    list of Finding
        A reissue or near-duplicate per group, and one more where the covers of
        a group have different genres.
    """
    if not len(pairs):
        return []
    confidences, remarks = _weigh(pairs, features)
    groups = connect(pairs, len(rows))
    members: dict[int, list[int]] = defaultdict(list)
    within = np.flatnonzero(groups[pairs.first] == groups[pairs.second])
    ends = np.concatenate([pairs.first[within], pairs.second[within]])
    for row in np.unique(ends).tolist():
        members[int(groups[row])].append(row)
    links: dict[int, list[int]] = defaultdict(list)
    for pair in within.tolist():
        links[int(groups[pairs.first[pair]])].append(pair)
    findings = []
    for group, covers in members.items():
        # A group holds as well as the weakest link that is needed to reach a cover.
        best = {
            row: max(
                confidences[pair]
                for pair in links[group]
                if row in (pairs.first[pair], pairs.second[pair])
            )
            for row in covers
        }
        confidence = float(min(best.values()))
        weakest = min(links[group], key=lambda pair: confidences[pair])
        findings += _describe(
            [rows[row] for row in covers],
            confidence,
            f"up to {pairs.bits[links[group]].max()} of 64 bits of their hashes differ, small copies "
            f"correlate at {pairs.correlations[links[group]].min():.2f} or more{remarks[weakest]}",
        )
    return findings


def find_shared_covers(rows: Sequence[AuditedCover]) -> list[Finding]:
    """List covers that lie in several files to which the sources give different genres.

    Parameters
    ----------
    rows : sequence of AuditedCover
    """
    findings = []
    for row in rows:
        places = [place for place in row.places if place.genres]
        if len({tuple(sorted(place.genres)) for place in places}) < 2:
            continue
        findings.append(
            Finding(
                kind=FindingKind.SEVERAL_GENRES,
                cover_ids=(row.cover_id,),
                paths=tuple(place.path for place in places),
                confidence=1.0,
                reason=f"the very same file in {len(places)} places; it counts for {_listed(row.genres)}",
            )
        )
    return findings


def _weigh(
    pairs: DuplicatePairs, features: npt.NDArray[np.float32] | None
) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Return the confidence of each pair and what its embeddings say."""
    confidences = np.where(pairs.bits <= _NEAR_BITS, _CONFIDENCE_NEAR, _CONFIDENCE_FAR)
    remarks = [""] * len(pairs)
    if features is None:
        return confidences, remarks
    agreeing, contradicting = _similarity_quantiles(features)
    similarities = np.einsum(
        "ij,ij->i", features[pairs.first], features[pairs.second]
    )  # (P,)
    for pair, similarity in enumerate(similarities.tolist()):
        if similarity >= agreeing:
            confidences[pair] = max(confidences[pair], _CONFIDENCE_AGREED)
            remarks[pair] = f"; their embeddings agree ({similarity:.2f})"
        elif similarity < contradicting:
            confidences[pair] = _CONFIDENCE_CONTRADICTED
            remarks[pair] = f"; their embeddings do not agree ({similarity:.2f})"
        elif similarity < agreeing:
            confidences[pair] = min(confidences[pair], _CONFIDENCE_UNDECIDED)
    return confidences, remarks


def _similarity_quantiles(features: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return what only 1 in 1,000 and 1 in 100 random pairs of covers reach."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, len(features), (2, _N_RANDOM_PAIRS))
    distinct = first != second
    similarities = np.einsum(
        "ij,ij->i", features[first[distinct]], features[second[distinct]]
    )
    known = similarities[np.isfinite(similarities)]
    if not len(known):
        return np.inf, -np.inf
    agreeing, contradicting = np.quantile(
        known, [_AGREEING_QUANTILE, _CONTRADICTING_QUANTILE]
    )
    return float(agreeing), float(contradicting)


def _describe(
    covers: list[AuditedCover], confidence: float, evidence: str
) -> list[Finding]:
    """Make the findings of one group."""
    kind, remark = _tell_reissue(covers)
    if len({cover.artist.casefold() for cover in covers if cover.artist}) > 1:
        confidence = min(confidence, _CONFIDENCE_ARTISTS_DIFFER)
    ids = tuple(cover.cover_id for cover in covers)
    paths = tuple(cover.path for cover in covers)
    findings = [
        Finding(
            kind=kind,
            cover_ids=ids,
            paths=paths,
            confidence=confidence,
            reason=f"{len(covers)} files with the same design{remark}: {evidence}",
        )
    ]
    labels = {tuple(cover.genres) for cover in covers if cover.genres}
    if len(labels) > 1:
        together = tuple(sorted({genre for label in labels for genre in label}))
        findings.append(
            Finding(
                kind=FindingKind.SEVERAL_GENRES,
                cover_ids=ids,
                paths=paths,
                confidence=confidence,
                reason=f"the same design in {len(covers)} files, as "
                f"{' and as '.join(_listed(label) for label in sorted(labels))}: {evidence}",
                suggestion=together,
            )
        )
    return findings


def _tell_reissue(covers: list[AuditedCover]) -> tuple[FindingKind, str]:
    """Say whether a group is one album in several editions, and what its tags add."""
    artists = {(cover.artist or "").casefold() for cover in covers}
    if "" in artists:
        return FindingKind.NEAR_DUPLICATE, ""
    if len(artists) > 1:
        names = sorted({cover.artist for cover in covers if cover.artist})
        return FindingKind.NEAR_DUPLICATE, f", of {_listed(names)}"
    albums = {_bare_title(cover.album) for cover in covers}
    years = sorted({cover.year for cover in covers if cover.year})
    shown = ", ".join(str(year) for year in years)
    if len(albums) == 1 and "" not in albums:
        return FindingKind.REISSUE, f", one album{f' of {shown}' if shown else ''}"
    return FindingKind.NEAR_DUPLICATE, ", of one artist but of different albums"


def _bare_title(album: str | None) -> str:
    """Reduce a title to what its editions have in common."""
    return " ".join(_EDITION.sub("", album or "").casefold().split())


def _listed(names: Sequence[str]) -> str:
    return " + ".join(names) if names else "no genre"
