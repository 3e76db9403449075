"""The options that decide which genres a library has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from covers.cli.options.choices import NameChoice
from covers.cli.options.path_or_address import NamedPath
from covers.cli.options.renamed import renamed_option

if TYPE_CHECKING:
    from pathlib import Path

_GENRE_OPTIONS = (
    renamed_option(
        "--genre-level",
        "genre_level",
        before="--level",
        type=NameChoice(["broad", "fine"]),
        help="Broad genres (Metal), or fine ones as they are (Black Metal).  [default: fine]",
    ),
    renamed_option(
        "--genre-mapping",
        "genre_mapping",
        before="--map",
        type=NameChoice(["tags", "all", "none"]),
        help="Call a genre by its usual name, whatever else it is called (hiphop and Rap/Hip Hop become Hip Hop): tags in music tags only, all in folders and tables too, none nowhere.  [default: tags]",
    ),
    click.option(
        "--genre-table",
        type=NamedPath(exists=True, dir_okay=False),
        help="Your own spellings and tree of genres; see docs/method/genres-and-splits.md.",
    ),
    click.option(
        "--genre-separators",
        help="Characters that separate genres in one string.  [default: ; / , | and NUL]",
    ),
    renamed_option(
        "--ignored-genre",
        "ignored_genres",
        before="--ignore-genre",
        multiple=True,
        metavar="NAME",
        help="A name that is no genre, such as Other; repeat it for several, '' for none.",
    ),
    click.option(
        "--genre-minimum",
        type=click.IntRange(min=1),
        help="Genres with fewer covers are left out of the training.  [default: 10]",
    ),
)


def genre_options(command: Any) -> Any:
    """Add the options that decide about genres."""
    for option in reversed(_GENRE_OPTIONS):
        command = option(command)
    return command


def split_options(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options about genres, and all others."""

    @genre_options
    def bare() -> None:
        """Do nothing: only the options of this command are used."""

    about_genres = {option.name for option in vars(bare)["__click_params__"]}
    return (
        {name: value for name, value in given.items() if name in about_genres},
        {name: value for name, value in given.items() if name not in about_genres},
    )


def given_settings(changes: dict[str, Any], workspace: Path) -> dict[str, Any]:
    """Return the settings that were given, paths relative to the workspace."""
    from covers.workspace.paths import Workspace

    given = {name: value for name, value in changes.items() if value not in (None, ())}
    if "ignored_genres" in given:
        given["ignored_genres"] = tuple(filter(None, given["ignored_genres"]))
    if "genre_table" in given:
        given["genre_table"] = Workspace(workspace).relative(given["genre_table"])
    return given
