"""A workspace that version 0.1 wrote opens, and answers what it answered then."""

import json
import shutil

import pytest
from click.testing import CliRunner

import covers
from covers.cli import main

ROUNDED = 5e-3
"""Version 0.1 computed its vectors in 16 bits; a processor without them rounds elsewhere."""


@pytest.fixture
def old(drawn_once):
    """The workspace and the answers of version 0.1."""
    return drawn_once, json.loads((drawn_once / "answers.json").read_text("utf-8"))


def ask(root, *arguments):
    result = CliRunner().invoke(
        main, [*arguments, "-w", str(root / "workspace"), "--json"]
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def same_neighbours(now, before):
    assert [n["cover_id"] for n in now] == [n["cover_id"] for n in before]
    assert [n["similarity"] for n in now] == pytest.approx(
        [n["similarity"] for n in before], abs=ROUNDED
    )


def test_search_by_id_finds_what_it_found(old):
    root, answers = old
    before = answers["search by id"]
    now = ask(root, "search", before["query"], "-k", "5")
    same_neighbours(now["neighbours"], before["neighbours"])


def test_search_by_picture_finds_what_it_found(old):
    root, answers = old
    before = answers["search by picture"]
    now = ask(root, "search", str(root / before["query"]), "-k", "5")
    same_neighbours(now["neighbours"], before["neighbours"])


def test_classify_says_what_it_said(old):
    root, answers = old
    (before,) = answers["classify"]
    (now,) = ask(root, "classify", str(root / before["query"]))
    assert now["verdict"] == before["verdict"]
    assert set(now["prediction_set"]) == set(before["set"])
    names = {"cnn": "network", "vote": "vote", "blend": "network + vote"}
    for old_name, name in names.items():
        assert now["probabilities"][name] == pytest.approx(before[old_name], abs=1e-4)
    same_neighbours(now["voters"][:10], before["neighbours"])


def test_its_evaluation_votes_and_overlap_come_with_the_names_of_now(old):
    from covers.evaluate import stage as evaluate
    from covers.overlap import stage as overlap
    from covers.workspace.paths import Workspace

    workspace = Workspace.open(old[0] / "workspace")
    found = evaluate.read(workspace)
    assert {"frequency", "network", "vote", "network + vote"} <= set(found.methods)
    assert {one.a for one in found.differences} <= set(found.methods)
    assert found.several_genres is False
    table, stamp = evaluate.read_votes(workspace)
    assert set(evaluate.PROBABILITY_COLUMNS.values()) <= set(table.column_names)
    assert stamp.parameters["vocab"] == list(found.genres)
    assert set(overlap.read(workspace).pairs[0].confusion_ab) == {"network", "vote"}


def test_run_keeps_its_model_where_nobody_chose_another(old, tmp_path):
    shutil.copytree(old[0], tmp_path / "drawn")
    said = []
    library = covers.open(tmp_path / "drawn" / "workspace", device="cpu")
    model = library.card.fingerprint
    library.run(offline=True, analysis=False, say=said.append)
    assert not [line for line in said if line.startswith("train")]
    assert covers.open(tmp_path / "drawn" / "workspace").card.fingerprint == model


def test_what_it_scanned_is_not_read_again(old, tmp_path):
    from covers.intake.record_table import read_records, write_records
    from covers.workspace.paths import Workspace

    root = tmp_path / "again"
    root.mkdir()
    shutil.copy(old[0] / "workspace" / "places.parquet", root)
    (root / "covers.toml").touch()
    workspace = Workspace.open(root)
    records = read_records(workspace)
    assert records.num_rows == 127
    write_records(workspace, records, {})
    assert read_records(workspace) == records
    assert {path.name for path in root.iterdir()} == {
        "covers.toml",
        "scan-records.parquet",
    }
