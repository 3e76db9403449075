"""``covers run`` and ``covers status``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from covers.cli.options.genres import (
    genre_options,
    given_settings,
    split_options,
)
from covers.cli.options.path_or_address import PathOrAddress, refuse_offline
from covers.cli.options.recipe import recipe_options
from covers.cli.options.shared import (
    common_options,
    device_option,
    engine_options,
    library_to_fill,
    open_for_command,
    refuse_idle,
    refuse_idle_address,
    seed_option,
)
from covers.cli.options.sources import source_options
from covers.cli.terminal.speech import print_json, tell
from covers.cli.terminal.tables import print_facts, print_text
from covers.errors import refuse_missing_package
from covers.render.text import counted
from covers.workspace.registry import quote

if TYPE_CHECKING:
    from pathlib import Path

    from covers.pipeline.status import Status
    from covers.workspace.remote import AnyPath


@click.command("run")
@click.argument("sources", nargs=-1, type=PathOrAddress())
@common_options
@seed_option
@device_option
@engine_options
@genre_options
@recipe_options
@source_options
@click.option("--offline", is_flag=True, help="Never touch the network.")
@click.option("--retrain", is_flag=True, help="Train even if the model is still good.")
@click.option(
    "--analysis/--no-analysis",
    default=True,
    show_default=True,
    help="Also find which genres look alike, groups of covers, and the map.",
)
def run_command(
    sources: tuple[AnyPath, ...],
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    device: str | None,
    engine: str,
    ray_address: str | None,
    kind: str,
    root: AnyPath | None,
    offline: bool,
    retrain: bool,
    analysis: bool,
    **given: Any,
) -> None:
    r"""Do the whole job, from the scan to the figures; what is up to date is left alone.

    SOURCES are folders with one folder per genre, tables (CSV, TSV, Parquet)
    that name pictures and genres, or music libraries, or addresses of folders
    and tables (s3://, gs://, https://); they are remembered. A second run takes
    seconds. Interrupted, it goes on where it stopped.

    \b
    covers run ~/covers/by-genre -w my-workspace
    covers run -w my-workspace          after adding covers
    """
    if not sources:
        refuse_idle("for SOURCES: name them too", "kind", "root")
    refuse_idle_address(engine)
    about_genres, about_training = split_options(given)
    job = Job(
        sources=sources,
        kind=kind,
        root=root,
        intake=given_settings(about_genres, workspace),
        recipe=about_training,
        seed=seed,
        device=device,
        engine=engine,
        ray_address=ray_address,
        offline=offline,
        retrain=retrain,
        analysis=analysis,
    )
    run_job(workspace, job, as_json=as_json)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done on a workspace, from the scan to the evaluation.

    Parameters
    ----------
    sources : tuple of Path or RemotePath
        Sources to be scanned and remembered; those known already are scanned too.
    kind : str, default="auto"
        What the given sources are.
    root : Path or RemotePath, optional
        Where the paths of a table begin, when not in its own folder.
    intake : dict
        Settings of the intake that change.
    recipe : dict
        Parameters of the training that change; None leaves one as it is.
    seed : int, optional
        By default the workspace's own.
    device : str, optional
        By default the workspace's own.
    engine, ray_address : str, optional
        What embeds, and where it runs.
    offline : bool, default=False
        Never touch the network.
    retrain : bool, default=False
        Train even if the model is still good.
    analysis : bool, default=True
        Overlap, clusters and map too.
    """

    sources: tuple[AnyPath, ...]
    kind: str = "auto"
    root: AnyPath | None = None
    intake: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    device: str | None = None
    engine: str = "local"
    ray_address: str | None = None
    offline: bool = False
    retrain: bool = False
    analysis: bool = True


def run_job(workspace: Path, job: Job, *, as_json: bool) -> None:
    """Scan, then make what is missing or stale; print the evaluation last."""
    from covers.cli.evaluate import show_evaluation
    from covers.model.training.recipe import choose_recipe, refuse_wrong_start
    from covers.workspace.paths import Workspace

    if job.retrain or not Workspace(workspace).model_folder.exists():
        refuse_missing_package("torch", "training")
    if job.engine == "ray":
        refuse_missing_package("ray", "embedding on Ray")
    if job.retrain or any(value is not None for value in job.recipe.values()):
        refuse_wrong_start(choose_recipe(Workspace(workspace), job.recipe)[0])
    if job.offline:
        known = Workspace(workspace).settings.sources
        refuse_offline([*map(str, job.sources), *(source.path for source in known)])
    try:
        _scan(workspace, job)
        _make(workspace, job)
    except KeyboardInterrupt:
        message = f"interrupted: nothing is lost; 'covers run -w {quote(workspace)}' goes on where it stopped"
        raise click.ClickException(message) from None
    library = open_for_command(workspace, job.device)
    found = library.published("evaluation")
    show_evaluation(library.workspace, found, as_json=as_json)
    if not as_json:
        tell("")
        tell(f"look at it: covers dashboard -w {quote(workspace)}")


def _scan(workspace: Path, job: Job) -> None:
    """Look through the sources, and say what was found."""
    from covers.cli.terminal.progress import progress_bar

    with progress_bar("reading pictures") as progress:
        scan = library_to_fill(workspace).scan(
            *map(str, job.sources),
            kind=job.kind,
            root=None if job.root is None else str(job.root),
            seed=job.seed,
            progress=progress,
            **job.intake,
        )
    n_problems = sum(scan.problems.values())
    problems = f", {n_problems} problems listed in '{scan.problems_path}'"
    tell(
        f"scan: {counted(scan.n_covers, 'cover')} of {counted(len(scan.genres), 'genre')}"
        f"{problems if n_problems else ''}"
    )
    for warning in scan.warnings:
        tell(f"note: {warning}")


def _make(workspace: Path, job: Job) -> None:
    """Make what is missing or stale, with the recipe that is then remembered."""
    from covers.cli.terminal.progress import progress_bars

    with progress_bars() as stage:
        open_for_command(workspace, job.device).run(
            say=tell,
            progress=stage,
            retrain=job.retrain,
            analysis=job.analysis,
            offline=job.offline,
            seed=job.seed,
            engine=job.engine,
            ray_address=job.ray_address,
            **job.recipe,
        )


@click.command("status")
@common_options
def status_command(
    *,
    workspace: Path,
    as_json: bool,
) -> None:
    r"""Show what has been made, what is out of date, and what to run next.

    \b
    covers status -w my-workspace
    """
    library = open_for_command(workspace)
    opened, stages = library.workspace, library.status()
    if as_json:
        print_json(
            {
                "stages": stages,
                "settings": opened.settings.model_dump(mode="json"),
                "missing_sources": [s.name for s in opened.missing_sources()],
            }
        )
        return
    _show_stages(stages)
    click.echo()
    settings = opened.settings
    missing = {source.name for source in opened.missing_sources()}
    sources = (
        f"{s.name} ({s.kind}): '{s.path}'"
        + (", not there today" if s.name in missing else "")
        for s in settings.sources
    )
    facts = {
        "sources": "; ".join(sources) or "none",
        "seed": settings.seed,
        "device": settings.device,
    }
    if settings.train:
        facts["training"] = ", ".join(f"{k} {v}" for k, v in settings.train.items())
    print_facts(facts)


def _show_stages(stages: Status) -> None:
    """Print what is known of each artefact, and what to run where that is due."""
    signs = {"fresh": "✓", "stale": "✗", "missing": "·"}
    click.echo(f"  {'artefact':<12}{'state':<9}what is known of it")
    for stage in stages:
        name = f"{stage.name:<12}"
        if len(stage.name) >= 12:  # the name of another embedder
            click.echo(f"{signs[stage.state]} {stage.name}")
            name = " " * 12
        sign = " " if name.isspace() else signs[stage.state]
        print_text(stage.why, first=f"{sign} {name}{stage.state:<9}")
        if stage.is_due:
            click.echo(f"{'':<23}run: {stage.command}")
