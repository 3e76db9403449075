"""What a measurement of overlap says: which genres look alike, and how surely."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from covers.arguments import checked, text
from covers.errors import WrongValueError
from covers.overlap.measured import Measured
from covers.render.gallery import cover_tiles, gallery_html, with_galleries
from covers.render.numbers import number, span
from covers.render.text import text_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from covers.overlap.measured import Pair
    from covers.workspace.paths import Workspace

_MOST_SHOWN = 20
_MOST_PICTURED, _MOST_BRIDGES = 4, 6
_FEWEST_TO_RANK = 10


@dataclass(frozen=True, kw_only=True, repr=False)
class Overlap(Measured):
    """Which genres look alike, pair by pair.

    Parameters
    ----------
    genres : tuple of str
    broad : dict of str to str
        The widest genre that each belongs to by the covers' own genres.
    pairs : tuple of Pair
        One for every two genres.
    effective_genres : float
        How many distinct genres they look like.
    effective_genres_ci95 : tuple of float
    k : int
        Neighbours that decide between two genres.
    grouped_by : str
        What the groups of the resamples are, in words.
    n_covers, n_sampled, n_groups : int
        Covers measured; those whose neighbourhoods were looked at; groups.
    n_by_genre : dict of str to float
        Covers of each genre; one of m genres counts 1/m.
    tree : Tree
    edges : tuple of Edge
    prototypes : dict of str to tuple of str
        Ids of the covers that are most typical of each genre.
    isolated : tuple of str
        Ids of covers unlike all others.
    notes : tuple of str
        What a reader must know before using the numbers.
    covers : {"held-out", "all"}
        Which were measured.
    by_k : tuple of AtK
    by : {"year", "source"} or None
        What `parts` are.
    parts : dict of str to Overlap
        Of each decade or source by itself.
    changes : tuple of Change
        Of each pair over the decades, the most certain first.

    Examples
    --------
    >>> most = library.overlap().ranked()[0]
    >>> 0 <= most.overlap <= 1
    True
    """

    parts: dict[str, Overlap] = field(default_factory=dict)

    @checked(a=text, b=text)
    def pair(self, a: str, b: str) -> Pair | None:
        """Return the pair of two genres in either order and any case; None where there is none."""
        wanted = {a.casefold(), b.casefold()}
        for pair in self.pairs:
            if {pair.a.casefold(), pair.b.casefold()} == wanted:
                return pair
        return None

    def ranked(self) -> list[Pair]:
        """Return the pairs, those that are most surely alike first, those that were not measured last.

        By the low end of the overlap's interval: of many genres the highest
        overlaps are those of genres with a handful of covers, and mostly luck. For the
        same reason that end counts less where a genre is worth fewer than ten covers.
        Where there is no interval, by the overlap. Pairs of which one genre contains
        the other are left out.
        """
        return sorted(
            (pair for pair in self.pairs if not pair.contained), key=_alikeness
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per pair; intervals are ``_low`` and ``_high``."""
        import pandas as pd

        names = ("overlap", "lift_ab", "lift_ba")
        rows = []
        for pair in self.pairs:
            row: dict[str, str | float] = {"a": pair.a, "b": pair.b}
            for name in names:
                row[name] = getattr(pair, name)
                row[f"{name}_low"], row[f"{name}_high"] = getattr(pair, f"{name}_ci95")
            rows.append(row | {n: getattr(pair, n) for n in ("p", "q", "n_a", "n_b")})
        return pd.DataFrame(rows)

    def plot(
        self, kind: Literal["matrix", "graph", "tree", "trends"] = "matrix"
    ) -> Figure | None:
        """Draw the pairs as a matrix, a graph, a tree, or over the parts.

        Returns
        -------
        Figure or None
            Of matplotlib; None where there is nothing to draw.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        from covers.overlap.figures.graph import draw_graph
        from covers.overlap.figures.matrix import draw_matrix
        from covers.overlap.figures.tree import draw_tree
        from covers.overlap.figures.trends import draw_trends

        draws = {
            "matrix": draw_matrix,
            "graph": draw_graph,
            "tree": draw_tree,
            "trends": draw_trends,
        }
        if kind not in draws:
            message = f"kind must be one of {', '.join(draws)}, got {kind!r}"
            raise WrongValueError(message)
        frame = draws[kind](self)
        return None if frame is None else frame.finish()

    def __repr__(self) -> str:
        said = (
            f"{len(self.genres)} genres look like {number(self.effective_genres, '.1f')} "
            f"distinct ones ({span(self.effective_genres_ci95, '.1f')}), "
            f"n = {self.n_covers:,} covers"
        )
        rows = [
            [
                f"{pair.a} - {pair.b}",
                number(pair.overlap, ".2f"),
                span(pair.overlap_ci95, ".2f"),
                number(pair.lift_ab, ".2f"),
                number(pair.lift_ba, ".2f"),
            ]
            for pair in self.ranked()[:_MOST_SHOWN]
        ]
        header = ["genres", "overlap", "95 %", "lift →", "lift ←"]
        lines = [said, text_table(header, rows, right=(1, 2, 3, 4))]
        if len(self.pairs) > _MOST_SHOWN:
            lines.append(f"and {len(self.pairs) - _MOST_SHOWN} pairs less surely alike")
        lines += [
            f"{name}: {part.n_covers:,} covers look like "
            f"{number(part.effective_genres, '.1f')} distinct genres "
            f"({span(part.effective_genres_ci95, '.1f')})"
            for name, part in self.parts.items()
        ]
        return "\n".join(lines)

    def at(self, workspace: Workspace) -> Self:
        """Return the result, which with all its parts knows its workspace from now on."""
        for part in self.parts.values():
            part.at(workspace)
        return super().at(workspace)

    def _repr_html_(self) -> str:
        pairs = [pair for pair in self.ranked() if pair.bridges][:_MOST_PICTURED]
        return with_galleries(
            repr(self),
            *(
                gallery_html(
                    cover_tiles(self._workspace, pair.bridges[:_MOST_BRIDGES]),
                    title=f"Between {pair.a} and {pair.b}",
                )
                for pair in pairs
            ),
        )


def _alikeness(pair: Pair) -> tuple[bool, float, float]:
    """Return the sort key of a pair: surely alike first, unknown ones last."""
    if not math.isfinite(pair.overlap):
        return True, 0.0, 0.0
    low = pair.overlap_ci95[0]
    surely = low if math.isfinite(low) else pair.overlap
    worth = min(1.0, min(pair.n_a, pair.n_b) / _FEWEST_TO_RANK) ** 2
    return False, -surely * worth, -pair.overlap
