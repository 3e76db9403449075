"""The catalogue: what is written with it is what would be worked out from it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covers.catalogue.table import KIND, SCHEMA, Catalogue
from covers.errors import DataError
from covers.workspace.artefacts import Stamp, read_stamp, write_table

GENRES = ("Folk", "Jazz", "Ü-Musik")


def make(genres, *, minimum=1):
    n = len(genres)
    columns = {
        "cover_id": [f"{(7 * row) % 31:032x}" for row in range(n)],
        "genres": genres,
        "group": [f"g{row // 2}" for row in range(n)],
        "split": ["valid" if row % 3 else "train" for row in range(n)],
        "year": [1970 + row if row % 2 else None for row in range(n)],
    }
    table = pa.table(
        {f.name: pa.array(columns.get(f.name, [None] * n), f.type) for f in SCHEMA},
        schema=SCHEMA,
    )
    return Catalogue(table, minimum)


@pytest.fixture
def written(tmp_path):
    catalogue = make([["Jazz"], [], ["Folk", "Jazz"], None, ["Ü-Musik"]], minimum=2)
    stamp = Stamp(kind=KIND, parameters={"genre_minimum": 2})
    catalogue.write(tmp_path / "catalogue.parquet", stamp)
    return tmp_path / "catalogue.parquet", catalogue


def test_the_written_fingerprints_are_those_of_the_rows(written):
    path, catalogue = written
    read = Catalogue.read(path)
    bare = Catalogue(read.table, read.genre_minimum)
    assert read.written.keys() == {"fingerprint", "label_fingerprint"}
    assert read.fingerprint() == bare.fingerprint() == catalogue.fingerprint()
    assert read.label_fingerprint() == bare.label_fingerprint()
    assert read.fingerprint() != read.label_fingerprint()


def test_writing_another_table_writes_other_fingerprints(written):
    path, _ = written
    read = Catalogue.read(path)
    labels = pa.array([["Folk"]] * len(read), SCHEMA.field("genres").type)
    place = read.table.column_names.index("genres")
    changed = Catalogue(
        read.table.set_column(place, "genres", labels), 2, dict(read.written)
    )
    changed.write(path, read_stamp(path))
    again = Catalogue.read(path)
    assert again.fingerprint() == Catalogue(again.table, 2).fingerprint()
    assert again.label_fingerprint() != read.label_fingerprint()


def test_the_fingerprint_is_that_of_the_covers_in_any_order(written):
    _, catalogue = written
    turned = Catalogue(catalogue.table.take(np.array([3, 1, 4, 0, 2])), 2)
    assert turned.fingerprint() == catalogue.fingerprint()
    assert Catalogue(catalogue.table, 3).fingerprint() != catalogue.fingerprint()


@given(st.lists(st.none() | st.lists(st.sampled_from(GENRES), unique=True), max_size=9))
def test_genres_are_counted_as_python_counts_them(genres):
    catalogue = make(genres)
    counted = Counter(genre for names in genres for genre in names or ())
    assert catalogue.genre_counts == dict(counted)
    order = list(catalogue.genre_counts.items())
    assert order == sorted(order, key=lambda item: (-item[1], item[0]))
    assert catalogue.n_labelled == sum(bool(names) for names in genres)


def test_covers_of_several_genres_are_those_of_several_that_are_trained():
    genres = [["Folk", "Jazz"], ["Folk", "Rare"], ["Jazz"], ["Odd"], [], None]
    # Of three covers with a genre that two covers have, one has two of these.
    assert make(genres, minimum=2).share_with_several == pytest.approx(1 / 3)
    assert make(genres).share_with_several == pytest.approx(2 / 4)
    for catalogue in (make(genres, minimum=9), make([None, []]), make([])):
        assert catalogue.share_with_several == 0


@pytest.mark.parametrize(
    ("name", "values", "match"),
    [
        ("genres", [[1]], r"'genres' is list<.*int64>, not list"),
        ("year", ["1999"], "'year' is string, not int32"),
        ("group", [[["a"]]], "'group' is list<"),
        ("locations", [[{"source": "a"}]], "'locations' is list<"),
    ],
)
def test_columns_of_another_type_are_named(written, name, values, match):
    path, catalogue = written
    place = catalogue.table.column_names.index(name)
    column = pa.array(values * len(catalogue))
    crafted = Catalogue(catalogue.table.set_column(place, name, column), 2)
    write_table(path, crafted.table, read_stamp(path))
    with pytest.raises(DataError, match=match):
        Catalogue.read(path)


def test_a_column_that_stands_there_twice_is_named(written):
    path, catalogue = written
    again = catalogue.table.append_column("path", catalogue.table.column("path"))
    write_table(path, again, read_stamp(path))
    with pytest.raises(DataError, match="'path' stands there twice: run"):
        Catalogue.read(path)


def test_columns_of_nothing_but_nulls_are_read(written):
    path, catalogue = written
    place = catalogue.table.column_names.index("genres")
    nulls = catalogue.table.set_column(place, "genres", pa.nulls(len(catalogue)))
    write_table(path, nulls, read_stamp(path))
    assert Catalogue.read(path).n_labelled == 0
