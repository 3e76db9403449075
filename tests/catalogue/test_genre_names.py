"""One raw string gives the names in it; spellings of one name meet, other names do not."""

from __future__ import annotations

import html
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covers.catalogue.genre_names import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_NAMES,
    genre_key,
    is_placeholder,
    loose_key,
    loses_names,
    protected_key,
    split_genres,
)
from covers.catalogue.genre_tree import GenreTree

PROTECTED = GenreTree.read().protected


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ("Rock", ("Rock",)),
        ("Rock; Pop/Soul,Funk", ("Rock", "Pop", "Soul", "Funk")),
        ("Rock\0Pop", ("Rock", "Pop")),
        ("Rock|Pop | Jazz", ("Rock", "Pop", "Jazz")),
        ("Techno (Peak Time / Driving)", ("Techno (Peak Time / Driving)",)),
        ("R&B/Soul", ("R&B/Soul",)),
        ("Jazz, Hip-Hop/Rap; Rock", ("Jazz", "Hip-Hop/Rap", "Rock")),
        ("Folk, World, & Country", ("Folk, World, & Country",)),
        ("Rock, Folk, World, & Country", ("Rock", "Folk, World, & Country")),
        ("Soundtrack", ("Soundtrack",)),
        (" ; ,/ ", ()),
        ("Rock;Rock", ("Rock",)),
        ("Odd (bracket; Pop", ("Odd (bracket", "Pop")),
    ],
)
def test_raw_strings_are_split_at_separators_but_not_within_names(raw, names):
    assert split_genres(raw, protected=PROTECTED) == names


def test_separators_can_be_chosen():
    assert split_genres("Rock/Pop; Soul", ";") == ("Rock/Pop", "Soul")
    assert split_genres("Rock/Pop; Soul", "") == ("Rock/Pop; Soul",)


@given(st.text(max_size=40))
def test_any_text_can_be_split_and_loses_nothing_but_separators(raw):
    names = split_genres(raw, protected=PROTECTED)
    kept = "".join(names)
    assert all(name == name.strip() and name for name in names)
    plain = html.unescape(raw)
    assert set(kept) <= {*raw, *plain, *unicodedata.normalize("NFC", plain), " "}


def test_texts_of_web_pages_and_apart_accents_are_the_characters_that_they_mean():
    assert split_genres("R&amp;B/Soul") == ("R&B", "Soul")
    assert split_genres("Rock &#39;n&#x27; Roll; M&uacute;sica") == ("Rock 'n' Roll", "Música")  # fmt: skip
    assert split_genres("R&B;Soul") == ("R&B", "Soul")
    assert split_genres("Drum&Bass;House") == ("Drum&Bass", "House")
    for name in ("Café", "각곡", "и\u0306ога"):  # noqa: RUF001
        apart = unicodedata.normalize("NFD", name)
        assert split_genres(apart) == (unicodedata.normalize("NFC", name),)
    assert genre_key("قـــوالي") != genre_key("قوالب")
    assert split_genres("قـــوالي") == split_genres("قوالي")


def test_spellings_share_a_key():
    keys = {genre_key(s) for s in ("Hip-Hop", "HIP HOP", "hiphop", "Hip  Hop")}
    assert keys == {"hiphop"}
    assert genre_key("!!!") == "!!!"
    assert genre_key("R&B") != genre_key("RB")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("गीत", "गत"),  # a vowel sign
        ("কি", "কী"),
        ("பாடல்", "படல"),
        ("ก็", "ก"),  # a tone mark of Thai
        ("バラード", "パラード"),  # voicing marks
        ("は", "ぱ"),
        ("й", "и"),
        ("ї", "\u0456"),
        ("ў", "\u0443"),
        ("ไทย", "ไท"),
        ("เพลง", "พลง"),
        ("തമിഴ്", "തമഴ"),
        ("ਗੀਤ", "ਗਤ"),
        ("မြန်မာ", "မရနမ"),
        ("ខ្មែរ", "ខមរ"),
        ("가요", "거요"),  # vowels within a Korean syllable
        ("שׁ", "שׂ"),  # points of Hebrew
        ("آواز", "اواز"),  # signs of Arabic
        ("كُتُب", "كتب"),
        ("ヴ", "ウ"),
        ("ﾊﾟ", "ﾊﾞ"),
        ("C", "C++"),
        ("C", "C#"),
        ("C++", "C#"),
        ("A&O", "AO"),
    ],
)
def test_what_tells_words_apart_tells_keys_apart(one, other):
    assert genre_key(one) != genre_key(other)
    assert loose_key(one) == loose_key(other) if "&" in one else True
    assert protected_key(one) != protected_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Raï", "RAI"),
        ("Électronique", "electronique"),
        ("Ροκ", "ΡΌΚ"),
        ("Straßenmusik", "STRASSENMUSIK"),
        ("ﾊﾞﾗｰﾄﾞ", "バラード"),  # half width
        ("C♯", "C#"),
        ("\u2764\ufe0f", "\u2764"),  # a heart, as an emoji and as a sign
        ("Cafe\u0301", "Caf\u00e9"),
        ("गीत", " गीत "),
        ("\u1100\u1161\u110b\u116d", "가요"),  # letters one by one
        ("ハ\u3099", "バ"),
        ("и\u0306", "й"),
    ],
)
def test_forms_of_one_name_share_a_key(one, other):
    assert genre_key(one) == genre_key(other)


