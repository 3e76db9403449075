"""Rows as JSON, by which a catalogue is told from another: as Python writes them."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pyarrow as pa

from covers.catalogue import json_rows as module
from covers.catalogue.json_rows import json_rows

COLUMNS = {
    "id": ["b", 'quo"te', "é\u2028", None, "\\"],
    "names": [["x", "y"], [], None, ['a"', "ü"], ["x"]],
    "numbers": [1, None, -3, 4, 5],
    "shares": [0.5, float("nan"), None, 1.0, 1e-9],
    "flags": [True, None, False, True, True],
    "lists of numbers": [[1, 2], None, [], [3], [4]],
    "days": [dt.date(2001, 2, 3), None, None, None, None],
    "nothing": [None] * 5,
}


def test_cells_are_written_as_python_writes_them(monkeypatch):
    table = pa.table({name: pa.array(values) for name, values in COLUMNS.items()})
    order = [4, 0, 3, 2, 1]
    rows = [[values[i] for values in COLUMNS.values()] for i in order]
    text = json.dumps(rows, separators=(",", ":"), default=str)
    for n_at_once in (2, 100):
        monkeypatch.setattr(module, "_ROWS_AT_ONCE", n_at_once)
        blocks = json_rows(table, list(COLUMNS), pa.array(np.array(order)))
        assert b",".join(blocks).decode() == text[1:-1]


def test_chunks_and_slices_make_no_difference():
    lists = pa.array([["x"], None, ["y", "z"], []])
    whole = pa.table({"a": lists.slice(1)})
    cut = pa.table({"a": pa.chunked_array([lists.slice(1, 1), lists.slice(2)])})
    order = pa.array([2, 1, 0])
    assert list(json_rows(whole, ["a"], order)) == [b'[[]],[["y","z"]],[null]']
    assert list(json_rows(cut, ["a"], order)) == list(json_rows(whole, ["a"], order))
