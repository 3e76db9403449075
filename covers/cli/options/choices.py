"""A choice of names, in any case, with the nearest suggested for a wrong one; a number in a range."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


class NameChoice(click.Choice[str]):
    """One of a few names.

    Parameters
    ----------
    names : sequence of str
        In small letters.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names, case_sensitive=False)

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Say which names there are, and which may be meant."""
        message = super().get_invalid_choice_message(value, ctx)
        near = difflib.get_close_matches(str(value).lower(), self.choices, 1, 0.5)
        return f"{message} Did you mean {near[0]!r}?" if near else message


class FloatRange(click.FloatRange):
    """A number in a range; what is no number ("nan") is in none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Refuse what click lets pass, because no comparison with it holds."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid float range.", param, ctx)
        return number
