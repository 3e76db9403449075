"""Workspaces from strangers: crafted models, settings and tables, links and pipes."""

import json
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from safetensors.numpy import save

from covers.audit.review import read_review
from covers.catalogue.genre_tree import GenreTree
from covers.cli import main
from covers.errors import ConfigError, DataError, ModelError
from covers.images.thumbnails import load_thumbnails, read_thumbnail
from covers.intake.scan_record import Journal
from covers.intake.sources import walk
from covers.model.card import read_card, summary_of
from covers.workspace.artefacts import (
    Stamp,
    read_json,
    read_stamp,
    read_table,
    write_table,
)
from covers.workspace.disk.strangers import read_bounded, read_text
from covers.workspace.paths import Workspace
from covers.workspace.settings import read_settings


@pytest.fixture
def workspace(tmp_path):
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "covers.toml").write_text("")
    return Workspace(root)


GOOD = {
    "arch": "resnet18",
    "vocab": ["Jazz", "Rock"],
    "embedding_dim": 4,
    "image_size": 16,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "multi_label": False,
    "stamp": {"kind": "model", "format": 1, "created": "2026", "versions": {}},
    "summary": {},
    "fingerprint": "f" * 32,
}


def write_model(workspace, header, rest=b""):
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = workspace.model_folder / "weights.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(data)) + data + rest)
    return path


def card_with(**changes):
    return {"__metadata__": {"covers": json.dumps(GOOD | changes)}}


CARDS = {
    "nested deep": b"[" * 200_000,
    "a list": [],
    "a number": 7,
    "metadata that is a text": {"__metadata__": "covers"},
    "metadata of numbers": {"__metadata__": {"covers": 7}},
    "a card nested deep": {"__metadata__": {"covers": "[" * 200_000}},
    "a card that is a list": {"__metadata__": {"covers": "[]"}},
    "a width without end": card_with(embedding_dim=10**9),
    "a width that is a text": card_with(embedding_dim="256"),
    "a width of no pictures": card_with(image_size=0),
    "a path for a fingerprint": card_with(fingerprint="../../../victim"),
    "numbers for genres": card_with(vocab=[1, 2]),
    "no genres": card_with(vocab=[]),
    "a spread of nothing": card_with(std=[0, 0, 0]),
    "a mean of texts": card_with(mean=["a", "b", "c"]),
    "a format that is a text": card_with(stamp=GOOD["stamp"] | {"format": "x"}),
    "a stamp that is a list": card_with(stamp=[]),
    "a summary that is a list": card_with(summary=[]),
    "features that lead away": card_with(
        summary={"frozen": {"fingerprint": "../x", "deepest_channels": 4}}
    ),
    "features without end": card_with(
        summary={"frozen": {"fingerprint": "f" * 32, "deepest_channels": 10**60}}
    ),
    "a tensor of another kind": {
        **card_with(),
        "w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]},
    },
    "a tensor without end": {
        **card_with(),
        "w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]},
    },
}


@pytest.mark.parametrize("crafted", CARDS)
def test_a_crafted_model_is_one_line_that_names_the_repair(workspace, crafted):
    path = write_model(workspace, CARDS[crafted], bytes(16))
    with pytest.raises(
        ModelError, match=r"is (damaged|not a model).*covers train"
    ) as e:
        read_card(workspace.model_folder)
    assert str(path) in str(e.value)
    assert "\n" not in str(e.value)
    result = CliRunner().invoke(main, ["model", "info", "-w", str(workspace.root)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)


def test_a_model_that_is_longer_than_its_file_takes_no_memory(workspace):
    path = write_model(workspace, b"{}")
    path.write_bytes(struct.pack("<Q", 2**26) + b"{}")
    with pytest.raises(ModelError, match="its header says it has 67,108,864 bytes"):
        read_card(workspace.model_folder)


def test_a_model_without_a_summary_says_what_it_lacks(workspace):
    write_model(workspace, card_with(), b"")
    card = read_card(workspace.model_folder)
    with pytest.raises(ModelError, match=r"'best' is missing.*covers train"):
        summary_of(card)


def test_a_head_of_another_width_is_refused_before_memory_is_taken(workspace):
    from covers.model.weights import SavedModel

    data = save(
        {"1.classify.weight": np.zeros((2, 4), np.float32)},
        metadata={"covers": json.dumps(GOOD | {"embedding_dim": 65_536})},
    )
    path = workspace.model_folder / "weights.safetensors"
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"has shape \[2, 4\].* says \[2, 65536\]"):
        SavedModel.open(workspace.model_folder, "cpu")


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        f"seed = {'9' * 5000}",
        "seed = -1",
        f"seed = {2**40}",
        'sources = [{name = "a", path = "x\\u0000y"}]',
        "[intake]\nmax_megapixels = inf",
        "[intake]\nmax_megapixels = nan",
        "[evaluation]\nn_bootstraps = 1000000000000",
        "\x00",
        "[[",
    ],
)
def test_crafted_settings_are_one_line(workspace, text):
    workspace.config_path.write_text(text)
    with pytest.raises(ConfigError, match=r"covers\.toml") as error:
        read_settings(workspace.root)
    assert "\n" not in str(error.value).strip()
    result = CliRunner().invoke(main, ["status", "-w", str(workspace.root)])
    assert isinstance(result.exception, SystemExit)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")  # noqa: PTH112
