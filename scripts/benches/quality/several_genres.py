"""Figures of independent genres on a real collection, blocks of neighbouring covers held out.

Collections without artists often list an artist's covers one after the other:
blocks of neighbouring rows stay on one side, and are what is resampled. The
network is the untouched backbone with a head fitted on it.

    scripts/bench several_genres WORKSPACE [--seeds 3] [--nested 3] [--block 10] [--parts FOLDER]

WORKSPACE is a trained one (``covers run``); its covers are taken in the order of
their paths. For each seed the blocks are dealt into five parts, each of which is
held out once, so that every cover is measured once a seed. How far calibrators of
single genres are shrunk (the spread of their slopes) is chosen anew for each part, by
the mean average precision of network + vote on a quarter of its other blocks, so that
no cover is measured with a choice that it took part in; ``--nested`` says for how many of
the seeds, the others take the product's. With ``--parts`` each part is kept in a file, and
a run that was stopped goes on. Prints JSON: per method
the mean of each figure over seeds and parts, the interval of mean average precision
and micro-F1, and paired differences of network + vote to every baseline. Parts hold
different covers, so that their errors average out; seeds hold the same ones, and do
not narrow an interval.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.classify.methods import Method
from covers.evaluate.cross_fit import HeldOutFits
from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.inputs import Sides
from covers.evaluate.stage import read_inputs
from covers.model.embedding_table import frozen_parts
from covers.stats.labels import platt
from covers.stats.labels.figures import average_precisions, mean_known
from covers.workspace.paths import Workspace

N_PARTS = 5
SPREADS = (0.03, 0.1, 0.3)
FIGURES = (
    "mean_average_precision",
    "macro_f1",
    "micro_f1",
    "jaccard",
    "ranking_loss",
    "coverage_error",
    "first_right",
    "named_per_cover",
    "ece",
)
COMPARED = ("mean_average_precision", "micro_f1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--nested", type=int, default=3, help="seeds with a choice")
    parser.add_argument("--block", type=int, default=10)
    parser.add_argument("--parts", type=Path, help="folder that keeps what is measured")
    given = parser.parse_args()
    workspace = Workspace.open(given.workspace)
    ready = prepare(workspace, given.block)
    payloads = []
    for seed in range(given.seeds):
        for part in range(N_PARTS):
            kept = given.parts and given.parts / f"seed-{seed}-part-{part}.json"
            if kept and kept.exists():
                payloads.append(json.loads(kept.read_text()))
                continue
            payloads.append(measure(*ready, (seed, part), nested=seed < given.nested))
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(payloads[-1]))
            said = payloads[-1]["conclusions"][1]
            print(f"seed {seed}, part {part}: {said}", file=sys.stderr, flush=True)
    print(json.dumps(summarise(payloads, given.seeds), indent=1))


def prepare(workspace: Workspace, block: int):
    """Read a workspace: inputs with blocks for groups, statistics, and the embedding's width."""
    inputs, card = read_inputs(workspace)
    catalogue = read_catalogue(workspace)
    rows = catalogue.rows_of(inputs.cover_ids)
    paths = np.asarray(catalogue.column("path"), dtype=str)[rows]
    order = np.argsort(paths, kind="stable")
    blocks = np.empty(len(order), np.int64)
    blocks[order] = np.arange(len(order)) // block
    # Near-duplicates that lie apart join their blocks.
    first = {}
    for row in range(len(blocks)):
        blocks[row] = first.setdefault(inputs.groups[row], blocks[row])
    parts = frozen_parts(workspace, str(card.summary["frozen"]["fingerprint"]))
    ids, (statistics,) = parts.read(["statistics"], "covers run")
    place = {cover_id: row for row, cover_id in enumerate(ids)}
    grouped = f"blocks of {block} neighbouring covers"
    inputs = replace(inputs, groups=blocks, grouped_by=grouped)
    statistics = statistics[[place[c] for c in inputs.cover_ids]]
    return inputs, statistics, card.embedding_dim


def measure(inputs, statistics, width, seed_and_part, *, nested) -> dict:
    """Hold a part of the blocks out, choose the shrinkage and fit a head on the rest, and evaluate."""
    seed, part = seed_and_part
    rng = np.random.default_rng(seed)
    distinct = rng.permutation(np.unique(inputs.groups))
    is_held = np.isin(inputs.groups, distinct[part::N_PARTS])
    by_spread = {}
    if nested:
        inner = np.flatnonzero(~is_held)
        others = np.unique(inputs.groups[inner])
        is_inner = np.isin(inputs.groups[inner], rng.permutation(others)[::4])
        asked = with_head(inputs.take(inner), statistics[inner], is_inner, width, seed)
        by_spread = {spread: rank_inside(asked, spread, seed) for spread in SPREADS}
    best = max(by_spread, key=by_spread.get, default=platt.SLOPE_SPREAD)
    asked = with_head(inputs, statistics, is_held, width, seed)
    start, cpu = time.monotonic(), time.process_time()
    with patch.object(platt, "SLOPE_SPREAD", best):
        payload = evaluate_arrays(asked, EvaluationSettings(seed=seed)).result.to_json()
    return {
        **{key: payload[key] for key in ("split", "genres", "sets", "self_check")},
        **{key: payload[key] for key in ("methods", "differences", "conclusions")},
        "spreads": by_spread,
        "seconds": time.monotonic() - start,
        "processor_seconds": time.process_time() - cpu,
    }


