"""A small workspace with every artefact, made by the program itself in seconds.

Pictures are painted, not drawn; the network is tiny and hardly trained; UMAP is
replaced by two principal components, because compiling it takes longer than all
the rest. Everything else is the real code, so a changed artefact shows up here.
"""

from __future__ import annotations

import csv
from unittest.mock import patch

import numpy as np
from painted import tiny_recipe
from PIL import Image

from covers.workspace.paths import Workspace

GENRES = {
    "Ambient": (150, 190, 220),
    "Jazz": (50, 80, 170),
    "Metal": (40, 30, 35),
    "Pop": (220, 90, 160),
}
STRANGE_ARTIST = "<b>Söhne & *Töchter*</b>"
N_ARTISTS, N_EACH = 14, 3
FIRST_RELEASE = 500_000
"""Of numbers at Discogs, which lead out of the dashboard."""


def paint_library(folder, *, seed=0):
    """Paint covers with artists and years, a broken file among them; return the manifest."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (genre, colour) in enumerate(GENRES.items()):
        for artist in range(N_ARTISTS):
            name = STRANGE_ARTIST if number + artist == 0 else f"{genre} Band {artist}"
            tint = rng.normal(0, 28, 3)
            for album in range(N_EACH):
                # Some covers look like another genre, so that there are mistakes.
                strange = album == 2 and artist % 3 == 1
                look = list(GENRES.values())[number - 1] if strange else colour
                coarse = np.clip(
                    np.array(look) + tint + rng.normal(0, 34, (6, 6, 3)), 0, 255
                )
                picture = Image.fromarray(coarse.astype(np.uint8)).resize(
                    (96, 96), Image.Resampling.BICUBIC
                )
                path = f"{genre}-{artist}-{album}.png"
                picture.save(folder / path)
                genres = f"{genre};Pop" if album == artist == 1 else genre
                rows.append(
                    [
                        path,
                        genres,
                        name,
                        f"{genre} Album {artist}.{album}",
                        1970 + artist * 3 + album,
                        FIRST_RELEASE + len(rows),
                    ]
                )
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    rows.append(["broken.jpg", "Jazz", "Nobody", "Nothing", 1999, ""])
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["path", "genres", "artist", "album", "year", "discogs_release"]
        )
        writer.writerows(rows)
    return manifest


def principal_plane(vectors, settings, _graph=None):
    """Stand in for UMAP."""
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return (centred @ axes[: settings.n_components].T).astype(np.float32)


def scan(root, folder):
    from covers.intake.scan import scan_workspace

    scan_workspace(root, [paint_library(folder)])
    return Workspace.open(root)


def train(workspace, *, seed=0):
    from covers.index.build import build_index
    from covers.model.training.train import train_workspace

    train_workspace(
        workspace, tiny_recipe(image_size=32, epochs=0), device="cpu", seed=seed
    )
    build_index(workspace, device="cpu")


def analyse(workspace):
    from covers.audit.stage import run as audit_workspace
    from covers.cluster import stage as cluster
    from covers.cluster.map.stage import map_workspace
    from covers.evaluate import stage as evaluate
    from covers.overlap import stage as overlap

    evaluate.run(workspace, n_bootstraps=60)
    overlap.run(workspace, n_bootstraps=60, which="all", by="year")
    audit_workspace(workspace)
    with (
        patch("covers.cluster.map.stage.project", principal_plane),
        patch("covers.cluster.clustering.project", principal_plane),
    ):
        map_workspace(workspace)
        cluster.run(workspace, min_cluster_size=8, n_bootstraps=60, n_resamples=1)


def write_complete_workspace(root):
    """Make a workspace with every artefact below `root`."""
    workspace = scan(root / "workspace", root / "covers")
    train(workspace)
    analyse(workspace)
    return workspace
