"""Kill writers of an index at random instants and check what is left.

Each round forks a process that changes the index, and ends it with SIGKILL at
a random instant. Afterwards the index must open, hold the old state or the new
one in full (compared with a model that never touched a disk), pass `verify`,
and the next write must leave no file that no manifest names.

Prints one JSON object; exit status 1 when a round failed.

    python scripts/stress/kill_index.py --kills 500
"""

import argparse
import json
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

# Forked writers cannot use threads that the parent has started.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import faiss  # noqa: F401  (loaded once, before forking)
import numpy as np
import pandas as pd  # noqa: F401
import pyarrow.parquet  # noqa: F401

from indexer import IndexNotFoundError, VectorIndex
from indexer.local.verification import verify_folder

N, D = 1500, 32
OPERATIONS = (
    "build",
    "update",
    "update",
    "remove",
    "columns",
    "compact",
    "rebuild",
    "rollback",
)

STRUCTURES = ("auto", "IVF8,SQ8", "exact", "IVF8,PQ4x4fs", "IVF8,RaBitQfs")


def item(name, seed):
    """The vector and the genre that an item has after the change `seed`."""
    rng = np.random.default_rng([seed, int(name[1:])])
    return rng.standard_normal(D).astype(np.float32), f"genre-{rng.integers(5)}"


def change_of(operation, seed):
    """Ids that the change touches."""
    rng = np.random.default_rng(seed)
    n = {"build": N, "update": 300, "remove": 100, "columns": 200}.get(operation, 0)
    return [f"i{number}" for number in sorted(rng.choice(2 * N, n, replace=False))]


def apply_to_model(model, operation, seed):
    """What the index must hold afterwards: id → (vector, genre)."""
    names = change_of(operation, seed)
    if operation == "build":
        return {name: item(name, seed) for name in names}
    model = dict(model)
    if operation == "update":
        for name in change_of("remove", seed):
            model.pop(name, None)
        return model | {name: item(name, seed) for name in names}
    for name in names:
        if operation == "remove":
            model.pop(name, None)
        elif operation == "columns" and name in model:
            model[name] = (model[name][0], f"label-{seed}")
    return model


def apply_to_index(folder, operation, seed):
    names = change_of(operation, seed)
    if operation == "build":
        pairs = [item(name, seed) for name in names]
        structure = STRUCTURES[seed % len(STRUCTURES)]
        VectorIndex.build(
            folder,
            names,
            np.stack([vector for vector, _ in pairs]),
            {"genre": [genre for _, genre in pairs]},
            structure=structure,
        )
        return
    index = VectorIndex.open(folder)
    if operation == "update":
        pairs = [item(name, seed) for name in names]
        vectors = np.stack([vector for vector, _ in pairs])
        genres = {"genre": [genre for _, genre in pairs]}
        gone = set(change_of("remove", seed)).difference(names)
        gone = [name for name in gone if name in index]
        index.update(names, vectors, genres, remove=gone)
    elif operation == "remove":
        index.remove(names, missing="ignore")
    elif operation == "columns":
        names = [name for name in names if name in index]
        index.update_columns(names, {"genre": [f"label-{seed}"] * len(names)})
    elif operation == "compact":
        index.compact()
    elif operation == "rebuild":
        index.rebuild(STRUCTURES[seed % len(STRUCTURES)])
    else:
        index.rollback()


def holds(index, model):
    """Whether the index holds exactly what the model does."""
    if set(index.ids) != set(model) or len(index) != len(model):
        return False
    vectors = np.stack([model[name][0] for name in index.ids])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    genres = [model[name][1] for name in index.ids]
    return (
        np.allclose(index.vectors, vectors, atol=1e-6)
        and index.columns["genre"].to_pylist() == genres
    )


def unnamed_files(folder):
    """Files that no kept generation names, by reading the manifests as JSON."""
    current = json.loads((folder / "CURRENT").read_text())["generation"]
    named = {"CURRENT", "writer.lock", "writer.turn"}
    manifest = json.loads((folder / f"gen-{current:06d}/manifest.json").read_text())
    for number in [current, *(past["generation"] for past in manifest["history"])]:
        path = f"gen-{number:06d}/manifest.json"
        named.add(path)
        for segment in json.loads((folder / path).read_text())["segments"]:
            parts = [segment[part] for part in ("vectors", "items", "lookup", "dead")]
            parts.append((segment["structure"] or {}).get("file"))
            named.update(part["path"] for part in parts if part)
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted({path.relative_to(folder).as_posix() for path in paths} - named)


