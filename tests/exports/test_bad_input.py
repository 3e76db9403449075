"""Whatever is wrong, every target says it in one line and leaves nothing behind."""

import errno
import itertools
import os
import shutil

import pytest
from click.testing import CliRunner

import covers
from covers.cli import main
from covers.exports.targets import TARGETS, Target

BY_NAME = {target.name: target for target in TARGETS}
REPAIRS = (
    "covers scan",
    "covers train",
    "covers index build",
    "covers embed",
    "covers evaluate",
    "covers map",
    "covers run",
    "restore it from a copy",
)


@pytest.fixture(params=BY_NAME)
def target(request):
    return BY_NAME[request.param]


@pytest.fixture(scope="module")
def whole(drawn_once):
    """A workspace that is read, not changed."""
    return drawn_once / "workspace"


@pytest.fixture(scope="module")
def own(drawn_once, tmp_path_factory):
    """A workspace whose parts are taken away and put back."""
    root = tmp_path_factory.mktemp("own")
    shutil.copytree(drawn_once, root / "drawn")
    return root / "drawn" / "workspace"


def refused(target, out, workspace, *more):
    """Run a command that must fail; return the one line that it says."""
    command = ["export", target.name, str(out), "-w", str(workspace), *more]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1, (done.output, done.exception)
    assert isinstance(done.exception, SystemExit)
    assert done.output.count("\n") == 1
    assert len(done.output) < 800
    assert "Traceback" not in done.output
    return done.output


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def identity(path):
    """What replacing or writing changes. Being looked at changes the time of access alone."""
    told = path.lstat()
    return told.st_mode, told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("there", ["file", "folder", "link", "dangling", "pipe"])
def test_what_is_there_stays(target, whole, tmp_path, there, force):
    out = tmp_path / target.such_as
    if there == "file":
        out.write_text("dear aunt")
    elif there == "folder":
        out.mkdir()
        (out / "photo.jpg").write_bytes(b"mine")
    elif there == "pipe":
        os.mkfifo(out)
    else:
        goal = tmp_path / "goal"
        if there == "link":
            goal.mkdir()
        out.symlink_to(goal)
    before, same = left_in(tmp_path), identity(out)
    said = refused(target, out, whole, *force)
    assert ("never replaced" if force else "exists already") in said
    assert left_in(tmp_path) == before
    assert identity(out) == same


def test_a_place_that_cannot_be_written(target, whole, tmp_path):
    (tmp_path / "file").write_text("")
    ending = target.endings[0] if target.endings else ""
    for out in (
        tmp_path / "file" / target.such_as,
        tmp_path / ("x" * 300 + ending),
        tmp_path / ("\u00e9" * 150 + ending),
        f"/proc/nowhere/{target.such_as}",
    ):
        if target.name == "beets":
            continue  # it has no album here, which is said first
        assert "cannot write" in refused(target, out, whole)
    assert left_in(tmp_path) == ["file"]


def test_a_name_that_is_none(target, whole, tmp_path):
    ending = target.endings[0] if target.endings else ""
    with pytest.raises(covers.CoversError, match="must be a path"):
        covers.open(whole).export(target.name, f"{tmp_path}/a\0b{ending}")
    assert left_in(tmp_path) == []


def test_a_full_disk(target, whole, tmp_path, monkeypatch):
    def fill(_, covers, out):
        place = out / "half" if target.is_folder else out
        place.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Target, "write", fill)
    said = refused(target, tmp_path / target.such_as, whole)
    assert "No space left" in said
    assert left_in(tmp_path) == []


FOLDERS = ("embeddings", "index", "analysis", "thumbnails")
FILES = (
    "catalogue.parquet",
    "covers.toml",
    "model/weights.safetensors",
    "model/model.json",
    "analysis/votes.parquet",
    "analysis/map.parquet",
)


@pytest.mark.parametrize(
    ("gone", "how"),
    [
        *itertools.product(FOLDERS, ("away", "empty")),
        *itertools.product(FILES, ("away", "empty", "cut")),
    ],
)
def test_a_half_made_workspace(target, own, tmp_path, gone, how):
    """Either it is refused in one line that names the repair, or it was not needed."""
    part, kept = own / gone, tmp_path / "kept"
    part.rename(kept)
    if how == "cut":
        part.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])
    elif how == "empty":
        part.mkdir() if kept.is_dir() else part.write_bytes(b"")
    out = tmp_path / "out" / target.such_as
    try:
        command = ["export", target.name, str(out), "-w", str(own)]
        done = CliRunner().invoke(main, command)
    finally:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
        kept.rename(part)
    if done.exit_code == 0:
        assert out.exists()
        return
    assert done.exit_code == 1, (done.output, done.exception)
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.output.count("\n") == 1
    if target.name != "beets" or "album" not in done.output:
        assert any(repair in done.output for repair in REPAIRS), done.output
    assert not out.exists()
    assert not out.parent.exists() or left_in(out.parent) == []


@pytest.mark.parametrize("workspace", ["", "nothing-here"])
def test_a_folder_that_is_no_workspace(target, tmp_path, workspace):
    said = refused(target, tmp_path / target.such_as, tmp_path / workspace)
    assert "covers" in said


def test_a_missing_package(target, whole, tmp_path, monkeypatch):
    if not target.package:
        assert target.name != "lance"
        return
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    said = refused(target, tmp_path / target.such_as, whole)
    assert f"album-covers[{target.name}]" in said
    assert left_in(tmp_path) == []
