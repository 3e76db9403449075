"""Scripts written for version 0.1 find the modules that have moved."""

import subprocess
import sys
from pathlib import Path

import pytest

from covers import moved

MODULES = Path(__file__).parent / "fixtures" / "version-0.1-modules.txt"
GONE = {"covers.catalogue.contact_sheet"}
"""Drew figures for the project's own pages, never for users."""


def test_every_module_of_version_01_is_found_by_its_name():
    code = (
        "import sys\n"
        "from importlib.util import find_spec\n"
        "import covers\n"
        "print(*[name for name in sys.argv[1:] if not find_spec(name)])\n"
    )
    names = MODULES.read_text().split()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == GONE


def test_every_old_name_leads_to_a_module_that_exists_and_hides_none():
    from importlib.util import find_spec

    missing = [
        new for new in moved._MOVED.values() if find_spec(f"covers.{new}") is None
    ]
    assert not missing
    top = Path(moved.__file__).parent
    found = {
        ".".join(path.relative_to(top).with_suffix("").parts).removesuffix(".__init__")
        for path in top.rglob("*.py")
    }
    assert not found & set(moved._MOVED)


def test_what_the_training_module_held_is_found_in_the_room_of_its_name():
    import covers.model.training
    from covers.model.training import train

    with pytest.warns(
        DeprecationWarning, match="is now in 'covers.model.training.train'"
    ):
        assert covers.model.training.train_workspace is train.train_workspace
    with pytest.raises(AttributeError, match="nothing"):
        covers.model.training.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("old", "name", "new"),
    [
        ("covers.catalogue.tags", "read_tags", "covers.images.audio.audio_tags"),
        ("covers.analysis.voting", "vote_genres", "covers.classify.voting"),
        ("covers.model.device", "pick_device", "covers.model.network.device"),
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


def test_what_the_pipeline_module_held_is_found_in_its_room():
    import covers.pipeline
    from covers.pipeline.run import Pipeline

    with pytest.warns(DeprecationWarning, match="now in 'covers.pipeline.run'"):
        assert covers.pipeline.Pipeline is Pipeline
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        covers.pipeline.nothing  # noqa: B018
