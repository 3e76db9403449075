"""The catalogue: what is written with it is what would be worked out from it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covers.catalogue.table import KIND, SCHEMA, Catalogue
from covers.workspace.artefacts import Stamp, read_stamp

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
