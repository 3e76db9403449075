"""Figures of independent genres on a real collection, blocks of neighbouring covers held out.

Collections without artists often list an artist's covers one after the other:
blocks of neighbouring rows stay on one side, and are what is resampled. The
network is the untouched backbone with a head fitted on it.

    scripts/bench several_genres WORKSPACE [--seeds 3] [--block 10]

WORKSPACE is a trained one (``covers run``); its covers are taken in the order of
their paths. Prints JSON: per method the mean over seeds of each figure, the
interval of mean average precision and micro-F1, and paired differences of
network + vote to every baseline, in the mean over seeds.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.classify.methods import Method
from covers.evaluate.evaluate import evaluate_arrays
from covers.evaluate.stage import read_inputs
from covers.model.embed import frozen_parts
from covers.workspace.paths import Workspace

HELD_OUT = 0.2
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--block", type=int, default=10)
    given = parser.parse_args()
    workspace = Workspace.open(given.workspace)
    payloads = []
    for seed in range(given.seeds):
        payloads.append(measure(workspace, seed, given.block))
        print(f"seed {seed}: {payloads[-1]['conclusions'][1]}", file=sys.stderr)
    print(json.dumps(summarise(payloads), indent=1))


def measure(workspace: Workspace, seed: int, block: int) -> dict:
    """Hold blocks of covers out, fit a head on the rest, and evaluate."""
    import torch

    from covers.model.network.head import Head
    from covers.model.training.head_fit import start_head

    inputs, card, _ = read_inputs(workspace)
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
    rng = np.random.default_rng(seed)
    distinct = rng.permutation(np.unique(blocks))
    held = distinct[: round(HELD_OUT * len(distinct))]
    splits = np.where(np.isin(blocks, held), "valid", "train")
    known = inputs.membership.sum(axis=1) > 0
    train = np.flatnonzero((splits == "train") & known)

    parts = frozen_parts(workspace, str(card.summary["frozen"]["fingerprint"]))
    ids, (statistics,) = parts.read(["statistics"], "covers run")
    place = {cover_id: row for row, cover_id in enumerate(ids)}
    features = torch.from_numpy(statistics[[place[c] for c in inputs.cover_ids]])
    has = torch.from_numpy((inputs.membership > 0).astype(np.float32))
    head = Head(features.shape[1], card.embedding_dim, len(inputs.vocab))
    start_head(
        head,
        features[train],
        has[train],
        blocks[train],
        class_balance=1.0,
        multi_label=True,
        seed=seed,
    )
    with torch.inference_mode():
        embeddings = head.eval().embed(features)
        logits = head.genres(embeddings).numpy().astype(np.float64)
    asked = replace(
        inputs,
        groups=blocks,
        splits=splits,
        grouped_by=f"blocks of {block} neighbouring covers",
        embeddings=embeddings.numpy(),
        p_network=1 / (1 + np.exp(-logits)),
        model_vocab=inputs.vocab,
        is_several=True,
    )
    return evaluate_arrays(asked, seed=seed).payload


def summarise(payloads: list[dict]) -> dict:
    """Average figures, intervals and differences over seeds."""
    first = payloads[0]
    methods = {
        name: {
            **{
                figure: mean(p["methods"][name][figure] for p in payloads)
                for figure in FIGURES
            },
            **{
                f"{figure}_ci95": ends(
                    p["methods"][name]["ci95"][figure] for p in payloads
                )
                for figure in FIGURES[:3:2]
            },
            "per_seed": [
                round(p["methods"][name]["mean_average_precision"], 4) for p in payloads
            ],
        }
        for name in first["methods"]
    }
    differences = {}
    for row in first["differences"]:
        if row["a"] == Method.BOTH:
            same = [
                other
                for p in payloads
                for other in p["differences"]
                if (other["a"], other["b"]) == (row["a"], row["b"])
            ]
            differences[row["b"]] = {
                "mean_average_precision": mean(
                    o["mean_average_precision"] for o in same
                ),
                "ci95": ends(o["ci95"] for o in same),
                "micro_f1": mean(o["micro_f1"] for o in same),
                "ci95_micro_f1": ends(o["ci95_micro_f1"] for o in same),
            }
    return {
        "n_seeds": len(payloads),
        "split": first["split"],
        "n_genres": len(first["genres"]),
        "first_right_by_chance": mean(
            p["self_check"]["first_right_by_chance"] for p in payloads
        ),
        "methods": methods,
        "network + vote minus": differences,
        "sets": {
            key: mean(p["sets"][key] for p in payloads)
            for key in ("level", "coverage", "mean_size")
        },
        "conclusions": first["conclusions"],
    }


def mean(values) -> float:
    return round(float(np.mean(list(values))), 4)


def ends(intervals) -> list[float]:
    return [round(float(v), 4) for v in np.mean(list(intervals), axis=0)]


if __name__ == "__main__":
    main()
