"""The border to HDBSCAN: one tree of density, cut at several smallest sizes."""

from __future__ import annotations

import copy
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import needs_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from covers.cluster.projection import Points

Labels = npt.NDArray[np.int64]


def fit_tree(
    hdbscan: Any,
    layout: Points,
    min_samples: int,
    size: int,
    **options: bool,
) -> Any:
    """Fit HDBSCAN, with further options of its own, to float64 points, in one process."""
    return hdbscan.HDBSCAN(
        min_cluster_size=size,
        min_samples=min(min_samples, len(layout) - 1),
        gen_min_span_tree=True,
        core_dist_n_jobs=1,
        **options,
    ).fit(layout.astype(np.float64))


def cut_tree(
    hdbscan: Any, fitted: Any, layout: Points, size: int
) -> tuple[Labels, npt.NDArray[np.float64]]:
    """Return the labels and strengths that another smallest size gives on the same tree."""
    tree = fitted.single_linkage_tree_.to_numpy()
    labels, strengths, *_ = hdbscan.hdbscan_._tree_to_labels(
        layout, tree, min_cluster_size=size
    )
    return np.asarray(labels, np.int64), np.asarray(strengths, np.float64)


def largest_share(labels: Labels) -> float:
    """Return the share of all covers that the largest cluster holds."""
    return float(np.bincount(labels[labels >= 0], minlength=1).max() / len(labels))


def validity_of(fitted: Any, labels: Labels) -> float:
    """Return the relative validity of other labels on a fitted spanning tree."""
    other = copy.copy(fitted)
    other.labels_, other._relative_validity = labels, None
    value = float(other.relative_validity_)
    return value if np.isfinite(value) else 0.0


@contextmanager
def quiet_hdbscan() -> Iterator[Any]:
    """Import hdbscan and run it without its libraries' own deprecation warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with needs_extra("clustering"):
            import hdbscan
            import hdbscan.hdbscan_
        yield hdbscan
