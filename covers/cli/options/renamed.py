"""Options under the name of the parameter that they set; what they were called before still works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class RenamedOption(click.Option):
    """An option with spellings of before, which help and errors leave out.

    Parameters
    ----------
    declarations : sequence of str
        As click takes them.
    before : sequence of str
        Spellings of before.
    """

    def __init__(
        self, declarations: Sequence[str], *, before: Sequence[str], **attributes: Any
    ) -> None:
        super().__init__(declarations, **attributes)
        self.before = tuple(before)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Have all spellings understood."""
        shown = self.opts
        self.opts = [*shown, *self.before]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = shown


def renamed_option(
    *declarations: str, before: str, **attributes: Any
) -> Callable[[Any], Any]:
    """Return `click.option` for an option that was spelt otherwise before."""
    return click.option(*declarations, cls=RenamedOption, before=[before], **attributes)
