"""Parquet files are read by threads that hold nothing of Python."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer import parquet_files
from indexer.parquet_files import opened_parquet

ROOT = Path(__file__).parents[2]


class Watched(io.BytesIO):
    """A file in memory that notes who still reads it."""

    n_reads = 0

    def read(self, *size):
        self.n_reads += 1
        return super().read(*size)

    read1 = readinto = read


@pytest.fixture
def table():
    return pa.table({"cover_id": ["a", "b"], "n": [1, 2]})


def test_a_file_is_read_by_its_descriptor(tmp_path, table):
    pq.write_table(table, tmp_path / "t.parquet")
    with (
        (tmp_path / "t.parquet").open("rb") as source,
        opened_parquet(source) as file,
    ):
        (tmp_path / "t.parquet").unlink()
        assert file.read().equals(table)
        assert source.tell() == 0


@pytest.mark.parametrize("place", ["memory", "no /dev/fd"])
def test_what_has_no_descriptor_is_copied_before_it_is_read(
    tmp_path, table, monkeypatch, place
):
    pq.write_table(table, tmp_path / "t.parquet")
    source = Watched((tmp_path / "t.parquet").read_bytes())
    source.seek(7)
    if place == "no /dev/fd":
        source.fileno = lambda: 10**6
    with opened_parquet(source) as file:
        n_reads = source.n_reads
        assert file.read().equals(table)
        assert source.n_reads == n_reads > 0


def test_there_is_no_other_way_to_open_one():
    places = [
        path.name
        for package in ("covers", "indexer", "dashboard")
        for path in (ROOT / package).rglob("*.py")
        if "ParquetFile(" in path.read_text(encoding="utf-8")
    ]
    assert places == [Path(parquet_files.__file__).name]
