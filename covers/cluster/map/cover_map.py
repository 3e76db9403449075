"""All covers in two dimensions, as the front door hands them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import MissingExtraError
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import MAP_TABLE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from covers.workspace.paths import Workspace


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CoverMap(ReadOnly):
    """All covers in two dimensions: those that look alike lie near each other.

    Distances between far groups mean little; see the documents on clusters.

    Parameters
    ----------
    cover_ids : tuple of str, length n_covers
    positions : ndarray of float32, shape (n_covers, 2)
    placed : ndarray of bool, shape (n_covers,)
        Which were put onto the map after it was made.
    trustworthiness : float
        Share of neighbours on the map that are neighbours in truth, in [0, 1].
    seed : int or None
        What it was laid out from.
    is_laid_out_anew : bool
        Whether it was just now, so that no cover is where it was before.

    Examples
    --------
    >>> found = library.map()
    >>> found.positions.shape
    (120, 2)
    """

    cover_ids: tuple[str, ...]
    positions: npt.NDArray[np.float32]
    placed: npt.NDArray[np.bool_]
    trustworthiness: float
    seed: int | None = None
    is_laid_out_anew: bool = False
    _workspace: Workspace = field(repr=False)

    def __len__(self) -> int:
        return len(self.cover_ids)

    def __repr__(self) -> str:
        anew = " (laid out anew)" if self.is_laid_out_anew else ""
        trust = "too few to say how far to trust it"
        if not np.isnan(self.trustworthiness):
            trust = f"trustworthiness {self.trustworthiness:.3f}"
        n_placed = int(self.placed.sum())
        return f"map of {len(self):,} covers, {n_placed:,} placed after it was made{anew}; {trust}"

    def _repr_html_(self) -> str:
        import base64
        import io

        from covers.render.gallery import with_galleries

        try:
            figure = self.plot()
        except MissingExtraError as error:
            return with_galleries(f"{self!r}\n{error}")
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=80)
        uri = base64.b64encode(content.getvalue()).decode()
        picture = (
            f'<img src="data:image/png;base64,{uri}" alt="map of {len(self):,} covers">'
        )
        return with_galleries(repr(self), picture)

    def to_json(self) -> dict[str, Any]:
        """Return what ``covers map --json`` prints."""
        n_placed = int(self.placed.sum())
        return {
            "n_covers": len(self),
            "n_placed": n_placed,
            "n_fitted": len(self) - n_placed,
            "refitted": self.is_laid_out_anew,
            "trustworthiness": self.trustworthiness,
            "seed": self.seed,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per cover: ``x``, ``y``, ``placed``."""
        import pandas as pd

        frame = pd.DataFrame(self.positions, columns=["x", "y"])
        frame["placed"] = self.placed
        frame.index = pd.Index(self.cover_ids, name="cover_id")
        return frame

    def plot(self) -> Figure:
        """Draw the covers as dots of their genre's colour; of many genres their broad one's.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        from covers.catalogue.table import read_catalogue
        from covers.cluster.figures import draw_map
        from covers.render.genre_legend import legend_of

        legend = legend_of(read_catalogue(self._workspace), self.cover_ids)
        frame = draw_map(self.positions, legend.main_names, legend.colour_of)
        figure: Figure = frame.finish()
        return figure


def read_cover_map(workspace: Workspace, *, is_laid_out_anew: bool = False) -> CoverMap:
    """Read the map of a workspace.

    Parameters
    ----------
    workspace : Workspace
    is_laid_out_anew : bool, default=False
        Whether all covers were laid out just now.

    Raises
    ------
    DataError
        If there is none.
    """
    table, stamp = read_rows(workspace, MAP_TABLE)
    measured = stamp.parameters.get("trustworthiness")
    # Through lists, because pyarrow's own way to arrays imports pandas.
    x, y = (np.asarray(table.column(name).to_pylist(), float) for name in ("x", "y"))
    return CoverMap(
        cover_ids=tuple(table.column("cover_id").to_pylist()),
        positions=np.stack([x, y], axis=1).astype(np.float32),
        placed=np.asarray(table.column("placed").to_pylist(), bool),
        trustworthiness=np.nan if measured is None else float(measured),
        seed=stamp.seed,
        is_laid_out_anew=is_laid_out_anew,
        _workspace=workspace,
    )
