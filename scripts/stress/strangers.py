"""Give a whole workspace to strangers: change each of its files, and use it.

As `strangers_index`, which does the index under right checksums, but for the
workspace of version 0.1 that the tests keep: model, catalogue, embeddings,
thumbnails, analyses and settings are changed (bytes, lengths, types, values,
links, pipes), and commands that read and write are run on it, ten workspaces in
one process, which is forked from one that has done all of it once: so a round takes
a fraction of a second. The memory of each ten is compared.

Prints one JSON object; exit status 1 when a round failed.

    python scripts/stress/strangers.py --mutations 2000
    python scripts/stress/strangers.py --mutations 2000 --keep known.json --seconds 200   # again and again
"""

import argparse
import contextlib
import copy
import gc
import json
import logging
import os
import random
import shutil
import signal
import struct
import sys
import tempfile
import traceback
import warnings
import zipfile
from pathlib import Path

import later_files
import pieces
import strangers_index as index_rounds
import todays_files
import torch  # noqa: F401  (loaded once, before forking)
from click.testing import CliRunner
from strange_values import VALUES, entries_of

from covers.audit import stage as audit
from covers.catalogue.corrections import Overlay
from covers.cli import main as covers_main
from covers.cluster import stage as cluster
from covers.cluster.map import stage as cover_map
from covers.errors import CoversError
from covers.evaluate import stage as evaluation
from covers.images.measured import MeasuredPictures
from covers.library.tags import read_tags
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


class Stranger(todays_files.ChangesOfToday, later_files.LaterChanges):
    """Changes one workspace by chance; the names of its methods name the changes."""

    def __init__(self, root, precious, seed):
        self.root, self.precious = root, precious
        self.rng = random.Random(seed)
        self.texts = later_files.selections(root)

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
        places = list(entries_of(content))
        for _ in range(rng.choice([1, 1, 5])):
            holder, key = rng.choice(places)
            holder[key] = copy.deepcopy(rng.choice(VALUES))
        path.write_bytes(json.dumps(content).encode("utf-8", "surrogatepass"))

    def a_document_nested_deep(self):
        self.file(".json").write_text(self.rng.choice(["[" * 200_000, "[]", "7", ""]))

    def a_value_of_the_model(self):
        path, rng = self.root / "model" / "weights.safetensors", self.rng
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        card = json.loads(header["__metadata__"]["covers"])
        holder, key = rng.choice([*entries_of(card), *entries_of(header)])
        holder[key] = copy.deepcopy(rng.choice(VALUES))
        texts = header.get("__metadata__")
        if isinstance(texts, dict):
            texts["covers"] = json.dumps(card)
        new = json.dumps(header).encode("utf-8", "surrogatepass")
        new = rng.choice([new, new, new, b"[" * 200_000, b"[]"])
        path.write_bytes(struct.pack("<Q", len(new)) + new + data[8 + length :])

    def other_settings(self):
        (self.root / "covers.toml").write_text(self.rng.choice(SETTINGS))


AT_ONCE = 10
KINDS = {
    "first": Stranger,
    "today": todays_files.ChangesOfToday,
    "later": later_files.LaterChanges,
}
CHANGES = {
    name: files
    for files, kind in KINDS.items()
    for name in vars(kind)
    if not name.startswith("_") and name != "file"
}


READING = (
    ["status"],
    ["model", "info"],
    ["search", "NAMED", "-k", "5"],
    ["classify", "NAMED"],
    ["path", "NAMED", "OTHER"],
    ["index", "info"],
    ["explain", "NAMED"],
    ["export", "csv", "BESIDE", "--force"],
)
WRITING = (
    ["scan"],
    ["genres"],
    ["index", "rebuild"],
    ["index", "verify"],
    ["index", "update"],
    ["audit", "--no-music"],
    ["audit", "--accept", "REVIEW"],
    ["scan", "MUSIC", "--kind", "music"],
    ["index", "rollback"],
)


def read_analyses(root):
    """Read every analysis as the front door does; what they refuse on purpose is fine."""
    workspace = Workspace(root)
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
        read_tags,
        Overlay.read,
        embedding_table.read_embeddings,
        embedding_table.read_frozen,
    ):
        with contextlib.suppress(CoversError, IndexerError):
            read(workspace)


