"""A workspace of any size whose embeddings are drawn: for benchmarks of what comes after embedding.

Catalogue, model card, embeddings, measures and thumbnails are made up (64 distinct
pictures, linked); index, evaluation, overlap, clusters and map come from the
program itself, with few resamples, and with the two leading principal components
in the place of UMAP, which would take longer than all the rest.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from PIL import Image
from safetensors.numpy import save

from covers.catalogue.table import KIND, SCHEMA, Catalogue, read_catalogue
from covers.images import measures as measure
from covers.images.thumbnails import write_thumbnail
from covers.model.card import WEIGHTS_NAME, ModelCard
from covers.model.embedding_table import EMBEDDINGS_KIND, embeddings_parts
from covers.workspace.artefacts import Stamp, write_table
from covers.workspace.disk.publish import publish
from covers.workspace.paths import Workspace

GENRES = [
    "Ambient",
    "Blues",
    "Classical",
    "Country",
    "Disco",
    "Dub",
    "Electronic",
    "Folk",
    "Funk",
    "Gospel",
    "Hip-Hop",
    "House",
    "Jazz",
    "Latin",
    "Metal",
    "Pop",
    "Punk",
    "Reggae",
    "Rock",
    "Soul",
]
N_PICTURES = 64
N_DIMENSIONS = 256
COVERS_PER_ARTIST = 4
FINGERPRINT = "d4a3" * 8


def draw_workspace(root, n_covers, *, seed=0, say=print):
    """Make the workspace, or return the one that is there."""
    workspace = Workspace(root)
    done = root / "drawn.json"
    if done.is_file() and json.loads(done.read_text()) == [n_covers, seed]:
        return workspace
    root.mkdir(parents=True, exist_ok=True)
    workspace.config_path.write_text("")
    rng = np.random.default_rng(seed)
    begun = time.perf_counter()

    def tell(what):
        say(f"{time.perf_counter() - begun:6.1f} s  {what}")

    ids, genre, artist = _write_catalogue(workspace, n_covers, rng)
    _write_model(workspace, ids, genre, artist, rng)
    tell("catalogue and embeddings")
    _write_pictures(workspace, ids, genre, rng)
    tell("thumbnails")
    _analyse(workspace, tell)
    done.write_text(json.dumps([n_covers, seed]))
    return workspace


def _write_catalogue(workspace, n, rng):
    """Draw artists of one main genre, their albums, and the genres of each."""
    n_artists = max(1, n // COVERS_PER_ARTIST)
    weights = 1 / np.arange(2, len(GENRES) + 2)
    artist = rng.integers(n_artists, size=n)
    artist_genre = rng.choice(len(GENRES), size=n_artists, p=weights / weights.sum())
    genre = artist_genre[artist]
    second = np.where(rng.random(n) < 0.06, (genre + 1) % len(GENRES), genre)
    held = rng.random(n_artists) < 0.2
    begun = rng.integers(1960, 2015, size=n_artists)
    year = np.minimum(begun[artist] + rng.integers(0, 15, size=n), 2025)
    ids = [rng.bytes(16).hex() for _ in range(n)]
    genres = [
        sorted({GENRES[a], GENRES[b]}) for a, b in zip(genre, second, strict=True)
    ]
    names = [f"{GENRES[artist_genre[a]]} Artist {a}" for a in artist]
    paths = [f"{i // 1000:03d}/{i:06d}.jpg" for i in range(n)]
    columns = {
        "cover_id": ids,
        "source": ["drawn"] * n,
        "path": paths,
        "locations": [[{"source": "drawn", "path": path}] for path in paths],
        "genres": genres,
        "raw_genres": genres,
        "artist": names,
        "artists": [[name] for name in names],
        "album": [f"Album {i}" for i in range(n)],
        "year": year.tolist(),
        "group": names,
        "split": np.where(held[artist], "valid", "train").tolist(),
    }
    table = pa.table(
        {f.name: pa.array(columns.get(f.name, [None] * n), f.type) for f in SCHEMA},
        schema=SCHEMA,
    )
    Catalogue(table).write(workspace.catalogue_path, Stamp(kind=KIND))
    return ids, genre, artist


def _write_model(workspace, ids, genre, artist, rng):
    """Draw embeddings around styles, each genre a mixture of some of them."""
    styles = rng.standard_normal((2 * len(GENRES), N_DIMENSIONS)).astype(np.float32)
    style = (2 * genre + rng.integers(5, size=len(ids))) % len(styles)
    vectors = styles[style] + 1.6 * rng.standard_normal(
        (len(ids), N_DIMENSIONS), np.float32
    )
    quirks = rng.standard_normal((artist.max() + 1, N_DIMENSIONS), np.float32)
    vectors += 0.5 * quirks[artist]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    centres = np.stack(
        [styles[(2 * g + np.arange(5)) % len(styles)].mean(0) for g in range(20)]
    )
    logits = (vectors @ centres.T).astype(np.float32)
    card = ModelCard(
        arch="drawn",
        vocab=tuple(GENRES),
        embedding_dim=N_DIMENSIONS,
        image_size=224,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        multi_label=False,
        stamp=Stamp(
            kind="model",
            made_from={"labels": read_catalogue(workspace).label_fingerprint()},
        ),
        fingerprint=FINGERPRINT,
    )
    with publish(workspace.model_folder / WEIGHTS_NAME, "wb") as file:
        file.write(
            save(
                {"w": np.zeros(1, np.float32)},
                metadata={"covers": json.dumps(asdict(card))},
            )
        )
    parts = embeddings_parts(workspace, FINGERPRINT)
    stamp = Stamp(kind=EMBEDDINGS_KIND, made_from={"model": FINGERPRINT})
    for start in range(0, len(ids), 4096):
        part = slice(start, start + 4096)
        parts.append(
            ids[part], {"embedding": vectors[part], "logits": logits[part]}, stamp
        )


def _write_pictures(workspace, ids, genre, rng):
    """Paint a few pictures, measure them, and link them as everyone's thumbnails."""
    folder = workspace.root / "pictures"
    folder.mkdir(exist_ok=True)
    measures = []
    for number in range(N_PICTURES):
        coarse = rng.integers(0, 255, (7, 7, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((300, 300), Image.Resampling.BICUBIC)
        write_thumbnail(picture, folder / f"{number}.jpg")
        measures.append(measure.measure_picture(picture))
    for cover_id in ids:
        (workspace.thumbnails_folder / cover_id[:2]).mkdir(parents=True, exist_ok=True)
    which = [
        (3 * int(g) + int(i[:2], 16)) % N_PICTURES
        for g, i in zip(genre, ids, strict=True)
    ]
    for number, cover_id in zip(which, ids, strict=True):
        os.link(folder / f"{number}.jpg", workspace.thumbnail_path(cover_id))
    few = measure.measures_table([str(i) for i in range(N_PICTURES)], measures)
    table = few.take(pa.array(which)).set_column(0, few.schema.field(0), pa.array(ids))
    write_table(workspace.pictures_path, table, Stamp(kind=measure.KIND))


def principal_plane(vectors, settings, _graph=None):
    """Stand in for UMAP."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return (centred @ axes[:, ::-1][:, : settings.n_components]).astype(np.float32)


def _analyse(workspace, tell):
    from covers.cluster import stage as cluster
    from covers.cluster.map.stage import map_workspace
    from covers.evaluate import stage as evaluate
    from covers.index.build import build_index
    from covers.overlap import stage as overlap

    build_index(workspace, device="cpu")
    tell("index")
    evaluate.run(workspace, n_bootstraps=50)
    tell("evaluation")
    overlap.run(workspace, n_bootstraps=200, by="year")
    tell("overlap")
    with (
        patch("covers.cluster.map.stage.project", principal_plane),
        patch("covers.cluster.clustering.project", principal_plane),
    ):
        map_workspace(workspace)
        tell("map")
        size = max(20, len(read_catalogue(workspace)) // 500)
        cluster.run(workspace, min_cluster_size=size, n_bootstraps=50, n_resamples=0)
        tell("clusters")
