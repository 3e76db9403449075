"""Short runs of the scripts that kill and stress an index."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(script, *arguments):
    result = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "stress" / script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.stdout, result.stderr
    return json.loads(result.stdout), result


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_writers_leave_the_old_state_or_the_new_one():
    outcome, result = run("kill_index.py", "--kills", "8", "--seed", "3")
    assert outcome["failures"] == []
    assert outcome["kills"] == 8
    assert sum(outcome["landed"].values()) >= 8
    assert result.returncode == 0


@pytest.mark.slow
def test_two_writers_and_four_readers_get_no_wrong_answer():
    outcome, result = run("stress_index.py", "--seconds", "4")
    assert outcome["wrong"] == 0, outcome
    assert outcome["checked"] > 50
    assert outcome["generations"] >= 6
    assert outcome["verify_ok"]
    assert result.returncode == 0
