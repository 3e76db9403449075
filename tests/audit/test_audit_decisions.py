"""Decisions about covers: reviewed, put in force, kept through scans, taken back."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from covers.audit.decisions import accept_review, revert_review
from covers.audit.findings import Finding, FindingKind
from covers.audit.review import COLUMNS, read_review, write_review
from covers.audit.stage import run as audit_workspace
from covers.catalogue.corrections import Action, Decision, Overlay, overlay_path
from covers.catalogue.table import read_catalogue
from covers.cli import main
from covers.errors import DataError
from covers.intake.scan import scan_workspace
from covers.workspace.paths import Workspace


def design(seed, size=96):
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((size, size), Image.Resampling.NEAREST)


@pytest.fixture
def library(tmp_path):
    """Two genres of eleven covers; all are tiny, so each has a finding."""
    for genre, first in (("Rock", 0), ("Pop", 100)):
        folder = tmp_path / "library" / genre
        folder.mkdir(parents=True)
        for i in range(11):
            design(first + i).save(folder / f"{i:02}.png")
    return tmp_path / "library"


@pytest.fixture
def workspace(library, tmp_path):
    scan_workspace(tmp_path / "ws", [library])
    return Workspace.open(tmp_path / "ws")


def rows_of(workspace):
    return {row["path"]: row for row in read_catalogue(workspace).table.to_pylist()}


def id_of(workspace, path):
    return rows_of(workspace)[path]["cover_id"]


def write(path, *lines, columns=COLUMNS, separator=","):
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(
            file, columns, delimiter=separator, extrasaction="ignore"
        )
        table.writeheader()
        table.writerows(lines)
    return path


def line(cover_id, action, **values):
    return {"cover_id": cover_id, "kind": "tiny", "action": action, **values}


@pytest.fixture
def reviewed(workspace, tmp_path):
    """One cover dropped, one relabelled, one found to be fine."""
    ids = [id_of(workspace, f"Rock/0{i}.png") for i in range(4)]
    return write(
        tmp_path / "review.csv",
        line(ids[0], "drop"),
        line(ids[1], "relabel", new_genres="Pop; Jazz"),
        line(ids[2], " KEEP "),
        line(ids[3], ""),
    )


def test_a_table_that_was_written_and_reviewed_is_put_in_force(workspace, tmp_path):
    runner = CliRunner()
    table = tmp_path / "review.csv"
    assert (
        runner.invoke(
            main, ["audit", "-w", str(workspace.root), "--csv", str(table)]
        ).exit_code
        == 0
    )
    with table.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 22
    lines[0]["action"] = "drop"
    write(table, *lines)
    result = runner.invoke(
        main, ["audit", "-w", str(workspace.root), "--accept", str(table)]
    )
    assert result.exit_code == 0
    assert "1 decision changed; in force: 1 cover dropped" in result.stdout
    assert lines[0]["path"] not in rows_of(workspace)


def test_drop_relabel_and_keep_do_what_they_say(workspace, reviewed):
    before = rows_of(workspace)
    review = accept_review(workspace, reviewed)
    assert (review.n_dropped, review.n_relabelled, review.n_kept, review.n_changed) == (
        1,
        1,
        1,
        3,
    )
    assert review.new_genres == ["Jazz"]
    after = rows_of(workspace)
    assert set(before) - set(after) == {"Rock/00.png"}
    assert after["Rock/01.png"]["genres"] == ["Jazz", "Pop"]
    assert after["Rock/01.png"]["raw_genres"] == ["Rock"]
    untouched = set(after) - {"Rock/01.png"}
    assert all(after[path] == before[path] for path in untouched)
    audit = audit_workspace(workspace)
    assert audit.n_reviewed == 1
    assert audit.counts == {"tiny": 20}


def test_decisions_survive_scans_moves_and_new_covers(workspace, library, reviewed):
    accept_review(workspace, reviewed)
    (library / "Rock/00.png").rename(library / "Rock/dropped and moved.png")
    (library / "Rock/01.png").rename(library / "Rock/relabelled and moved.png")
    design(500).save(library / "Pop/new.png")
    report = scan_workspace(workspace.root)
    assert any("left out as decided: 1 cover;" in line for line in report.warnings)
    rows = rows_of(workspace)
    assert "Rock/dropped and moved.png" not in rows
    assert rows["Rock/relabelled and moved.png"]["genres"] == ["Jazz", "Pop"]
    assert "Pop/new.png" in rows


def test_all_decisions_can_be_taken_back(workspace, reviewed):
    before = rows_of(workspace)
    accept_review(workspace, reviewed)
    review = revert_review(workspace)
    assert (review.n_dropped, review.n_relabelled, review.n_kept, review.n_changed) == (
        0,
        0,
        0,
        3,
    )
    after = rows_of(workspace)
    assert {p: row["genres"] for p, row in after.items()} == {
        p: row["genres"] for p, row in before.items()
    }
    assert audit_workspace(workspace).n_reviewed == 0


def test_only_the_decisions_of_a_table_can_be_taken_back(workspace, reviewed, tmp_path):
    dropped = id_of(workspace, "Rock/00.png")
    accept_review(workspace, reviewed)
    review = revert_review(
        workspace, write(tmp_path / "back.csv", line(dropped, "drop"))
    )
    assert (review.n_dropped, review.n_relabelled, review.n_kept, review.n_changed) == (
        0,
        1,
        1,
        1,
    )
    assert "Rock/00.png" in rows_of(workspace)


def test_a_dropped_cover_can_be_relabelled_later_and_comes_back(
    workspace, reviewed, tmp_path
):
    dropped = id_of(workspace, "Rock/00.png")
    accept_review(workspace, reviewed)
    accept_review(
        workspace, write(tmp_path / "b.csv", line(dropped, "relabel", new_genres="Pop"))
    )
    assert rows_of(workspace)["Rock/00.png"]["genres"] == ["Pop"]
    assert Overlay.read(workspace).dropped == frozenset()


def test_accepting_twice_changes_nothing(workspace, reviewed):
    accept_review(workspace, reviewed)
    stamp = workspace.catalogue_path.stat().st_mtime_ns
    assert accept_review(workspace, reviewed).n_changed == 0
    assert workspace.catalogue_path.stat().st_mtime_ns == stamp


def test_a_suggestion_is_taken_where_no_genres_are_written(workspace, tmp_path):
    cover_id = id_of(workspace, "Rock/05.png")
    accept_review(
        workspace,
        write(tmp_path / "r.csv", line(cover_id, "relabel", suggestion="Pop")),
    )
    assert rows_of(workspace)["Rock/05.png"]["genres"] == ["Pop"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_any_spreadsheet_are_read(separator, tmp_path):
    path = write(tmp_path / "r.csv", line("a", "drop"), separator=separator)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [d.cover_id for d in read_review(path, {"a": "a.jpg"})] == ["a"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line("z", "drop")], r"line 2: no cover 'z' in the catalogue"),
        (
            [line("a", "delete")],
            r"line 2: unknown action 'delete': expected drop, relabel, keep",
        ),
        ([line("a", "relabel")], r"line 2: relabel needs genres in new_genres"),
        ([line("a", "keep", kind="ugly")], r"line 2: unknown kind of finding 'ugly'"),
        (
            [line("a", "drop"), line("a", "relabel", new_genres="Pop")],
            r"line 3: cover a is to relabel, but to drop in line 2",
        ),
        ([line("z", "drop")] * 7, r"; and 2 more$"),
    ],
)
def test_lines_that_cannot_be_followed_are_listed(lines, message, tmp_path):
    path = write(tmp_path / "r.csv", *lines)
    with pytest.raises(DataError, match=message):
        read_review(path, {"a": "a.jpg"})


def test_a_bad_line_leaves_everything_as_it_was(workspace, tmp_path):
    good = id_of(workspace, "Rock/00.png")
    path = write(tmp_path / "r.csv", line(good, "drop"), line("nothing", "drop"))
    with pytest.raises(DataError, match="nothing was accepted"):
        accept_review(workspace, path)
    assert "Rock/00.png" in rows_of(workspace)
    assert not overlay_path(workspace).exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cover_id,path\na,b\n", r"has no column action"),
        (b"", r"has no column action and no cover_id"),
        (
            b"\xff\xfe\x00cover",
            r"has no column action and no cover_id: expected the CSV of 'covers audit --csv'",
        ),
    ],
)
def test_what_is_no_reviewed_table_is_refused(content, message, tmp_path):
    (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_review(tmp_path / "r.csv", {})


def test_dropping_every_cover_is_refused_and_undone(workspace, tmp_path):
    lines = [line(row["cover_id"], "drop") for row in rows_of(workspace).values()]
    with pytest.raises(
        DataError,
        match="all 22 covers are dropped: take decisions back with 'covers audit --revert all'",
    ):
        accept_review(workspace, write(tmp_path / "r.csv", *lines))
    assert len(rows_of(workspace)) == 22
    assert Overlay.read(workspace).decisions == ()


def test_damaged_decisions_are_never_ignored(workspace, reviewed):
    accept_review(workspace, reviewed)
    path = overlay_path(workspace)
    payload = json.loads(path.read_text(encoding="utf-8"))
    payload["decisions"][0]["action"] = "explode"
    path.write_text(json.dumps(payload), encoding="utf-8")
    with pytest.raises(
        DataError, match=r"cannot read the decisions in .*put back a copy"
    ):
        scan_workspace(workspace.root)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"cannot read '.*decisions\.json'"):
        Overlay.read(workspace)


def test_cells_that_a_spreadsheet_would_run_are_defused(library, tmp_path):
    design(300).save(library / "Rock" / "plain.png")
    (library / "=cmd").mkdir()
    for i in range(10):
        design(400 + i).save(library / "=cmd" / f"{i}.png")
    scan_workspace(tmp_path / "ws", [library])
    table = tmp_path / "review.csv"
    CliRunner().invoke(
        main,
        ["audit", "-w", str(tmp_path / "ws"), "--csv", str(table)],
        catch_exceptions=False,
    )
    with table.open(encoding="utf-8", newline="") as file:
        cells = [cell for cells in csv.reader(file) for cell in cells]
    assert any(cell.startswith("'=cmd/") for cell in cells)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_a_later_decision_replaces_an_earlier_one_about_the_same_cover():
    overlay = Overlay().with_decisions(
        [
            Decision(cover_id="a", action=Action.DROP),
            Decision(cover_id="a", action=Action.KEEP, finding="tiny"),
            Decision(cover_id="a", action=Action.KEEP, finding="dark"),
        ]
    )
    changed = overlay.with_decisions(
        [Decision(cover_id="a", action=Action.RELABEL, genres=("Pop",))]
    )
    assert changed.dropped == frozenset()
    assert changed.genres == {"a": ("Pop",)}
    assert changed.confirmed == {("a", "tiny"), ("a", "dark")}
    assert changed.without({"a"}) == Overlay()


def test_keeping_a_finding_does_not_make_the_catalogue_stale():
    overlay = Overlay()
    kept = overlay.with_decisions(
        [Decision(cover_id="a", action=Action.KEEP, finding="tiny")]
    )
    dropped = overlay.with_decisions([Decision(cover_id="a", action=Action.DROP)])
    assert kept.fingerprint() == overlay.fingerprint() != dropped.fingerprint()


def test_rows_are_overlaid_without_changing_them():
    overlay = Overlay().with_decisions(
        [
            Decision(cover_id="a", action=Action.DROP),
            Decision(cover_id="b", action=Action.RELABEL, genres=("Z", "A")),
        ]
    )
    rows = [{"cover_id": c, "genres": ["Rock"]} for c in "abc"]
    assert overlay.apply(rows) == [
        {"cover_id": "b", "genres": ["A", "Z"]},
        {"cover_id": "c", "genres": ["Rock"]},
    ]
    assert rows[1]["genres"] == ["Rock"]


def test_a_full_disk_leaves_decisions_and_catalogue_as_they_were(
    workspace, reviewed, monkeypatch
):
    before = rows_of(workspace)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("covers.catalogue.corrections.write_json", refuse)
    with pytest.raises(DataError, match=r"cannot write decisions in .*No space left"):
        accept_review(workspace, reviewed)
    assert Overlay.read(workspace) == Overlay()
    assert rows_of(workspace) == before


def test_an_unclosed_quote_in_a_review_swallows_no_line(workspace, tmp_path):
    ids = [id_of(workspace, f"Rock/0{i}.png") for i in range(4)]
    path = write(tmp_path / "r.csv", *(line(cover_id, "drop") for cover_id in ids))
    text = path.read_text(encoding="utf-8")
    broken = text.replace(f",{ids[1]},", f',"{ids[1]},', 1)
    assert broken != text
    path.write_text(broken, encoding="utf-8")
    with pytest.raises(
        DataError, match=r"nothing was accepted from .*: line 3: a quote"
    ):
        accept_review(workspace, path)
    assert len(rows_of(workspace)) == 22


def test_names_that_a_spreadsheet_would_run_come_back_as_they_were(tmp_path):
    path = tmp_path / "r.csv"
    finding = Finding(
        kind=FindingKind.LABEL_ERROR,
        cover_ids=("a" * 32,),
        paths=("@a.jpg",),
        confidence=0.5,
        reason="=reason",
        suggestion=("+Pop", "-Rock"),
    )
    write_review(path, [finding], {"a" * 32: {"path": "@a.jpg", "genres": ["=Jazz"]}})
    assert ",'@a.jpg,'=Jazz," in path.read_text()
    text = path.read_text().removesuffix(",,\n") + ",relabel,\n"
    path.write_text(text, encoding="utf-8")
    [decision] = read_review(path, {"a" * 32: "@a.jpg"})
    assert decision.genres == ("+Pop", "-Rock")
