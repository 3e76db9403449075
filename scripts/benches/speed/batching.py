"""Would the service gain by answering several requests in one go?

    scripts/bench batching [--workspace FOLDER] [--rounds 20]

Asks the library for one picture (or one cover) at a time and for several at
once, in pairs, one after the other on one thread, and compares processor
seconds; so what else the machine does hardly counts. Without a workspace of
your own it takes 300 drawn covers and the default network with random weights.
Prints a table, then JSON.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import covers

SIZES = (2, 4, 8, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        root = given.workspace or draw(Path(folder))
        library = covers.open(root)
        rows = measure(library, given.rounds)
        arch = library.card.arch
    for row in rows:
        low, high = row["range"]
        print(
            f"{row['ask']:<20} {row['at_once']:>3} at once: {row['ratio']:.2f} of the time"
            f" ({low:.2f} to {high:.2f}), alone {row['alone_ms']:.1f} ms"
        )
    machine = {"cores": len(os.sched_getaffinity(0)), "threads": given.threads}
    print(json.dumps({"machine": machine, "arch": arch, "batches": rows}))


def draw(folder: Path) -> Path:
    """Make a workspace of drawn covers."""
    from covers.demo import LibrarySettings, draw_library

    draw_library(folder / "drawn", LibrarySettings(n_covers=300, size_px=256))
    library = covers.create(folder / "music", [folder / "drawn" / "manifest.csv"])
    library.run(weights="none", epochs=0, analysis=False)
    return folder / "music"


def measure(library: covers.Library, n_rounds: int) -> list[dict[str, object]]:
    """Compare one by one with all at once, in pairs."""
    from covers.classify.query import Queries

    ids = library.catalogue.cover_ids
    pictures = [library.workspace.thumbnail_path(one).read_bytes() for one in ids[:64]]

    def search(given: list[object]) -> None:
        for one in library.ask(given).items:
            library.search(one, 10)

    def classify(given: list[object]) -> None:
        queries = library.ask(given)
        assert isinstance(queries, Queries)
        library.classify(queries)

    asks: dict[str, tuple[Callable[[list[object]], None], list[object]]] = {
        "upload to search": (search, list(pictures)),
        "upload to classify": (classify, list(pictures)),
        "cover to classify": (lambda given: library.classify(given), list(ids[:64])),
    }
    rows: list[dict[str, object]] = []
    for name, (ask, things) in asks.items():
        ask(things[:2])  # what is opened once
        for size in SIZES:
            ratios, alone = [], []
            for number in range(n_rounds):
                start = number * size % (len(things) - size + 1)
                part = things[start : start + size]
                single = seconds(ask, [[one] for one in part])
                joined = seconds(ask, [part])
                ratios.append(joined / single)
                alone.append(single / size * 1000)
            low, ratio, high = np.percentile(ratios, [10, 50, 90])
            rows.append(
                {
                    "ask": name,
                    "at_once": size,
                    "ratio": round(float(ratio), 3),
                    "range": [round(float(low), 3), round(float(high), 3)],
                    "alone_ms": round(float(np.median(alone)), 1),
                }
            )
    return rows


def seconds(ask: Callable[[list[object]], None], requests: list[list[object]]) -> float:
    """Return the processor seconds of some requests, one after the other."""
    begun = time.process_time()
    for given in requests:
        ask(given)
    return time.process_time() - begun


if __name__ == "__main__":
    main()
