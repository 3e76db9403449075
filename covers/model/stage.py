"""The model of a workspace and the vectors it gives: made from the catalogue, read back, and judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from covers.catalogue.table import read_catalogue
from covers.errors import ModelError
from covers.model.card import ModelCard, read_card
from covers.model.network.embedder_names import shown_arch
from covers.workspace.stages import State, Verdict

if TYPE_CHECKING:
    from covers.catalogue.table import Catalogue
    from covers.model.training.options import TrainingOptions
    from covers.model.training.recipe import Recipe
    from covers.model.training.train import TrainingReport
    from covers.workspace.paths import Workspace

RETRAIN_SHARE = 0.1
"""A model whose library has changed by more than this share of its covers is stale."""


def made_from(workspace: Workspace) -> dict[str, str]:
    """Return the fingerprints of what a model of this workspace is made from.

    Raises
    ------
    DataError
        If there is no catalogue.
    """
    return {"labels": read_catalogue(workspace).label_fingerprint()}


def run(
    workspace: Workspace, recipe: Recipe, options: TrainingOptions | None = None
) -> TrainingReport:
    """Train a network on the train side of a workspace, and publish it as the model.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue.
    recipe : Recipe
        What to train, and how.
    options : TrainingOptions, optional
        Where it runs, from which seed, and whether an interrupted training goes on.

    Raises
    ------
    DataError
        If there is too little to train on, or another training is running.
    ModelError
        If the backbone or its weights cannot be had, or there is nothing to resume.
    """
    from covers.model.training.enough import refuse_too_little

    refuse_too_little(read_catalogue(workspace))
    from covers.model.training.train import train_workspace

    return train_workspace(workspace, recipe, options)


def run_or_resume(
    workspace: Workspace, recipe: Recipe, options: TrainingOptions
) -> TrainingReport:
    """Go on with an interrupted training if there is one of this recipe, else train anew.

    Parameters and errors are those of `run`; `options` say whether going on is allowed.
    """
    from covers.model.training.checkpoint import checkpoint_path

    if not options.resume or not checkpoint_path(workspace).exists():
        return run(workspace, recipe, replace(options, resume=False))
    options.note("going on where the training was interrupted")
    try:
        return run(workspace, recipe, options)
    except ModelError:
        options.note("the interrupted training was another one: starting anew")
        return run(workspace, recipe, replace(options, resume=False))


def read(workspace: Workspace) -> ModelCard:
    """Read the description of the model; it opens without torch.

    Raises
    ------
    ModelError
        If there is none, or it is damaged.
    """
    return read_card(workspace.model_folder)


def judge(
    card: ModelCard, catalogue: Catalogue | None, recipe: Recipe | None = None
) -> Verdict:
    """Say whether a model still belongs to its catalogue and to the wanted recipe.

    Parameters
    ----------
    card : ModelCard
        Of the model at hand.
    catalogue : Catalogue, optional
        None where nothing was scanned.
    recipe : Recipe, optional
        What the model should have been trained with.
    """
    told = f"{shown_arch(card.arch)} {card.fingerprint[:8]}, {len(card.vocab)} genres"
    if catalogue is None:
        return Verdict(State.FRESH, f"{told}; no catalogue to compare with")
    if card.summary.get("is_interrupted"):
        why = "its training was interrupted, and goes on where it stopped"
        return Verdict(State.STALE, why, "train --resume")
    if recipe is not None and (why := _other_recipe(card, catalogue, recipe)):
        return Verdict(State.STALE, why)
    if catalogue.vocab != card.vocab:
        changed = ", ".join(sorted(set(catalogue.vocab) ^ set(card.vocab)))
        return Verdict(State.STALE, f"the genres changed: {changed}")
    if card.stamp.made_from.get("labels") == catalogue.label_fingerprint():
        return Verdict(State.FRESH, told)
    n_labelled = int(card.summary.get("n_labelled", 0))
    change = n_labelled - catalogue.n_labelled
    if abs(change) > RETRAIN_SHARE * max(1, n_labelled):
        word = "went" if change > 0 else "came"
        return Verdict(State.STALE, f"{abs(change):,} covers {word} since the training")
    return Verdict(State.FRESH, f"{told}; the catalogue changed a little since")


def embeddings_state(
    workspace: Workspace, card: ModelCard | None, catalogue: Catalogue | None
) -> Verdict:
    """Say whether every cover has a vector by the model."""
    import pyarrow.compute as pc

    from covers.model.embedding_table import embeddings_parts

    if catalogue is None or card is None:
        return Verdict(State.MISSING, "no catalogue or no model yet")
    known = embeddings_parts(workspace, card.fingerprint).ids()
    is_known = pc.is_in(catalogue.table.column("cover_id"), value_set=known)
    missing = len(catalogue) - int(pc.sum(is_known).as_py() or 0)
    if not len(known):
        return Verdict(State.MISSING, "none by this model")
    if missing:
        return Verdict(State.STALE, f"{missing:,} covers have none by this model")
    return Verdict(State.FRESH, f"{len(catalogue):,} covers, {card.embedding_dim}-d")


def _is_tuned(card: ModelCard) -> bool:
    """Say whether what a model knows of pictures was changed from what it came with."""
    starts_from_nothing = card.stamp.parameters.get("weights") == "none"
    best = card.summary.get("best") or {}
    return not starts_from_nothing and best.get("phase") != "probe"


def _other_recipe(card: ModelCard, catalogue: Catalogue, recipe: Recipe) -> str:
    """Say how a model's recipe differs from another; empty where the difference does not matter."""
    from covers.model.training.recipe import TUNING_ONLY, for_catalogue, portable_recipe

    trained = card.stamp.parameters
    idle = set() if _is_tuned(card) else {"frozen_share"}
    if trained.get("epochs") == 0:
        idle.update(TUNING_ONLY)
    for name, value in portable_recipe(for_catalogue(recipe, catalogue)).items():
        if value is not None and name not in idle and trained.get(name) != value:
            return _other_training(name, trained.get(name))
    return ""


def _other_training(name: str, value: object) -> str:
    """Say which parameter a model was trained with otherwise."""
    if name != "multi_label":
        return f"trained with another {name}: {value!r}"
    if value:
        return "trained for independent genres, and one a cover is wanted"
    return "trained for one genre a cover, and covers commonly have several"
