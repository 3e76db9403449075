"""A scan of a large library leaves its thumbnails in shards, and all that shows them reads them there."""

import asyncio
import io
import shutil
import zipfile
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

import covers
from covers.exports.table.cover_table import read_cover_table
from covers.exports.take_along import pictures_of
from covers.images import thumbnail_shards as shards
from covers.images.thumbnails import read_thumbnail
from covers.intake.scan import scan_workspace
from covers.workspace.paths import Workspace
from covers.workspace.registry import THUMBNAIL_SHARDS


@pytest.fixture
def sharded(library, ws, monkeypatch):
    """The same library twice: as a small one, and as a large one."""
    scan_workspace(ws, [library])
    small = Workspace(ws.rename(ws.with_name("small")))
    monkeypatch.setattr(shards, "ABOVE", 3)
    monkeypatch.setattr(shards, "_LEAST_NEW", 1)
    scan_workspace(ws, [library])
    return small, Workspace(ws)


def test_what_a_large_library_shows_is_what_a_small_one_shows(
    sharded, library, monkeypatch
):
    small, large = sharded
    assert not list(large.thumbnails_folder.glob("??/*.jpg"))
    assert list(large.path(THUMBNAIL_SHARDS).iterdir())
    ids = covers.open(small.root).catalogue.cover_ids
    for cover_id in ids:
        content = small.thumbnail_path(cover_id).read_bytes()
        assert read_thumbnail(large, cover_id) == content
    shutil.move(library, library.with_name("gone"))  # so that thumbnails stand in
    opened = covers.open(large.root)
    other = covers.open(small.root)
    assert opened.picture_of(ids[0]).tobytes() == other.picture_of(ids[0]).tobytes()
    exported = [
        [read_cover_table(one).picture(row) for row in range(len(ids))]
        for one in (large, small)
    ]
    assert exported[0] == exported[1]
    assert None not in exported[0]
    zips = [pictures_of(one.workspace, one.catalogue, ids) for one in (opened, other)]
    names = [zipfile.ZipFile(io.BytesIO(one)).namelist() for one in zips]
    assert len(names[0]) == 1 + len(ids)
    assert names[0] == names[1]
    from dashboard import arguments
    from dashboard.server import routes

    monkeypatch.setattr(arguments, "workspace", lambda: large)
    request = SimpleNamespace(path_params={"cover_id": ids[0]})
    answer = asyncio.run(routes.send_thumbnail(request))
    assert answer.media_type == "image/jpeg"
    assert answer.body == small.thumbnail_path(ids[0]).read_bytes()


def test_the_next_scan_reads_no_picture_and_makes_what_is_missing(sharded, library):
    _, large = sharded
    assert scan_workspace(large.root).n_read == 0
    (library / "Rock/r5.png").rename(library / "Rock/moved.png")
    assert scan_workspace(large.root).n_read <= 1
    paths = sorted(large.path(THUMBNAIL_SHARDS).iterdir())
    n_held = pq.read_metadata(paths[0]).num_rows
    paths[0].write_bytes(b"")
    assert scan_workspace(large.root).n_read >= 0
    paths[0].unlink()
    scan_workspace(large.root)
    ids = covers.open(large.root).catalogue.cover_ids
    assert n_held > 0
    assert all(read_thumbnail(large, cover_id) for cover_id in ids)
