"""Links and pipes in a workspace from a stranger lead nowhere."""

import os

import pytest
from PIL import Image

from covers.errors import CoversError, DataError
from covers.images.thumbnails import read_thumbnail
from covers.model.card import read_card
from covers.model.embedding_table import delete_old_embeddings
from covers.render.gallery import picture_uri
from covers.workspace.artefacts import (
    read_json,
    read_table,
)
from covers.workspace.disk.publish import publish, publish_unflushed
from covers.workspace.disk.strangers import is_plain_file
from covers.workspace.paths import Workspace
from covers.workspace.settings import read_settings


@pytest.fixture
def workspace(tmp_path):
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "covers.toml").write_text("")
    return Workspace(root)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_keeps_no_reader_waiting(workspace):
    for name in ("covers.toml", "x.json", "x.parquet"):
        (workspace.root / name).unlink(missing_ok=True)
        os.mkfifo(workspace.root / name)
    workspace.model_folder.mkdir()
    os.mkfifo(workspace.model_folder / "weights.safetensors")
    for read in (
        lambda: read_settings(workspace.root),
        lambda: read_json(workspace.root / "x.json", "map", "covers map"),
        lambda: read_table(workspace.root / "x.parquet", "map", "covers map"),
        lambda: read_card(workspace.model_folder),
    ):
        with pytest.raises(CoversError, match="not a regular file"):
            read()


def test_nothing_is_written_through_a_link_in_a_workspace(workspace, tmp_path):
    precious = tmp_path / "precious"
    (precious / "ab").mkdir(parents=True)
    for name in ("analysis", "thumbnails", "model"):
        (workspace.root / name).symlink_to(precious)
    for write in (
        lambda: publish(workspace.root / "analysis" / "x.json").__enter__(),
        lambda: publish(workspace.root / "analysis" / "figures" / "x").__enter__(),
        lambda: publish_unflushed(workspace.root / "thumbnails" / "ab" / "x", b"x"),
    ):
        with pytest.raises(DataError, match="is a link in a workspace, and nothing"):
            write()
    assert sorted(path.name for path in precious.rglob("*")) == ["ab"]
    (tmp_path / "mine").symlink_to(workspace.root)
    with publish(tmp_path / "mine" / "x.json") as file:
        file.write("x")
    assert (workspace.root / "x.json").read_text() == "x"


def test_old_embeddings_are_removed_only_where_they_are_ours(workspace, tmp_path):
    precious = tmp_path / "precious"
    for name in ("photos", "a" * 32, "thesis"):
        (precious / name).mkdir(parents=True)
        (precious / name / "part-000000.parquet").write_text("years of work")
    workspace.embeddings_folder.symlink_to(precious)
    with pytest.raises(DataError, match="is a link in a workspace"):
        delete_old_embeddings(workspace, keep=[])
    workspace.embeddings_folder.unlink()
    workspace.embeddings_folder.mkdir()
    (workspace.embeddings_folder / ("b" * 32)).symlink_to(precious / ("a" * 32))
    (workspace.embeddings_folder / "photos").mkdir()
    (workspace.embeddings_folder / ("c" * 32)).mkdir()
    (workspace.embeddings_folder / ("c" * 32) / "part-000000.parquet").touch()
    with pytest.raises(DataError, match="is a link in a workspace"):
        delete_old_embeddings(workspace, keep=[])
    (workspace.embeddings_folder / ("b" * 32)).unlink()
    delete_old_embeddings(workspace, keep=[])
    assert [p.name for p in workspace.embeddings_folder.iterdir()] == ["photos"]
    assert len(list(precious.glob("*/part-*"))) == 3


def test_a_cover_id_leads_nowhere_else(workspace):
    for cover_id in ("../../etc/passwd", "/etc/passwd", "", "a/b", "a\0"):
        with pytest.raises(DataError, match="is none of this program"):
            workspace.thumbnail_path(cover_id)
        with pytest.raises(DataError, match="is none of this program"):
            workspace.explanation_path(cover_id)


