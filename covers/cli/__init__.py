"""The command line: one thin module per command group, loaded when it is used."""

from __future__ import annotations

import importlib

import click

from covers.cli.border import ExplainingGroup

# command: (module, one line of help); the module defines a click command of the same name.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": (
        "covers.cli.run",
        "Do every stale stage in order and end with the evaluation.",
    ),
    "demo": ("covers.cli.demo", "Draw a library of covers and do the whole job on it."),
    "status": ("covers.cli.run", "Show the chain of artefacts, what is stale and why."),
    "scan": (
        "covers.cli.intake",
        "Take in covers: genre folders, a manifest or a music library.",
    ),
    "genres": (
        "covers.cli.intake",
        "Show which genre each name becomes, and what that changes.",
    ),
    "audit": ("covers.cli.audit", "Find duplicates, bad pictures and doubtful labels."),
    "train": ("covers.cli.model", "Fine-tune the network that classifies and embeds."),
    "model": ("covers.cli.model", "Look at the model, export or import it."),
    "embed": ("covers.cli.model", "Embed all covers with the trained model."),
    "index": ("covers.cli.index", "Build, update, check and repair the index."),
    "search": ("covers.cli.search", "Find the covers most like a picture or a cover."),
    "classify": (
        "covers.cli.search",
        "Say which genres a picture looks like, with evidence.",
    ),
    "explain": ("covers.cli.search", "Show the evidence behind one classification."),
    "evaluate": (
        "covers.cli.evaluate",
        "Measure every method and baseline on held-out covers.",
    ),
    "overlap": ("covers.cli.overlap", "Measure which genres look alike."),
    "path": ("covers.cli.overlap", "Walk from one cover or genre to another."),
    "cluster": ("covers.cli.cluster", "Find what kinds of covers there are."),
    "map": ("covers.cli.cluster", "Lay all covers out in two dimensions."),
    "dashboard": ("covers.cli.dashboard", "Open the dashboard in a browser."),
}


def _keep_example_lines(command: click.Command) -> None:
    r"""Turn the two characters ``\b`` of raw docstrings into click's mark for kept lines."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _keep_example_lines(below)


class _LazyGroup(ExplainingGroup):
    """Load a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, f"{cmd_name}_command")
        _keep_example_lines(command)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    package_name="album-covers", prog_name="covers", message="%(prog)s %(version)s"
)
def main() -> None:
    r"""Read genres off album covers, and where that fails, see which genres look alike.

    \b
    covers run MY-COVERS          a model, an index and an honest evaluation
    covers dashboard              look at the result
    """


_keep_example_lines(main)
