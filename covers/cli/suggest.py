"""``covers suggest``."""

from __future__ import annotations

from pathlib import Path

import click

from covers.cli.options.shared import common_options, open_for_command
from covers.cli.terminal.speech import print_json, tell

_MOST_SHOWN = 45


@click.command("suggest")
@common_options
@click.option(
    "--min-certainty",
    type=click.FloatRange(0, 1),
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
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write all of them as a CSV table.",
)
@click.option(
    "--beets",
    "beets_folder",
    type=click.Path(path_type=Path),
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
    found = library.suggest(min_certainty=min_certainty, doubtful=doubtful)
    if output is not None:
        found.write_csv(output)
        tell(f"wrote '{output}'")
    if beets_folder is not None:
        ids = [one for suggestion in found.made for one in suggestion.cover_ids]
        tell(repr(library.export("beets", beets_folder, covers=ids)))
    if as_json:
        print_json(found.to_json())
        return
    click.echo("\n".join(found.lines(_MOST_SHOWN)))
