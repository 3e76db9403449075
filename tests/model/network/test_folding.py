"""Batch normalisation folded into convolutions."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from covers.model.network.backbone import Backbone, normalise
from covers.model.network.faster.folding import fold_norms
from covers.model.network.make_backbone import make_backbone
from covers.model.weights import SavedModel


def make_lived_in(arch):
    """A backbone whose normalisations do something."""
    torch.manual_seed(0)
    backbone, _, _ = make_backbone(arch)
    disturb(backbone)
    return backbone.eval()


def disturb(module):
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.1)


def count_norms(module):
    return sum(isinstance(part, nn.BatchNorm2d) for part in module.modules())


@pytest.mark.parametrize(
    ("arch", "n_left"),
    # Half of a DenseNet's come before a convolution, and stay.
    [
        ("resnet18", 0),
        ("mobilenet_v3_small", 0),
        ("densenet121", 62),
        ("tf_efficientnet_lite0", 0),
    ],
)
def test_a_folded_network_answers_as_before_in_fewer_steps(arch, n_left):
    backbone = make_lived_in(arch)
    n_norms, state = count_norms(backbone), dict(backbone.state_dict())
    folded = fold_norms(backbone)
    assert count_norms(folded) == n_left < n_norms
    images = torch.randn(2, 3, 96, 96)
    with torch.inference_mode():
        torch.testing.assert_close(
            folded(images), backbone(images), rtol=1e-3, atol=1e-3
        )
    assert count_norms(backbone) == n_norms
    assert all(torch.equal(state[k], v) for k, v in backbone.state_dict().items())


def train_a_little(painted_folder):
    """A ResNet that knows the painted genres, and the painted pictures, uint8 (n, 3, S, S)."""
    torch.manual_seed(0)
    backbone, mean, std = make_backbone("resnet18")
    paths = sorted(painted_folder.rglob("*.png"))
    pixels = np.stack([np.asarray(Image.open(path)) for path in paths])
    pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    images = normalise(pictures, mean, std)
    genres = torch.arange(3).repeat_interleave(len(paths) // 3)
    head = nn.Linear(backbone.n_features, 3)
    optimiser = torch.optim.SGD([*backbone.parameters(), *head.parameters()], 1e-3)
    for rows in torch.randperm(len(paths)).split(16):
        loss = nn.functional.cross_entropy(head(backbone(images[rows])), genres[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return backbone.eval(), pictures, mean, std


def share_of_same_neighbours(before, after):
    """Of the ten nearest of each row of unit vectors, how many are the same."""
    near = [(x @ x.T).topk(11).indices.tolist() for x in (before, after)]
    return np.mean([len(set(a) & set(b)) / 11 for a, b in zip(*near, strict=True)])


def test_a_trained_resnet_finds_the_same_neighbours_folded(painted_folder):
    backbone, pictures, mean, std = train_a_little(painted_folder)
    images = normalise(pictures, mean, std)
    folded = fold_norms(backbone)
    assert count_norms(folded) == 0
    with torch.inference_mode():
        before, after = (
            nn.functional.normalize(network.deepest_mean(network(images)))
            for network in (backbone, folded)
        )
    assert (before * after).sum(dim=1).min() > 0.9999
    assert share_of_same_neighbours(before, after) > 0.98


def test_a_network_without_norms_is_given_back():
    backbone = make_lived_in("squeezenet1_0")
    assert fold_norms(backbone) is backbone


def test_a_saved_model_embeds_the_same_once_folded(trained_workspace):
    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    side = model.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), np.uint8)
    before, saved = model.embed(pixels), dict(model.network.state_dict())
    model.extractor.backbone = fold_norms(model.backbone)
    after = model.embed(pixels)
    assert (before.embeddings * after.embeddings).sum(axis=1).min() > 0.999
    np.testing.assert_allclose(after.logits, before.logits, rtol=0.05, atol=0.05)
    assert model.network.state_dict().keys() == saved.keys()


class Backwards(nn.Module):
    """Normalises before the convolution that it names first."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, stride=2)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images):
        return self.convolution(self.norm(images) ** 2)


def test_a_network_that_would_answer_differently_is_given_back():
    backbone = Backbone(nn.Sequential(Backwards()), "backwards").eval()
    disturb(backbone)
    assert fold_norms(backbone) is backbone
