"""A library whose genres are independent: front door, command line and dashboard say the same of a cover."""

import csv
import json
from html import escape

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from synthetic_library import VOCAB, build_synthetic_index, write_workspace

import covers
from covers.cli import main
from covers.evaluate.stage import run as evaluate
from covers.render.numbers import unbroken
from dashboard.views.search import _verdict


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    made = write_workspace(
        tmp_path_factory.mktemp("library") / "ws", n_covers=400, multi_label=True
    )
    build_synthetic_index(made)
    evaluate(made, n_bootstraps=20)
    return covers.open(made.root)


@pytest.fixture(scope="module")
def answers(library):
    return library.classify(library.catalogue.cover_ids[:20])


def test_each_genre_has_a_probability_of_its_own(library, answers):
    assert library.evaluate().several_genres
    for answer in answers:
        assert set(answer.labels) == set(VOCAB)
        assert all(0 <= p <= 1 for p in answer.labels.values())
        assert set(answer.named) <= set(VOCAB)
    assert any(abs(sum(one.labels.values()) - 1) > 0.05 for one in answers)
    assert any(one.named for one in answers)


def test_the_command_line_names_the_same_genres(library, answers):
    ids = library.catalogue.cover_ids[:20]
    place = ["-w", str(library.workspace.root)]
    said = CliRunner().invoke(main, ["classify", *ids, *place, "--json"])
    assert said.exit_code == 0, said.output
    for found, answer in zip(json.loads(said.stdout), answers, strict=True):
        assert found["named"] == list(answer.named)
        assert found["labels"] == pytest.approx(answer.labels)
    shown = CliRunner().invoke(main, ["classify", ids[0], *place])
    assert shown.exit_code == 0, shown.output
    assert "Best guess at its genres" in " ".join(shown.stdout.split())


def test_the_dashboard_shows_the_same_genres(answers):
    for answer in answers:
        html = _verdict(answer)
        assert escape(unbroken(answer.said)) in html
        for genre in answer.named:
            assert unbroken(f"{genre} {100 * answer.labels[genre]:.0f} %") in html


def test_exports_give_the_named_genres_the_set_and_every_probability(
    library, answers, tmp_path
):
    table = library.export("csv", tmp_path / "covers.csv").path
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    folder = library.export("projector", tmp_path / "projector").path
    with (folder / "metadata.tsv").open(encoding="utf-8", newline="") as file:
        shown = list(csv.DictReader(file, delimiter="\t"))
    assert any(";" in row["named"] for row in rows)
    for row, seen, answer in zip(rows, shown, answers, strict=False):
        assert row["cover_id"] == answer.cover_id == seen["cover_id"]
        assert row["named"] == ";".join(answer.named)
        assert seen["named"] == ", ".join(answer.named)
        assert row["prediction_set"] == ";".join(answer.prediction_set)
        said = {genre: float(row[f"p {genre}"]) for genre in VOCAB}
        assert said == pytest.approx(answer.labels, abs=1e-4)


@pytest.mark.parametrize("target", ["huggingface", "lance"])
def test_tables_of_vectors_hold_labels_and_probabilities(
    library, answers, tmp_path, target
):
    place = library.export(target, tmp_path / target).path
    if target == "lance":
        import lance

        rows = lance.dataset(str(place)).to_table().to_pylist()
    else:
        rows = [
            row
            for part in sorted((place / "data").iterdir())
            for row in pq.read_table(part).to_pylist()
        ]
        vocab = library.catalogue.vocab
        for row in rows:
            assert [vocab[label] for label in row["labels"]] == row["genres"]
            assert row["label"] == next(iter(row["labels"]), None)
    by_id = {row["cover_id"]: row for row in rows}
    for answer in answers:
        row = by_id[answer.cover_id]
        assert row["named"] == list(answer.named)
        listed = {one["genre"]: one["probability"] for one in row["probabilities"]}
        assert listed == pytest.approx(answer.labels, abs=1e-4)
        ordered = list(listed.values())
        assert ordered == sorted(ordered, reverse=True)


def test_covers_are_exported_by_what_they_are_named(library, tmp_path):
    made = library.export("csv", tmp_path / "some.csv", where={"named": [VOCAB[0]]})
    with made.path.open(encoding="utf-8", newline="") as file:
        named = [row["named"].split(";") for row in csv.DictReader(file)]
    assert 0 < len(named) < len(library.catalogue)
    assert all(VOCAB[0] in genres for genres in named)
