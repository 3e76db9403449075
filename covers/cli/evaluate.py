"""``covers evaluate``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from covers.cli.options.choices import FloatRange
from covers.cli.options.renamed import renamed_option
from covers.cli.options.shared import (
    common_options,
    device_option,
    open_for_command,
    seed_option,
)
from covers.cli.terminal.speech import print_json
from covers.cli.terminal.tables import print_table, print_text

if TYPE_CHECKING:
    from pathlib import Path

    from covers.evaluate.result import Evaluation
    from covers.workspace.paths import Workspace


@click.command("evaluate")
@common_options
@seed_option
@device_option
@click.option(
    "--leakage",
    is_flag=True,
    help="Also measure what a split that ignores artists and duplicates would claim.",
)
@click.option(
    "--level",
    type=FloatRange(0, 1, min_open=True, max_open=True),
    default=None,
    help="How often a prediction set shall hold the right genre (0.9).",
)
@renamed_option(
    "--n-bootstraps",
    "n_bootstraps",
    before="--bootstraps",
    type=click.IntRange(min=10),
    default=None,
    help="Resamples behind every interval (1000).",
)
@click.option("--again", is_flag=True, help="Measure anew even if nothing has changed.")
@click.option(
    "--replace",
    is_flag=True,
    help="Let a result made with other settings replace the workspace's own.",
)
def evaluate_command(
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    device: str | None,
    leakage: bool,
    level: float | None,
    n_bootstraps: int | None,
    again: bool,
    replace: bool,
) -> None:
    r"""Measure how well genres are recognised, on covers kept out of training.

    Writes evaluation.html, .json and .csv into the workspace's analysis folder.

    \b
    covers evaluate -w my-workspace
    covers evaluate -w my-workspace --leakage --json
    """
    from covers.cli.terminal.progress import progress_bars
    from covers.workspace.stages import Manner

    library = open_for_command(workspace, device)
    changes = {
        "seed": seed,
        "n_bootstraps": n_bootstraps,
        "level": level,
        "leakage": leakage or None,
    }
    with progress_bars() as stage:
        manner = Manner(
            progress=lambda done, total: stage("evaluating", done, total),
            say=lambda text: click.echo(text, err=True),
            again=again,
            replace=replace,
        )
        found = library.evaluate(manner, **changes)
    show_evaluation(library.workspace, found, as_json=as_json)


def show_evaluation(workspace: Workspace, found: Evaluation, *, as_json: bool) -> None:
    """Print an evaluation."""
    from covers.workspace.registry import EVALUATION_PAGE

    if as_json:
        print_json(found.to_json())
        return
    print_evaluation(found)
    click.echo(f"\nThe whole report: {workspace.path(EVALUATION_PAGE)}")


def print_evaluation(found: Evaluation) -> None:
    """Print an evaluation for people."""
    from covers.evaluate.measures import IN_WORDS
    from covers.evaluate.words.across import held_in_words, own_group

    split, across = found.split, found.across_folds
    n_held = next(iter(found.methods.values())).n
    covers = f"{n_held} {held_in_words(split)}"
    genres = f"{len(found.genres)} genres"
    if across is not None:
        print_text(
            f"Every labelled cover once: {across.n} covers of {genres}, each read by a head fitted "
            f"without {own_group(split)} (some {across.n_learned_from} other covers)"
        )
        _print_methods(found.leading)
        click.echo()
        print_text(f"The {covers} alone ({split.n_train} train covers)")
    else:
        print_text(f"{covers} of {genres} ({split.n_train} train covers)")
    _print_methods(found)
    for name, leak in found.leakage.items():
        print_text(
            f"leak, {name}: {leak.random:.3f} {IN_WORDS[leak.figure]} if split at random, "
            f"{leak.grouped:.3f} grouped"
        )
    click.echo()
    for sentence in found.conclusions:
        print_text(sentence, first="- ")
    if split.n_groups < n_held:
        n_groups = (
            f"{across.n_groups} and {split.n_groups}" if across else split.n_groups
        )
        print_text(f"Intervals: bootstrap over {n_groups} groups ({split.grouped_by}).")


_ONE_GENRE = {
    "accuracy": ("accuracy", True),
    "macro_f1": ("macro-F1", True),
    "top3": ("top-3", False),
    "ece": ("ECE", False),
}
_SEVERAL_GENRES = {
    "mean_average_precision": ("mAP", True),
    "macro_f1": ("macro-F1", False),
    "micro_f1": ("micro-F1", True),
    "first_right": ("1st right", False),
    "named_per_cover": ("named", False),
}
"""Columns of the printed table, and whether their intervals are printed too."""


def _print_methods(found: Evaluation) -> None:
    """Print a row of figures for each method."""
    columns = _SEVERAL_GENRES if found.several_genres else _ONE_GENRE
    head = ["method"]
    for title, with_ends in columns.values():
        head += [title, "95 %"] if with_ends else [title]
    rows = []
    for name, method in found.methods.items():
        cells = [name]
        for key, (_, with_ends) in columns.items():
            measured = method.estimate(key)
            cells.append(f"{measured.value:.{1 if key == 'named_per_cover' else 3}f}")
            if with_ends:
                cells.append(_ends(measured.ci95))
        rows.append(cells)
    print_table(head, rows, right=range(1, len(head)))


def _ends(interval: tuple[float, float]) -> str:
    """Return an interval as short text."""
    if math.isnan(sum(interval)):
        return ""
    low, high = (f"{end:.2f}".replace("0.", ".", 1) for end in interval)
    return f"{low}-{high}" if not low.startswith("-") else f"{low} to {high}"
