"""Manifests of all usual makes are read, and wrong ones explained."""

from __future__ import annotations

import datetime as dt
import time

import pyarrow as pa
import pyarrow.parquet
import pytest

from covers.errors import DataError
from covers.images.audio.tag_values import parse_year
from covers.intake.sources import ProblemKind
from covers.intake.tables.manifest import read_manifest, spread_extras, walk_manifest


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    for name in "abc":
        (tmp_path / f"images/{name}.jpg").write_bytes(name.encode())
    return tmp_path


def write(folder, text, name="manifest.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def labels_of(manifest):
    return {c.file.path: c.labels for c in manifest.candidates}


TEXT = (
    "path,genre,artist,album,year,split,label,rating\n"
    'images/a.jpg,"Rock;Pop","Ärzte; Gäste","One, Two",1999-05-01,train,EMI,3\n'
    "images/b.jpg,,Various Artists,,,TEST,,\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("extension", ["csv", "tsv", "semicolon.csv"])
def test_separators_and_encodings_do_not_matter(images, encoding, extension):
    separator = {"csv": ",", "tsv": "\t", "semicolon.csv": ";"}[extension]
    text = TEXT.replace(",", separator).replace(f"One{separator} Two", "One, Two")
    path = write(images, text, f"table.{extension}", encoding)
    labels = labels_of(read_manifest(path))
    first = labels["images/a.jpg"]
    assert first.genres == ("Rock;Pop",)
    assert first.artist == "Ärzte; Gäste"
    assert first.artists == ("ärzte", "gäste")
    assert first.album == "One, Two"
    assert first.year == 1999
    assert first.split == "train"
    assert first.extra == {"label": "EMI", "rating": 3}
    second = labels["images/b.jpg"]
    assert (second.genres, second.artists, second.split) == ((), (), "test")
    assert second.extra == {}


def test_parquet_with_lists_and_dates(images):
    table = pa.table(
        {
            "path": ["images/a.jpg", "images/b.jpg"],
            "genres": [["Rock", "Pop"], None],
            "year": [1985.0, None],
            "bought": [dt.date(2020, 1, 2), None],
            "weights": [[0.5, 1.0], None],
        }
    )
    pyarrow.parquet.write_table(table, images / "m.parquet")
    labels = labels_of(read_manifest(images / "m.parquet"))
    assert labels["images/a.jpg"].genres == ("Rock", "Pop")
    assert labels["images/a.jpg"].year == 1985
    assert labels["images/a.jpg"].extra == {
        "bought": "2020-01-02",
        "weights": [0.5, 1.0],
    }


def test_headers_match_whatever_their_case_and_reserved_names_are_set_apart(images):
    path = write(images, "File,Genres,Format,Label\nimages/a.jpg,Rock,LP,EMI\n")
    labels = labels_of(read_manifest(path))["images/a.jpg"]
    assert labels.genres == ("Rock",)
    assert labels.extra == {"manifest_Format": "LP", "Label": "EMI"}


def test_two_columns_of_one_name_are_both_kept(images):
    path = write(images, "path,genre,x,x,x\nimages/a.jpg,Rock,1,007,\n")
    labels = labels_of(read_manifest(path))["images/a.jpg"]
    assert labels.extra == {"x": 1, "x-2": "007"}


def test_a_file_in_several_lines_gets_all_genres(images):
    path = write(images, "path,genre\nimages/a.jpg,Rock\nimages/./a.jpg,Pop\n")
    [candidate] = read_manifest(path).candidates
    assert candidate.labels.genres == ("Rock", "Pop")


def test_absolute_and_windows_paths_are_understood(images):
    text = f"path\n{images}/images/a.jpg\nimages\\b.jpg\nx/../images/c.jpg\n"
    found = [c.file.path for c in read_manifest(write(images, text)).candidates]
    assert found == ["images/a.jpg", "images/b.jpg", "images/c.jpg"]


def test_lines_without_a_file_are_listed(images):
    text = "path,genre\nimages/a.jpg,Rock\nimages/z.jpg,Pop\n,Jazz\n../x.jpg,Jazz\n"
    problems = read_manifest(write(images, text)).problems
    assert [(path, kind) for path, kind, _ in problems] == [
        ("images/z.jpg", ProblemKind.MISSING),
        ("line 4", ProblemKind.MISSING),
        ("../x.jpg", ProblemKind.MISSING),
    ]
    assert problems[0][2] == "no such file or directory"
    assert "'--root'" in problems[2][2]


def test_damaged_lines_are_listed(images):
    text = "path,genre\nimages/a.jpg,Rock\nimages/b.jpg\nimages/c.jpg,Pop\n"
    manifest = read_manifest(write(images, text))
    assert [c.file.path for c in manifest.candidates] == [
        "images/a.jpg",
        "images/c.jpg",
    ]
    [(place, kind, reason)] = manifest.problems
    assert (place, kind) == ("line 3", ProblemKind.BROKEN)
    assert reason == "1 columns instead of 2: 'images/b.jpg'"


def test_paths_may_begin_elsewhere(images):
    (images / "tables").mkdir()
    path = write(images / "tables", "path\nimages/a.jpg\n")
    with pytest.raises(DataError, match="with '--root FOLDER'"):
        read_manifest(path)
    assert len(read_manifest(path, images).candidates) == 1


def test_a_manifest_without_genres_is_noted(images):
    [note] = read_manifest(write(images, "path\nimages/a.jpg\n")).notes
    assert "has no column 'genre' or 'genres'" in note


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: expected a header such as 'path,genre'"),
        ("path,genre\n", "has a header but no lines"),
        (
            "image,genre\na.jpg,Rock\n",
            r"no column 'path' \(its columns: image, genre\)",
        ),
        (
            "path,genre\nimages/a.jpg,Rock,more\n",
            "every line of manifest .* is damaged; line 2: 3 columns instead of 2",
        ),
        ("path,split\nimages/a.jpg,holdout\n", "line 2: split is 'holdout', expected"),
        ("path\nnowhere.jpg\n", "none of the 1 files of manifest '.*' is there"),
        (
            "path\n/elsewhere/a.jpg\n",
            "none of the 1 files of manifest '.*' is below its folder .* '--root FOLDER'",
        ),
        ("PK\x03\x04\0\0", "is no table: expected a header"),
    ],
)
def test_wrong_manifests_are_explained(images, text, message):
    with pytest.raises(DataError, match=message):
        read_manifest(write(images, text))


