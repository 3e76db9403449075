"""A small workspace made of arrays: everything an evaluation needs, and no network."""

import json
import struct
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from covers.catalogue.table import KIND as CATALOGUE_KIND
from covers.catalogue.table import SCHEMA, Catalogue, read_catalogue
from covers.evaluate.inputs import EvaluationInputs
from covers.images.colours import HISTOGRAM_BINS
from covers.images.content import content_id
from covers.images.measures import KIND as MEASURES_KIND
from covers.images.thumbnails import write_thumbnail
from covers.model.card import WEIGHTS_NAME, ModelCard
from covers.model.embedding_table import EMBEDDINGS_KIND, embeddings_parts, frozen_parts
from covers.workspace.artefacts import Stamp, write_table
from covers.workspace.paths import Workspace

VOCAB = ("Ambient", "Jazz", "Metal", "Pop")
FINGERPRINT = "5eedc0de" * 4
FROZEN_FINGERPRINT = "f0f0" * 8
WIDTH = 12


def unit(rows):
    """Return rows of length one, float32."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def simulate(n_covers=400, *, seed=0, n_groups=120, spread=0.9, shared=0.35, test=0.0):
    """Return inputs whose features are noisy genre directions, shared within groups."""
    rng = np.random.default_rng(seed)
    n_genres = len(VOCAB)
    group_genre = rng.integers(n_genres, size=n_groups)
    groups = rng.integers(n_groups, size=n_covers)
    genre = group_genre[groups]
    membership = np.eye(n_genres, dtype=np.float32)[genre]
    second = rng.random(n_covers) < 0.05
    membership[second] += np.eye(n_genres, dtype=np.float32)[(genre[second] + 1) % 4]
    membership /= membership.sum(axis=1, keepdims=True)
    centres = rng.normal(size=(n_genres, WIDTH))
    quirks = rng.normal(size=(n_groups, WIDTH))
    noise = rng.normal(size=(n_covers, WIDTH))
    features = centres[genre] * 0.8 + shared * quirks[groups] * 3 + spread * noise
    side = rng.random(n_groups)
    splits = np.where(side < 0.7 - test, "train", "valid")
    splits = (
        np.where(side > 1 - test, "test", splits)[groups] if test else splits[groups]
    )
    logits = features @ centres.T * 0.6
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return EvaluationInputs(
        cover_ids=tuple(f"{seed:04x}{i:028x}" for i in range(n_covers)),
        vocab=VOCAB,
        membership=membership,
        groups=groups.astype(np.int64),
        splits=splits,
        grouped_by="artist",
        embeddings=unit(features),
        p_network=p / p.sum(axis=1, keepdims=True),
        model_vocab=VOCAB,
        frozen=unit(features + rng.normal(size=features.shape)),
        colours=unit(np.abs(rng.normal(size=(n_covers, 8)))),
    )


def write_workspace(
    root: Path, *, n_covers=160, seed=0, multi_label=False
) -> Workspace:
    """Publish a workspace with catalogue, pictures, model card, embeddings and thumbnails."""
    inputs = simulate(n_covers, seed=seed, n_groups=50)
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    rows, histograms = write_pictures(workspace, inputs, seed)
    catalogue = Catalogue(pa.Table.from_pylist(rows, SCHEMA))
    catalogue.write(workspace.catalogue_path, Stamp(kind=CATALOGUE_KIND))
    flat = pa.array(unit(np.sqrt(np.array(histograms))).ravel())
    write_table(
        workspace.pictures_path,
        pa.table(
            {
                "cover_id": catalogue.cover_ids,
                "colour_histogram": pa.FixedSizeListArray.from_arrays(
                    flat, HISTOGRAM_BINS
                ),
            }
        ),
        Stamp(kind=MEASURES_KIND),
    )
    write_card(workspace, catalogue, multi_label=multi_label)
    write_vectors(workspace, catalogue, inputs)
    return workspace


def write_pictures(workspace, inputs, seed):
    """Draw a picture per cover into a folder of its genre; return catalogue rows and histograms."""
    rng = np.random.default_rng(seed)
    source = workspace.root.parent / f"{workspace.root.name}-source"
    rows, histograms = [], []
    for row in range(len(inputs.membership)):
        genre = int(inputs.membership[row].argmax())
        pixels = rng.integers(0, 90, size=(48, 48, 3)) + 40 * np.array(
            [genre, 3 - genre, genre % 2]
        )
        path = source / VOCAB[genre] / f"{row:03d} <b>.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(pixels.astype(np.uint8))
        image.save(path)
        rows.append(catalogue_row(inputs, row, path, source))
        thumbnail = workspace.thumbnail_path(rows[-1]["cover_id"])
        write_thumbnail(image, thumbnail)
        histograms.append(np.histogram(pixels, HISTOGRAM_BINS, (0, 255))[0])
    (workspace.root / "covers.toml").write_text(
        f'[[sources]]\nname = "folders"\npath = "../{source.name}"\nkind = "folders"\n'
    )
    return rows, histograms


def catalogue_row(inputs, row, path, source):
    """Describe a drawn cover as a scan would."""
    content = path.read_bytes()
    genres = [VOCAB[j] for j in np.flatnonzero(inputs.membership[row])]
    artist = f"Artist & {inputs.groups[row]}"
    place = {"source": "folders", "path": path.relative_to(source).as_posix()}
    location = {"member": "", "size": len(content), "mtime_ns": 0, "genres": genres}
    return {
        **place,
        "cover_id": content_id(content),
        "locations": [{**place, **location}],
        "genres": genres,
        "raw_genres": genres,
        "artist": artist,
        "artists": [artist],
        "album": f"Album {row}",
        "year": 1970 + row % 50,
        "release_group": None,
        "group": artist,
        "split": str(inputs.splits[row]),
        "width": 48,
        "height": 48,
        "format": "PNG",
    }


def write_vectors(workspace, catalogue, inputs):
    """Publish embeddings and logits, and the statistics of the untouched backbone."""
    embeddings_parts(workspace, FINGERPRINT).append(
        catalogue.cover_ids,
        {
            "embedding": inputs.embeddings,
            "logits": np.log(inputs.p_network).astype(np.float32),
        },
        Stamp(kind=EMBEDDINGS_KIND, made_from={"model": FINGERPRINT}),
    )
    frozen = frozen_parts(workspace, FROZEN_FINGERPRINT)
    frozen.append(
        catalogue.cover_ids,
        {"statistics": np.hstack([inputs.frozen, inputs.frozen])},
        Stamp(kind=frozen.kind),
    )


def write_card(workspace, catalogue, *, multi_label=False):
    """Write a model file that holds a description and no weights."""
    card = ModelCard(
        arch="resnet18",
        vocab=VOCAB,
        embedding_dim=WIDTH,
        image_size=48,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        multi_label=multi_label,
        stamp=Stamp(kind="model", made_from={"labels": catalogue.label_fingerprint()}),
        summary={
            "frozen": {"fingerprint": FROZEN_FINGERPRINT, "deepest_channels": WIDTH}
        },
        fingerprint=FINGERPRINT,
    )
    header = json.dumps({"__metadata__": {"covers": json.dumps(asdict(card))}}).encode()
    path = workspace.model_folder / WEIGHTS_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def build_synthetic_index(workspace):
    """Index the embeddings that `write_workspace` has published."""
    from covers.index.build import index_columns
    from covers.model.embedding_table import read_embeddings
    from indexer import VectorIndex

    catalogue = read_catalogue(workspace)
    table = read_embeddings(workspace)
    return VectorIndex.build(
        workspace.index_folder,
        table.cover_ids,
        table.embeddings,
        index_columns(catalogue, range(len(catalogue))),
        fingerprints={"model": FINGERPRINT, "catalogue": catalogue.fingerprint()},
    )
