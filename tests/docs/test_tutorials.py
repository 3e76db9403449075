"""The tutorials run from nothing, show pictures, and say what changes with one's own covers."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.documentation.tutorials import make_pages, notebooks, run_notebook

NAMES = [path.stem for path in notebooks()]


def is_picture(output):
    """Whether an output shows a picture: drawn, or covers beside each other."""
    data = output.get("data", {})
    return "image/png" in data or "data:image/jpeg" in "".join(
        data.get("text/html", "")
    )


def drawings_not_shown(notebook):
    """Return the cells that draw something and show no picture."""
    draws = re.compile(r"\.plot\(|plt\.show|^page$|\.picture$|^sheet\(", re.MULTILINE)
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and draws.search(cell.source)
        if not any(map(is_picture, cell.outputs))
    ]


def test_there_are_five_in_order():
    assert len(NAMES) == 5
    assert sorted(NAMES) == NAMES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all: what one made, the next finds fresh."""
    return tmp_path_factory.mktemp("tutorials")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_from_nothing_and_shows_pictures(name, folder):
    (path,) = notebooks([name])
    notebook = run_notebook(path, folder)
    shown = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert any(map(is_picture, shown))
    assert drawings_not_shown(notebook) == []


@pytest.mark.parametrize("name", NAMES)
def test_it_is_kept_with_what_it_shows_and_speaks_of_own_covers(name):
    import nbformat

    (path,) = notebooks([name])
    assert path.stat().st_size < 1_500_000
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert "## With your own covers" in text
    assert drawings_not_shown(notebook) == []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert any(is_picture(output) for cell in code for output in cell.outputs)
    assert not any(o.output_type == "error" for cell in code for o in cell.outputs)
    assert str(path.parents[2]) not in path.read_text(encoding="utf-8")


def test_pages_are_made_of_them(tmp_path):
    import shutil

    for path in notebooks():
        shutil.copy(path, tmp_path)
    make_pages(tmp_path)
    for name in NAMES:
        text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        assert text.startswith("# ")
        assert "import covers" in text
        drawn = re.findall(r"\!\[What the cell draws\]\((.+?)\)", text)
        assert drawn or "data:image/jpeg" in text
        assert all((tmp_path / picture).is_file() for picture in drawn)
