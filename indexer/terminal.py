r"""Safe output for a terminal: control characters in names are shown, not executed.

Names of files, items and columns come from anywhere. A control character, an
escape sequence or a mark that turns the direction of reading would clear a
screen, forge a line or hide a file's true ending. While a command runs, its
standard output and standard error are `SafeStream`: whatever is printed or
logged, by whom it may be, such characters appear as escapes (``\u001b``), and
those that the stream's encoding lacks do as well.
"""

import codecs
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

__all__ = ["SafeStream", "escape", "one_line", "raw_stream", "safe_streams"]

# C0 but tab and line feed, DEL, C1, zero width, direction marks, line separators,
# surrogates, byte order mark, interlinear and tag characters. Joiners stay: emoji
# and Indian scripts need them.
_CONTROLS = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    r"\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(f"[{_CONTROLS}]")
_UNSAFE_OR_BREAK = re.compile(rf"[\t\n{_CONTROLS}]")
_BREAKS = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
# What the program itself prints, where an encoding has no such sign.
_SPARE = {
    "\u2713": "+",
    "\u2717": "x",
    "\u00b7": ".",
    "\u2026": "...",
    "\u2192": "->",
    "\u2190": "<-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u00d7": "x",
}
_HANDLER = "indexer.escape"


def escape(text: str) -> str:
    r"""Show control characters and direction marks as escapes, but tabs and line feeds.

    The escapes are those of JSON, so that a JSON document stays one.

    Examples
    --------
    >>> escape("a\x1b[31mb\u202ec")
    'a\\u001b[31mb\\u202ec'
    """
    return _UNSAFE.sub(_show, text)


def one_line(text: str) -> str:
    r"""Show a text that may hold line breaks in one line.

    Examples
    --------
    >>> one_line("a\nb\x07")
    'a\\nb\\u0007'
    """
    return _UNSAFE_OR_BREAK.sub(_show, text)


def _show(found: re.Match[str]) -> str:
    character = found.group()
    return _BREAKS.get(character) or _as_escape(character)


def _as_escape(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _encode_spare(error: UnicodeError) -> tuple[str, int]:
    """Replace the characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_SPARE.get(c) or _as_escape(c) for c in missing), error.end


codecs.register_error(_HANDLER, _encode_spare)


class SafeStream:
    """A text stream that shows control characters instead of passing them on.

    Parameters
    ----------
    stream : text stream
        Where the text goes; everything but writing is left to it.
    """

    encoding = "utf-8"  # any text may be written; click goes round an ASCII stream

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write a text, unsafe characters as escapes."""
        write_encodable(self.stream, escape(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)


def write_encodable(stream: IO[str], text: str) -> None:
    """Write a text, what the encoding of the stream lacks in other signs."""
    encoding = getattr(stream, "encoding", None)
    if encoding and not text.isascii():
        try:
            text = text.encode(encoding, _HANDLER).decode(encoding)
        except LookupError:  # an encoding that Python does not know
            text = text.encode("ascii", _HANDLER).decode()
    stream.write(text)


class _Encodable(SafeStream):
    """A stream for those who draw: their own escape sequences pass."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream)
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        write_encodable(self.stream, text)
        return len(text)


def raw_stream(stream: Any) -> Any:
    """Return the stream that a program draws on itself, such as a progress bar.

    Who draws must pass names through `one_line`.
    """
    inner = stream.stream if isinstance(stream, SafeStream) else stream
    return _Encodable(inner)


def _nowhere() -> IO[str]:
    return Path(os.devnull).open("w", encoding="utf-8")


@contextmanager
def safe_streams() -> Iterator[None]:
    """Make standard output and standard error safe until the block ends.

    One that was closed before the program began (``>&-``) takes everything and
    keeps nothing; no file that is opened later gets its number.
    After an error that is not explained they stay so: the traceback goes there.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if isinstance(stream, SafeStream) else SafeStream(stream or _nowhere())
        for stream in before
    )
    try:
        yield
    except SystemExit:
        sys.stdout, sys.stderr = before
        raise
    sys.stdout, sys.stderr = before
