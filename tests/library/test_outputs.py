"""What is written to a given path is named as what it is, and lies in a folder."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from PIL import Image

import covers
from covers.cli import main


@pytest.fixture(scope="module")
def library(drawn_once):
    return covers.open(drawn_once / "workspace")


@pytest.fixture(scope="module")
def explained(library):
    return library.explain(library.catalogue.cover_ids[0])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("where.txt", r"where.txt' shall be named with .png, .jpg, .jpeg or .webp"),
        ("where", r"such as '.*where.png'"),
        ("folder", r"folder' is a folder: name a file, such as '.*folder/out.png'"),
        ("file/where.png", r"file' is a file"),
    ],
)
def test_a_wrong_name_is_told_a_right_one(library, explained, tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    path = tmp_path / name
    with pytest.raises(covers.DataError, match=message):
        explained.save(path)
    root = str(library.workspace.root)
    for command, ending in (
        (["explain", explained.answer.cover_id, "-o"], ".png"),
        (["audit", "--csv"], ".csv"),
        (["audit", "--html"], ".html"),
        (["suggest", "-o"], ".csv"),
    ):
        given = str(path).replace(".png", ending)
        done = CliRunner().invoke(main, [*command, given, "-w", root])
        assert done.exit_code in (1, 2)  # click refuses folders itself
        assert len(done.stderr.splitlines()[-1]) < 400
        assert name.partition(".")[0] in done.stderr
    assert not list(tmp_path.glob("where*"))


@pytest.mark.parametrize("ending", [".png", ".JPG", ".webp"])
def test_a_picture_is_what_its_name_says(explained, tmp_path, ending):
    path = explained.save(str(tmp_path / f"where{ending}"))
    with Image.open(path) as picture:
        assert picture.format in {"PNG", "JPEG", "WEBP"}
        assert picture.format[:2] == ending[1:3].upper().replace("WE", "WE")
