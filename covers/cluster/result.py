"""What a clustering says: which kinds of covers there are, and what they have to do with genres."""

from __future__ import annotations

from dataclasses import dataclass, replace
from textwrap import wrap
from typing import TYPE_CHECKING

from covers.arguments import checked, whole
from covers.cluster.measured import Measured, cut_hierarchy
from covers.render.gallery import cover_tiles, gallery_html, with_galleries
from covers.render.numbers import number, per_cent, span
from covers.render.text import WIDTH, text_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MOST_SHOWN = 20
_MOST_PICTURED, _MOST_EXEMPLARS = 6, 6


@dataclass(frozen=True, kw_only=True, repr=False)
class Clustering(Measured):
    """Kinds of covers, found without their genres.

    Parameters
    ----------
    n_clusters : int
    clusters : tuple of Cluster
    noise_fraction : float
        Share of covers in no cluster, 0 to 1.
    ami : float
        Adjusted mutual information with genre: 0 nothing in common, 1 the same.
    ami_null95 : tuple of float
        Where 95 % of the values lie if genres are shuffled.
    ami_n : int
        Covers behind it.
    ami_covers : {"held-out", "all"}
        Which covers those are.
    ami_all_covers, ami_all_covers_null95
        The same for all covers, those the network was trained on among them.
    homogeneity, completeness : float
    n_covers : int
    n_fitted : int or None
        Covers that were laid out and clustered: all, or a random sample that the
        others follow; None in results of versions that had no sample.
    grouped_by : str
        What the groups of the resamples are, in words.
    noise_by_genre : dict of str to float
        Share of each genre's covers in no cluster.
    hierarchy : tuple of Merge
    cut : tuple of tuple of int
        Which clusters `joined` put together; else empty.
    compared_with : dict of str to OtherMethod
    parameters : dict
        Of UMAP and HDBSCAN.

    Examples
    --------
    >>> found = library.clusters()
    >>> found.n_clusters == len(found.clusters)
    True
    """

    @checked(n_clusters=whole(at_least=1))
    def joined(self, n_clusters: int) -> Clustering:
        """Return the same with `cut` saying which clusters join where at most so many are wanted.

        Parameters
        ----------
        n_clusters : int
            The most alike are joined until so many are left; with more than there
            are, each stands alone.

        Examples
        --------
        >>> found = library.clusters()
        >>> len(found.joined(1).cut) == min(1, found.n_clusters)
        True
        """
        parts = cut_hierarchy(self.hierarchy, n_clusters)
        return replace(self, cut=tuple(map(tuple, parts)))

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per cluster and genre."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "cluster": cluster.id,
                    "n": cluster.n,
                    "stability": cluster.stability,
                    "entropy": cluster.entropy,
                    "look": ", ".join(cluster.words),
                    "shows": ", ".join(cluster.subjects),
                    "genre": genre.genre,
                    "share": genre.share,
                    "lift": genre.lift,
                    "lift_low": genre.lift_ci95[0],
                    "lift_high": genre.lift_ci95[1],
                }
                for cluster in self.ranked()
                for genre in cluster.genres
            ]
        )

    def plot(self) -> Figure | None:
        """Draw which genres each cluster holds.

        Returns
        -------
        Figure or None
            Of matplotlib; None where there is no cluster.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        from covers.cluster.figures import draw_profiles

        if not self.clusters:
            return None
        genres = sorted({g.genre for one in self.clusters for g in one.genres})
        figure: Figure = draw_profiles(self, genres).finish()
        return figure

    def __repr__(self) -> str:
        said = (
            f"{self.n_clusters} clusters of {self.n_covers:,} covers, "
            f"{per_cent(self.noise_fraction)} in none; AMI with genre {number(self.ami)} "
            f"(by chance {span(self.ami_null95, '.3f')})"
        )
        rows = [
            [
                cluster.id,
                cluster.n,
                number(cluster.stability, ".2f"),
                ", ".join(f"{g.genre} {per_cent(g.share)}" for g in cluster.leading),
                ", ".join((*cluster.subjects, *cluster.words)) or "-",
            ]
            for cluster in self.ranked()[:_MOST_SHOWN]
        ]
        header = ["id", "n", "stability", "genres", "look"]
        lines = [*wrap(said, WIDTH), text_table(header, rows, right=(0, 1, 2))]
        if self.n_clusters > _MOST_SHOWN:
            lines.append(f"and {self.n_clusters - _MOST_SHOWN} smaller ones")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        clusters = [one for one in self.ranked() if one.exemplars][:_MOST_PICTURED]
        return with_galleries(
            repr(self),
            *(
                gallery_html(
                    cover_tiles(self._workspace, one.exemplars[:_MOST_EXEMPLARS]),
                    title=f"Cluster {one.id}, {one.n:,} covers",
                )
                for one in clusters
            ),
        )
