"""The head that answers new pictures has seen all labelled covers; the one that is evaluated has not."""

import numpy as np
import pytest
import torch

from covers.catalogue.table import read_catalogue
from covers.errors import ModelError
from covers.index.build import build_index
from covers.index.open import open_index
from covers.model.card import read_card
from covers.model.embed import cover_files, embed_workspace
from covers.model.embedding_table import frozen_parts, read_embeddings
from covers.model.network.head import Head
from covers.model.pixels import read_pixels
from covers.model.training.heads.fit import HeadSettings, start_head
from covers.model.training.recipe import Recipe
from covers.model.training.train import train_workspace
from covers.model.weights import SavedModel
from covers.stats.rows import RowsById

RECIPE = Recipe(
    arch="timm:test_resnet", weights="none", image_size=64, embedding_dim=8, epochs=0
)


@pytest.fixture
def trained(painted_workspace):
    report = train_workspace(painted_workspace, RECIPE, device="cpu")
    return painted_workspace, report


def fit_on(workspace, card, rows):
    """Fit a head as training does, on some rows of the catalogue."""
    catalogue = read_catalogue(workspace)
    fingerprint = card.summary["frozen"]["fingerprint"]
    ids, (statistics,) = frozen_parts(workspace, fingerprint).read(["statistics"], "")
    places = RowsById(ids).of([catalogue.cover_ids[row] for row in rows])
    shares = torch.from_numpy(catalogue.membership(card.vocab)[rows]).float()
    head = Head(statistics.shape[1], RECIPE.embedding_dim, len(card.vocab))
    torch.manual_seed(0)
    start_head(
        head,
        torch.from_numpy(statistics[places]),
        shares,
        catalogue.groups[rows],
        HeadSettings(class_balance=RECIPE.class_balance, multi_label=False, seed=0),
    )
    return head


def test_what_is_evaluated_is_fitted_on_the_train_side_alone(trained):
    workspace, report = trained
    catalogue = read_catalogue(workspace)
    labelled = catalogue.membership().sum(axis=1) > 0
    everyone = np.flatnonzero(labelled)
    train = np.flatnonzero(labelled & (catalogue.splits == "train"))
    assert report.card.summary["final"] == {"n_covers": len(everyone)}
    assert len(train) < len(everyone)
    model = SavedModel.open(workspace.model_folder, "cpu")
    for head, rows in ((model.held_out_head, train), (model.head, everyone)):
        expected = fit_on(workspace, report.card, rows)
        torch.testing.assert_close(
            head.project.weight, expected.project.weight, rtol=1e-3, atol=1e-4
        )
        torch.testing.assert_close(
            head.classify.weight, expected.classify.weight, rtol=1e-3, atol=1e-4
        )


def test_the_index_holds_the_final_vectors_and_the_evaluation_reads_the_others(trained):
    workspace, _ = trained
    embed_workspace(workspace)
    build_index(workspace)
    model = SavedModel.open(workspace.model_folder, "cpu")
    held_out = read_embeddings(workspace)
    final = read_embeddings(workspace, final=True)
    assert held_out.cover_ids == final.cover_ids
    assert np.abs(held_out.embeddings - final.embeddings).max() > 1e-3
    np.testing.assert_array_equal(held_out.logits, final.logits)
    files = cover_files(read_catalogue(workspace), [0, 1])
    pixels = np.stack([read_pixels(workspace, file, 64) for file in files])
    rows = RowsById(held_out.cover_ids).of([file.cover_id for file in files])
    found = model.embed(pixels)
    np.testing.assert_allclose(found.embeddings, final.embeddings[rows], atol=2e-2)
    index = open_index(workspace)
    stored = index.reconstruct([file.cover_id for file in files])
    np.testing.assert_allclose(stored, final.embeddings[rows], atol=1e-3)


def test_a_model_without_a_final_head_answers_by_the_only_one(trained):
    workspace, _ = trained
    model = SavedModel.open(workspace.model_folder, "cpu")
    before = SavedModel(model.card, model._stored[:2], "cpu")
    assert before.head is before.held_out_head
    pixels = np.zeros((1, 64, 64, 3), np.uint8)
    assert before.embed_library(pixels).keys() == {"embedding", "logits"}


def test_a_count_that_is_none_is_refused(trained):
    import json

    from safetensors.torch import load_file, save_file

    from covers.model.card import WEIGHTS_NAME, read_header

    workspace, _ = trained
    path = workspace.model_folder / WEIGHTS_NAME
    card = json.loads(read_header(path)["__metadata__"]["covers"])
    card["summary"]["final"] = ["many"]
    save_file(load_file(path), path, metadata={"covers": json.dumps(card)})
    with pytest.raises(ModelError, match="summary"):
        read_card(workspace.model_folder)