def test_a_parquet_file_that_is_none_is_explained(images):
    with pytest.raises(DataError, match="cannot read manifest"):
        read_manifest(write(images, "hello", "m.parquet"))


def test_years_are_found_in_dates():
    texts = ["1985", 1985, 1985.0, "May 1985", "1985-02", "19850201", "(1985)"]
    assert {parse_year(text) for text in texts} == {1985}
    assert {parse_year(text) for text in ("１９８５年", "١٩٨٥", "१९८५")} == {1985}
    assert {parse_year(t) for t in ["", None, "0", "85", float("nan"), True]} == {None}


def test_further_columns_keep_their_types_unless_these_contradict():
    columns = spread_extras([{"a": 1, "b": 2.5}, {"a": "x"}, {}])
    assert columns["a"].to_pylist() == ["1", "x", None]
    assert columns["b"].to_pylist() == [2.5, None, None]


def test_numbers_are_numbers_only_where_no_sign_of_them_is_lost(images):
    lines = [
        "path,catno,barcode,plain,price,share,when,flag,big,quoted,huge",
        'images/a.jpg,007,0042,3,1.50,0.5,2020-01-02,true,1e5,"12",12345678901234567890',
        "images/b.jpg,12,1,12,2.5,2,2020-01-03,FALSE,2e5,13,1",
    ]
    labels = labels_of(read_manifest(write(images, "\n".join(lines) + "\n")))
    assert labels["images/a.jpg"].extra == {
        "catno": "007",
        "barcode": "0042",
        "plain": 3,
        "price": "1.50",
        "share": 0.5,
        "when": "2020-01-02",
        "flag": "true",
        "big": "1e5",
        "quoted": "12",
        "huge": "12345678901234567890",
    }
    assert labels["images/b.jpg"].extra["share"] == 2.0
    assert labels["images/b.jpg"].extra["catno"] == "12"


def test_the_columns_that_are_understood_stay_text(images):
    text = "path,genre,artist,album,year\nimages/a.jpg,80,311,1984,1984\n"
    labels = labels_of(read_manifest(write(images, text)))["images/a.jpg"]
    assert (labels.genres, labels.artist, labels.album) == (("80",), "311", "1984")
    assert labels.year == 1984


def test_every_row_of_a_manifest_arrives_or_is_named(images):
    text = (
        "sep=;\r\npath;genre;note\r\n"
        'images/a.jpg;Rock;"two\r\nlines"\r\n'
        'images/b.jpg;"Pop;x\r\n'
        "images/c.jpg;Jazz;x\r\n"
        "images/z.jpg;Jazz;x\r\n"
    )
    manifest = read_manifest(write(images, text, encoding="utf-8-sig"))
    assert list(labels_of(manifest)) == ["images/a.jpg", "images/c.jpg"]
    assert labels_of(manifest)["images/a.jpg"].extra == {"note": "two\nlines"}
    assert [(place, kind) for place, kind, _ in manifest.problems] == [
        ("line 5", ProblemKind.BROKEN),
        ("images/z.jpg", ProblemKind.MISSING),
    ]


