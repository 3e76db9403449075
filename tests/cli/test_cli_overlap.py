import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from known_workspace import write_known_workspace

from covers.cli import main
from covers.cli.overlap import _print_overlap, describe_part
from covers.overlap.result import Overlap

PAIR_KEYS = {
    "a",
    "b",
    "overlap",
    "overlap_ci95",
    "lift_ab",
    "lift_ab_ci95",
    "lift_ba",
    "lift_ba_ci95",
    "p",
    "q",
    "n_a",
    "n_b",
    "bridges",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "w"
    write_known_workspace(folder)
    return folder


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_overlap_as_json_has_the_promised_keys(root):
    done = run(
        "overlap", "-w", root, "--json", "--bootstraps", 50, "--no-figures", "--seed", 3
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["genres"] == ["Folk", "Jazz", "Metal"]
    assert {"effective_genres", "effective_genres_ci95", "k", "grouped_by"} <= set(
        found
    )
    assert found["grouped_by"].startswith("artist")
    for pair in found["pairs"]:
        assert set(pair) >= PAIR_KEYS
        low, high = pair["overlap_ci95"]
        assert 0 <= low <= pair["overlap"] <= high <= 1
        assert 0 <= pair["p"] <= pair["q"] <= 1
        assert all(len(cover_id) == 32 for cover_id in pair["bridges"])
        rates = pair["confusion_network_ab"]
        assert rates["rate"] == 0


def test_overlap_for_people_is_a_table_and_figures_are_named_on_stderr(root):
    done = run("overlap", "-w", root, "--bootstraps", 50)
    assert done.exit_code == 0, done.output
    assert "Folk - Jazz" in done.stdout
    assert "genres look like" in done.stdout
    assert "overlap-matrix.svg" in done.stderr
    assert (root / "analysis" / "figures" / "overlap-tree.png").is_file()


def test_overlap_by_decade_lists_each_part(root):
    done = run(
        "overlap", "-w", root, "--by", "year", "--bootstraps", 50, "--no-figures"
    )
    assert done.exit_code == 0, done.output
    assert "1980s:" in done.stdout


def test_a_decade_of_too_few_covers_is_called_that():
    few = SimpleNamespace(n_covers=2, effective_genres=float("nan"))
    assert describe_part("1950s", few) == "1950s: 2 covers, too few to compare genres"
    more = SimpleNamespace(
        n_covers=1245, effective_genres=1.44, effective_genres_ci95=(1.2, 1.71)
    )
    assert describe_part("1960s", more) == (
        "1960s: 1,245 covers look like 1.4 distinct genres (95 % interval 1.2 to 1.7)"
    )


def test_without_pairs_to_follow_over_the_decades_that_is_said(capsys):
    found = Overlap(
        genres=("Jazz", "Rock"),
        pairs=(),
        effective_genres=2.0,
        effective_genres_ci95=(1.5, 2.5),
        k=5,
        grouped_by="artist",
        n_covers=64,
        n_groups=64,
    )
    _print_overlap(found)
    assert "over the decades" not in capsys.readouterr().out
    _print_overlap(replace(found, by="year"))
    assert "no pair can be followed over the decades" in capsys.readouterr().out


def test_path_prints_one_line_per_cover(root):
    done = run("path", "Folk", "Jazz", "-k", 40, "-w", root)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["similarity", "id", "genres", "cover"]
    assert len(lines) >= 3
    assert "artist" in lines[1]
    found = json.loads(
        run("path", "Folk", "Jazz", "-k", 40, "-w", root, "--json").stdout
    )
    assert len(found["steps"]) == len(lines) - 1  # below the header


def test_an_unknown_genre_exits_with_one_and_a_line(root):
    done = run("path", "Xylophone", "Jazz", "-w", root)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: no genre or cover 'Xylophone': there are ")
    assert run("path", "jazz", "FOLK", "-k", 40, "-w", root).exit_code == 0
    near = run("path", "Jaz", "Folk", "-w", root)
    assert "did you mean 'Jazz'?" in near.stderr
    assert "Traceback" not in done.output


def test_a_missing_workspace_names_the_command(tmp_path):
    done = run("overlap", "-w", tmp_path / "none")
    assert done.exit_code == 1
    assert "covers scan" in done.stderr


def test_a_wrong_option_exits_with_two(root):
    assert run("overlap", "-w", root, "--by", "mood").exit_code == 2
