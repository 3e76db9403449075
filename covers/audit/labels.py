"""Findings that need embeddings: doubtful genres and outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.audit.findings import Finding, FindingKind, beyond
from covers.render.numbers import per_cent
from covers.render.short_repr import ShortRepr
from covers.workspace.disk.read_only import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.audit.audited import AuditedCover
    from covers.catalogue.cover_set import CoverSet

_N_NEIGHBOURS = 5
_MOST_REFERENCES = 20_000
_MOST_CHECKED = 20_000
_CUTS = (0.01, 0.02, 0.05, 0.1)


@dataclass(frozen=True, kw_only=True, repr=False)
class LabelCheck(ReadOnly, ShortRepr):
    """How far the list of doubtful labels can be trusted, measured on planted errors.

    Parameters
    ----------
    n_covers, n_flipped : int
        Labelled covers that were used, and how many of their labels were made wrong.
    random_precision : float
        Share of wrong labels in a list in random order.
    average_precision : float
        Area under the precision-recall curve; equals `random_precision` for
        a list in random order.
    cuts : tuple of dict
        ``share`` of the covers listed, most doubtful first, with ``precision``
        and ``recall`` of the planted errors, and the ``recall`` that a random
        list would have.
    """

    n_covers: int
    n_flipped: int
    random_precision: float
    average_precision: float
    cuts: tuple[dict[str, float], ...]


def find_doubtful_labels(
    rows: Sequence[AuditedCover],
    features: npt.NDArray[np.float32],
    covers: CoverSet,
    *,
    share: float = 0.02,
    seed: int = 0,
) -> tuple[list[Finding], LabelCheck]:
    """List the labels that a linear probe doubts most, and check the list on planted errors.

    Parameters
    ----------
    rows : sequence of AuditedCover
    features : ndarray of float32, shape (n_covers, n_features)
        Best from a network that never saw the labels: one trained on them
        has learnt the wrong ones, too.
    covers : CoverSet
        The same covers; those of one group are predicted together.
    share : float, default=0.02
        List at most this share of the labelled covers.
    seed : int, default=0
        Of folds and planted errors.

    Raises
    ------
    ValueError
        If there are fewer than two genres or groups.
    """
    from covers.audit.label_errors import (
        Planting,
        find_label_errors,
        measure_flip_recovery,
        predict_out_of_fold,
    )
    from covers.evaluate.baselines import fit_linear_probe

    labelled = np.flatnonzero(covers.has_genre())
    used, known = features[labelled], covers.membership[labelled]
    together = covers.groups[labelled]
    penalty = fit_linear_probe(used, known, together, seed=seed).penalty
    found = find_label_errors(
        predict_out_of_fold(used, known, together, seed=seed, penalty=penalty), known
    )
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.permutation(len(labelled))[:_MOST_CHECKED])
    recovery = measure_flip_recovery(
        used[sample],
        known[sample],
        together[sample],
        Planting(seed=seed),
        penalty=penalty,
    )
    listed = found.ranking()[: max(1, round(share * len(labelled)))]
    chances = recovery.chance_of_error(found.quality[listed]).clip(0, 1)
    findings = []
    for position, chance in zip(listed.tolist(), chances.tolist(), strict=True):
        row = rows[labelled[position]]
        looks_like = covers.vocab[int(found.suggested[position])]
        findings.append(
            Finding(
                kind=FindingKind.LABEL_ERROR,
                cover_ids=(row.cover_id,),
                paths=(row.path,),
                confidence=chance,
                reason=f"filed under {' + '.join(row.genres)}, which has {per_cent(found.quality[position])} of the "
                f"support usual for that genre; looks most like {looks_like}",
                suggestion=(looks_like,),
            )
        )
    cuts = []
    for cut in _CUTS:
        precision, recall = recovery.at(cut)
        cuts.append(
            {
                "share": cut,
                "precision": precision,
                "recall": recall,
                "random_recall": cut,
            }
        )
    check = LabelCheck(
        n_covers=len(recovery.flipped),
        n_flipped=int(recovery.flipped.sum()),
        random_precision=recovery.random_precision,
        average_precision=recovery.average_precision,
        cuts=tuple(cuts),
    )
    return findings, check


def find_outliers(
    rows: Sequence[AuditedCover],
    features: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64],
    *,
    seed: int = 0,
) -> list[Finding]:
    """List covers far from all others, by Tukey's outer fence.

    The measure is the mean cosine distance to the five nearest covers of
    other groups; beyond the third quartile plus three interquartile ranges a
    cover is listed. In large catalogues the neighbours come from a sample of
    20,000 covers, the same for all.

    Parameters
    ----------
    rows : sequence of AuditedCover
    features : ndarray of float32, shape (n_covers, n_features)
        L2-normalised.
    groups : ndarray of int64, shape (n_covers,)
    seed : int, default=0
        Of the sample.

    References
    ----------
    .. [1] Tukey, J. W. (1977). "Exploratory Data Analysis". Addison-Wesley, ch. 2.
    """
    from covers.stats.neighbours import find_neighbours

    if len(rows) <= 4 * _N_NEIGHBOURS:
        return []
    rng = np.random.default_rng(seed)
    references = np.sort(rng.permutation(len(features))[:_MOST_REFERENCES])
    near = find_neighbours(
        features,
        features[references],
        k=_N_NEIGHBOURS,
        query_groups=groups,
        reference_groups=groups[references],
    )
    reached = np.asarray(np.isfinite(near.similarities).all(axis=1))  # (N,)
    distances = 1 - near.similarities.mean(axis=1)  # (N,), NaN where too few
    first, third = np.quantile(distances[reached], [0.25, 0.75])
    fence = third + 3 * (third - first)
    extreme = third + 6 * (third - first)
    order = np.argsort(-np.where(reached, distances, -np.inf), kind="stable")
    return [
        Finding(
            kind=FindingKind.OUTLIER,
            cover_ids=(rows[row].cover_id,),
            paths=(rows[row].path,),
            confidence=beyond(float(distances[row]), float(fence), float(extreme)),
            reason=f"mean distance {distances[row]:.2f} to its five nearest covers; three quarters have {third:.2f} or less",
        )
        for row in order.tolist()
        if reached[row] and distances[row] > fence
    ]
