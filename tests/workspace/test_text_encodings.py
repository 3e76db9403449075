"""Text of unknown encoding is read as it was meant, line by line where it is mixed."""

from __future__ import annotations

import pytest

from covers.workspace.disk.text_encodings import decode_guess, decode_text

CUE = 'REM GENRE {0}\r\nPERFORMER "{1}"\r\nTITLE "{2}"\r\nFILE "a.wav" WAVE\r\n'
TABLE = "path,genre,artist,album\n1.jpg,{0},{1},{2}\n2.jpg,{0},Ann,x\n"
NAMES = [
    ("cp932", "ロック", "椎名林檎", "無罪モラトリアム"),
    ("cp932", "Pop", "中島みゆき", "寒水魚"),
    ("cp932", "Rock", "東京事変", "教育"),
    ("euc_jp", "ロック", "宇多田ヒカル", "はつこい"),
    ("gb18030", "摇滚", "崔健", "新长征路上的摇滚"),
    ("gb18030", "Pop", "王菲", "浮躁"),
    ("gb18030", "Pop", "邓丽君", "月亮代表我的心"),
    ("cp949", "발라드", "서태지와 아이들", "다시 부르기"),
    ("cp949", "Folk", "조용필", "창밖의 여자"),
    ("big5", "搖滾", "五月天", "人生海海"),
    ("cp1251", "Рок", "Кино", "Группа крови"),
    ("koi8_r", "Рок", "Кино", "Группа крови"),
    ("koi8_r", "джаз", "Алексей Козлов", "Арсенал"),
    ("cp866", "Рок", "Кино", "Группа крови"),
    ("cp1252", "Jazz", "ÀÉÈ", "ÄÖÜ"),
    ("cp1252", "Chanson", "Noël à la française", "L'École"),
    ("cp1252", "Rock", "MÖTÖRHEAD", "ÄÖÜ"),
    ("cp1252", "Post-Rock", "Sigur Rós", "Ágætis byrjun"),
    ("cp1252", "MPB", "João Gilberto", "Canção do Sertão"),
    ("utf-16", "ロック", "Björk", "崔健"),
    ("utf-16-le", "ロック", "Björk", "崔健"),
    ("utf-16-be", "ロック", "Björk", "崔健"),
    ("utf-32", "ロック", "Björk", "崔健"),
    ("utf-8-sig", "ロック", "Björk", "崔健"),
]


@pytest.mark.parametrize("form", [CUE, TABLE], ids=["cue", "table"])
@pytest.mark.parametrize(("encoding", "genre", "artist", "album"), NAMES)
def test_sheets_and_tables_of_any_country_are_read(
    form, encoding, genre, artist, album
):
    text = form.format(genre, artist, album)
    found = decode_guess(text.encode(encoding))
    assert found.text == text
    assert (found.guess or "utf") == (encoding if "utf" not in encoding else "utf")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_two_encodings_are_each_read_in_theirs(end):
    lines = ["path,artist", "1.jpg,Björk", "2.jpg,Mötley Crüe", "3.jpg,東京", ""]
    content = (end.join(lines)).encode()
    content = content.replace("Mötley Crüe".encode(), "Mötley Crüe".encode("latin-1"))
    found = decode_guess(content)
    assert found.text == end.join(lines)
    assert (found.guess, found.n_guessed) == ("cp1252", 1)


def test_no_byte_makes_a_text_unreadable():
    every = bytes(range(1, 256))
    for content in (every, every * 5000, b"\x80", b"\xff\xfe\x00", b"a\xffb\n" * 99):
        assert decode_text(content)
