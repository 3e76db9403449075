"""Files that a workspace of version 0.1 has not yet, and what strangers do to them; used by `strangers`."""

import copy
import json
import os
import shutil
import sys
from pathlib import Path

from click.testing import CliRunner
from strange_values import VALUES, entries_of

from covers.catalogue.table import read_catalogue
from covers.cli import main as covers_main
from covers.library.tags import tag_covers
from covers.workspace.paths import Workspace

_TESTS = Path(__file__).parents[2] / "tests"
sys.path += [str(_TESTS), str(_TESTS / "intake/music")]

import audio_files  # noqa: E402
import music_folders  # noqa: E402

REVIEW = "review.csv"
FILES = (
    *("decisions.json", "tags.json", "tags.parquet", "scan-records.parquet"),
    *("scan.journal", "scan.json", ".scan.lock", ".train.lock", "covers.toml"),
    *(".publishing.lock", "model/checkpoint.safetensors", "model/model.json"),
    *("pictures.parquet", "problems.csv", REVIEW),
)
ENDLESS = '{"a":' * 2000 + "1" + "}" * 2000
TEXTS = (
    b"",
    b"\0" * 5000,
    ENDLESS.encode(),
    b"[" * 200_000,
    b"\xff\xfe\0\0",
    b'cover_id,action\n"' + b"a\n" * 100_000,
    b"cover_id;action;new_genres\r\n=cmd|'/c'!A0;drop;\x1b[2J\r\n",
    b"cover_id,action,new_genres\n" + b"0" * 32 + b",relabel," + b"a;" * 100_000,
)


def add_files(workspace):
    """Make them as the program does: scan music, review findings, tag covers."""
    music = workspace.parent / "music"
    for number in range(3):
        folder = music / f"Album {number}"
        tags = {"album": f"Album {number}", "artist": "Ann", "genres": ["Rock"]}
        art = ((3, music_folders.jpeg(number)),)
        music_folders.put(folder / "1.mp3", audio_files.mp3(tags, art))
        music_folders.put(folder / "sheet.cue", b'REM GENRE Pop\nFILE "1.mp3" MP3\n')
    review = workspace / REVIEW
    _run("scan", str(music), "--kind", "music", "-w", str(workspace))
    _run("audit", "--no-music", "--csv", str(review), "-w", str(workspace))
    lines = review.read_text(encoding="utf-8").splitlines()
    position = lines[0].split(",").index("action")
    first = lines[1].split(",")
    first[position] = "keep"
    review.write_text("\n".join([lines[0], ",".join(first), *lines[2:]]) + "\n")
    _run("audit", "--accept", str(review), "-w", str(workspace))
    opened = Workspace(workspace)
    ids = read_catalogue(opened).column("cover_id")[:3]
    tag_covers(opened, "sleeves to see", ids)
    weights = workspace / "model" / "weights.safetensors"
    shutil.copy(weights, workspace / "model" / "checkpoint.safetensors")
    (workspace / "scan.journal").write_text('{"version": 1}\n{"path": "music/x"}\n')
    for name in (".scan.lock", ".train.lock", ".publishing.lock"):
        (workspace / name).touch()


def _run(*words):
    done = CliRunner().invoke(covers_main, words)
    if done.exit_code:
        message = f"covers {' '.join(words)}: {done.output}"
        raise RuntimeError(message)


class ChangesOfToday:
    """Changes of one such file, whichever chance takes; `Stranger` has these, too."""

    def _file_of_today(self):
        return self.root / self.rng.choice(FILES)

    def bytes_of_a_file_of_today(self):
        path, rng = self._file_of_today(), self.rng
        data = bytearray(path.read_bytes() or b"x")
        for _ in range(rng.choice([1, 3, 30])):
            data[rng.randrange(min(len(data), 3000))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice([len(data), len(data) // 2])])

    def another_text_for_a_file_of_today(self):
        self._file_of_today().write_bytes(self.rng.choice(TEXTS))

    def a_value_of_a_document_of_today(self):
        path = self.root / self.rng.choice(["decisions.json", "tags.json", "scan.json"])
        content, rng = json.loads(path.read_text()), self.rng
        for _ in range(rng.choice([1, 1, 5])):
            holder, key = rng.choice(list(entries_of(content)))
            holder[key] = copy.deepcopy(rng.choice(VALUES))
        path.write_bytes(json.dumps(content).encode("utf-8", "surrogatepass"))

    def another_type_of_a_file_of_today(self):
        path, rng = self._file_of_today(), self.rng
        path.unlink()
        kind = rng.choice(["pipe", "folder", "link", "lost", "device", "loop", "huge"])
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "huge":
            with path.open("wb") as file:
                file.truncate(3 << 30)  # 3 GiB of nothing, on no disk
        else:
            target = {
                "link": self.precious / "notes.txt",
                "device": "/dev/zero",
                "loop": path.name,
            }
            path.symlink_to(target.get(kind, self.precious / "not-there"))

    def a_stranger_owns_a_file_of_today(self):
        path = self._file_of_today()
        path.chmod(0)
        if os.geteuid() == 0:
            os.chown(path, 12_345, 12_345)
