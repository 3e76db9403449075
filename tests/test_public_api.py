"""What is promised: every public name, documented with an example that runs."""

import doctest
import inspect
import re
import shutil

import numpy as np
import pytest

import covers
from covers.workspace.settings import write_settings

ERRORS = {name for name in covers.__all__ if name.endswith("Error")}


@pytest.fixture(scope="module")
def names(drawn_once, tmp_path_factory):
    """What the examples may use."""
    folder = tmp_path_factory.mktemp("examples") / "drawn"
    shutil.copytree(drawn_once, folder)
    # As the workspace was made, so that reading is enough.
    write_settings(
        folder / "workspace",
        {
            "evaluation": {"n_bootstraps": 60},
            "overlap": {"n_bootstraps": 60, "which": "all"},
            "clusters": {"min_cluster_size": 5, "n_bootstraps": 60, "n_resamples": 1},
        },
    )
    library = covers.open(folder / "workspace")
    return {
        "covers": covers,
        "np": np,
        "folder": folder,
        "library": library,
        "cover_id": library.catalogue.cover_ids[0],
    }


def test_all_is_what_is_public():
    assert list(covers.__all__) == sorted(covers.__all__)
    assert set(dir(covers)) == set(covers.__all__)
    assert set(covers._HOMES) == set(covers.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        covers.nothing  # noqa: B018
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", covers.__version__)


@pytest.mark.parametrize("name", covers.__all__)
def test_every_public_name_says_what_it_is(name):
    text = inspect.getdoc(getattr(covers, name))
    assert text
    assert len(text.splitlines()[0]) <= 120


@pytest.mark.parametrize("name", sorted(set(covers.__all__) - ERRORS))
def test_every_public_name_has_an_example_that_runs(name, names, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    public = getattr(covers, name)
    found = [
        test
        for test in doctest.DocTestFinder().find(public, name, globs=dict(names))
        if test.examples
    ]
    assert found, f"{name} has no example"
    for test in found:
        test.globs.update(vars(inspect.getmodule(public)) | names)
        told = []
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(
            test, out=told.append
        )
        assert result.failed == 0, "".join(told)
