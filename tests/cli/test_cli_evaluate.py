import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from synthetic_library import FINGERPRINT, VOCAB, write_workspace

from covers.catalogue.table import KIND, Catalogue, read_catalogue
from covers.classify.labels import genre_shares
from covers.cli import main
from covers.errors import DataError, StaleError
from covers.evaluate.stage import is_fresh, read_decision, read_inputs
from covers.workspace.artefacts import Stamp, read_stamp, read_table, write_table
from covers.workspace.paths import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("library") / "ws")


@pytest.fixture(scope="module")
def evaluated(workspace):
    result = CliRunner().invoke(
        main, ["evaluate", "-w", str(workspace.root), "--bootstraps", "50", "--json"]
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def copy_of(workspace, folder):
    """Return a workspace that a test may spoil."""
    shutil.copytree(workspace.root.parent, folder)
    return Workspace(folder / workspace.root.name)


def test_json_has_the_shape_others_rely_on(evaluated):
    assert {"n_train", "n_valid", "grouped_by"} <= set(evaluated["split"])
    assert set(evaluated["methods"]) == {
        "chance",
        "frequency",
        "colours",
        "frozen neighbours",
        "linear probe",
        "network",
        "vote",
        "network + vote",
    }
    for found in evaluated["methods"].values():
        assert {"accuracy", "macro_f1", "top3", "ece", "brier", "log_loss"} <= set(
            found
        )
        assert {"accuracy", "macro_f1"} <= set(found["ci95"])
        assert set(found["per_genre"]) == set(VOCAB)
        assert np.shape(found["confusion"]) == (4, 4)
    assert evaluated["genres"] == list(VOCAB)
    assert "leakage" not in evaluated


def test_artefacts_carry_their_stamps(workspace, evaluated):
    folder = workspace.analysis_folder
    made_from = {
        "catalogue": read_catalogue(workspace).label_fingerprint(),
        "model": FINGERPRINT,
    }
    for name in ("evaluation.json", "decision.json", "votes.parquet"):
        assert read_stamp(folder / name).made_from == made_from
    assert is_fresh(workspace, n_bootstraps=50)
    assert not is_fresh(workspace, n_bootstraps=51)
    assert not is_fresh(workspace, n_bootstraps=50, seed=1)


def test_votes_have_one_row_per_cover(workspace, evaluated):
    table, stamp = read_table(
        workspace.analysis_folder / "votes.parquet", "votes", "covers evaluate"
    )
    assert stamp.parameters["vocab"] == list(VOCAB)
    rows = {row["cover_id"]: row for row in table.to_pylist()}
    catalogue = read_catalogue(workspace)
    assert set(rows) == set(catalogue.cover_ids)
    for cover_id, genres, split in zip(
        catalogue.cover_ids, catalogue.genres, catalogue.splits, strict=True
    ):
        row = rows[cover_id]
        assert row["genres"] == genres
        assert row["held_out"] == (split == "valid")
        assert sum(row["p_combined"]) == pytest.approx(1, abs=1e-5)
        assert row["top1"] == VOCAB[int(np.argmax(row["p_combined"]))]
        assert row["certainty"] == pytest.approx(max(row["p_combined"]))
        assert set(row["prediction_set"]) <= set(VOCAB)
        assert row["verdict"] in {"sure", "unsure", "unfamiliar"}


def test_held_out_votes_give_the_reported_accuracy(workspace, evaluated):
    table = pq.read_table(workspace.analysis_folder / "votes.parquet")
    held = [row for row in table.to_pylist() if row["held_out"]]
    right = np.mean([row["top1"] in row["genres"] for row in held])
    assert right == pytest.approx(evaluated["methods"]["network + vote"]["accuracy"])


def test_an_unchanged_workspace_is_not_measured_again(workspace, evaluated):
    path = workspace.analysis_folder / "evaluation.json"
    before = path.stat().st_mtime_ns
    arguments = ["evaluate", "-w", str(workspace.root), "--bootstraps", "50"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert path.stat().st_mtime_ns == before
    assert CliRunner().invoke(main, [*arguments, "--again"]).exit_code == 0
    assert path.stat().st_mtime_ns > before


def test_the_table_fits_80_columns_and_ends_with_the_report(workspace, evaluated):
    result = CliRunner().invoke(
        main, ["evaluate", "-w", str(workspace.root), "--bootstraps", "50"]
    )
    lines = result.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines[:-1])
    assert "network + vote" in result.stdout
    assert lines[-1].endswith("evaluation.html")


def test_the_page_holds_the_covers_as_pictures(workspace, evaluated):
    page = (workspace.analysis_folder / "evaluation.html").read_text(encoding="utf-8")
    assert page.count("data:image/webp;base64,") > 30
    assert "Artist &amp; " in page
    assert "&lt;b&gt;" not in page.split("<style>")[0]


def test_leakage_adds_a_row_per_method(workspace, tmp_path):
    spoiled = copy_of(workspace, tmp_path / "copy")
    result = CliRunner().invoke(
        main,
        [
            "evaluate",
            "-w",
            str(spoiled.root),
            "--bootstraps",
            "20",
            "--leakage",
            "--json",
        ],
    )
    assert result.exit_code == 0, result.output
    leakage = json.loads(result.stdout)["leakage"]
    assert set(leakage["frozen neighbours"]) == {
        "figure",
        "random",
        "grouped",
        "difference",
        "ci95",
    }


def test_a_model_trained_on_another_split_is_refused(workspace, tmp_path):
    spoiled = copy_of(workspace, tmp_path / "copy")
    table = read_catalogue(spoiled).table
    place = table.column_names.index("split")
    sides = [
        "train" if side == "valid" else "valid" for side in table["split"].to_pylist()
    ]
    Catalogue(table.set_column(place, "split", [sides])).write(
        spoiled.catalogue_path, Stamp(kind=KIND)
    )
    result = CliRunner().invoke(main, ["evaluate", "-w", str(spoiled.root)])
    assert result.exit_code == 1
    assert "changed since the training" in result.stderr
    assert f"run 'covers train -w {spoiled.root}'" in result.stderr


def test_missing_picture_measures_leave_the_colours_out(workspace, tmp_path):
    spoiled = copy_of(workspace, tmp_path / "copy")
    spoiled.pictures_path.unlink()
    inputs, _ = read_inputs(spoiled)
    assert inputs.colours is None
    assert inputs.frozen is not None


def test_features_that_lack_covers_are_left_out(workspace, tmp_path):
    spoiled = copy_of(workspace, tmp_path / "copy")
    table, stamp = read_table(spoiled.pictures_path, "picture measures", "")
    write_table(spoiled.pictures_path, table.slice(1), stamp)
    inputs, _ = read_inputs(spoiled)
    assert inputs.colours is None


def test_no_workspace_and_no_evaluation_are_explained(workspace, tmp_path):
    result = CliRunner().invoke(main, ["evaluate", "-w", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "make one with 'covers scan SOURCE" in result.stderr
    bare = copy_of(workspace, tmp_path / "copy")
    shutil.rmtree(bare.analysis_folder, ignore_errors=True)
    with pytest.raises(
        DataError, match=r"no decision in .*make one with .covers evaluate"
    ):
        read_decision(bare, FINGERPRINT)


def test_a_decision_of_another_model_is_refused(workspace, evaluated):
    with pytest.raises(StaleError, match="run 'covers evaluate"):
        read_decision(workspace, "0" * 32)


def test_independent_logits_become_shares():
    logits = np.array([[0.0, 0.0, -800.0], [2.0, -1.0, 900.0]], np.float32)
    shares = genre_shares(logits, multi_label=True)
    sigmoid = 1 / (1 + np.exp(-logits.astype(float)[0, :2]))
    np.testing.assert_allclose(shares[0], [*sigmoid / sigmoid.sum(), 0], atol=1e-12)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert np.isfinite(shares).all()


def test_the_demo_says_it_of_every_labelled_cover_too_where_each_was_measured(
    workspace, evaluated, tmp_path, capsys, monkeypatch
):
    from covers.cli.demo import _announce_limit
    from covers.evaluate import stage
    from covers.evaluate.result import AcrossFolds

    catalogue = read_catalogue(workspace)
    labelled = [
        (places[0]["path"], genres)
        for places, genres in zip(
            catalogue.column("locations"), catalogue.genres, strict=True
        )
        if genres
    ]
    drawn = [
        {"path": path, "posterior": dict.fromkeys(genres, 1.0)}
        for path, genres in labelled
    ]
    (tmp_path / "truth.json").write_text(json.dumps({"covers": drawn}), "utf-8")
    found = stage.read(workspace)
    across = AcrossFolds(
        n=len(drawn),
        n_groups=9,
        n_folds=5,
        n_learned_from=1,
        methods=found.methods,
        sets=found.sets,
    )
    monkeypatch.setattr(stage, "read", lambda _: replace(found, across_folds=across))
    _announce_limit(workspace.root, tmp_path)
    told = " ".join(capsys.readouterr().err.split())
    assert f"on the {len(drawn)} labelled covers" in told
    assert told.index("labelled covers") < told.index("held-out covers alone")


def test_the_demo_says_what_true_posteriors_read_of_the_covers_held_out(
    workspace, evaluated, tmp_path, capsys
):
    from covers.cli.demo import _announce_limit

    catalogue = read_catalogue(workspace)
    drawn = [
        {"path": places[0]["path"], "posterior": dict.fromkeys(genres, 1.0)}
        for places, genres in zip(
            catalogue.column("locations"), catalogue.genres, strict=True
        )
        if genres
    ]
    _announce_limit(workspace.root, tmp_path)  # a library without its truth
    assert "held-out" not in capsys.readouterr().err
    (tmp_path / "truth.json").write_text(json.dumps({"covers": drawn}), "utf-8")
    _announce_limit(workspace.root, tmp_path)
    told = " ".join(capsys.readouterr().err.split())
    n_held = evaluated["methods"]["network + vote"]["n"]
    assert f"on the {n_held} held-out covers" in told
    assert "an accuracy of 1.00 and a macro-F1 of 1.00" in told
    assert "seem off by 0.000 (ECE)" in told
