"""A workspace whose embeddings are drawn, so that the overlap of its genres is known."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
from PIL import Image
from safetensors.numpy import save

from covers.catalogue.table import SCHEMA, Catalogue
from covers.model.card import WEIGHTS_NAME, ModelCard
from covers.model.embedding_table import embeddings_parts
from covers.overlap.simulation import Design, draw_known_overlap
from covers.workspace.artefacts import Stamp
from covers.workspace.disk.publish import publish
from covers.workspace.paths import Workspace

DESIGN = Design(
    family="styles",
    n_covers=(60, 60, 60),
    n_dimensions=5,
    separation=0.5,
    group_size=2,
    group_correlation=0.3,
)
GENRES = ("Folk", "Jazz", "Metal")


def write_known_workspace(
    root, *, design=DESIGN, genres=GENRES, seed=0, keep=None, genre_minimum=1
):
    """Write catalogue, model card, embeddings and thumbnails; return workspace and truth."""
    data = draw_known_overlap(design, seed)
    labels = data.membership.argmax(axis=1)
    rows = np.arange(len(labels)) if keep is None else np.asarray(keep, np.int64)
    ids = [f"{row:032x}" for row in rows]
    workspace = Workspace(root)
    root.mkdir(parents=True, exist_ok=True)
    workspace.config_path.write_text("")
    names = [[genres[labels[r]]] for r in rows]
    write_catalogue(workspace, ids, names, data, rows, genre_minimum)
    write_model(workspace, ids, data.vectors[rows], genres, labels[rows])
    for row, cover_id in zip(rows, ids, strict=True):
        path = workspace.thumbnail_path(cover_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        shade = (80 * int(labels[row]), int(row) % 255, 120)
        Image.new("RGB", (16, 16), shade).save(path)
    return workspace, data


def write_catalogue(workspace, ids, genres, data, rows, genre_minimum=1):
    n = len(ids)
    columns = {
        "cover_id": ids,
        "source": ["one" if row % 2 else "two" for row in rows],
        "path": [f"{cover_id}.png" for cover_id in ids],
        "genres": genres,
        "raw_genres": genres,
        "artist": [f"artist {g}" for g in data.groups[rows]],
        "artists": [[f"artist {g}"] for g in data.groups[rows]],
        "album": [f"album {row}" for row in rows],
        "year": [1970 + 10 * int(g % 3) for g in data.groups[rows]],
        "group": [f"g{g}" for g in data.groups[rows]],
        "split": ["valid"] * n,
    }
    table = pa.table(
        {f.name: pa.array(columns.get(f.name, [None] * n), f.type) for f in SCHEMA},
        schema=SCHEMA,
    )
    Catalogue(table, genre_minimum).write(
        workspace.catalogue_path,
        Stamp(kind="catalogue", parameters={"genre_minimum": genre_minimum}),
    )


def write_model(workspace, ids, vectors, genres, labels, fingerprint="f" * 32):
    card = ModelCard(
        arch="drawn",
        vocab=tuple(genres),
        embedding_dim=vectors.shape[1],
        image_size=16,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        multi_label=False,
        stamp=Stamp(kind="model"),
        fingerprint=fingerprint,
    )
    with publish(workspace.model_folder / WEIGHTS_NAME, "wb") as file:
        file.write(
            save(
                {"w": np.zeros(1, np.float32)},
                metadata={"covers": json.dumps(asdict(card))},
            )
        )
    logits = np.eye(len(genres), dtype=np.float32)[labels] * 3
    embeddings_parts(workspace, fingerprint).append(
        ids,
        {"embedding": vectors.astype(np.float32), "logits": logits},
        Stamp(kind="embeddings", made_from={"model": fingerprint}),
    )
