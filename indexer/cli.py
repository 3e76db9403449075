"""``python -m indexer``: look at an index, search it, look after it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from indexer import printing
from indexer.errors import IndexDamagedError, IndexerError
from indexer.terminal import one_line, safe_streams

if TYPE_CHECKING:
    from indexer import VectorIndex

__all__ = ["main"]


class _Group(click.Group):
    """Print an expected error as one line and exit 1; let bugs keep their traceback."""

    def main(self, *args: Any, **options: Any) -> Any:
        with safe_streams():
            return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except IndexerError as error:
            raise click.ClickException(one_line(str(error))) from error


_FOLDER = click.Path(path_type=Path)
_folder = click.argument("folder", type=_FOLDER)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_dry_run = click.option("--dry-run", is_flag=True, help="Say what it would do, only.")
_wait = click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another writer.",
)
_structure = click.option(
    "--structure",
    metavar="KEY",
    help="'auto', 'exact' or a FAISS factory key, such as IVF1024,SQ8.",
)
_target_recall = click.option(
    "--target-recall",
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="Share of the true ten nearest that searches must find.",
)
_memory = click.option(
    "--memory-mib", type=click.IntRange(min=1), help="Bound of the structure's size."
)
_prefer = click.option(
    "--build",
    "prefer",
    type=click.Choice(["fast", "small", "quick-search"]),
    help="What 'auto' looks for: built fast (the default), small, or searched quickly "
    "however long the build takes.",
)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look at, search and look after a vector index in FOLDER.

    Results go to standard output, everything else to standard error. Exit
    status: 0 done, 1 a problem that was explained, 2 wrong usage.
    """


@main.command()
@_folder
@_json
def info(folder: Path, *, as_json: bool) -> None:
    """Say what the index in FOLDER holds.

    With --json, an index that cannot be opened is described as by verify.

    Example: python -m indexer info music/index
    """
    try:
        facts = _open(folder).info()
    except IndexDamagedError:
        if not as_json:
            raise
        from indexer.local.verification import verify_folder

        facts = verify_folder(folder).to_dict()
    printing.print_info(facts, as_json=as_json)
    if not facts["ok"]:
        raise SystemExit(1)


@main.command()
@_folder
@click.option(
    "--sample",
    "n_sampled",
    type=click.IntRange(min=0),
    default=256,
    show_default=True,
    help="Items to search for: self-retrieval and recall.",
)
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@_dry_run
@_wait
@_json
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
    if not report.ok:
        raise SystemExit(1)


