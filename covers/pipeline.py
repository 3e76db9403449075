"""The chain of artefacts: what is there, what is stale and why, and what makes it new."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from covers.catalogue.table import read_catalogue
from covers.errors import CoversError, MissingExtraError, ModelError
from covers.model.card import describe_best, read_card
from covers.workspace.publishing import is_whole
from covers.workspace.reading import stamp_of
from covers.workspace.registry import (
    CATALOGUE,
    CHAIN,
    CLUSTERS,
    EMBEDDINGS,
    EVALUATION,
    INDEX,
    MAP,
    MODEL,
    OVERLAP,
)
from covers.workspace.stages import Manner, remark_on
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.model.training.recipe import Recipe
    from covers.workspace.paths import Workspace
    from covers.workspace.registry import Artefact

    Say = Callable[[str], None]
    StageProgress = Callable[[str, float, float], None]

RETRAIN_SHARE = 0.1
_MAKERS = {
    OVERLAP: "covers.overlap.stage",
    CLUSTERS: "covers.cluster.stage",
    MAP: "covers.cluster.map",
}
"""Where each analysis has its `MAKER`; imported only when it is due, they bring much."""


class State(StrEnum):
    """What can be said of an artefact."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True)
class Stage:
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
        """Whether it has to be made before what follows can be trusted."""
        return self.state is not State.FRESH


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
            (MODEL, partial(read_card, workspace.model_folder)),
        ):
            try:
                found[artefact.name] = read()
            except CoversError as error:
                problems[artefact.name] = str(error).split(":")[0]
        return cls(
            workspace, recipe, found.get("catalogue"), found.get("model"), problems
        )

    def fingerprints(self) -> dict[str, str]:
        """Return what the stamps of the analyses are compared with."""
        found = {}
        if self.card is not None:
            found["model"] = self.card.fingerprint
        if self.catalogue is not None:
            found["catalogue"] = self.catalogue.label_fingerprint()
        return found


def inspect_workspace(
    workspace: Workspace, recipe: Recipe | None = None
) -> list[Stage]:
    """Look at each artefact of a workspace, in the order they depend on each other.

    Parameters
    ----------
    workspace : Workspace
        May be empty.
    recipe : Recipe, optional
        What the model should have been trained with.
    """
    at_hand = _AtHand.read(workspace, recipe)
    judges = {
        CATALOGUE: _judge_catalogue,
        MODEL: _judge_model,
        EMBEDDINGS: _judge_embeddings,
        INDEX: _judge_index,
    }
    stages = []
    for artefact in CHAIN:
        judge = judges.get(artefact) or partial(_judge_stamp, artefact=artefact)
        state, why, command = judge(at_hand)
        repair = artefact.repair(workspace.root, command)
        stages.append(Stage(artefact.name, state, why, repair))
    return stages


_Verdict = tuple[State, str, str]  # state, why, and the command if not the usual one


def _judge_catalogue(at_hand: _AtHand) -> _Verdict:
    """Say whether anything was scanned."""
    if at_hand.catalogue is None:
        return State.MISSING, at_hand.problems["catalogue"], "scan SOURCE"
    return State.FRESH, f"{len(at_hand.catalogue):,} covers", ""


def _judge_model(at_hand: _AtHand) -> _Verdict:
    """Say whether a model still belongs to the catalogue and to the recipe asked for."""
    card, catalogue = at_hand.card, at_hand.catalogue
    if card is None:
        return State.MISSING, at_hand.problems["model"], ""
    told = f"{card.arch} {card.fingerprint[:8]}, {len(card.vocab)} genres"
    if catalogue is None:
        return State.FRESH, f"{told}; no catalogue to compare with", ""
    if card.summary.get("is_interrupted"):
        why = "its training was interrupted, and goes on where it stopped"
        return State.STALE, why, "train --resume"
    if at_hand.recipe is not None:
        from covers.model.training.recipe import for_catalogue, portable_recipe

        trained = card.stamp.parameters
        recipe = for_catalogue(at_hand.recipe, catalogue)
        for name, value in portable_recipe(recipe).items():
            if trained.get(name) != value:
                why = _other_training(name, trained.get(name))
                return State.STALE, why, ""
    if catalogue.vocab != card.vocab:
        changed = ", ".join(sorted(set(catalogue.vocab) ^ set(card.vocab)))
        return State.STALE, f"the genres changed: {changed}", ""
    if card.stamp.made_from.get("labels") == catalogue.label_fingerprint():
        return State.FRESH, told, ""
    n_labelled = int(card.summary.get("n_labelled", 0))
    change = n_labelled - catalogue.n_labelled
    if abs(change) > RETRAIN_SHARE * max(1, n_labelled):
        word = "went" if change > 0 else "came"
        return State.STALE, f"{abs(change):,} covers {word} since the training", ""
    return State.FRESH, f"{told}; the catalogue changed a little since", ""