def use(root, commands, texts):
    """Read a workspace, ask for selections and run commands: none may end in a traceback."""
    found = sorted(path.stem for path in (root / "thumbnails").glob("*/*.jpg"))
    named = {
        "NAMED": (found or ["0" * 32])[0],
        "OTHER": (found or ["1" * 32])[-1],
        "BESIDE": str(root.parent / "table.csv"),
        "REVIEW": str(root / todays_files.REVIEW),
        "MUSIC": str(root.parent / "music"),
    }
    read_analyses(root)
    later_files.read_files(root, texts)
    for command in commands:
        words = [named.get(word, word) for word in command]
        result = CliRunner().invoke(covers_main, [*words, "-w", str(root)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception


def warm_up(base, original):
    """Use a workspace in this process, so that those forked from it need not import."""
    shutil.copytree(original.parent / "music", base / "music")
    warm = Path(shutil.copytree(original, base / "warm"))
    use(warm, [*READING, *WRITING], later_files.selections(warm))
    shutil.rmtree(base / "warm")
    shutil.rmtree(base / "music")
    (base / "table.csv").unlink()
    gc.freeze()  # else collecting in a child copies what it shares


def play_round(base, original, name, seed):
    """Change a copy of a workspace and use it; return what went wrong and what was said."""
    signal.alarm(index_rounds.PATIENCE_S)
    precious = index_rounds.make_precious(base)
    root = Path(shutil.copytree(original, base / "workspace"))
    shutil.copytree(original.parent / "music", base / "music")
    stranger = Stranger(root, precious, seed)
    if name:
        getattr(stranger, name)()
    before, wrong, said = index_rounds.tree_of(precious), None, ""
    rng = random.Random(seed)
    some = [*rng.sample(READING, 3), *rng.sample(WRITING, 1), ["status"]]
    if CHANGES.get(name) == "later":
        some = [*rng.sample(READING, 1), ["status"]]  # few commands read these files
    try:
        use(root, some if name else [*READING, *WRITING], stranger.texts)
    except BaseException:  # noqa: BLE001
        wrong, said = "traceback", traceback.format_exc()[-1500:]
    if index_rounds.tree_of(precious) != before:
        wrong = "touched"
    shutil.rmtree(base)
    return wrong, said


def play_apart(rounds, base, original):
    """Play rounds in a process of their own.

    Returns how each ended, in their order, and the most memory in bytes. Where the
    process does not come to its end, the round that it was in is the last.
    """
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        try:
            for number, (name, seed) in enumerate(rounds):
                ended = play_round(base / f"round-{number}", original, name, seed)
                os.write(into, (json.dumps(ended) + "\n").encode())
            os._exit(0)
        finally:
            os._exit(1)  # what was forked tidies nothing up that is the parent's
    os.close(into)
    with os.fdopen(out) as file:
        ended = [json.loads(line) for line in file]
    _, status, used = os.wait4(child, 0)
    if status:
        ended.append([index_rounds.judge(status), f"status {status}"])
    for left in base.glob("round-*"):
        shutil.rmtree(left)
    return ended, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=CHANGES, help="one kind of change")
    parser.add_argument("--files", choices=KINDS, help="changes of such files only")
    pieces.add_options(parser)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    tally = pieces.begin(args, args.mutations)
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        with zipfile.ZipFile(ARCHIVE) as archive:
            archive.extractall(base / "originals")
        original = base / "originals" / "workspace"
        todays_files.add_files(original)
        later_files.add_files(original)
        warm_up(base, original)
        ((wrong, said),), undisturbed = play_apart([("", 0)], base, original)
        if wrong:
            sys.exit(f"the undisturbed workspace failed: {said}")
        tally.raise_to("undisturbed", undisturbed)
        for numbers in pieces.rounds(tally, args, at_once=AT_ONCE):
            kinds = [n for n in CHANGES if args.files in {None, CHANGES[n]}]
            names = [args.only or kinds[number % len(kinds)] for number in numbers]
            seeds = [args.seed * 1_000_003 + number for number in numbers]
            rounds = list(zip(names, seeds, strict=True))
            ended, n_bytes = play_apart(rounds, base, original)
            tally.raise_to("peak", n_bytes)
            for number, name, (wrong, said) in zip(numbers, names, ended, strict=False):
                wrong = wrong or ("memory" if n_bytes > 2 * undisturbed else None)
                failure = {"change": name, "number": number, "wrong": wrong}
                failure["said"] = said
                tally.note(wrong or "held", failure if wrong else None)
    index_rounds.print_outcome(tally, len(CHANGES))


if __name__ == "__main__":
    main()
