"""``covers suggest``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from covers.cli.export import tell_export
from covers.cli.options.choices import FloatRange
from covers.cli.options.path_or_address import NamedPath
from covers.cli.options.shared import common_options, open_for_command, refuse_idle
from covers.cli.terminal.speech import print_json, tell
from covers.workspace.registry import AUDIT_DOCUMENT

if TYPE_CHECKING:
    from pathlib import Path

_MOST_SHOWN = 45


@click.command("suggest")
@common_options
@click.option(
    "--min-certainty",
    type=FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="Suggest nothing for albums whose likeliest genre is less certain than this.",
)
@click.option(
    "--doubtful/--no-doubtful",
    default=True,
    show_default=True,
    help="Also look at albums whose genre 'covers audit' found doubtful.",
)
@click.option(
    "-o",
    "--output",
    type=NamedPath(dir_okay=False),
    help="Also write all of them as a CSV table.",
)
@click.option(
    "--beets",
    "beets_folder",
    type=NamedPath(),
    help="Also write a folder for beets, as 'covers export beets' does, with what is suggested.",
)
def suggest_command(
    *,
    workspace: Path,
    as_json: bool,
    min_certainty: float,
    doubtful: bool,
    output: Path | None,
    beets_folder: Path | None,
) -> None:
    r"""Suggest genres for albums that have none, or a doubtful one.

    First it shows how often such suggestions were right on albums kept out of
    training. No tag is ever written.

    \b
    covers suggest -w music
    covers suggest -w music --min-certainty 0.9 -o suggestions.csv
    """
    library = open_for_command(workspace)
    if doubtful and not library.workspace.path(AUDIT_DOCUMENT).exists():
        refuse_idle(
            "for what an audit found, and there is none yet: run 'covers audit' first",
            "doubtful",
        )
    _refuse_taken(output, beets_folder)
    found = library.suggest(min_certainty=min_certainty, doubtful=doubtful)
    if as_json:
        print_json(found.to_json())
    else:
        click.echo("\n".join(found.lines(_MOST_SHOWN)))
    if output is not None:
        found.write_csv(output)
        tell(f"wrote '{output}'")
    if beets_folder is None:
        return
    ids = [one for suggestion in found.made for one in suggestion.cover_ids]
    if ids:
        tell_export(library.export("beets", beets_folder, covers=ids))
    else:
        tell(
            f"nothing is suggested, so '{beets_folder}' was not written: "
            "a lower '--min-certainty' suggests more"
        )


def _refuse_taken(output: Path | None, beets_folder: Path | None) -> None:
    """Refuse paths that are taken, before anything is computed for them."""
    from covers.exports.export import refuse_existing
    from covers.exports.targets import find_target
    from covers.suggest.result import refuse_taken

    if output is not None:
        refuse_taken(output)
    if beets_folder is not None:
        refuse_existing(find_target("beets"), beets_folder, force=False)
