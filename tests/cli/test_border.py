"""What ends a command: one line and an exit code, or the traceback of a bug."""

from __future__ import annotations

import doctest
import errno
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

import covers
from covers import errors
from covers.cli import main
from covers.cli.terminal import border
from covers.errors import (
    OPTIONAL_PACKAGES,
    ConfigError,
    MissingExtraError,
    missing_extra,
    needs_extra,
    refuse_missing_package,
)
from indexer.errors import IndexBusyError

ROOT = Path(__file__).resolve().parents[2]


def end_with(error):
    """Run a command that raises, below a group below a group, as `index verify` is."""

    @click.group(cls=border.ExplainingGroup)
    def top():
        pass

    @top.group("index", cls=border.ExplainingGroup)
    def below():
        pass

    @below.command("verify")
    def command():
        raise error

    return CliRunner().invoke(top, ["index", "verify"])


@pytest.mark.parametrize("error", [ConfigError("a b"), IndexBusyError("a b")])
def test_an_expected_error_is_one_line_and_exit_code_1(error):
    done = end_with(error)
    assert (done.exit_code, done.stderr) == (1, "Error: a b\n")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "w/a.json"),
            "no space left on device: 'w/a.json': free some, then run the same command again",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "w"),
            "permission denied: 'w'",
        ),
        (
            MemoryError("Unable to allocate 8 GiB"),
            "not enough memory: Unable to allocate 8 GiB",
        ),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"),
            "not enough memory: DefaultCPUAllocator: can't allocate memory: 9 bytes",
        ),
        (
            ImportError(
                "libtorch_cpu.so: failed to map segment from shared object",
                name="torch._C",
            ),
            "not enough memory: libtorch_cpu.so: failed to map segment from shared object",
        ),
        (
            ImportError("DLL load failed", name="faiss"),
            "cannot load faiss: DLL load failed: is there enough memory, and is the installation whole?",
        ),
    ],
)
def test_what_the_machine_refuses_is_one_line_that_says_where_the_details_are(
    error, line, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = end_with(error)
    assert done.exit_code == 1
    said, details = re.fullmatch(
        r"Error: (.*) \(details: (.*)\)\n", done.stderr
    ).groups()
    assert said == line
    assert "Traceback" in Path(details).read_text()
    assert type(error).__name__ in Path(details).read_text()


def test_without_room_for_the_details_the_line_still_comes(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    done = end_with(OSError(errno.ENOSPC, "No space left on device"))
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: no space left on device: free some")
    assert "details" not in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        RuntimeError("x"),
        ImportError("cannot import name 'a'", name="covers.b"),
    ],
)
def test_a_bug_keeps_its_traceback(error):
    done = end_with(error)
    assert done.exception is error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_a_library_turns_into_its_own_error_is_one(number):
    @click.group(cls=border.ExplainingGroup)
    def top():
        pass

    @top.command("work")
    def command():
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        except KeyboardInterrupt:
            message = "could not determine the shape"
            raise ValueError(message) from None

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = CliRunner().invoke(top, ["work"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: interrupted: what is published stays")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_missing_extra_names_the_command_as_it_is_typed():
    done = end_with(ModuleNotFoundError("No module named 'umap'", name="umap"))
    assert done.exit_code == 1
    assert done.stderr == (
        "Error: 'covers index verify' needs the optional package 'umap-learn': "
        "pip install 'album-covers[cluster]'\n"
    )


def test_wrong_usage_is_2_and_exit_keeps_its_code():
    assert CliRunner().invoke(main, ["status", "--absent"]).exit_code == 2
    assert end_with(click.exceptions.Exit(5)).exit_code == 5


def test_the_optional_packages_are_those_of_the_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {
        (re.split(r"[<>=\[]", need)[0], extra)
        for extra, needs in project["optional-dependencies"].items()
        for need in needs
        if not need.startswith("album-covers")
    }
    assert set(OPTIONAL_PACKAGES.values()) == declared
    core = {re.split(r"[<>=\[]", need)[0] for need in project["dependencies"]}
    assert not core & {distribution for distribution, _ in declared}


def test_only_the_absence_of_an_optional_package_is_called_that():
    assert missing_extra(ModuleNotFoundError(name="numpy"), "x") is None
    assert missing_extra(ImportError("broken", name="torch"), "x") is None

    @needs_extra("drawing")
    def draw():
        raise ModuleNotFoundError(name="matplotlib.figure")

    with pytest.raises(MissingExtraError, match=r"drawing needs .*\[cluster\]"):
        draw()
    with pytest.raises(ModuleNotFoundError), needs_extra("x"):
        raise ModuleNotFoundError(name="numpy")
    refuse_missing_package("torch", "training")


@pytest.mark.parametrize("module", [errors, border])
def test_examples_hold(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert not outcome.failed


@pytest.mark.parametrize(
    ("given", "meant"),
    [(["STATUS"], "status"), (["Índex", "VERIFY"], "index verify")],
)
def test_commands_are_found_in_any_case(given, meant, tmp_path):
    done = CliRunner().invoke(main, [*given, "-w", str(tmp_path / "none")])
    assert done.exit_code == 1, meant
    assert done.stderr.startswith("Error: no workspace in")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["serch"], "no command 'serch': did you mean 'search' or 'serve'?"),
        (
            ["index", "rolback"],
            "no command 'rolback': did you mean 'rollback'?",
        ),
    ],
)
def test_a_wrong_command_names_the_nearest(given, line):
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == f"Error: {line}"


def test_the_version_is_that_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert covers.__version__ == version
    assert CliRunner().invoke(main, ["--version"]).output == f"covers {version}\n"


def test_import_and_help_load_nothing_heavy():
    heavy = (
        "torch fastai timm pandas sklearn scipy faiss streamlit numpy pyarrow pydantic "
        "tomlkit rich PIL matplotlib umap hdbscan importlib.metadata"
    )
    code = (
        "import sys\nbefore = set(sys.modules)\nimport covers\n"
        f"print(sorted(set({heavy.split()}) & (set(sys.modules) - before)))\n"
        "print('click' in sys.modules)\n"
        "from covers.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print(sorted(set({heavy.split()}) & (set(sys.modules) - before)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, click_too, *_, last = done.stdout.splitlines()
    assert (first, click_too, last) == ("[]", "False", "[]")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_was_closed_takes_everything(tmp_path, closed):
    (tmp_path / "source/Rock").mkdir(parents=True)
    Image.new("RGB", (48, 48), "red").save(tmp_path / "source/Rock/a.png")
    command = f'exec "{sys.executable}" -m covers scan source -w ws {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / "ws/catalogue.parquet").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ["scan", ""],
        ["scan", "  "],
        ["run", ""],
        ["scan", "x", "-w", ""],
        ["status", "--workspace="],
        ["export", "csv", ""],
        ["index", "info", "-w", ""],
        ["model", "import", ""],
        ["audit", "--csv", ""],
    ],
)
def test_an_empty_name_is_never_the_current_folder(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "an empty name: is a variable not set?" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_empty_name_is_no_source_and_no_workspace_for_python_either(tmp_path):
    import covers

    with pytest.raises(covers.WrongValueError, match="root must be a path"):
        covers.open("")
    with pytest.raises(covers.WrongValueError, match="sources must be a path"):
        covers.create(tmp_path / "ws", [""])
    assert not (tmp_path / "ws").exists()
