"""Everything that writes into the folder of an index."""

from contextlib import suppress

import numpy as np

from indexer import (
    IndexerError,
    VectorIndex,
)

N, D = 300, 8


WRITES = {
    "add": lambda folder: VectorIndex.open(folder).add(["x"], np.ones((1, D))),
    "update": lambda folder: VectorIndex.open(folder).update(["x"], np.ones((1, D))),
    "remove": lambda folder: VectorIndex.open(folder).remove(["i1"]),
    "compact": lambda folder: VectorIndex.open(folder).compact(),
    "rollback": lambda folder: VectorIndex.open(folder).rollback(),
    "build": lambda folder: VectorIndex.build(folder, ["x"], np.ones((1, D))),
    "repair": VectorIndex.repair,
}


def try_all(folder):
    """Do everything that writes; whether it is refused is not the question here."""
    for write in WRITES.values():
        with suppress(IndexerError):
            write(folder)


def lead(segment, path):
    for part in ("vectors", "items", "lookup", "dead"):
        segment[part]["path"] = path
