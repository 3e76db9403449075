import json
import re
import shutil
import socket
import urllib.error
import urllib.request
from urllib.parse import urlparse

import pytest
from dashboard_browser import first_cover, names, png, serve, wait_for_map

from dashboard.pages import PAGES

pytestmark = pytest.mark.browser

PATHS = [page.path for page in PAGES]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n and then nothing of the kind", "cannot be used"),
        (b"", "cannot be used"),
        (png()[:60], "cannot be used"),
        (png((12_000, 12_000), 0, "1"), "megapixels"),
    ],
    ids=["garbage", "empty", "cut off", "too many pixels"],
)
def test_a_broken_upload_is_explained(read, content, reason):
    reader = read("search")
    reader.page.set_input_files(
        'input[type="file"]',
        {"name": "it.png", "mimeType": "image/png", "buffer": content},
    )
    reader.page.get_by_text(reason).wait_for()
    assert "Traceback" not in reader.text()


def test_a_dead_link_is_explained(read):
    reader = read(f"search?cover={'0' * 32}")
    assert "no longer, in the library" in reader.text()


def test_addresses_that_make_no_sense_are_ignored(read):
    for path in (
        "map?selection=area:1_2_x",
        "map?selection=area:1_2_3_4_5_nan&colour=none",
        "?selection=cluster:abc&order=7&genre=None",
        "review?doubt=nothing&look=none",
        "search?plus=zz.yy&minus=..",
        "overlap?pair=<script>~x&measure=7",
        "clusters?cluster=-99",
        "model?cell=Jazz",
        "compare?left=cover:../../etc&right=genre:",
        "search?cover=..%2F..&k=1000000",
    ):
        reader = read(path)
        assert "went wrong" not in reader.text()
        reader.close()


def test_other_machines_are_not_answered(url):
    port = urlparse(url).port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_pictures_come_from_the_workspace_and_nowhere_else(url, workspace):
    cover = first_cover(workspace, "Pop")
    with urllib.request.urlopen(f"{url}/covers/thumbnail/{cover}.jpg") as answer:
        assert answer.read() == workspace.thumbnail_path(cover).read_bytes()
    for name in ("..%2f..%2fcovers.toml", "%2e%2e", "0" * 32):
        content = fetch(f"{url}/covers/thumbnail/{name}.jpg")
        assert content == b"" or content.startswith((b"<svg", b"<!DOCTYPE", b"<!--"))


def fetch(address):
    """Return what the server sends, nothing where it refuses."""
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.read()
    except urllib.error.HTTPError:
        return b""


def test_two_readers_go_on_while_the_index_is_rebuilt(read, other):
    from covers.index.open import open_index

    cover = first_cover(other, "Jazz")
    with serve(other.root) as url:
        readers = [read(f"search?cover={cover}", url=url) for _ in range(2)]
        index = open_index(other)
        before = index.generation
        assert all(
            f"generation {before} of the index" in reader.text() for reader in readers
        )
        index.rebuild()
        assert index.generation > before
        for reader in readers:
            reader.page.get_by_text("One per artist", exact=True).click()
            reader.page.get_by_text(
                f"generation {index.generation} of the index"
            ).wait_for()
            assert names(reader.element("alike"))


def test_an_empty_workspace_names_the_command_on_every_page(read, tmp_path):
    empty = tmp_path / "nothing"
    empty.mkdir()
    (empty / "covers.toml").touch()  # a folder without is refused before it starts
    with serve(empty) as url:
        for path in PATHS:
            reader = read(path, url=url)
            assert "covers scan SOURCE" in reader.text()
            reader.close()


def test_a_workspace_that_vanishes_while_it_is_open_is_explained(read, other):
    with serve(other.root) as url:
        reader = read("map", url=url)
        wait_for_map(reader)
        shutil.rmtree(other.root)
        reader.page.get_by_role("radio", name="Cluster").click()
        reader.page.get_by_text(re.compile("covers scan SOURCE")).wait_for()
        assert "went wrong" not in reader.text()


def test_what_is_missing_or_damaged_is_said_in_its_place(read, other):
    (other.analysis_folder / "clusters.json").unlink()
    (other.analysis_folder / "evaluation.json").write_text("{}")
    overlap = other.analysis_folder / "overlap.json"
    stamped = json.loads(overlap.read_text())["stamp"]
    overlap.write_text(json.dumps({"stamp": stamped, "genres": ["a", "b"]}))
    shutil.rmtree(other.index_folder)
    expected = {
        "clusters": "covers cluster",
        "model": "covers evaluate",
        "overlap": "covers overlap -w",
        "search": "covers index build",
        "map?colour=Cluster": r"n\s=\s168",
        "compare?left=genre:Jazz": "Some of its covers",
    }
    with serve(other.root) as url:
        for path, said in expected.items():
            reader = read(path, url=url)
            reader.page.get_by_text(re.compile(said)).first.wait_for()
            assert "Traceback" not in reader.text()
            reader.close()


@pytest.mark.parametrize("path", ["map", "overlap", "search", "clusters", "model"])
def test_without_a_model_the_one_command_is_named_that_makes_all(read, other, path):
    for folder in ("model", "embeddings", "index", "analysis"):
        shutil.rmtree(other.root / folder)
    with serve(other.root) as url:
        code = read(path, url=url).page.get_by_test_id("stCode")
        code.wait_for()
        assert code.inner_text().strip() == f"covers run -w {other.root}"


def test_where_nothing_can_be_trained_no_command_is_named(read, tmp_path):
    from covers.intake.scan import scan_workspace

    (tmp_path / "covers" / "Jazz").mkdir(parents=True)
    (tmp_path / "covers" / "Jazz" / "it.png").write_bytes(png())
    scan_workspace(tmp_path / "workspace", [tmp_path / "covers"])
    with serve(tmp_path / "workspace") as url:
        for path in ("map", "overlap", "search", "clusters", "model"):
            reader = read(path, url=url)
            reader.page.get_by_text("training needs at least 2 genres").wait_for()
            assert reader.page.get_by_test_id("stCode").count() == 0
            reader.close()
