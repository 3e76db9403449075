"""``covers overlap`` and ``covers path``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from covers.cli.options.choices import NameChoice
from covers.cli.options.renamed import renamed_option
from covers.cli.options.shared import (
    common_options,
    give_result,
    open_for_command,
    seed_option,
    stage_options,
)
from covers.cli.terminal.speech import print_document, print_json
from covers.cli.terminal.tables import (
    count_covers,
    print_table,
    print_text,
    show,
    show_p,
)
from covers.render.numbers import note_on_parts

if TYPE_CHECKING:
    from pathlib import Path

    from covers.overlap.result import Overlap


@click.command("overlap")
@click.option(
    "--by",
    type=NameChoice(["year", "decade", "source"]),
    default=None,
    help="Also measure each decade ('year' says the same), or each source, by itself, and what changed.",
)
@renamed_option(
    "--which",
    "which",
    before="--covers",
    type=NameChoice(["auto", "held-out", "all"]),
    default=None,
    help="Covers to measure (auto). Those that the network was trained on look more different "
    "than they are, so 'auto' takes held-out covers where there are enough.",
)
@click.option(
    "-k",
    type=click.IntRange(min=1),
    default=None,
    help="Neighbours that decide between two genres; by default the best number.",
)
@renamed_option(
    "--n-bootstraps",
    "n_bootstraps",
    before="--bootstraps",
    type=click.IntRange(min=10),
    default=None,
    help="Resamples behind the intervals (1000).",
)
@stage_options
@common_options
@seed_option
def overlap_command(
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    by: Any,
    which: Any,
    k: int | None,
    n_bootstraps: int | None,
    **manner: bool,
) -> None:
    r"""Measure which genres look alike.

    For every pair of genres: the overlap (0 separable, 1 indistinguishable) with
    its 95 % interval, how much more often than by chance they are neighbours
    (lift), and the covers that lie between them. Pairs that are most surely alike
    come first: by the low end of the interval.

    \b
    covers overlap -w music
    covers overlap -w music --by decade
    """
    from covers.workspace.registry import OVERLAP

    library = open_for_command(workspace)
    changes = {
        "k": k,
        "n_bootstraps": n_bootstraps,
        "seed": seed,
        "by": by,
        "which": which,
    }
    give_result(
        OVERLAP,
        library.workspace,
        lambda how: library.overlap(how, **changes),
        manner=manner,
        shown=print_document if as_json else _print_overlap,
    )


_MOST_PAIRS, _MOST_CHANGES = 45, 20
_CERTAIN = 0.05


def _print_overlap(found: Overlap) -> None:
    """Print the pairs of genres as a table, the most certainly alike first."""
    pairs = found.ranked()
    n_nested, n_more = len(found.pairs) - len(pairs), len(pairs) - _MOST_PAIRS
    rows = []
    for pair in pairs[:_MOST_PAIRS]:
        low, high = pair.overlap_ci95
        rows.append(
            (
                f"{pair.a} - {pair.b}",
                show(pair.overlap),
                f"{show(low)} to {show(high)}",
                show(pair.lift_ab),
                show(pair.lift_ba),
                show_p(pair.q),
                f"{pair.n_a:.0f} / {pair.n_b:.0f}",
            )
        )
    if rows:
        header = ["genres", "overlap", "95 %", "lift →", "lift ←", "q", "n"]
        print_table(header, rows, right=range(1, 7))
    if n_more > 0:
        print_text(f"… and {n_more:,} pairs that are less surely alike: see '--json'")
    if n_nested:
        print_text(
            f"left out: {n_nested} pairs of which one genre contains the other, so that they share covers"
        )
    low, high = found.effective_genres_ci95
    parts = note_on_parts(found.n_by_genre.values()).strip()
    if parts and rows:
        print_text(f"n: covers of either genre. {parts}")
    print_text(
        f"{len(found.genres)} genres look like {show(found.effective_genres, '.1f')} "
        f"distinct ones (95 % interval {show(low, '.1f')} to {show(high, '.1f')}); "
        f"{count_covers(found.n_covers, found.covers)} in {found.n_groups:,} groups "
        f"({found.grouped_by}), k = {found.k}"
    )
    for note in found.notes:
        print_text(note, first="note: ")
    for name, part in found.parts.items():
        print_text(describe_part(name, part))
    _print_changes(found)


def describe_part(name: str, part: Overlap) -> str:
    """Say how many genres the covers of a decade or source look like."""
    n = f"{part.n_covers:,} cover{'s' if part.n_covers != 1 else ''}"
    if math.isnan(part.effective_genres):
        return f"{name}: {n}, too few to compare genres"
    low, high = part.effective_genres_ci95
    return (
        f"{name}: {n} look like {part.effective_genres:.1f} distinct genres "
        f"(95 % interval {show(low, '.1f')} to {show(high, '.1f')})"
    )


def _print_changes(found: Overlap) -> None:
    """Print the pairs whose overlap certainly changed over the decades."""
    if not found.changes:
        if found.by == "year":
            print_text(
                "no pair can be followed over the decades: both genres need covers of ten groups in two of them"
            )
        return
    certain = [change for change in found.changes if change.q <= _CERTAIN]
    if not certain:
        least = found.changes[0]
        tested = (
            f"{len(found.changes):,} were tested together; nearest comes "
            if len(found.changes) > 1
            else "the only one with covers enough in two of them is "
        )
        print_text(
            f"no pair certainly changed over the decades: {tested}"
            f"{least.a} - {least.b}, {least.change:+.2f} from the {least.first} to the {least.last} "
            f"(95 % interval {least.ci95[0]:+.2f} to {least.ci95[1]:+.2f}, q {show_p(least.q)})"
        )
        return
    rows = [
        (
            f"{change.a} - {change.b}",
            f"{change.first} to {change.last}",
            f"{change.change:+.2f}",
            f"{change.ci95[0]:+.2f} to {change.ci95[1]:+.2f}",
            show_p(change.q),
        )
        for change in certain[:_MOST_CHANGES]
    ]
    print_text("")
    print_table(["overlap changed", "from", "by", "95 %", "q"], rows, right=(2, 3, 4))
    print_text(
        f"{len(certain)} of {len(found.changes):,} pairs certainly changed (q at most {_CERTAIN:g})"
    )


@click.command("path")
@click.argument("start", metavar="A")
@click.argument("end", metavar="B")
@click.option(
    "-k",
    type=click.IntRange(min=1),
    default=15,
    show_default=True,
    help="How many nearest neighbours of a cover the next step may choose from.",
)
@common_options
def path_command(
    *,
    start: str,
    end: str,
    k: int,
    workspace: Path,
    as_json: bool,
) -> None:
    r"""Walk from one cover or genre to another through covers that look alike.

    A and B are genre names or cover ids (or their first digits).

    \b
    covers path Jazz Metal -w music
    """
    found = open_for_command(workspace).path(start, end, k=k)
    if as_json:
        print_json(found)
        return
    click.echo(repr(found))
