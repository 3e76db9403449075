"""Which features of the network make the best embedding: for votes, and for what looks alike.

    scripts/bench layers WORKSPACE [--json]

Reads the untrained backbone's statistics (texture, and maximum, mean and standard
deviation of every channel, of the last three resolutions) that ``covers train`` left in a workspace.
Every candidate is fitted on four of five grouped folds and measured on the
fifth, `--repeats` times: macro-F1 of the vote (20 nearest), and, for what a
person finds similar, the mean reciprocal rank of the nearest cover of the same
group (artist or near-duplicates) among all covers, genres unknown.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch

from covers.catalogue.table import read_catalogue
from covers.classify.voting import VoteSettings, vote_with
from covers.model.backbone import STATISTICS, Head, make_backbone
from covers.model.card import read_card
from covers.model.embed import frozen_parts
from covers.model.head_fit import start_head
from covers.stats.calibration import group_folds
from covers.stats.metrics import measure_method
from covers.stats.neighbours import find_neighbours
from covers.workspace.paths import Workspace

VOTE = VoteSettings(k=20, temperature=0.1, class_balance=1.0)


def unit(x: np.ndarray) -> np.ndarray:
    norms = np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return (x / norms).astype(np.float32)


def plain(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    return unit(x)


def standardised(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    return unit((x - x[train].mean(axis=0)) / (x[train].std(axis=0) + 1e-6))


def whitened(power: float):
    """Principal axes (256) scaled by their spread to `-power`: 0 keeps, 1 whitens."""

    def fit(x: np.ndarray, train: np.ndarray) -> np.ndarray:
        standard = (x - x[train].mean(axis=0)) / (x[train].std(axis=0) + 1e-6)
        torch.manual_seed(0)
        q = min(256, len(train) - 1, x.shape[1])
        _, spread, axes = torch.pca_lowrank(
            torch.from_numpy(standard[train]).float(), q=q, center=False, niter=4
        )
        scale = (spread / len(train) ** 0.5).numpy() ** -power
        return unit(standard @ axes.numpy() * scale)

    return fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    workspace = Workspace.open(given.workspace)
    card = read_card(workspace.model_folder)
    frozen = card.summary["frozen"]["fingerprint"]
    ids, (statistics,) = frozen_parts(workspace, frozen).read(
        ["statistics"], "covers train"
    )
    catalogue = read_catalogue(workspace)
    rows = catalogue.rows_of(ids)
    membership = np.asarray(catalogue.membership()[rows], np.float64)
    known = membership.sum(axis=1) > 0
    membership, groups = membership[known], catalogue.groups[rows][known]
    x = statistics[known].astype(np.float32)
    backbone = make_backbone(card.arch)[0]
    starts = np.cumsum([0, *backbone.level_widths])
    levels = [x[:, a:b] for a, b in itertools.pairwise(starts)]
    deepest = levels[-1]
    mean = backbone.deepest_mean(torch.from_numpy(x)).numpy()
    untextured = np.hstack(
        [
            level[:, -len(STATISTICS) * width :]
            for level, width in zip(levels, backbone.channels, strict=True)
        ]
    )
    candidates = {
        "deepest mean (the usual)": (mean, plain),
        "deepest mean, standardised": (mean, standardised),
        "deepest level, standardised": (deepest, standardised),
        "two levels, standardised": (np.hstack(levels[-2:]), standardised),
        "three levels, standardised": (x, standardised),
        "three levels, principal axes": (x, whitened(0.0)),
        "three levels, half whitened": (x, whitened(0.5)),
        "three levels, whitened by 0.75": (x, whitened(0.75)),
        "three levels, whitened": (x, whitened(1.0)),
        "whitened by 0.75, learned metric (the start)": (x, None),
        "the same without texture": (untextured, None),
    }
    found = {}
    for name, (features, represent) in candidates.items():
        scores = [
            score(features, represent, membership, groups, seed)
            for seed in range(given.repeats)
        ]
        vote, alike = np.array(scores).T
        found[name] = {
            "vote_macro_f1": float(vote.mean()),
            "vote_spread": float(np.ptp(vote)),
            "same_group_reciprocal_rank": float(alike.mean()),
        }
    if given.json:
        print(json.dumps({"n": len(x), "rows": found}, indent=1))
        return
    print(f"{'embedding':<44}{'vote macro-F1':>14}{'spread':>8}{'alike':>8}")
    for name, row in found.items():
        print(
            f"{name:<44}{row['vote_macro_f1']:>14.3f}{row['vote_spread']:>8.3f}{row['same_group_reciprocal_rank']:>8.3f}"
        )


def score(
    x: np.ndarray, represent, membership: np.ndarray, groups: np.ndarray, seed: int
) -> tuple[float, float]:
    """Return the vote's macro-F1 and the mean reciprocal rank, both out of fold."""
    folds = group_folds(groups, membership, seed=seed)
    votes = np.zeros(membership.shape)
    ranks: list[float] = []
    for fold in range(folds.max() + 1):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        points = (
            learned(x, train, membership, groups, seed)
            if represent is None
            else represent(x, train)
        )
        near = find_neighbours(points[test], points[train], k=VOTE.k)
        votes[test] = vote_with(VOTE, near, membership[train])
        alike = points[test] @ points.T  # (Q, N)
        alike[np.arange(len(test)), test] = -np.inf
        mates = groups[test][:, None] == groups[None, :]
        mates[np.arange(len(test)), test] = False
        has = mates.any(axis=1)
        best = np.where(mates, alike, -np.inf).max(axis=1)
        ranks += (1 / (1 + (alike > best[:, None]).sum(axis=1)))[has].tolist()
    macro = measure_method(votes, membership).values["macro_f1"]
    return macro, float(np.mean(ranks))


def learned(
    x: np.ndarray,
    train: np.ndarray,
    membership: np.ndarray,
    groups: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Return the embedding that training starts from."""
    head = Head(x.shape[1], 256, membership.shape[1])
    features = torch.from_numpy(x)
    start_head(
        head,
        features[train],
        torch.from_numpy(membership[train]).float(),
        groups[train],
        class_balance=1.0,
        multi_label=False,
        seed=seed,
    )
    with torch.inference_mode():
        points: np.ndarray = head.eval().embed(features).numpy()
    return points


if __name__ == "__main__":
    main()
