"""The load test of the service in short: every answer right, through a rebuild."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.stress.serve import KINDS, stress


@pytest.mark.slow
def test_many_clients_and_bombs_get_right_answers_through_a_rebuild(tmp_path):
    found = stress(tmp_path, n_clients=8, seconds=15)
    assert found["wrong"] == []
    assert found["alive"]
    assert found["rebuilt_and_taken_up"]
    seen = {name.rsplit(" ", 1)[0] for name in found["statuses"]}
    assert seen == set(KINDS)
    codes = {name.rsplit(" ", 1)[1] for name in found["statuses"]}
    assert codes <= {"200", "413", "415", "503"}
