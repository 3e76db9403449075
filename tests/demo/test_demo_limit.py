"""What the best possible classifier reads of drawn covers."""

import json

import numpy as np
import pytest

from covers.demo import demo_mixture
from covers.demo.limit import DrawnCovers, measure_limit
from covers.demo.plan import plan_library

MIXTURE = demo_mixture()
VOCAB = sorted(MIXTURE.genres)


@pytest.fixture(scope="module")
def plan():
    return [cover for cover in plan_library(3000, seed=0) if len(cover.genres) == 1]


@pytest.fixture
def truth_file(plan, tmp_path):
    covers = [
        {"path": c.paths[0], "posterior": MIXTURE.posterior(c.sleeve.style)}
        for c in plan
    ]
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({"covers": covers}), encoding="utf-8")
    return path


def as_covers(plan, **changes):
    genres = np.array([VOCAB.index(cover.genres[0]) for cover in plan])
    artists = np.array([cover.sleeve.artist for cover in plan])
    _, groups = np.unique(artists, return_inverse=True)
    values = {
        "paths": [["elsewhere.jpg", cover.paths[0]] for cover in plan],
        "membership": np.eye(len(VOCAB))[genres],
        "groups": groups,
        "vocab": VOCAB,
    }
    return DrawnCovers(**{**values, **changes})


def test_true_posteriors_read_what_the_design_allows(plan, truth_file):
    found = measure_limit(truth_file, as_covers(plan))
    assert found.n == len(plan)
    assert found.values["accuracy"] == pytest.approx(MIXTURE.bayes_accuracy(), abs=0.04)
    assert found.values["macro_f1"] == pytest.approx(MIXTURE.bayes_macro_f1(), abs=0.04)
    assert found.values["ece"] < 2 * found.values["ece_if_calibrated"]


def test_few_artists_make_the_true_posteriors_seem_off(plan, truth_file):
    artists = sorted({cover.sleeve.artist for cover in plan})
    rng = np.random.default_rng(0)
    errors, expected = [], []
    for _ in range(8):
        some = set(rng.permutation(artists)[:40])
        covers = as_covers([c for c in plan if c.sleeve.artist in some])
        values = measure_limit(truth_file, covers).values
        errors.append(values["ece"])
        expected.append(values["ece_if_calibrated"])
    assert np.mean(errors) > 0.04
    assert np.mean(errors) == pytest.approx(np.mean(expected), rel=0.5)


def test_covers_that_were_not_drawn_or_have_no_genre_are_left_out(plan, truth_file):
    membership = as_covers(plan).membership.copy()
    membership[:5] = 0
    paths = [[cover.paths[0]] for cover in plan]
    paths[5] = ["mine.jpg"]
    some = as_covers(plan, membership=membership, paths=paths)
    assert measure_limit(truth_file, some).n == len(plan) - 6
    none = as_covers(plan, paths=[["mine.jpg"]] * len(plan))
    assert measure_limit(truth_file, none) is None
