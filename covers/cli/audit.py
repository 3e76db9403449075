"""``covers audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from covers.cli.options.choices import FloatRange
from covers.cli.options.path_or_address import NamedPath
from covers.cli.options.shared import (
    common_options,
    open_for_command,
    refuse_idle,
    seed_option,
)
from covers.cli.terminal.progress import progress_bar
from covers.cli.terminal.speech import print_json, tell
from covers.cli.terminal.tables import print_text
from covers.render.numbers import count, per_cent
from covers.workspace.registry import quote
from indexer.terminal import one_line

if TYPE_CHECKING:
    from covers.audit.decisions import Review
    from covers.audit.result import Audit
    from covers.library.library import Library
    from covers.workspace.paths import Workspace

_SHOWN = 3
_OWN_PAGE = "analysis/audit.html of the workspace"
"""Stands for the page of the workspace where `--html` names no file."""


@click.command("audit")
@common_options
@seed_option
@click.option(
    "--html",
    is_flag=False,
    flag_value=_OWN_PAGE,
    metavar="[FILE]",
    type=NamedPath(dir_okay=False),
    help="Write a page with pictures, all in one file.  [to: analysis/audit.html]",
)
@click.option(
    "--csv",
    "table",
    type=NamedPath(dir_okay=False),
    help="Write a table to be reviewed to this file: fill in its column 'action'.",
)
@click.option(
    "--accept",
    type=NamedPath(exists=True, dir_okay=False),
    help="Put the decisions of a reviewed table in force: drop, relabel or keep.",
)
@click.option(
    "--revert",
    metavar="FILE|all",
    help="Take decisions back: those about the covers of a reviewed table, or all.",
)
@click.option(
    "--label-share",
    type=FloatRange(0, 1, min_open=True),
    default=0.02,
    show_default=True,
    help="List at most this share of the labels as doubtful.",
)
@click.option(
    "--music/--no-music",
    default=True,
    show_default=True,
    help="Whether to read the pictures in music files and compare them.",
)
def audit_command(
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    html: Path | None,
    table: Path | None,
    accept: Path | None,
    revert: str | None,
    label_share: float,
    music: bool,
) -> None:
    r"""Find duplicates, bad pictures and doubtful genre labels.

    Nothing is changed: what you decide is put in force with --accept, and taken
    back with --revert.

    \b
    covers audit -w my-workspace --html audit.html --csv review.csv
    covers audit -w my-workspace --accept review.csv
    """
    from covers.workspace.registry import AUDIT_PAGE

    library = open_for_command(workspace)
    opened = library.workspace
    if accept is not None or revert is not None:
        if accept is not None and revert is not None:
            message = "use just one of --accept and --revert"
            raise click.UsageError(message)
        refuse_idle(
            "for an audit, and --accept and --revert make none",
            *("html", "table", "label_share", "music", "seed"),
        )
        _decide(library, accept, revert, as_json=as_json)
        return
    from covers.audit.stage import AuditOptions
    from covers.workspace.disk.outputs import output_file

    if html == Path(_OWN_PAGE):
        html = opened.path(AUDIT_PAGE)
    html = None if html is None else output_file("--html", html, ".html", ".htm")
    table = None if table is None else output_file("--csv", table, ".csv")
    with progress_bar("reading pictures") as progress:
        audit = library.audit(
            AuditOptions(label_share=label_share, music=music),
            seed=seed,
            progress=progress,
        )
    try:
        written = _write(audit, opened.root, html, table)
    except OSError as error:
        message = f"cannot write '{error.filename or html or table}': {error.strerror or error}"
        raise click.ClickException(message) from error
    if as_json:
        print_json(audit.to_json())
    else:
        _show(audit)
    for line in written:
        tell(line)


def _write(
    audit: Audit, root: Path, html: Path | None, table: Path | None
) -> list[str]:
    """Write page and table; return what to say about them."""
    written = []
    if html is not None:
        audit.write_page(html)
        written.append(f"page with pictures: {html}")
    if table is not None:
        audit.write_review(table)
        written.append(
            f"to be reviewed: {table}; then: covers audit -w {quote(root)} --accept {quote(table)}"
        )
    return written


def _decide(
    library: Library, accept: Path | None, revert: str | None, *, as_json: bool
) -> None:
    """Put decisions in force or take them back."""
    if accept is not None:
        review = library.accept_review(accept)
    else:
        review = library.revert_review(None if revert == "all" else revert)
    if as_json:
        print_json(review)
    else:
        _show_review(review, library.workspace)


def _show_review(review: Review, workspace: Workspace) -> None:
    click.echo(
        f"{count(review.n_changed, 'decision')} changed; in force: {count(review.n_dropped, 'cover')} dropped, "
        f"{review.n_relabelled:,} relabelled, {count(review.n_kept, 'finding')} kept"
    )
    if review.new_genres:
        click.echo(f"no other cover is of: {', '.join(review.new_genres)}")
    if review.n_changed:
        click.echo(
            f"what was trained or measured before is stale: see 'covers status -w {quote(workspace.root)}'"
        )


def _show(audit: Audit) -> None:
    """Print the findings in short."""
    if not audit.findings:
        click.echo(f"nothing found in {audit.n_covers:,} covers")
    for kind, n in audit.counts.items():
        click.echo(f"{kind.replace('_', ' ')}: {n:,}")
        for finding in [f for f in audit.findings if f.kind == kind][:_SHOWN]:
            print_text(finding.reason, first=f"  {per_cent(finding.confidence):>5}  ")
            for path in finding.paths[:_SHOWN]:
                click.echo(f"         {one_line(path)}")
            if len(finding.paths) > _SHOWN:
                click.echo(f"         and {len(finding.paths) - _SHOWN} more")
        if n > _SHOWN:
            click.echo(f"  and {n - _SHOWN:,} more")
    _show_limits(audit)


def _show_limits(audit: Audit) -> None:
    """Print what was not looked for, and how far doubtful labels can be trusted."""
    for reason in dict.fromkeys(audit.not_checked.values()):
        kinds = [k for k, r in audit.not_checked.items() if r == reason]
        names = ", ".join(kind.replace("_", " ") for kind in kinds)
        print_text(f"not looked for: {names} ({reason})")
    if audit.n_reviewed:
        click.echo(f"reviewed and kept, not listed: {audit.n_reviewed}")
    check = audit.label_check
    if check is not None:
        click.echo(
            f"doubtful labels, checked on {check.n_flipped:,} of {check.n_covers:,} labels made wrong at random:"
        )
        for cut in check.cuts:
            click.echo(
                f"  most doubtful {per_cent(cut['share']):>5}: hold {per_cent(cut['recall']):>5} of them "
                f"(random {per_cent(cut['random_recall'])}), precision {per_cent(cut['precision'])} "
                f"(random {per_cent(check.random_precision)})"
            )
