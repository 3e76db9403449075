"""The overlap of a workspace: written, read back, and what it says where covers are few."""

import numpy as np
import pytest
from known_workspace import GENRES, write_known_workspace

from covers.errors import ConfigError, DataError
from covers.overlap.stage import read, run
from covers.workspace.read_artefacts import stamp_of
from covers.workspace.registry import OVERLAP_DOCUMENT


def test_workspace_overlap_is_written_with_what_it_was_made_from(tmp_path):
    workspace, data = write_known_workspace(tmp_path / "w")
    found = run(workspace, n_bootstraps=100, by="year")
    again = read(workspace)
    assert stamp_of(workspace, OVERLAP_DOCUMENT).made_from["model"] == "f" * 32
    assert [p.a + p.b for p in again.pairs] == [
        "FolkJazz",
        "FolkMetal",
        "JazzMetal",
    ]
    for pair in again.pairs:
        i, j = GENRES.index(pair.a), GENRES.index(pair.b)
        low, high = pair.overlap_ci95
        assert low <= data.overlap[i, j] <= high
        assert pair.n_a == 60
    assert set(found.parts) == {"1970s", "1980s", "1990s"}
    assert again.covers == "held-out"


def test_held_out_covers_are_counted_only_where_they_are_enough(tmp_path, monkeypatch):
    def some_held_out(self):
        return np.arange(len(self)) % 2 == 0

    monkeypatch.setattr("covers.index.embedded.EmbeddedCovers.held_out", some_held_out)
    workspace, _ = write_known_workspace(tmp_path / "w")
    few = run(workspace, n_bootstraps=50)
    assert few.covers == "all"
    assert few.n_covers == 180
    assert "fewer than 40 groups per genre are held out" in few.notes[-1]
    found = run(workspace, n_bootstraps=50, which="held-out")
    assert (found.covers, found.n_covers) == ("held-out", 90)
    monkeypatch.setattr("covers.overlap.stage.ENOUGH_GROUPS", 10)
    enough = run(workspace, n_bootstraps=50)
    assert (enough.covers, enough.n_covers) == ("held-out", 90)


def test_unknown_sources_and_years_are_explained(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w")
    found = run(workspace, n_bootstraps=50, by="source")
    assert set(found.parts) == {"one", "two"}
    with pytest.raises(ConfigError, match=r"by must be 'year' or 'source', got 'mood'"):
        run(workspace, n_bootstraps=50, by="mood")


def test_a_workspace_without_labelled_covers_is_explained(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w", genre_minimum=1000)
    with pytest.raises(DataError, match="no labelled held-out cover"):
        run(workspace)


def test_a_decade_of_few_covers_is_listed_with_null_overlaps(tmp_path):
    few = [*range(0, 60, 2), *range(60, 66), 120]
    workspace, _ = write_known_workspace(tmp_path / "w", keep=few)
    found = run(workspace, n_bootstraps=20, by="year")
    for part in found.parts.values():
        pairs = {p.a + p.b: p for p in part.pairs}
        assert np.isnan(pairs["FolkMetal"].overlap)
        assert any("too few to measure" in note for note in part.notes)
