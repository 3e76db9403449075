"""What a person reads when a command cannot go on: one line, and where the details are."""

from __future__ import annotations

import errno
from contextlib import nullcontext
from typing import Any

import click

from covers.cli.terminal.limited import watch_limited
from covers.cli.terminal.speech import name_workspace
from covers.errors import CoversError, DataError, missing_extra
from covers.workspace.interrupts import (
    restored_signals,
    was_interrupted,
    watch_for_interrupts,
)
from indexer.errors import IndexerError
from indexer.terminal import SafeStream, one_line, safe_streams

_OURS = ("covers", "indexer", "dashboard")


class ExplainingGroup(click.Group):
    """A group of commands that are found by their names in any case, or the nearest is named.

    Expected errors end in one line and exit code 1; bugs keep their traceback.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        """Do everything on streams that show no control character raw."""
        is_typed = not args and options.get("args") is None
        signals = nullcontext() if is_typed else restored_signals()
        with signals, safe_streams():
            if is_typed:
                watch_limited()
            return super().main(*args, **options)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command by what was typed, or say which is nearest."""
        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-"):
            from covers.catalogue.matching import match_name

            try:
                args = [match_name(args[0], names, what="command"), *args[1:]]
            except DataError as error:
                ctx.fail(str(error))
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the whole first line of every command."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            text = (command.help or "").partition("\n")[0] if command else ""
            rows.append((name, text))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _interruptible(self, ctx: click.Context) -> Any:
        """Run the command; an error that Ctrl-C caused inside a library is reported as Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.ClickException(_INTERRUPTED) from None
        except Exception as error:
            if not was_interrupted() or isinstance(error, _MEANT):
                raise
            raise click.ClickException(_INTERRUPTED) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn errors that can be explained into one line."""
        try:
            with watch_for_interrupts():
                return self._interruptible(ctx)
        except (click.exceptions.Exit, click.exceptions.Abort):
            raise  # RuntimeErrors to Python, no errors to us
        except KeyboardInterrupt:  # pressed again while that was put into words
            raise click.ClickException(_INTERRUPTED) from None
        except click.ClickException as error:
            if not isinstance(error, click.exceptions.NoArgsIsHelpError):
                error.message = one_line(error.message)  # type: ignore[misc]
            raise
        except (CoversError, IndexerError) as error:
            message = one_line(name_workspace(str(error)))
            raise click.ClickException(message) from error
        except (OSError, MemoryError, ImportError, RuntimeError) as error:
            missing = isinstance(error, ImportError) and missing_extra(
                error, f"'{_command(ctx)}'"
            )
            if missing:
                raise click.ClickException(one_line(str(missing))) from error
            line = explain(error)
            if line is None:
                raise
            message = f"{line}{_keep_details()}"
            raise click.ClickException(one_line(message)) from error


_INTERRUPTED = (
    "interrupted: what is published stays as it was; run the same command again"
)
_MEANT = (click.exceptions.Exit, click.exceptions.Abort, click.ClickException)


def _command(ctx: click.Context) -> str:
    """Return the command that runs, as it is typed, such as ``covers index build``."""
    names = [ctx.invoked_subcommand]
    while ctx.parent is not None:
        names.append(ctx.info_name)
        ctx = ctx.parent
    return " ".join(["covers", *(name for name in reversed(names) if name)])


def explain(error: Exception) -> str | None:
    """Say in one line what the machine refused; None if the error is rather a bug.

    Examples
    --------
    >>> explain(PermissionError(13, "Permission denied", "covers.toml"))
    "permission denied: 'covers.toml'"
    >>> explain(OSError(28, "No space left on device"))
    'no space left on device: free some, then run the same command again'
    >>> explain(MemoryError())
    'not enough memory'
    >>> explain(RuntimeError("a wrong index")) is None
    True
    """
    if isinstance(error, MemoryError) or _is_out_of_memory(error):
        return f"not enough memory{_after_colon(error)}"
    if isinstance(error, ImportError):
        name = error.name or "a package"
        if name.partition(".")[0] in _OURS:
            return None
        return (
            f"cannot load {name.partition('.')[0]}{_after_colon(error)}: is there enough memory, "
            "and is the installation whole?"
        )
    if isinstance(error, OSError) and error.errno != errno.EPIPE:
        return _explain_system(error)
    return None


def _explain_system(error: OSError) -> str:
    """Say what the operating system refused."""
    text = error.strerror or str(error) or type(error).__name__
    line = text[:1].lower() + text[1:]
    if error.filename is not None:
        line += f": {str(error.filename)!r}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        line += ": free some, then run the same command again"
    return _on_one_line(line)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether torch, or a library that the loader could not map, ran out of memory."""
    if isinstance(error, RuntimeError):
        return "allocate memory" in str(error) or "out of memory" in str(error)
    signs = (
        "failed to map segment",
        "Cannot allocate memory",
        "cannot allocate memory",
    )
    return any(sign in str(error) for sign in signs)


def _after_colon(error: Exception) -> str:
    text = _on_one_line(str(error))
    return f": {text}" if text else ""


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _keep_details() -> str:
    """Write the traceback at hand to a file of its own; say where, if it could be written."""
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="covers-", suffix=".log", delete=False, encoding="utf-8"
        ) as file:
            traceback.print_exc(file=SafeStream(file))
    except OSError:
        return ""
    return f" (details: {file.name})"
