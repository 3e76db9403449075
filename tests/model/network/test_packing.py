"""A network packed for a CPU answers as the plain one does."""

import numpy as np
import pytest
import torch
from PIL import Image
from test_folding import (
    disturb,
    make_lived_in,
    share_of_same_neighbours,
    train_a_little,
)
from torch import nn

from covers.catalogue.table import read_catalogue
from covers.model.card import read_card
from covers.model.embed import cover_files, embed_workspace
from covers.model.embedding_table import read_embeddings
from covers.model.network import extractor as extractor_module
from covers.model.network.backbone import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Backbone,
    normalise,
)
from covers.model.network.extractor import Extractor
from covers.model.network.faster.folding import fold_norms
from covers.model.network.faster.packing import (
    PackedBackbone,
    _round_by_turns,
    gains_by_packing,
)
from covers.model.network.head import Head
from covers.model.network.make_backbone import make_backbone
from covers.model.pixels import read_pixels
from covers.model.weights import SavedModel, make_card

CPU = torch.device("cpu")
SIZE_PX = 96

pytestmark = pytest.mark.skipif(
    not gains_by_packing(), reason="nothing is packed on this kind of processor"
)


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["float32", "16 bits"])
def dtype(request, monkeypatch):
    """What packed networks compute in, whether this processor gains from it or not."""
    known = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if request.param == torch.bfloat16 and not known:
        pytest.skip("this processor does not know 16 bits, so no network is packed so")
    mixed = None if request.param == torch.float32 else request.param
    for module in ("covers.model.network.device", "covers.model.network.extractor"):
        monkeypatch.setattr(f"{module}.mixed_dtype", lambda _device: mixed)
    return request.param


def make_pictures(n, size_px=SIZE_PX, seed=0):
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    pictures = [
        np.asarray(Image.fromarray(one).resize((size_px, size_px))) for one in coarse
    ]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def make_extractor(backbone, *, prepared):
    extractor = Extractor(backbone, IMAGENET_MEAN, IMAGENET_STD, SIZE_PX, CPU)
    if prepared:
        extractor.prepare(10_000)
    return extractor


def in_float32(backbone, pictures):
    with torch.inference_mode():
        return backbone(normalise(pictures, IMAGENET_MEAN, IMAGENET_STD))


@pytest.mark.parametrize(
    "arch",
    [
        "resnet18",  # sums of two convolutions, and of one and what went in
        "resnet50",
        "mobilenet_v2",
        "mobilenet_v3_small",  # squeeze and excitation, hard activations
        "efficientnet_b0",
        "squeezenet1_1",  # not padded at first, joined maps
        "densenet121",  # normalisations that stay
        "vgg11_bn",
        "tf_efficientnet_lite0",  # padded by size, normalisations with activations
        "timm:resnet10t",
    ],
)
def test_a_packed_network_answers_as_in_float32(arch, dtype):
    backbone = make_lived_in(arch)
    pictures = make_pictures(12)
    expected = in_float32(backbone, pictures)
    fast = make_extractor(backbone, prepared=True)
    assert fast.is_packed
    answer = fast(pictures)
    assert answer.dtype == torch.float32
    assert torch.cosine_similarity(answer, expected).min() > 0.999
    # As near as 16 bits come anyway.
    plain = make_extractor(backbone, prepared=False)(pictures)
    errors = [(one - expected).norm() for one in (answer, plain)]
    rounding = 1e-5 if dtype == torch.float32 else 0
    assert errors[0] < 1.5 * errors[1] + rounding * expected.norm()


def test_the_weights_of_the_network_stay_as_they_are():
    backbone = make_lived_in("resnet18")
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    make_extractor(backbone, prepared=True)
    after = backbone.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("padding", [0, 1, 3, (2, 1)])
def test_pixels_are_normalised_by_the_first_weights_up_to_the_border(padding, dtype):
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 8, 5, stride=2, padding=padding)
    backbone = Backbone(nn.Sequential(layer), "one layer").eval()
    pictures = make_pictures(3)
    packed = PackedBackbone(backbone, IMAGENET_MEAN, IMAGENET_STD, SIZE_PX, dtype)
    with torch.inference_mode():
        (answer,) = packed.levels(pictures)
        exact = layer(normalise(pictures, IMAGENET_MEAN, IMAGENET_STD))
    assert answer.shape == exact.shape
    near = 1e-5 if dtype == torch.float32 else 0.01
    torch.testing.assert_close(answer.float(), exact, rtol=near, atol=near)


def test_rounding_by_turns_loses_nothing_in_sum():
    torch.manual_seed(0)
    weight = torch.randn(16, 3, 7, 7)
    by_turns = (_round_by_turns(weight, torch.bfloat16).double() - weight).sum(
        dim=(2, 3)
    )
    one_by_one = (weight.bfloat16().double() - weight).sum(dim=(2, 3))
    assert by_turns.abs().mean() < one_by_one.abs().mean() / 4
    # And each weight is next to its own; where nothing is rounded, it is the same.
    assert torch.equal(_round_by_turns(weight, torch.float32), weight)
    assert (_round_by_turns(weight, torch.bfloat16).float() - weight).abs().max() < 0.02


