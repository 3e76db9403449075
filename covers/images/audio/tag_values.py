"""Values as tags and tables write them."""

from __future__ import annotations

import re
import unicodedata
from typing import Any


def parse_year(value: Any) -> int | None:
    """Find the year in a number, a date or a text such as ``"1999-05-01"``.

    Examples
    --------
    >>> parse_year("1 May 1999"), parse_year(1985.0), parse_year("n.d."), parse_year("0000")
    (1999, 1985, None, None)
    >>> parse_year("１９９９年"), parse_year("١٩٩٩")
    (1999, 1999)
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        text = str(int(value)) if value == value and abs(value) < 1e8 else ""
    else:
        text = str(value)
    if not text.isascii():  # digits of any script
        text = "".join(str(unicodedata.decimal(sign, sign)) for sign in text)
    match = re.search(r"(?<!\d)(1[5-9]\d\d|2[01]\d\d)(?!\d)", text) or re.match(
        r"(1[5-9]\d\d|2[01]\d\d)(?=[01]\d[0-3]\d$)", text
    )
    return int(match.group(1)) if match else None
