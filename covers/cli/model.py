"""``covers train``, ``covers model`` and ``covers embed``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from covers.cli.options.path_or_address import NamedPath
from covers.cli.options.recipe import recipe_options
from covers.cli.options.shared import (
    common_options,
    device_option,
    engine_options,
    open_for_command,
    refuse_idle,
    refuse_idle_address,
    seed_option,
)
from covers.cli.terminal.border import ExplainingGroup
from covers.cli.terminal.speech import print_document, print_json, tell
from covers.cli.terminal.tables import print_facts
from covers.workspace.registry import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from covers.model.training.train import TrainingReport
    from covers.model.training.watcher import TrainingWatcher


@contextmanager
def watch_training(*, is_quiet: bool) -> Iterator[TrainingWatcher]:
    """Show how training goes: a bar and a line per epoch, on stderr."""
    from covers.cli.terminal.progress import progress_bars
    from covers.model.training.watcher import TrainingWatcher

    with progress_bars() as report:

        class Watcher(TrainingWatcher):
            def stage(self, name: str, done: float, total: float) -> None:
                report(name, done, total)

            def epoch(self, phase: str, epoch: int, scores: dict[str, float]) -> None:
                if phase == "network" and not is_quiet:
                    shown = "  ".join(
                        f"{name.replace('_', ' ')} {value:.3f}"
                        for name, value in scores.items()
                    )
                    tell(f"epoch {epoch + 1}: {shown}")

            def note(self, text: str) -> None:
                tell(text)

        yield Watcher()


@click.command("train")
@common_options
@seed_option
@device_option
@recipe_options
@click.option("--offline", is_flag=True, help="Never touch the network.")
@click.option(
    "--resume", is_flag=True, help="Go on where an interrupted training stopped."
)
def train_command(
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    device: str | None,
    offline: bool,
    resume: bool,
    **given: Any,
) -> None:
    r"""Train the network that recognises genres and compares covers.

    First its last layer alone, then the whole network, where that is likely to
    be worth its time; it says what is known of that before it starts. Where a
    fifth of the covers has several genres, genres are independent;
    '--single-label' makes a cover's genres share it.

    \b
    covers train -w my-workspace
    covers train --arch resnet34 --epochs 10
    """
    library = open_for_command(workspace, device)
    with watch_training(is_quiet=as_json) as watcher:
        report = library.train(
            resume=resume, offline=offline, seed=seed, watcher=watcher, **given
        )
    show_training(report, as_json=as_json, workspace=workspace)


def show_training(report: TrainingReport, *, as_json: bool, workspace: Path) -> None:
    """Print what a training ended with."""
    from covers.model.card import describe_best
    from covers.model.network.embedder_names import shown_arch

    card, best = report.card, report.card.summary["best"]
    if as_json:
        print_document(report)
    else:
        click.echo(
            f"model {card.fingerprint[:8]}: {shown_arch(card.arch)}, {len(card.vocab)} genres, {card.embedding_dim}-d embeddings, "
            f"trained on {card.summary['n_train']:,} covers in {report.seconds:.0f} s"
        )
        click.echo(
            f"kept {describe_best(card)}; on {card.summary['n_tuning']} tuning covers "
            f"accuracy {best['accuracy']:.3f}, macro-F1 {best['macro_f1']:.3f}"
        )
    if report.failed:
        tell(f"{len(report.failed)} covers could not be read: see 'covers scan'")
    if report.is_interrupted:
        message = (
            "interrupted: the best epoch so far is kept as the model; "
            f"go on with 'covers train --resume -w {quote(workspace)}'"
        )
        raise click.ClickException(message)


@click.command("embed")
@common_options
@device_option
@engine_options
def embed_command(
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    engine: str,
    ray_address: str | None,
) -> None:
    r"""Turn every cover into the row of numbers that covers are compared by.

    These embeddings come out of the trained network. Interrupted, it goes on
    where it stopped.

    \b
    covers embed -w my-workspace
    covers embed --engine ray --ray-address 10.0.0.1:6379
    """
    from covers.cli.terminal.progress import progress_bar

    refuse_idle_address(engine)
    library = open_for_command(workspace, device)
    try:
        with progress_bar("embedding") as progress:
            report = library.embed(
                progress=progress, engine=engine, ray_address=ray_address
            )
    except KeyboardInterrupt:
        message = (
            "interrupted: what was embedded is kept; run the same command to go on"
        )
        raise click.ClickException(message) from None
    if as_json:
        print_document(report)
        return
    click.echo(f"{report.n_new:,} covers embedded, {report.n_known:,} were before")
    show_failures(report.failed)


def failures(failed: dict[str, str]) -> list[dict[str, str]]:
    """Turn reasons by path into a list for JSON."""
    return [{"path": path, "reason": reason} for path, reason in failed.items()]


def show_failures(failed: dict[str, str]) -> None:
    """Name the first few covers that failed, on stderr."""
    for path, reason in list(failed.items())[:10]:
        tell(f"failed: '{path}': {reason}")
    if len(failed) > 10:
        tell(f"… and {len(failed) - 10} more: '--json' lists all")


@click.group("model", cls=ExplainingGroup)
def model_command() -> None:
    """Show, export or import the trained network."""


def _subcommand(name: str) -> Callable[[Any], click.Command]:
    return lambda function: model_command.command(name)(common_options(function))


@_subcommand("info")
def info(
    *,
    workspace: Path,
    as_json: bool,
) -> None:
    r"""Show what the network is and how it was trained.

    \b
    covers model info -w my-workspace
    """
    from dataclasses import asdict

    from covers.model.card import summary_of
    from covers.model.network.embedder_names import shown_arch

    card = open_for_command(workspace).card
    if as_json:
        print_json(asdict(card))
        return
    summary = summary_of(card)
    best = summary["best"]
    rows = {
        "fingerprint": card.fingerprint,
        "architecture": f"{shown_arch(card.arch)}, {summary['n_parameters']:,} parameters",
        "pictures": f"{card.image_size} x {card.image_size} px",
        "embedding": f"{card.embedding_dim}-d",
        "genres": ", ".join(card.vocab),
        "labels": "independent" if card.multi_label else "genres share a cover",
        "trained": f"{card.stamp.created}, seed {card.stamp.seed}",
        "covers": f"{summary['n_train']:,} training, {summary['n_tuning']:,} tuning"
        + (
            f"; new pictures are answered by a head fitted on all {summary['final']['n_covers']:,}"
            if "final" in summary
            else ""
        ),
        "tuning": f"accuracy {best['accuracy']:.3f}, macro-F1 {best['macro_f1']:.3f} (see 'covers evaluate')",
    }
    print_facts(rows)


@model_command.command("export")
@click.argument("file", type=NamedPath(dir_okay=False))
@common_options
def export(
    *,
    file: Path,
    workspace: Path,
    as_json: bool,
) -> None:
    r"""Write the network to FILE, which ends in .safetensors or .onnx.

    A .safetensors file is the model with its whole description, for
    'covers model import'. An .onnx file holds the network with its
    normalisation, for programs without torch (needs the extra 'onnx').

    \b
    covers model export genres.safetensors -w my-workspace
    covers model export genres.onnx
    """
    card = open_for_command(workspace).export_model(file)
    if as_json:
        print_json({"file": str(file), "fingerprint": card.fingerprint})
        return
    click.echo(f"model {card.fingerprint[:8]} written to '{file}'")


@model_command.command("import")
@click.argument("file", type=NamedPath(dir_okay=False))
@common_options
@click.option("--replace", is_flag=True, help="Replace another model that is there.")
@click.option(
    "--trust-pickle",
    is_flag=True,
    help="Read a fastai export.pkl: that runs whatever code is in it, with your rights.",
)
def import_command(
    *,
    file: Path,
    workspace: Path,
    as_json: bool,
    replace: bool,
    trust_pickle: bool,
) -> None:
    r"""Take a network from FILE into the workspace.

    FILE is what 'covers model export' wrote. Of a fastai export.pkl only the
    backbone is taken, for 'covers train' to start from; its classifier is left
    behind.

    \b
    covers model import genres.safetensors -w my-workspace
    covers model import export.pkl --trust-pickle
    """
    from covers.model.card import PICKLE_SUFFIXES
    from covers.model.network.embedder_names import shown_arch

    is_pickle = file.suffix in PICKLE_SUFFIXES
    if is_pickle:
        refuse_idle(
            "for a whole model, and a fastai export is only a backbone", "replace"
        )
    else:
        refuse_idle("for a fastai export.pkl: leave it out", "trust_pickle")
    library = open_for_command(workspace)
    if is_pickle:
        arch = library.import_backbone(file, trust_pickle=trust_pickle)
        if as_json:
            print_json({"file": str(file), "backbone": arch})
            return
        click.echo(
            f"body of {arch} taken over as backbone: fit the head on it with "
            f"'covers train -w {quote(workspace)} --epochs 0', or fine-tune it with 'covers train -w {quote(workspace)} --epochs 8'"
        )
        return
    card = library.import_model(file, replace=replace)
    if as_json:
        print_json({"file": str(file), "fingerprint": card.fingerprint})
        return
    click.echo(
        f"model {card.fingerprint[:8]}: {shown_arch(card.arch)}, {', '.join(card.vocab)}; "
        f"embed the covers with it: 'covers index build -w {quote(workspace)}'"
    )
