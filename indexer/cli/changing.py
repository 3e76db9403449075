"""Commands that change an index, make one of files, or write one to files."""

from pathlib import Path

import click

from indexer.cli import printing
from indexer.cli.group import (
    FOLDER,
    dry_run_option,
    folder_argument,
    json_option,
    open_index,
    refuse,
    split_pair,
    structure_options,
    wait_option,
)

__all__ = ["compact", "export", "import_", "rebuild", "rollback"]


@click.command()
@folder_argument
@structure_options
@dry_run_option
@wait_option
@json_option
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
    index = open_index(folder, wait_s)
    try:
        change = index.rebuild(
            structure,
            target_recall=target_recall,
            memory_mib=memory_mib,
            prefer=prefer,
            dry_run=dry_run,
        )
    except ValueError as error:
        refuse(error)
    printing.print_change(index, change, as_json=as_json)


@click.command()
@folder_argument
@dry_run_option
@wait_option
@json_option
def compact(folder: Path, *, dry_run: bool, wait_s: float, as_json: bool) -> None:
    """Merge all segments into one without tombstones."""
    index = open_index(folder, wait_s)
    printing.print_change(index, index.compact(dry_run=dry_run), as_json=as_json)


@click.command()
@folder_argument
@click.option("--to", type=int, help="A kept generation; the one before by default.")
@dry_run_option
@wait_option
@json_option
def rollback(
    folder: Path, *, to: int | None, dry_run: bool, wait_s: float, as_json: bool
) -> None:
    """Make the content of an older generation current again.

    `info` lists the generations that are kept.
    """
    index = open_index(folder, wait_s)
    change = index.rollback(to, dry_run=dry_run)
    printing.print_change(index, change, as_json=as_json)


@click.command()
@folder_argument
@click.argument("target", type=FOLDER)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export.")
@dry_run_option
@json_option
def export(
    folder: Path, target: Path, *, overwrite: bool, dry_run: bool, as_json: bool
) -> None:
    """Write all items to vectors.npy and items.parquet in the folder TARGET."""
    index = open_index(folder)
    index.export(target, overwrite=overwrite, dry_run=dry_run)
    outcome = {"generation": index.generation, "n": len(index), "dry_run": dry_run}
    if as_json:
        printing.print_json(outcome)
    else:
        verb = "would write" if dry_run else "wrote"
        click.echo(f"{verb} {len(index)} items to {str(target)!r}")


@click.command(name="import")
@folder_argument
@click.argument("vectors", type=FOLDER)
@click.argument("items", type=FOLDER)
@click.option("--id-column", default="id", show_default=True)
@click.option(
    "--fingerprint", "fingerprints", multiple=True, metavar="NAME=VALUE", help="Repeat."
)
@structure_options
@click.option(
    "--store",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="How numbers are stored; of 512 dimensions half of the bytes (float16) move a "
    "similarity by up to 0.0005, a quarter (int8) by up to 0.003.",
)
@click.option("--replace", is_flag=True, help="Make it the next generation of FOLDER.")
@dry_run_option
@wait_option
@json_option
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
            fingerprints=dict(split_pair(pair) for pair in fingerprints),
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
