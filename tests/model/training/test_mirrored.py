"""Heads on pretrained backbones learn from mirror images too, and are asked about covers as they are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from painted import labelled_sides
from safetensors.torch import save_file

from covers.catalogue.table import read_catalogue
from covers.errors import ModelError
from covers.evaluate.stage import read_inputs
from covers.index.build import build_index
from covers.index.embedded import name_baseline_features
from covers.model.card import learned_from, read_card, statistics_of
from covers.model.embed import (
    FrozenNetwork,
    Preprocessing,
    cover_files,
    embed_frozen,
    embed_frozen_workspace,
)
from covers.model.embedding_table import FROZEN_KIND, frozen_parts
from covers.model.network.head import Head
from covers.model.network.make_backbone import make_backbone
from covers.model.pixels import read_pixels
from covers.model.training.heads import frozen
from covers.model.training.heads.crossed import (
    HeadFit,
    deal_folds,
    predict_across_folds,
    read_crossed,
)
from covers.model.training.heads.fit import HeadSettings, Probe, start_head
from covers.model.training.recipe import Recipe
from covers.model.training.train import train_workspace
from covers.stats.rows import RowsById
from covers.workspace.artefacts import Stamp

ARCH, SIZE_PX, COLOURS = "timm:test_resnet", 64, (0.5, 0.5, 0.5)
PLAIN = Preprocessing(SIZE_PX, COLOURS, COLOURS)


def random_start(arch, folder):
    """Write the weights of a small timm network as it is made."""
    import timm

    torch.manual_seed(0)
    path = folder / f"{arch}.safetensors"
    save_file(timm.create_model(arch, num_classes=0).state_dict(), path)
    return str(path)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return random_start("test_resnet", tmp_path_factory.mktemp("weights"))


@pytest.fixture
def recipe(weights):
    return Recipe(
        arch=ARCH, weights=weights, image_size=SIZE_PX, embedding_dim=8, epochs=0
    )


def draw(n_covers=160, n_genres=3, seed=0):
    rng = np.random.default_rng(seed)
    groups = np.arange(n_covers) // 2
    genre = rng.integers(n_genres, size=n_covers // 2)[groups]
    centres = rng.normal(size=(n_genres, 20))
    values = centres[genre] + rng.normal(size=(n_covers, 20))
    return values.astype(np.float32), np.eye(n_genres, dtype=np.float32)[genre], groups


def test_what_is_not_mirrored_is_known_by_the_same_fingerprint_as_ever():
    backbone, _, _ = make_backbone("timm:test_resnet", "none")
    fingerprints = {
        how: FrozenNetwork(backbone, how).fingerprint
        for how in (PLAIN, replace(PLAIN, mirrored=True), replace(PLAIN, image_size=96))
    }
    assert len(set(fingerprints.values())) == 3
    assert PLAIN.described() == {"image_size": SIZE_PX, "mean": COLOURS, "std": COLOURS}


def test_mirror_images_are_what_the_backbone_says_of_exchanged_sides(
    painted_workspace, weights
):
    backbone, _, _ = make_backbone(ARCH, weights)
    network = FrozenNetwork(backbone.eval(), replace(PLAIN, mirrored=True))
    fingerprint, failed = embed_frozen(painted_workspace, network, device="cpu")
    assert not failed
    parts = frozen_parts(painted_workspace, fingerprint)
    ids, (found,) = parts.read(["statistics"], "")
    for file in cover_files(read_catalogue(painted_workspace), [0, 5]):
        pixels = read_pixels(painted_workspace, file, SIZE_PX)[:, ::-1]
        picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
        with torch.inference_mode():
            expected = backbone((picture - 0.5) / 0.5)[0].numpy()
        row = found[ids.index(file.cover_id)]
        cosine = row @ expected / np.linalg.norm(row) / np.linalg.norm(expected)
        assert cosine > 0.999


def start(values, shares, groups, *, multi_label, penalty=1.0):
    head = Head(values.shape[1], 6, shares.shape[1]).eval()
    settings = HeadSettings(
        class_balance=1.0, multi_label=multi_label, seed=0, penalty=penalty
    )
    found = start_head(
        head, torch.from_numpy(values), torch.from_numpy(shares), groups, settings
    )
    with torch.inference_mode():
        return found, head(torch.from_numpy(values[: len(shares)])).numpy()


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_view_that_says_the_same_changes_nothing(multi_label):
    values, shares, groups = draw()
    _, once = start(values, shares, groups, multi_label=multi_label)
    twice = np.concatenate([values, values])
    _, again = start(twice, shares, groups, multi_label=multi_label)
    np.testing.assert_allclose(again, once, atol=0.03 * np.abs(once).max())
    chosen = {
        start(some, shares, groups, multi_label=multi_label, penalty=None)[0]
        for some in (values, twice)
    }
    assert len(chosen) == 1


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_view_that_says_something_else_is_learned_from(multi_label):
    values, shares, groups = draw()
    other = np.concatenate([values, np.roll(values, 7, axis=0)])
    _, once = start(values, shares, groups, multi_label=multi_label)
    _, found = start(other, shares, groups, multi_label=multi_label)
    assert np.abs(found - once).max() > 0.1 * np.abs(once).max()


def test_the_penalty_is_chosen_by_covers_as_they_are():
    values, shares, groups = draw()
    asked = []

    class Watched(Probe):
        def _loss(self, logits, membership):
            asked.append(len(logits))
            return super()._loss(logits, membership)

    settings = HeadSettings(class_balance=0.0, multi_label=False, seed=0)
    probe = Watched(shares, groups, settings)
    probe.choose_penalty(np.concatenate([values, values]))
    sizes = {int((probe.folds() == fold).sum()) for fold in range(4)}
    assert set(asked) == sizes


def test_heads_across_folds_are_fitted_on_mirror_images_and_answer_for_covers():
    values, shares, groups = draw()
    fit = HeadFit(class_balance=1.0, penalty=1.0, seed=0, n_axes=6)
    folds = deal_folds(shares, groups, 0)
    once = predict_across_folds(values, shares, folds, fit)
    twice = predict_across_folds(np.concatenate([values, values]), shares, folds, fit)
    assert twice.embeddings.shape == once.embeddings.shape
    np.testing.assert_array_equal(twice.folds, once.folds)
    np.testing.assert_allclose(
        twice.logits, once.logits, atol=0.03 * np.abs(once.logits).max()
    )


def test_a_training_on_a_pretrained_backbone_keeps_both_views(
    painted_workspace, recipe
):
    card = train_workspace(painted_workspace, recipe, device="cpu").card
    (fit,) = card.summary["head_fits"]
    catalogue = read_catalogue(painted_workspace)
    labelled = catalogue.membership().sum(axis=1) > 0
    parts = frozen_parts(painted_workspace, fit["mirrored"])
    ids, (mirrored,) = parts.read(["statistics"], "")
    assert set(ids) == set(np.array(catalogue.cover_ids)[labelled])
    plain_ids, (plain,) = frozen_parts(painted_workspace, fit["fingerprint"]).read(
        ["statistics"], ""
    )
    same = plain[RowsById(plain_ids).of(ids)]
    assert np.abs(same - mirrored).max() > 1e-2
    about = labelled_sides(catalogue)
    found = read_crossed(painted_workspace, card, *about)
    assert found is not None
    alone = {name: value for name, value in fit.items() if name != "mirrored"}
    before = replace(card, summary={**card.summary, "head_fits": [alone]})
    other = read_crossed(painted_workspace, before, *about)
    assert np.abs(other.train.logits - found.train.logits).max() > 1e-3
    parts.delete()
    assert read_crossed(painted_workspace, card, *about) is None


@pytest.mark.parametrize(
    "changes", [{}, {"arch": f"squeezenet1_1,{ARCH}", "weights": "none"}]
)
def test_an_index_keeps_what_an_evaluation_across_folds_reads(
    painted_workspace, recipe, changes
):
    given = replace(recipe, **changes)
    card = train_workspace(painted_workspace, given, device="cpu").card
    build_index(painted_workspace, device="cpu")
    inputs, _ = read_inputs(painted_workspace)
    catalogue = read_catalogue(painted_workspace)
    train = (catalogue.splits == "train") & (catalogue.membership().sum(axis=1) > 0)
    assert inputs.crossed_folds is not None
    np.testing.assert_array_equal(inputs.crossed_folds >= 0, train)
    # Those of a model that is gone are not kept.
    train_workspace(painted_workspace, replace(given, image_size=48), device="cpu")
    build_index(painted_workspace, device="cpu")
    for old in statistics_of(card):
        assert not frozen_parts(painted_workspace, old).paths()


def test_no_mirror_images_from_nothing_or_of_many_covers(
    painted_workspace, recipe, monkeypatch
):
    cases = [(replace(recipe, weights="none"), 10_000), (recipe, 3)]
    for changed, most in cases:
        monkeypatch.setattr(frozen, "MOST_MIRRORED", most)
        card = train_workspace(painted_workspace, changed, device="cpu").card
        assert "mirrored" not in card.summary["head_fits"][0]


def test_a_fingerprint_of_mirror_images_that_is_none_is_refused(
    painted_workspace, recipe
):
    import json

    from safetensors.torch import load_file

    from covers.model.card import WEIGHTS_NAME, read_header

    train_workspace(painted_workspace, recipe, device="cpu")
    path = painted_workspace.model_folder / WEIGHTS_NAME
    card = json.loads(read_header(path)["__metadata__"]["covers"])
    card["summary"]["head_fits"][0]["mirrored"] = "../elsewhere"
    save_file(load_file(path), path, metadata={"covers": json.dumps(card)})
    with pytest.raises(ModelError, match="summary"):
        read_card(painted_workspace.model_folder)


def test_mirror_images_of_later_covers_are_seen_before_an_evaluation(
    painted_workspace, recipe
):
    card = train_workspace(painted_workspace, recipe, device="cpu").card
    build_index(painted_workspace, device="cpu")
    catalogue = read_catalogue(painted_workspace)
    (fit,) = card.summary["head_fits"]
    parts = frozen_parts(painted_workspace, fit["mirrored"])
    ids, (statistics,) = parts.read(["statistics"], "")
    # As if the last covers had come after the training.
    parts.delete()
    parts.append(ids[:-5], {"statistics": statistics[:-5]}, Stamp(kind=FROZEN_KIND))
    assert name_baseline_features(painted_workspace, catalogue, card)
    assert read_inputs(painted_workspace)[0].crossed_folds is None
    assert embed_frozen_workspace(painted_workspace, device="cpu") == {}
    assert name_baseline_features(painted_workspace, catalogue, card) == {}
    assert read_inputs(painted_workspace)[0].crossed_folds is not None
    again, _ = frozen_parts(painted_workspace, fit["mirrored"]).read(["statistics"], "")
    assert sorted(again) == sorted(ids)


@pytest.fixture
def pair(recipe, tmp_path):
    other = random_start("test_byobnet", tmp_path)
    return replace(
        recipe, arch=f"timm:test_byobnet,{ARCH}", weights=f"{other},{recipe.weights}"
    )


def test_every_network_sees_covers_that_came_after_the_training(
    painted_workspace, pair
):
    card = train_workspace(painted_workspace, pair, device="cpu").card
    build_index(painted_workspace, device="cpu")
    catalogue = read_catalogue(painted_workspace)
    of_both = learned_from(card)
    assert len(set(of_both)) == 4
    before = {}
    for one in of_both:  # as if the last covers had come after the training
        parts = frozen_parts(painted_workspace, one)
        ids, (statistics,) = parts.read(["statistics"], "")
        before[one] = dict(zip(ids, statistics, strict=True))
        parts.delete()
        parts.append(ids[:-5], {"statistics": statistics[:-5]}, Stamp(kind=FROZEN_KIND))
    assert read_inputs(painted_workspace)[0].crossed_folds is None
    assert embed_frozen_workspace(painted_workspace, device="cpu") == {}
    assert name_baseline_features(painted_workspace, catalogue, card) == {}
    assert read_inputs(painted_workspace)[0].crossed_folds is not None
    for one, known in before.items():
        ids, (statistics,) = frozen_parts(painted_workspace, one).read(
            ["statistics"], ""
        )
        assert sorted(ids) == sorted(known)
        for cover_id, values in zip(ids, statistics, strict=True):
            np.testing.assert_allclose(values, known[cover_id], rtol=0.02, atol=0.02)


def test_features_that_the_first_network_lacks_make_an_evaluation_stale(
    painted_workspace, pair
):
    card = train_workspace(painted_workspace, pair, device="cpu").card
    build_index(painted_workspace, device="cpu")
    catalogue = read_catalogue(painted_workspace)
    assert name_baseline_features(painted_workspace, catalogue, card) == {}
    parts = frozen_parts(painted_workspace, learned_from(card)[0])
    ids, (statistics,) = parts.read(["statistics"], "")
    parts.delete()
    parts.append(ids[:-5], {"statistics": statistics[:-5]}, Stamp(kind=FROZEN_KIND))
    assert name_baseline_features(painted_workspace, catalogue, card)
