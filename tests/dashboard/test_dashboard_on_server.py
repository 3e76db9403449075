"""The dashboard of a workspace whose index lies in PostgreSQL."""

from __future__ import annotations

import re
import shutil

import pytest
from click.testing import CliRunner
from dashboard_browser import first_cover, serve, tiles

import covers
from covers.cli import main
from indexer import open_store


@pytest.fixture
def on_server(other, postgres):
    """A workspace whose index is on a server."""
    text = other.config_path.read_text()
    address = postgres.address("dashboard")
    other.config_path.write_text(f'{text}\n[index]\nuri = "{address}"\n')
    shutil.rmtree(other.index_folder)
    made = CliRunner().invoke(main, ["index", "build", "-w", str(other.root)])
    assert made.exit_code == 0, made.output
    return other


@pytest.mark.browser
def test_searches_and_selections_follow_the_index(read, on_server):
    library = covers.open(on_server.root)
    cover = first_cover(on_server, "Jazz")
    albums = dict(
        zip(library.catalogue.cover_ids, library.catalogue.column("album"), strict=True)
    )
    with serve(on_server.root) as url:
        reader = read(
            f"search?cover={cover}&of-genre=Metal&selection=like:1000:{cover}", url=url
        )
        shown = tiles(reader.element("alike"))
        found = [one.get_attribute("aria-label") or "" for one in shown]
        hits = library.search(cover, 24, where={"genre": "Metal"}).hits
        assert len(found) == len(hits) > 10
        for name, hit in zip(found, hits, strict=True):
            assert name.startswith(albums[hit.cover_id])
        assert reader.element("query").locator(".likeliest").count() == 1
        before = n_selected(reader)
        store = open_store(library.index.address)
        store.apply(remove=[hits[0].cover_id])
        reader.open(f"search?cover={cover}&of-genre=Metal&selection=like:1000:{cover}")
        assert n_selected(reader) == before - 1
        assert albums[hits[0].cover_id] not in reader.element("alike").inner_text()


def n_selected(reader):
    said = reader.element("selection-bar")
    return int(re.search(r"(\d+) covers selected", said.inner_text())[1])
