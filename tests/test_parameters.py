"""A function takes at most five parameters, except where CONTRIBUTING says why."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST = 5
ROOMS_OF_KEYWORDS = (
    "covers/cli/",
    "indexer/cli/",
    "covers/library/",
    "covers/demo/",
    "indexer/index.py",
    "indexer/store.py",
    "indexer/local/building.py",
)
"""Commands, front doors, and what draws: each keyword is one choice of who calls."""


def parameters(function):
    """Count what a function takes, without `self` and `cls`."""
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    stars = [one for one in (given.vararg, given.kwarg) if one is not None]
    return len(names) + len(stars) - (names[:1] in (["self"], ["cls"]))


def crowded(text):
    """Yield the names of functions with more parameters than that."""
    for node in ast.walk(ast.parse(text)):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_function and parameters(node) > MOST:
            yield node.name


@pytest.mark.parametrize("package", ["covers", "indexer", "dashboard", "scripts"])
def test_functions_take_few_parameters(package):
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(ROOMS_OF_KEYWORDS):
            names = list(crowded(path.read_text("utf-8")))
            found |= {name: names} if names else {}
    assert not found


def test_of_what_draws_only_the_pens_take_more():
    found = {
        name
        for path in (ROOT / "covers/demo").rglob("*.py")
        for name in crowded(path.read_text("utf-8"))
    }
    assert found <= {"add", "credit", "hills", "noise", "stamp"}


def test_a_sixth_parameter_is_seen():
    assert list(crowded("def f(a, b, c, *, d, e, g): ...")) == ["f"]
    assert list(crowded("class A:\n  def f(self, a, b, c, *d, **e): ...")) == []