def run_and_kill(folder, operation, seed, delay_s):
    """Change the index in a process of its own; None when it was killed."""
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        status = 3
        try:
            apply_to_index(folder, operation, seed)
            status = 0
        except ValueError:
            status = 2
        finally:
            os._exit(status)
    if delay_s is not None:
        time.sleep(delay_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    took_s = time.perf_counter() - start
    if os.WIFSIGNALED(status):
        return None, took_s
    return os.WEXITSTATUS(status), took_s


class Trial:
    """An index, the model of it, and what was seen so far."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.random = random.Random(seed)
        self.model = None
        self.contents = {}
        self.durations = {}
        self.landed = Counter()
        self.by_operation = Counter()
        self.failures = []

    def choose(self):
        """Choose a change and know what it would make of the model."""
        if self.model is None:
            return "build", None
        operation = self.random.choice(OPERATIONS)
        if operation == "rollback":
            index = VectorIndex.open(self.folder)
            manifest = index._snapshot.manifest
            if manifest.parent not in {past.content for past in manifest.history}:
                return "update", None
            return operation, self.contents[manifest.parent]
        return operation, None

    def round(self, seed):
        operation, target = self.choose()
        old = self.model
        new = (
            target if target is not None else apply_to_model(old or {}, operation, seed)
        )
        typical_s = self.durations.get(operation, 0.3)
        delay_s = self.random.uniform(0, 1.15 * typical_s)
        if self.random.random() < 0.2:  # and often about the end, where it publishes
            delay_s = self.random.uniform(0.8, 1.05) * typical_s
        status, _ = run_and_kill(self.folder, operation, seed, delay_s)
        self.by_operation[operation] += 1
        if status == 0:
            self.durations[operation] = 0.93 * typical_s
        elif delay_s > 0.8 * typical_s and self.has_content(old):
            self.durations[operation] = 1.1 * typical_s
        if status not in {None, 0}:
            self.failures.append(f"{seed} {operation}: exit status {status}")
        self.look(operation, seed, old, new, was_killed=status is None)

    def has_content(self, model):
        """Whether a change that was killed has not happened."""
        try:
            index = VectorIndex.open(self.folder)
        except IndexNotFoundError:
            return True
        return model is not None and holds(index, model)

    def look(self, operation, seed, old, new, *, was_killed):
        try:
            index = VectorIndex.open(self.folder)
        except IndexNotFoundError:
            if old is not None:
                self.failures.append(f"{seed} {operation}: the index is gone")
            self.landed["no index yet"] += 1
            return
        if (
            old is not None
            and holds(index, old)
            and not (holds(index, new) and not was_killed)
        ):
            self.landed["old" if was_killed else "not killed in time, old"] += 1
        elif holds(index, new):
            self.landed["new" if was_killed else "not killed in time"] += 1
            self.model = new
        else:
            self.failures.append(f"{seed} {operation}: neither old nor new")
            self.model = {}
            return
        self.remember(index)
        report = verify_folder(self.folder, n_sampled=32)
        if not report.ok:
            self.failures.append(f"{seed} {operation}: {report.to_dict()['problems']}")
        # The next write sweeps what the dead writer left.
        index.update_columns([index.ids[0]], {"genre": ["swept"]})
        swept = {
            n
            for n, g in zip(index.ids, index.columns["genre"].to_pylist(), strict=True)
            if g == "swept"
        }
        self.model = dict(self.model)
        for item_id in swept:
            self.model[item_id] = (self.model[item_id][0], "swept")
        self.remember(index)
        litter = unnamed_files(self.folder)
        if litter:
            self.failures.append(f"{seed} {operation}: litter {litter}")

    def remember(self, index):
        self.contents[index._snapshot.manifest.content] = self.model

    def calibrate(self, seed):
        """Measure how long each change takes here, in an index of its own."""
        with tempfile.TemporaryDirectory() as folder:
            for number, operation in enumerate(["build", *OPERATIONS[1:]]):
                took = run_and_kill(Path(folder) / "x", operation, seed + number, None)[
                    1
                ]
                self.durations[operation] = took


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.getLogger("indexer").setLevel(logging.ERROR)  # each death is expected
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder) / "index", arguments.seed)
        trial.calibrate(10_000 + arguments.seed)
        rounds = 0
        n_killed = 0
        while n_killed < arguments.kills and len(trial.failures) < 10:
            trial.round(20_000 + 1000 * arguments.seed + rounds)
            rounds += 1
            n_killed = sum(trial.landed[key] for key in ("old", "new", "no index yet"))
    outcome = {
        "kills": n_killed,
        "rounds": rounds,
        "landed": dict(trial.landed),
        "by_operation": dict(trial.by_operation),
        "typical_s": {name: round(value, 4) for name, value in trial.durations.items()},
        "failures": trial.failures,
        "seconds": round(time.perf_counter() - start, 1),
        "ok": not trial.failures,
    }
    print(json.dumps(outcome))
    return 0 if outcome["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
