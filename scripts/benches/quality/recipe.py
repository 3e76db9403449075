"""Which training recipe reads genres best at equal backbone, and what it costs.

    scripts/bench recipe --data folders=DIR --data artists=MANIFEST --weights FILE --cache DIR

Every row is trained and measured on the same grouped folds: each seed deals the
covers into five folds by groups, and the first `--folds` of them are held out in
turn. All choices inside a row (epoch, penalty, k, temperature, calibrators) are
made without the fold that is measured. A row that is in the cache is not run
again, so that the work can be spread over several calls (`--only`, `--seeds`).

    scripts/bench recipe --data folders=DIR --data styles=MANIFEST --cache DIR --folds 5 --only \
        --backbones squeezenet1_0=FILE tf_efficientnet_lite0 --mean squeezenet1_0,tf_efficientnet_lite0

adds rows of untouched backbones, and of the mean of several; where genres are
independent they are measured by mean average precision.

Prints a table and, with `--json`, the figures: macro-F1 is the mean over seeds of
the folds pooled; intervals resample groups, the same for every row and seed.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.evaluate import baselines
from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.stage import read_inputs
from covers.intake.scan import scan_workspace
from covers.stats.bootstrap import GroupBootstrap, percentile_interval
from covers.stats.folds import group_folds
from covers.stats.membership import SEVERAL_GENRES_SHARE
from covers.workspace.artefacts import read_stamp
from covers.workspace.paths import Workspace
from scripts.benches.shared.frozen_rows import FrozenRows, slug
from scripts.benches.shared.plain_fastai import run_plain
from scripts.benches.shared.recipe_measures import (
    measure,
    measure_several,
)

N_FOLDS = 5
LEVEL = 0.9
ROWS = {
    "default": {},
    "head only": {"epochs": 0},
    "fine-tuned": {"epochs": 8},
    "160 px": {"image_size": 160},
    "160 px, head only": {"image_size": 160, "epochs": 0},
    "288 px, head only": {"image_size": 288, "epochs": 0},
    "288 px, fine-tuned": {"image_size": 288, "epochs": 8},
    "no mixup": {"epochs": 8, "mixup": 0.0},
    "half frozen": {"epochs": 8, "frozen_share": 0.5},
    "twice the epochs": {"epochs": 16},
}
PLAIN = "plain fastai one-cycle"
SEED_RECIPE = "frozen, 5 neighbours"
FROM_FROZEN = (SEED_RECIPE, "frozen, linear probe")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", required=True, metavar="NAME=SOURCE")
    parser.add_argument("--weights", type=Path)
    parser.add_argument(
        "--backbones",
        nargs="*",
        default=[],
        metavar="ARCH[@PIXELS][=FILE]",
        help="untouched backbones, by ImageNet weights or those of a file; 224 px, or their own",
    )
    parser.add_argument(
        "--mean",
        nargs="*",
        default=[],
        metavar="ARCH,ARCH",
        help="several of them as one model, named as above",
    )
    parser.add_argument("--arch", default="squeezenet1_0")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folds", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=["default", "head only", PLAIN])
    parser.add_argument("--report", action="store_true", help="only what is cached")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    results = {}
    for pair in given.data:
        name, _, source = pair.partition("=")
        base = given.cache / name / "base"
        if not (base / "covers.toml").exists():
            scan_workspace(base, [Path(source)])
        for seed in [] if given.report else given.seeds:
            for fold in range(given.folds):
                for row in given.only:
                    run_row(base, row, seed, fold, given)
            run_frozen(base, seed, given)
        frozen = [arch for arch, _, _ in split_backbones(given.backbones)]
        rows = (*ROWS, PLAIN, *frozen, *given.mean)
        results[name] = report(base, given.seeds, given.folds, rows)
    if given.json:
        print(json.dumps(results, indent=1))
    else:
        for name, found in results.items():
            show(name, found)


def split_backbones(given: list[str]) -> list[tuple[str, str, str]]:
    """Return architecture, the sign between, and file of each backbone."""
    return [pair.partition("=") for pair in given]


def run_frozen(base: Path, seed: int, given: argparse.Namespace) -> None:
    """Measure untouched backbones on the folds of a seed, unless they are in the cache."""
    weights = {a: file or "imagenet" for a, _, file in split_backbones(given.backbones)}
    rows = [*weights, *given.mean]
    wanted = [
        (row, fold, base.parent / f"{slug(row)}-{seed}-{fold}.npz")
        for row in rows
        for fold in range(given.folds)
    ]
    wanted = [one for one in wanted if not one[2].exists()]
    if not wanted:
        return
    workspace = Workspace.open(base)
    catalogue = read_catalogue(workspace)
    frozen = FrozenRows(workspace, base.parent, weights)
    folds = group_folds(
        catalogue.groups, catalogue.membership(), n_folds=N_FOLDS, seed=seed
    )
    for row, fold, into in wanted:
        start = time.monotonic()
        found = frozen.run(row, seed, fold, folds == fold)
        np.savez(
            into.with_suffix(".tmp.npz"), **found, seconds=time.monotonic() - start
        )
        into.with_suffix(".tmp.npz").rename(into)


def run_row(
    base: Path, row: str, seed: int, fold: int, given: argparse.Namespace
) -> None:
    """Train and measure one row on one fold, unless it is in the cache."""
    into = base.parent / f"{slug(row)}-{seed}-{fold}.npz"
    if into.exists():
        return
    workspace = fold_workspace(base, seed, fold)
    try:
        found = (
            run_plain(workspace, seed, given)
            if row == PLAIN
            else run_recipe(workspace, seed, ROWS[row], given)
        )
        np.savez(into.with_suffix(".tmp.npz"), **found)
        into.with_suffix(".tmp.npz").rename(into)
    finally:
        shutil.rmtree(workspace.root)


def fold_workspace(base: Path, seed: int, fold: int) -> Workspace:
    """Return a workspace with one fold held out, which shares decoded pictures and frozen features."""
    root = base.parent / f"fold-{seed}-{fold}-{os.getpid()}"
    root.mkdir()
    origin = Workspace.open(base)
    catalogue = read_catalogue(origin)
    folds = group_folds(
        catalogue.groups, catalogue.membership(), n_folds=N_FOLDS, seed=seed
    )
    sides = np.where(folds == fold, "valid", "train").tolist()
    column = catalogue.table.column_names.index("split")
    table = catalogue.table.set_column(column, "split", [sides])
    stamp = read_stamp(origin.catalogue_path)
    assert stamp is not None
    for path in (origin.config_path, origin.pictures_path):
        shutil.copy(path, root / path.name)
    text = (root / "covers.toml").read_text(encoding="utf-8")
    (root / "covers.toml").write_text(text, encoding="utf-8")
    workspace = Workspace.open(root)
    type(catalogue)(table, catalogue.genre_minimum).write(
        workspace.catalogue_path, stamp
    )
    for shared in (origin.cache_folder, origin.embeddings_folder):
        shared.mkdir(parents=True, exist_ok=True)
        place = root / shared.relative_to(origin.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(shared.resolve(), target_is_directory=True)
    return workspace


def run_recipe(
    workspace: Workspace, seed: int, changes: dict, given: argparse.Namespace
) -> dict:
    """Train, embed and evaluate as the commands do."""
    from covers.model.embed import embed_workspace
    from covers.model.training.recipe import Recipe
    from covers.model.training.train import train_workspace

    recipe = Recipe(arch=given.arch, weights=str(given.weights)).changed(changes)
    start = time.monotonic()
    trained = train_workspace(workspace, recipe, seed=seed)
    seconds = time.monotonic() - start
    embed_workspace(workspace)
    inputs, card = read_inputs(workspace)
    evaluation = evaluate_arrays(
        inputs, EvaluationSettings(seed=seed, n_bootstraps=2, level=LEVEL)
    )
    inputs = inputs.labelled()
    votes = evaluation.votes
    held = votes.rows[votes.held_out]
    train = np.flatnonzero(inputs.splits == "train")
    assert inputs.frozen is not None
    near = baselines.find_by_features(inputs.frozen, held, train, inputs.groups)
    frozen_vote = baselines.vote_plainly(near, inputs.membership[train])
    probe = baselines.fit_linear_probe(
        inputs.frozen[train], inputs.membership[train], inputs.groups[train], seed=seed
    )
    shutil.rmtree(workspace.embeddings_folder / card.fingerprint)
    return {
        "cover_ids": np.array([inputs.cover_ids[r] for r in held]),
        "p_network": votes.probabilities.network[votes.held_out],
        "p_vote": votes.probabilities.vote[votes.held_out],
        "p_combined": votes.probabilities.combined[votes.held_out],
        "p_frozen, 5 neighbours": frozen_vote,
        "p_frozen, linear probe": probe.predict(inputs.frozen[held]),
        "inside": votes.inside[votes.held_out],
        "seconds": seconds,
        "tuning": json.dumps([card.summary["best"], trained.history]),
    }


def report(base: Path, seeds: list[int], n_folds: int, names: tuple) -> dict:
    """Gather what is cached and compare every row with the seed's recipe."""
    catalogue = read_catalogue(Workspace.open(base))
    membership = np.asarray(catalogue.membership(), np.float64)
    position = {cover_id: row for row, cover_id in enumerate(catalogue.cover_ids)}
    draws = GroupBootstrap.draw(catalogue.groups, n_bootstraps=1000, seed=0)
    rows: dict[str, dict] = {}
    samples: dict[str, np.ndarray] = {}
    is_several = catalogue.share_with_several >= SEVERAL_GENRES_SHARE
    for row in names:
        files = [
            [base.parent / f"{slug(row)}-{seed}-{fold}.npz" for fold in range(n_folds)]
            for seed in seeds
        ]
        files = [one for one in files if all(file.exists() for file in one)]
        if not files:
            continue
        runs = [[dict(np.load(file)) for file in one] for one in files]
        for key in [key for key in runs[0][0] if key.startswith("p_")]:
            method = key.removeprefix("p_")
            if method in FROM_FROZEN:
                name = f"{method}, 160 px" if row.startswith("160") else method
                if row not in (*ROWS, PLAIN):
                    name = f"{row}: 5 neighbours"
            else:
                name = row if row == PLAIN else f"{row}: {method}"
            if name not in rows:
                how = measure_several if is_several else measure
                rows[name], samples[name] = how(runs, key, position, membership, draws)
    best_seed = max(
        (name for name in rows if name.startswith(SEED_RECIPE)),
        key=lambda name: rows[name]["macro_f1"],
        default=next((name for name in rows if name.endswith("5 neighbours")), None),
    )
    for name, found in rows.items() if best_seed else ():
        ratio = samples[name] / samples[best_seed]
        found["ratio_to_seed_recipe"] = found["macro_f1"] / rows[best_seed]["macro_f1"]
        found["ratio_ci95"] = percentile_interval(ratio).ends
    return {
        "n_covers": len(catalogue),
        "genres": list(catalogue.vocab),
        "seed_recipe": best_seed,
        "rows": rows,
    }


