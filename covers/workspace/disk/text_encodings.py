"""Text of unknown encoding: cue sheets and tables of any country, from any decade.

Nothing in such a file says how it is written. The rule: UTF-8 and UTF-16 are
known by their form. Of what is neither, a text is Japanese, Korean, Chinese or
Cyrillic where it decodes without a fault and nearly all that is not ASCII
are letters that such texts use often; otherwise it is Windows Western, where no
byte is wrong. A file of lines in UTF-8 and others is read line by line.

References
----------
.. [1] GB/T 2312, Big5, JIS X 0208 and KS X 1001 put their commonest characters first.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

WESTERN = "cp1252"
ENCODING_NAMES = {
    WESTERN: "Windows-1252",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "cp949": "EUC-KR",
    "gb18030": "GBK",
    "big5": "Big5",
    "cp1251": "Windows-1251",
    "koi8_r": "KOI8-R",
    "cp866": "CP866",
}
_CYRILLIC = ("cp1251", "koi8_r", "cp866")  # of equals the first is taken
_STANDARD = {
    "cp932": "euc_jp",
    "euc_jp": "euc_jp",
    "cp949": "euc_kr",
    "gb18030": "gb2312",
    "big5": "big5",
}
# First bytes of the commonest letters in the standard, and how much they say.
# Kanji alone could be EUC-JP or GBK: it is GBK, which files are more often in.
_COMMON = {
    "cp932": (0xB0, 0xCF, 0.85),
    "euc_jp": (0xB0, 0xCF, 0.6),
    "cp949": (0xB0, 0xC8, 1.0),
    "gb18030": (0xB0, 0xD7, 0.8),
    "big5": (0xA4, 0xC6, 0.78),
}
_HANGUL = frozenset(
    "이다는에의가을고하지도한로기사은자시나리어그아해인대정수일있서를들과보만부스전상게주장여제동라원안우성구무마소조면적오생비신분연모년국공내러저것경유화말"
    "심위반발미방문선물요관세당영개계체실간교단중할야음거용통회결민차현트드랑르노래너없크바람날길밤눈별꿈백김박최윤강울봄름겨타파레피잎새벽행복슬픔외움록재즈"
    "힙합댄팝악못처럼같속와왜티태희혜준호진솔임권황송류홍양손배허남곽엄채천함변염추석설표명왕금옥육맹탁편산림필숙순철창규혁훈빈린빛밖"
)
"""Syllables that make up most of Korean; a wrong reading has others."""
_OLD_CYRILLIC = 0.7
"""Less than common letters of the East say."""
_CAPITALS = 8
"""Cyrillic capitals that are no Western ones in a row, as "ÄÖÜ" is."""
_SAMPLE = 2**16
_ENOUGH = 0.6
_FEWEST = 2
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_FOREIGN = re.compile(r"[^\0-\x7f]")
_KANA = re.compile("[\u3041-\u30ff]")  # ー and ・ among them
_SIGNS = re.compile("[\u3000-\u3020\uff01-\uff5e\u2010-\u2026\u00b7]")
_CYRILLIC_WORD = re.compile("[А-ЯЁІЇЄҐ]?[а-яёіїєґў]+|[А-ЯЁІЇЄҐЎ]+")  # noqa: RUF001
_WORD = re.compile(r"[^\W\d_]+")


class Decoded(NamedTuple):
    """A text, and what was guessed to read it.

    Parameters
    ----------
    text : str
    guess : str, optional
        Encoding that was taken for likely; None where the form of the bytes says it.
    n_guessed : int, optional
        Lines that it was taken for, None for all of them.
    """

    text: str
    guess: str | None = None
    n_guessed: int | None = None


def decode_text(content: bytes) -> str:
    """Decode a text of unknown encoding; see `decode_guess`."""
    return decode_guess(content).text


def decode_guess(content: bytes) -> Decoded:
    """Decode a text of unknown encoding, and say which one was guessed.

    Examples
    --------
    >>> decode_guess("Motörhead".encode("latin-1"))
    Decoded(text='Motörhead', guess='cp1252', n_guessed=None)
    >>> decode_guess('TITLE "東京の夜"'.encode("shift_jis")).text
    'TITLE "東京の夜"'
    """
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return Decoded(content.decode("utf-32", "replace"))
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Decoded(content.decode("utf-16", "replace"))
    for order, zeros in (("le", content[1:8:2]), ("be", content[:8:2])):
        if len(zeros) == 4 and not any(zeros):
            return Decoded(content.decode(f"utf-16-{order}", "replace"))
    try:
        return Decoded(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        content = content.removeprefix(b"\xef\xbb\xbf")
    lines = content.splitlines(keepends=True) if b"\n" not in content else None
    lines = lines or [line + b"\n" for line in content.split(b"\n")]
    foreign = [line for line in lines if _NOT_ASCII.search(line)]
    guess = guess_encoding(foreign)
    if guess != WESTERN:
        try:
            return Decoded(content.decode(guess), guess)
        except UnicodeDecodeError:
            pass
    return _decode_lines(content)


def guess_together(texts: Iterable[bytes]) -> str:
    """Guess the encoding of short texts of one file: what is too little alone may be enough together."""
    return guess_encoding(
        [
            text + b"\n"
            for text in texts
            if _NOT_ASCII.search(text) and not _is_utf8(text)
        ]
    )


def decode_short(text: bytes, guess: str = WESTERN) -> str:
    """Decode a short text: UTF-16 with a mark, UTF-8 by its form, otherwise as guessed.

    Examples
    --------
    >>> decode_short("Motörhead".encode()), decode_short("Motörhead".encode("cp1252"))
    ('Motörhead', 'Motörhead')
    """
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return text.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", guess):
        try:
            return text.decode(encoding)
        except UnicodeDecodeError:
            continue
    return text.decode(WESTERN, "replace")


def _is_utf8(text: bytes) -> bool:
    """Say whether a text has the form of UTF-8."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decode_lines(content: bytes) -> Decoded:
    """Decode a text line by line: UTF-8 where a line is, the others as they look."""
    parts: list[bytes | str] = []
    others: list[bytes] = []
    n_utf8 = 0
    for line in re.split(rb"(?<=[\n\r])", content):
        try:
            parts.append(line.decode("utf-8"))
            n_utf8 += not line.isascii()
        except UnicodeDecodeError:
            parts.append(line)
            others.append(line)
    guess = guess_encoding(others)
    text = "".join(
        part if isinstance(part, str) else part.decode(guess, "replace")
        for part in parts
    )
    return Decoded(text, guess, len(others) if n_utf8 else None)


