"""Give an index to strangers: change each of its files in every way, and use it.

Each round copies a small index, changes something in it (bytes, lengths, numbers,
types, names, links, pipes, files exchanged), seals it again under right checksums
and lets a forked process open, search, verify, change and repair it. A round
fails when

- a file outside the index was touched: a tree beside it is compared,
- the interpreter crashed, or did not come to an end,
- an error came that is none of the index's own, which would be a traceback,
- more memory was taken than twice what the undisturbed index takes.

Prints one JSON object; exit status 1 when a round failed.

    python scripts/stress/strangers_index.py --mutations 2000
"""

import argparse
import json
import logging
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

# Forked readers cannot use threads that the parent has started.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd  # noqa: F401
import pieces
from index_changes import CHANGES, D, N, Stranger

from indexer import IndexerError, VectorIndex
from indexer.local.verification import verify_folder

PATIENCE_S = 60
# What an answer may be that is no error of the index: a question that it lacks.
CALLER = ("not in index", "in the index already", "unknown column", "do not fit")


def build_originals(base):
    """Indexes with every kind of file: structures, tombstones, columns, a history."""
    rng = np.random.default_rng(0)
    ids = [f"item-{number}" for number in range(N)]
    columns = {
        "genre": [("Rock", "Pop", "Jazz")[n % 3] for n in range(N)],
        "year": [None if n % 9 == 0 else 1950 + n % 70 for n in range(N)],
        "tags": [["live", "demo"][: n % 3] for n in range(N)],
    }
    fast = "IVF4,PQ4x4fs", "IVF4,RaBitQfs"
    for key in ("IVF4,SQ8", "HNSW8", "PCA8,IVF4,PQ4x4", "exact", *fast):
        folder = base / key.replace(",", "-")
        index = VectorIndex.build(
            folder,
            ids,
            rng.standard_normal((N, D)),
            columns,
            structure=key,
            store="int8" if key in fast else "float32",
        )
        index.remove(ids[3:9])
        more = [f"more-{number}" for number in range(20)]
        index.update(more, rng.standard_normal((20, D)), {"genre": ["Folk"] * 20})
        index.remove(ids[20:23])
        yield folder


def use(folder, base):
    """Do with an index what its owner would; give the errors that are its own."""
    refusals = []
    steps = [look, ask, filter_by, list_all, change, compact, verify, repair, look]
    for step in steps:
        try:
            step(folder, base)
        except IndexerError as error:
            refusals.append(str(error))
        except ValueError as error:
            if not any(reason in str(error) for reason in CALLER):
                raise
            refusals.append(str(error))
    for text in refusals:
        if "\n" in text or len(text) > 4000:
            message = f"an error of more than a line: {text[:200]!r}"
            raise RuntimeError(message)
    return refusals


def look(folder, _):
    VectorIndex.open(folder).info()


def ask(folder, _):
    index = VectorIndex.open(folder)
    index.neighbours_of(["item-1", "more-2"], 5)
    index.search(np.ones((2, D)), 5)
    index.search(np.ones((70, D)), 5)


def filter_by(folder, _):
    index = VectorIndex.open(folder)
    index.search(np.ones((2, D)), 5, where={"genre": ["Rock", "Folk"]})
    index.search(np.ones((2, D)), 5, where={"tags": "live", "year": (1960, 1999)})


def list_all(folder, base):
    index = VectorIndex.open(folder)
    index.columns.slice(0, 50).to_pylist()
    index.ids.tolist()
    for batch in index.batches(100):
        batch.columns.num_rows  # noqa: B018
    index.export(base / "exported", overwrite=True)


def change(folder, _):
    index = VectorIndex.open(folder, lock_timeout_s=1)
    index.update(["new", "item-5"], np.eye(2, D), {"genre": ["a", "b"]})
    index.remove(["item-7"], missing="ignore")
    index.update_columns(["new"], {"genre": ["c"]})


def compact(folder, _):
    index = VectorIndex.open(folder, lock_timeout_s=1)
    index.rollback()
    index.compact()


def verify(folder, _):
    for problem in verify_folder(folder, n_sampled=16).problems:
        problem.to_dict()


def repair(folder, _):
    VectorIndex.repair(folder, lock_timeout_s=1)


