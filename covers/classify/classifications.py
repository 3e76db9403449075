"""The answers about several pictures, as one thing that can be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covers.classify.answers import COMBINED, Classification
from covers.errors import needs_extra
from covers.render.text import text_table

if TYPE_CHECKING:
    import pandas as pd

_MOST_SHOWN = 12


class Classifications(tuple[Classification, ...]):
    """What pictures were classified as, in the order they were given: a sequence of `Classification`.

    As text it is a table, in a notebook the voters of the first twelve.

    Examples
    --------
    >>> answers = library.classify(library.catalogue.cover_ids[:3])
    >>> len(answers), answers.to_frame().shape == (3, 8)
    (3, True)
    """

    __slots__ = ()

    @needs_extra("a data frame")
    def to_frame(self) -> pd.DataFrame:
        """Return the probabilities of network and vote together: a row per picture, a column per genre."""
        import pandas as pd

        rows = [answer.by_method[COMBINED] for answer in self]
        names = [answer.query for answer in self]
        return pd.DataFrame(rows, index=pd.Index(names, name="query"))

    def to_json(self) -> list[dict[str, Any]]:
        """Return what ``covers classify --json`` prints."""
        return [answer.to_json() for answer in self]

    def __repr__(self) -> str:
        if not self:
            return "no picture was classified"
        rows = [[one.query, one.verdict, one.headline] for one in self]
        return text_table(["picture", "verdict", "looks like"], rows)

    def _repr_html_(self) -> str:
        shown = "".join(one._repr_html_() for one in self[:_MOST_SHOWN])
        left = len(self) - _MOST_SHOWN
        return shown + (f"<p>… and {left:,} more</p>" if left > 0 else "")
