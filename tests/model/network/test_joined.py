"""Several networks in one model: the arithmetic, and the way through."""

import numpy as np
import pytest
import torch
from PIL import Image

from covers.errors import ModelError
from covers.model.embed import embed_workspace
from covers.model.embedding_table import read_embeddings, read_frozen
from covers.model.gradcam import grad_cam
from covers.model.network.backbone import Backbone
from covers.model.network.extractor import Extractor
from covers.model.network.head import Head
from covers.model.network.joined import JoinedBackbone, JoinedHead, classifier_shapes
from covers.model.network.make_backbone import make_backbone
from covers.model.training.recipe import Recipe, choose_recipe
from covers.model.training.train import train_workspace
from covers.model.weights import SavedModel

PAIR = "squeezenet1_1,timm:test_resnet"
CPU = torch.device("cpu")


@pytest.fixture
def heads():
    torch.manual_seed(0)
    found = [Head(n, dim, 3).eval() for n, dim in ((7, 4), (5, 2), (6, 3))]
    with torch.no_grad():
        for head in found:
            head.scale.fill_(3 * torch.rand(()) + 1)
    return found


@pytest.mark.parametrize("weights", [None, (0.5, 0.2, 0.3)])
def test_joined_answers_are_the_means_of_the_parts(heads, weights):
    joined = JoinedHead(heads, weights).eval()
    shares = torch.tensor(weights or [1 / 3] * 3)
    statistics = torch.randn(6, 18)
    own = statistics.split([7, 5, 6], dim=1)
    with torch.inference_mode():
        vectors = joined.embed(statistics)
        logits = joined(statistics)
        parts = [head.embed(one) for head, one in zip(heads, own, strict=True)]
        each = torch.stack([h(one) for h, one in zip(heads, own, strict=True)])
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(6))
    cosines = torch.stack([part @ part.T for part in parts])
    torch.testing.assert_close(
        vectors @ vectors.T, (shares[:, None, None] * cosines).sum(dim=0)
    )
    torch.testing.assert_close(logits, (shares[:, None, None] * each).sum(dim=0))
    geometric = (shares[:, None, None] * each.log_softmax(dim=2)).sum(dim=0)
    torch.testing.assert_close(
        logits.softmax(dim=1), geometric.exp() / geometric.exp().sum(1, keepdim=True)
    )


def test_every_part_gets_its_own_colours():
    joined, mean, std = make_backbone("squeezenet1_1,tf_efficientnet_lite0")
    assert isinstance(joined, JoinedBackbone)
    joined.eval()
    pixels = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.inference_mode():
        found = Extractor(joined, mean, std, 64, CPU)(pixels)
        parts = [
            Extractor(part, *norm, 64, CPU)(pixels)
            for part, norm in zip(joined.parts, joined.norms, strict=True)
        ]
        pictures = pixels / 255
        shape = (1, 3, 1, 1)
        images = (pictures - torch.tensor(mean).view(shape)) / torch.tensor(std).view(
            shape
        )
        plain = joined(images)
    assert joined.norms[0] != joined.norms[1]
    torch.testing.assert_close(found, torch.cat(parts, dim=1))
    # In 16 bits the extractor rounds where the plain pass does not.
    assert torch.cosine_similarity(plain, found).min() > 0.999


def test_classifiers_are_counted_by_their_names():
    one = {"1.classify.weight": [3, 8]}
    several = {
        "1.parts.0.classify.weight": [3, 8],
        "1.parts.1.classify.weight": [3, 4],
        "1.parts.3.classify.weight": [3, 4],
    }
    assert classifier_shapes(one) == [(3, 8)]
    assert classifier_shapes(several) == [(3, 8), (3, 4)]
    assert classifier_shapes({}) == []


@pytest.fixture
def trained(painted_workspace):
    recipe = Recipe(arch=PAIR, weights="none", image_size=64, embedding_dim=8, epochs=0)
    report = train_workspace(painted_workspace, recipe, device="cpu")
    return painted_workspace, report


