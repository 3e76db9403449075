"""The group of commands of ``python -m indexer``, and the options that they share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from indexer.errors import IndexerError
from indexer.remote.address import is_remote
from indexer.terminal import one_line, safe_streams

if TYPE_CHECKING:
    from indexer import VectorIndex

__all__ = [
    "FOLDER",
    "ExplainingGroup",
    "dry_run_option",
    "folder_argument",
    "json_option",
    "open_index",
    "refuse",
    "speak_options",
    "split_pair",
    "structure_options",
    "wait_option",
]


class ExplainingGroup(click.Group):
    """Print an expected error as one line and exit 1; let bugs keep their traceback."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run with output streams that any text can be written to."""
        with safe_streams():
            return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Turn an error of `indexer` into one line."""
        try:
            return super().invoke(ctx)
        except IndexerError as error:
            message = one_line(speak_options(str(error)))
            raise click.ClickException(message) from error


class _Folder(click.ParamType[Path]):
    """The folder of an index; the address of a server is told apart."""

    name = "folder"

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        """Refuse an address, whose parts would be taken for folders and be repeated."""
        try:
            is_server = is_remote(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if is_server:
            message = "these commands are for indexes in folders: one on a server is looked after by 'covers index' or 'indexer.open_store' in Python"
            self.fail(message, param, ctx)
        return Path(value)


FOLDER = click.Path(path_type=Path)
folder_argument = click.argument("folder", type=_Folder())
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object."
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what it would do, only."
)
wait_option = click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another writer.",
)
_KEY = click.option(
    "--structure",
    metavar="KEY",
    help="'auto', 'exact' or a FAISS factory key, such as IVF1024,SQ8.",
)
_TARGET_RECALL = click.option(
    "--target-recall",
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="Share of the true ten nearest that searches must find.",
)
_MEMORY = click.option(
    "--memory-mib", type=click.IntRange(min=1), help="Bound of the structure's size."
)
_PREFER = click.option(
    "--prefer",
    "--build",
    "prefer",
    type=click.Choice(["fast", "small", "quick-search"]),
    help="What 'auto' looks for: built fast (the default), small, or searched quickly "
    "however long the build takes.",
)


_OPTIONS = {
    "exact": "--exact",
    "id_column": "--id-column",
    "lock_timeout_s": "--wait",
    "memory_mib": "--memory-mib",
    "n_sampled": "--sample",
    "overwrite": "--overwrite",
    "prefer": "--prefer",
    "target_recall": "--target-recall",
}
"""Options by the arguments of Python that they are."""
_ARGUMENT = re.compile(
    r"\b(?:(overwrite|exact)=True|(id_column|lock_timeout_s|memory_mib|n_sampled|prefer|target_recall)\b)"
)


def structure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the four options that say which structure searches use."""
    for option in (_PREFER, _MEMORY, _TARGET_RECALL, _KEY):
        command = option(command)
    return command


def open_index(folder: Path, wait_s: float = 10.0) -> "VectorIndex":
    """Open the index in a folder; a change waits this long for another writer."""
    from indexer import VectorIndex

    return VectorIndex.open(folder, lock_timeout_s=wait_s)


def split_pair(text: str) -> tuple[str, str]:
    """Read ``NAME=VALUE``."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        message = f"{text!r} is not of the form NAME=VALUE"
        raise click.UsageError(message)
    return name, value


def speak_options(text: str) -> str:
    """Turn the arguments of Python that a message names into options.

    Examples
    --------
    >>> speak_options("give another folder, or overwrite=True")
    'give another folder, or --overwrite'
    >>> speak_options("n_sampled must be at least 1; name it as id_column")
    '--sample must be at least 1; name it as --id-column'
    """
    return _ARGUMENT.sub(lambda found: _OPTIONS[found[1] or found[2]], text)


def refuse(error: Exception) -> NoReturn:
    """Report wrong arguments as wrong usage: exit status 2."""
    raise click.UsageError(speak_options(str(error))) from error
