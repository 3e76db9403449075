"""``covers export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from covers.cli.options.path_or_address import NamedPath
from covers.cli.options.shared import (
    common_options,
    device_option,
    open_for_command,
    refuse_idle,
)
from covers.cli.terminal.speech import print_json, tell
from covers.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from covers.exports.export import Export
    from covers.library.library import Library


class _ExportCommand(click.Command):
    """The command, whose help lists the targets."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from covers.exports.targets import list_targets

        with formatter.section("Targets"):
            formatter.write_dl(list_targets())
        super().format_epilog(ctx, formatter)


@click.command("export", cls=_ExportCommand)
@click.argument("target")
@click.argument("out", type=NamedPath())
@common_options
@click.option(
    "--like",
    metavar="QUERY",
    help="Only the covers most like a picture or a cover, nearest first.",
)
@click.option(
    "-k",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="With --like: how many covers.",
)
@click.option(
    "--path",
    "ends",
    nargs=2,
    metavar="A B",
    default=None,
    help="Only the covers on the way from one cover or genre to another.",
)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only covers with this value, such as genre=Jazz, cluster=3 or certainty=0.8..; "
    "a column given again: any of its values.",
)
@click.option(
    "--pictures/--no-pictures",
    default=True,
    show_default=True,
    help="Whether pictures of covers go along, where the target has any; they belong to others.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace an export of the same kind. Anything else that is there stays.",
)
@device_option
def export_command(
    target: str,
    out: Path,
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    like: str | None,
    k: int,
    ends: tuple[str, str] | None,
    conditions: tuple[str, ...],
    pictures: bool,
    force: bool,
) -> None:
    r"""Write covers, and what is known of them, for another program.

    TARGET is one of those below; OUT is the file or folder to make.

    \b
    covers export csv covers.csv -w music
    covers export site shown -w music --no-pictures
    covers export m3u like-this.m3u8 --like sleeve.jpg -k 30 -w music
    """
    from covers.exports.targets import find_target

    find_target(target)
    if like is not None and ends is not None:
        message = "give one of --like and --path: each says in which order covers come"
        raise click.UsageError(message)
    if like is None:
        refuse_idle("for '--like QUERY'", "k", "device")
    library = open_for_command(workspace, device)
    made = library.export(
        target,
        out,
        covers=_chosen(library, like, k, ends),
        where=_filter(conditions),
        force=force,
        pictures=pictures,
    )
    if as_json:
        print_json(made.to_json())
        return
    click.echo(made.said)
    for note in made.notes:
        tell(f"note: {note}")
    if made.then:
        click.echo(made.then)


def tell_export(made: Export) -> None:
    """Tell of an export on stderr, line by line, where stdout has another result."""
    for line in (made.said, *(f"note: {note}" for note in made.notes), made.then):
        if line:
            tell(line)


def _chosen(
    library: Library, like: str | None, k: int, ends: tuple[str, str] | None
) -> list[str] | None:
    """Return the ids of the chosen covers, in order; None for all."""
    if like is not None:
        return [hit.cover_id for hit in library.search(like, k)]
    if ends is not None:
        return [step.cover_id for step in library.path(*ends)]
    return None


def _filter(conditions: tuple[str, ...]) -> dict[str, Any]:
    """Read the filters of a command line; a wrong one is wrong usage."""
    from covers.exports.table.cover_table import SCHEMA
    from covers.index.search import parse_filters

    try:
        return parse_filters(SCHEMA, conditions) if conditions else {}
    except DataError as error:
        raise click.BadParameter(str(error), param_hint="--where") from error
