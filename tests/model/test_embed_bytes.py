"""From the bytes of pictures to vectors, and how the batch files of many writers live together."""

from __future__ import annotations

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from covers.errors import DataError
from covers.images.content import content_id
from covers.images.decode import decode
from covers.model.batch_streams import Streams, stream_work
from covers.model.embed_bytes import EmbedBytes
from covers.model.pixels import to_pixels
from covers.model.vector_parts import VectorParts
from covers.workspace.artefacts import Stamp

SIZE_PX = 32
STAMP = Stamp(kind="embeddings")


def png(seed, size=(40, 50)):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def means(pixels):
    return {"embedding": pixels.mean(axis=(1, 2), dtype=np.float32)}


def test_bytes_become_ids_vectors_and_reasons():
    contents = [png(0), b"no picture", png(1, (32, 32)), DataError("gone"), png(2)]
    contents += [png(n) for n in range(3, 8)]
    found = EmbedBytes(means, SIZE_PX)(iter(contents))
    good = [0, 2, 4, 5, 6, 7, 8, 9]
    assert found.positions.tolist() == good
    assert [position for position, _ in found.failed] == [1, 3]
    assert found.failed[1][1] == "gone"
    assert found.cover_ids == [
        "" if isinstance(one, DataError) else content_id(one) for one in contents
    ]
    alone = np.stack(
        [to_pixels(decode(contents[n], size_px=SIZE_PX), SIZE_PX) for n in good]
    )
    np.testing.assert_array_equal(found.arrays["embedding"], means(alone)["embedding"])


def test_of_no_good_picture_nothing_is_asked():
    def work(pixels):
        raise AssertionError

    found = EmbedBytes(work, SIZE_PX)([b"", DataError("gone")])
    assert found.arrays == {}
    assert len(found.failed) == 2


def test_a_larger_picture_than_allowed_is_refused():
    embed = EmbedBytes(means, SIZE_PX, max_megapixels=0.001)
    assert "pixels" in embed([png(0)]).failed[0][1]


@pytest.mark.parametrize("on_gpu", [False, True])
def test_the_threads_of_this_machine_embed_bytes(
    trained_workspace, monkeypatch, on_gpu
):
    from covers.catalogue.table import read_catalogue
    from covers.model.embed import cover_files

    called = []
    answer = EmbedBytes.answer
    monkeypatch.setattr(
        EmbedBytes, "answer", lambda self, x: called.append(len(x)) or answer(self, x)
    )
    files = cover_files(read_catalogue(trained_workspace))
    streams = Streams(size_px=SIZE_PX, on_gpu=on_gpu, batch_size=16)
    n_good = sum(
        len(batch.positions)
        for batch in stream_work(trained_workspace, files, means, streams)
    )
    assert sum(called) == n_good == len(files)


def test_writers_that_saw_the_same_folder_do_not_overwrite_each_other(tmp_path):
    ours, theirs = (VectorParts(tmp_path, "embeddings") for _ in range(2))
    listed = ours.paths()
    ours.append(["a"], {"embedding": np.zeros((1, 2), np.float32)}, STAMP)
    VectorParts.paths, kept = (lambda self: listed), VectorParts.paths
    try:
        theirs.append(["b"], {"embedding": np.ones((1, 2), np.float32)}, STAMP)
    finally:
        VectorParts.paths = kept
    assert len(ours.paths()) == 2
    ids, (vectors,) = ours.read(["embedding"], "covers embed")
    assert dict(zip(ids, vectors[:, 0], strict=True)) == {"a": 0, "b": 1}


def test_of_a_cover_written_twice_the_last_row_counts(tmp_path):
    parts = VectorParts(tmp_path, "embeddings")
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    parts.append(["a", "b", "a"], {"embedding": rows}, STAMP)
    parts.append(["b"], {"embedding": rows[:1] + 10}, STAMP)
    ids, (vectors,) = parts.read(["embedding"], "covers embed")
    assert sorted(ids) == ["a", "b"]
    by_id = dict(zip(ids, vectors.tolist(), strict=True))
    assert by_id == {"a": [4, 5], "b": [10, 11]}


def test_the_same_rows_written_again_stay_fixed_size_lists(tmp_path):
    parts = VectorParts(tmp_path, "embeddings")
    parts.append(["a"], {"embedding": np.zeros((1, 2), np.float32)}, STAMP)
    kind = pq.read_schema(parts.paths()[0]).field("embedding").type
    assert str(kind).startswith("fixed_size_list<")
