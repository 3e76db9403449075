"""What a person reads: hints that can be obeyed as they stand, tables of 80 columns."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from covers.cli import main
from covers.cli.cluster import _print_clusters
from covers.cli.evaluate import print_evaluation
from covers.cli.options.shared import common_options
from covers.cli.overlap import _print_overlap
from covers.cli.terminal.border import ExplainingGroup
from covers.cli.terminal.speech import tell
from covers.cluster.stage import read as read_clusters
from covers.errors import DataError, ModelError
from covers.evaluate.stage import read as read_evaluation
from covers.model import pixels
from covers.model.network.architectures import (
    _REGISTERED,
    _sources,
    refuse_unknown_architecture,
)
from covers.overlap.stage import read as read_overlap
from covers.workspace.paths import Workspace

FIXTURE = Path(__file__).parents[1] / "fixtures" / "version-0.1.zip"


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def workspace(tmp_path):
    with zipfile.ZipFile(FIXTURE) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "workspace"


@click.group(cls=ExplainingGroup)
def top():
    pass


@top.command("fail")
@common_options
def fail(workspace, as_json):
    tell("see 'covers genres', not 'covers scan -w other'")
    message = f"nothing there: run 'covers train --epochs 0' or 'covers index rebuild' {as_json}"
    raise DataError(message)


@pytest.mark.parametrize(
    ("given", "suffix"),
    [
        ([], ""),
        (["-w", "covers-workspace"], ""),
        (["-w", "music"], " -w music"),
        (["-w", "../my music"], ' -w "../my music"'),
    ],
)
def test_a_hint_names_the_workspace_as_it_was_given(given, suffix):
    done = CliRunner().invoke(top, ["fail", *given])
    note, error = done.stderr.splitlines()
    assert note == f"see 'covers genres{suffix}', not 'covers scan -w other'"
    assert error == (
        f"Error: nothing there: run 'covers train --epochs 0{suffix}' "
        f"or 'covers index rebuild{suffix}' False"
    )


def test_a_workspace_from_the_environment_is_named_too(monkeypatch):
    monkeypatch.setenv("COVERS_WORKSPACE", "elsewhere")
    done = CliRunner().invoke(top, ["fail"])
    assert "'covers index rebuild -w elsewhere'" in done.stderr


@pytest.mark.parametrize(
    "command",
    ["status", "scan", "genres", "index info", "model info", "path Jazz Folk -k 40"],
)
def test_what_is_printed_fits_80_columns(workspace, command, monkeypatch):
    monkeypatch.chdir(workspace.parent)  # paths are not broken, however long
    done = run(*command.split(), "-w", workspace.name)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80, max(lines, key=len)


@pytest.mark.parametrize(
    ("command", "header"),
    [
        ("status", "artefact    state    what is known of it"),
        ("scan", "genre       covers  held out"),
        ("genres", "name        in       covers  genre"),
        ("path Jazz Folk -k 40", "similarity  id        genres  cover"),
    ],
)
def test_tables_have_a_header(workspace, command, header):
    done = run(*command.split(), "-w", workspace)
    assert header in [line.strip() for line in done.stdout.splitlines()]


def test_path_shows_what_a_cover_is(workspace):
    done = run("path", "Jazz", "Folk", "-k", 40, "-w", workspace)
    steps = json.loads(
        run("path", "Jazz", "Folk", "-k", 40, "-w", workspace, "--json").stdout
    )["steps"]
    rows = done.stdout.splitlines()[1:]
    assert len(rows) == len(steps) >= 2
    for row, step in zip(rows, steps, strict=True):
        title = " · ".join(filter(None, (step["artist"], step["album"])))
        assert (title or step["path"])[:20] in row


LONG = "Experimental Post-Progressive Chamber Hop[/red] Music"


def printed(show, document, capsys):
    show(document)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    return text


def with_long_genre(found):
    """Return a result in which one genre is called something long and odd."""
    text = json.dumps(found.to_json())
    return type(found).from_json(json.loads(text.replace("Jazz", LONG)))


def test_pairs_of_long_genres_fit_and_markup_is_text(workspace, capsys):
    found = with_long_genre(read_overlap(Workspace(workspace)))
    text = printed(_print_overlap, found, capsys)
    assert text.splitlines()[0].split()[:2] == ["genres", "overlap"]
    assert "Experimental Post-Prog" in text


def test_clusters_of_long_genres_fit(workspace, capsys):
    found = with_long_genre(read_clusters(Workspace(workspace)))
    assert found.ranked(), "nothing to print"
    text = printed(_print_clusters, found, capsys)
    assert text.splitlines()[0].split()[:3] == ["id", "n", "stability"]


def test_the_evaluation_fits(workspace, capsys):
    found = read_evaluation(Workspace(workspace))
    text = printed(print_evaluation, found, capsys)
    assert text.splitlines()[1].split()[:2] == ["method", "accuracy"]
    for sentence in found.conclusions:
        assert " ".join(sentence.split()) in " ".join(text.split())


def test_a_wrong_architecture_is_told_before_torch_is_loaded(workspace, monkeypatch):
    import builtins

    real = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] in {"torch", "torchvision", "timm", "fastai"}:
            raise AssertionError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    before = (workspace / "covers.toml").read_text()
    for command in ("train", "run"):
        done = run(command, "--arch", "resnet81", "-w", workspace)
        assert done.exit_code == 1, done.output
        assert done.stderr.startswith(
            "Error: no architecture 'resnet81': did you mean 'resnet18' or"
        )
        near = done.stderr.split("did you mean ")[1].split("?")[0].split(" or ")
        assert len(near) == len(set(near))
    done = run("train", "--weights", "absent.pth", "-w", workspace)
    assert done.stderr.startswith("Error: no weights in 'absent.pth'")
    assert (workspace / "covers.toml").read_text() == before


def test_no_architecture_that_the_libraries_know_is_refused():
    import timm

    from covers.model.network.vision import import_torchvision

    models = import_torchvision().models
    names = {*models.list_models(module=models), *timm.list_models()}
    assert names <= set(_REGISTERED.findall(_sources())), "suggested names"
    for name in (
        "timm:test_resnet",
        "tf_efficientnet_lite0.in1k",
        *sorted(names)[::50],
    ):
        refuse_unknown_architecture(name)


def test_choices_are_matched_in_any_case_and_a_wrong_one_is_told_the_nearest(workspace):
    wrong = run("overlap", "--by", "yer", "-w", workspace)
    assert wrong.exit_code == 2
    assert "Did you mean 'year'?" in wrong.stderr
    assert run("genres", "--level", "FINE", "-w", workspace).exit_code == 0
    for family in ("squeezenet", "resnetx", "mobilenet"):
        with pytest.raises(ModelError, match="did you mean"):
            refuse_unknown_architecture(family)


def test_a_source_that_is_gone_is_named_by_status_scan_and_verify(workspace):
    shutil.move(workspace.parent / "covers", workspace.parent / "away")
    assert "'../covers', not there today" in run("status", "-w", workspace).stdout
    told = json.loads(run("status", "-w", workspace, "--json").stdout)
    assert told["missing_sources"] == ["covers"]
    scanned = run("scan", "-w", workspace)
    assert "note: source 'covers' is not there today" in scanned.stderr
    verified = run("index", "verify", "--sample", 0, "-w", workspace)
    assert "note: source 'covers' is not there today" in verified.stderr


def test_a_training_without_its_source_names_it(painted_workspace):
    shutil.move(painted_workspace.root.parent / "covers", painted_workspace.root / "x")
    given = ["--arch", "timm:test_resnet", "--weights", "none", "--image-size", "32"]
    done = run("train", *given, "--device", "cpu", "-w", painted_workspace.root)
    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: source 'covers' ('../covers') is not there today")
    assert "bring it back" in last


def test_too_little_room_for_decoded_covers_names_the_reserve(
    painted_workspace, monkeypatch
):
    class Usage:
        free = 200 * 2**20

    monkeypatch.setattr(pixels.shutil, "disk_usage", lambda _: Usage)
    given = ["--arch", "timm:test_resnet", "--weights", "none", "--image-size", "32"]
    done = run("train", *given, "--device", "cpu", "-w", painted_workspace.root)
    assert done.exit_code == 1
    assert "decoded covers need 1 MiB in" in done.stderr
    assert "256 MiB are left to other programs" in done.stderr
    assert "only 200 MiB are free" in done.stderr


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (
            "audit --no-music --csv review.csv",
            'covers audit -w "my music" --accept review.csv',
        ),
        ("scan", "'covers scan SOURCE -w \"my music\"'"),
    ],
)
def test_a_hint_of_a_folder_with_blanks_can_be_typed(
    workspace, command, hint, monkeypatch
):
    monkeypatch.chdir(workspace.parent)
    workspace.rename("my music")
    if command == "scan":
        (workspace.parent / "my music" / "covers.toml").write_text("")
    done = run(*command.split(), "-w", "my music")
    assert hint in done.output


def test_a_file_that_is_no_model_is_not_repaired_by_training_another_workspace(
    workspace, tmp_path
):
    for name, content in {"a": b"text", "b": bytes(range(200)), "c": b""}.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        done = run("model", "import", path, "-w", workspace)
        assert done.exit_code == 1
        assert "or none that 'covers model export" in done.stderr
        assert "covers train" not in done.stderr


@pytest.mark.parametrize("command", ["build", "rebuild"])
@pytest.mark.parametrize("key", ["nope", "IVF0"])
def test_a_structure_that_cannot_be_built_is_one_line(trained_workspace, command, key):
    done = run("index", command, "--structure", key, "-w", trained_workspace.root)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert f"FAISS cannot build structure '{key}'" in done.stderr


def test_what_is_no_number_is_in_no_range(workspace):
    done = run("evaluate", "--level", "nan", "-w", workspace)
    assert done.exit_code == 2
    assert "'nan' is not a valid float range" in done.stderr