def test_a_thumbnail_that_is_a_link_is_not_shown(workspace, tmp_path):
    private = tmp_path / "private.jpg"
    Image.new("RGB", (16, 16), "red").save(private)
    path = workspace.thumbnail_path("a" * 32)
    path.parent.mkdir(parents=True)
    path.symlink_to(private)
    assert not is_plain_file(path)
    assert read_thumbnail(workspace, "a" * 32) is None
    assert picture_uri(None) == ""
    path.unlink()
    path.write_bytes(private.read_bytes())
    assert is_plain_file(path)
    shown = picture_uri(read_thumbnail(workspace, "a" * 32))
    assert shown.startswith("data:image/jpeg;base64,")
    path.parent.rename(tmp_path / "aa")
    path.parent.symlink_to(tmp_path / "aa")
    assert read_thumbnail(workspace, "a" * 32) is None


def test_the_dashboard_sends_no_link(workspace, tmp_path, monkeypatch):
    import asyncio
    from types import SimpleNamespace

    from dashboard import arguments
    from dashboard.server import routes

    monkeypatch.setattr(arguments, "workspace", lambda: workspace)
    private = tmp_path / "private.txt"
    private.write_text("secret")
    path = workspace.thumbnail_path("a" * 32)
    path.parent.mkdir(parents=True)
    request = SimpleNamespace(path_params={"cover_id": "a" * 32})
    path.symlink_to(private)
    assert asyncio.run(routes.send_thumbnail(request)).media_type == "image/svg+xml"
    path.unlink()
    os.mkfifo(path)
    assert asyncio.run(routes.send_thumbnail(request)).media_type == "image/svg+xml"
    path.unlink()
    Image.new("RGB", (16, 16), "red").save(path)
    assert asyncio.run(routes.send_thumbnail(request)).media_type == "image/jpeg"


def test_pages_draw_no_thumbnail_that_is_a_link(workspace, tmp_path):
    from covers.audit.page import _shrink
    from covers.evaluate.page.page_covers import _data_uri
    from covers.render.frame import Thumbnails

    Image.new("RGB", (16, 16), "red").save(tmp_path / "private.jpg")
    path = workspace.thumbnail_path("a" * 32)
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "private.jpg")
    assert _shrink(workspace, "a" * 32) is None
    assert _data_uri(workspace, "a" * 32) == ""
    assert (Thumbnails(workspace).picture("a" * 32) == 200).all()
    path.unlink()
    Image.new("RGB", (16, 16), "red").save(path)
    assert _shrink(workspace, "a" * 32)
    assert _data_uri(workspace, "a" * 32)


@pytest.mark.parametrize("name", ["pixels-8.u8", "pixels-8.ids"])
def test_decoded_pictures_are_written_through_no_link(workspace, tmp_path, name):
    from covers.model.pixels import PixelCache

    target = tmp_path / "thesis.tex"
    target.write_text("years of work")
    workspace.cache_folder.mkdir()
    (workspace.cache_folder / name).symlink_to(target)
    cache = PixelCache(workspace.cache_folder, 8)
    cache.fill(workspace, [])
    cache.delete()
    assert target.read_text() == "years of work"


@pytest.mark.parametrize("name", [".scan.lock", "scan.journal"])
def test_a_scan_writes_through_no_link(workspace, tmp_path, name):
    from covers.intake.scan import scan_workspace

    target = tmp_path / "thesis.tex"
    target.write_text("years of work")
    (workspace.root / name).symlink_to(target)
    (tmp_path / "library" / "Rock").mkdir(parents=True)
    Image.new("RGB", (64, 64), "red").save(tmp_path / "library" / "Rock" / "a.png")
    try:
        scan_workspace(workspace.root, [tmp_path / "library"])
    except DataError as error:
        assert "is a link and no lock file" in str(error)  # noqa: PT017
    assert target.read_text() == "years of work"
