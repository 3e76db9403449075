"""Two writers and four readers at once; every answer is checked by brute force.

Writers change one index in turn, and note what they did to make each
generation. Readers search without pause, two in three times with a filter that they have used
before, moving on to new generations, and note what they were told. Afterwards the changes are replayed in a NumPy model,
and each answer is compared with brute force over the generation that gave it.

Prints one JSON object; exit status 1 when an answer was wrong.

    python scripts/stress/stress_index.py --seconds 60
"""

import argparse
import json
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from indexer import IndexBusyError, VectorIndex

N, D, K = 2000, 24, 10
N_PARTS = 20
N_CHECKED = 20_000


def vectors_of(numbers, seed):
    """The vectors that the change `seed` gives to some items."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((N, D)).astype(np.float32)[numbers]


def change_of(seed):
    """What the change `seed` does: its kind and the items it touches."""
    rng = np.random.default_rng([7, seed])
    kind = rng.choice(["update", "update", "remove", "compact"])
    n = 0 if kind == "compact" else int(rng.integers(1, 200))
    return str(kind), np.sort(rng.choice(N, n, replace=False))


def names_of(numbers):
    return [f"i{number}" for number in numbers.tolist()]


def parts_of(numbers):
    return {"part": numbers % N_PARTS}


# A slow machine goes on until each writer has made this many changes.
N_LEAST = 3


@dataclass(frozen=True)
class Shared:
    """What all processes share: the index, for how long, when to start, and where to note.

    `n_writing` counts the writers that have not ended; readers go on until there is none.
    """

    folder: Path
    seconds: float
    start: Any
    n_writing: Any
    notes: Any


def write(shared, worker):
    index = VectorIndex.open(shared.folder, lock_timeout_s=5)
    seed, done, n_busy = worker, {}, 0
    shared.start.wait()
    until = time.time() + shared.seconds
    while time.time() < until or len(done) < N_LEAST:
        seed += 2
        kind, numbers = change_of(seed)
        try:
            if kind == "update":
                change = index.update(
                    names_of(numbers), vectors_of(numbers, seed), parts_of(numbers)
                )
            elif kind == "remove":
                change = index.remove(names_of(numbers), missing="ignore")
            else:
                change = index.compact()
        except IndexBusyError:
            n_busy += 1
            continue
        if change.is_published:
            done[change.generation] = seed
    with shared.n_writing.get_lock():
        shared.n_writing.value -= 1
    shared.notes.put(("changes", worker, done, n_busy))


def read(shared, worker):
    rng = np.random.default_rng([11, worker])
    index = VectorIndex.open(shared.folder)
    answers, slowest_s = [], 0.0
    shared.start.wait()
    until = time.time() + shared.seconds
    while time.time() < until or shared.n_writing.value:
        began = time.perf_counter()
        if rng.random() < 0.7:
            index.refresh()
        elif rng.random() < 0.3:
            index = VectorIndex.open(shared.folder)
        seed = int(rng.integers(2**31))
        query = np.random.default_rng(seed).standard_normal(D).astype(np.float32)
        part = int(rng.integers(3))
        result = index.search(query, K, where={"part": part} if part else None)
        slowest_s = max(slowest_s, time.perf_counter() - began)
        answers.append(
            (
                result.generation,
                seed,
                part,
                result.ids[0].tolist(),
                result.similarities[0],
            )
        )
    shared.notes.put(("answers", worker, answers, slowest_s))


def replay(changes):
    """The vectors of each generation, dead items as NaN."""
    model = np.full((N, D), np.nan, dtype=np.float32)
    model[:] = vectors_of(np.arange(N), 0)
    models = {1: model}
    for generation in sorted(changes):
        kind, numbers = change_of(changes[generation])
        model = models[generation - 1].copy()
        if kind == "update":
            model[numbers] = vectors_of(numbers, changes[generation])
        elif kind == "remove":
            model[numbers] = np.nan
        models[generation] = model
    return models


def is_right(answer, models):
    """Compare one answer with brute force over its generation."""
    generation, seed, part, ids, similarities = answer
    query = np.random.default_rng(seed).standard_normal(D)
    model = models[generation].astype(np.float64)
    lengths = np.linalg.norm(model, axis=1) * np.linalg.norm(query)
    true = model @ query / lengths
    if part:
        true[np.arange(N) % N_PARTS != part] = np.nan
    best = np.sort(true[~np.isnan(true)])[::-1][:K]
    told = np.array([true[int(name[1:])] for name in ids if name is not None])
    return (
        len(told) == len(best)
        and np.allclose(told, best, atol=1e-6)
        and np.allclose(similarities[: len(best)], best, atol=1e-6)
    )


def play(folder, given):
    """Let all work on a new index; return what each noted, and whether the index is whole."""
    context = multiprocessing.get_context("spawn")
    numbers = np.arange(N)
    VectorIndex.build(
        folder, names_of(numbers), vectors_of(numbers, 0), parts_of(numbers)
    )
    start = context.Barrier(given.writers + given.readers)
    n_writing = context.Value("i", given.writers)
    shared = Shared(folder, given.seconds, start, n_writing, context.Queue())
    jobs = [(write, number) for number in range(given.writers)]
    jobs += [(read, number) for number in range(given.readers)]
    processes = [
        context.Process(target=job, args=(shared, number)) for job, number in jobs
    ]
    for process in processes:
        process.start()
    told = [shared.notes.get(timeout=given.seconds + 300) for _ in processes]
    for process in processes:
        process.join()
    return told, VectorIndex.open(folder).verify().ok


def changes_of(told):
    """The changes of all writers, by the generation that each made."""
    changes = {}
    for kind, _, made, _ in told:
        if kind == "changes":
            if both := set(changes) & set(made):
                sys.exit(f"two writers made generation {min(both)}")
            changes |= made
    return changes


def judge(told, is_whole):
    """Compare answers with brute force; return what is printed."""
    changes = changes_of(told)
    models = replay(changes)
    answers = [a for kind, _, some, _ in told if kind == "answers" for a in some]
    checked = answers[:: max(1, len(answers) // N_CHECKED)]
    wrong = [answer[:2] for answer in checked if not is_right(answer, models)]
    return {
        "generations": len(changes),
        "answers": len(answers),
        "checked": len(checked),
        "wrong": len(wrong),
        "first_wrong": wrong[:5],
        "generations_read": len({answer[0] for answer in answers}),
        "busy_errors": sum(n for kind, _, _, n in told if kind == "changes"),
        "slowest_read_s": max(s for kind, _, _, s in told if kind == "answers"),
        "verify_ok": is_whole,
        "ok": not wrong and is_whole and bool(checked) and len(changes) > 1,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--readers", type=int, default=4)
    given = parser.parse_args()
    logging.getLogger("indexer").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as parent:
        told, is_whole = play(Path(parent) / "index", given)
    outcome = vars(given) | judge(told, is_whole)
    print(json.dumps(outcome))
    return 0 if outcome["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
