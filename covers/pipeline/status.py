"""The chain of artefacts: what is there, what is stale and why, and the command that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from covers.catalogue.table import read_catalogue
from covers.errors import CoversError
from covers.index import stage as index
from covers.index.embedded import name_baseline_features, name_ingredients
from covers.model import stage as model
from covers.render.short_repr import ShortRepr
from covers.render.text import text_table
from covers.workspace.publishing import is_whole
from covers.workspace.read_artefacts import stamp_of
from covers.workspace.registry import (
    BASELINE_FEATURES,
    CATALOGUE,
    CHAIN,
    EMBEDDINGS,
    EVALUATION,
    INDEX,
    MODEL,
)
from covers.workspace.stages import State, Verdict, remark_on

if TYPE_CHECKING:
    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.model.training.recipe import Recipe
    from covers.workspace.paths import Workspace
    from covers.workspace.registry import Artefact

_BEFORE_OTHERS = CHAIN.index(INDEX) + 1


@dataclass(frozen=True, repr=False)
class Stage(ShortRepr):
    """One link of the chain.

    Parameters
    ----------
    name : str
        What it is.
    state : State
        Whether it has to be made.
    why : str
        In words; of what is fresh, what it is and what else there is to know.
    command : str
        What makes it.
    """

    name: str
    state: State
    why: str
    command: str

    @property
    def is_due(self) -> bool:
        """Whether it is missing or stale."""
        return self.state is not State.FRESH


class Status(tuple[Stage, ...]):
    """The links of the chain in order, as a table where it is shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        rows = [
            [
                stage.name,
                str(stage.state),
                stage.why if not stage.is_due else f"{stage.why}; run: {stage.command}",
            ]
            for stage in self
        ]
        return text_table(["artefact", "state", "what is known of it"], rows)


@dataclass(frozen=True)
class _AtHand:
    """What a workspace holds that the rest of the chain is made from."""

    workspace: Workspace
    recipe: Recipe | None
    catalogue: Catalogue | None
    card: ModelCard | None
    problems: dict[str, str]

    @classmethod
    def read(cls, workspace: Workspace, recipe: Recipe | None) -> _AtHand:
        found: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for artefact, read in (
            (CATALOGUE, partial(read_catalogue, workspace)),
            (MODEL, partial(model.read, workspace)),
        ):
            try:
                found[artefact.name] = read()
            except CoversError as error:
                problems[artefact.name] = str(error).split(": ")[0]
        return cls(
            workspace, recipe, found.get("catalogue"), found.get("model"), problems
        )

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Fingerprints of catalogue, model and embeddings as they are now."""
        if self.card is None:
            known = self.catalogue
            return {} if known is None else {"catalogue": known.label_fingerprint()}
        if self.catalogue is None:
            return {"model": self.card.fingerprint}
        model = self.card.fingerprint
        return name_ingredients(self.workspace, self.catalogue, model)

    def baseline_features(self) -> dict[str, str]:
        """Return the fingerprint of the baselines' features for the stamp of an evaluation; see `name_baseline_features`."""
        if self.card is None or self.catalogue is None:
            return {}
        return name_baseline_features(self.workspace, self.catalogue, self.card)


def lacks_baseline_features(workspace: Workspace) -> bool:
    """Say whether some covers, not all, lack features of the untrained backbone."""
    return bool(_AtHand.read(workspace, None).baseline_features())


def inspect_workspace(workspace: Workspace, recipe: Recipe | None = None) -> Status:
    """Look at each artefact of a workspace, in the order they depend on each other.

    Parameters
    ----------
    workspace : Workspace
        May be empty.
    recipe : Recipe, optional
        What the model should have been trained with.
    """
    at_hand = _AtHand.read(workspace, recipe)
    stages = []
    for artefact in CHAIN:
        verdict = _judge(at_hand, artefact)
        repair = artefact.repair(workspace.root, verdict.command)
        stages.append(Stage(artefact.name, verdict.state, verdict.why, repair))
    others = (
        Stage(name, verdict.state, verdict.why, verdict.command)
        for name, verdict in index.judge_others(workspace, at_hand.catalogue)
    )
    return Status([*stages[:_BEFORE_OTHERS], *others, *stages[_BEFORE_OTHERS:]])


def _judge(at_hand: _AtHand, artefact: Artefact) -> Verdict:
    """Say whether one artefact has to be made."""
    card, catalogue, workspace = at_hand.card, at_hand.catalogue, at_hand.workspace
    if artefact is CATALOGUE:
        if catalogue is None:
            why = at_hand.problems[artefact.name]
            return Verdict(State.MISSING, why, "scan SOURCE")
        return Verdict(State.FRESH, f"{len(catalogue):,} covers")
    if artefact is MODEL:
        if card is None:
            return Verdict(State.MISSING, at_hand.problems[artefact.name])
        return model.judge(card, catalogue, at_hand.recipe)
    if artefact is EMBEDDINGS:
        return model.embeddings_state(workspace, card, catalogue)
    if artefact is INDEX:
        return index.judge(workspace, card, catalogue)
    return _judge_stamp(at_hand, artefact)


_CHANGED = {
    "model": "made with another model",
    "embeddings": "other covers have a vector by now",
    BASELINE_FEATURES: "other covers have features of the untrained backbone by now",
}
_ONLY_WHERE_LACKING = {EMBEDDINGS.name, BASELINE_FEATURES}


def _judge_stamp(at_hand: _AtHand, artefact: Artefact) -> Verdict:
    """Compare the stamp of an analysis with what it is made from."""
    stamp = stamp_of(at_hand.workspace, artefact.file)
    if stamp is None:
        return Verdict(State.MISSING, "not made yet")
    names, found = artefact.made_from, at_hand.fingerprints
    if artefact is EVALUATION:
        names = (*names, BASELINE_FEATURES)
        found = {**found, **at_hand.baseline_features()}
    for name in names:
        is_known = name in found or (name in _ONLY_WHERE_LACKING and len(found) > 1)
        if is_known and stamp.made_from.get(name) != found.get(name):
            return Verdict(State.STALE, _CHANGED.get(name, f"the {name} changed since"))
    if not is_whole(at_hand.workspace, stamp):
        return Verdict(State.STALE, "some of its files are gone or from another run")
    remark = remark_on(artefact, at_hand.workspace, stamp)
    told = [f"of {stamp.created[:10]}", remark]
    return Verdict(State.FRESH, "; ".join(filter(None, told)))
