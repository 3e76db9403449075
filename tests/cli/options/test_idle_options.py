"""An option that acts only together with another is refused where the other is missing."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from covers.cli import main
from covers.workspace.settings import write_settings


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def place(tmp_path):
    """A workspace of settings alone, and covers of a demo drawn before."""
    write_settings(tmp_path, {"seed": 0})
    (tmp_path / "library").mkdir()
    (tmp_path / "library/manifest.csv").write_text("path,genres\n")
    (tmp_path / "model.pkl").touch()
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "review.csv").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("export csv PLACE/a.csv -k 3", "'-k' is for '--like QUERY'"),
        ("export csv PLACE/a.csv --device cpu", "'--device' is for '--like QUERY'"),
        (
            "export m3u PLACE/a.m3u8 --path A B -k 3 --device cpu",
            "'-k' and '--device' are for '--like QUERY'",
        ),
        ("scan --root PLACE", "'--root' is for SOURCES"),
        ("scan --kind music", "'--kind' is for SOURCES"),
        ("run --root PLACE", "'--root' is for SOURCES"),
        ("run --kind music", "'--kind' is for SOURCES"),
        ("run --ray-address a:1", "'--ray-address' is for '--engine ray'"),
        ("embed --ray-address a:1", "'--ray-address' is for '--engine ray'"),
        ("index build --weights a", "'--weights' is for '--embedder'"),
        ("index build --offline", "'--offline' is for '--embedder'"),
        (
            "index build --structure exact --build small",
            "'--prefer' is for '--structure auto'",
        ),
        (
            "index rebuild --structure exact --build small",
            "'--prefer' is for '--structure auto'",
        ),
        (
            "index build --embedder clip:ViT-B-32 --store int8",
            "'--store' is for the workspace's own index",
        ),
        (
            "index build --embedder clip:ViT-B-32 --dry-run --structure exact",
            "'--dry-run' and '--structure' are for the workspace's own index",
        ),
        ("index update --dry-run --scan", "'--scan' is for an update"),
        ("model import PLACE/model.pkl --replace", "'--replace' is for a whole model"),
        (
            "model import PLACE/model.safetensors --trust-pickle",
            "'--trust-pickle' is for a fastai export.pkl",
        ),
        ("audit --accept PLACE/review.csv --seed 1", "'--seed' is for an audit"),
        ("suggest --doubtful", "'--doubtful' is for what an audit found"),
        ("index verify --n-pictures 0 --seed 3", "'--seed' is for pictures"),
        ("demo --covers 300", "'--n-covers' is for drawing"),
    ],
)
def test_an_option_that_would_do_nothing_is_wrong_usage(command, message, place):
    words = [word.replace("PLACE", str(place)) for word in command.split()]
    result = run(*words, "-w", place)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())


def test_an_option_from_the_environment_stays_where_it_has_no_use(place, monkeypatch):
    monkeypatch.setenv("COVERS_DEVICE", "cpu")
    result = run("export", "csv", place / "a.csv", "-w", place)
    assert result.exit_code == 1  # nothing scanned yet
    assert "--device" not in result.stderr


@pytest.mark.parametrize("command", ["dashboard", "serve"])
def test_a_server_is_not_started_for_a_folder_that_is_no_workspace(command, tmp_path):
    result = run(command, "-w", tmp_path / "nope")
    assert result.exit_code == 1
    assert "no workspace in" in result.stderr
    assert len(result.stderr.splitlines()) == 1