@pytest.mark.parametrize(
    "name",
    """N/A|n/a|None|<Unknown>|[unknown]|UNKNOWN GENRE|(none)|-|--|???|null|NaN|
Not  available|unbekannt|неизвестно|未知|#N/A|n / a|N\\A|#NULL!|—|\u2013 none \u2013|Not Specified|No genre set|
Genre inconnu|Genre|<Genre>|Default|No genre listed|sin género|ジャンル不明|알 수 없음|TBA|<n/a>|*none*""".replace(
        "\n", ""
    ).split("|"),
)
def test_placeholders_are_known(name):
    assert is_placeholder(name)


@pytest.mark.parametrize(
    "name", ["Other", "!!!", "Nonetwork", "Unknown Pleasures", "Rock", "No Wave"]
)
def test_names_that_only_look_like_placeholders_are_names(name):
    assert not is_placeholder(name)


def test_a_placeholder_with_a_separator_in_it_stays_whole():
    assert split_genres("Rock; N/A", protected=PROTECTED) == ("Rock", "N/A")
    assert split_genres("#N/A;Rock", protected=PROTECTED) == ("#N/A", "Rock")


def _count_lines(work) -> int:
    """Count the lines of this project that run, which is the same on every machine."""
    count = 0

    def trace(frame, _event, _argument):
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("text", ["a{};", "b{}/c{},", "d{}&;/,"])
def test_the_work_of_splitting_grows_with_the_length_only(text):
    def make(n: int, start: int) -> str:
        return "".join(text.replace("{}", str(start + i)) for i in range(n))

    n = LONGEST_TEXT // 40
    short = _count_lines(lambda: split_genres(make(n, 1000), protected=PROTECTED))
    long = _count_lines(lambda: split_genres(make(4 * n, 5000), protected=PROTECTED))
    assert long < 5 * short


@pytest.mark.parametrize("raw", ["a;" * 500_000, "x" * 1_000_000, "(" * 500_000 + ";a"])
def test_a_text_of_a_million_characters_gives_few_short_names(raw):
    names = split_genres(raw, protected=PROTECTED)
    assert len(names) <= MOST_NAMES
    assert all(len(name) <= LONGEST_NAME for name in names)
    assert loses_names(raw, protected=PROTECTED)


def test_a_name_that_the_limit_cuts_in_two_is_left_out():
    raw = "Rock; " + "y" * 100 + "; Jazz" * (LONGEST_TEXT // 6)
    assert split_genres(raw) == ("Rock", "y" * 100, "Jazz")
    assert not loses_names("Rock; Pop; " + "Folk/" * 100)
    assert loses_names("; ".join(f"Genre {i}" for i in range(MOST_NAMES + 1)))


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ("Rock；Pop", ("Rock", "Pop")),  # noqa: RUF001
        ("Rock｜Pop", ("Rock", "Pop")),  # noqa: RUF001
        ("ロック／ポップ", ("ロック", "ポップ")),  # noqa: RUF001
        ("Rock\r\nPop", ("Rock", "Pop")),
        ("\ufeffRo\u200bck\u00ad", ("Rock",)),
        ("\u200b", ()),
        ("काव्\u200dय", ("काव्\u200dय",)),
        ("ロック、ポップ､ジャズ", ("ロック", "ポップ", "ジャズ")),
        ("روك، بوب؛ جاز", ("روك", "بوب", "جاز")),
        ("Rock\\\\Pop", ("Rock", "Pop")),  # as Mp3tag exports several values
        ("Rock\u2028Pop\x0bJazz", ("Rock", "Pop", "Jazz")),
    ],
)
def test_wide_separators_line_ends_and_what_nobody_sees(raw, names):
    assert split_genres(raw) == names


def test_wide_separators_are_those_of_the_user():
    assert split_genres("Rock／Pop", separators=";") == ("Rock／Pop",)  # noqa: RUF001


@pytest.mark.parametrize(
    "name",
    [
        "No-Genre",
        "no_genre",
        "NoGenre",
        "N.A.",
        "Unknown-Genre",
        "k. A.",
        "Άγνωστο",
        "ΆΓΝΩΣΤΟ",
        "không rõ",
        "ไม่ทราบ",
        "None\u200b",
        "\u200f",
        "未分類",
        "No genre specified",
        "Unknown Genre (255)",
        "Genre unbekannt",
        "Nicht zugeordnet",
        "Aucun genre",
        "Nessun genere",
        "Desconocida",
        "Geen genre",
        "Okänd genre",
        "Nieznany gatunek",
        "Brak gatunku",
        "Neznámý žánr",
        "Άγνωστο είδος",
        "Жанр неизвестен",
        "Невідомий жанр",
        "ז'אנר לא ידוע",
        "نوع غير معروف",
        "Không xác định",
        "未知类型",
        "不明なジャンル",
        "알 수 없는 장르",
    ],
)
def test_placeholders_of_more_languages(name):
    assert is_placeholder(name)


@pytest.mark.parametrize(
    "name", ["No Wave", "Sin", "Type O", "New Style", "No Limit", "Sans", "Tag", "Free"]
)
def test_words_of_placeholders_alone_or_with_others_are_names(name):
    assert not is_placeholder(name)


def test_the_turkish_letter_without_a_dot_is_one_with_its_capital():
    assert genre_key("Şarkı") == genre_key("ŞARKI") == genre_key("şarkı")  # noqa: RUF001
    assert genre_key("İlahi") == genre_key("ilahi") == genre_key("ILAHI")


def test_two_backslashes_stay_where_nothing_but_a_semicolon_separates():
    assert split_genres("Rock\\\\Pop", separators=";") == ("Rock\\\\Pop",)


def test_an_apostrophe_is_one_however_it_is_drawn():
    assert genre_key("D\u02bcn\u02bcb") == genre_key("D'n'B")