def _other_training(name: str, value: object) -> str:
    """Say with what other parameter a model was trained."""
    if name != "multi_label":
        return f"trained with another {name}: {value!r}"
    if value:
        return "trained for independent genres, and one a cover is wanted"
    return "trained for one genre a cover, and covers commonly have several"


def _judge_embeddings(at_hand: _AtHand) -> _Verdict:
    """Say whether every cover has a vector by the model."""
    import pyarrow.compute as pc

    from covers.model.embed import embeddings_parts

    card, catalogue = at_hand.card, at_hand.catalogue
    if catalogue is None or card is None:
        return State.MISSING, "no catalogue or no model yet", ""
    known = embeddings_parts(at_hand.workspace, card.fingerprint).ids()
    is_known = pc.is_in(catalogue.table.column("cover_id"), value_set=known)
    missing = len(catalogue) - int(pc.sum(is_known).as_py() or 0)
    if not len(known):
        return State.MISSING, "none by this model", ""
    if missing:
        return State.STALE, f"{missing:,} covers have none by this model", ""
    return State.FRESH, f"{len(catalogue):,} covers, {card.embedding_dim}-d", ""


def _judge_index(at_hand: _AtHand) -> _Verdict:
    """Say whether the index holds this catalogue's covers by this model."""
    from covers.index.open import open_index

    card, catalogue = at_hand.card, at_hand.catalogue
    try:
        index = open_index(at_hand.workspace, check_model=False)
    except (CoversError, IndexerError) as error:
        return State.MISSING, str(error).split(":")[0], "index build"
    made_from = index.fingerprints
    if card is not None and made_from.get("model") != card.fingerprint:
        return State.STALE, "made by another model", "index rebuild"
    if catalogue is not None and made_from.get("catalogue") != catalogue.fingerprint():
        return State.STALE, "the catalogue changed since", ""
    return State.FRESH, f"generation {index.generation}, {len(index):,} covers", ""


def _judge_stamp(at_hand: _AtHand, artefact: Artefact) -> _Verdict:
    """Compare the stamp of an analysis with what it is made from."""
    stamp = stamp_of(at_hand.workspace, artefact.file)
    if stamp is None:
        return State.MISSING, "not made yet", ""
    for name, fingerprint in at_hand.fingerprints().items():
        if name in artefact.made_from and stamp.made_from.get(name) != fingerprint:
            other = {"model": "made with another model"}
            return State.STALE, other.get(name, f"the {name} changed since"), ""
    if not is_whole(at_hand.workspace, stamp):
        return State.STALE, "some of its files are gone or from another run", ""
    remark = remark_on(artefact, at_hand.workspace, stamp)
    return (
        State.FRESH,
        "; ".join(filter(None, [f"of {stamp.created[:10]}", remark])),
        "",
    )


