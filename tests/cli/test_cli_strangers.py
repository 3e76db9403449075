"""Names from strangers reach a terminal as text: no escape, no markup, no traceback."""

from __future__ import annotations

import io
import json

import pytest
from click.testing import CliRunner
from PIL import Image
from rich.table import Table

from covers.cli import main
from covers.cli.overlap import _print_overlap
from covers.cli.terminal.console import SafeConsole
from covers.overlap.result import Overlap
from indexer.terminal import safe_streams

HOSTILE = [
    "[red]Hop[bold]",
    "[bold]Jazz",
    "\x1b[31mRed\x1b[0m",
    "a\u202ekcor",
    "Rock\nError: gone",
    ":smile: Pop",
    "ロック",
]


@pytest.fixture
def library(tmp_path):
    for i, genre in enumerate(HOSTILE * 2):
        path = tmp_path / "source" / genre / f"{i}\x1b]0;title\x07\n.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (48, 48), (i * 15, 90, 200 - i * 9))
        image.putpixel((i, 5), (255, 255, 255))
        image.save(path)
    (tmp_path / "source" / "Pop" / "x").mkdir(parents=True)
    (tmp_path / "source" / "Pop" / "x\x1b[2J.jpg").write_bytes(b"bad")
    return tmp_path


def run(library, *arguments, charset="utf-8"):
    runner = CliRunner(charset=charset)
    done = runner.invoke(main, [*map(str, arguments), "-w", str(library / "ws")])
    assert done.exception is None or isinstance(done.exception, SystemExit), done
    return done


def assert_plain(text):
    assert not set(text) & {"\x1b", "\x07", "\u202e", "\r"}
    assert not any(line.startswith("Error: gone") for line in text.splitlines())


@pytest.mark.parametrize("charset", ["utf-8", "cp1252", "ascii"])
def test_commands_print_names_of_strangers_as_text(library, charset):
    def steps():
        yield run(library, "scan", library / "source", charset=charset)
        for command in ("genres", "status", "audit"):
            yield run(library, command, charset=charset)

    printed = ""
    for done in steps():
        assert done.exit_code == 0, done.output
        assert_plain(done.output)
        printed += done.output
    assert "[red]Hop[bold]" in printed
    assert "\\u001b[31mRed" in printed
    assert ":smile: Pop" in printed
    assert ("ロック" if charset == "utf-8" else "\\u30ed") in printed


@pytest.mark.parametrize("charset", ["utf-8", "ascii"])
def test_json_is_the_same_in_every_encoding(library, charset):
    run(library, "scan", library / "source")
    done = run(library, "genres", "--json", charset=charset)
    assert "\x1b" not in done.stdout
    names = {name["name"] for name in json.loads(done.stdout)["names"]}
    assert {"ロック", "\x1b[31mRed\x1b[0m", "a\u202ekcor", "Rock Error: gone"} <= names


def test_errors_name_what_was_given_in_one_line(library):
    done = run(library, "scan", library / "no\x1b[31m\nsource")
    assert done.exit_code == 1
    assert_plain(done.output)
    assert len(done.stderr.splitlines()) == 1
    done = run(library, "scan", "--level", "x\x1b[2J\ny")
    assert done.exit_code == 2
    assert_plain(done.output)


def test_tables_interpret_no_markup(capsys):
    pair = {
        "a": "Hop[/red]",
        "b": "\x1b[31mJazz",
        "overlap": 0.5,
        "overlap_ci95": [0.4, 0.6],
        "lift_ab": 1.0,
        "lift_ab_ci95": [0.8, 1.2],
        "lift_ba": 1.0,
        "lift_ba_ci95": [0.8, 1.2],
        "p": 0.01,
        "q": 0.01,
        "n_a": 10,
        "n_b": 10,
    }
    found = {
        "pairs": [pair],
        "genres": ["Hop[/red]", "Jazz"],
        "effective_genres": 1.5,
        "effective_genres_ci95": [1.2, 1.8],
        "covers": "all",
        "n_covers": 20,
        "n_groups": 20,
        "grouped_by": "artist",
        "k": 10,
        "notes": ["[/x] note \x1b[0m"],
    }
    decade = {**found, "n_covers": 3, "effective_genres": 1.0}
    with safe_streams():
        _print_overlap(Overlap.from_json({**found, "parts": {"[/1970s]": decade}}))
    printed = capsys.readouterr().out
    assert "Hop[/red] - \\u001b[31mJa" in printed
    assert "note: [/x] note" in printed
    assert "\x1b" not in printed
    assert "[/1970s]: 3 covers" in printed


def test_a_console_on_a_terminal_keeps_its_own_colours_only():
    out = io.StringIO()
    console = SafeConsole(
        file=out, force_terminal=True, width=80, color_system="standard"
    )
    table = Table(title="[red]t\x1b[2J", header_style="bold")
    table.add_column("\x1b[5mx")
    table.add_row("\u202ey[/]")
    console.print(table)
    console.print("\x9b[green]plain", style="red")
    assert "\x1b[1m" in out.getvalue()  # the header is bold
    for stranger in ("\x1b[2J", "\x1b[5m", "\u202e", "\x9b"):
        assert stranger not in out.getvalue()
    assert "[green]plain" in out.getvalue()
