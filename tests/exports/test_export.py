"""What every export has in common: what is refused, what is replaced, what is chosen."""

import csv
import json
import shutil

import pytest
from click.testing import CliRunner

import covers
from covers.cli import main
from covers.exports.export import LEDGER
from covers.exports.targets import TARGETS, Target
from covers.workspace.disk.text_tables import restore_cell


@pytest.fixture(scope="module")
def library(drawn_once):
    return covers.open(drawn_once / "workspace")


@pytest.fixture
def own(drawn_once, tmp_path):
    """A workspace that may be damaged."""
    shutil.copytree(drawn_once, tmp_path / "own")
    return tmp_path / "own" / "workspace"


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def left_behind(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_wrong_target_is_told_the_nearest_and_all(library, tmp_path):
    with pytest.raises(covers.DataError, match="did you mean 'csv'"):
        library.export("cvs", tmp_path / "x")
    with pytest.raises(covers.DataError, match=r"csv.*m3u"):
        library.export("zzzzzz", tmp_path / "x")
    with pytest.raises(covers.DataError, match=r"named with \.csv"):
        library.export("csv", tmp_path / "x")


# The drawn covers are of no album; what beets gets is tested with beets.
NAMES = [target.name for target in TARGETS if target.name != "beets"]


@pytest.mark.parametrize("target", NAMES)
def test_every_target_is_written_by_the_command_and_refuses_to_overwrite(
    library, tmp_path, target
):
    (chosen,) = (one for one in TARGETS if one.name == target)
    out = tmp_path / "made" / chosen.such_as
    command = ["export", target, str(out), "-w", str(library.workspace.root), "--json"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["n_covers"] == 120
    assert told["n_bytes"] > 0
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 1
    assert again.output.count("\n") == 1
    assert "exists already" in again.output
    assert CliRunner().invoke(main, [*command, "--force"]).exit_code == 0
    assert left_behind(out.parent) == []


@pytest.mark.parametrize("target", NAMES)
def test_force_never_touches_what_no_export_wrote(library, tmp_path, target):
    (chosen,) = (one for one in TARGETS if one.name == target)
    letter = tmp_path / f"letter-{chosen.such_as}"
    letter.write_text("dear aunt")
    with pytest.raises(covers.DataError, match="never replaced"):
        library.export(target, letter, force=True)
    assert letter.read_text() == "dear aunt"
    folder = tmp_path / f"folder-{chosen.such_as}"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(covers.DataError, match="never replaced"):
        library.export(target, folder, force=True)
    assert (folder / "photo.jpg").read_bytes() == b"mine"
    link = tmp_path / f"link-{chosen.such_as}"
    link.symlink_to(letter)
    with pytest.raises(covers.DataError, match="is a link"):
        library.export(target, link, force=True)
    if chosen.is_folder:
        out = tmp_path / "out"
        library.export(target, out)
        (out / "note.txt").write_text("mine")
        with pytest.raises(covers.DataError, match=r"holds 'note\.txt'"):
            library.export(target, out, force=True)
        assert (out / "note.txt").read_text() == "mine"
        assert (out / LEDGER).is_file()


def test_a_place_that_cannot_be_written_is_one_line(library, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        covers.DataError, match=r"cannot write .*(File exists|Not a directory)"
    ):
        library.export("csv", tmp_path / "file" / "x.csv")
    with pytest.raises(covers.DataError, match="cannot write"):
        library.export("csv", tmp_path / ("x" * 300 + ".csv"))


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("catalogue.parquet", "covers scan"),
        ("model/weights.safetensors", "covers train"),
        ("index", "covers index build"),
        ("analysis/decision.json", "covers evaluate"),
    ],
)
def test_a_half_made_workspace_names_the_command_that_completes_it(own, gone, message):
    remove(own / gone)
    out = own.parent / "out.csv"
    done = CliRunner().invoke(main, ["export", "csv", str(out), "-w", str(own)])
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert message in done.output
    assert not out.exists()
    assert left_behind(out.parent) == []


def test_what_may_be_absent_is_left_empty_and_said(own):
    (own / "analysis/map.parquet").unlink()
    made = covers.open(own).export("csv", own.parent / "out.csv")
    assert any("without x, y" in note and "covers map" in note for note in made.notes)
    assert {row["x"] for row in read_csv(made.path)} == {""}