def test_a_source_of_the_system_is_refused(tmp_path):
    from pathlib import Path

    with pytest.raises(DataError, match="'/proc/self' is a folder of the system"):
        walk(Path("/proc/self"))
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "cover.jpg").write_bytes(b"x")
    (tmp_path / "library" / "more").symlink_to("/proc/self")
    found = walk(tmp_path / "library")
    assert [entry.path for entry in found.files] == ["cover.jpg"]
    assert found.problems == [("more", "a folder of the system, not of files")]


def crafted_table(path, table, **stamp):
    metadata = {b"covers": json.dumps({"kind": "votes", **stamp}).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_a_table_that_swells_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "x.parquet"
    crafted_table(path, pa.table({"a": pa.nulls(50_000_000, pa.int8())}))
    with pytest.raises(DataError, match=r"it says it has 50,000,000 rows.*covers x"):
        read_table(path, "votes", "covers x")


@pytest.mark.parametrize(
    "stamp",
    [
        {"format": "x"},
        {"format": 10**30},
        {"seed": "1"},
        {"summary": []},
        {"made_from": {"model": 7}},
        {"created": 7},
        {"surprise": 1},
    ],
)
def test_a_crafted_stamp_is_one_line(tmp_path, stamp):
    path = tmp_path / "x.parquet"
    crafted_table(path, pa.table({"a": [1]}), **stamp)
    with pytest.raises(DataError, match=r"x\.parquet"):
        read_table(path, "votes", "covers x")
    assert read_stamp(path) is None or "format" in stamp
    text = tmp_path / "x.json"
    text.write_text(json.dumps({"stamp": {"kind": "votes", **stamp}}))
    assert read_stamp(text) is None or "format" in stamp


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "7", '{"stamp": 7}', "9" * 5000])
def test_crafted_json_is_one_line(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"x\.json.*covers x"):
        read_json(path, "evaluation", "covers x")
    assert read_stamp(path) is None


def test_bytes_of_a_table_end_in_one_line(tmp_path):
    path = tmp_path / "x.parquet"
    stamp = Stamp(kind="votes")
    table = pa.table({"cover_id": [f"c{n}" for n in range(300)], "x": np.arange(300.0)})
    write_table(path, table, stamp)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        crafted = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 6)):
            crafted[place] = rng.integers(0, 256)
        path.write_bytes(crafted)
        try:
            read_table(path, "votes", "covers x")
        except DataError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017
    assert refused > 50


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_whole_workspace_of_a_stranger_in_short():
    import subprocess
    import sys
    from pathlib import Path

    root = Path(__file__).parents[2]
    script = root / "scripts" / "stress" / "strangers.py"
    command = [sys.executable, str(script), "--mutations", "19", "--seed", "2"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment
    )
    assert result.returncode == 0, result.stdout + result.stderr
    outcome = json.loads(result.stdout)
    assert outcome["mutations"] == outcome["kinds"] == 19
    assert outcome["touched_outside"] == outcome["tracebacks"] == 0


def test_a_document_takes_no_more_memory_than_it_is_long(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"x" * 1000)
    tracemalloc.start()
    assert read_bounded(path) == b"x" * 1000
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 1 << 20
    with pytest.raises(OSError, match="larger than"):
        read_bounded(path, 999)
    assert read_bounded(path, 1000) == b"x" * 1000
    if Path("/proc/self/status").exists():  # says that it has 0 bytes
        assert b"Name:" in read_bounded(Path("/proc/self/status"))
        with pytest.raises(OSError, match="larger than"):
            read_bounded(Path("/proc/self/status"), 10)


def test_what_has_no_end_or_is_too_large_is_not_read_whole(workspace, tmp_path):
    hole, pipe = tmp_path / "hole", tmp_path / "pipe"
    with hole.open("wb") as file:
        file.truncate(1 << 40)
    os.mkfifo(pipe)
    for path in (hole, pipe, Path("/dev/zero")):
        with pytest.raises(OSError, match=r"larger than|not a regular file"):
            read_text(path)
        with pytest.raises(ConfigError):
            GenreTree.read(path)
        with pytest.raises(DataError):
            read_review(path, {})
        workspace.journal_path.unlink(missing_ok=True)
        workspace.journal_path.symlink_to(path)  # the owner moved it to another disk
        assert Journal(workspace.journal_path).contents == {}
        thumbnail = workspace.thumbnail_path("b" * 32)
        thumbnail.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.parent == tmp_path:
            path.rename(thumbnail)
            assert load_thumbnails(workspace, ["b" * 32])(0) is None
            assert read_thumbnail(workspace, "b" * 32) is None
            thumbnail.unlink()
