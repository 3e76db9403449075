"""``covers cluster``, ``covers map`` and ``covers name``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from covers.cli.options.choices import FloatRange
from covers.cli.options.path_or_address import NamedPath
from covers.cli.options.renamed import renamed_option
from covers.cli.options.shared import (
    common_options,
    figures_option,
    give_result,
    open_for_command,
    seed_option,
    stage_options,
)
from covers.cli.terminal.speech import print_document, tell
from covers.cli.terminal.tables import count_covers, print_table, print_text, show
from covers.render.numbers import per_cent

if TYPE_CHECKING:
    from pathlib import Path

    from covers.cluster.measured import Cluster
    from covers.cluster.result import Clustering
    from covers.workspace.stages import Manner

_WIDEST_GENRES = 52


@click.command("cluster")
@click.option(
    "--min-cluster-size",
    type=click.IntRange(min=2),
    default=None,
    help="Fewest covers of a cluster; by default chosen by validity and stability.",
)
@renamed_option(
    "--n-neighbors",
    "n_neighbors",
    before="--neighbors",
    type=click.IntRange(min=2),
    default=None,
    help="Neighbours that the layout looks at (30): few find fine kinds, many coarse ones.",
)
@renamed_option(
    "--assign",
    "assign",
    before="--assign-noise",
    is_flag=True,
    default=None,
    help="Also assign covers in no cluster to that of their neighbours, marked as such.",
)
@renamed_option(
    "--n-resamples",
    "n_resamples",
    before="--resamples",
    type=click.IntRange(min=0),
    default=None,
    help="Clusterings of resampled covers behind the stability (10); 0 leaves it out.",
)
@click.option(
    "--cut",
    type=click.IntRange(min=1),
    default=None,
    help="Also show which clusters join where at most this many are wanted.",
)
@stage_options
@common_options
@seed_option
def cluster_command(
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    min_cluster_size: int | None,
    n_neighbors: int | None,
    assign: bool | None,
    n_resamples: int | None,
    cut: int | None,
    **manner: bool,
) -> None:
    r"""Find groups of covers that look alike, whatever their genre.

    Each group comes with its genres, its look, the covers that show it best and
    how surely it is found again (UMAP, then HDBSCAN).

    \b
    covers cluster -w music
    covers cluster -w music --min-cluster-size 20 --json
    """
    from covers.workspace.registry import CLUSTERS

    library = open_for_command(workspace)
    changes = {
        "min_cluster_size": min_cluster_size,
        "n_neighbors": n_neighbors,
        "assign": assign,
        "n_resamples": n_resamples,
        "seed": seed,
    }

    def make(how: Manner) -> Clustering:
        found = library.clusters(how, **changes)
        if cut is None:
            return found
        if cut >= found.n_clusters:
            tell(f"none join: there are {found.n_clusters} clusters, '--cut' is {cut}")
        return found.joined(cut)

    give_result(
        CLUSTERS,
        library.workspace,
        make,
        manner=manner,
        shown=print_document if as_json else _print_clusters,
    )


def list_genres(cluster: Cluster) -> str:
    """Name its leading genres, three if they fit: a number that is cut off would be read as another."""
    named = [f"{g.genre} {per_cent(g.share)} x{g.lift:.1f}" for g in cluster.leading]
    while len(named) > 1 and len(", ".join(named)) > _WIDEST_GENRES:
        named.pop()
    return ", ".join(named)


def _print_clusters(found: Clustering) -> None:
    """Print one line per cluster."""
    rows = []
    for cluster in found.ranked():
        genres = list_genres(cluster)
        look = ", ".join((*cluster.subjects, *cluster.words)) or "-"
        stability = show(cluster.stability)
        rows.append((cluster.id, cluster.n, stability, genres, look))
    if rows:
        header = ["id", "n", "stability", "genres (share, lift)", "look"]
        print_table(header, rows, right=range(3))
    low, high = found.ami_null95
    print_text(
        f"{found.n_clusters} clusters, {per_cent(found.noise_fraction)} noise; "
        f"AMI with genre {show(found.ami, '.3f')} (by chance {show(low, '.3f')} to "
        f"{show(high, '.3f')}, {count_covers(found.ami_n, found.ami_covers)})"
    )
    for part in found.cut:
        if len(part) > 1:
            print_text(", ".join(map(str, part)), first="merged: ")


@click.command("map")
@click.option("--refit", is_flag=True, help="Lay all covers out anew.")
@figures_option
@common_options
@seed_option
def map_command(
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    refit: bool,
    figures: bool,
) -> None:
    r"""Lay all covers out on a map where neighbours look alike.

    Covers that are on the map already stay where they are; new ones are placed
    among them, until --refit or another --seed.

    \b
    covers map -w music
    """
    from covers.workspace.registry import MAP

    library = open_for_command(workspace)
    give_result(
        MAP,
        library.workspace,
        lambda how: library.map(how, refit=refit, seed=seed),
        manner={"figures": figures},
        shown=print_document if as_json else lambda found: click.echo(repr(found)),
    )


@click.command("name")
@click.option(
    "--words",
    type=NamedPath(dir_okay=False, exists=True),
    help="A text file with words of your own, one a line; it is remembered.  [default: the program's]",
)
@click.option(
    "--margin",
    type=FloatRange(0, 10),
    help="By how many standard deviations a word must fit these covers better than the rest.  [default: 0.25]",
)
@click.option("--again", is_flag=True, help="Make it anew even if it is fresh.")
@common_options
def name_command(
    *,
    workspace: Path,
    as_json: bool,
    words: Path | None,
    margin: float | None,
    again: bool,
) -> None:
    r"""Name clusters, genres and parts of the map by the words that fit them best.

    A word is taken only if it fits these covers clearly better than the rest of
    the library; where none does, there is no name. Needs an index that knows words:
    'covers index build --embedder clip:ViT-B-32'.

    \b
    covers name -w music
    covers name --words my-words.txt --json
    """
    from covers.workspace.registry import NAMES

    library = open_for_command(workspace)
    give_result(
        NAMES,
        library.workspace,
        lambda how: library.names(how, words=words, margin=margin),
        manner={"again": again},
        shown=print_document if as_json else lambda found: click.echo(repr(found)),
    )
