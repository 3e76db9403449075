"""What the server logs cannot steer the terminal that runs it."""

from __future__ import annotations

import subprocess
import sys

CODE = r"""
import logging, sys
early = logging.getLogger("streamlit.early")
early.addHandler(logging.StreamHandler())
from dashboard.server.logs import make_logs_safe
make_logs_safe()
make_logs_safe()
name = "Sleeve\x1b]0;owned\x07\u202egpj.\x9b2J"
early.error("cannot read %s", name)
late = logging.getLogger("uvicorn.late")
late.addHandler(logging.StreamHandler(sys.stderr))
late.error("cannot read %s", name)
print(name)
print(name, file=sys.stderr)
try:
    raise ValueError(name)
except ValueError:
    late.exception("a view failed")
"""


def test_names_reach_the_log_as_text():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    )
    said = done.stdout + done.stderr
    assert not set(said) & set("\x1b\x07\u202e\x9b")
    assert said.count(r"Sleeve\u001b]0;owned\u0007\u202egpj.\u009b2J") >= 5
