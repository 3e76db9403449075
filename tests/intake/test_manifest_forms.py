"""Manifests as programs and people write them: what stands above, around and behind the cells."""

from __future__ import annotations

import pytest
from PIL import Image

from covers.intake.tables.manifest import read_manifest

PLAIN = "path,genre\n0.jpg,Rock\n1.jpg,Pop\n"
WANTED = {"0.jpg": ("Rock",), "1.jpg": ("Pop",)}


def read(tmp_path, text, name="m.csv"):
    for number in range(2):
        Image.new("RGB", (50, 50), (number * 90, 9, 9)).save(tmp_path / f"{number}.jpg")
    (tmp_path / name).write_text(text)
    return read_manifest(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        "sep=\\t\n" + PLAIN.replace(",", "\t"),
        "sep = ;\n" + PLAIN.replace(",", ";"),
        "sep=;\n" + PLAIN,
        "#" + PLAIN,
        "// of last year\n" + PLAIN,
        "; of last year\n\n" + PLAIN,
        "My covers,,\n\n" + PLAIN,
        "My covers\nsep=;\n" + PLAIN,
        PLAIN.replace("path,genre", "File-Name,Genre(s)"),
        PLAIN.replace("genre", "genre,"),
        PLAIN.replace("genre", "genre,,").replace("Pop", "Pop,"),
        'path, genre\n0.jpg, "Rock"\n"1.jpg" , "Pop"\n',
    ],
)
def test_a_table_is_read_whatever_stands_around_it(tmp_path, text):
    found = read(tmp_path, text)
    assert {c.file.path: c.labels.genres for c in found.candidates} == WANTED
    assert found.problems == []


@pytest.mark.parametrize("separator", ",;")
def test_a_table_that_ends_in_tsv_may_have_other_separators(tmp_path, separator):
    found = read(tmp_path, PLAIN.replace(",", separator), "m.tsv")
    assert {c.file.path: c.labels.genres for c in found.candidates} == WANTED


def test_a_quote_behind_a_blank_holds_separators_and_one_within_a_text_does_not(
    tmp_path,
):
    text = 'path,genre,title\n0.jpg,Rock, "One, Two"\n1.jpg,Pop, "Odd" Al\n'
    found = read(tmp_path, text)
    titles = [candidate.labels.extra["title"] for candidate in found.candidates]
    assert titles == ["One, Two", ' "Odd" Al']


def test_lines_keep_their_numbers_below_remarks(tmp_path):
    found = read(tmp_path, "My covers\n\n" + PLAIN + "2.jpg\n")
    assert [where for where, _, _ in found.problems] == ["line 6"]
