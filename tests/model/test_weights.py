import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import bfloat16, nn, zeros

from covers.catalogue.table import read_catalogue
from covers.errors import ModelError
from covers.model.card import CARD_NAME, WEIGHTS_NAME, ModelCard, read_card
from covers.model.embed import cover_files
from covers.model.embedding_table import read_embeddings
from covers.model.gradcam import grad_cam, overlay
from covers.model.network.head import Head
from covers.model.network.make_backbone import make_backbone
from covers.model.pixels import read_pixels
from covers.model.weights import SavedModel
from covers.workspace.artefacts import Stamp


def test_a_model_opened_again_says_the_same(trained_workspace):
    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    pixels = np.random.default_rng(0).integers(0, 255, (5, 48, 48, 3), dtype=np.uint8)
    first = model.embed(pixels)
    second = SavedModel.open(trained_workspace.model_folder, "cpu").embed(pixels)
    np.testing.assert_array_equal(first.embeddings, second.embeddings)
    np.testing.assert_array_equal(first.logits, second.logits)
    np.testing.assert_allclose(np.linalg.norm(first.embeddings, axis=1), 1, rtol=1e-5)
    assert first.embeddings.shape == (5, 16)
    assert first.logits.shape == (5, 3)


def test_a_model_is_opened_without_drawing_and_says_what_a_drawn_one_does(
    trained_workspace,
):
    folder = trained_workspace.model_folder
    before = torch.get_rng_state()
    model = SavedModel.open(folder, "cpu")
    assert torch.equal(torch.get_rng_state(), before)
    card = model.card
    backbone, _, _ = make_backbone(card.arch)
    heads = [
        Head(backbone.n_features, card.embedding_dim, len(card.vocab)) for _ in range(2)
    ]
    drawn = nn.Sequential(backbone, *heads)
    assert not torch.equal(torch.get_rng_state(), before)
    drawn.load_state_dict(load_file(folder / WEIGHTS_NAME))
    pixels = np.random.default_rng(0).integers(0, 255, (4, 48, 48, 3), dtype=np.uint8)
    plain = SavedModel(card, drawn, "cpu").embed(pixels)
    np.testing.assert_array_equal(model.embed(pixels).embeddings, plain.embeddings)


def test_a_batch_and_single_pictures_give_the_same_embeddings(trained_workspace):
    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    pixels = np.random.default_rng(0).integers(0, 255, (6, 48, 48, 3), dtype=np.uint8)
    together = model.embed(pixels).embeddings
    alone = np.concatenate(
        [model.embed(pixels[i : i + 1]).embeddings for i in range(6)]
    )
    assert (together * alone).sum(axis=1).min() > 0.999


def test_the_card_is_the_description_inside_the_weights(trained_workspace):
    card = read_card(trained_workspace.model_folder)
    beside = json.loads((trained_workspace.model_folder / CARD_NAME).read_text())
    assert beside["fingerprint"] == card.fingerprint
    assert tuple(beside["vocab"]) == card.vocab == ("Jazz", "Metal", "Pop")
    assert card.stamp.parameters["arch"] == "timm:test_resnet"
    assert (
        card.stamp.made_from["labels"]
        == read_catalogue(trained_workspace).label_fingerprint()
    )
    (trained_workspace.model_folder / CARD_NAME).unlink()
    assert (
        SavedModel.open(trained_workspace.model_folder, "cpu").fingerprint
        == card.fingerprint
    )


def test_reading_the_card_imports_no_torch(trained_workspace):
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from covers.model.card import read_card; "
        f"read_card(Path({str(trained_workspace.model_folder)!r})); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("position", [9, -1, -2000])
def test_one_changed_byte_is_noticed(trained_workspace, position):
    path = trained_workspace.model_folder / WEIGHTS_NAME
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="covers train"):
        SavedModel.open(trained_workspace.model_folder, "cpu")


def test_absent_foreign_and_newer_models_are_refused(trained_workspace, tmp_path):
    with pytest.raises(
        ModelError, match=r"no model in '.*': make one with 'covers train -w "
    ):
        read_card(tmp_path)
    save_file({"a": zeros(2)}, tmp_path / WEIGHTS_NAME)
    with pytest.raises(ModelError, match="not a model of this program"):
        SavedModel.open(tmp_path, "cpu")
    path = trained_workspace.model_folder / WEIGHTS_NAME
    content = path.read_bytes().replace(rb"\"format\": 1", rb"\"format\": 9", 1)
    path.write_bytes(content)
    with pytest.raises(ModelError, match="format 9, newer than this program reads"):
        SavedModel.open(trained_workspace.model_folder, "cpu")


def test_grad_cam_lights_up_where_the_genre_is(trained_workspace):
    from PIL import Image

    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    image = Image.fromarray(
        np.random.default_rng(0).integers(0, 255, (80, 64, 3), dtype=np.uint8)
    )
    heat = grad_cam(model, image, "Pop")
    assert heat.shape == (48, 48)
    assert heat.min() >= 0
    assert heat.max() in (0.0, pytest.approx(1.0))
    assert overlay(image, heat).size == (64, 80)
    with pytest.raises(
        ValueError, match="unknown genre 'Polka': the model knows Jazz, Metal, Pop"
    ):
        grad_cam(model, image, "Polka")
    before = model.embed_images([image]).embeddings
    grad_cam(model, image)
    np.testing.assert_array_equal(before, model.embed_images([image]).embeddings)


def test_sixteen_bits_give_the_embeddings_of_thirty_two(trained_workspace, monkeypatch):
    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    table = read_embeddings(trained_workspace, final=True)
    files = cover_files(read_catalogue(trained_workspace))
    pixels = np.stack(
        [read_pixels(trained_workspace, file, model.image_size) for file in files]
    )
    given = {}
    for dtype in (bfloat16, None):
        monkeypatch.setattr(
            "covers.model.network.device.mixed_dtype", lambda _, dtype=dtype: dtype
        )
        given[dtype] = model.embed(pixels).embeddings
    assert np.abs(given[None] - given[bfloat16]).max() > 0  # two ways, indeed
    for fast in (given[bfloat16], table.embeddings):
        assert (fast * given[None]).sum(axis=1).min() > 0.999
    near = [np.argsort(-(e @ e.T), axis=1)[:, 1:11] for e in given.values()]
    same = [len(np.intersect1d(a, b)) / 10 for a, b in zip(*near, strict=True)]
    assert np.mean(same) > 0.9


def test_a_card_cannot_be_changed_in_place():
    card = ModelCard(
        arch="resnet18",
        vocab=("Jazz",),
        embedding_dim=4,
        image_size=8,
        mean=(0.5,),
        std=(0.5,),
        multi_label=False,
        stamp=Stamp(kind="model", parameters={"parts": {"a": 1}}),
    )
    for change in (
        lambda: card.stamp.parameters.update(arch="another"),
        lambda: card.stamp.parameters["parts"].clear(),
        lambda: card.stamp.made_from.__setitem__("labels", "another"),
        lambda: card.stamp.summary.pop("labels", None),
    ):
        with pytest.raises(TypeError, match="a result cannot be changed"):
            change()
    assert json.loads(json.dumps(asdict(card.stamp)))["parameters"]["parts"] == {"a": 1}