def run_apart(folder, base):
    """Use an index in a process of its own: how it ended, what it said, its memory."""
    log = base / "log.txt"
    child = os.fork()
    if child == 0:
        status = 3
        try:
            signal.alarm(PATIENCE_S)
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.write(out, f"{len(use(folder, base))} refusals\n".encode())
            status = 0
        except BaseException:  # noqa: BLE001
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        finally:
            os._exit(status)
    _, status, used = os.wait4(child, 0)
    scale = 1 if sys.platform == "darwin" else 1024
    return status, log.read_text(errors="replace"), used.ru_maxrss * scale


def tree_of(folder):
    """All that lies in a folder, with what it holds; links are not followed."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root) / name
            state = path.lstat()
            is_file = path.is_file() and not path.is_symlink()
            data = path.read_bytes() if is_file else None
            found[str(path.relative_to(folder))] = (state.st_mode, data)
    return found


def make_precious(base):
    """A tree that looks in part like an index, in part like anybody's files."""
    precious = base / "precious"
    for name in ("gen-000001", "deep", "empty"):
        (precious / name).mkdir(parents=True)
    names = ("notes.txt", "copy.bin", "CURRENT", "writer.lock", "manifest.json")
    more = ("deep/er.txt", "gen-000001/manifest.json", "gen-000001/000001.vectors.npy")
    for name in (*names, *more, "gen-000001/000001.items.arrow", "000001.dead.bin"):
        (precious / name).write_text(f"years of work: {name}")
    return precious


def judge(status):
    """Name what is wrong with how a process ended; None when nothing is."""
    if os.WIFSIGNALED(status):
        return "hung" if os.WTERMSIG(status) == signal.SIGALRM else "crashed"
    return "traceback" if status else None


def play_round(base, original, change_name, seed):
    """Change a copy of an index and use it; give what went wrong, or None."""
    folder = base / "index"
    precious = make_precious(base)
    shutil.copytree(original, folder, symlinks=True)
    getattr(Stranger(folder, precious, seed), change_name)()
    before = tree_of(precious)
    outcome = {"status": 0, "said": "", "bytes": 0, "wrong": None}
    status, said, n_bytes = run_apart(folder, base)
    outcome |= {"status": status, "said": said[-1500:], "bytes": n_bytes}
    beside = {path.name for path in base.iterdir()}
    if tree_of(precious) != before or beside - {
        "index",
        "precious",
        "exported",
        "log.txt",
    }:
        outcome["wrong"] = "touched"
    else:
        outcome["wrong"] = judge(status)
    return outcome


def print_outcome(tally, n_kinds):
    """Print what a campaign came to, and end with status 1 when a round failed."""
    counts = tally.counts
    outcome = {
        "mutations": tally.played,
        "seed": tally.seed,
        "kinds": n_kinds,
        "touched_outside": counts["touched"],
        "crashes": counts["crashed"],
        "hangs": counts["hung"],
        "tracebacks": counts["traceback"],
        "too_much_memory": counts["memory"],
        "peak_mib": round(tally.most["peak"] / 2**20),
        "undisturbed_mib": round(tally.most["undisturbed"] / 2**20),
        "seconds": tally.seconds,
        "failures": tally.failures,
    }
    print(json.dumps(outcome))
    sys.exit(1 if tally.failures else 0)


def use_undisturbed(base, originals):
    """Use the indexes as they are; return the most memory of one, in bytes."""
    most = 0
    for original in originals:
        undisturbed = Path(shutil.copytree(original, base / "plain" / "index"))
        status, said, n_bytes = run_apart(undisturbed, base)
        if status:
            sys.exit(f"the undisturbed index failed: {said}")
        most = max(most, n_bytes)
        shutil.rmtree(base / "plain")
    return most


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=CHANGES, help="one kind of change")
    pieces.add_options(parser)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    tally = pieces.begin(args, args.mutations)
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        originals = list(build_originals(base / "originals"))
        plain = use_undisturbed(base, originals)
        tally.raise_to("undisturbed", plain)
        for (number,) in pieces.rounds(tally, args):
            name = args.only or CHANGES[number % len(CHANGES)]
            seed = args.seed * 1_000_003 + number
            original = originals[random.Random(seed).randrange(len(originals))]
            here = base / "round"
            here.mkdir()
            outcome = play_round(here, original, name, seed)
            tally.raise_to("peak", outcome["bytes"])
            if outcome["bytes"] > 2 * plain:
                outcome["wrong"] = outcome["wrong"] or "memory"
            failure = {"change": name, "number": number, **outcome}
            wrong = outcome["wrong"]
            tally.note(wrong or "held", failure if wrong else None)
            shutil.rmtree(here)
    print_outcome(tally, len(CHANGES))


if __name__ == "__main__":
    main()
