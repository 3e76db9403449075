"""``covers audit``: what it prints and writes, and what it refuses."""

import io
import json

import pytest
from click.testing import CliRunner

from covers.audit.page import write_page
from covers.audit.stage import run as audit_workspace
from covers.cli import main


def run(*arguments):
    return CliRunner().invoke(main, ["audit", *map(str, arguments)])


def test_the_command_prints_json_that_others_rely_on(workspace):
    result = run("-w", workspace.root, "--json")
    assert result.exit_code == 0
    payload = json.loads(result.stdout)
    assert payload["counts"]["several_genres"] == 2
    first = payload["findings"][0]
    assert set(first) >= {"kind", "cover_ids", "paths", "confidence", "reason"}
    assert sum(payload["counts"].values()) == len(payload["findings"])


def test_the_page_goes_beside_the_other_results_when_no_file_is_named(workspace):
    result = run("-w", workspace.root, "--html", "--json")
    assert result.exit_code == 0
    assert "counts" in json.loads(result.stdout)
    page = workspace.analysis_folder / "audit.html"
    assert page.stat().st_size > 10_000
    assert str(page) in result.stderr


def test_the_command_prints_a_summary_and_writes_page_and_table(workspace, tmp_path):
    result = run(
        "-w", workspace.root, "--html", tmp_path / "a.html", "--csv", tmp_path / "a.csv"
    )
    assert result.exit_code == 0
    assert "near duplicate: 2" in result.stdout
    assert (
        "not looked for: label error, outlier (there are no embeddings yet"
        in result.stdout
    )
    assert "--accept" in result.stderr
    assert (tmp_path / "a.html").stat().st_size > 10_000
    assert (
        (tmp_path / "a.csv")
        .read_text(encoding="utf-8")
        .startswith("finding,kind,cover_id,path,")
    )


def test_an_audit_without_a_workspace_names_the_command(tmp_path):
    result = run("-w", tmp_path / "nothing")
    assert result.exit_code == 1
    assert "covers scan SOURCE" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--accept", "FILE", "--revert", "all"], "just one of --accept and --revert"),
        (["--revert", "all", "--html", "x.html"], "'--html' is for an audit"),
        (
            ["--accept", "FILE", "--label-share", "0.1"],
            "'--label-share' is for an audit",
        ),
        (
            ["--accept", "FILE", "--no-music", "--seed", "1"],
            "'--no-music' and '--seed' are for an audit",
        ),
    ],
)
def test_options_that_exclude_each_other_are_named(
    options, message, workspace, tmp_path
):
    (tmp_path / "f.csv").touch()
    named = [
        str(tmp_path / "f.csv") if option == "FILE" else option for option in options
    ]
    result = run("-w", workspace.root, *named)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_page_that_cannot_be_written_is_explained(workspace, tmp_path):
    (tmp_path / "file").touch()
    result = run("-w", workspace.root, "--html", tmp_path / "file" / "a.html")
    assert result.exit_code == 1
    assert "a.html' cannot be written: '" in result.stderr
    assert "is a file, name another path" in result.stderr


def test_a_damaged_thumbnail_leaves_a_gap(workspace, tmp_path):
    audit = audit_workspace(workspace)
    for finding in audit.findings:
        for cover_id in finding.cover_ids:
            workspace.thumbnail_path(cover_id).write_bytes(b"RIFF")
    write_page(tmp_path / "audit.html", audit, workspace)
    page = io.StringIO((tmp_path / "audit.html").read_text(encoding="utf-8"))
    assert "no thumbnail" in page.getvalue()
