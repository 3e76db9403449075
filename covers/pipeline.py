"""The chain of artefacts: what is there, what is stale and why, and what makes it new."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from covers.catalogue.table import read_catalogue
from covers.errors import CoversError, MissingExtraError, ModelError
from covers.model.card import describe_best, read_card
from covers.workspace.artefacts import read_stamp
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.model.recipe import Recipe
    from covers.workspace.paths import Workspace

    Say = Callable[[str], None]
    StageProgress = Callable[[str, float, float], None]

RETRAIN_SHARE = 0.1


class State(StrEnum):
    """What can be said of an artefact."""

    FRESH = "fresh"
    AGED = "aged"  # a little older than the catalogue, still good to use
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
        In words.
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
        return self.state in (State.STALE, State.MISSING)


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
    where = f"-w {workspace.root}"
    stages = []
    catalogue: Catalogue | None = None
    try:
        catalogue = read_catalogue(workspace)
        stages.append(
            Stage(
                "catalogue",
                State.FRESH,
                f"{len(catalogue):,} covers",
                f"covers scan {where}",
            )
        )
    except CoversError as error:
        stages.append(
            Stage(
                "catalogue",
                State.MISSING,
                str(error).split(":")[0],
                f"covers scan SOURCE {where}",
            )
        )
    card: ModelCard | None = None
    try:
        card = read_card(workspace.model_folder)
    except CoversError as error:
        stages.append(
            Stage(
                "model",
                State.MISSING,
                str(error).split(":")[0],
                f"covers train {where}",
            )
        )
    if card is not None:
        state, why = _judge_model(card, catalogue, recipe)
        stages.append(Stage("model", state, why, f"covers train {where}"))
    stages.append(_judge_embeddings(workspace, catalogue, card, where))
    stages.append(_judge_index(workspace, catalogue, card, where))
    for name, file_name, command in (
        ("evaluation", "evaluation.json", "evaluate"),
        ("overlap", "overlap.json", "overlap"),
        ("clusters", "clusters.json", "cluster"),
        ("map", "map.parquet", "map"),
    ):
        stages.append(
            _judge_analysis(
                workspace, catalogue, card, name, file_name, f"covers {command} {where}"
            )
        )
    return stages


def _judge_model(
    card: ModelCard, catalogue: Catalogue | None, recipe: Recipe | None
) -> tuple[State, str]:
    """Say whether a model still belongs to the catalogue and to the recipe asked for."""
    told = f"{card.arch} {card.fingerprint[:8]}, {len(card.vocab)} genres"
    if catalogue is None:
        return State.AGED, f"{told}; no catalogue to compare with"
    if card.summary.get("is_interrupted"):
        return (
            State.STALE,
            "its training was interrupted: 'covers train --resume' goes on",
        )
    if recipe is not None:
        from covers.model.recipe import portable_recipe

        asked = portable_recipe(recipe)
        other = [
            name
            for name, value in asked.items()
            if card.stamp.parameters.get(name) != value
        ]
        if other:
            return (
                State.STALE,
                f"trained with another {other[0]}: {card.stamp.parameters.get(other[0])!r}",
            )
    if catalogue.vocab != card.vocab:
        return (
            State.STALE,
            f"the genres changed: {', '.join(sorted(set(catalogue.vocab) ^ set(card.vocab)))}",
        )
    if card.stamp.made_from.get("labels") == catalogue.label_fingerprint():
        return State.FRESH, told
    changed = card.summary.get("n_labelled", 0) - catalogue.n_labelled
    if abs(changed) > RETRAIN_SHARE * max(1, card.summary.get("n_labelled", 0)):
        return (
            State.STALE,
            f"{abs(changed):,} covers {'went' if changed > 0 else 'came'} since the training",
        )
    return State.AGED, f"{told}; the catalogue changed a little since"


def _judge_embeddings(
    workspace: Workspace,
    catalogue: Catalogue | None,
    card: ModelCard | None,
    where: str,
) -> Stage:
    import pyarrow.compute as pc

    from covers.model.embed import embeddings_parts

    command = f"covers embed {where}"
    if catalogue is None or card is None:
        return Stage(
            "embeddings", State.MISSING, "no catalogue or no model yet", command
        )
    known = embeddings_parts(workspace, card.fingerprint).ids()
    is_known = pc.is_in(catalogue.table.column("cover_id"), value_set=known)
    missing = len(catalogue) - int(pc.sum(is_known).as_py() or 0)
    if not len(known):
        return Stage("embeddings", State.MISSING, "none by this model", command)
    if missing:
        return Stage(
            "embeddings",
            State.STALE,
            f"{missing:,} covers have none by this model",
            command,
        )
    return Stage(
        "embeddings",
        State.FRESH,
        f"{len(catalogue):,} covers, {card.embedding_dim}-d",
        command,
    )


def _judge_index(
    workspace: Workspace,
    catalogue: Catalogue | None,
    card: ModelCard | None,
    where: str,
) -> Stage:
    from covers.index.open import open_index

    try:
        index = open_index(workspace, check_model=False)
    except (CoversError, IndexerError) as error:
        return Stage(
            "index",
            State.MISSING,
            str(error).split(":")[0],
            f"covers index build {where}",
        )
    if card is not None and index.fingerprints.get("model") != card.fingerprint:
        return Stage(
            "index",
            State.STALE,
            "made by another model",
            f"covers index rebuild {where}",
        )
    if (
        catalogue is not None
        and index.fingerprints.get("catalogue") != catalogue.fingerprint()
    ):
        return Stage(
            "index",
            State.STALE,
            "the catalogue changed since",
            f"covers index update {where}",
        )
    told = f"generation {index.generation}, {len(index):,} covers"
    return Stage("index", State.FRESH, told, f"covers index update {where}")


def _judge_analysis(
    workspace: Workspace,
    catalogue: Catalogue | None,
    card: ModelCard | None,
    name: str,
    file_name: str,
    command: str,
) -> Stage:
    stamp = read_stamp(workspace.analysis_folder / file_name)
    if stamp is None:
        return Stage(name, State.MISSING, "not made yet", command)
    if card is not None and stamp.made_from.get("model") != card.fingerprint:
        return Stage(name, State.STALE, "made with another model", command)
    if (
        catalogue is not None
        and stamp.made_from.get("catalogue") != catalogue.label_fingerprint()
    ):
        return Stage(name, State.STALE, "the catalogue changed since", command)
    return Stage(name, State.FRESH, f"of {stamp.created[:10]}", command)


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
        due = self._due("model")
        if not due and not retrain:
            return
        from covers.model.checkpoint import checkpoint_path
        from covers.model.finetune import TrainingWatcher
        from covers.model.train import train_workspace

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
        due = self._due("index")
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
        due = self._due("evaluation")
        if not due:
            return
        from covers.evaluate.stage import evaluate_workspace
        from covers.model.embed import embed_frozen_workspace

        self._forget()
        say(f"evaluate: {due.why}")
        embed_frozen_workspace(
            self.workspace,
            device=self.device,
            progress=lambda done, total: stage("baseline features", done, total),
        )
        evaluate_workspace(
            self.workspace,
            seed=self.seed,
            progress=lambda done, total: stage("evaluating", done, total),
        )

    def _analyse(self, say: Say, stage: StageProgress) -> None:
        for name, make, draw in (
            (
                "overlap",
                "overlap.stage.overlap_workspace",
                "overlap.figures.draw_overlap_figures",
            ),
            (
                "clusters",
                "cluster.stage.cluster_workspace",
                "cluster.figures.draw_cluster_figures",
            ),
            ("map", "cluster.map.map_workspace", "cluster.figures.draw_map_figures"),
        ):
            due = self._due(name)
            if not due:
                continue
            self._forget()
            say(f"{name}: {due.why}")
            try:
                _imported(make)(
                    self.workspace, seed=self.seed, progress=partial(stage, name)
                )
                _imported(draw)(self.workspace)
            except MissingExtraError as error:
                say(f"  left out: {error}")


def _imported(name: str) -> Callable[..., object]:
    """Return a function of the analysis; imported only when due, they bring much."""
    module, _, function = name.rpartition(".")
    found: Callable[..., object] = getattr(import_module(f"covers.{module}"), function)
    return found
