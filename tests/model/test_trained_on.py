"""A model is measured after covers came or went, but never on one that it was trained on."""

from dataclasses import replace

import pyarrow as pa
import pytest

from covers.catalogue.table import Catalogue, read_catalogue
from covers.errors import StaleError
from covers.model.card import read_card
from covers.model.trained_on import refuse_leak
from covers.workspace.registry import TRAINED_COVERS


def changed(catalogue, name, values):
    number = catalogue.table.column_names.index(name)
    table = catalogue.table.set_column(
        number, catalogue.table.schema.field(number), pa.array(values)
    )
    return replace(catalogue, table=table, written={})


@pytest.fixture
def parts(trained_workspace):
    card = read_card(trained_workspace.model_folder)
    return trained_workspace, read_catalogue(trained_workspace), card


def test_covers_that_go_do_no_harm(parts):
    workspace, catalogue, card = parts
    refuse_leak(workspace, catalogue, card)
    fewer = Catalogue(catalogue.table.slice(2), catalogue.genre_minimum)
    assert fewer.label_fingerprint() != catalogue.label_fingerprint()
    refuse_leak(workspace, fewer, card)


def test_a_trained_cover_that_is_held_out_by_now_is_a_leak(parts):
    workspace, catalogue, card = parts
    sides = catalogue.splits.tolist()
    sides[sides.index("train")] = "valid"
    with pytest.raises(StaleError, match=r"trained on 1 covers.*covers train -w"):
        refuse_leak(workspace, changed(catalogue, "split", sides), card)


def test_what_a_model_saw_must_be_known_and_its_own(parts):
    workspace, catalogue, card = parts
    fewer = Catalogue(catalogue.table.slice(2), catalogue.genre_minimum)
    with pytest.raises(StaleError, match="not known which"):
        refuse_leak(workspace, fewer, replace(card, fingerprint="0" * 32))
    workspace.path(TRAINED_COVERS).unlink()
    with pytest.raises(StaleError, match="not known which"):
        refuse_leak(workspace, fewer, card)
    refuse_leak(workspace, catalogue, card)


def test_other_genres_ask_for_another_training(parts):
    workspace, catalogue, card = parts
    names = [["Polka"] if g == ["Metal"] else g for g in catalogue.genres]
    with pytest.raises(StaleError, match=r"genres changed.*Metal, Polka"):
        refuse_leak(workspace, changed(catalogue, "genres", names), card)