def test_a_model_of_two_networks_is_saved_opened_and_embeds(trained):
    workspace, report = trained
    assert report.card.embedding_dim == 16
    assert report.card.arch == PAIR
    assert [part["arch"] for part in report.card.summary["parts"]] == PAIR.split(",")
    model = SavedModel.open(workspace.model_folder, "cpu")
    assert isinstance(model.backbone, JoinedBackbone)
    assert model.fingerprint == report.card.fingerprint
    embed_workspace(workspace)
    table = read_embeddings(workspace)
    assert table.embeddings.shape[1] == 16
    np.testing.assert_allclose(np.linalg.norm(table.embeddings, axis=1), 1, rtol=1e-3)
    halves = np.linalg.norm(table.embeddings.reshape(-1, 2, 8), axis=2)
    np.testing.assert_allclose(halves, 0.5**0.5, rtol=1e-3)
    frozen = read_frozen(workspace)
    assert len(frozen.cover_ids) == len(table.cover_ids)


def test_the_heat_of_two_networks_is_the_mean_of_theirs(trained):
    workspace, _ = trained
    model = SavedModel.open(workspace.model_folder, "cpu")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    genre = model.vocab[0]
    both = grad_cam(model, picture, genre)
    assert both.shape == (64, 64)
    assert both.max() in (0.0, 1.0)
    assert "levels" not in model.backbone.parts[0].__dict__
    one_sided = []
    for weights in ((1.0, 0.0), (0.0, 1.0)):
        model.head.weights.copy_(torch.tensor(weights))
        one_sided.append(grad_cam(model, picture, genre))
    mean = (one_sided[0] + one_sided[1]) / 2
    np.testing.assert_allclose(both, mean / max(mean.max(), 1e-9), atol=1e-4)


def test_a_description_of_other_networks_is_refused(trained):
    import json

    from safetensors.torch import load_file, save_file

    from covers.model.card import WEIGHTS_NAME, read_header

    workspace, _ = trained
    path = workspace.model_folder / WEIGHTS_NAME
    card = json.loads(read_header(path)["__metadata__"]["covers"])
    state = load_file(path)
    save_file(
        state, path, metadata={"covers": json.dumps({**card, "arch": "resnet18"})}
    )
    with pytest.raises(
        ModelError, match="holds 2 classifiers, its description names 1 networks"
    ):
        SavedModel.open(workspace.model_folder, "cpu")


def test_weights_are_given_once_or_for_each(painted_workspace, tmp_path):
    with pytest.raises(ModelError, match=r"2 networks .* and 3 weights"):
        make_backbone(PAIR, "none,none,none")
    given = {"arch": PAIR, "weights": f"{tmp_path / 'mine.pth'},imagenet"}
    recipe, kept = choose_recipe(painted_workspace, given)
    assert [part.weights for part in recipe.parts()] == [
        str(tmp_path / "mine.pth"),
        "imagenet",
    ]
    assert kept["weights"].endswith("mine.pth,imagenet")
    assert not kept["weights"].startswith("/")


def test_networks_of_other_fixed_sizes_cannot_be_one_model():
    class Fixed(Backbone):
        def __init__(self, size):
            torch.nn.Module.__init__(self)
            self.fixed_size, self.arch, self.channels = size, "drawn", (1,)

    norm = ((0.5,) * 3, (0.5,) * 3)
    with pytest.raises(ValueError, match="224 px and 518 px only"):
        JoinedBackbone([Fixed(224), Fixed(518)], [norm, norm])


def test_a_name_that_is_wrong_in_a_list_is_told(painted_workspace):
    from covers.model.training.recipe import refuse_wrong_start

    with pytest.raises(ModelError, match="no architecture 'resnet81'"):
        refuse_wrong_start(Recipe(arch="squeezenet1_1,resnet81", weights="none"))
