"""``covers search``, ``covers classify`` and ``covers explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from covers.cli.options.choices import FloatRange
from covers.cli.options.path_or_address import NamedPath
from covers.cli.options.shared import common_options, device_option, open_for_command
from covers.cli.terminal.speech import print_json
from covers.errors import DataError
from indexer.terminal import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from covers.library.library import Library

level_option = click.option(
    "--level",
    type=FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="How often the set of genres shall hold the right one.",
)


@click.command("search")
@click.argument("queries", metavar="QUERY...", nargs=-1)
@common_options
@click.option(
    "--text",
    "texts",
    multiple=True,
    help="Words to search for, whatever they look like; may be repeated.",
)
@click.option(
    "-k",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many covers to find.",
)
@click.option(
    "--genre",
    "genres",
    multiple=True,
    help="Only covers of this genre; given again, of any of them.",
)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only covers with this value; a range is LOW..HIGH. Given again for the same column: any of them.",
)
@click.option("--one-per-artist", is_flag=True, help="Only the nearest of each artist.")
@click.option(
    "--less",
    multiple=True,
    metavar="QUERY",
    help="A picture, cover or words that the hits shall be less like; repeat it for several.",
)
@device_option
def search_command(
    queries: tuple[str, ...],
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    texts: tuple[str, ...],
    k: int,
    genres: tuple[str, ...],
    conditions: tuple[str, ...],
    one_per_artist: bool,
    less: tuple[str, ...],
) -> None:
    r"""Find the covers most like a picture or another cover, or that words describe.

    QUERY is a picture file, the id of a cover, which may be shortened as long
    as it is unambiguous, or words. What names no file and is no id (4 to 32 of
    0-9a-f) is words; '--text' says that it is. Several are put together: the
    mean of their unit vectors is searched for. Words need an index that knows
    them: 'covers index build --embedder clip:ViT-B-32'.

    \b
    covers search sleeve.jpg -k 5 --genre Jazz
    covers search 3f9a02 --where year=1970..1979 --json
    covers search "black-and-white portrait"
    covers search "desert" sleeve.jpg
    covers search a.jpg b.jpg --less sleeve.jpg
    """
    if not queries and not texts:
        message = "give a picture file, the id of a cover, or words"
        raise click.UsageError(message)
    library = open_for_command(workspace, device)
    where = _filter(library, [*conditions, *(f"genres={name}" for name in genres)])
    hits = library.search(
        queries,
        k,
        text=texts,
        less=less,
        where=where,
        one_per_artist=one_per_artist,
    )
    if as_json:
        print_json(hits.to_json())
        return
    from covers.index.hits import show_hits

    click.echo(show_hits(hits.hits))
    for note in hits.notes:
        click.echo(note, err=True)


@click.command("classify")
@click.argument("pictures", nargs=-1, required=True)
@common_options
@level_option
@device_option
def classify_command(
    pictures: tuple[str, ...],
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    level: float,
) -> None:
    r"""Say which genres a picture looks like, how sure that is, and why.

    A picture is a file, or the id of a cover of the library. Pictures that
    cannot be read are named and left out; the exit code is then 1.

    \b
    covers classify sleeve.jpg
    covers classify *.jpg --json --level 0.8
    """
    library = open_for_command(workspace, device)
    queries = library.ask(pictures, to_classify=True)
    if not queries.items:
        queries.refuse_broken()
    answers = library.classify(queries, level=level)
    if as_json:
        print_json(answers.to_json())
    else:
        for answer in answers:
            click.echo(f"{answer!r}\n")
    for name, reason in queries.broken.items():
        click.echo(f"'{one_line(name)}': {one_line(reason)}", err=True)
    if queries.broken:
        raise click.exceptions.Exit(1)


@click.command("explain")
@click.argument("picture")
@common_options
@click.option(
    "--genre", help="The genre to look for in the picture.  [default: the likeliest]"
)
@click.option(
    "-o",
    "--output",
    type=NamedPath(dir_okay=False),
    help="The picture of where the network looked: .png, .jpg or .webp.  [default: in the workspace]",
)
@level_option
@device_option
def explain_command(
    picture: str,
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    genre: str | None,
    output: Path | None,
    level: float,
) -> None:
    r"""Show why a picture was classified as it was, and where the network looked.

    PICTURE is a file, or the id of a cover of the library. Shown are the
    neighbours that vote, with their weights; the fewest without whom another
    genre would win; and a picture of where the network looked.

    \b
    covers explain sleeve.jpg
    """
    library = open_for_command(workspace, device)
    if output is not None:
        from covers.classify.answers import PICTURE_FORMATS
        from covers.workspace.disk.outputs import output_file

        output = output_file("output", output, *PICTURE_FORMATS)
    explained = library.explain(picture, genre=genre, level=level)
    answer = explained.answer
    path = explained.save(output or library.workspace.explanation_path(answer.cover_id))
    if as_json:
        print_json({**answer.to_json(), "genre": explained.genre, "picture": str(path)})
        return
    click.echo(f"{answer!r}\n\n{answer.flip_in_words}")
    click.echo(f"where the network sees {explained.genre}: {path}")


def _filter(library: Library, conditions: list[str]) -> dict[str, Any]:
    """Read the filters of a command line; a wrong one is wrong usage."""
    from covers.index.search import parse_filters

    if not conditions:
        return {}
    schema = library.index.schema
    try:
        return parse_filters(schema, conditions)
    except DataError as error:
        raise click.BadParameter(str(error), param_hint="--where") from error
