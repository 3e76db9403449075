"""``covers run`` and ``covers status``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from covers.cli.model import recipe_options
from covers.cli.options import common_options, print_json

if TYPE_CHECKING:
    from covers.pipeline import Stage


@click.command("run")
@click.argument("sources", nargs=-1, type=click.Path(path_type=Path))
@common_options
@recipe_options
@click.option(
    "--kind",
    type=click.Choice(["auto", "folders", "manifest", "music"]),
    default="auto",
    show_default=True,
    help="What the given sources are.",
)
@click.option("--offline", is_flag=True, help="Never touch the network.")
@click.option("--retrain", is_flag=True, help="Train even if the model is still good.")
@click.option(
    "--analysis/--no-analysis",
    default=True,
    show_default=True,
    help="Overlap, clusters and map too.",
)
def run_command(
    sources: tuple[Path, ...],
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    device: str | None,
    kind: str,
    offline: bool,
    retrain: bool,
    analysis: bool,
    **given: Any,
) -> None:
    r"""Do every stale stage in order and end with the evaluation.

    SOURCES are folders with one folder per genre, manifests (CSV, TSV,
    Parquet) or music libraries; they are remembered. What is up to date is
    left alone: a second run takes seconds. Interrupted, it goes on where it
    stopped.

    \b
    covers run ~/covers/by-genre -w my-workspace
    covers run -w my-workspace          after adding covers
    """
    run_pipeline(
        sources,
        workspace,
        kind=kind,
        seed=seed,
        device=device,
        offline=offline,
        retrain=retrain,
        analysis=analysis,
        given=given,
        as_json=as_json,
    )


def run_pipeline(
    sources: tuple[Path, ...],
    workspace: Path,
    *,
    kind: str = "auto",
    seed: int | None = None,
    device: str | None = None,
    offline: bool = False,
    retrain: bool = False,
    analysis: bool = True,
    given: dict[str, Any] | None = None,
    as_json: bool = False,
) -> None:
    """Scan, then make what is missing or stale, telling what is done; prints the evaluation last."""
    from covers.cli.evaluate import show_evaluation
    from covers.cli.model import choose_recipe
    from covers.cli.progress import progress_bars
    from covers.intake.scan import scan_workspace
    from covers.pipeline import Pipeline
    from covers.workspace.paths import Workspace
    from covers.workspace.settings import write_settings

    def say(text: str) -> None:
        click.echo(text, err=True)

    try:
        with progress_bars() as stage:
            scan = scan_workspace(
                workspace,
                sources,
                kind=kind,
                seed=seed,
                progress=lambda done, n: stage("reading pictures", done, n),
            )
        problems = sum(scan.problems.values())
        say(
            f"scan: {scan.n_covers:,} covers of {len(scan.genres)} genres"
            + (
                f", {problems} problems listed in '{scan.problems_path}'"
                if problems
                else ""
            )
        )
        place = Workspace.open(workspace)
        recipe, remembered = choose_recipe(workspace, place.settings, given or {})
        if remembered != place.settings.train:
            write_settings(workspace, {"train": remembered})
        pipeline = Pipeline(
            place,
            recipe,
            seed=place.settings.seed if seed is None else seed,
            device=device or place.settings.device,
            offline=offline,
        )
        with progress_bars() as stage:
            pipeline.run(say=say, stage=stage, retrain=retrain, analysis=analysis)
    except KeyboardInterrupt:
        message = f"interrupted: nothing is lost; 'covers run -w {workspace}' goes on where it stopped"
        raise click.ClickException(message) from None
    show_evaluation(place, as_json=as_json)
    if not as_json:
        say(f"\nlook at it: covers dashboard -w {workspace}")


@click.command("status")
@common_options
def status_command(
    *, workspace: Path, as_json: bool, seed: int | None, device: str | None
) -> None:
    """Show the chain of artefacts, what is stale and why, and the settings in force."""
    from covers.cli.model import choose_recipe
    from covers.pipeline import inspect_workspace
    from covers.workspace.paths import Workspace

    place = Workspace.open(workspace)
    recipe, _ = choose_recipe(workspace, place.settings, {})
    stages = inspect_workspace(place, recipe if place.settings.train else None)
    if as_json:
        print_json(
            {"stages": stages, "settings": place.settings.model_dump(mode="json")}
        )
        return
    _show_stages(stages)
    click.echo(
        f"\n{'sources':<12}"
        + (
            "; ".join(f"{s.name} ({s.kind}): {s.path}" for s in place.settings.sources)
            or "none"
        )
    )
    click.echo(f"{'seed':<12}{place.settings.seed}   device {place.settings.device}")
    if place.settings.train:
        click.echo(
            f"{'training':<12}"
            + ", ".join(f"{k} {v}" for k, v in place.settings.train.items())
        )


def _show_stages(stages: list[Stage]) -> None:
    """Print one line per artefact, and what to run where that is due."""
    signs = {"fresh": "✓", "aged": "~", "stale": "✗", "missing": "·"}
    for stage in stages:
        click.echo(f"{signs[stage.state]} {stage.name:<12}{stage.state:<9}{stage.why}")
        if stage.is_due:
            click.echo(f"  {'':<12}{'':<9}run: {stage.command}")
