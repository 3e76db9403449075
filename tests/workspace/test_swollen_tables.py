"""Parquet files of a few bytes that would fill the memory."""

import io
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from covers.errors import DataError
from covers.images.measured import MeasuredPictures
from covers.intake.tables.manifest import read_manifest
from covers.model.card import read_header
from covers.workspace.artefacts import Stamp, read_table, write_table
from covers.workspace.table_stream import read_batches
from indexer.parquet_sizes import refuse_swollen

LONG = "x" * 100_000
SWOLLEN = {
    "a text a thousand times": [LONG] * 1000,
    "lists of one text": [[LONG] * 10] * 100,
    "texts in tables": [{"a": LONG}] * 1000,
    "bytes": [LONG.encode()] * 1000,
    "keys of tables": [[("k" * 100_000, 1)]] * 1000,
}


def written(values, **options):
    buffer = io.BytesIO()
    is_map = isinstance(values[0], list) and isinstance(values[0][0], tuple)
    kind = pa.map_(pa.string(), pa.int64()) if is_map else None
    pq.write_table(pa.table({"a": pa.array(values, kind)}), buffer, **options)
    return buffer


def judge(buffer):
    with pq.ParquetFile(buffer) as file:
        refuse_swollen(buffer, file)
        return file.read()


@pytest.mark.parametrize("what", SWOLLEN)
def test_texts_that_repeat_are_counted_as_often_as_they_stand_there(what):
    buffer = written(SWOLLEN[what])
    assert len(buffer.getvalue()) < 250_000
    with pytest.raises(ValueError, match="it unpacks to"):
        judge(buffer)


def test_texts_that_begin_like_the_one_before_are_counted_whole():
    values = [LONG + str(n) for n in range(1500)]
    encoding = {"a": "DELTA_BYTE_ARRAY"}
    buffer = written(values, use_dictionary=False, column_encoding=encoding)
    assert len(buffer.getvalue()) < 250_000
    with pytest.raises(ValueError, match="it unpacks to"):
        judge(buffer)


def test_numbers_that_repeat_are_counted_as_often_as_they_stand_there():
    n = 1_000_000
    numbers = pa.array(np.zeros(n, np.int64))
    columns = {f"c{column}": numbers for column in range(16)}
    random = np.random.default_rng(0).bytes(20_000)
    columns["room"] = pa.array([random] + [b""] * (n - 1))
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    assert len(buffer.getvalue()) < 100_000
    with pytest.raises(ValueError, match="it unpacks to"):
        judge(buffer)


def test_counting_texts_does_not_import_pandas(tmp_path):
    known = ["Jazz", None, "Soul", "Funk"]
    path = tmp_path / "many.parquet"
    path.write_bytes(written([known[n % 4] for n in range(400_000)]).getvalue())
    code = (
        "import sys\n"
        "import pyarrow.parquet as pq\n"
        "import indexer.parquet_sizes as sizes\n"
        "looks = []\n"
        "count = sizes._count_letters\n"
        "sizes._count_letters = lambda one: looks.append(count(one)) or looks[-1]\n"
        f"with open({str(path)!r}, 'rb') as source:\n"
        "    sizes.refuse_swollen(source, pq.ParquetFile(source))\n"
        "assert sum(looks) == 1_200_000, looks\n"
        "assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_repeats_as_names_do_is_read():
    n = 200_000
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "cover_id": [f"{number:032x}" for number in rng.integers(0, 2**62, n)],
            "genres": [["Jazz", "Soul"]] * n,
            "artist": ["The Orchestra of the Isles"] * n,
            "year": [1970] * n,
            "none": pa.nulls(n, pa.string()),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    assert judge(buffer).num_rows == n


@pytest.mark.parametrize("read", [read_table, lambda *a: list(read_batches(*a))])
def test_an_artefact_of_one_long_text_is_one_line(tmp_path, read):
    path = tmp_path / "x.parquet"
    write_table(path, pa.table({"a": [LONG] * 1000}), Stamp(kind="votes"))
    with pytest.raises(DataError, match=r"it unpacks to 100,.*covers x"):
        read(path, "votes", "covers x")


def test_a_manifest_of_one_long_text_or_of_rows_without_end_is_one_line(tmp_path):
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"path": ["a.jpg"] * 1000, "genre": [LONG] * 1000}), path)
    with pytest.raises(DataError, match=r"cannot read manifest .*it unpacks to"):
        read_manifest(path)
    n = 2_000_000
    random = np.random.default_rng(0).bytes(40_000)
    rows = {"path": ["a.jpg"] * n, "note": pa.array([random] + [b""] * (n - 1))}
    pq.write_table(pa.table(rows), path)
    with pytest.raises(DataError, match=r"2,000,000 rows in"):
        read_manifest(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_the_measures_keeps_no_scan_waiting(tmp_path):
    path = tmp_path / "pictures.parquet"
    os.mkfifo(path)
    assert len(MeasuredPictures(path).cover_ids) == 0


def test_a_tensor_of_very_many_sides_is_refused_at_once(tmp_path):
    shape = [99_999_999] * 200_000
    tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}
    data = json.dumps({"w": tensor}).encode()
    path = tmp_path / "weights.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(data)) + data)
        file.truncate(1 << 30)
    with pytest.raises(ValueError, match="its tensor 'w' is not what fits"):
        read_header(path)
