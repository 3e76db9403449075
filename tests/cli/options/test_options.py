"""Every option that a command accepts is one that it uses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner
from every_command import EVERY_COMMAND

import covers.cli
from covers.cli import main
from covers.cli.options.genres import genre_options

OF_CLICK = ("get_command", "list_commands", "format_commands", "invoke")
"""Methods whose signature click decides."""

FOLDER = Path(covers.cli.__file__).parent


def functions():
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name not in OF_CLICK:
                yield path.name, node


def unread(function):
    """Return the parameters of a function that nothing in it reads to any effect."""
    spec = function.args
    parameters = {a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}
    parameters |= {a.arg for a in (spec.vararg, spec.kwarg) if a}
    idle = set()  # names read by "_ = name" alone, or deleted
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and all(
            isinstance(target, ast.Name) and target.id.startswith("_")
            for target in node.targets
        ):
            idle |= {n for n in ast.walk(node.value) if isinstance(n, ast.Name)}
    read = {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node not in idle
    }
    return {p for p in parameters - read if not p.startswith("_")} - {"self"}


def test_the_check_finds_what_is_accepted_and_ignored():
    source = "def f(a, b, *, c, **rest):\n    _ = c\n    return a"
    assert unread(ast.parse(source).body[0]) == {"b", "c", "rest"}


@pytest.mark.parametrize(
    ("file", "function"),
    [pytest.param(f, n, id=f"{f}:{n.name}") for f, n in functions()],
)
def test_no_function_of_the_command_line_ignores_a_parameter(file, function):
    assert unread(function) == set(), file


TAKES_SEED = {
    "run", "demo", "scan", "audit", "train", "index verify", "evaluate", "overlap",
    "cluster", "map",
}  # fmt: skip
TAKES_DEVICE = {
    "run", "demo", "train", "embed", "index build", "index rebuild", "index update",
    "index verify", "search", "classify", "explain", "evaluate", "export", "serve",
}  # fmt: skip


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_only_what_is_random_takes_a_seed_and_only_what_runs_the_network_a_device(
    name, tmp_path
):
    options = {option for p in EVERY_COMMAND[name].params for option in p.opts}
    assert ("--seed" in options) == (name in TAKES_SEED)
    assert ("--device" in options) == (name in TAKES_DEVICE)
    assert {"--workspace", "--json", "--verbose"} <= options
    if name not in TAKES_SEED:
        given = [*name.split(), "--seed", "1", "-w", str(tmp_path)]
        refused = CliRunner().invoke(main, given)
        assert refused.exit_code == 2
        assert "No such option" in refused.stderr


def test_run_scan_and_genres_take_the_same_options_about_genres():
    @genre_options
    def bare():
        pass

    about_genres = {parameter.name for parameter in bare.__click_params__}
    assert {"genre_level", "ignored_genres"} < about_genres
    for name in ("run", "scan", "genres"):
        assert about_genres <= {p.name for p in EVERY_COMMAND[name].params}


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_help_begins_with_one_plain_line_and_has_an_example(name):
    text = EVERY_COMMAND[name].help
    first = text.splitlines()[0]
    assert first.endswith(".")
    assert len(first) <= 84
    listed = main_text(name)
    assert listed is None or listed == first
    examples = [
        line for line in text.splitlines() if line.strip().startswith("covers ")
    ]
    assert any(f"covers {name}" in example for example in examples), text


def main_text(name):
    """Return what the list of all commands says of one of them."""
    return covers.cli.COMMANDS[name][1] if name in covers.cli.COMMANDS else None


def test_help_of_a_group_shows_whole_first_lines():
    for group in ("index", "model"):
        shown = " ".join(CliRunner().invoke(main, [group, "--help"]).output.split())
        assert covers.cli.COMMANDS[group][1] in shown
        for name, command in EVERY_COMMAND.items():
            if name.startswith(f"{group} "):
                assert command.help.splitlines()[0] in shown
