"""Heads on pretrained backbones learn from mixtures of covers of a genre, and older ones stay as they were."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from painted import labelled_sides
from safetensors.torch import load_file, save_file

from covers.catalogue.table import read_catalogue
from covers.errors import ModelError
from covers.model.card import WEIGHTS_NAME, read_card, read_header
from covers.model.network.head import Head
from covers.model.training.heads import fit as heads_fit
from covers.model.training.heads.crossed import (
    HeadFit,
    deal_folds,
    predict_across_folds,
    read_crossed,
)
from covers.model.training.heads.fit import HeadSettings, Mixtures, start_head
from covers.model.training.recipe import Recipe
from covers.model.training.train import train_workspace


def draw(n_covers=160, n_genres=3, seed=0):
    rng = np.random.default_rng(seed)
    groups = np.arange(n_covers) // 2
    genre = rng.integers(n_genres, size=n_covers // 2)[groups]
    centres = rng.normal(size=(n_genres, 20))
    values = centres[genre] + rng.normal(size=(n_covers, 20))
    return values.astype(np.float32), np.eye(n_genres, dtype=np.float32)[genre], groups


def fit(values, shares, groups, *, mixes):
    head = Head(values.shape[1], 6, shares.shape[1]).eval()
    settings = HeadSettings(
        class_balance=1.0, multi_label=False, seed=0, penalty=1.0, mixes=mixes
    )
    start_head(
        head, torch.from_numpy(values), torch.from_numpy(shares), groups, settings
    )
    with torch.inference_mode():
        embedded = head.embed(torch.from_numpy(values))
        return embedded.numpy(), head.genres(embedded).numpy()


def test_covers_are_mixed_with_those_of_their_genre_by_other_artists():
    values, shares, groups = draw()
    mixtures = Mixtures.draw(shares, groups, seed=0)
    own, other = np.arange(len(groups)), mixtures.partners
    assert (groups[other] != groups[own]).all()
    np.testing.assert_array_equal(shares[other], shares[own])
    np.testing.assert_allclose(mixtures.of(shares), shares, atol=1e-6)
    between = np.linalg.norm(mixtures.of(values) - values, axis=1)
    apart = np.linalg.norm(values[other] - values, axis=1)
    np.testing.assert_allclose(between, (1 - mixtures.shares[:, 0]) * apart, rtol=1e-3)


def test_the_only_artist_of_a_genre_is_mixed_with_nobody():
    shares = np.eye(2, dtype=np.float32)[[0, 0, 1, 1, 1]]
    mixtures = Mixtures.draw(shares, np.array([0, 0, 1, 1, 2]), seed=0)
    assert mixtures.partners[:2].tolist() == [0, 1]
    assert mixtures.partners[2:4].tolist() == [4, 4]
    assert mixtures.partners[4] in (2, 3)


def test_mixtures_change_the_answers_and_leave_the_vectors():
    values, shares, groups = draw()
    vectors, logits = fit(values, shares, groups, mixes=False)
    again, mixed = fit(values, shares, groups, mixes=True)
    np.testing.assert_allclose(again, vectors, atol=1e-5)
    assert np.abs(mixed - logits).max() > 0.01 * np.abs(logits).max()


@pytest.mark.parametrize("n_views", [1, 2])
def test_a_cover_mixed_with_itself_says_nothing_new(n_views):
    values, shares, _ = draw()
    groups = np.zeros(len(values), np.int64)  # nobody to be mixed with
    views = np.concatenate([values] * n_views)
    _, logits = fit(views, shares, groups, mixes=False)
    _, mixed = fit(views, shares, groups, mixes=True)
    np.testing.assert_allclose(mixed, logits, atol=0.03 * np.abs(logits).max())


def test_heads_across_folds_learn_from_mixtures_where_the_head_did():
    values, shares, groups = draw()
    folds = deal_folds(shares, groups, 0)
    before = HeadFit(class_balance=1.0, penalty=1.0, seed=0, n_axes=6)
    plain = predict_across_folds(values, shares, folds, before)
    mixed = predict_across_folds(values, shares, folds, replace(before, mixes=True))
    np.testing.assert_array_equal(mixed.embeddings, plain.embeddings)
    assert np.abs(mixed.logits - plain.logits).max() > 1e-3


@pytest.fixture
def recipe(tmp_path):
    import timm

    torch.manual_seed(0)
    path = tmp_path / "test_resnet.safetensors"
    save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), path)
    return Recipe(
        arch="timm:test_resnet",
        weights=str(path),
        image_size=64,
        embedding_dim=8,
        epochs=0,
    )


def test_a_model_of_before_is_evaluated_as_it_was_fitted(painted_workspace, recipe):
    card = train_workspace(painted_workspace, recipe, device="cpu").card
    (made,) = card.summary["head_fits"]
    assert made["mixes"] is True
    catalogue = read_catalogue(painted_workspace)
    about = labelled_sides(catalogue)
    found = []
    for changes in ({}, {"mixes": False}, None):
        one = {**made, **(changes or {})}
        if changes is None:
            del one["mixes"]
        other = replace(card, summary={**card.summary, "head_fits": [one]})
        found.append(read_crossed(painted_workspace, other, *about).train.logits)
    now, without, before = found
    np.testing.assert_array_equal(before, without)
    assert np.abs(now - before).max() > 1e-3


def test_no_mixtures_from_nothing_of_independent_genres_or_many_covers(
    painted_workspace, recipe, monkeypatch
):
    from_nothing = replace(recipe, weights="none")
    card = train_workspace(painted_workspace, from_nothing, device="cpu").card
    assert card.summary["head_fits"][0]["mixes"] is False
    monkeypatch.setattr(heads_fit, "MOST_MIXED", 3)
    card = train_workspace(painted_workspace, recipe, device="cpu").card
    assert card.summary["head_fits"][0]["mixes"] is False
    monkeypatch.undo()
    several = replace(recipe, multi_label=True)
    train_workspace(painted_workspace, several, device="cpu")


def test_what_says_neither_yes_nor_no_is_refused(painted_workspace, recipe):
    train_workspace(painted_workspace, recipe, device="cpu")
    path = painted_workspace.model_folder / WEIGHTS_NAME
    card = json.loads(read_header(path)["__metadata__"]["covers"])
    card["summary"]["head_fits"][0]["mixes"] = "often"
    save_file(load_file(path), path, metadata={"covers": json.dumps(card)})
    with pytest.raises(ModelError, match="summary"):
        read_card(painted_workspace.model_folder)