def test_a_wrong_value_is_named_by_the_line_it_stands_in(images):
    text = 'path,split,note\nimages/a.jpg,train,"one\ntwo"\nimages/b.jpg,holdout,x\n'
    with pytest.raises(DataError, match="line 4: split is 'holdout'"):
        read_manifest(write(images, text))


NFC, NFD = "Motörhead/Überdosis.jpg", "Moto\u0308rhead/U\u0308berdosis.jpg"


@pytest.mark.parametrize(("written", "lies"), [(NFC, NFD), (NFD, NFC)])
def test_names_are_the_same_in_either_unicode_form(tmp_path, written, lies):
    assert NFC != NFD
    (tmp_path / lies).parent.mkdir()
    (tmp_path / lies).write_bytes(b"x")
    path = write(tmp_path, f"path,genre\n{written},Rock\n{lies},Metal\n")
    manifest = read_manifest(path)
    assert manifest.problems == []
    assert labels_of(manifest)[lies].genres == ("Rock", "Metal")
    assert {e.path for e in walk_manifest(path).files} == {lies}
    (tmp_path / lies).write_bytes(b"changed")
    assert {e.size for e in walk_manifest(path).files} == {7}


@pytest.mark.parametrize("written", ["images/A.JPG", "Images/a.jpg", "images/aa.jpg"])
def test_a_missing_file_is_told_which_may_be_meant(images, written):
    path = write(images, f"path,genre\n{written},Rock\nimages/b.jpg,Pop\n")
    [(where, kind, reason)] = read_manifest(path).problems
    assert (where, kind) == (written, ProblemKind.MISSING)
    assert reason == "no such file or directory; did you mean 'images/a.jpg'?"


def test_many_missing_files_take_little_time(images):
    for i in range(2000):
        (images / f"images/file {i}.jpg").write_bytes(b"x")
    lines = "".join(f"images/flie {i}.jpg,Rock\n" for i in range(20_000))
    path = write(images, f"path,genre\n{lines}images/b.jpg,Pop\n")
    began = time.process_time()
    problems = read_manifest(path).problems
    assert time.process_time() - began < 10
    assert len(problems) == 20_000
    assert "did you mean" in problems[0][2]


def write_typed(folder, **columns):
    paths = ["images/a.jpg", "images/b.jpg"]
    pa.parquet.write_table(
        pa.table({"path": paths, "genre": ["Rock", "Pop"], **columns}),
        folder / "m.parquet",
    )
    return folder / "m.parquet"


def test_times_beyond_python_are_kept_as_text(images):
    far = pa.array([2**52, 0], pa.timestamp("s"))
    found = labels_of(read_manifest(write_typed(images, year=far, when=far)))
    assert found["images/a.jpg"].year is None
    assert str(2**52) in found["images/a.jpg"].extra["when"]


def test_bytes_in_a_table_are_text(images):
    columns = {"path": [b"images/a.jpg", b"images/b.jpg"], "genre": [b"Rock", None]}
    found = labels_of(read_manifest(write_typed(images, **columns)))
    assert {path: labels.genres for path, labels in found.items()} == {
        "images/a.jpg": ("Rock",),
        "images/b.jpg": (),
    }


def test_a_list_of_artists_is_joined(images):
    path = write_typed(images, artist=[["Ann", "Bo"], None])
    assert labels_of(read_manifest(path))["images/a.jpg"].artist == "Ann; Bo"


@pytest.mark.parametrize("value", [{"name": "Rock"}, [["Rock"]], [{"name": "Rock"}]])
def test_a_nested_column_is_named(images, value):
    with pytest.raises(DataError, match=r"column 'genre' of the type .*: make it text"):
        read_manifest(write_typed(images, genre=[value, value]))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_remarks_above_the_header_do_not_count(images, end):
    lines = ["# made by hand", "", "#", "path,genre", "images/a.jpg,#1", "images/b"]
    found = read_manifest(write(images, "\ufeff" + end.join(lines) + end))
    assert labels_of(found)["images/a.jpg"].genres == ("#1",)
    assert [place for place, _, _ in found.problems] == ["line 6"]