@main.command()
@_folder
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
@_json
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

    index = _open(folder)
    try:
        options: dict[str, Any] = {
            "where": parse_where(index.schema, map(_split_pair, conditions)),
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
        _refuse(error)
    printing.print_answers(names, result, as_json=as_json)


@main.command()
@_folder
@_structure
@_target_recall
@_memory
@_prefer
@_dry_run
@_wait
@_json
def rebuild(
    folder: Path,
    *,
    structure: str | None,
    target_recall: float | None,
    memory_mib: int | None,
    prefer: str | None,
    dry_run: bool,
    wait_s: float,
    as_json: bool,
) -> None:
    """Build the structure again from the stored vectors.

    Example: python -m indexer rebuild music/index --structure IVF1024,SQ8
    """
    index = _open(folder, wait_s)
    try:
        change = index.rebuild(
            structure,
            target_recall=target_recall,
            memory_mib=memory_mib,
            prefer=prefer,
            dry_run=dry_run,
        )
    except ValueError as error:
        _refuse(error)
    printing.print_change(index, change, as_json=as_json)


@main.command()
@_folder
@_dry_run
@_wait
@_json
def compact(folder: Path, *, dry_run: bool, wait_s: float, as_json: bool) -> None:
    """Merge all segments into one without tombstones."""
    index = _open(folder, wait_s)
    printing.print_change(index, index.compact(dry_run=dry_run), as_json=as_json)


@main.command()
@_folder
@click.option("--to", type=int, help="A kept generation; the one before by default.")
@_dry_run
@_wait
@_json
def rollback(
    folder: Path, *, to: int | None, dry_run: bool, wait_s: float, as_json: bool
) -> None:
    """Make the content of an older generation current again.

    `info` lists the generations that are kept.
    """
    index = _open(folder, wait_s)
    change = index.rollback(to, dry_run=dry_run)
    printing.print_change(index, change, as_json=as_json)


@main.command()
@_folder
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
@_json
def recall(folder: Path, *, k: int, n_sampled: int, seed: int, as_json: bool) -> None:
    """Measure how many of the true neighbours searches find."""
    index = _open(folder)
    measure = index.measure_recall(k, n_sampled=n_sampled, seed=seed)
    printing.print_recall(index, measure, as_json=as_json)


@main.command()
@_folder
@click.argument("target", type=_FOLDER)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export.")
@_dry_run
@_json
def export(
    folder: Path, target: Path, *, overwrite: bool, dry_run: bool, as_json: bool
) -> None:
    """Write all items to vectors.npy and items.parquet in the folder TARGET."""
    index = _open(folder)
    index.export(target, overwrite=overwrite, dry_run=dry_run)
    outcome = {"generation": index.generation, "n": len(index), "dry_run": dry_run}
    if as_json:
        printing.print_json(outcome)
    else:
        verb = "would write" if dry_run else "wrote"
        click.echo(f"{verb} {len(index)} items to {str(target)!r}")


@main.command(name="import")
@_folder
@click.argument("vectors", type=_FOLDER)
@click.argument("items", type=_FOLDER)
@click.option("--id-column", default="id", show_default=True)
@click.option(
    "--fingerprint", "fingerprints", multiple=True, metavar="NAME=VALUE", help="Repeat."
)
@_structure
@_target_recall
@_memory
@_prefer
@click.option(
    "--store",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="How numbers are stored; half of the bytes move a similarity by up to 0.0005.",
)
@click.option("--replace", is_flag=True, help="Make it the next generation of FOLDER.")
@_dry_run
@_wait
@_json
def import_(
    folder: Path,
    vectors: Path,
    items: Path,
    *,
    id_column: str,
    fingerprints: tuple[str, ...],
    structure: str | None,
    target_recall: float | None,
    memory_mib: int | None,
    prefer: str | None,
    store: str,
    replace: bool,
    dry_run: bool,
    wait_s: float,
    as_json: bool,
) -> None:
    """Build an index in FOLDER of the files VECTORS (.npy) and ITEMS (Parquet).

    Example: python -m indexer import music/index vectors.npy items.parquet
    """
    from indexer import Change, VectorIndex
    from indexer.changes.plan import NewRows
    from indexer.changes.transfer import read_export
    from indexer.files.store import generations_on_disk, refuse_foreign_folder

    generations = generations_on_disk(folder)
    if generations and not replace:
        message = f"{str(folder)!r} holds an index: add --replace to follow it up"
        raise click.ClickException(message)
    try:
        if dry_run:
            refuse_foreign_folder(folder)
            new = NewRows.check(*read_export(vectors, items, id_column=id_column))
            n, current = len(new.ids), max(generations, default=0)
            change = Change(generation=current, n_items=n, added=n, is_dry_run=True)
            printing.print_change(None, change, as_json=as_json)
            return
        index = VectorIndex.from_files(
            folder,
            vectors,
            items,
            id_column=id_column,
            fingerprints=dict(_split_pair(pair) for pair in fingerprints),
            structure=structure or "auto",
            target_recall=target_recall or 0.99,
            memory_mib=memory_mib,
            prefer=prefer or "fast",
            store=store,
            lock_timeout_s=wait_s,
        )
    except (ValueError, TypeError) as error:
        raise click.ClickException(str(error)) from error
    change = Change(generation=index.generation, n_items=len(index), added=len(index))
    printing.print_change(index, change, as_json=as_json)


def _open(folder: Path, wait_s: float = 10.0) -> "VectorIndex":
    from indexer import VectorIndex

    return VectorIndex.open(folder, lock_timeout_s=wait_s)


def _load_vectors(path: Path) -> Any:
    """Read a .npy file of queries; one vector is one query."""
    from indexer.changes.transfer import read_matrix

    queries = read_matrix(path)
    return queries[None] if queries.ndim == 1 else queries


def _split_pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        message = f"{text!r} is not of the form NAME=VALUE"
        raise click.UsageError(message)
    return name, value


def _refuse(error: Exception) -> NoReturn:
    raise click.UsageError(str(error)) from error
