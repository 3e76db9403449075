"""The table of what lies in a workspace is the only place that names its files."""

import ast
import shlex
from pathlib import Path

import pytest

from covers.cli import COMMANDS
from covers.errors import DataError, StaleError
from covers.workspace import registry
from covers.workspace.artefacts import Stamp, write_json
from covers.workspace.paths import Workspace
from covers.workspace.read_artefacts import read_document
from covers.workspace.registry import ARTEFACTS, CHAIN, CONFIG, OVERLAP, maker_of

ROOT = Path(__file__).parents[2]


def text_constants(path):
    """Return the texts in a file that are no docstrings, those of f-strings included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # docstrings
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in said
    ]


def test_no_file_of_a_workspace_is_named_outside_the_table():
    names = {
        file.name for one in ARTEFACTS for file in one.files if "." in file.name
    } - {CONFIG.name}  # people are told about covers.toml
    names |= {file.path for one in ARTEFACTS for file in one.files if "/" in file.path}
    names |= {"CURRENT"}
    found = [
        (path.relative_to(ROOT).as_posix(), text)
        for package in ("covers", "dashboard")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path != Path(registry.__file__)
        for text in text_constants(path)
        if text in names
    ]
    assert found == []


def test_each_artefact_comes_after_what_it_is_made_from():
    known = [one.name for one in ARTEFACTS]
    assert len(set(known)) == len(known)
    for place, one in enumerate(ARTEFACTS):
        assert set(one.made_from) <= set(known[:place]), one.name
    assert set(CHAIN) <= set(ARTEFACTS)


def test_each_file_belongs_to_one_artefact_and_each_command_exists():
    files = [file for one in ARTEFACTS for file in one.files]
    assert len({file.path for file in files}) == len(files)
    for one in ARTEFACTS:
        assert one.command.split()[0] in COMMANDS
        assert maker_of(one.file) is one


@pytest.mark.parametrize(
    "folder", ["music", "./my music", "it's mine", 'a "b" $HOME', "../x"]
)
def test_a_shell_reads_the_workspace_of_a_repairing_command_as_it_was_given(folder):
    command = OVERLAP.repair(Path(folder))
    assert shlex.split(command) == ["covers", "overlap", "-w", str(Path(folder))]


def test_what_is_missing_foreign_or_stale_is_refused_with_the_command(tmp_path):
    workspace = Workspace(tmp_path)
    repair = f"covers overlap -w {tmp_path}"
    with pytest.raises(DataError, match=f"no overlap in .*{repair}"):
        read_document(workspace, OVERLAP.file)
    write_json(workspace.path(OVERLAP.file), {}, Stamp(kind="something else"))
    with pytest.raises(DataError, match=f"is not a overlap.*{repair}"):
        read_document(workspace, OVERLAP.file)
    stamp = Stamp(kind="overlap", made_from={"model": "a" * 32})
    write_json(workspace.path(OVERLAP.file), {"k": 3}, stamp)
    assert read_document(workspace, OVERLAP.file)["k"] == 3
    assert read_document(workspace, OVERLAP.file, made_from=stamp.made_from)["k"] == 3
    with pytest.raises(StaleError, match=f"made from model aaaaaaaa.*{repair}"):
        read_document(workspace, OVERLAP.file, made_from={"model": "b" * 32})


@pytest.mark.parametrize(
    "stamp", [{"kind": "overlap", "new": 1}, {"kind": "overlap", "made_from": []}]
)
def test_a_damaged_stamp_is_said_in_one_line(tmp_path, stamp):
    import json

    workspace = Workspace(tmp_path)
    workspace.path(OVERLAP.file).parent.mkdir()
    workspace.path(OVERLAP.file).write_text(json.dumps({"stamp": stamp}))
    with pytest.raises(DataError, match="damaged stamp"):
        read_document(workspace, OVERLAP.file, made_from={})
