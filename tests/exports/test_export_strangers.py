"""A workspace from a stranger: its names and ids lead nowhere, in no export."""

import csv
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import covers
from covers.exports.targets import TARGETS
from covers.workspace.disk.text_tables import restore_cell

NAMES = [
    "two\nlines\r\nand\rmore",
    'a "quote", a comma; a semicolon',
    "=cmd|' /C calc'!A0",
    "tab\there",
    "../../../etc/passwd",
    "<script>alert(1)</script>",
    "\u2028line\u2029separators\x85",
    "\x00nul",
    "{curly} %s $HOME `id`",
    "x" * 10_000_000,
]


def rename(table, old):
    """Give one cover an id that would lead out of a folder."""
    ids = table.column("cover_id").to_pylist()
    ids = ["../../../../tmp/evil" if one == old else one for one in ids]
    field = table.schema.field("cover_id")
    place = table.column_names.index("cover_id")
    return table.set_column(place, field, pa.array(ids, field.type))


@pytest.fixture(scope="module")
def exported(drawn_once, tmp_path_factory):
    """All targets of a workspace whose first rows a stranger named."""
    root = tmp_path_factory.mktemp("stranger")
    shutil.copytree(drawn_once, root / "theirs")
    file = root / "theirs/workspace/catalogue.parquet"
    table = pq.read_table(file)
    for name in ("artist", "album"):
        column = table.column(name).to_pylist()
        column[: len(NAMES)] = NAMES
        place, field = table.column_names.index(name), table.schema.field(name)
        table = table.set_column(place, field, pa.array(column, field.type))
    ids = table.column("cover_id").to_pylist()
    pq.write_table(rename(table, ids[-1]), file)
    for part in (root / "theirs/workspace/embeddings").rglob("*.parquet"):
        pq.write_table(rename(pq.read_table(part), ids[-1]), part)
    library = covers.open(root / "theirs" / "workspace")
    made = {
        target.name: library.export(target.name, root / "out" / target.such_as)
        for target in TARGETS
    }
    return root / "out", made


def test_nothing_lies_outside_the_exports(exported):
    root, made = exported
    assert {path.name for path in root.iterdir()} == {
        m.path.name for m in made.values()
    }
    for path in root.rglob("*"):
        assert not path.is_symlink()
        assert path.resolve().is_relative_to(root.resolve())
    assert not any("evil" in path.name for path in root.rglob("*"))


def test_rows_stay_rows(exported):
    _, made = exported
    with made["csv"].path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == made["csv"].n_covers
    for row, name in zip(rows, NAMES[:-1], strict=False):
        assert restore_cell(row["artist"]) == name
        assert not row["artist"].startswith(("=", "\t", "\r", "\n"))
    assert len(rows[len(NAMES) - 1]["artist"]) == 1000
    folder = made["projector"].path
    lines = (folder / "metadata.tsv").read_text(encoding="utf-8").split("\n")
    assert len(lines) == made["projector"].n_covers + 2
    assert {line.count("\t") for line in lines[:-1]} == {9}
    assert all(line.isprintable() or "\t" in line for line in lines)
    folder = made["imagefolder"].path
    n_lines = 0
    for file in folder.glob("*/metadata.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            name = json.loads(line)["file_name"]
            assert (file.parent / name).is_file()
            assert "/" not in name
            n_lines += 1
    assert n_lines == 119
    playlist = made["m3u"].path.read_text(encoding="utf-8").split("\n")
    assert all(
        line.startswith(("#EXTM3U", "#PLAYLIST", "#EXTINF:-1,", "./", "../"))
        for line in playlist
        if line
    )
    assert max(map(len, playlist)) < 1000
    with (made["beets"].path / "covers.csv").open(encoding="utf-8", newline="") as file:
        albums = {restore_cell(row["album"]) for row in csv.DictReader(file)}
    # Of a NUL nothing is left in a CSV that Python reads; the rest is whole.
    assert set(NAMES[:7]) <= albums


def test_columnar_files_hold_the_names_as_they_are(exported):
    import lance

    _, made = exported
    tables = [
        pq.read_table(made["atlas"].path),
        lance.dataset(str(made["lance"].path)).to_table(),
    ]
    for table in tables:
        assert table.column("artist").to_pylist()[: len(NAMES) - 1] == NAMES[:-1]
        assert len(table.column("artist")[len(NAMES) - 1].as_py()) == 1000
