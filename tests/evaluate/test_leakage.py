import numpy as np
import pytest
from synthetic_library import simulate

from covers.evaluate.baselines import find_by_features, vote_plainly
from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.inputs import Sides
from covers.evaluate.leakage import (
    LeakageSettings,
    compare_splits,
    measure_leakage,
    measure_vote_leakage,
)


def leak_of(inputs, **options):
    return measure_leakage(
        lambda references, queries: vote_plainly(
            find_by_features(inputs.embeddings, queries, references, None),
            inputs.membership[references],
        ),
        inputs.membership,
        inputs.groups,
        LeakageSettings(n_bootstraps=200, **options),
    )


def test_covers_that_resemble_their_group_leak_under_a_random_split():
    found = leak_of(simulate(500, n_groups=60, spread=0.5, shared=0.6))
    assert found.random - found.grouped > 0.1
    assert found.ci95[0] > 0


def test_covers_that_do_not_resemble_their_group_do_not_leak():
    found = leak_of(simulate(500, n_groups=500, shared=0.0))
    assert found.ci95[0] < 0.02
    assert abs(found.random - found.grouped) < 0.05


def test_references_and_queries_never_meet_and_groups_stay_together():
    inputs = simulate(200, n_groups=30)
    seen = []

    def predict(references, queries):
        assert not np.intersect1d(references, queries).size
        together = np.intersect1d(inputs.groups[references], inputs.groups[queries])
        seen.append((len(queries), together.size))
        return np.full((len(queries), 4), 0.25)

    measure_leakage(
        predict,
        inputs.membership,
        inputs.groups,
        LeakageSettings(n_repeats=1, n_bootstraps=10),
    )
    assert len(seen) == 10
    assert all(shared > 0 for _, shared in seen[:5])
    assert all(shared == 0 for _, shared in seen[5:])
    assert sum(n for n, _ in seen[:5]) == sum(n for n, _ in seen[5:]) == 200


def test_the_vote_of_a_trained_network_leaks_through_its_references():
    inputs = simulate(600, n_groups=60, spread=0.5, shared=0.6)
    found = measure_vote_leakage(
        inputs.embeddings,
        inputs.membership,
        inputs.groups,
        Sides.find(inputs.splits),
        LeakageSettings(n_bootstraps=200),
    )
    assert found.random - found.grouped > 0.05


def test_the_document_gains_a_leakage_row_per_method():
    inputs = simulate(400, n_groups=60)
    payload = evaluate_arrays(
        inputs, EvaluationSettings(n_bootstraps=50, leakage=True)
    ).result.to_json()
    rows = payload["leakage"]
    assert set(rows) == {"colours", "frozen neighbours", "linear probe", "vote"}
    for row in rows.values():
        assert set(row) == {"figure", "random", "grouped", "difference", "ci95"}
        assert row["figure"] == "macro_f1"
        assert row["difference"] == pytest.approx(row["random"] - row["grouped"])
        assert row["ci95"][0] <= row["difference"] + 0.02
        assert row["ci95"][1] >= row["difference"] - 0.02


def test_equal_predictions_have_no_difference():
    p = np.full((6, 2), 0.5)
    found = compare_splits(
        [p],
        [p],
        np.eye(2)[[0, 1] * 3],
        np.arange(6),
        LeakageSettings(n_bootstraps=20),
    )
    assert found.difference == 0
    assert found.ci95 == (0, 0)
