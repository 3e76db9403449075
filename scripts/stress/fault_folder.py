"""Workspaces for `faults`: a painted library, a copy of the workspace after each stage, and their comparison."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from covers.workspace import registry
from covers.workspace.paths import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COLOURS = {
    "Ambient": (150, 190, 220),
    "Jazz": (50, 80, 170),
    "Metal": (40, 30, 35),
    "Pop": (220, 90, 160),
}
SETTINGS = """
[train]
arch = "timm:test_resnet"
weights = "none"
image_size = 48
embedding_dim = 16
epochs = 0
batch_size = 16
[evaluation]
n_bootstraps = 50
[overlap]
n_bootstraps = 50
[clusters]
n_bootstraps = 50
n_resamples = 0
min_cluster_size = 8
"""
STAGES = {
    "scan": ("scan", "../library/manifest.csv"),
    "train": ("train",),
    "index": ("index", "build"),
    "evaluate": ("evaluate",),
    "overlap": ("overlap",),
    "cluster": ("cluster",),
    "map": ("run",),
}
"""The commands that ``covers run`` does, in order."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\+00:00)?")
_PASSING = {".scan.lock", ".train.lock", ".decoding.lock", ".publishing.lock"}
_BY_RUN = {"created", "seconds", "seen", "published", "files"}


def paint_library(folder: Path, n_artists: int, *, first: int = 0) -> None:
    """Paint three covers for each artist of four genres, and the table that names them.

    Parameters
    ----------
    folder : Path
    n_artists : int
        Of each genre.
    first : int, default=0
        Those before it are painted already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for genre, colour in COLOURS.items():
        for artist in range(n_artists):
            rng = np.random.default_rng([len(genre), artist])
            tint = rng.normal(0, 28, 3)
            for album in range(3):
                look = np.array(colour) + tint + rng.normal(0, 34, (6, 6, 3))
                path = f"{genre}-{artist}-{album}.png"
                if artist >= first:
                    small = Image.fromarray(np.clip(look, 0, 255).astype(np.uint8))
                    small.resize((96, 96)).save(folder / path)
                name = f"{genre} band {artist}"
                rows.append([path, genre, name, f"album {album}", 1970 + 3 * artist])
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "genres", "artist", "album", "year"])
        table.writerows(rows)


def copy_folder(base: Path, to: Path) -> Path:
    """Copy a library and its workspace with all times, so that a scan sees the same."""
    shutil.copytree(base, to, copy_function=shutil.copy2)
    return to


def content_of(workspace: Path) -> Iterator[tuple[str, Any]]:
    """Yield what a finished workspace says, by name, without what differs from run to run."""
    opened = Workspace(workspace)
    for artefact in (registry.CATALOGUE, registry.MODEL, *registry.CHAIN[4:]):
        for file in (*artefact.files, *artefact.drawn):
            path = opened.path(file)
            if path.is_file() and file not in _LEFT_OUT:
                yield file.path, _read(path)
            elif not path.exists():
                yield file.path, "missing"
    for path in sorted(opened.thumbnails_folder.rglob("*.jpg")):
        yield f"thumbnails/{path.name}", path.read_bytes()
    yield "embeddings", _embeddings(opened)
    yield from _index(opened)


_LEFT_OUT = {
    registry.SCAN_REPORT,
    registry.SCAN_JOURNAL,
    registry.CHECKPOINT,
    registry.MUSIC_TAGS,
}


def _read(path: Path) -> Any:
    """Read a file as something that can be compared."""
    if path.suffix == ".json":
        return _without(json.loads(path.read_text()))
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        table = pq.ParquetFile(path).read()
        stamp = json.loads((table.schema.metadata or {}).get(b"covers", b"{}"))
        return [_without(stamp), table.replace_schema_metadata(None).to_pydict()]
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, "np") as file:
            return {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118
    if path.suffix in {".html", ".svg", ".csv"}:
        return _MOMENT.sub("", path.read_text())
    return path.read_bytes()


def _without(value: Any) -> Any:
    """Leave out dates and durations."""
    if isinstance(value, dict):
        return {k: _without(v) for k, v in value.items() if k not in _BY_RUN}
    return [_without(v) for v in value] if isinstance(value, list) else value


def _embeddings(opened: Workspace) -> dict[str, Any]:
    from covers.model.embedding_table import read_embeddings

    table = read_embeddings(opened)
    return dict(zip(table.cover_ids, table.embeddings.tolist(), strict=True))


def _index(opened: Workspace) -> Iterator[tuple[str, Any]]:
    from covers.index.open import open_index
    from indexer.local.verification import verify_folder

    yield "index is whole", verify_folder(opened.index_folder).problems
    index = open_index(opened)
    ids = sorted(index.ids)
    rows = dict(zip(index.ids, index.columns.to_pylist(), strict=True))
    yield "index vectors", [ids, index.reconstruct(ids).tolist()]
    yield "index columns", [rows[number] for number in ids]


_DECIMAL = re.compile(r"(-?\d+\.\d+(?:e[-+]?\d+)?)")


def first_difference(
    one: Any, other: Any, where: str = "", *, rounding: float = 0.0
) -> str | None:
    """Say where two values differ first; not-a-numbers are the same. None where they do not.

    Parameters
    ----------
    one, other : object
    where : str
        Its name.
    rounding : float, default=0.0
        Decimal numbers may differ by this, in text too, relative to those above 1.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*one, *(key for key in other if key not in one)]
        pairs = [(f".{key}", one.get(key), other.get(key)) for key in names]
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            return f"{where}: {len(one)} and {len(other)} long"
        pairs = [(f"[{i}]", one[i], other[i]) for i in range(len(one))]
    elif rounding and isinstance(one, str) and isinstance(other, str):
        return _first_difference_of_texts(one, other, where, rounding)
    elif one == other or (one != one and other != other):
        return None
    elif rounding and isinstance(one, float) and isinstance(other, float):
        near = abs(one - other) <= rounding * max(1.0, abs(one))
        return None if near else f"{where}: {one!r} and {other!r}"
    else:
        return f"{where}: {one!r:.200} and {other!r:.200}"
    found_all = (
        first_difference(a, b, where + name, rounding=rounding) for name, a, b in pairs
    )
    return next(filter(None, found_all), None)


