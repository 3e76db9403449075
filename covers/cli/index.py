"""``covers index``: build, update, check and repair the index of a workspace."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from covers.cli.options.choices import NameChoice
from covers.cli.options.renamed import renamed_option
from covers.cli.options.shared import (
    common_options,
    device_option,
    is_typed,
    open_for_command,
    refuse_idle,
    seed_option,
)
from covers.cli.terminal.border import ExplainingGroup
from covers.cli.terminal.speech import print_json, tell
from covers.cli.terminal.tables import print_facts, print_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_dry_run = click.option(
    "--dry-run", is_flag=True, help="Say what would be done, write nothing."
)
_structure = click.option(
    "--structure",
    default="auto",
    show_default=True,
    help="How near vectors are found: 'auto', 'exact', or a FAISS factory key such as 'IVF1024,SQ8'.",
)

_prefer = renamed_option(
    "--prefer",
    "prefer",
    before="--build",
    type=NameChoice(["fast", "small", "quick-search"]),
    default="fast",
    show_default=True,
    help="What 'auto' looks for in a large library: built fast, small, or searched quickly however long the build takes.",
)

_store = click.option(
    "--store",
    type=NameChoice(["float32", "float16", "int8"]),
    help="How numbers are stored; remembered in covers.toml. float16 takes half of the bytes and moves a similarity by up to 0.0005, "
    "int8 a quarter and up to 0.003 (of 512 dimensions; 0.008 of 32).  [default: as before, at first float32]",
)


@click.group("index", cls=ExplainingGroup)
def index_command() -> None:
    """Build, update, check and repair the search index."""


def _subcommand(name: str) -> Callable[[Any], click.Command]:
    return lambda function: index_command.command(name)(common_options(function))


def _build(
    workspace: Path,
    chosen: Mapping[str, Any],
    device: str | None,
    *,
    as_json: bool,
    dry_run: bool,
) -> None:
    """Build a new generation from catalogue, model and sources."""
    from covers.cli.model import failures, show_failures
    from covers.cli.terminal.progress import progress_bar

    library = open_for_command(workspace, device)
    if dry_run:
        if as_json:
            print_json({"n": len(library), "dry_run": True})
        else:
            click.echo(
                f"would embed what is missing of {len(library):,} covers and build a new generation in '{library.index_address}'"
            )
        return
    try:
        with progress_bar("embedding") as progress:
            report = library.build_index(**chosen, progress=progress)
    except KeyboardInterrupt:
        message = "interrupted: the old index stands, what was embedded is kept; run the same command to go on"
        raise click.ClickException(message) from None
    index = library.index
    if as_json:
        print_json(
            {
                **index.info(),
                "embedded": report.n_new,
                "failed": failures(report.failed),
            }
        )
        return
    click.echo(
        f"generation {index.generation}: {len(index):,} covers, {index.dimension}-d ({report.n_new:,} embedded now)"
    )
    (segment, *_) = index.info().get("segments") or [{}]
    if is_typed("prefer") and segment.get("structure") == "exact":
        tell(f"note: '--prefer' changes nothing here: {segment.get('why')}")
    show_failures(report.failed)


@_subcommand("build")
@device_option
@_structure
@click.option(
    "--embedder",
    help="Build an index of another embedder beside the workspace's own: 'clip:MODEL' knows words, 'timm:NAME' is a network as published.",
)
@click.option(
    "--weights",
    help="Of that embedder: 'pretrained' (fetched once), or a file.  [default: pretrained]",
)
@click.option("--offline", is_flag=True, help="Never touch the network.")
@_prefer
@_store
@_dry_run
def build(
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    structure: str,
    embedder: str | None,
    weights: str | None,
    offline: bool,
    prefer: str,
    store: str | None,
    dry_run: bool,
) -> None:
    r"""Build the index; covers that have no embedding yet get one.

    With --embedder a second index is built beside the workspace's own; 'covers
    run' and 'covers index update' keep it up to date.

    \b
    covers index build -w my-workspace
    covers index build --embedder clip:ViT-B-32
    """
    if embedder is None:
        refuse_idle("for '--embedder'", "weights", "offline")
        _refuse_idle_build(structure)
        chosen = {"structure": structure, "prefer": prefer, "store": store}
        _build(workspace, chosen, device, as_json=as_json, dry_run=dry_run)
        return
    refuse_idle(
        "for the workspace's own index, not for that of an '--embedder'",
        *("dry_run", "structure", "prefer", "store"),
    )
    _build_other(
        workspace,
        device,
        embedder,
        {"weights": weights, "offline": offline},
        as_json=as_json,
    )


def _refuse_idle_build(structure: str) -> None:
    """Refuse ``--prefer`` where the structure is named, and so nothing is left to choose."""
    if structure != "auto":
        refuse_idle("for '--structure auto'", "prefer")


def _build_other(
    workspace: Path,
    device: str | None,
    embedder: str,
    chosen: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """Build the index of another embedder."""
    from covers.cli.model import failures, show_failures
    from covers.cli.terminal.progress import progress_bar

    library = open_for_command(workspace, device)
    try:
        with progress_bar("embedding") as progress:
            failed = library.build_other_index(
                embedder, **chosen, progress=progress, say=tell
            )
    except KeyboardInterrupt:
        message = (
            "interrupted: what was embedded is kept; run the same command to go on"
        )
        raise click.ClickException(message) from None
    index = library.other_index(embedder)
    if as_json:
        print_json({**index.info(), "failed": failures(failed)})
        return
    name = index.fingerprints["embedder"]
    click.echo(
        f"index of {name}: {len(index):,} covers, {index.dimension}-d, generation {index.generation}"
    )
    show_failures(failed)


@_subcommand("rebuild")
@device_option
@_structure
@_prefer
@_store
@_dry_run
def rebuild(
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    structure: str,
    prefer: str,
    store: str | None,
    dry_run: bool,
) -> None:
    r"""Build the index anew, as after a training.

    \b
    covers index rebuild -w my-workspace
    """
    _refuse_idle_build(structure)
    chosen = {"structure": structure, "prefer": prefer, "store": store}
    _build(workspace, chosen, device, as_json=as_json, dry_run=dry_run)


@_subcommand("update")
@device_option
@click.option(
    "--scan/--no-scan",
    default=True,
    show_default=True,
    help="Look through the sources first.",
)
@_dry_run
def update(
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    scan: bool,
    dry_run: bool,
) -> None:
    r"""Take new and changed covers into the index, and drop those that are gone.

    With --dry-run the sources are not looked through: the catalogue, as the last
    'covers scan' left it, is compared with the index.

    \b
    covers index update -w my-workspace
    """
    from covers.cli.terminal.progress import progress_bars

    if dry_run and scan:
        refuse_idle(
            "for an update: with '--dry-run' no source is looked through", "scan"
        )
    with progress_bars() as progress:
        report = open_for_command(workspace, device).update_index(
            scan=scan, dry_run=dry_run, progress=progress
        )
    if as_json:
        print_json(asdict(report))
        return
    click.echo(
        f"{'would be ' if dry_run else ''}{report.added:,} added, {report.changed:,} changed, {report.moved:,} moved or "
        f"relabelled, {report.removed:,} removed;\n{report.unchanged:,} unchanged: generation {report.generation}"
    )
    for entry in report.failed[:10]:
        tell(f"failed: '{entry['path']}': {entry['reason']}")


@_subcommand("info")
def info(
    *,
    workspace: Path,
    as_json: bool,
) -> None:
    r"""Show what the index holds.

    \b
    covers index info -w my-workspace
    """
    said = open_for_command(workspace).index_info(allow_damaged=as_json)
    if as_json:
        print_json(said)
        if not said["ok"]:
            raise click.exceptions.Exit(1)
        return
    said["fingerprints"] = {k: v[:8] for k, v in said["fingerprints"].items()}
    facts = {
        name: ", ".join(f"{k} {v}" for k, v in value.items())
        if isinstance(value, dict)
        else value
        for name, value in said.items()
        if name not in ("ok", "problems", "segments")
    }
    print_facts({**facts, "segments": len(said["segments"])})


@_subcommand("verify")
@seed_option
@device_option
@renamed_option(
    "--n-pictures",
    before="--sample",
    type=click.IntRange(min=0),
    default=16,
    show_default=True,
    help="Pictures that are embedded again and compared.",
)
def verify(
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    device: str | None,
    n_pictures: int,
) -> None:
    r"""Check that the index is whole and right; the exit code is 1 if it is not.

    Counts, checksums and answers are checked, and a sample of pictures is
    embedded again and compared.

    \b
    covers index verify -w my-workspace
    """
    if not n_pictures:
        refuse_idle("for pictures: '--n-pictures 0' compares none", "seed", "device")
    report = open_for_command(workspace, device).verify_index(
        n_pictures=n_pictures, seed=seed
    )
    if as_json:
        print_json(report.to_json())
    elif report.ok:
        print_text(repr(report))
    else:
        click.echo(repr(report))
    for name in report.missing_sources:
        tell(
            f"note: source {name!r} is not there today: its pictures were not compared"
        )
    if not report.ok:
        raise click.exceptions.Exit(1)


@_subcommand("rollback")
@click.option(
    "--to",
    type=click.IntRange(min=1),
    help="Generation to go back to; by default the one before.",
)
@_dry_run
def rollback(
    *,
    workspace: Path,
    as_json: bool,
    to: int | None,
    dry_run: bool,
) -> None:
    r"""Go back to the index as it was before the last change.

    \b
    covers index rollback -w my-workspace
    """
    change = open_for_command(workspace).rollback_index(to, dry_run=dry_run)
    if as_json:
        print_json(asdict(change))
    else:
        click.echo(
            f"{'would go' if dry_run else 'went'} back: generation {change.generation}, {change.n_items:,} covers"
        )
