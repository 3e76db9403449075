"""Give a whole workspace to strangers: change each of its files, and use it.

As `strangers_index`, which does the index under right checksums, but for the
workspace of version 0.1 that the tests keep: model, catalogue, embeddings,
thumbnails, analyses and settings are changed (bytes, lengths, types, values,
links, pipes), and commands that read and write are run on it, in a process forked
from one that has done all of it once: so a round takes a fraction of a second.

Prints one JSON object; exit status 1 when a round failed.

    python scripts/stress/strangers.py --mutations 2000
"""

import argparse
import json
import logging
import os
import random
import shutil
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import strangers_index as index_rounds
import torch  # noqa: F401  (loaded once, before forking)
from click.testing import CliRunner

from covers.audit import stage as audit
from covers.cli import main as covers_main
from covers.cluster import stage as cluster
from covers.cluster.map import stage as cover_map
from covers.errors import CoversError
from covers.evaluate import stage as evaluation
from covers.images.measured import MeasuredPictures
from covers.model import embedding_table
from covers.overlap import stage as overlap
from covers.workspace.paths import Workspace
from indexer.errors import IndexerError

ARCHIVE = Path(__file__).parents[2] / "tests" / "fixtures" / "version-0.1.zip"
SETTINGS = (
    "a = " + "[" * 100_000,
    f"seed = {'9' * 5000}",
    'sources = [{name = "a", path = "x\\u0000y"}]',
    'sources = [{name = "a", path = "/proc/self"}]',
    "[intake]\nmax_megapixels = inf",
    "[train]\nepochs = 1e400",
    "\x00",
)


