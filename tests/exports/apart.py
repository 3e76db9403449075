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
    "duckdb",
    "inquirer",
    "blessed",
    "wcwidth",
    "editor",
    "readchar",
    "runs",
    "xmod",
    "jinxed",
    "cryptography",
    "cffi",
    "pycparser",
)


def install_atlas(folder):
    """Put Embedding Atlas into a folder; skip without a network, but fail where CI promises one."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    command += ["--python", sys.executable]
    done = subprocess.run(
        [*command, f"embedding-atlas=={ATLAS}", *_ATLAS_NEEDS],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = f"embedding-atlas cannot be installed here: {done.stderr[-300:]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
