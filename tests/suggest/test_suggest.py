"""Suggestions: measured first, by hand here too; left open where they are not certain."""

import csv
import itertools
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from complete_workspace import paint_library, train

import covers
from covers.cli import main
from covers.suggest.albums import group_albums, mean_by_album
from covers.suggest.suggest import wilson_interval
from covers.workspace.paths import Workspace

N_HIDDEN = 12


@pytest.fixture(scope="module")
def hidden(tmp_path_factory):
    """A library in which twelve albums lost their genre; return it and what they were."""
    from covers.audit.stage import run as audit
    from covers.evaluate import stage as evaluate
    from covers.intake.scan import scan_workspace

    root = tmp_path_factory.mktemp("hidden")
    manifest = paint_library(root / "covers")
    with manifest.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    truth = {}
    for number, row in enumerate(rows[:-1]):
        if number % (len(rows) // N_HIDDEN) == 3 and len(truth) < N_HIDDEN:
            truth[row[0]] = row[1].split(";")
            row[1] = ""
    with manifest.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    scan_workspace(root / "workspace", [manifest])
    workspace = Workspace.open(root / "workspace")
    train(workspace)
    evaluate.run(workspace, n_bootstraps=60)
    audit(workspace)
    return covers.open(workspace.root), truth


def test_exactly_the_albums_without_a_genre_are_looked_at(hidden):
    library, truth = hidden
    found = library.suggest(doubtful=False)
    assert {one.path for one in found} == set(truth)
    assert all(one.genres == () for one in found)
    assert [bool(one.left_open) for one in found] == sorted(
        bool(one.left_open) for one in found
    )


def test_a_suggestion_is_what_classify_says_of_the_same_cover(hidden):
    library, _ = hidden
    for one in library.suggest(doubtful=False):
        (answer,) = library.classify([one.cover_ids[0]])
        assert one.ranked[0].genre == answer.likeliest
        expected = answer.probabilities[answer.likeliest]
        assert one.certainty == pytest.approx(expected, abs=1e-5)
        assert one.verdict == answer.verdict
        voters = [voter.cover_id for voter in answer.voters[:3]]
        assert [hit.cover_id for hit in one.voters] == voters
        open_for = one.verdict == "unfamiliar" or one.certainty < 0.8
        assert bool(one.left_open) == open_for


def test_the_precision_is_that_of_the_held_out_covers_counted_by_hand(hidden):
    import pyarrow.parquet as pq

    library, _ = hidden
    votes = pq.read_table(library.workspace.root / "analysis/votes.parquet").to_pylist()
    held = [row for row in votes if row["held_out"]]
    assert held
    for precision in library.suggest(min_certainty=0.42).precision:
        reached = [
            row
            for row in held
            if row["certainty"] >= precision.certainty
            and row["verdict"] != "unfamiliar"
        ]
        # Each album has one cover here.
        assert precision.n == len(reached)
        assert precision.n_right == sum(r["top1"] in r["genres"] for r in reached)
        assert precision.share == pytest.approx(len(reached) / len(held))
        if reached:
            low, high = precision.ci95
            assert low - 1e-9 <= precision.rate <= high + 1e-9
            assert low < high
            same = sum(precision.frequent in row["genres"] for row in reached)
            assert precision.frequent_rate == pytest.approx(same / len(reached))


def test_more_certainty_asked_for_leaves_more_open(hidden):
    library, _ = hidden
    made = [
        {one.path for one in library.suggest(min_certainty=level).made}
        for level in (0.0, 0.5, 0.9, 1.0)
    ]
    assert all(more >= less for more, less in itertools.pairwise(made))
    assert len(made[0]) > len(made[-1]) == 0
    with pytest.raises(covers.WrongValueError, match="from 0 to 1"):
        library.suggest(min_certainty=80)


def test_doubtful_genres_are_those_of_the_audit_and_never_suggested_again(hidden):
    library, _ = hidden
    doubted = {
        finding.cover_ids[0]
        for finding in library.audit().findings
        if finding.kind == "label_error"
    }
    assert doubted
    found = [one for one in library.suggest(min_certainty=0.0) if one.genres]
    assert {one.cover_ids[0] for one in found} == doubted
    for one in found:
        assert 0 <= one.doubt <= 1
        assert one.suggested not in one.genres


def test_without_an_audit_it_says_so(hidden, tmp_path):
    library, truth = hidden
    shutil.copytree(library.workspace.root, tmp_path / "workspace")
    (tmp_path / "workspace/analysis/audit.json").unlink()
    found = covers.open(tmp_path / "workspace").suggest()
    assert len(found) == len(truth)
    assert any("covers audit" in note for note in found.notes)


def test_nothing_is_written_but_what_was_asked_for(hidden, tmp_path):
    library, _ = hidden
    root = library.workspace.root

    def state():
        return {p: p.stat().st_mtime_ns for p in root.parent.rglob("*") if p.is_file()}

    before = state()
    out, folder = tmp_path / "s.csv", tmp_path / "beets"
    command = ["suggest", "-w", str(root), "--min-certainty", "0.3", "--json"]
    done = CliRunner().invoke(main, [*command, "-o", str(out), "--beets", str(folder)])
    assert done.exit_code == 0, done.output
    assert state() == before
    told = json.loads(done.stdout)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(told["suggestions"])
    suggested = [one for one in told["suggestions"] if one["suggested"]]
    with (folder / "covers.csv").open(encoding="utf-8", newline="") as file:
        albums = {row["album"]: row["genre"] for row in csv.DictReader(file)}
    assert albums == {one["album"]: one["suggested"] for one in suggested}
    again = CliRunner().invoke(main, [*command, "-o", str(out)])
    assert again.exit_code == 1
    assert "exists already" in again.output


def test_nothing_to_suggest_is_an_answer_and_no_error(hidden, tmp_path):
    library, _ = hidden
    folder = tmp_path / "beets"
    command = ["suggest", "-w", str(library.workspace.root), "--min-certainty", "1"]
    done = CliRunner().invoke(main, [*command, "--beets", str(folder)])
    assert done.exit_code == 0, done.output
    assert "0 suggestions" in done.stdout
    assert "nothing is suggested" in done.stderr
    assert not folder.exists()


def test_what_was_written_for_beets_is_told_line_by_line(hidden, tmp_path):
    library, _ = hidden
    folder = tmp_path / "beets"
    command = ["suggest", "-w", str(library.workspace.root), "--min-certainty", "0"]
    done = CliRunner().invoke(main, [*command, "--beets", str(folder)])
    assert done.exit_code == 0, done.output
    assert "\\n" not in done.stderr
    lines = done.stderr.splitlines()
    assert any(line.startswith("take the lines of") for line in lines)


@pytest.mark.parametrize("option", ["--output", "--beets"])
def test_a_place_that_is_taken_is_refused_before_anything_is_computed(
    hidden, tmp_path, monkeypatch, option
):
    library, _ = hidden
    taken = tmp_path / "taken.csv"
    taken.write_text("mine")
    monkeypatch.setattr(covers.Library, "suggest", None)
    command = ["suggest", "-w", str(library.workspace.root), option, str(taken)]
    done = CliRunner().invoke(main, command)
    assert (done.exit_code, "exists already" in done.output) == (1, True)
    assert taken.read_text() == "mine"


def test_what_is_printed_says_the_measure_first(hidden):
    library, _ = hidden
    found = library.suggest()
    lines = repr(found).splitlines()
    assert lines[0].split()[0] == "certainty"
    assert max(map(len, lines)) <= 80
    (first,) = [one for one in found if one.left_open][:1]
    assert f"({first.ranked[0].genre})" in repr(found)  # likeliest, not suggested
    assert "no tag was changed" in repr(found)
    frame = found.to_frame()
    assert len(frame) == len(found)
    assert found._repr_html_().count("<img") == min(20, len(found))


def test_the_measure_is_a_sentence_whatever_the_numbers():
    from covers.suggest.result import Precision

    def said(n, n_right, low, high, **more):
        share = 0.1 if n else 0.0
        return Precision(
            certainty=0.8,
            n=n,
            n_right=n_right,
            n_groups=n,
            share=share,
            ci95=(low, high),
            **more,
        ).said

    assert said(100, 81, 0.722, 0.875) == (
        "of 100 suggestions at 80 % and above for held-out albums, 81 were right: "
        "81 % (95 % interval 72 to 88 %, 100 groups)"
    )
    assert said(15, 15, 0.7, 1.0, frequent="Rock", frequent_rate=1.0).endswith(
        "15 groups); always Rock would be right for 100 %"
    )
    assert "of 1 suggestion at 80 %" in said(1, 1, 0.21, 1.0)
    assert "1 was right: 100 %" in said(1, 1, 0.21, 1.0)
    assert "nothing is known" in said(0, 0, float("nan"), float("nan"))


def test_a_stale_evaluation_is_refused_by_name(hidden, tmp_path):
    library, _ = hidden
    shutil.copytree(library.workspace.root, tmp_path / "workspace")
    votes = tmp_path / "workspace/analysis/votes.parquet"
    votes.unlink()
    with pytest.raises(covers.DataError, match="covers evaluate"):
        covers.open(tmp_path / "workspace").suggest()


def test_albums_are_put_together_by_release_or_by_names():
    import pyarrow as pa

    table = pa.table(
        {
            "artist": ["Björk", "bjork ", None, None, "A", "A"],
            "album": ["Post", "POST", "Post", None, "X", "X"],
            "musicbrainz_release": [None, None, None, None, "r1", "r2"],
        }
    )
    assert [album.rows for album in group_albums(table)] == [
        (0, 1),
        (2,),
        (3,),
        (4,),
        (5,),
    ]
    p = np.array([[0.2, 0.8], [0.6, 0.4], [1, 0], [np.nan] * 2, [0, 1], [1, 0]])
    means = mean_by_album(p, group_albums(table))
    assert means[0].tolist() == pytest.approx([0.4, 0.6])
    assert np.isnan(means[2]).all()


@pytest.mark.parametrize("n", [1, 7, 60])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_wilsons_interval_is_scipys(n, share):
    from scipy.stats import binomtest

    right = round(share * n)
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_interval(right / n, n) == pytest.approx(tuple(expected), abs=1e-9)
