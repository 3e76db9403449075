"""Every labelled cover once: by chance where there is nothing to read, and as fresh covers are read elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from covers.classify.methods import TRAINED, Method
from covers.cli.evaluate import print_evaluation
from covers.evaluate import one_genre
from covers.evaluate.cross_fit import HeldOutFits
from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.inputs import EvaluationInputs
from covers.evaluate.page.csv_tables import write_tables
from covers.evaluate.page.page import write_report
from covers.evaluate.words.headline import headline_of
from covers.model.training.heads.crossed import (
    CrossedAnswers,
    HeadFit,
    deal_folds,
    predict_across_folds,
)
from covers.stats.bootstrap import GroupBootstrap
from covers.stats.folds import group_folds
from covers.stats.unit_vectors import unit_rows
from covers.workspace.registry import EVALUATION_ACROSS, EVALUATION_ACROSS_GENRES

EVALUATE = EvaluationSettings(n_bootstraps=60)
FIT = HeadFit(class_balance=0.0, penalty=1.0, seed=0, n_axes=24)
VOCAB = ("Ambient", "Jazz", "Metal", "Pop")
N_FEATURES = 60


def draw(n_groups, per_group, *, seed, signal):
    """Return statistics, membership and groups; covers of a group are much alike."""
    rng = np.random.default_rng(seed)
    genre = np.repeat(rng.integers(len(VOCAB), size=n_groups), per_group)
    groups = np.repeat(np.arange(n_groups), per_group)
    centres = np.random.default_rng(99).normal(size=(len(VOCAB), N_FEATURES))
    look = rng.normal(size=(n_groups, N_FEATURES))
    noise = rng.normal(size=(len(groups), N_FEATURES))
    statistics = signal * centres[genre] + look[groups] + 0.2 * noise
    return statistics.astype(np.float32), np.eye(len(VOCAB))[genre], groups


def read_library(statistics, membership, groups):
    """Return the inputs of an evaluation whose network is a head on the train side."""
    held = group_folds(groups, membership, seed=1) == 0
    network = predict_across_folds(statistics, membership, np.where(held, 0, -1), FIT)
    train, valid = np.flatnonzero(~held), np.flatnonzero(held)
    folds = deal_folds(membership[train], groups[train], 0)
    everyone = np.concatenate([train, valid])
    answers = CrossedAnswers(
        train=predict_across_folds(statistics[train], membership[train], folds, FIT),
        all=predict_across_folds(
            statistics[everyone],
            membership[everyone],
            np.concatenate([folds, np.full(len(valid), -1)]),
            FIT,
        ),
    )
    return EvaluationInputs(
        **answers.as_columns(len(groups), train, valid),
        cover_ids=tuple(f"{row:032x}" for row in range(len(groups))),
        vocab=VOCAB,
        membership=membership,
        groups=groups,
        splits=np.where(held, "valid", "train"),
        grouped_by="artist, near-duplicates",
        embeddings=network.embeddings[:, 0].astype(np.float32),
        p_network=network.as_columns("crossed", len(groups), np.arange(len(groups)))[
            "crossed_p"
        ],
        model_vocab=VOCAB,
        frozen=unit_rows(statistics),
        colours=unit_rows(np.abs(statistics)),
    )


def measure(inputs):
    """Return the figures of every method on every labelled cover."""
    fits = HeldOutFits(inputs, inputs.p_network, level=0.9)
    answers, found = fits.across_folds()
    draws = GroupBootstrap.draw(answers.groups, n_bootstraps=10)
    against = one_genre.Baselines(fits=fits, seed=0)
    measured = one_genre.measure_across(answers, found, draws, against)
    return {name: one.values for name, one in measured.items()}


@pytest.fixture(scope="module")
def evaluated():
    return evaluate_arrays(read_library(*draw(90, 4, seed=3, signal=0.5)), EVALUATE)


def test_what_belongs_to_groups_alone_is_read_as_chance_would():
    read, losses = [], []
    for seed in range(6):
        measured = measure(read_library(*draw(90, 4, seed=seed, signal=0.0)))
        for method in (*TRAINED, Method.FROZEN, Method.COLOURS, Method.PROBE):
            read.append(measured[method]["accuracy"])
            losses.append(measured[method]["log_loss"])
    # A neighbour or a head that knew a cover's group would read nearly all of them.
    assert np.mean(read) == pytest.approx(0.25, abs=0.04)
    assert np.mean(losses) > np.log(len(VOCAB)) - 0.01


def test_covers_are_read_as_well_as_those_of_new_groups_are():
    said, found = [], []
    for seed in range(5):
        statistics, membership, groups = draw(90, 4, seed=seed, signal=0.25)
        measured = measure(read_library(statistics, membership, groups))
        said.append(measured["network"]["accuracy"])
        fresh, truth, _ = draw(500, 4, seed=1000 + seed, signal=0.25)
        learned = group_folds(groups, membership, seed=2) > 0
        head = predict_across_folds(
            np.concatenate([statistics[learned], fresh]),
            np.concatenate([membership[learned], truth]),
            np.repeat([-1, 0], [learned.sum(), len(fresh)]),
            FIT,
        )
        right = head.logits.argmax(axis=1) == np.concatenate(
            [membership[learned], truth]
        ).argmax(axis=1)
        found.append(right[learned.sum() :].mean())
    assert 0.4 < np.mean(found) < 0.9
    assert np.mean(said) == pytest.approx(np.mean(found), abs=0.04)


def test_every_method_is_measured_on_every_labelled_cover(evaluated):
    result = evaluated.result
    across = result.across_folds
    assert tuple(across.methods) == tuple(Method)
    assert {one.n for one in across.methods.values()} == {360}
    assert across.n_folds == 5
    assert across.n_learned_from == pytest.approx(0.8 * 360, abs=3)
    assert len(across.differences) == len(Method) * (len(Method) - 1) // 2
    assert across.to_frame().loc["vote", "n"] == 360
    assert result.methods["vote"].n == (evaluated.inputs.splits == "valid").sum()
    again = type(result).from_json(result.to_json())
    assert again.across_folds.to_frame().equals(across.to_frame())
    # Held-out figures are those of an evaluation that knows nothing of the other heads.
    alone = replace(evaluated.inputs, across_p=None, across_embeddings=None)
    before = evaluate_arrays(alone, EVALUATE).result
    assert before.across_folds is None
    assert before.leading is before
    assert before.to_json()["methods"] == result.to_json()["methods"]
    assert evaluated.decision.to_json() == evaluate_arrays(alone).decision.to_json()


def test_a_test_part_is_in_no_fold():
    inputs = read_library(*draw(90, 4, seed=4, signal=0.5))
    fresh = read_library(*draw(20, 4, seed=5, signal=0.5))
    columns = {}
    for name in ("membership", "embeddings", "p_network", "frozen", "colours"):
        columns[name] = np.concatenate([getattr(inputs, name), getattr(fresh, name)])
    for name in ("crossed", "across"):
        for kind in ("p", "embeddings"):
            own = getattr(inputs, f"{name}_{kind}")
            nothing = np.zeros((80, *own.shape[1:]), own.dtype)
            columns[f"{name}_{kind}"] = np.concatenate([own, nothing])
    both = replace(
        inputs,
        **columns,
        cover_ids=(*inputs.cover_ids, *(f"{row:032x}" for row in range(900, 980))),
        groups=np.concatenate([inputs.groups, fresh.groups + 1000]),
        splits=np.concatenate([inputs.splits, np.full(80, "test")]),
        crossed_folds=np.concatenate([inputs.crossed_folds, np.full(80, -1)]),
    )
    result = evaluate_arrays(both, EVALUATE).result
    assert result.across_folds.n == 360
    assert result.methods["vote"].n == 80
    assert "the test covers alone" in result.conclusions[0]


def test_headline_and_conclusions_begin_with_every_cover_and_name_the_held_out_ones(
    evaluated,
):
    result = evaluated.result
    every = result.across_folds.methods["network + vote"]
    alone = result.methods["network + vote"]
    first = headline_of(result)
    assert first.right == every.accuracy
    assert first.said.startswith(
        f"Of 360 covers, each read by a head fitted without its artist, {100 * every.accuracy.value:.0f} % "
    )
    assert first.said.endswith(
        f"Of the {alone.n} held-out covers alone it is {100 * alone.accuracy.value:.0f} %."
    )
    said = result.conclusions[0]
    assert said.startswith(
        "Every labelled cover once, by heads fitted without its artist: macro-F1 of "
        f"network and vote together {every.macro_f1.value:.2f} ("
    )
    assert "360 covers of 90 artists" in said
    assert f"{alone.macro_f1.value:.2f} (" in said.split("alone")[1]
    gains = [one for one in result.conclusions if one.startswith("In macro-F1")]
    best = result.leading.best(TRAINED)
    gap = result.leading.difference(best, Method.FROZEN)
    assert f"({100 * gap.value:+.1f}," in gains[0]
    assert "360 covers, each read without its fold" in repr(result)


def test_the_printed_tables_begin_with_every_cover(evaluated, capsys):
    print_evaluation(evaluated.result)
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith(
        "Every labelled cover once: 360 covers of 4 genres, each read by a head fitted "
        "without its artist (some 288 other covers)"
    )
    n_held = evaluated.result.methods["vote"].n
    assert f"The {n_held} held-out covers alone ({360 - n_held} train covers)" in said
    assert said.count(" chance 0.") == 2
    n_groups = evaluated.result.split.n_groups
    assert f"bootstrap over 90 and {n_groups} groups" in said


def test_page_and_tables_hold_both(evaluated, tmp_path):
    with (tmp_path / "page.html").open("w", encoding="utf-8") as file:
        write_report(file, evaluated, None)
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.index("Every labelled cover once") < page.index("Every method on the")
    write_tables(tmp_path, evaluated.result)
    across = (tmp_path / EVALUATION_ACROSS.name).read_text("utf-8").splitlines()
    assert len(across) == 1 + len(Method)
    assert across[-1].startswith("network + vote,360,")
    genres = (tmp_path / EVALUATION_ACROSS_GENRES.name).read_text("utf-8")
    assert len(genres.splitlines()) == 1 + len(Method) * len(VOCAB)