@dataclass(frozen=True)
class Pipeline:
    """Makes what is due, in order.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue.
    recipe : Recipe
        What the model should be trained with.
    seed : int
        Seed of everything random.
    device : str
        Where the network runs.
    offline : bool
        Never touch the network.
    """

    workspace: Workspace
    recipe: Recipe
    seed: int = 0
    device: str = "auto"
    offline: bool = False
    _seen: dict[str, Stage] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def run(
        self,
        *,
        say: Say,
        stage: StageProgress,
        retrain: bool = False,
        analysis: bool = True,
    ) -> None:
        """Make every artefact that is missing or stale.

        Parameters
        ----------
        say : callable
            Is told each step in words.
        stage : callable
            Is told how far a step is: name, done, total.
        retrain : bool, default=False
            Train even if the model is still good.
        analysis : bool, default=True
            Overlap, clusters and map too, where their packages are installed.

        Raises
        ------
        CoversError, IndexerError
            As the stages do.
        """
        self._forget()
        self._train(say, stage, retrain=retrain)
        self._index(say, stage)
        self._evaluate(say, stage)
        if analysis:
            self._analyse(say, stage)

    def _due(self, name: str) -> Stage | None:
        if not self._seen:
            for found in inspect_workspace(self.workspace, self.recipe):
                self._seen[found.name] = found
        return self._seen[name] if self._seen[name].is_due else None

    def _forget(self) -> None:
        """Look at the workspace again when next asked what is due."""
        self._seen.clear()

    def _train(self, say: Say, stage: StageProgress, *, retrain: bool) -> None:
        due = self._due(MODEL.name)
        if not due and not retrain:
            return
        from covers.model.training.checkpoint import checkpoint_path
        from covers.model.training.finetune import TrainingWatcher
        from covers.model.training.train import train_workspace

        class Watcher(TrainingWatcher):
            def stage(self, name: str, done: float, total: float) -> None:
                stage(name, done, total)

            def epoch(self, phase: str, epoch: int, scores: dict[str, float]) -> None:
                if phase == "network":
                    say(
                        f"  epoch {epoch + 1}: tuning loss {scores['tuning_loss']:.3f}, accuracy {scores['accuracy']:.3f}"
                    )

            def note(self, text: str) -> None:
                say(text)

        resume = checkpoint_path(self.workspace).exists() and not retrain
        self._forget()
        say(
            f"train: {due.why if due else 'asked for'}{', going on where it stopped' if resume else ''}"
        )
        train = partial(
            train_workspace,
            self.workspace,
            self.recipe,
            device=self.device,
            seed=self.seed,
            offline=self.offline,
            watcher=Watcher(),
        )
        try:
            report = train(resume=resume)
        except ModelError:
            if not resume:
                raise
            say("  the interrupted training was another one: starting anew")
            report = train(resume=False)
        if report.is_interrupted:
            raise KeyboardInterrupt
        card = report.card
        say(
            f"  {card.summary['n_train']:,} covers in {report.seconds:.0f} s, kept {describe_best(card)}"
        )

    def _index(self, say: Say, stage: StageProgress) -> None:
        due = self._due(INDEX.name)
        if not due:
            return
        from covers.index.build import build_index, update_index
        from covers.index.open import open_index

        self._forget()

        def embedding(done: int, total: int) -> None:
            stage("embedding", done, total)

        try:
            open_index(self.workspace)
            can_update = True
        except (CoversError, IndexerError):
            can_update = False
        say(f"index: {due.why}")
        if can_update:
            change = update_index(
                self.workspace, device=self.device, progress=embedding
            )
            say(
                f"  generation {change.generation}: {change.added} added, {change.changed} changed, {change.removed} removed"
            )
            failed = len(change.failed)
        else:
            index, report = build_index(
                self.workspace, device=self.device, progress=embedding
            )
            say(
                f"  generation {index.generation}: {len(index):,} covers, {index.dimension}-d"
            )
            failed = len(report.failed)
        if failed:
            say(
                f"  {failed} covers could not be read: 'covers index update --json' lists them"
            )

    def _evaluate(self, say: Say, stage: StageProgress) -> None:
        due = self._due(EVALUATION.name)
        if not due:
            return
        from covers.evaluate import stage as evaluation
        from covers.model.embed import embed_frozen_workspace

        self._forget()
        say(f"evaluate: {due.why}")
        embed_frozen_workspace(
            self.workspace,
            device=self.device,
            progress=lambda done, total: stage("baseline features", done, total),
        )
        manner = Manner(progress=partial(stage, "evaluating"), replace=True)
        evaluation.run(self.workspace, manner, seed=self.seed)

    def _analyse(self, say: Say, stage: StageProgress) -> None:
        for artefact, module in _MAKERS.items():
            due = self._due(artefact.name)
            if not due:
                continue
            self._forget()
            say(f"{artefact.name}: {due.why}")
            manner = Manner(
                progress=partial(stage, artefact.name),
                say=lambda text: say(f"  {text}"),
                replace=True,
            )
            try:
                import_module(module).MAKER.run(self.workspace, manner, seed=self.seed)
            except MissingExtraError as error:
                say(f"  left out: {error}")
