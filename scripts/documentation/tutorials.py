"""The tutorials: notebooks that run from nothing on drawn covers, and the pages made of them.

    python -m scripts.documentation.tutorials [NAME ...]

runs them, all by default, in one folder of their own and keeps what they show. The
site shows the notebooks as they lie in docs/tutorials.
"""

from __future__ import annotations

import base64
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.documentation.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = ROOT / "docs" / "tutorials"
LONGEST_CELL_S = 900
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_KEPT = ("image/png", "text/html", "text/plain")


def notebooks(names: Sequence[str] = ()) -> list[Path]:
    """Return the notebooks in order, or those that are named."""
    found = sorted(FOLDER.glob("*.ipynb"))
    return [path for path in found if not names or path.stem in names]


def run_notebook(path: Path, folder: Path) -> Any:
    """Run a notebook by a real kernel that starts in `folder`; return it with what it shows.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=LONGEST_CELL_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [tidy for one in cell.outputs if (tidy := _tidy(one))]
    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
    }
    return notebook


def _tidy(output: Any) -> Any:
    """Keep what a reader looks at: pictures and results, no warnings of other packages."""
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    output.metadata = {}
    output.data = {kind: output.data[kind] for kind in _KEPT if kind in output.data}
    return output


def make_pages(folder: Path) -> None:
    """Turn the notebooks of a copy of ``docs/tutorials`` into pages beside them."""
    import nbformat

    for path in sorted(folder.glob("*.ipynb")):
        text = page_of(nbformat.read(path, as_version=4), path.stem, folder)
        path.with_suffix(".md").write_text(text, encoding="utf-8")


def page_of(notebook: Any, name: str, folder: Path) -> str:
    """Return a notebook as Markdown; its pictures go into `folder`."""
    parts = []
    n_pictures = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                n_pictures += 1
                picture = f"{name}-{n_pictures}.png"
                (folder / picture).write_bytes(base64.b64decode(data["image/png"]))
                parts.append(f"![What the cell draws]({picture})")
            elif "text/html" in data:
                html = re.sub(
                    r"<style.*?</style>", "", str(data["text/html"]), flags=re.DOTALL
                )
                html = html.replace('<table border="1" class="dataframe">', "<table>")
                html = re.sub(r"\s*\n\s*", " ", html)
                parts.append(f'<div class="shown" markdown="0">{html}</div>')
            else:
                text = output.get("text") or data.get("text/plain", "")
                shown = _COLOURS.sub("", str(text)).rstrip()
                if shown:
                    parts.append(f"```text\n{shown}\n```")
    address = f"[this notebook]({name}.ipynb)"
    parts.append(f"*Run it yourself: {address}, in a folder of your own.*")
    return "\n\n".join(parts) + "\n"


def main(names: Sequence[str]) -> int:
    """Run notebooks and keep what they show."""
    import nbformat

    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    with tempfile.TemporaryDirectory() as folder:
        for path in notebooks(names):
            print(f"running {path.name}", file=sys.stderr)
            nbformat.write(run_notebook(path, Path(folder)), path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
