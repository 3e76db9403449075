"""``covers scan`` and ``covers genres``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from covers.cli.options.choices import FloatRange
from covers.cli.options.genres import genre_options, given_settings
from covers.cli.options.path_or_address import PathOrAddress
from covers.cli.options.renamed import renamed_option
from covers.cli.options.shared import (
    common_options,
    library_to_fill,
    open_for_command,
    refuse_idle,
    seed_option,
)
from covers.cli.options.sources import source_options
from covers.cli.terminal.progress import progress_bar
from covers.cli.terminal.speech import print_json, tell
from covers.cli.terminal.tables import print_table, print_text
from covers.render.numbers import per_cent

if TYPE_CHECKING:
    from pathlib import Path

    from covers.intake.genre_survey import GenreSurvey
    from covers.intake.summary import ScanReport
    from covers.workspace.remote import AnyPath

_SHOWN = 30


@click.command("scan")
@click.argument("sources", nargs=-1, type=PathOrAddress())
@common_options
@seed_option
@source_options
@genre_options
@click.option(
    "--valid-share",
    type=FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of covers kept out of training, to measure on.  [default: 0.2]",
)
@click.option(
    "--test-share",
    type=FloatRange(0, 1, max_open=True),
    help="Share of covers kept for a last test of your own.  [default: 0]",
)
@renamed_option(
    "--n-folds",
    "n_folds",
    before="--folds",
    type=click.IntRange(min=0),
    help="Also put covers into K folds, in the column 'fold'; 0 for none.  [default: 0]",
)
@click.option(
    "--split-anew",
    is_flag=True,
    help="Forget which side covers are on and split all of them again.",
)
@renamed_option(
    "--n-workers",
    before="--workers",
    type=click.IntRange(min=1),
    help="Pictures read at the same time.  [default: as many as cores]",
)
def scan_command(
    sources: tuple[AnyPath, ...],
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    kind: str,
    root: AnyPath | None,
    split_anew: bool,
    n_workers: int | None,
    **changes: Any,
) -> None:
    r"""Take in covers: a folder per genre, a table (CSV), or a music library.

    SOURCES are folders, tables or music libraries, or addresses of folders and
    tables (s3://, gs://, https://); they are remembered, and without any all
    that are known are looked through again. Nothing in a source is ever changed.

    \b
    covers scan ~/covers/by-genre -w my-workspace
    covers scan covers.csv ~/Music -w my-workspace
    covers scan s3://bucket/by-genre -w my-workspace
    """
    if not sources:
        refuse_idle("for SOURCES: name them too", "kind", "root")
    intake = given_settings(changes, workspace)
    try:
        with progress_bar("reading files") as progress:
            report = library_to_fill(workspace).scan(
                *map(str, sources),
                kind=kind,
                root=None if root is None else str(root),
                seed=seed,
                split_anew=split_anew,
                n_workers=n_workers,
                progress=progress,
                **intake,
            )
    except KeyboardInterrupt:
        message = (
            "interrupted: the workspace is as it was before, and what was read is remembered; "
            "run the same command to go on"
        )
        raise click.ClickException(message) from None
    if as_json:
        print_json(report)
    else:
        _show(report)


def _show(report: ScanReport) -> None:
    """Print what a scan found, for people."""
    print_text(
        f"{_count(report.n_covers, 'cover')} in {_count(report.n_locations, 'location')}"
        f" ({report.new} new, {report.changed} changed, {report.moved} moved, {report.gone} gone, "
        f"{report.unchanged} unchanged; {report.n_read} read in {report.seconds:.1f} s)"
    )
    for source in report.sources:
        print_text(
            f"{source.name}: {_count(source.n_covers, 'cover')}, {source.kind} in '{source.path}'"
            + ("" if source.state == "scanned" else f", {source.state}"),
            first="  ",
        )
    if report.genres:
        click.echo()
        shares = report.split.held_out_share
        shown = list(report.genres.items())
        rows = [(genre, n, per_cent(shares[genre])) for genre, n in shown[:_SHOWN]]
        print_table(["genre", "covers", "held out"], rows, right=[1, 2])
        if len(shown) > _SHOWN:
            tell(f"… and {len(shown) - _SHOWN} more: see 'covers genres'")
    click.echo()
    print_text(
        f"{report.n_multi_genre} covers have several genres, {report.n_unlabelled} have none"
    )
    sides = ", ".join(
        f"{side} {n} ({per_cent(report.split.share[side], 1)})"
        for side, n in report.split.n.items()
    )
    print_text(
        f"split: {sides}; {report.split.n_groups} groups, the largest of {report.split.largest_group}"
    )
    if report.folds:
        print_text(f"folds: {', '.join(map(str, report.folds))} covers")
    if report.problems:
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(report.problems.items()))
        print_text(
            f"{_count(sum(report.problems.values()), 'problem')} ({kinds}), listed in '{report.problems_path}'"
        )
    for warning in report.warnings:
        tell(f"note: {warning}")


def _count(n: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


@click.command("genres")
@common_options
@genre_options
def genres_command(
    *,
    workspace: Path,
    as_json: bool,
    **changes: Any,
) -> None:
    r"""Show which genre each name in the library becomes.

    With options it shows what they would change. Nothing is changed yet: give
    the same options to 'covers scan' to do it.

    \b
    covers genres -w my-workspace
    covers genres --genre-level broad -w my-workspace
    """
    given = given_settings(changes, workspace)
    survey = open_for_command(workspace).genres(**given)
    if as_json:
        print_json(survey)
    else:
        _show_survey(survey, is_proposal=bool(given))


def _show_survey(survey: GenreSurvey, *, is_proposal: bool) -> None:
    """Print the mapping of genres, for people."""
    from covers.intake.genre_survey import HEADER

    print_table(HEADER, survey.rows(), right=[2])
    click.echo()
    if is_proposal:
        print_text(
            f"with these settings {_count(len(survey.genres), 'genre')} would become {len(survey.proposed)}, "
            f"and {_count(survey.n_covers_changed, 'cover')} would change; 'covers scan' with the same options does it"
        )
    else:
        print_text(
            f"{_count(len(survey.names), 'name')}, {_count(len(survey.genres), 'genre')}"
        )
    for title, counts in (
        ("not in the genre table (kept as they are)", survey.unknown),
        (
            f"kept out of training, fewer than {survey.genre_minimum} covers",
            survey.kept_out,
        ),
    ):
        if counts:
            shown = ", ".join(f"{genre} ({n})" for genre, n in counts.items())
            print_text(f"{title}: {shown}")
