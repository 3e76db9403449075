"""Scripts written for version 0.1 find the modules that have moved."""

import subprocess
import sys

import pytest

from covers import moved


def test_every_old_name_leads_to_a_module_that_exists():
    from importlib.util import find_spec

    missing = [
        new for new in moved._MOVED.values() if find_spec(f"covers.{new}") is None
    ]
    assert not missing


@pytest.mark.parametrize(
    ("old", "name", "new"),
    [
        ("covers.catalogue.tags", "read_tags", "covers.images.audio.audio_tags"),
        ("covers.analysis.voting", "vote_genres", "covers.classify.voting"),
        ("covers.settings", "read_settings", "covers.workspace.settings"),
    ],
)
def test_an_old_name_gives_the_new_module_and_says_so(old, name, new):
    code = (
        "import sys, warnings\n"
        "warnings.simplefilter('always')\n"
        f"from {old} import {name}\n"
        f"import {new} as new\n"
        f"assert new.{name} is {name} and new.__name__ == {new!r}, new.__name__\n"
        f"assert new.__spec__.name == {new!r}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"module {old!r} is now {new!r}" in done.stderr
