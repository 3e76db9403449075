"""Every command in an installation without extras: it works, or one line names the extra.

The environment is made from the wheel and from what the wheel declares, with the
packages that are installed here: nothing is fetched.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import PathDistribution, distribution
from pathlib import Path

import pytest
from every_command import EVERY_COMMAND
from packaging.requirements import Requirement
from PIL import Image

from covers.catalogue.table import read_catalogue
from covers.errors import OPTIONAL_PACKAGES
from covers.evaluate.stage import run as evaluate

ROOT = Path(__file__).resolve().parents[2]
EXTRA_LINE = re.compile(
    r"Error: .*(?: needs the optional package '[\w-]+'| knows words): "
    r"pip install 'album-covers\[(\w+)\]'.*"
)

pytestmark = pytest.mark.slow


def _required(metadata):
    """Return the names that a distribution needs without any extra."""
    needs = map(Requirement, metadata.requires or ())
    return {
        need.name
        for need in needs
        if need.marker is None or need.marker.evaluate({"extra": ""})
    }


def _link(name, packages):
    """Let an environment see one distribution of this one."""
    for file in distribution(name).files or ():
        first = file.parts[0]
        source, target = Path(file.locate()), packages / first
        for _ in file.parts[1:]:
            source = source.parent
        if first not in ("..", "__pycache__") and not target.exists():
            target.symlink_to(source)


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """Return the Python of an environment with the wheel and what it declares, no extra."""
    folder = tmp_path_factory.mktemp("core")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    subprocess.run([*build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    told = subprocess.run([python, "-c", place], check=True, capture_output=True)
    packages = Path(told.stdout.decode().strip())
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (information,) = packages.glob("album_covers-*.dist-info")
    waiting, linked = _required(PathDistribution(information)), set()
    while waiting:
        name = waiting.pop()
        linked.add(name)
        _link(name, packages)
        waiting |= _required(distribution(name)) - linked
    return python


@pytest.fixture(scope="module")
def do(core, tmp_path_factory):
    """Return a function that runs one command of the core installation."""
    away = tmp_path_factory.mktemp(
        "away"
    )  # not in the project: its packages are not seen

    def run(*arguments):
        command = [str(core), "-m", "covers", *map(str, arguments)]
        return subprocess.run(
            command, cwd=away, capture_output=True, text=True, check=False, env={}
        )

    return run


def test_no_optional_package_is_there(core):
    code = (
        "import importlib.util as u, json, sys\n"
        "print(json.dumps([n for n in sys.argv[1:] if u.find_spec(n)]))"
    )
    command = [str(core), "-c", code, *OPTIONAL_PACKAGES]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")
    assert json.loads(done.stdout) == []


NEW = ("-w", "{tmp}/new")  # a workspace that is not there yet
TRIED = [  # in this order, on a trained workspace; the extra that is named, if any
    ("status", [], None),
    ("scan", [], None),
    ("genres", [], None),
    ("audit", [], None),
    ("embed", [], None),
    ("index build", [], None),
    ("index update", [], None),
    ("index rebuild", [], None),
    ("index info", [], None),
    ("index rollback", [], None),
    ("index verify", [], "model"),
    ("index rebuild", [], None),
    ("model info", [], None),
    ("evaluate", ["--bootstraps", "10"], None),  # fresh: it is read
    ("evaluate", ["--bootstraps", "20", "--again"], "model"),  # heads are fitted anew
    ("overlap", ["--bootstraps", "10"], None),
    ("path", ["Jazz", "Metal", "-k", "40"], None),
    ("search", ["{id}"], None),
    ("search", ["{picture}"], "model"),
    ("suggest", [], None),
    ("export", ["csv", "{tmp}/covers.csv"], None),
    ("name", [], "clip"),
    ("serve", [], "serve"),
    ("classify", ["{picture}"], "model"),
    ("explain", ["{picture}"], "model"),
    ("model export", ["{tmp}/model.safetensors"], "model"),
    ("model import", ["{tmp}/model.safetensors"], "model"),
    ("train", [], "model"),
    ("run", ["{covers}", *NEW], "model"),
    ("demo", NEW, "model"),
    ("cluster", [], "cluster"),
    ("map", [], "cluster"),
    ("dashboard", ["--no-browser"], "dashboard"),
]


def test_every_command_is_tried():
    assert {name for name, _, _ in TRIED} == set(EVERY_COMMAND)


def test_every_command_works_or_names_its_extra(do, trained_workspace, tmp_path):
    root = trained_workspace.root
    evaluate(trained_workspace, n_bootstraps=10)
    picture = tmp_path / "sleeve.png"
    Image.new("RGB", (64, 64), (220, 90, 160)).save(picture)
    values = {
        "tmp": tmp_path,
        "covers": root.parent / "covers",
        "picture": picture,
        "id": read_catalogue(trained_workspace).cover_ids[0],
    }
    for name, template, extra in TRIED:
        arguments = [part.format(**values) for part in template]
        if "-w" not in arguments:
            arguments += ["-w", str(root)]
        done = do(*name.split(), *arguments)
        if extra is None:
            assert done.returncode == 0, (name, done.stderr)
            assert "Traceback" not in done.stderr, name
        else:
            assert done.returncode == 1, (name, done.stdout, done.stderr)
            (line,) = done.stderr.splitlines()
            named = EXTRA_LINE.fullmatch(line)
            assert named, (name, line)
            assert named.group(1) == extra, (name, line)
    assert not (tmp_path / "new").exists()  # refused before anything was begun
