"""Thumbnails of covers."""

import numpy as np
import pytest
from PIL import Image

from covers.images.thumbnails import write_thumbnail


def test_a_large_cover_is_scaled_to_256_px_and_keeps_its_shape(tmp_path):
    path = tmp_path / "ab" / "abc.jpg"
    write_thumbnail(Image.new("RGB", (1200, 600), "red"), path)
    with Image.open(path) as image:
        assert (image.format, image.size) == ("JPEG", (256, 128))
        assert image.convert("RGB").getpixel((100, 60))[0] > 240


def test_a_small_cover_is_not_enlarged(tmp_path):
    image = Image.new("RGB", (90, 120), "blue")
    write_thumbnail(image, tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as thumbnail:
        assert thumbnail.size == (90, 120)
    assert image.size == (90, 120)


def test_an_interrupted_write_leaves_the_old_thumbnail(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    write_thumbnail(Image.new("RGB", (30, 30), "red"), path)
    before = path.read_bytes()
    noise = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (99, 99, 3), np.uint8)
    )
    save = Image.Image.save

    def fail_halfway(self, file, *args, **kwargs):
        save(self, file, *args, **kwargs)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail_halfway)
    with pytest.raises(OSError, match="No space left"):
        write_thumbnail(noise, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.jpg"]
