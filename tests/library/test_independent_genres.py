"""A library whose genres are independent: front door, command line and dashboard say the same of a cover."""

import json
from html import escape

import pytest
from click.testing import CliRunner
from synthetic_library import VOCAB, build_synthetic_index, write_workspace

import covers
from covers.cli import main
from covers.evaluate.stage import run as evaluate
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
        assert escape(answer.said) in html
        for genre in answer.named:
            assert f"{genre} {100 * answer.labels[genre]:.0f} %" in html
