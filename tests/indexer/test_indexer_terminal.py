"""Nothing that steers a terminal passes, and no encoding ends a command."""

from __future__ import annotations

import io
import json
import logging
import sys
import unicodedata

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from indexer.cli import main
from indexer.terminal import SafeStream, escape, one_line, raw_stream, safe_streams

STEERING = ["\x1b[2J", "\x1b]0;x\x07", "\x9b31m", "\r", "\b", "\x7f", "\x00", "\x85"]
TURNING = ["\u202e", "\u2066", "\u200f", "\u061c", "\u2028", "\ufeff", "\U000e0041"]


def is_unsafe(character):
    kept = "\n\t\u200c\u200d\u00ad"
    return character not in kept and (
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(character)
        in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        or character in "\u200e\u200f\u061c"
    )


@pytest.mark.parametrize("text", STEERING + TURNING)
def test_what_steers_a_terminal_is_shown_as_an_escape(text):
    shown = escape(f"a{text}b")
    assert shown.isprintable()
    assert shown != f"a{text}b"
    assert json.loads(f'"{shown}"') == f"a{text}b"


@pytest.mark.parametrize(
    "text", ["Motörhead\n", "a\tb", "गीत", "👩‍🚀", "ไทย", "می‌خواهم"]
)
def test_names_of_all_scripts_are_left_alone(text):
    assert escape(text) == text


@given(st.text())
def test_no_text_keeps_a_control_character_or_a_direction_mark(text):
    assert not any(map(is_unsafe, escape(text)))
    line = one_line(text)
    assert not any(map(is_unsafe, line))
    assert len(line.splitlines()) <= 1


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8", "cp932"])
@given(text=st.text())
def test_no_encoding_refuses_a_text(encoding, text):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    SafeStream(stream).write(text)
    raw_stream(stream).write(text.encode("utf-8", "replace").decode())
    stream.flush()


def test_signs_of_the_program_have_others_where_an_encoding_lacks_them():
    buffer = io.BytesIO()
    stream = SafeStream(io.TextIOWrapper(buffer, encoding="cp1252"))
    print("✓ fresh → ロ …", file=stream, flush=True)
    assert buffer.getvalue().decode("cp1252").strip() == "+ fresh -> \\u30ed …"


def test_prints_logs_and_warnings_go_through_the_safe_streams():
    out, err = io.StringIO(), io.StringIO()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        with safe_streams():
            sys.stdout.write("a\x1b[31mb\n")
            logging.getLogger("x").warning("c\x1b[31md")
            sys.stderr.writelines(["e\x07f"])
        assert (sys.stdout, sys.stderr) == (out, err)
    finally:
        sys.stdout, sys.stderr = before
    assert out.getvalue() == "a\\u001b[31mb\n"
    assert "\x1b" not in err.getvalue() + out.getvalue()
    assert "e\\u0007f" in err.getvalue()


def test_an_error_of_the_index_is_one_line_whatever_it_names(tmp_path):
    folder = tmp_path / "in\x1b[31mdex\nError: all is lost"
    done = CliRunner().invoke(main, ["info", str(folder)])
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr
