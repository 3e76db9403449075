"""What a new user sees in a notebook, run by a real kernel."""

import base64
import io
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.documentation.examples import make_surroundings

FIVE_LINES = """\
import covers

library = covers.open("music")
hits = library.search("sleeve.jpg", k=5)
hits
"""


def run_cells(folder, *cells):
    """Run cells in a kernel that starts in `folder`; return what each shows."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(text) for text in cells]
    )
    client = NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return [cell["outputs"] for cell in notebook.cells]


@pytest.fixture
def folder(tmp_path):
    """What the pages of the documentation find: a workspace, and a picture."""
    make_surroundings(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_five_lines_show_the_thumbnails_of_neighbours(folder):
    [outputs] = run_cells(folder, FIVE_LINES)
    [shown] = [o for o in outputs if o["output_type"] == "execute_result"]
    assert set(shown["data"]) >= {"text/plain", "text/html"}
    pictures = re.findall(
        r'src="data:image/jpeg;base64,([^"]+)"', shown["data"]["text/html"]
    )
    assert len(pictures) == 5
    for picture in pictures:
        Image.open(io.BytesIO(base64.b64decode(picture))).load()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_classification_shows_its_voters_and_a_frame_is_a_frame(folder):
    answer, frame, several, evaluation, covers_map = run_cells(
        folder,
        "import covers\nlibrary = covers.open('music')\nlibrary.classify(['sleeve.jpg'])[0]",
        "library.search('sleeve.jpg', k=3).to_frame()",
        "library.classify(['sleeve.jpg', 'a.jpg'])",
        "library.evaluate()",
        "library.map()",
    )
    for outputs, holds in (
        (several, "data:image/jpeg;base64"),
        (evaluation, "<table>"),
        (covers_map, "data:image/png;base64"),
    ):
        [shown] = [o for o in outputs if o["output_type"] == "execute_result"]
        assert holds in shown["data"]["text/html"]
        assert shown["data"]["text/plain"].strip()
    [shown] = [o for o in answer if o["output_type"] == "execute_result"]
    assert "data:image/jpeg;base64" in shown["data"]["text/html"]
    [table] = [o for o in frame if o["output_type"] == "execute_result"]
    assert table["data"]["text/html"].count("<tr") == 4
