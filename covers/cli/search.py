"""``covers search``, ``covers classify`` and ``covers explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from covers.cli.options import common_options, device_option, print_json
from covers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.classify.classify import Answer
    from covers.classify.query import Pictures
    from indexer.index import VectorIndex

_SPARE_PER_ARTIST = 10


@click.command("search")
@click.argument("query")
@common_options
@device_option
@click.option(
    "-k",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many covers to find.",
)
@click.option("--genre", help="Only covers of this genre.")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only covers with this value; a range is LOW..HIGH. May be given several times.",
)
@click.option("--one-per-artist", is_flag=True, help="Only the nearest of each artist.")
def search_command(
    query: str,
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    k: int,
    genre: str | None,
    conditions: tuple[str, ...],
    one_per_artist: bool,
) -> None:
    r"""Find the covers most like QUERY: a picture file, or the id of a cover.

    An id may be shortened as long as it is unambiguous.

    \b
    covers search sleeve.jpg -k 5 --genre Jazz
    covers search 3f9a02 --where year=1970..1979 --json
    """
    from covers.classify.answers import (
        describe_neighbours,
        find_cover,
        keep_one_per_artist,
    )

    index = _open_index(workspace)
    where = parse_conditions(conditions, index)
    if genre is not None:
        where["genres"] = genre
        _check_genre(index, genre)
    wanted = k * _SPARE_PER_ARTIST if one_per_artist else k
    cover_id = None if Path(query).is_file() else find_cover(index, query)
    if cover_id is not None:
        found = index.neighbours_of([cover_id], wanted, where=where or None)
    else:
        from covers.classify.query import embed_pictures

        pictures = embed_pictures(workspace, [Path(query)], device=device)
        pictures.refuse_broken()
        found = index.search(pictures.embeddings, wanted, where=where or None)
    pairs = [
        (int(row), float(similarity))
        for row, similarity in zip(found.rows[0], found.similarities[0], strict=True)
        if row >= 0
    ]
    neighbours = describe_neighbours(index, pairs)
    if one_per_artist:
        neighbours = keep_one_per_artist(neighbours)[:k]
    if as_json:
        print_json(
            {
                "query": query if cover_id is None else cover_id,
                "index": {
                    "generation": index.generation,
                    "model": index.fingerprints.get("model"),
                },
                "neighbours": neighbours,
                "notes": list(found.notes) if len(neighbours) < k else [],
            }
        )
        return
    _print_neighbours(neighbours)
    for note in found.notes if len(neighbours) < k else ():
        click.echo(note, err=True)


@click.command("classify")
@click.argument(
    "images",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@common_options
@device_option
@click.option(
    "--level",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="How often the set of genres shall hold the truth.",
)
def classify_command(
    images: tuple[Path, ...],
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    level: float,
) -> None:
    r"""Say which genres IMAGES look like, how sure that is, and why.

    Pictures that cannot be read are named and left out; the exit code is then 1.

    \b
    covers classify sleeve.jpg
    covers classify *.jpg --json --level 0.8
    """
    from covers.classify.answers import describe_answer

    pictures, index, answer, vocab = _classify(workspace, images, device, level)
    results = [
        describe_answer(str(path), answer, number, index, vocab, level)
        for number, path in enumerate(pictures.paths)
    ]
    if as_json:
        print_json(results)
    else:
        for result in results:
            _print_answer(result)
    for path, reason in pictures.broken.items():
        click.echo(f"'{path}': {reason}", err=True)
    if pictures.broken:
        raise click.exceptions.Exit(1)


@click.command("explain")
@click.argument("image", type=click.Path(path_type=Path))
@common_options
@device_option
@click.option(
    "--genre", help="Where does the network see this genre?  [default: the likeliest]"
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The picture of where the network looked.  [default: IMAGE-explained.png, here]",
)
def explain_command(
    image: Path,
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    genre: str | None,
    output: Path | None,
) -> None:
    r"""Show the evidence behind the classification of IMAGE.

    The neighbours that vote, with their weights; the fewest without whom
    another genre would win; and a picture of where the network looked.

    \b
    covers explain sleeve.jpg
    """
    from covers.classify.answers import (
        describe_answer,
        describe_flip,
        describe_voters,
    )
    from covers.classify.query import write_heat

    pictures, index, answer, vocab = _classify(workspace, (image,), device, 0.9)
    pictures.refuse_broken()
    result = describe_answer(str(image), answer, 0, index, vocab, 0.9)
    evidence = answer.evidence[0]
    result["neighbours"] = describe_voters(index, evidence, len(evidence.rows))
    result["flip"] = describe_flip(evidence, index, vocab)
    path = output or Path(f"{image.stem}-explained.png")
    seen = write_heat(pictures, 0, path, genre)
    result["picture"] = str(path)
    if as_json:
        print_json(result)
        return
    _print_answer(result)
    click.echo(f"\n{result['flip']['said']}")
    click.echo(f"where the network sees {seen}: {path}")


def _open_index(workspace: Path) -> VectorIndex:
    """Open the index without settings, pandas, scikit-learn or torch: searching by id is quick."""
    from covers.errors import StaleError
    from covers.model.card import read_card
    from indexer.errors import IndexMismatchError, IndexNotFoundError
    from indexer.index import VectorIndex

    folder = workspace / "index"
    try:
        index = VectorIndex.open(folder)
    except IndexNotFoundError as error:
        message = f"no index in '{folder}': build one with 'covers index build -w {workspace}'"
        raise IndexNotFoundError(message) from error
    card = read_card(workspace / "model")
    try:
        index.refuse_mismatch({"model": card.fingerprint})
    except IndexMismatchError as error:
        made_by = str(index.fingerprints.get("model"))[:8]
        message = (
            f"index '{folder}' was built with model {made_by}… ({index.dimension}-d), the model at hand is "
            f"{card.fingerprint[:8]}… ({card.embedding_dim}-d): run 'covers index rebuild -w {workspace}'"
        )
        raise StaleError(message) from error
    return index


def _classify(
    workspace: Path, images: Sequence[Path], device: str | None, level: float
) -> tuple[Pictures, VectorIndex, Answer, tuple[str, ...]]:
    """Embed pictures and classify them."""
    from covers.classify.classify import classify_embeddings
    from covers.classify.query import embed_pictures
    from covers.evaluate.checks import align_columns
    from covers.evaluate.stage import read_decision
    from covers.model.card import read_card
    from covers.workspace.paths import Workspace

    place = Workspace.open(workspace)
    index = _open_index(workspace)
    decision = read_decision(place, read_card(place.model_folder).fingerprint)
    pictures = embed_pictures(workspace, images, device=device)
    if not pictures.paths:
        pictures.refuse_broken()
    columns = align_columns(decision.vocab, pictures.vocab)
    answer = classify_embeddings(
        pictures.embeddings,
        pictures.p_cnn[:, columns],
        index,
        decision,
        p_labels=None if pictures.p_labels is None else pictures.p_labels[:, columns],
        exclude_ids=pictures.cover_ids,
        level=level,
    )
    return pictures, index, answer, decision.vocab


def parse_conditions(conditions: Sequence[str], index: VectorIndex) -> dict[str, Any]:
    """Turn ``COLUMN=VALUE`` and ``COLUMN=LOW..HIGH`` into a filter of the index.

    Raises
    ------
    click.BadParameter
        If a condition has no ``=``, an unknown column, or is no number where
        the column holds numbers.
    """
    import pyarrow as pa

    where: dict[str, Any] = {}
    if not conditions:
        return where
    schema = index.columns.schema
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if not equals or name not in schema.names:
            message = f"{condition!r} is not COLUMN=VALUE with one of the columns {', '.join(schema.names)}"
            raise click.BadParameter(message, param_hint="--where")
        kind = schema.field(name).type
        cast = (
            int
            if pa.types.is_integer(kind)
            else float
            if pa.types.is_floating(kind)
            else str
        )
        try:
            low, dots, high = value.partition("..")
            if dots and cast is not str:
                where[name] = (cast(low) if low else None, cast(high) if high else None)
            else:
                where[name] = cast(value)
        except ValueError as error:
            message = f"{value!r} is no number, but column {name!r} holds numbers"
            raise click.BadParameter(message, param_hint="--where") from error
    return where


def _check_genre(index: VectorIndex, genre: str) -> None:
    """Refuse a genre that no cover has, naming those there are."""
    known = {
        g for genres in index.columns.column("genres").to_pylist() for g in genres or ()
    }
    if genre not in known:
        message = f"no cover of genre {genre!r} in the index: it has {', '.join(sorted(known)) or 'none'}"
        raise DataError(message)


def _print_neighbours(neighbours: list[dict[str, Any]]) -> None:
    """Print neighbours for people."""
    weighted = bool(neighbours) and "weight" in neighbours[0]
    for neighbour in neighbours:
        title = " · ".join(
            str(part) for part in (neighbour["artist"], neighbour["album"]) if part
        )
        year = f" ({neighbour['year']})" if neighbour["year"] else ""
        weight = f"{100 * neighbour['weight']:5.1f} %  " if weighted else ""
        click.echo(
            f"{neighbour['similarity']:.3f}  {weight}{neighbour['cover_id'][:8]}  "
            f"{', '.join(neighbour['genres'] or ['?']):<20}  {title or neighbour['path']}{year}"
        )


def _print_answer(result: dict[str, Any]) -> None:
    """Print one classification for people."""
    from covers.classify.answers import MOST_NEIGHBOURS

    blend = result["blend"]
    ranked = sorted(blend, key=lambda genre: -blend[genre])
    said = {
        "sure": f"{ranked[0]}",
        "unsure": f"unsure, perhaps {ranked[0]}",
        "unfamiliar": f"unlike anything in this library, perhaps {ranked[0]}",
    }[result["verdict"]]
    inside = [genre for genre in ranked if genre in result["set"]]
    click.echo(f"\n{result['query']}: {said}")
    click.echo(
        f"  one of these in {100 * result['level']:g} % of cases: {', '.join(inside) or 'none'}"
    )
    if "named" in result:
        odds = sorted(result["named"], key=lambda genre: -result["labels"][genre])
        shown = (f"{genre} {100 * result['labels'][genre]:.0f} %" for genre in odds)
        click.echo(f"  has the genres: {', '.join(shown)}")
    click.echo(f"  {'genre':<20}{'both':>8}{'network':>9}{'vote':>8}")
    for genre in ranked[:6]:
        click.echo(
            f"  {genre[:19]:<20}{100 * blend[genre]:7.1f}%{100 * result['cnn'][genre]:8.1f}%"
            f"{100 * result['vote'][genre]:7.1f}%"
        )
    click.echo("  voters, nearest first: similarity, weight")
    _print_neighbours(result["neighbours"][:MOST_NEIGHBOURS])
