"""Manifests, pointers and locks that somebody else wrote."""

import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner
from sealing import manifest_of, reseal
from written import D, N

from indexer import (
    IndexDamagedError,
    IndexHistoryError,
    IndexMismatchError,
    IndexWriteError,
    VectorIndex,
)
from indexer.cli import main
from indexer.files.lock import hold_writer_lock
from indexer.local.verification import verify_folder


def put(*path_and_value):
    """Make a change that puts a value somewhere into the manifest."""
    *path, last, value = path_and_value

    def change(content):
        for step in path:
            content = content[step]
        content[last] = value

    return change


SEGMENT = ("segments", 0)
CRAFTED = {
    "generation as a text": put("generation", "3"),
    "generation of another": put("generation", 2),
    "generation without end": put("generation", 10**30),
    "generation below one": put("generation", 0),
    "content of the future": put("content", 4),
    "dimension without end": put("dimension", 10**18),
    "dimension as a text": put("dimension", "8"),
    "dimension of none": put("dimension", 0),
    "items without end": put("n_items", 10**12),
    "items as a fraction": put("n_items", 298.0),
    "rows without end": put(*SEGMENT, "n_rows", 10**12),
    "one row less": put(*SEGMENT, "n_rows", N - 1),
    "negative rows": put(*SEGMENT, "n_rows", -1),
    "true rows": put(*SEGMENT, "n_rows", True),
    "tombstones without end": put(*SEGMENT, "n_dead", 10**9),
    "a size of nothing": put(*SEGMENT, "vectors", "n_bytes", 0),
    "a size without end": put(*SEGMENT, "lookup", "n_bytes", 2**63),
    "a checksum as a list": put(*SEGMENT, "items", "sha256", []),
    "a time without end": put(*SEGMENT, "items", "mtime_ns", 10**300),
    "a segment as a text": put("segments", 0, "x"),
    "a segment that is called elsewhere": put(*SEGMENT, "name", "../x"),
    "segments as a text": put("segments", "x"),
    "history as a number": put("history", 3),
    "history of itself": put("history", 0, "generation", 3),
    "history twice": lambda c: c["history"].append(c["history"][0]),
    "a request without sense": put("request", "target_recall", 7),
    "a request of nothing": put("request", None),
    "a request of a wide answer": put("request", "k", 10**9),
    "an effort without end": put(*SEGMENT, "structure", "effort", {"nprobe": 10**12}),
    "an effort of another name": put(*SEGMENT, "structure", "effort", {"x": 1}),
    "a recall that is none": put(*SEGMENT, "structure", "recall_at_k", float("nan")),
    "fingerprints as numbers": put("fingerprints", {"model": 5}),
    "an unknown field": put("surprise", 1),
    "a missing field": lambda content: content.pop("schema"),
    "one file twice": lambda c: c["segments"].append(c["segments"][0]),
}


@pytest.mark.parametrize("crafted", CRAFTED)
def test_a_manifest_with_other_values_is_damaged(folder, precious, crafted):
    reseal(folder, CRAFTED[crafted])
    with pytest.raises(IndexDamagedError, match=r"is damaged.*--repair"):
        VectorIndex.open(folder)
    report = verify_folder(folder)
    assert not report.ok
    assert all(problem.repair for problem in report.problems)
    assert VectorIndex.repair(folder).ok
    assert len(VectorIndex.open(folder)) == N - 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"sha256": ' + "[" * 200_000,
        "[]",
        "7",
        '{"sha256": 7}',
        '{"sha256": "' + "é" * 64 + '"}',
        '{"format": ' + "9" * 5000 + "}",
        " " * (5 << 20),
    ],
)
def test_a_manifest_of_other_json_is_damaged(folder, text):
    manifest_of(folder).write_text(text)
    with pytest.raises(IndexDamagedError, match="is damaged"):
        VectorIndex.open(folder)
    assert VectorIndex.repair(folder).ok


@pytest.mark.parametrize("generation", [0, -1, 1e400, True, "3", None, 10**15, [3]])
def test_a_pointer_to_another_value_is_damaged(folder, generation):
    check = hashlib.sha256(f"generation {generation}".encode()).hexdigest()[:16]
    pointer = json.dumps({"generation": generation, "check": check}) + "\n"
    (folder / "CURRENT").write_text(pointer)
    with pytest.raises(IndexDamagedError, match=r"'CURRENT' of index .* is damaged"):
        VectorIndex.open(folder)
    assert VectorIndex.repair(folder).ok


@pytest.mark.parametrize("text", ["[" * 100_000, "{" + " " * (5 << 20), "7"])
def test_a_pointer_of_other_json_is_damaged(folder, text):
    (folder / "CURRENT").write_text(text)
    with pytest.raises(IndexDamagedError, match=r"'CURRENT' of index .* is damaged"):
        VectorIndex.open(folder)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        json.dumps({"pid": "\033[31m", "host": "x", "started": 1}),
        '{"pid": 1, "host": "x", "started": ' + "9" * 400 + "}",
        "x" * 100_000,
        '{"pid": 1, "host": "\\u001b[31m", "started": 1}',
    ],
)
def test_an_owner_of_the_lock_may_say_anything(folder, caplog, text):
    (folder / "writer.json").write_text(text)
    with hold_writer_lock(folder, timeout_s=0):
        pass
    assert "taking over the lock of" in caplog.text
    assert "\033" not in caplog.text


def test_a_manifest_grows_no_larger_than_it_is_read(tmp_path):
    fingerprints = {"note": "x" * (5 << 20)}
    with pytest.raises(IndexWriteError, match="more than 4 MiB: give fewer columns"):
        VectorIndex.build(tmp_path, ["a"], np.ones((1, D)), fingerprints=fingerprints)


def test_going_back_from_the_only_generation_is_one_line(tmp_path):
    folder = tmp_path / "index"
    index = VectorIndex.build(folder, ["a"], np.ones((1, D)))
    with pytest.raises(IndexHistoryError, match="nothing older to roll back to"):
        index.rollback()
    result = CliRunner().invoke(main, ["rollback", str(folder)])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: there is nothing older to roll back to")
    assert result.stderr.count("\n") == 1


def test_an_index_of_the_format_of_old_is_read(folder):
    """Without the fields that later releases added."""

    def change(content):
        for name in ("parent", "versions", "fingerprints", "history"):
            content.pop(name) if name != "history" else None
        for segment in content["segments"]:
            for part in ("vectors", "items", "lookup", "dead"):
                segment[part].pop("mtime_ns")

    reseal(folder, change)
    assert VectorIndex.open(folder).neighbours_of(["i1"], 3).ids.shape == (1, 3)
    assert verify_folder(folder).ok


def test_a_newer_format_with_other_fields_is_no_damage(folder):
    reseal(folder, lambda content: content.update(format=3, surprise=[1]))
    with pytest.raises(IndexMismatchError, match="has format 3, this release reads"):
        VectorIndex.open(folder)