class Stranger:
    """Changes one workspace by chance; the names of its methods name the changes."""

    def __init__(self, root, precious, seed):
        self.root, self.precious = root, precious
        self.rng = random.Random(seed)

    def file(self, suffix=""):
        """One file, those of many kinds as often as those of one kind."""
        found = {}
        for path in sorted(self.root.rglob(f"*{suffix}")):
            if path.is_file() and not path.is_symlink():
                found.setdefault((path.parent, path.suffix), []).append(path)
        return self.rng.choice(self.rng.choice(list(found.values())))

    def bytes_of_a_file(self):
        path, rng = self.file(), self.rng
        data = bytearray(path.read_bytes() or b"x")
        for _ in range(rng.choice([1, 3, 30])):
            data[rng.randrange(min(len(data), rng.choice([64, 2000, 10**9])))] = (
                rng.randrange(256)
            )
        path.write_bytes(data)

    def another_length(self):
        path, rng = self.file(), self.rng
        data = path.read_bytes()
        path.write_bytes(rng.choice([b"", data[: len(data) // 2], data + bytes(9000)]))

    def another_type(self):
        path, rng = self.file(), self.rng
        path.unlink()
        kind = rng.choice(["pipe", "folder", "link", "lost", "device"])
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            targets = {"link": self.precious / "notes.txt", "device": "/dev/zero"}
            path.symlink_to(targets.get(kind, self.precious / "not-there"))

    def a_folder_that_is_a_link(self):
        folders = [path for path in self.root.iterdir() if path.is_dir()]
        folder = self.rng.choice(sorted(folders))
        shutil.rmtree(folder)
        folder.symlink_to(self.precious)

    def a_value_of_a_document(self):
        path, rng = self.file(".json"), self.rng
        content = json.loads(path.read_text())
        places = list(index_rounds.places_of(content))
        for _ in range(rng.choice([1, 1, 5])):
            holder, key = rng.choice(places)
            holder[key] = rng.choice(index_rounds.VALUES)
        path.write_bytes(json.dumps(content).encode("utf-8", "surrogatepass"))

    def a_document_nested_deep(self):
        self.file(".json").write_text(self.rng.choice(["[" * 200_000, "[]", "7", ""]))

    def a_value_of_the_model(self):
        path, rng = self.root / "model" / "weights.safetensors", self.rng
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        card = json.loads(header["__metadata__"]["covers"])
        holder, key = rng.choice(
            [*index_rounds.places_of(card), *index_rounds.places_of(header)]
        )
        holder[key] = rng.choice(index_rounds.VALUES)
        texts = header.get("__metadata__")
        if isinstance(texts, dict):
            texts["covers"] = json.dumps(card)
        new = json.dumps(header).encode("utf-8", "surrogatepass")
        new = rng.choice([new, new, new, b"[" * 200_000, b"[]"])
        path.write_bytes(struct.pack("<Q", len(new)) + new + data[8 + length :])

    def other_settings(self):
        (self.root / "covers.toml").write_text(self.rng.choice(SETTINGS))


CHANGES = [
    name
    for name in vars(Stranger)
    if not name.startswith("_") and name not in {"file", "root"}
]


READING = (
    ["status"],
    ["model", "info"],
    ["search", "NAMED", "-k", "5"],
    ["classify", "NAMED"],
    ["path", "NAMED", "OTHER"],
    ["index", "info"],
)
WRITING = (
    ["scan"],
    ["genres"],
    ["index", "rebuild"],
    ["index", "verify"],
    ["index", "update"],
    ["audit", "--no-music"],
    ["index", "rollback"],
)


def read_analyses(root):
    """Read every analysis as the front door does; what they raise on purpose is returned."""
    workspace, refusals = Workspace(root), []
    for read in (
        evaluation.read,
        evaluation.read_votes,
        overlap.read,
        cluster.read,
        cluster.read_cluster_table,
        cover_map.read_map,
        cover_map.read_summary,
        audit.read,
        lambda workspace: MeasuredPictures(workspace.pictures_path).table,
        embedding_table.read_embeddings,
        embedding_table.read_frozen,
    ):
        try:
            read(workspace)
        except (CoversError, IndexerError) as error:
            refusals.append(str(error))
    return refusals


def use(root, _):
    """Run commands on a workspace: none may end in a traceback."""
    found = sorted(path.stem for path in (root / "thumbnails").glob("*/*.jpg"))
    named = {"NAMED": (found or ["0" * 32])[0], "OTHER": (found or ["1" * 32])[-1]}
    rng = random.Random(SEED[0])
    commands = WHOLE_USE or [
        *rng.sample(READING, 3),
        *rng.sample(WRITING, 1),
        ["status"],
    ]
    refusals = read_analyses(root)
    commands = [[named.get(word, word) for word in command] for command in commands]
    for command in commands:
        result = CliRunner().invoke(covers_main, [*command, "-w", str(root)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        if result.exit_code:
            refusals.append(result.stderr[-500:])
    return refusals


SEED = [0]
"""Of the round that is to be played; decides which commands are run."""
WHOLE_USE = []
"""All commands, where the undisturbed workspace is used."""


def warm_up(place, original):
    """Use a workspace in this process, so that those forked from it need not import."""
    shutil.copytree(original, place / "warm" / "workspace")
    for command in (*READING, *WRITING):
        words = ["0" * 32 if word in {"NAMED", "OTHER"} else word for word in command]
        CliRunner().invoke(
            covers_main, [*words, "-w", str(place / "warm" / "workspace")]
        )
    shutil.rmtree(place / "warm")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=CHANGES, help="one kind of change")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    start, peak, failures, counts = time.perf_counter(), 0, [], Counter()
    index_rounds.use = use
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        with zipfile.ZipFile(ARCHIVE) as archive:
            archive.extractall(place / "originals")
        original = place / "originals" / "workspace"
        warm_up(place, original)
        plain = place / "plain"
        shutil.copytree(original, plain / "workspace")
        WHOLE_USE.extend([*READING, *WRITING])
        status, said, undisturbed = index_rounds.run_apart(plain / "workspace", plain)
        WHOLE_USE.clear()
        if status:
            sys.exit(f"the undisturbed workspace failed: {said}")
        for number in range(args.mutations):
            name = args.only or CHANGES[number % len(CHANGES)]
            here = place / "round"
            precious = index_rounds.make_precious(here)
            root = Path(shutil.copytree(original, here / "workspace"))
            SEED[0] = args.seed * 1_000_003 + number
            getattr(Stranger(root, precious, SEED[0]), name)()
            before = index_rounds.tree_of(precious)
            status, said, n_bytes = index_rounds.run_apart(root, here)
            peak = max(peak, n_bytes)
            wrong = index_rounds.judge(status, n_bytes > 2 * undisturbed)
            if index_rounds.tree_of(precious) != before:
                wrong = "touched"
            if wrong:
                failures.append({"change": name, "number": number, "wrong": wrong})
                failures[-1]["said"] = said[-1500:]
            counts[wrong or "held"] += 1
            shutil.rmtree(here)
    outcome = {
        "mutations": args.mutations,
        "seed": args.seed,
        "kinds": len(CHANGES),
        "touched_outside": counts["touched"],
        "crashes": counts["crashed"],
        "hangs": counts["hung"],
        "tracebacks": counts["traceback"],
        "peak_mib": round(peak / 2**20),
        "undisturbed_mib": round(undisturbed / 2**20),
        "seconds": round(time.perf_counter() - start, 1),
        "failures": failures[:20],
    }
    print(json.dumps(outcome))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