class Squared(nn.Module):
    def forward(self, images):
        return images**2


@pytest.mark.parametrize(
    "body",
    [
        nn.Sequential(Squared(), nn.Conv2d(3, 8, 3)),
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect")),
        nn.Sequential(nn.Conv2d(3, 8, 3, padding="same")),
    ],
    ids=["no convolution first", "reflected border", "padding by name"],
)
def test_other_networks_are_left_as_they_are(body):
    backbone = Backbone(body, "another").eval()
    pictures = make_pictures(2)
    with pytest.raises((ValueError, TypeError)):
        PackedBackbone(backbone, IMAGENET_MEAN, IMAGENET_STD, SIZE_PX, torch.float32)
    fast = make_extractor(backbone, prepared=True)
    assert not fast.is_packed
    plain = make_extractor(backbone, prepared=False)(pictures)
    torch.testing.assert_close(fast(pictures), plain)


def test_a_packed_network_that_would_answer_differently_is_not_used(monkeypatch, dtype):
    factor = 1.001 if dtype == torch.float32 else 1.1

    class Wrong(PackedBackbone):
        def forward(self, pixels):
            return factor * super().forward(pixels)

    monkeypatch.setattr(extractor_module, "PackedBackbone", Wrong)
    assert not make_extractor(make_lived_in("resnet18"), prepared=True).is_packed


def test_a_torch_without_these_convolutions_is_told_by_nobody(monkeypatch):
    def gone(*_arguments):
        message = "no attribute '_reorder_convolution_weight'"
        raise AttributeError(message)

    monkeypatch.setattr("covers.model.network.faster.packing._lay_out", gone)
    assert not make_extractor(make_lived_in("resnet18"), prepared=True).is_packed


def test_another_kind_of_processor_is_left_alone(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert not make_extractor(make_lived_in("resnet18"), prepared=True).is_packed


def test_few_covers_are_not_worth_it():
    extractor = make_extractor(make_lived_in("squeezenet1_1"), prepared=False)
    extractor.prepare(999)
    assert not extractor.is_packed
    extractor.prepare(1000, pack=False)
    assert not extractor.is_packed
    extractor.prepare(1000)
    assert extractor.is_packed


def test_a_trained_resnet_finds_the_same_neighbours_packed(painted_folder, dtype):
    backbone, pictures, mean, std = train_a_little(painted_folder)
    size_px = pictures.shape[-1]
    plain = Extractor(backbone, mean, std, size_px, CPU)
    packed = PackedBackbone(fold_norms(backbone), mean, std, size_px, dtype)
    with torch.inference_mode():
        exact, rounded, fast = (
            nn.functional.normalize(backbone.deepest_mean(statistics))
            for statistics in (
                backbone(normalise(pictures, mean, std)),
                plain(pictures),
                packed(pictures),
            )
        )
    assert (exact * fast).sum(dim=1).min() > 0.999
    # These pictures are much alike: 16 bits alone change some of their order.
    share = share_of_same_neighbours(exact, fast)
    assert share > 0.96
    assert share > share_of_same_neighbours(exact, rounded) - 0.01


@pytest.mark.usefixtures("dtype")
def test_a_workspace_is_embedded_packed(trained_workspace, monkeypatch):
    card = read_card(trained_workspace.model_folder)
    torch.manual_seed(0)
    backbone, mean, std = make_backbone("mobilenet_v3_small")
    disturb(backbone)
    head = Head(backbone.n_features, 16, len(card.vocab))
    network = nn.Sequential(backbone, head).eval()
    kept = {name: getattr(card, name) for name in ("vocab", "multi_label", "stamp")}
    described = make_card(
        network,
        arch=backbone.arch,
        embedding_dim=16,
        image_size=64,
        mean=mean,
        std=std,
        **kept,
    )
    SavedModel(described, network, "cpu").save(trained_workspace.model_folder)
    monkeypatch.setattr(extractor_module, "_WORTH_FOLDING", 1)
    monkeypatch.setattr(extractor_module, "_WORTH_PACKING", 1)
    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    embed_workspace(trained_workspace, model=model)
    assert model.extractor.is_packed
    fast = read_embeddings(trained_workspace)

    files = cover_files(read_catalogue(trained_workspace))
    assert fast.cover_ids == [file.cover_id for file in files]
    pixels = np.stack([read_pixels(trained_workspace, file, 64) for file in files])
    pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    with torch.inference_mode():
        exact = head.embed(backbone(normalise(pictures, mean, std))).numpy()
    assert (fast.embeddings * exact).sum(axis=1).min() > 0.999
