"""Commands that look at an index: what it holds, whether it is whole, what is near."""

from pathlib import Path
from typing import Any

import click

from indexer.cli import printing
from indexer.cli.group import (
    dry_run_option,
    folder_argument,
    json_option,
    open_index,
    refuse,
    split_pair,
    wait_option,
)
from indexer.errors import IndexDamagedError

__all__ = ["info", "recall", "search", "verify"]


@click.command()
@folder_argument
@json_option
def info(folder: Path, *, as_json: bool) -> None:
    """Say what the index in FOLDER holds.

    With --json, an index that cannot be opened is described as by verify.

    Example: python -m indexer info music/index
    """
    try:
        facts = open_index(folder).info()
    except IndexDamagedError:
        if not as_json:
            raise
        from indexer.local.verification import verify_folder

        facts = verify_folder(folder).to_dict()
    printing.print_info(facts, as_json=as_json)
    if not facts["ok"]:
        raise SystemExit(1)


@click.command()
@folder_argument
@click.option(
    "--sample",
    "n_sampled",
    type=click.IntRange(min=0),
    default=256,
    show_default=True,
    help="Items to search for: self-retrieval and recall.",
)
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@dry_run_option
@wait_option
@json_option
def verify(
    folder: Path,
    *,
    n_sampled: int,
    repair: bool,
    dry_run: bool,
    wait_s: float,
    as_json: bool,
) -> None:
    """Check every file of the index, its counts, ids, vectors and answers.

    Exit status 1 when something is wrong. With --repair a damaged structure
    or lookup is made again from vectors and ids; where those are damaged, the
    newest older generation that is whole becomes current.

    Example: python -m indexer verify music/index --repair
    """
    from indexer.local.repair import repair_folder
    from indexer.local.verification import verify_folder

    report = verify_folder(folder, n_sampled=n_sampled)
    if repair and not dry_run and not report.ok:
        printing.print_problems(report)
        report = repair_folder(folder, lock_timeout_s=wait_s)
    if as_json:
        printing.print_json(report.to_dict())
    else:
        printing.print_problems(report)
        if report.ok:
            click.echo(
                f"generation {report.info['generation']} is whole: "
                f"{report.info['n']} items, {report.checks['files']:.0f} files, "
                f"{report.checks['bytes'] / 2**20:.1f} MiB"
            )
            if "cell_fit" in report.checks:
                click.echo(
                    f"similarity of vectors to the centres of their lists: "
                    f"{report.checks['cell_fit']:.3f}, and "
                    f"{report.checks['cell_fit_when_trained']:.3f} when these were made"
                )
    if not report.ok:
        raise SystemExit(1)


@click.command()
@folder_argument
@click.option("--id", "ids", multiple=True, help="Search near this item; repeatable.")
@click.option(
    "--vectors",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Search near the vectors of this .npy file.",
)
@click.option("-k", "--k", type=click.IntRange(min=1), default=10, show_default=True)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only items with this value; year=1970..1979 is a range; repeat a column "
    "for one of several values.",
)
@click.option("--exclude", multiple=True, metavar="ID", help="Leave an item out.")
@click.option("--exact", is_flag=True, help="Leave the approximate structure aside.")
@json_option
def search(
    folder: Path,
    *,
    ids: tuple[str, ...],
    vectors: Path | None,
    k: int,
    conditions: tuple[str, ...],
    exclude: tuple[str, ...],
    exact: bool,
    as_json: bool,
) -> None:
    """Find the items most similar to an item or a vector.

    Example: python -m indexer search music/index --id 3f9a --where genre=Rock
    """
    if bool(ids) == (vectors is not None):
        message = "give either --id or --vectors"
        raise click.UsageError(message)
    from indexer.filters import parse_where

    index = open_index(folder)
    try:
        options: dict[str, Any] = {
            "where": parse_where(index.schema, map(split_pair, conditions)),
            "exclude_ids": list(exclude),
            "exact": exact,
        }
        if vectors is None:
            names = list(ids)
            result = index.neighbours_of(names, k, **options)
        else:
            queries = _load_vectors(vectors)
            names = [f"{vectors.name}[{row}]" for row in range(len(queries))]
            result = index.search(queries, k, **options)
    except ValueError as error:
        refuse(error)
    printing.print_answers(names, result, as_json=as_json)


@click.command()
@folder_argument
@click.option("-k", "--k", type=click.IntRange(min=1), default=10, show_default=True)
@click.option(
    "--sample",
    "n_sampled",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Stored items to search for.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def recall(folder: Path, *, k: int, n_sampled: int, seed: int, as_json: bool) -> None:
    """Measure how many of the true neighbours searches find."""
    index = open_index(folder)
    measure = index.measure_recall(k, n_sampled=n_sampled, seed=seed)
    printing.print_recall(index, measure, as_json=as_json)


def _load_vectors(path: Path) -> Any:
    """Read a .npy file of queries; one vector is one query."""
    from indexer.changes.transfer import read_matrix

    queries = read_matrix(path)
    return queries[None] if queries.ndim == 1 else queries