def test_a_missing_package_is_one_line(library, tmp_path, monkeypatch):
    lacking = Target(
        name="csv", module="csv_table", says="", such_as="", package="onnxscript"
    )
    monkeypatch.setattr("covers.exports.export.find_target", lambda _: lacking)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(covers.MissingExtraError, match=r"album-covers\[onnx\]"):
        library.export("csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_csv_says_what_the_library_says(library, tmp_path):
    rows = read_csv(library.export("csv", tmp_path / "all.csv").path)
    assert [row["cover_id"] for row in rows] == library.catalogue.cover_ids
    answers = library.classify([row["cover_id"] for row in rows[:9]])
    for row, answer, genres in zip(
        rows, answers, library.catalogue.genres, strict=False
    ):
        assert row["prediction"] == answer.likeliest
        assert row["verdict"] == answer.verdict
        expected = answer.probabilities[answer.likeliest]
        assert float(row["certainty"]) == pytest.approx(expected, abs=1e-5)
        assert row["genres"] == ";".join(genres)
        # Where a cover has one genre, the likeliest is the one that is named.
        assert row["named"] == row["prediction"]
        assert row["prediction_set"] == ";".join(answer.prediction_set)
        listed = {genre: float(row[f"p {genre}"]) for genre in answer.probabilities}
        assert listed == pytest.approx(answer.probabilities, abs=1e-4)
    hits = library.search(rows[0]["cover_id"], 5)
    assert rows[0]["neighbours"].split() == [hit.cover_id for hit in hits]


def test_covers_are_chosen_by_search_path_and_any_column(library, tmp_path):
    hits = library.search(library.catalogue.cover_ids[0], 7)
    made = library.export("csv", tmp_path / "like.csv", covers=hits)
    assert [row["cover_id"] for row in read_csv(made.path)] == [
        h.cover_id for h in hits
    ]
    sure = library.export("csv", tmp_path / "sure.csv", where={"verdict": "sure"})
    found = read_csv(sure.path)
    assert 0 < len(found) < 120
    assert {row["verdict"] for row in found} == {"sure"}
    with pytest.raises(covers.DataError, match="no cover is left"):
        library.export("csv", tmp_path / "none.csv", covers=[])
    with pytest.raises(
        covers.DataError, match="no cover has an id that begins with 'ffff'"
    ):
        library.export("csv", tmp_path / "none.csv", covers=[hits[0], "ffff", "12"])
    assert not (tmp_path / "none.csv").exists()
    with pytest.raises(covers.DataError, match="no genre 'Polkka'"):
        library.export("csv", tmp_path / "none.csv", where={"genre": "Polkka"})
    arguments = ["--where", "cluster=0..", "--where", "certainty=0.5..", "--json"]
    command = ["export", "csv", str(tmp_path / "c.csv"), *arguments]
    done = CliRunner().invoke(main, [*command, "-w", str(library.workspace.root)])
    assert done.exit_code == 0, done.output
    for row in read_csv(tmp_path / "c.csv"):
        assert int(row["cluster"]) >= 0
        assert float(row["certainty"]) >= 0.5
    genres = library.catalogue.vocab[:2]
    command = ["export", "csv", str(tmp_path / "p.csv"), "--path", *genres]
    done = CliRunner().invoke(main, [*command, "-w", str(library.workspace.root)])
    assert done.exit_code == 0, done.output
    assert genres[0] in read_csv(tmp_path / "p.csv")[0]["genres"]


@pytest.mark.parametrize(
    "name",
    ['=HYPERLINK("http://x","y")', "two\nlines", 'a "quote"', "+1-1", "@x", "é;,"],
)
def test_cells_are_no_formulas_and_come_back_whole(own, name):
    rename(own, {"artist": name, "album": name})
    made = covers.open(own).export("csv", own.parent / "out.csv")
    row = read_csv(made.path)[0]
    assert restore_cell(row["artist"]) == restore_cell(row["album"]) == name
    assert not row["artist"].startswith(("=", "+", "@"))


def test_a_title_of_ten_megabytes_is_cut(own):
    rename(own, {"album": "x" * 10_000_000})
    made = covers.open(own).export("csv", own.parent / "out.csv")
    assert len(read_csv(made.path)[0]["album"]) == 1000
    assert any("1 names were cut" in note for note in made.notes)


def rename(workspace, values):
    """Change the first row of a catalogue as a stranger might have."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = workspace / "catalogue.parquet"
    table = pq.read_table(path)
    for name, value in values.items():
        column = table.column(name).to_pylist()
        column[0] = value
        place = table.column_names.index(name)
        new = pa.array(column, table.schema.field(name).type)
        table = table.set_column(place, table.schema.field(name), new)
    pq.write_table(table, path)
