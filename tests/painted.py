"""Painted covers of three genres, and a recipe for a tiny network that learns them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

TINY_ARCH = "timm:test_resnet"
GENRES = {"Metal": (40, 30, 35), "Pop": (220, 90, 160), "Jazz": (50, 80, 170)}


def paint_genres(folder: Path, *, n_each: int = 26, seed: int = 0) -> Path:
    """Write pictures of 64 px whose colour says the genre and whose stripes differ."""
    rng = np.random.default_rng(seed)
    for genre, colour in GENRES.items():
        (folder / genre).mkdir(parents=True, exist_ok=True)
        for number in range(n_each):
            noise = rng.normal(0, 40, (8, 8, 3))
            coarse = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            picture = Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC)
            picture.save(folder / genre / f"{genre.lower()}-{number:03d}.png")
    return folder


def tiny_recipe(**changes):
    from covers.model.training.recipe import Recipe

    small = {
        "arch": TINY_ARCH,
        "weights": "none",
        "image_size": 48,
        "embedding_dim": 16,
        "epochs": 2,
        "batch_size": 16,
    }
    return Recipe(**{**small, **changes})


def labelled_sides(catalogue):
    """Return the covers with a genre of the train and of the held-out side."""
    from covers.model.training.heads.crossed import LabelledRows

    membership = catalogue.membership()
    labelled = membership.sum(axis=1) > 0
    return [
        LabelledRows(
            cover_ids=np.array(catalogue.cover_ids)[rows].tolist(),
            membership=membership[rows],
            groups=catalogue.groups[rows],
        )
        for rows in (
            (catalogue.splits == side) & labelled for side in ("train", "valid")
        )
    ]