def guess_encoding(lines: list[bytes]) -> str:
    """Guess the encoding of lines that are not UTF-8; Windows Western by default."""
    sample: list[bytes] = []
    size = 0
    for line in lines:
        if size + len(line) > _SAMPLE and sample:
            break
        sample.append(line[:_SAMPLE])
        size += len(line)
    content = b"".join(sample)
    scores = {name: _score(content, name) for name in ENCODING_NAMES if name != WESTERN}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] >= _ENOUGH else WESTERN


def _score(content: bytes, encoding: str) -> float:
    """Return how usual the text would be in an encoding, from 0 to 1."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    letters = [
        letter for letter in _FOREIGN.findall(text) if not _SIGNS.fullmatch(letter)
    ]
    if len(letters) < _FEWEST:
        return 0.0
    if encoding in _CYRILLIC:
        return _score_words(text, encoding)
    usual = sum(_usual(letter, encoding) for letter in letters) / len(letters)
    return usual * (0.5 if _mixes(text) else 1.0)


def _score_words(text: str, encoding: str) -> float:
    """Return the share of Cyrillic letters that are in words as they are written.

    In the older encodings a capital must begin a word: capitals of one encoding are
    small letters of another.
    """
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    usual = [word for word in words if _CYRILLIC_WORD.fullmatch(word)]
    n_usual, n_letters = sum(map(len, usual)), sum(map(len, words))
    if encoding == "cp1251":
        has_words = any(len(word) > 2 and not word.isupper() for word in usual)
        is_enough = has_words or n_usual > _CAPITALS
        return n_usual / n_letters if is_enough else 0.0
    has_names = any(len(word) > 2 and word.istitle() for word in usual)
    return _OLD_CYRILLIC if has_names and n_usual == n_letters else 0.0


def _usual(letter: str, encoding: str) -> float:
    """Return how usual a letter is in texts of an encoding: 1 for the commonest."""
    if encoding in ("cp932", "euc_jp") and _KANA.fullmatch(letter):
        return 1.0
    first, last, best = _COMMON[encoding]
    try:
        lead = letter.encode(_STANDARD[encoding])[0]
    except UnicodeEncodeError:
        return 0.1
    if not first <= lead <= last:
        return 0.15
    return 0.5 if encoding == "cp949" and letter not in _HANGUL else best


def _mixes(text: str) -> bool:
    """Say whether Cyrillic or Asian letters stand within Latin words, a sign of the wrong encoding."""
    n_mixed = sum(
        1
        for one, two in pairwise(text)
        if (one.isascii() and one.isalpha()) != (two.isascii() and two.isalpha())
        and (one > "\u2fff" or two > "\u2fff")
    )
    return n_mixed * 3 > sum(1 for letter in text if letter > "\u2fff")
