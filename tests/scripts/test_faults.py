"""A short version of the campaign of faults: every kind of signal and disk, one instant each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc")
def test_the_whole_job_recovers_from_nine_faults():
    done = subprocess.run(
        [
            *(sys.executable, "-m", "scripts.stress.faults"),
            *("--faults", "9", "--seed", "3", "--artists", "10"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.stdout, done.stderr[-3000:]
    outcome = json.loads(done.stdout)
    assert outcome["failures"] == 0, json.dumps(outcome["failed"], indent=1)[:6000]
    assert sum(sum(row.values()) for row in outcome["by_kind"].values()) == 9
