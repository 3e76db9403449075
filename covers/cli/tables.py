"""How numbers and tables are printed for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 120  # of tables that go into a file or a pipe


def table_console() -> Console:
    """Return a console as wide as the terminal, or wide enough for tables in a pipe."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(width=_WIDTH, highlight=False, soft_wrap=True)
    return console


def show(value: Any, how: str = ".2f") -> str:
    """Format a number; a dash where it is not known."""
    return "-" if value is None or value != value else format(value, how)
