"""A line of a table is a row or is named; what is written is never run."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covers.workspace.disk.text_encodings import decode_text
from covers.workspace.disk.text_tables import (
    csv_text,
    read_text_table,
    restore_cell,
)


def names_a_picture(_header, cells):
    return cells[0].endswith(".jpg")


def read(text, **options):
    return read_text_table(text, is_row=names_a_picture, **options)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("named", ["sep=;", '"sep=;"', "SEP=;", "sep=;;;"])
def test_a_first_line_that_names_the_separator_is_no_header(named, end):
    text = end.join(["\ufeff" + named, "path;genre", "0.jpg;Rock, Pop", "1.jpg;Jazz"])
    table = read(text)
    assert table.header == ["path", "genre"]
    assert table.rows == [["0.jpg", "Rock, Pop"], ["1.jpg", "Jazz"]]
    assert table.lines == [3, 4]


def test_the_separator_named_first_may_be_any_character():
    assert read("sep=|\npath|genre\n0.jpg|Rock;Pop\n").rows == [["0.jpg", "Rock;Pop"]]
    assert read("sep=,\npath;x,genre\n0.jpg,Rock\n").header == ["path;x", "genre"]
    for separator in "\t|^:":
        lines = [f"sep={separator}", f"path{separator}genre", f"0.jpg{separator}Rock"]
        assert read("\r\n".join(lines)).rows == [["0.jpg", "Rock"]]


def test_a_bar_separates_too_and_empty_lines_above_the_header_do_not_count():
    table = read("\n \r\npath|genre\n\n0.jpg|Rock\n")
    assert (table.header, table.rows, table.lines) == (
        ["path", "genre"],
        [["0.jpg", "Rock"]],
        [5],
    )
    assert read("\nsep=;\n\npath;genre\n0.jpg;Rock\n").lines == [5]
    assert read("\n\n").rows == []


def test_the_separator_is_not_looked_for_within_quotes():
    table = read('path;"one, two, three"\n0.jpg;x\n')
    assert table.header == ["path", "one, two, three"]


@pytest.mark.parametrize(
    ("lines", "rows", "damaged"),
    [
        # never closed
        (
            ["0.jpg,Rock", '1.jpg,"Pop', "2.jpg,Jazz", "3.jpg,Metal"],
            ["0.jpg", "2.jpg", "3.jpg"],
            [3],
        ),
        # closed by the next one that was forgotten, with and without text behind it
        (['1.jpg,"Pop', "2.jpg,Jazz", '3.jpg,"Metal'], ["2.jpg"], [2, 4]),
        (['1.jpg,"Pop', "2.jpg,Jazz", '3.jpg,Metal"'], ["2.jpg", "3.jpg"], [2]),
        # closed within its line, but not at the end of the cell
        (['1.jpg,"Pop" Art', "2.jpg,Jazz"], ["2.jpg"], [2]),
        (['"1.jpg,Pop', '2.jpg",Jazz', "3.jpg,x"], ["3.jpg"], [2]),
        # in the last line, and as the last character
        (["1.jpg,Pop", '2.jpg,"'], ["1.jpg"], [3]),
    ],
)
def test_a_stray_quote_eats_no_row_and_its_line_is_named(lines, rows, damaged):
    table = read("\n".join(["path,genre", *lines, ""]))
    found = [row[0] for row in table.rows if row[0].endswith(".jpg")]
    assert [number for number, _ in table.damaged][: len(damaged)] == damaged
    assert set(rows) <= set(found)
    assert "a quote opens or closes here" in table.damaged[0][1]


def test_cells_may_hold_line_breaks_and_later_lines_keep_their_numbers():
    text = 'path,note\n0.jpg,"one\ntwo, ""three"""\n1.jpg\n2.jpg,x\n'
    table = read(text)
    assert table.rows == [["0.jpg", 'one\ntwo, "three"'], ["2.jpg", "x"]]
    assert table.lines == [2, 5]
    assert table.damaged == [(4, "1 columns instead of 2: '1.jpg'")]


def test_a_quote_in_the_middle_of_a_cell_is_a_quote():
    assert read('path,size\n0.jpg,12" LP\n').rows == [["0.jpg", '12" LP']]


def test_empty_cells_at_the_end_of_a_line_do_no_harm():
    text = "path,genre\n0.jpg,Rock,,\n,,\n\n1.jpg,Pop\n"
    assert read(text).rows == [["0.jpg", "Rock"], ["1.jpg", "Pop"]]
    assert read("path,a,b\n0.jpg,x\n", pads=True).rows == [["0.jpg", "x", ""]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("length", [2**16 - 9, 2**20 - 9, 2**20, 3 * 10**6])
def test_long_cells_and_line_ends_at_any_position_arrive(length, end):
    cells = ["x" * length, "y" * 7]
    text = end.join(["path,note", f"0.jpg,{cells[0]}", f'1.jpg,"{cells[1]}"', ""])
    assert [row[1] for row in read(text).rows] == cells


CELL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"))


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8))
def test_what_python_writes_is_read_cell_for_cell(rows):
    rows = [("k" + first, *rest) for first, *rest in rows]  # no empty row
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *rows])
    table = read_text_table(out.getvalue(), is_row=lambda *_: False)
    assert [tuple(row) for row in table.rows] == rows
    assert not table.damaged


LINE = st.text(st.sampled_from('ab",; \t.jpg'), min_size=1).filter(str.strip)


@given(st.lists(LINE, max_size=12))
def test_no_line_vanishes(lines):
    table = read("\n".join(["path,genre", *lines]))
    told = {number for number, _ in table.damaged} | set(table.lines)
    for number, line in enumerate(lines, start=2):
        inside = any(
            begun < number <= begun + "".join(row).count("\n")
            for begun, row in zip(table.lines, table.rows, strict=True)
        )
        is_blank = not line.replace(",", "").replace('"', "").strip()
        assert number in told or inside or is_blank


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"],  # noqa: RUF001
)
def test_what_a_spreadsheet_would_run_is_made_text_and_can_be_restored(text):
    [header, row] = list(
        csv.reader(io.StringIO(csv_text([text], [[text]]), newline=""))
    )
    assert header == row == [f"'{text}"]
    assert restore_cell(row[0]) == text


def test_numbers_and_names_are_written_as_they_are():
    cells = ["-0.5", -0.5, "+49", "1e-5", "'Round Midnight", "A=B", "", None, 7]
    [_, row] = list(csv.reader(io.StringIO(csv_text(["x"] * 9, [cells]))))
    assert row == ["-0.5", "-0.5", "+49", "1e-5", "'Round Midnight", "A=B", "", "", "7"]
    assert restore_cell("'Round Midnight") == "'Round Midnight"


def test_text_is_decoded_as_it_was_meant():
    for encoding in (
        *("utf-8", "utf-8-sig", "cp1252"),
        *("utf-16", "utf-16-le", "utf-16-be"),  # with a mark and without
    ):
        assert decode_text("Motörhead".encode(encoding)) == "Motörhead"
