"""Options that several commands share, and what they turn into."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from covers.cli.options.choices import NameChoice
from covers.cli.options.path_or_address import NamedPath
from covers.cli.terminal.speech import WORKSPACE_KEY, tell
from covers.workspace.registry import DEFAULT_WORKSPACE
from indexer.terminal import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from covers.library.library import Library
    from covers.workspace.paths import Workspace
    from covers.workspace.registry import Artefact
    from covers.workspace.stages import Manner

Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")


def _remember_workspace(ctx: click.Context, _: click.Parameter, given: Path) -> Path:
    """Keep the workspace of this command, for the hints that name it."""
    ctx.meta[WORKSPACE_KEY] = given
    return given


workspace_option = click.option(
    "-w",
    "--workspace",
    type=NamedPath(file_okay=False),
    default=DEFAULT_WORKSPACE,
    envvar="COVERS_WORKSPACE",
    show_default=True,
    show_envvar=True,
    callback=_remember_workspace,
    help="Folder with everything that is known about one library.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON on stdout, for programs."
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=None,
    help="Fixes everything random: the same number, the same result. By default the workspace's own.",
)
device_option = click.option(
    "--device",
    type=NameChoice(["auto", "cpu", "cuda"]),
    default=None,
    envvar="COVERS_DEVICE",
    help="Where the network runs; by default on a GPU if there is one.",
)

engine_option = click.option(
    "--engine",
    type=NameChoice(["local", "ray"]),
    default="local",
    show_default=True,
    help="What embeds: threads of this machine, or actors of a Ray cluster.",
)
ray_address_option = click.option(
    "--ray-address",
    metavar="HOST:PORT",
    help="Running Ray cluster for '--engine ray'; by default RAY_ADDRESS, else one on this machine.",
)


class _OneLine(logging.Formatter):
    """Keeps a name with a line break in it from forging a line of the log."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  Python's name
        return one_line(super().formatMessage(record))


def _set_verbosity(_ctx: click.Context, _param: click.Parameter, count: int) -> None:
    """Log to stderr, the more the oftener -v is given."""
    level = [logging.WARNING, logging.INFO, logging.DEBUG][min(count, 2)]
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


verbose_option = click.option(
    "-v",
    "--verbose",
    count=True,
    expose_value=False,
    callback=_set_verbosity,
    help="Say more on stderr; -vv says most.",
)

figures_option = click.option(
    "--figures/--no-figures",
    default=True,
    show_default=True,
    help="Draw the figures into analysis/figures, as SVG and PNG.",
)


def common_options(command: Command) -> Command:
    """Add what every command takes: ``-w``, ``--json`` and ``-v``."""
    for option in (verbose_option, json_option, workspace_option):
        command = option(command)
    return command


def open_for_command(workspace: Path, device: str | None = None) -> Library:
    """Open the library of a workspace for one command."""
    from covers.library.library import Library
    from covers.library.naming import speak_options
    from covers.workspace.paths import Workspace

    return speak_options(Library(Workspace.open(workspace), device=device))


def library_to_fill(workspace: Path, device: str | None = None) -> Library:
    """Return the library of a workspace that may have to be made yet."""
    from covers.library.library import Library
    from covers.library.naming import speak_options
    from covers.workspace.paths import Workspace

    return speak_options(Library(Workspace(workspace), device=device))


def refuse_idle(reason: str, *names: str) -> None:
    """Refuse options of this command that would do nothing, where they were typed.

    Parameters
    ----------
    reason : str
        Why they would, such as ``"for '--like'"``.
    *names : str
        Of parameters of the command.

    Raises
    ------
    click.UsageError
        Naming those that were typed; one from the environment does not count.
    """
    ctx = click.get_current_context()
    spelt = {parameter.name: parameter for parameter in ctx.command.params}
    typed = [
        _spell(spelt[name], is_off=ctx.params.get(name) is False)
        for name in names
        if is_typed(name)
    ]
    if typed:
        message = f"{' and '.join(typed)} {'is' if len(typed) == 1 else 'are'} {reason}"
        raise click.UsageError(message)


def is_typed(name: str) -> bool:
    """Say whether an option of this command was typed; one from the environment does not count."""
    ctx = click.get_current_context()
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _spell(parameter: click.Parameter, *, is_off: bool) -> str:
    """Return an option as it was typed, in its long form."""
    names = parameter.secondary_opts if is_off else parameter.opts
    return f"'{max(names, key=len)}'"


def engine_options(command: Command) -> Command:
    """Add ``--engine`` and ``--ray-address``."""
    return engine_option(ray_address_option(command))


def refuse_idle_address(engine: str) -> None:
    """Refuse ``--ray-address`` where no Ray cluster is asked for."""
    if engine != "ray":
        refuse_idle("for '--engine ray'", "ray_address")


def stage_options(command: Command) -> Command:
    """Add ``--again``, ``--replace`` and ``--figures`` to a command that makes an analysis."""
    for option in (
        figures_option,
        click.option(
            "--replace",
            is_flag=True,
            help="Let a result made with other settings replace the workspace's own.",
        ),
        click.option("--again", is_flag=True, help="Make it anew even if it is fresh."),
    ):
        command = option(command)
    return command


def give_result(
    artefact: Artefact,
    workspace: Workspace,
    make: Callable[[Manner], Result],
    *,
    manner: dict[str, bool],
    shown: Callable[[Result], None],
) -> None:
    """Make an analysis, say which figures were drawn, and print it by `shown`.

    Parameters
    ----------
    artefact : Artefact
    workspace : Workspace
    make : callable
        Makes it, or reads it where it is fresh.
    manner : dict of str to bool
        The options that `stage_options` adds.
    shown : callable
        Prints it.
    """
    from covers.cli.terminal.progress import progress_bars
    from covers.workspace.fresh import version_of
    from covers.workspace.stages import Manner

    figures = [file for file in artefact.drawn if file.name.endswith(".svg")]
    before = {file: version_of(workspace.root, [file]) for file in figures}
    with progress_bars() as stage:
        found = make(
            Manner(
                progress=lambda done, total: stage(artefact.name, done, total),
                say=tell,
                **manner,
            )
        )
    for file in figures:
        is_new = version_of(workspace.root, [file]) != before[file]
        if is_new and workspace.path(file).exists():
            tell(f"wrote {file.path}")
    shown(found)
