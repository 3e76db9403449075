"""All figures of the overlap that can be put on a slide, as SVG and PNG.

Every figure says its n and how to read it; a genre has its colour of
`covers.render.palette` everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.overlap.figures.graph import draw_graph
from covers.overlap.figures.matrix import draw_matrix
from covers.overlap.figures.tree import draw_tree
from covers.overlap.figures.trends import draw_trends
from covers.overlap.measured import Measured
from covers.render.frame import Thumbnails
from covers.workspace.read_artefacts import read_document, typed
from covers.workspace.registry import OVERLAP_DOCUMENT

if TYPE_CHECKING:
    from pathlib import Path

    from covers.workspace.paths import Workspace


def draw_overlap_figures(workspace: Workspace) -> list[Path]:
    """Draw matrix, tree and, where there is something to show, graph and trends of ``overlap.json``.

    They go into ``analysis/figures``.

    Returns
    -------
    list of Path
        The SVG files; a PNG lies beside each. Empty for fewer than two genres.

    Raises
    ------
    DataError
        If there is no ``overlap.json``.
    """
    content = read_document(workspace, OVERLAP_DOCUMENT)
    found = typed(Measured, content, workspace, OVERLAP_DOCUMENT)
    if len(found.genres) < 2:
        return []
    thumbnails = Thumbnails(workspace)
    frames = {
        "overlap-matrix": draw_matrix(found),
        "overlap-graph": draw_graph(found),
        "overlap-tree": draw_tree(found, thumbnails),
        "overlap-trends": draw_trends(found),
    }
    folder = workspace.analysis_folder / "figures"
    return [
        frame.save(folder / name) for name, frame in frames.items() if frame is not None
    ]
