"""Large workspaces that cost little to make, for benches of everything but what was left out.

Pictures are small and of random blocks. In `write_workspace` the scan takes the
pictures' measures from a random generator, the network has random weights and
was never trained, embeddings are random, and the evaluation, overlap, clusters
and map are empty files with the right stamps.
"""

import io
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from covers.catalogue.table import read_catalogue
from covers.images.content import content_id
from covers.images.measures import PictureMeasures
from covers.intake.pictures.read_one import PictureLoader
from covers.intake.scan import scan_workspace
from covers.intake.scan_record import Content
from covers.workspace.artefacts import Stamp, write_json, write_table
from covers.workspace.paths import Workspace

GENRES = ("Folk", "Jazz", "Rock", "Soul", "Techno")


def write_picture(path, seed, size_px=64, blocks=8, quality=80):
    """Write a JPEG of random blocks."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (blocks, blocks, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((size_px, size_px), Image.Resampling.BILINEAR)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())


def write_library(root, n, *, start=0, **options):
    """Write n pictures into a folder per genre and artist."""
    for i in range(start, start + n):
        folder = Path(root) / GENRES[i % 5] / f"{i // 5 % 200:03d}"
        write_picture(folder / f"{i:07d}.jpg", i, **options)


def _read_without_decoding(loader, path, member):
    """Stand in for reading a picture: its id is real, its measures are random."""
    cover_id = content_id(path.read_bytes())
    rng = np.random.default_rng(int(cover_id[:8], 16))
    hash_ = rng.bytes(8).hex()
    signature = rng.bytes(256)
    histogram = np.zeros(128, np.float32)
    histogram[rng.integers(128)] = 1
    thumbnail = loader.workspace.thumbnail_path(cover_id)
    thumbnail.parent.mkdir(parents=True, exist_ok=True)
    thumbnail.write_bytes(b"stand-in")
    measures = PictureMeasures(
        hash_,
        hash_,
        signature,
        signature,
        *rng.random(4).tolist(),
        ("#808080",),
        (1.0,),
        histogram,
    )
    return Content(cover_id, 64, 64, "JPEG"), measures


def scan_without_decoding(root, library):
    """Scan a library, taking the pictures' measures from a random generator; return the workspace."""
    with mock.patch.object(PictureLoader, "read", _read_without_decoding):
        scan_workspace(Path(root), [Path(library)])
    return Workspace.open(Path(root))


def write_workspace(root, library, *, arch="squeezenet1_1", recipe=None):
    """Scan a library without decoding it and make every artefact; return the workspace."""
    workspace = scan_without_decoding(root, library)
    write_model(workspace, arch=arch)
    write_embeddings(workspace)
    from covers.index.build import build_index

    build_index(workspace)
    write_analysis(workspace)
    return workspace


def write_model(workspace, *, arch="squeezenet1_1", image_size=160, seed=0):
    """Write a network that was never trained, as if it had been trained on the catalogue."""
    import torch

    from covers.model.network.architectures import split_archs
    from covers.model.network.joined import make_heads
    from covers.model.network.make_backbone import make_backbone
    from covers.model.training.recipe import Recipe, portable_recipe
    from covers.model.weights import SavedModel, make_card
    from covers.workspace.settings import write_settings

    catalogue = read_catalogue(workspace)
    changes = {"arch": arch, "weights": "none", "image_size": image_size}
    torch.manual_seed(seed)
    backbone, mean, std = make_backbone(arch)
    dims = [256] * len(split_archs(arch))
    head = make_heads(backbone, dims, len(catalogue.vocab))
    network = torch.nn.Sequential(backbone, head)
    card = make_card(
        network,
        arch=arch,
        vocab=catalogue.vocab,
        embedding_dim=sum(dims),
        image_size=image_size,
        mean=mean,
        std=std,
        multi_label=False,
        stamp=Stamp(
            kind="model",
            made_from={"labels": catalogue.label_fingerprint()},
            parameters=portable_recipe(Recipe().changed(changes)),
        ),
        summary={"n_labelled": catalogue.n_labelled, "is_interrupted": False},
    )
    SavedModel(card, network, "cpu").save(workspace.model_folder)
    write_settings(workspace.root, {"train": changes})


def write_embeddings(workspace, seed=0):
    """Write random unit vectors, in parts as the program writes them."""
    from covers.model.card import read_card
    from covers.model.embed import COVERS_PER_PART
    from covers.model.embedding_table import EMBEDDINGS_KIND, embeddings_parts

    card = read_card(workspace.model_folder)
    ids = read_catalogue(workspace).cover_ids
    rng = np.random.default_rng(seed)
    parts = embeddings_parts(workspace, card.fingerprint)
    for start in range(0, len(ids), COVERS_PER_PART):
        some = ids[start : start + COVERS_PER_PART]
        vectors = rng.standard_normal((len(some), card.embedding_dim), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        logits = rng.standard_normal((len(some), len(card.vocab)), np.float32)
        stamp = Stamp(kind=EMBEDDINGS_KIND, made_from={"model": card.fingerprint})
        parts.append(some, {"embedding": vectors, "logits": logits}, stamp)


def write_analysis(workspace):
    """Write evaluation, overlap, clusters and map without content, fresh by their stamps."""
    import pyarrow as pa

    from covers.model.card import read_card

    catalogue = read_catalogue(workspace)
    made_from = {
        "catalogue": catalogue.label_fingerprint(),
        "model": read_card(workspace.model_folder).fingerprint,
    }
    method = {"n": 1, "accuracy": 0, "macro_f1": 0, "top3": 0, "ece": 0, "ci95": {}}
    evaluation = {
        "split": {"measured": "valid", "n_train": 0, "n_groups": 1},
        "genres": list(catalogue.vocab),
        "methods": {"chance": method},
        "conclusions": [],
    }
    for kind, payload in (
        ("evaluation", evaluation),
        ("overlap", {}),
        ("clusters", {}),
    ):
        write_json(
            workspace.analysis_folder / f"{kind}.json",
            payload,
            Stamp(kind=kind, made_from=made_from),
        )
    write_table(
        workspace.analysis_folder / "map.parquet",
        pa.table({"cover_id": catalogue.cover_ids}),
        Stamp(kind="map", made_from=made_from),
    )
