"""The command line: one thin module per command group, loaded when it is used."""

from __future__ import annotations

import importlib

import click

from covers.cli.terminal.border import ExplainingGroup

# command: (module, one line of help); the module defines a click command of the same name.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": (
        "covers.cli.run",
        "Do the whole job, from the scan to the figures; what is up to date is left alone.",
    ),
    "demo": (
        "covers.cli.demo",
        "Draw a library of made-up covers and do the whole job on it.",
    ),
    "status": (
        "covers.cli.run",
        "Show what has been made, what is out of date, and what to run next.",
    ),
    "scan": (
        "covers.cli.intake",
        "Take in covers: a folder per genre, a table (CSV), or a music library.",
    ),
    "genres": (
        "covers.cli.intake",
        "Show which genre each name in the library becomes.",
    ),
    "audit": (
        "covers.cli.audit",
        "Find duplicates, bad pictures and doubtful genre labels.",
    ),
    "train": (
        "covers.cli.model",
        "Train the network that recognises genres and compares covers.",
    ),
    "model": (
        "covers.cli.model",
        "Show, export or import the trained network.",
    ),
    "embed": (
        "covers.cli.model",
        "Turn every cover into the row of numbers that covers are compared by.",
    ),
    "index": (
        "covers.cli.index",
        "Build, update, check and repair the search index.",
    ),
    "search": (
        "covers.cli.search",
        "Find the covers most like a picture or another cover, or that words describe.",
    ),
    "classify": (
        "covers.cli.search",
        "Say which genres a picture looks like, how sure that is, and why.",
    ),
    "explain": (
        "covers.cli.search",
        "Show why a picture was classified as it was, and where the network looked.",
    ),
    "evaluate": (
        "covers.cli.evaluate",
        "Measure how well genres are recognised, on covers kept out of training.",
    ),
    "overlap": (
        "covers.cli.overlap",
        "Measure which genres look alike.",
    ),
    "path": (
        "covers.cli.overlap",
        "Walk from one cover or genre to another through covers that look alike.",
    ),
    "cluster": (
        "covers.cli.cluster",
        "Find groups of covers that look alike, whatever their genre.",
    ),
    "map": (
        "covers.cli.cluster",
        "Lay all covers out on a map where neighbours look alike.",
    ),
    "suggest": (
        "covers.cli.suggest",
        "Suggest genres for albums that have none, or a doubtful one.",
    ),
    "export": (
        "covers.cli.export",
        "Write covers, and what is known of them, for another program.",
    ),
    "name": (
        "covers.cli.cluster",
        "Name clusters, genres and parts of the map by the words that fit them best.",
    ),
    "serve": (
        "covers.cli.serve",
        "Answer searches and classifications over HTTP.",
    ),
    "dashboard": (
        "covers.cli.dashboard",
        "Look at everything in a browser.",
    ),
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
    r"""Recognise the genre of an album by its cover, and see which genres look alike.

    \b
    covers demo                   try it on made-up covers
    covers run MY-COVERS          a model, an index and an honest evaluation
    covers dashboard              look at the result

    All that is made lies in one folder, the workspace: 'covers-workspace', or
    what '-w FOLDER' names. 'covers COMMAND --help' explains a command.
    """


_keep_example_lines(main)
