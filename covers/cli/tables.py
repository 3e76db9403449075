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
