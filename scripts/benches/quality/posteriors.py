"""How far calibrated probabilities are from the true posteriors of drawn covers.

A drawn library states for every cover how likely each genre is given what was
drawn (``truth.json``); no evaluation of labels can tell that.

    scripts/bench posteriors WORKSPACE TRUTH.json

prints JSON: the mean distance (total variation: half the sum of absolute
differences, 0 to 1) of each method's distributions on held-out covers, beside
that of the genres' base rates, and the error when covers are put together by
what was drawn, which averages out the noise of single pictures. The last figure
compares stated certainties with true posteriors, in bins of equal mass: a
calibration error without the noise of drawn labels.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.evaluate.stage import PROBABILITY_COLUMNS, read_votes
from covers.stats.reliability import reliability_table
from covers.workspace.paths import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("truth", type=Path)
    given = parser.parse_args()
    workspace = Workspace.open(given.workspace)
    table, stamp = read_votes(workspace)
    vocab = stamp.parameters["vocab"]
    catalogue = read_catalogue(workspace)
    paths = dict(zip(catalogue.cover_ids, catalogue.column("locations"), strict=True))
    drawn = {
        row["path"]: row
        for row in json.loads(given.truth.read_text(encoding="utf-8"))["covers"]
    }
    rows, posteriors, styles = [], [], []
    for row in table.to_pylist():
        known = [
            drawn[place["path"]]
            for place in paths[row["cover_id"]]
            if place["path"] in drawn
        ]
        if row["held_out"] and known:
            rows.append(row)
            posteriors.append([known[0]["posterior"].get(g, 0.0) for g in vocab])
            styles.append(known[0]["style"])
    truth = np.array(posteriors)
    truth /= truth.sum(axis=1, keepdims=True)
    base = catalogue.membership(vocab).mean(axis=0)
    base /= base.sum()
    result = {"n_covers": len(rows), "genres": vocab, "distance": {}}
    methods = {
        name: np.array([row[column] for row in rows])
        for name, column in PROBABILITY_COLUMNS.items()
    }
    methods["base rates"] = np.tile(base, (len(rows), 1))
    names = np.array(styles)
    everything = np.arange(len(rows))
    for name, p in methods.items():
        gaps = [
            np.abs(p[names == style].mean(axis=0) - truth[names == style][0]).sum() / 2
            for style in names
        ]
        result["distance"][name] = {
            "per_cover": round(float(np.abs(p - truth).sum(axis=1).mean() / 2), 4),
            "per_style": round(float(np.mean(gaps)), 4),
            "ece_against_posteriors": round(
                reliability_table(
                    p.max(axis=1), truth[everything, p.argmax(axis=1)]
                ).error,
                4,
            ),
            "mean_absolute_error": round(float(np.abs(p - truth).mean()), 4),
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
