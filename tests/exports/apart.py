"""Programs that pin other versions than ours: put into a folder of their own by uv."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ATLAS = "0.26.0"
# embedding-atlas pins an older python-dateutil through packages that it needs for
# embedding texts only; these are what its command imports beside ours.
_ATLAS_NEEDS = (
    "duckdb==2.0.1",
    "inquirer==3.4.1",
    "blessed==1.52.0",
    "wcwidth==0.9.4",
    "editor==2.0.1",
    "readchar==4.2.2",
    "runs==1.3.0",
    "xmod==1.10.0",
    "jinxed==2.1.0",
    "cryptography==50.0.2",
    "cffi==2.1.1",
    "pycparser==3.12",
)


FIFTYONE = ("fiftyone==1.22.1", "mongomock==4.3.0")
SPOTLIGHT = ("renumics-spotlight==1.8.2",)


def install_atlas(folder):
    """Put Embedding Atlas into a folder; give that."""
    command = ["--no-deps", "--target", str(folder), "--python", sys.executable]
    _install([*command, f"embedding-atlas=={ATLAS}", *_ATLAS_NEEDS], "embedding-atlas")
    return folder


def make_apart(folder, packages):
    """Make an environment of packages of its own; give its Python."""
    python = folder / "bin" / "python"
    done = subprocess.run(
        [_uv(), "venv", "--quiet", "--python", sys.executable, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _install(["--python", str(python), *packages], packages[0])
    return python


def _uv():
    return shutil.which("uv") or str(Path(sys.executable).with_name("uv"))


def _install(arguments, name):
    """Run ``uv pip install``; skip without a network, but fail where CI promises one."""
    command = [_uv(), "pip", "install", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"{name} cannot be installed here: {done.stderr[-300:]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
