"""What the best possible classifier reads of drawn covers: the posteriors that they were drawn from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.stats.bootstrap import GroupBootstrap
from covers.stats.metrics import measure_method

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from covers.stats.metrics import Measures


@dataclass(frozen=True, kw_only=True)
class DrawnCovers:
    """Covers of a drawn library, as a catalogue has them.

    Parameters
    ----------
    paths : sequence of sequence of str
        Where each cover lies, relative to the library.
    membership : ndarray of float, shape (n_covers, n_genres)
        1/m in each of a cover's m genres.
    groups : ndarray of int64, shape (n_covers,)
        Artist, near-duplicates.
    vocab : sequence of str
        Names of the genres.
    """

    paths: Sequence[Sequence[str]]
    membership: npt.NDArray[np.floating[Any]]
    groups: npt.NDArray[np.int64]
    vocab: Sequence[str]


def measure_limit(truth_file: Path, covers: DrawnCovers) -> Measures | None:
    """Measure the true posteriors on some covers, as any method is measured.

    Parameters
    ----------
    truth_file : Path
        ``truth.json`` of the library.
    covers : DrawnCovers
        Those without a genre, or that were not drawn, are left out.

    Returns
    -------
    Measures or None
        None where no cover is left.
    """
    drawn = {
        row["path"]: row["posterior"]
        for row in json.loads(truth_file.read_text(encoding="utf-8"))["covers"]
    }
    rows, posteriors = [], []
    for row, paths in enumerate(covers.paths):
        known = next((drawn[path] for path in paths if path in drawn), None)
        if known is None or not covers.membership[row].sum():
            continue
        p = np.array([known.get(genre, 0.0) for genre in covers.vocab])
        if p.sum() > 0:
            rows.append(row)
            posteriors.append(p / p.sum())
    if not rows:
        return None
    draws = GroupBootstrap.draw(covers.groups[rows], n_bootstraps=200)
    return measure_method(np.array(posteriors), covers.membership[rows], draws=draws)
