"""Pictures from outside are decoded within the budget of a scan."""

import io
import os
import signal
import threading

import numpy as np
import pytest
from PIL import Image

from covers.errors import BrokenImageError
from covers.images import decode as decoding
from covers.images import guarded, outside
from covers.images.decode import decode
from covers.images.outside import OutsideDecoder


def saved(image, format_name="PNG"):
    content = io.BytesIO()
    image.save(content, format_name)
    return content.getvalue()


@pytest.fixture
def large():
    """More than eight megapixels of 16-bit grey, which is not quick."""
    grey = np.tile(np.linspace(0, 65535, 3000).astype(np.uint16), (3000, 1))
    return saved(Image.fromarray(grey))


def test_a_large_picture_is_decoded_elsewhere_to_the_same_pixels(large, monkeypatch):
    expected = decode(large, size_px=64)
    monkeypatch.setattr(outside, "decode", None)  # here nothing may be decoded
    with OutsideDecoder() as decoder:
        found = [decoder.decode(large, size_px=64) for _ in range(2)]
        process = decoder._process._process
    assert process.returncode is not None
    assert [image.tobytes() for image in found] == [expected.tobytes()] * 2


def test_a_small_picture_needs_no_process():
    content = saved(Image.new("RGB", (90, 60), (200, 30, 7)))
    with OutsideDecoder() as decoder:
        assert decoder.decode(content, size_px=30).getpixel((0, 0)) == (200, 30, 7)
        assert decoder._process is None


def test_what_takes_too_long_is_refused_and_the_next_is_read(large, monkeypatch):
    with monkeypatch.context() as patch, OutsideDecoder() as decoder:
        patch.setattr(guarded, "MAX_SECONDS", 0.001)
        with pytest.raises(BrokenImageError, match="too costly: more than 0"):
            decoder.decode(large, size_px=64)
        patch.undo()
        assert decoder.decode(large, size_px=64).size == (66, 66)


def test_a_decoder_that_crashes_is_one_refused_picture(large, monkeypatch):
    with OutsideDecoder() as decoder:
        decoder.decode(large, size_px=64)
        os.kill(decoder._process._process.pid, signal.SIGKILL)
        with pytest.raises(BrokenImageError, match="crashed, or gave no answer"):
            decoder.decode(large, size_px=64)
        assert decoder.decode(large, size_px=64).size == (66, 66)


def test_where_no_process_starts_the_picture_is_decoded_here(large, monkeypatch):
    def none(*_, **__):
        raise OSError

    monkeypatch.setattr(guarded.subprocess, "Popen", none)
    with OutsideDecoder() as decoder:
        assert decoder.decode(large, size_px=64).size == (66, 66)


def test_a_reason_comes_back_as_it_was(large):
    with (
        OutsideDecoder() as decoder,
        pytest.raises(BrokenImageError, match="too large: 3,000 x 3,000"),
    ):
        decoder.decode(large, size_px=64, max_megapixels=5)


def test_one_heavy_picture_at_a_time_in_a_process(large, monkeypatch):
    monkeypatch.setattr(decoding, "HEAVY_PIXELS", 1000)
    at_once, most = [], []
    convert = decoding.to_rgb

    def watched(image):
        at_once.append(1)
        most.append(len(at_once))
        try:
            return convert(image)
        finally:
            at_once.pop()

    monkeypatch.setattr(decoding, "to_rgb", watched)
    threads = [threading.Thread(target=decode, args=(large,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4
