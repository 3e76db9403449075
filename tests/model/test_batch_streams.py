"""Embedding side by side gives what embedding one after the other gives."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from drawn_pictures import picture, put
from painted import TINY_ARCH
from PIL import Image

from covers.catalogue.table import read_catalogue
from covers.intake.scan import scan_workspace
from covers.model.batch_streams import Streams, stream_work
from covers.model.embed import cover_files
from covers.model.network.backbone import normalise
from covers.model.network.make_backbone import make_backbone
from covers.model.pixels import PixelCache, read_pixels
from covers.workspace.paths import Workspace

SIZE_PX = 32


@pytest.fixture
def covers(tmp_path):
    for i in range(23):
        put(tmp_path / f"library/Rock/{i:02d}.png", picture(i))
    scan_workspace(tmp_path / "ws", [tmp_path / "library"])
    workspace = Workspace.open(tmp_path / "ws")
    return workspace, cover_files(read_catalogue(workspace))


def test_the_files_of_some_covers_are_those_among_all(covers):
    workspace, files = covers
    some = cover_files(read_catalogue(workspace), [7, 0, 22])
    assert some == [files[7], files[0], files[22]]
    assert cover_files(read_catalogue(workspace), []) == []


def copy(pixels):
    return {"pixels": pixels.copy()}


def run(workspace, files, **options):
    done = list(
        stream_work(workspace, files, copy, Streams(size_px=SIZE_PX, **options))
    )
    positions = np.concatenate([batch.positions for batch in done])
    arrays = [batch.arrays["pixels"] for batch in done if len(batch.positions)]
    failed = [item for batch in done for item in batch.failed]
    return positions.tolist(), np.concatenate(arrays), failed


@pytest.mark.parametrize("on_gpu", [False, True], ids=["streams", "one worker"])
@pytest.mark.parametrize("batch_size", [1, 5, 23, 64])
def test_batches_come_in_order_whatever_their_size(covers, batch_size, on_gpu):
    workspace, files = covers
    positions, pixels, failed = run(
        workspace, files, batch_size=batch_size, on_gpu=on_gpu, n_streams=3
    )
    plain = np.stack([read_pixels(workspace, file, SIZE_PX) for file in files])
    assert positions == list(range(23))
    assert failed == []
    np.testing.assert_array_equal(pixels, plain)


def test_covers_of_several_sizes_are_squashed_like_each_alone(tmp_path):
    sizes = [(40, 40)] * 3 + [(50, 40)] * 6 + [(32, 32)] * 2 + [(40, 40), (33, 90)]
    for i, size in enumerate(sizes):
        pixels = np.random.default_rng(i).integers(0, 256, (*size, 3), np.uint8)
        path = tmp_path / f"library/Rock/{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    scan_workspace(tmp_path / "ws", [tmp_path / "library"])
    workspace = Workspace.open(tmp_path / "ws")
    files = cover_files(read_catalogue(workspace))
    plain = np.stack([read_pixels(workspace, file, SIZE_PX) for file in files])
    for batch_size in (1, 4, 13):
        positions, pixels, _ = run(workspace, files, batch_size=batch_size)
        assert positions == list(range(len(sizes)))
        np.testing.assert_array_equal(pixels, plain)


@pytest.mark.parametrize("on_gpu", [False, True], ids=["streams", "one worker"])
def test_broken_covers_are_left_out_and_named(covers, on_gpu):
    workspace, files = covers
    for number in (4, 5, 6, 7, 22):
        path = files[number].locations[0]["path"]
        workspace.resolve("library", path).write_bytes(b"gone")
    positions, pixels, failed = run(workspace, files, batch_size=4, on_gpu=on_gpu)
    assert [number for number, _ in failed] == [4, 5, 6, 7, 22]
    assert "changed since the scan" in failed[0][1]
    assert positions == [n for n in range(23) if n not in (4, 5, 6, 7, 22)]
    assert len(pixels) == 18


def test_the_training_cache_is_read_where_it_has_all(covers):
    workspace, files = covers
    plain = run(workspace, files, batch_size=6)
    cache = PixelCache(workspace.cache_folder, SIZE_PX)
    cache.fill(workspace, files)
    for file in files:
        workspace.resolve("library", file.locations[0]["path"]).unlink()
    cached = run(workspace, files[::-1], batch_size=6)
    np.testing.assert_array_equal(cached[1], plain[1][::-1])


def test_streams_compute_in_one_thread_and_leave_torch_as_it_was(covers):
    workspace, files = covers
    before = torch.get_num_threads()
    seen = []

    def work(pixels):
        seen.append((threading.current_thread().name, torch.get_num_threads()))
        return copy(pixels)

    torch.set_num_threads(2)
    try:
        list(
            stream_work(workspace, files, work, Streams(size_px=SIZE_PX, batch_size=4))
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert all(name.startswith("embed") and n == 1 for name, n in seen)


def test_an_error_in_the_work_reaches_the_caller(covers):
    workspace, files = covers

    def work(pixels):
        message = "no memory"
        raise MemoryError(message)

    with pytest.raises(MemoryError, match="no memory"):
        list(
            stream_work(workspace, files, work, Streams(size_px=SIZE_PX, batch_size=4))
        )


def test_a_network_in_streams_says_what_it_says_of_all_at_once(covers):
    workspace, files = covers
    torch.manual_seed(0)
    backbone, mean, std = make_backbone(TINY_ARCH)
    backbone.eval()

    def work(pixels):
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        with torch.inference_mode():
            return {"out": backbone(normalise(images, mean, std)).numpy()}

    done = stream_work(workspace, files, work, Streams(size_px=SIZE_PX, batch_size=5))
    streamed = np.concatenate([batch.arrays["out"] for batch in done])
    plain = np.stack([read_pixels(workspace, file, SIZE_PX) for file in files])
    np.testing.assert_allclose(streamed, work(plain)["out"], rtol=1e-4, atol=1e-5)
