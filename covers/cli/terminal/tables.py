"""How numbers and tables are printed for people."""

from __future__ import annotations

import shutil
import sys
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from covers.cli.terminal.speech import name_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def _width() -> int:
    """Return how wide a line may be: the terminal, or 80 columns in a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 80


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Sequence[int] = (),
) -> None:
    """Print rows below a header, cut to the width of the terminal."""
    from covers.render.text import text_table

    click.echo(text_table(header, rows, right=right, width=_width()))


def print_text(text: str, *, first: str = "") -> None:
    """Print a sentence, its lines below each other after whatever comes `first`."""
    lines = wrap(
        name_workspace(text),
        max(_width(), 40),
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    click.echo("\n".join(lines or [first]))


def print_facts(facts: Mapping[str, object]) -> None:
    """Print what something is: a name and a value per line."""
    size = max(map(len, facts)) + 2
    for name, value in facts.items():
        print_text(str(value), first=f"{name:<{size}}")


def show(value: Any, how: str = ".2f") -> str:
    """Format a number; a dash where it is not known."""
    return "-" if value is None or value != value else format(value, how)


def count_covers(n: int, which: str) -> str:
    """Say how many covers were counted, and that they are the held-out ones if so.

    Examples
    --------
    >>> count_covers(1564, "held-out"), count_covers(900, "all")
    ('1,564 held-out covers', '900 covers')
    """
    return f"{n:,} {'' if which == 'all' else which + ' '}covers"


def show_p(value: float | None) -> str:
    """Format a p- or q-value.

    Examples
    --------
    >>> show_p(0.0), show_p(0.0123), show_p(None)
    ('<0.001', '0.012', '-')
    """
    is_tiny = value is not None and value < 0.001
    return "<0.001" if is_tiny else show(value, ".3f")