def show(name: str, found: dict) -> None:
    """Print one table, at most 80 columns wide."""
    print(f"\n{name}: {found['n_covers']:,} covers, {len(found['genres'])} genres")
    print(
        f"{'row':<44}{'F1 or mAP':>9}{'95 %':>12}{'x seed':>8}{'acc':>6}{'ECE':>6}{'if 0':>6}{'sets':>6}"
    )
    for row, value in sorted(
        found["rows"].items(), key=lambda item: item[1]["macro_f1"]
    ):
        low, high = value["ci95"]
        ratio = value.get("ratio_to_seed_recipe", float("nan"))
        print(
            f"{shorten(row):<44}{value['macro_f1']:>9.3f}{f'{low:.2f}-{high:.2f}':>12}{ratio:>8.2f}",
            *(
                f"{value[name]:>6.3f}" if name in value else f"{'':>6}"
                for name in ("accuracy", "ece_pooled", "ece_if_calibrated", "coverage")
            ),
            sep="",
        )
        if "coverage_lowest" in value:
            print(f"{'':<44}least covered genre {value['coverage_lowest']:.3f}")


def shorten(row: str) -> str:
    return row.replace("tf_efficientnet_", "").replace("squeezenet1_0", "squeezenet")


if __name__ == "__main__":
    main()