def with_head(inputs, statistics, is_held, width: int, seed: int):
    """Fit a head on the covers that are not held out, and give all covers its answers."""
    import torch

    from covers.model.network.head import Head
    from covers.model.training.heads.fit import HeadSettings, start_head

    known = inputs.membership.sum(axis=1) > 0
    train = np.flatnonzero(~is_held & known)
    features = torch.from_numpy(statistics)
    has = torch.from_numpy((inputs.membership > 0).astype(np.float32))
    head = Head(features.shape[1], width, len(inputs.vocab))
    start_head(
        head,
        features[train],
        has[train],
        inputs.groups[train],
        HeadSettings(class_balance=1.0, multi_label=True, seed=seed),
    )
    with torch.inference_mode():
        embeddings = head.eval().embed(features)
        logits = head.genres(embeddings).numpy().astype(np.float64)
    return replace(
        inputs,
        splits=np.where(is_held, "valid", "train"),
        embeddings=embeddings.numpy(),
        p_network=1 / (1 + np.exp(-logits)),
        model_vocab=inputs.vocab,
        is_several=True,
    )


def rank_inside(inputs, spread: float, seed: int) -> float:
    """Return the mean average precision of network + vote with one shrinkage."""
    inputs = inputs.labelled()
    sides = Sides.find(inputs.splits)
    with patch.object(platt, "SLOPE_SPREAD", spread):
        fits = HeldOutFits(inputs, inputs.p_network, level=0.9, seed=seed)
        p = fits.predict_held().probabilities.combined
    has = inputs.membership[sides.held] > 0
    precisions = average_precisions(p, has, np.ones((1, len(p))))
    return round(float(mean_known(precisions)[0]), 5)


def summarise(payloads: list[dict], n_seeds: int) -> dict:
    """Average figures over seeds and parts, and put the intervals of parts together."""
    first = payloads[0]
    return {
        "n_seeds": n_seeds,
        "n_parts": N_PARTS,
        "split": first["split"],
        "n_genres": len(first["genres"]),
        **{
            key: mean(p["self_check"][key] for p in payloads)
            for key in ("first_right_by_chance", "mean_average_precision_by_chance")
        },
        "methods": _average_methods(payloads, n_seeds),
        "network + vote minus": _average_differences(payloads),
        "sets": {
            key: mean(p["sets"][key] for p in payloads)
            for key in ("level", "coverage", "mean_size")
        },
        "spreads": {
            str(spread): sum(
                max(p["spreads"], key=p["spreads"].get) in (spread, str(spread))
                for p in payloads
                if p["spreads"]
            )
            for spread in SPREADS
        },
        "seconds": mean(p["seconds"] for p in payloads),
        "processor_seconds": mean(p["processor_seconds"] for p in payloads),
    }


def _average_methods(payloads: list[dict], n_seeds: int) -> dict:
    """Average the figures of each method, with the intervals of parts put together."""
    return {
        name: {
            **{
                figure: mean(p["methods"][name][figure] for p in payloads)
                for figure in FIGURES
            },
            **{
                f"{figure}_ci95": ends(
                    [p["methods"][name][figure] for p in payloads],
                    [p["methods"][name]["ci95"][figure] for p in payloads],
                )
                for figure in COMPARED
            },
            "per_seed": np.reshape(
                [p["methods"][name]["mean_average_precision"] for p in payloads],
                (n_seeds, N_PARTS),
            )
            .mean(axis=1)
            .round(4)
            .tolist(),
        }
        for name in payloads[0]["methods"]
    }


def _average_differences(payloads: list[dict]) -> dict:
    """Average by how much network + vote differs from each other method."""
    differences = {}
    for row in payloads[0]["differences"]:
        if row["a"] == Method.COMBINED:
            same = [
                other
                for p in payloads
                for other in p["differences"]
                if (other["a"], other["b"]) == (row["a"], row["b"])
            ]
            differences[row["b"]] = {}
            for figure, key in zip(COMPARED, ("ci95", "ci95_micro_f1"), strict=True):
                values = [o[figure] for o in same]
                differences[row["b"]][figure] = mean(values)
                differences[row["b"]][f"{figure}_ci95"] = ends(
                    values, [o[key] for o in same]
                )
    return differences


def mean(values) -> float:
    return round(float(np.mean(list(values))), 4)


def ends(values, intervals) -> list[float]:
    """Return the interval of a mean over parts that hold different covers."""
    reach = np.diff(intervals, axis=1) / 2
    reach = float(np.sqrt((reach**2).mean() / N_PARTS))
    return [round(float(np.mean(values)) + side * reach, 4) for side in (-1, 1)]


if __name__ == "__main__":
    main()
