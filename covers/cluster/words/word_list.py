"""The words that covers are named by: those of the program, or a list of one's own."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from covers.errors import DataError
from covers.workspace.disk.strangers import read_text

if TYPE_CHECKING:
    from pathlib import Path

MOST_WORDS, LONGEST_WORD = 2_000, 100


def read_words(path: Path | None = None) -> list[str]:
    """Read a list of words, one a line; empty lines and lines that begin with ``#`` are skipped.

    Parameters
    ----------
    path : Path, optional
        By default the words of the program.

    Raises
    ------
    DataError
        If it cannot be read, holds fewer than two words, or too many or too long ones.

    Examples
    --------
    >>> "a desert" in read_words()
    True
    """
    try:
        if path is None:
            text = files("covers.cluster").joinpath("words.txt").read_text("utf-8")
        else:
            text = read_text(path)
    except (OSError, ValueError) as error:
        message = f"cannot read the words in '{path}' ({error}): give a text file with one a line"
        raise DataError(message) from error
    lines = (" ".join(line.split()) for line in text.splitlines())
    words = list(dict.fromkeys(w for w in lines if w and not w.startswith("#")))
    wrong = [w for w in words if len(w) > LONGEST_WORD or not w.isprintable()]
    if wrong:
        message = f"'{path}' holds {wrong[0]!r:.60}: a word is plain text of at most {LONGEST_WORD} characters"
        raise DataError(message)
    if not 2 <= len(words) <= MOST_WORDS:
        message = f"'{path}' holds {len(words):,} words: give between 2 and {MOST_WORDS:,}, one a line"
        raise DataError(message)
    return words
