"""Small pictures that look like no other, for tests that need many."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def picture(seed, size=48):
    """Draw a picture that looks like no other, as PNG bytes."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
