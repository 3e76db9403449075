"""One word for one setting: an option is spelt as the parameter of the front door, and as in covers.toml."""

from __future__ import annotations

import dataclasses
import inspect

import click
import pytest
from click.testing import CliRunner

import covers
from covers.cli import COMMANDS, main
from covers.cli.options.renamed import RenamedOption
from covers.model.training.recipe import Recipe
from covers.workspace.settings import Settings

OF_THE_SHELL = {"help", "workspace", "as_json", "verbose", "device", "figures", "again"}
"""Where the library is and how a result is shown; `Manner` holds the last two and ``replace``."""

METHODS = {
    "scan": ("scan", ("intake",)),
    "genres": ("genres", ("intake",)),
    "train": ("train", ("train",)),
    "run": ("run", ("train", "intake", "scan")),
    "embed": ("embed", ()),
    "index build": ("build_index", ()),
    "index rebuild": ("build_index", ()),
    "index update": ("update_index", ()),
    "index verify": ("verify_index", ()),
    "index rollback": ("rollback_index", ()),
    "model export": ("export_model", ()),
    "model import": ("import_model", ()),
    "search": ("search", ()),
    "classify": ("classify", ()),
    "explain": ("explain", ()),
    "evaluate": ("evaluate", ("evaluation",)),
    "overlap": ("overlap", ("overlap",)),
    "path": ("path", ()),
    "cluster": ("clusters", ("clusters",)),
    "map": ("map", ()),
    "name": ("names", ("names",)),
    "suggest": ("suggest", ()),
    "export": ("export", ()),
    "audit": ("audit", ("audit",)),
}
"""The method that a command calls, and the settings that it takes too."""

OTHERWISE = {
    ("index build", "embedder"),  # these three: `build_other_index`
    ("index build", "weights"),
    ("index build", "offline"),
    ("index build", "dry_run"),
    ("index rebuild", "dry_run"),
    ("model import", "trust_pickle"),  # `import_backbone`
    ("search", "queries"),
    ("search", "texts"),
    ("search", "genres"),  # these two: `where`
    ("search", "conditions"),
    ("explain", "output"),
    ("export", "like"),  # these three: `covers`
    ("export", "k"),
    ("export", "ends"),
    ("export", "conditions"),
    ("cluster", "cut"),
    ("suggest", "output"),
    ("suggest", "beets_folder"),
    ("audit", "html"),  # `Audit.write_page`, `write_review`
    ("audit", "table"),
    ("audit", "accept"),  # `accept_review`, `revert_review`
    ("audit", "revert"),
}
"""What a command puts together, or does besides."""


def commands():
    for name in COMMANDS:
        found = main.get_command(click.Context(main), name)
        if isinstance(found, click.Group):
            for below, command in found.commands.items():
                yield f"{name} {below}", command
        else:
            yield name, found


def known_to(command):
    method, tables = METHODS[command]
    known = set(inspect.signature(getattr(covers.Library, method)).parameters)
    known |= {"seed", "replace"} if tables else set()
    for table in tables:
        if table == "train":
            known |= {field.name for field in dataclasses.fields(Recipe)} | {"embedder"}
        elif table == "audit":
            known |= {field.name for field in dataclasses.fields(covers.AuditOptions)}
        elif table == "scan":
            known |= set(inspect.signature(covers.Library.scan).parameters)
        else:
            known |= set(type(getattr(Settings(), table)).model_fields)
    return known


def options():
    for name, command in commands():
        for option in command.params:
            if isinstance(option, click.Option) and option.name not in OF_THE_SHELL:
                yield name, option


def test_every_option_sets_what_the_front_door_calls_by_that_name():
    wrong = [
        (name, option.name)
        for name, option in options()
        if name in METHODS
        and (name, option.name) not in OTHERWISE
        and option.name not in known_to(name)
    ]
    assert not wrong
    assert {name for name, _ in OTHERWISE} <= set(METHODS)


def test_every_option_is_spelt_as_the_name_that_it_sets():
    for name, option in options():
        if (name, option.name) in OTHERWISE or name not in METHODS:
            continue
        spelt = {word.lstrip("-") for word in option.opts}
        names = {option.name}
        if option.multiple:  # each adds one
            names.add(option.name.removesuffix("s"))
        assert spelt & {one.replace("_", "-") for one in names}, (name, option.opts)


def test_exceptions_are_still_there():
    there = {
        (name, parameter.name)
        for name, command in commands()
        for parameter in command.params
    }
    assert there >= OTHERWISE


@pytest.mark.parametrize(
    ("command", "option"),
    [(name, option) for name, option in options() if isinstance(option, RenamedOption)],
    ids=str,
)
def test_what_an_option_was_called_before_works_and_is_not_shown(command, option):
    (before,) = option.before
    shown = CliRunner().invoke(main, [*command.split(), "--help"]).stdout.split()
    assert option.opts[0] in shown
    assert before not in shown
    value = [] if option.is_flag else ["nonsense"]
    given = CliRunner().invoke(main, [*command.split(), before, *value])
    assert "No such option" not in given.stderr