def _first_difference_of_texts(
    one: str, other: str, where: str, rounding: float
) -> str | None:
    """Compare the decimal numbers in two texts as numbers, and what is between them as text."""
    halves = [_DECIMAL.split(text) for text in (one, other)]
    if len(halves[0]) != len(halves[1]):
        return f"{where}: {one!r:.200} and {other!r:.200}"
    for i, (a, b) in enumerate(zip(*halves, strict=True)):
        pair = (float(a), float(b)) if i % 2 else (a, b)
        near = i % 2 and abs(pair[0] - pair[1]) <= rounding * max(1.0, abs(pair[0]))
        if not near and pair[0] != pair[1]:
            return f"{where}: {a!r:.200} and {b!r:.200}"
    return None


def differences(
    reference: dict[str, Any],
    workspace: Path,
    *,
    rounding: float = 0.0,
    only_there: tuple[str, ...] = (),
) -> list[str]:
    """Name what is other in a workspace than in the undisturbed one, and what was left behind.

    Parameters
    ----------
    reference : dict
        What `content_of` yields for the undisturbed one.
    workspace : Path
    rounding : float, default=0.0
        As in `first_difference`.
    only_there : tuple of str, optional
        What begins with one of these need be there, but not be the same.
    """
    found = dict(content_of(workspace))
    wrong = []
    for name in sorted(reference.keys() | found.keys()):
        pair = reference.get(name, "missing"), found.get(name, "missing")
        if name.startswith(only_there) and "missing" not in pair:
            continue
        other = first_difference(*pair, rounding=rounding)
        if other is not None:
            wrong.append(f"{name} is another{other}")
    for path in workspace.rglob("*"):
        name = path.name
        if name.startswith(".draft-") or name.endswith(".tmp"):
            wrong.append(f"{path.relative_to(workspace)} was left behind")
    return wrong


def published(workspace: Path) -> dict[str, bytes]:
    """Return the bytes of every file that a finished stage has published."""
    found = {}
    for path in sorted(workspace.rglob("*")):
        name = path.relative_to(workspace).as_posix()
        top = name.partition("/")[0]
        if path.is_file() and path.name not in _PASSING and top != "cache":
            found[name] = path.read_bytes()
    return found


def bytes_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*"))


@dataclass
class Prepared:
    """What rounds begin with, and what they are compared with.

    Parameters
    ----------
    starts : dict
        By series, ``"first"`` or ``"grown"``, and stage: the folder as it is before that stage.
        A grown one has results already, of a library with fewer covers.
    seconds : dict of str to float
        Of each stage.
    references : dict
        By series: what the workspace of an undisturbed run says.
    sizes : dict of str to int
        By series: the bytes of that workspace.
    """

    starts: dict[str, dict[str, Path]]
    seconds: dict[str, float]
    references: dict[str, dict[str, Any]]
    sizes: dict[str, int]


def prepare(
    base: Path, run: Callable[[Path, tuple[str, ...]], float], n_artists: int
) -> Prepared:
    """Make the workspaces that rounds begin with, unless they lie in the folder already.

    Parameters
    ----------
    base : Path
        A folder.
    run : callable
        Runs a command on the workspace in a folder; returns its seconds.
    n_artists : int
        Of each genre, three covers each.
    """
    note = base / "prepared.json"
    if not note.is_file():
        _make(base, run, n_artists)
    known = json.loads(note.read_text(encoding="utf-8"))
    if known["n_artists"] != n_artists:
        message = f"'{base}' was prepared with --artists {known['n_artists']}"
        raise SystemExit(message)
    names = known["starts"]
    whole = {series: base / f"{series}-whole" / "workspace" for series in names}
    return Prepared(
        {
            series: {stage: base / f"{series}-{stage}" for stage in stages}
            for series, stages in names.items()
        },
        known["seconds"],
        {series: dict(content_of(path)) for series, path in whole.items()},
        {series: bytes_of(path) for series, path in whole.items()},
    )


def _make(
    base: Path, run: Callable[[Path, tuple[str, ...]], float], n_artists: int
) -> None:
    """Run stage after stage on a library, and again when it has grown; keep each state."""
    names: dict[str, list[str]] = {"first": [], "grown": []}
    seconds = {}
    here = base / "here"
    paint_library(here / "library", n_artists)
    (here / "workspace").mkdir()
    (here / "workspace" / "covers.toml").write_text(SETTINGS)
    for series, stages in names.items():
        is_first = series == "first"
        for stage, command in STAGES.items():
            if not is_first and stage == "train":
                continue
            copy_folder(here, base / f"{series}-{stage}")
            stages.append(stage)
            is_update = stage == "index" and not is_first
            seconds[stage] = run(here, ("index", "update") if is_update else command)
        if is_first:
            paint_library(here / "library", n_artists + 1, first=n_artists)
    copy_folder(here, base / "grown-done")
    names["grown"].append("done")
    for series in names:
        whole = copy_folder(base / f"{series}-scan", base / f"{series}-whole")
        run(whole, ("run", "library/manifest.csv"))
    known = {"n_artists": n_artists, "seconds": seconds, "starts": names}
    (base / "prepared.json").write_text(json.dumps(known), encoding="utf-8")
