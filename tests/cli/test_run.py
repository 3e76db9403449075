"""``covers run`` hands on what it was given."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from covers.cli import main
from covers.errors import DataError
from covers.intake import scan


@pytest.fixture
def scanned(monkeypatch):
    """Collect what the scan is called with, and go no further."""
    calls = []

    def stop(*arguments, **options):
        calls.append((arguments, options))
        message = "far enough"
        raise DataError(message)

    monkeypatch.setattr(scan, "scan_workspace", stop)
    return calls


def test_options_about_genres_reach_the_scan_and_no_training(scanned, tmp_path):
    given = ["run", "covers", "-w", str(tmp_path / "w"), "--kind", "folders"]
    given += ["--genre-minimum", "3", "--level", "broad", "--map", "all", "--seed", "7"]
    given += ["--ignore-genre", "Other", "--epochs", "1"]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 1
    assert done.stderr == "Error: far enough\n"
    ((_, options),) = scanned
    assert options["intake"] == {
        "genre_minimum": 3,
        "genre_level": "broad",
        "genre_mapping": "all",
        "ignored_genres": ("Other",),
    }
    assert (options["options"].kind, options["options"].seed) == ("folders", 7)


def test_without_options_about_genres_the_workspace_keeps_its_own(scanned, tmp_path):
    CliRunner().invoke(main, ["run", "covers", "-w", str(tmp_path / "w")])
    ((_, options),) = scanned
    assert options["intake"] == {}


def test_the_folder_that_the_paths_of_a_table_begin_in_reaches_the_scan(
    scanned, tmp_path
):
    given = ["run", "covers.csv", "--root", str(tmp_path), "-w", str(tmp_path / "w")]
    CliRunner().invoke(main, given)
    ((_, options),) = scanned
    assert options["options"].root == tmp_path
