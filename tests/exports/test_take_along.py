import csv
import io
import zipfile

import pytest

import covers
from covers.exports.take_along import pictures_of, playlist_of, table_of


@pytest.fixture(scope="module")
def library(drawn_once):
    return covers.open(drawn_once / "workspace")


def test_a_table_holds_ids_and_paths_in_the_order_asked_for(library):
    ids = library.catalogue.cover_ids[5:2:-1]
    text = table_of(library.catalogue, [*ids, "f" * 32], tag="nice")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["cover_id"] for row in rows] == ids
    paths = library.catalogue.column("path")
    assert [row["path"] for row in rows] == paths[5:2:-1]
    assert {row["tag"] for row in rows} == {"nice"}


def test_pictures_are_the_very_files(library):
    ids = library.catalogue.cover_ids[:3]
    content = pictures_of(library.workspace, library.catalogue, ids)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        names = set(file.namelist())
        assert len(names) == 4
        assert "covers.csv" in names
        place = library.catalogue.table["locations"][0].as_py()[0]
        path = library.workspace.resolve(place["source"], place["path"])
        name = next(name for name in names if name.startswith(ids[0]))
        assert file.read(name) == path.read_bytes()


def test_a_folder_of_pictures_has_no_playlist(library):
    ids = library.catalogue.cover_ids[:3]
    assert playlist_of(library.workspace, library.catalogue, ids) == ""
