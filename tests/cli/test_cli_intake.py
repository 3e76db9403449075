"""``covers scan`` and ``covers genres`` as a person and a program use them."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner
from PIL import Image

import covers
from covers.cli import main
from covers.intake import scan


@pytest.fixture
def library(tmp_path):
    root = tmp_path / "library"
    for i in range(12):
        for j, genre in enumerate(("Black Metal", "HipHop")):
            path = root / genre / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = Image.new("RGB", (32, 32), (i * 20, j * 200, 90))
            image.putpixel((i, j), (255, 255, 255))
            image.save(path)
    (root / "HipHop/bad.jpg").write_bytes(b"bad")
    return root


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_scan_prints_what_it_found(library, tmp_path):
    result = run("scan", library, "-w", tmp_path / "ws")
    assert result.exit_code == 0, result.output
    assert "24 covers in 24 locations (24 new, 0 changed" in result.stdout
    assert "library: 24 covers, folders in '../library'" in result.stdout
    assert "1 problem (1 broken), listed in" in result.stdout
    again = run("scan", "-w", tmp_path / "ws")
    assert "0 gone, 24 unchanged; 0 read" in " ".join(again.stdout.split())


def test_scan_prints_json_for_programs(library, tmp_path):
    result = run("scan", library, "-w", tmp_path / "ws", "--json", "--seed", "3")
    report = json.loads(result.stdout)
    assert report["n_covers"] == 24
    assert report["genres"] == {"Black Metal": 12, "HipHop": 12}
    assert report["problems"] == {"broken": 1}
    assert set(report["split"]["n"]) == {"train", "valid"}
    assert report["sources"][0]["state"] == "scanned"


def test_shares_and_genre_options_reach_the_catalogue(library, tmp_path):
    ws = tmp_path / "ws"
    options = ("--level", "broad", "--valid-share", "0.25", "--test-share", "0.25")
    report = json.loads(run("scan", library, "-w", ws, "--json", *options).stdout)
    assert set(report["genres"]) == {"HipHop", "Metal"}
    assert set(report["split"]["n"]) == {"train", "valid", "test"}


def test_a_missing_source_exits_1_with_one_line(tmp_path):
    result = run("scan", tmp_path / "none", "-w", tmp_path / "ws")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no source '")
    assert len(result.stderr.strip().splitlines()) == 1


def test_wrong_usage_exits_2(tmp_path):
    assert run("scan", "-w", tmp_path, "--kind", "pile").exit_code == 2
    assert run("scan", "-w", tmp_path, "--valid-share", "2").exit_code == 2


def test_an_interruption_says_how_to_go_on(library, tmp_path, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(scan, "scan_workspace", interrupt)
    result = run("scan", library, "-w", tmp_path / "ws")
    assert result.exit_code == 1
    assert "run the same command to go on" in result.stderr


def test_genres_shows_the_mapping_and_what_would_change(library, tmp_path):
    ws = tmp_path / "ws"
    run("scan", library, "-w", ws)
    plain = run("genres", "-w", ws)
    assert plain.exit_code == 0
    assert "2 names, 2 genres" in plain.stdout
    proposal = run("genres", "-w", ws, "--level", "broad", "--map", "all")
    assert "Black Metal  ->  Metal" in proposal.stdout
    assert "HipHop  ->  Hip Hop" in proposal.stdout
    assert "24 covers would change" in proposal.stdout
    assert run("genres", "-w", ws).stdout == plain.stdout


def test_genres_prints_json_with_unknown_and_small_genres(library, tmp_path):
    ws = tmp_path / "ws"
    (library / "Quux Core").mkdir()
    Image.new("RGB", (9, 9), "red").save(library / "Quux Core/a.png")
    run("scan", library, "-w", ws)
    survey = json.loads(run("genres", "-w", ws, "--json").stdout)
    assert survey["unknown"] == {"Quux Core": 1}
    assert survey["kept_out"] == {"Quux Core": 1}
    assert survey["names"][0] == {
        "name": "Black Metal",
        "kind": "folders",
        "n_covers": 12,
        "genres": ["Black Metal"],
        "proposed": ["Black Metal"],
        "above": ["Metal"],
    }


def manifest_of(folder, genres):
    lines = ["path,genre"]
    for i, genre in enumerate(genres):
        image = Image.new("RGB", (40, 40), (i * 20, 90, 200))
        image.putpixel((i, 3), (255, 255, 255))
        image.save(folder / f"{i}.png")
        lines.append(f'{i}.png,"{genre}"')
    path = folder / "covers.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_genres_lists_names_where_texts_hold_several(tmp_path):
    manifest = manifest_of(
        tmp_path, ["rock;poprock", "rock;funksoul", "Funk / Soul; rock"]
    )
    run("scan", manifest, "-w", tmp_path / "ws")
    survey = json.loads(run("genres", "-w", tmp_path / "ws", "--json").stdout)
    assert [(name["name"], name["n_covers"]) for name in survey["names"]] == [
        ("rock", 3),
        ("Funk / Soul", 1),
        ("funksoul", 1),
        ("poprock", 1),
    ]
    assert survey["genres"] == {"rock": 3, "Funk / Soul": 2, "poprock": 1}
    assert survey["unknown"] == {}


def test_what_says_that_no_genre_is_known_is_none_and_more_can_be_ignored(tmp_path):
    ws = tmp_path / "ws"
    manifest = manifest_of(tmp_path, ["N/A", "n/a", "Rock; None", "Other", "<Unknown>"])
    report = json.loads(run("scan", manifest, "-w", ws, "--json").stdout)
    assert report["genres"] == {"Other": 1, "Rock": 1}
    report = json.loads(
        run("scan", "-w", ws, "--ignore-genre", "other", "--json").stdout
    )
    assert report["genres"] == {"Rock": 1}
    assert json.loads(run("scan", "-w", ws, "--json").stdout)["genres"] == {"Rock": 1}
    report = json.loads(run("scan", "-w", ws, "--ignore-genre", "", "--json").stdout)
    assert report["genres"] == {"Other": 1, "Rock": 1}


@pytest.mark.parametrize("genre", ["a;" * 500_000, "x" * 1_000_000, "[" * 10**6 + ";b"])
def test_a_genre_text_of_a_megabyte_is_cut_and_listed(tmp_path, genre):
    ws = tmp_path / "ws"
    manifest = manifest_of(tmp_path, ["Rock", genre])
    result = run("scan", manifest, "-w", ws)
    assert result.exit_code == 0, result.output
    assert "2 covers in 2 locations" in result.stdout
    assert len(result.stdout) < 2000
    assert "1 problem (1 genres), listed in" in result.stdout
    listed = (ws / "problems.csv").read_text()
    assert '1.png#genres,genres,"genre text of 1,000,0' in listed
    assert len(listed) < 2000
    assert len(run("genres", "-w", ws).output) < 2000


def test_genres_follow_a_table_of_ones_own(library, tmp_path):
    ws = tmp_path / "ws"
    table = tmp_path / "mine.toml"
    table.write_text('[tree]\n"Loud" = ["Black Metal"]\n')
    options = ("--genre-table", table, "--level", "broad")
    report = json.loads(run("scan", library, "-w", ws, "--json", *options).stdout)
    assert set(report["genres"]) == {"HipHop", "Loud"}
    assert set(json.loads(run("scan", "-w", ws, "--json").stdout)["genres"]) == {
        "HipHop",
        "Loud",
    }


def test_genres_without_a_scan_name_the_command(tmp_path):
    result = run("genres", "-w", tmp_path)
    assert result.exit_code == 1
    assert "covers scan SOURCE" in result.stderr


def test_another_workspace_in_a_source_gives_no_covers_and_is_named(library, tmp_path):
    inside = library / "HipHop/other"
    assert run("scan", library, "-w", tmp_path / "first").exit_code == 0
    shutil.copytree(tmp_path / "first", inside)
    assert list(inside.rglob("thumbnails/*/*.jpg"))
    result = run("scan", library, "-w", tmp_path / "ws")
    assert "24 covers in 24 locations" in result.stdout
    said = " ".join(result.stderr.split())
    assert "left out: a workspace of covers at 'HipHop/other'" in said
    report = covers.open(tmp_path / "ws").scan(library)
    assert report.n_covers == 24
    assert any("'HipHop/other'" in warning for warning in report.warnings)
