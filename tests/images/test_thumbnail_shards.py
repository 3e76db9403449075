"""Thumbnails of a large library lie in shards; none is ever missing, and a stranger's shard does no harm."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from covers.images import thumbnail_shards as shards
from covers.images.measured import list_thumbnails
from covers.images.thumbnails import open_thumbnail, read_thumbnail
from covers.workspace.paths import Workspace
from covers.workspace.registry import THUMBNAIL_SHARDS


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "ABOVE", 3)
    monkeypatch.setattr(shards, "_LEAST_NEW", 1)
    monkeypatch.setattr(shards, "_ROWS_AT_ONCE", 4)
    (tmp_path / "covers.toml").touch()
    return Workspace(tmp_path)


def jpeg(number):
    content = io.BytesIO()
    Image.new("RGB", (8, 8), (number % 256, 90, 200)).save(content, "JPEG")
    return content.getvalue() + number.to_bytes(4, "big")  # no two are the same


def put(workspace, numbers, prefixes=("ab", "cd")):
    """Write thumbnails into files of their own; give their bytes by cover."""
    written = {}
    for number in numbers:
        digits = hashlib.sha256(str(number).encode()).hexdigest()[:30]
        cover_id = prefixes[number % len(prefixes)] + digits
        path = workspace.thumbnail_path(cover_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(number))
        written[cover_id] = jpeg(number)
    return written


def loose(workspace):
    return sorted(workspace.thumbnails_folder.glob("??/*.jpg"))


def packed(workspace):
    return sorted(workspace.path(THUMBNAIL_SHARDS).glob("*.parquet"))


def all_are_there(workspace, written):
    read = {one: read_thumbnail(workspace, one) for one in written}
    return read == written and list_thumbnails(workspace) == set(written)


def test_a_small_library_keeps_a_file_for_each(workspace):
    written = put(workspace, range(9))
    assert shards.pack_thumbnails(workspace, 3) == 0
    assert len(loose(workspace)) == 9
    assert all_are_there(workspace, written)
    assert shards.pack_thumbnails(workspace, 4) > shards.ABOVE


def test_a_large_one_has_them_in_shards_that_are_few(workspace):
    written = {}
    for start in range(0, 120, 8):
        written |= put(workspace, range(start, start + 8))
        assert shards.pack_thumbnails(workspace, 1000) == 8
        assert loose(workspace) == []
        assert all_are_there(workspace, written)
        sizes = [pq.read_metadata(path).num_rows for path in packed(workspace)]
        assert sum(sizes) == len(written)
        assert len(sizes) <= 2 * 5  # 60 of each prefix, sizes that double
    assert open_thumbnail(workspace, next(iter(written))).size == (8, 8)
    assert read_thumbnail(workspace, "ab" + "0" * 30) is None
    assert shards.pack_thumbnails(workspace, 1000) == 0


def test_one_that_is_written_again_goes_into_its_shard_again(workspace):
    written = put(workspace, range(8))
    shards.pack_thumbnails(workspace, 1000)
    put(workspace, range(2))
    assert shards.pack_thumbnails(workspace, 1000) == 2
    assert all_are_there(workspace, written)
    held = sum(pq.read_metadata(path).num_rows for path in packed(workspace))
    assert held <= 8 + 2


class KilledError(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("owner", [(Path, "unlink"), (Path, "replace"), (os, "fsync")])
def test_a_scan_that_ends_at_any_step_loses_none(workspace, monkeypatch, owner):
    written = put(workspace, range(12))
    shards.pack_thumbnails(workspace, 1000)
    written |= put(workspace, range(12, 24))
    where, name = owner
    step = getattr(where, name)
    for n_steps in range(100):
        left = [n_steps]

        def act(*arguments, left=left, **options):
            if not left[0]:
                raise KilledError
            left[0] -= 1
            return step(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(where, name, act)
            try:
                shards.pack_thumbnails(workspace, 1000)
            except KilledError:
                ended = False
            else:
                ended = True
        assert all_are_there(workspace, written)
        if ended:
            break
        written |= put(workspace, range(24 + 2 * n_steps, 26 + 2 * n_steps))
    assert n_steps >= 2
    assert loose(workspace) == []


def test_a_full_disk_is_said_and_loses_none(workspace, monkeypatch):
    written = put(workspace, range(8))

    def refuse(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(shards.DataError, match="No space left"):
            shards.pack_thumbnails(workspace, 1000)
    assert all_are_there(workspace, written)
    assert packed(workspace) == []
    assert len(loose(workspace)) == 8


def test_a_damaged_shard_is_left_aside_and_made_good_by_what_comes(workspace):
    written = put(workspace, range(12), ["ab"])
    shards.pack_thumbnails(workspace, 1000)
    (path,) = packed(workspace)
    whole = path.read_bytes()
    for content in (b"", whole[:-9], whole[:40] + bytes(99) + whole[139:]):
        path.write_bytes(content)
        found = [read_thumbnail(workspace, one) for one in written]
        assert all(one is None or one in written.values() for one in found)
    path.write_bytes(b"")
    assert list_thumbnails(workspace) == set()  # so a scan makes them anew
    assert put(workspace, range(12), ["ab"]) == written
    shards.pack_thumbnails(workspace, 1000)
    assert all_are_there(workspace, written)


@pytest.fixture
def crafted(workspace):
    """A shard as somebody else may write it: its path, and what writes it."""
    put(workspace, range(4), ["ab"])
    shards.pack_thumbnails(workspace, 1000)
    (path,) = packed(workspace)
    metadata = pq.read_schema(path).metadata

    def write(ids, pictures, kinds=None, **options):
        kinds = kinds or (pa.string(), pa.binary())
        columns = [pa.array(ids, kinds[0]), pa.array(pictures, kinds[1])]
        table = pa.table(dict(zip(("cover_id", "picture"), columns, strict=True)))
        pq.write_table(table.replace_schema_metadata(metadata), path, **options)

    return path, write


ID = "ab" + "0" * 30


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"\xff\xd8\xff no picture",
        jpeg(1) + bytes(1 << 20),  # more than a MiB
    ],
)
def test_what_is_no_thumbnail_is_not_shown(workspace, crafted, content):
    crafted[1]([ID], [content])
    assert read_thumbnail(workspace, ID) is None
    assert open_thumbnail(workspace, ID) is None


def test_a_shard_of_a_stranger_shows_what_it_holds_and_takes_no_memory(
    workspace, crafted
):
    path, write = crafted
    write([ID], [jpeg(7)])
    assert read_thumbnail(workspace, ID) == jpeg(7)
    huge = io.BytesIO()
    Image.new("RGB", (3000, 8)).save(huge, "JPEG")
    write([ID], [huge.getvalue()])
    assert read_thumbnail(workspace, ID) is None
    write([ID], [None])
    assert read_thumbnail(workspace, ID) is None
    write([ID, None], [jpeg(7)] * 2)
    assert read_thumbnail(workspace, ID) is None
    write([7], [jpeg(7)], (pa.int64(), pa.binary()))
    assert read_thumbnail(workspace, ID) is None
    write([ID], ["text"], (pa.string(), pa.string()))
    assert read_thumbnail(workspace, ID) is None
    noise = np.random.default_rng(0).bytes(1000) * 3000
    write([ID] * 200, [noise] * 200, compression="zstd")  # 600 MB in a few KB
    assert read_thumbnail(workspace, ID) is None
    write([f"{ID}\0"], [jpeg(7)])
    assert shards.pack_thumbnails(workspace, 1000) == 0
    path.unlink()
    with path.open("wb") as hole:
        hole.truncate(1 << 40)
    assert read_thumbnail(workspace, ID) is None


def test_a_link_or_a_pipe_is_no_shard(workspace, crafted, tmp_path):
    path, write = crafted
    write([ID], [jpeg(7)])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path.rename(elsewhere / path.name)
    path.symlink_to(elsewhere / path.name)
    assert read_thumbnail(workspace, ID) is None
    path.unlink()
    os.mkfifo(path)
    assert read_thumbnail(workspace, ID) is None
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(elsewhere)
    assert read_thumbnail(workspace, ID) is None
    put(workspace, range(4), ["ab"])
    with pytest.raises(shards.DataError, match="is a link"):
        shards.pack_thumbnails(workspace, 1000)
    assert len(list(elsewhere.iterdir())) == 1
    own = workspace.thumbnails_folder / "ab"
    own.rename(tmp_path / "photos")
    own.symlink_to(tmp_path / "photos")
    with pytest.raises(shards.DataError, match="is a link"):
        shards.pack_thumbnails(workspace, 1000)
    assert len(list((tmp_path / "photos").iterdir())) == 4
