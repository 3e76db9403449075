"""Stages are published whole, reused while they are fresh, and never replaced by accident."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from known_workspace import write_known_workspace

from covers.cli import main
from covers.errors import DataError
from covers.overlap import stage as overlap
from covers.pipeline.status import State, inspect_workspace
from covers.workspace import publishing
from covers.workspace.artefacts import read_stamp
from covers.workspace.registry import OVERLAP
from covers.workspace.settings import write_settings
from covers.workspace.stages import Manner

DRAWN = [f for f in OVERLAP.drawn if "matrix" in f.name or "tree" in f.name]
"""The figures of any overlap; graph and trends want edges and parts."""
OWN = {"overlap": {"n_bootstraps": 30}}


@pytest.fixture
def workspace(tmp_path):
    made, _ = write_known_workspace(tmp_path / "w")
    write_settings(made.root, OWN)
    return type(made)(made.root)


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def stage_of(workspace, name="overlap"):
    return next(s for s in inspect_workspace(workspace) if s.name == name)


def files_of(workspace):
    folder = workspace.analysis_folder
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_data_and_figures_are_published_together_and_read_the_next_time(workspace):
    first = overlap.run(workspace)
    assert all(workspace.path(file).exists() for file in DRAWN)
    assert stage_of(workspace).state == State.FRESH
    before = files_of(workspace)
    assert overlap.run(workspace).pairs == overlap.read(workspace).pairs
    assert len(first.pairs) == 3
    assert files_of(workspace) == before
    assert not list(workspace.root.rglob(".draft-*"))


@pytest.mark.parametrize("gone", ["overlap-matrix.svg", "overlap-tree.png"])
def test_a_figure_that_is_gone_makes_the_stage_stale_and_is_drawn_again(
    workspace, gone
):
    overlap.run(workspace)
    path = workspace.analysis_folder / "figures" / gone
    drawn = path.read_bytes()
    path.unlink()
    assert stage_of(workspace).state == State.STALE
    overlap.run(workspace)
    assert path.read_bytes() == drawn
    assert stage_of(workspace).state == State.FRESH


KILLED = """
import os, signal, sys
from pathlib import Path
from covers.overlap import stage as overlap
from covers.workspace import publishing
from covers.workspace.paths import Workspace
move, left = publishing._move, [int(sys.argv[2])]
def move_or_die(source, target):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    move(source, target)
publishing._move = move_or_die
overlap.run(Workspace(Path(sys.argv[1])))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("n_moved", [0, 1, 4])
def test_killed_while_it_is_published_it_is_made_again_with_all_its_pictures(
    workspace, n_moved
):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(workspace.root), str(n_moved)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert stage_of(workspace).is_due
    overlap.run(workspace)
    assert stage_of(workspace).state == State.FRESH
    assert all(workspace.path(file).exists() for file in DRAWN)
    assert not list(workspace.root.rglob(".draft-*"))


def test_a_full_disk_is_one_line_and_leaves_what_was_published(workspace, monkeypatch):
    overlap.run(workspace)
    before = files_of(workspace)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("covers.workspace.disk.publish.os.fsync", full)
    done = run("overlap", "-w", workspace.root, "--again")
    assert done.exit_code == 1
    assert "No space left on device" in done.stderr
    assert "make room" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    monkeypatch.undo()
    assert files_of(workspace) == before
    monkeypatch.setattr("covers.workspace.disk.publish.os.fsync", full)
    with pytest.raises(DataError, match="cannot write"):
        overlap.run(workspace, Manner(again=True))


def test_other_settings_do_not_replace_the_own_result_unless_asked(workspace):
    assert run("overlap", "-w", workspace.root).exit_code == 0
    own = files_of(workspace)
    done = run("overlap", "-w", workspace.root, "--bootstraps", 20, "--json")
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)["pairs"]) == 3
    assert "not published" in done.stderr
    assert "--replace" in done.stderr
    assert files_of(workspace) == own
    done = run("overlap", "-w", workspace.root, "--bootstraps", 20, "--replace")
    assert done.exit_code == 0, done.output
    stamp = read_stamp(workspace.path(OVERLAP.file))
    assert stamp.parameters["n_bootstraps"] == 20
    assert "n_bootstraps 20 instead of 30" in stage_of(workspace).why
    assert run("overlap", "-w", workspace.root).exit_code == 0
    assert read_stamp(workspace.path(OVERLAP.file)).parameters["n_bootstraps"] == 30


def test_a_result_with_parts_more_stands_for_the_own_one(workspace):
    overlap.run(workspace)
    overlap.run(workspace, by="year")
    assert set(overlap.read(workspace).parts) == {"1970s", "1980s", "1990s"}
    before = files_of(workspace)
    overlap.run(workspace)
    assert files_of(workspace) == before


def test_figures_left_out_are_drawn_when_they_are_wanted(workspace, monkeypatch):
    done = run("overlap", "-w", workspace.root, "--no-figures")
    assert done.exit_code == 0, done.output
    assert not (workspace.analysis_folder / "figures").exists()
    found = stage_of(workspace)
    assert (found.state, "without figures" in found.why) == (State.FRESH, True)
    monkeypatch.setattr("covers.overlap.stage.measure_workspace", None)  # not needed
    done = run("overlap", "-w", workspace.root)
    assert done.exit_code == 0, done.output
    assert "overlap-matrix.svg" in done.stderr
    assert "without figures" not in stage_of(workspace).why


def test_a_stamp_that_names_files_elsewhere_makes_nobody_look_there(workspace):
    overlap.run(workspace)
    stamp = read_stamp(workspace.path(OVERLAP.file))
    stamp.summary["files"] = json.dumps({"../w/covers.toml": 1})
    assert not publishing.is_whole(workspace, stamp)
    stamp.summary["files"] = "[1]"
    assert not publishing.is_whole(workspace, stamp)


def test_wrong_settings_in_the_file_are_named(workspace):
    write_settings(workspace.root, {"overlap": {"n_bootstrap": 30}})
    done = run("overlap", "-w", workspace.root)
    assert done.exit_code == 1
    assert "overlap.n_bootstrap" in done.stderr
    assert Path(workspace.root).name in done.stderr


def test_ctrl_c_that_a_library_swallows_ends_the_work_at_the_next_step(
    workspace, monkeypatch
):
    measure = overlap.measure_workspace

    def swallow(*given):
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        return measure(*given)

    monkeypatch.setattr(overlap, "measure_workspace", swallow)
    # Whoever was started in the background of a script ignores Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = run("overlap", "-w", workspace.root)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.exit_code == 1
    assert "Error: interrupted:" in done.output
    assert not workspace.path(OVERLAP.file).exists()
    monkeypatch.undo()
    assert run("overlap", "-w", workspace.root).exit_code == 0