def test_columns_that_say_the_same_are_joined(images):
    text = (
        "path,genre,genres,Genre,artist,album_artist,year,date,file\n"
        "images/a.jpg,Rock,Pop;Jazz,Rock,,Ann,,1985-02,x\n"
        ",,Folk,,Bo,Various,1999,2001,images/b.jpg\n"
    )
    found = labels_of(read_manifest(write(images, text)))
    assert found["images/a.jpg"].genres == ("Pop;Jazz", "Rock")
    assert found["images/b.jpg"].genres == ("Folk",)
    assert (found["images/a.jpg"].artist, found["images/a.jpg"].year) == ("Ann", 1985)
    assert (found["images/b.jpg"].artist, found["images/b.jpg"].year) == ("Bo", 1999)
    assert found["images/b.jpg"].extra["album_artist"] == "Various"


def test_parquet_columns_that_say_the_same_are_joined(images):
    path = write_typed(images, genres=[["Jazz", "Pop"], None])
    found = labels_of(read_manifest(path))
    assert found["images/a.jpg"].genres == ("Jazz", "Pop", "Rock")
    assert found["images/b.jpg"].genres == ("Pop",)


def test_lines_of_two_encodings_all_arrive(images):
    content = "path,genre\nimages/a.jpg,Électro\nimages/b.jpg,Chanson réaliste\n"
    content = content.encode().replace(b"\xc3\xa9aliste", b"\xe9aliste")
    path = images / "m.csv"
    path.write_bytes(content)
    manifest = read_manifest(path)
    found = labels_of(manifest)
    assert found["images/a.jpg"].genres == ("Électro",)
    assert found["images/b.jpg"].genres == ("Chanson réaliste",)
    assert "Windows-1252 in 1 of its lines" in manifest.notes[0]


def test_a_cell_too_long_to_be_one_is_named_with_its_line(images):
    for filler in ("\n", "a\n", " ", 'x""'):
        text = f'path,note\nimages/a.jpg,"{filler * (2**22 + 1)}"\nimages/b.jpg,x\n'
        manifest = read_manifest(write(images, text))
        assert list(labels_of(manifest)) == ["images/b.jpg"]
        [(place, _, reason)] = manifest.problems
        assert place == "line 2"
        assert "letters, the most is 4,194,304" in reason


def test_very_many_damaged_lines_are_counted(images):
    text = "path,genre\nimages/a.jpg,Rock\n" + "x\n" * 12_000
    problems = read_manifest(write(images, text)).problems
    assert len(problems) == 10_001
    assert "and 2,000 more lines" in problems[-1][2]


def test_a_guessed_encoding_is_named(images):
    text = "path,genre\nimages/a.jpg,Chanson réaliste\n"
    assert read_manifest(write(images, text)).notes == []
    found = read_manifest(write(images, text, encoding="latin-1"))
    assert labels_of(found)["images/a.jpg"].genres == ("Chanson réaliste",)
    assert "not in UTF-8 and read as Windows-1252" in found.notes[0]


@pytest.mark.parametrize(
    ("cell", "genres"),
    [
        ('"[""Rock"", ""Pop""]"', ("Rock", "Pop")),
        ("\"['R&B', 'Soul']\"", ("R&B", "Soul")),
        ("['R&B' 'Soul']", ("R&B", "Soul")),
        ("[Rock]", ("[Rock]",)),
        ("\"['Rock'\"", ("['Rock'",)),
        ('="Rock"', ("Rock",)),
        ('"=""Rock"""', ("Rock",)),
    ],
)
def test_lists_and_texts_as_programs_write_them_are_what_they_hold(
    images, cell, genres
):
    path = write(images, f"path,genre\nimages/a.jpg,{cell}\n")
    assert labels_of(read_manifest(path))["images/a.jpg"].genres == genres


def test_numbers_that_a_spreadsheet_was_told_to_leave_alone_stay_text(images):
    path = write(images, 'path,catno\nimages/a.jpg,="007"\nimages/b.jpg,="12"\n')
    labels = labels_of(read_manifest(path))
    assert [labels[f"images/{n}.jpg"].extra["catno"] for n in "ab"] == ["007", "12"]


@pytest.mark.parametrize("is_url", [True, False])
def test_whole_paths_are_found_however_the_folder_is_named(images, is_url):
    (images / "link").symlink_to(images / "images")
    start = "file://" if is_url else ""
    path = write(
        images,
        f"path,genre\n{start}{images}/images/a.jpg,Rock\n{start}{images}/b.jpg,Pop\n",
    )
    roots = (images / "images" / ".." / "images", images / "images", images / "link")
    for root in roots:
        manifest = read_manifest(path, root)
        assert list(labels_of(manifest)) == ["a.jpg"]
        ((_, kind, _),) = manifest.problems
        assert kind is ProblemKind.MISSING
