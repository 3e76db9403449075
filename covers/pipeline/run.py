"""Making what is missing or stale of a workspace, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from covers.catalogue.table import read_catalogue
from covers.errors import CoversError, MissingExtraError
from covers.index import stage as index
from covers.model import stage as model
from covers.model.card import describe_best
from covers.pipeline.status import Stage, inspect_workspace, lacks_baseline_features
from covers.workspace.read_artefacts import stamp_of
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
from covers.workspace.stages import Manner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from covers.model.embed_on_ray import RayCluster
    from covers.model.training.recipe import Recipe
    from covers.workspace.artefacts import Stamp
    from covers.workspace.paths import Workspace
    from covers.workspace.registry import Artefact

    Say = Callable[[str], None]
    StageProgress = Callable[[str, float, float], None]

_MAKERS = {
    OVERLAP: "covers.overlap.stage",
    CLUSTERS: "covers.cluster.stage",
    MAP: "covers.cluster.map.stage",
}
"""Where each analysis has its `MAKER`; imported only when it is due, they bring much."""


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
    is_recipe_chosen : bool
        Whether a model of another recipe is stale; not where nobody chose one.
    cluster : RayCluster, optional
        Where the network embeds, instead of threads of this process.
    """

    workspace: Workspace
    recipe: Recipe
    seed: int = 0
    device: str = "auto"
    offline: bool = False
    is_recipe_chosen: bool = True
    cluster: RayCluster | None = None
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
            Called with each step in words.
        stage : callable
            Called with the name of a step, what is done, and the total.
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
        self._update_others(say, stage)
        self._evaluate(say, stage)
        if analysis:
            self._analyse(say, stage)

    def idle_parameters(self, given: Iterable[str]) -> list[str]:
        """Name those of some parameters that change nothing, since the model is fresh and was not tuned."""
        from covers.model.training.recipe import TUNING_ONLY

        was_tuned = model.read(self.workspace).stamp.parameters.get("epochs") != 0
        return [] if was_tuned else [name for name in given if name in TUNING_ONLY]

    def kept_by_other_seeds(self) -> list[str]:
        """Name what is fresh and was made with another seed, so that `run` leaves it as it is."""
        stages = inspect_workspace(self.workspace)
        fresh = {stage.name for stage in stages if not stage.is_due}
        return [
            artefact.name
            for artefact in CHAIN
            if artefact.name in fresh
            and (stamp := self._stamp(artefact)) is not None
            and stamp.seed not in (None, self.seed)
        ]

    def _stamp(self, artefact: Artefact) -> Stamp | None:
        """Return the stamp of an artefact of the chain; None for the catalogue, the embeddings and the index."""
        if artefact in (CATALOGUE, EMBEDDINGS, INDEX):
            return None
        if artefact is MODEL:
            return model.read(self.workspace).stamp
        return stamp_of(self.workspace, artefact.file)

    def _due(self, name: str) -> Stage | None:
        if not self._seen:
            recipe = self.recipe if self.is_recipe_chosen else None
            for found in inspect_workspace(self.workspace, recipe):
                self._seen[found.name] = found
        return self._seen[name] if self._seen[name].is_due else None

    def _forget(self) -> None:
        """Forget the states of the artefacts, so that they are inspected again."""
        self._seen.clear()

    def _train(self, say: Say, stage: StageProgress, *, retrain: bool) -> None:
        due = self._due(MODEL.name)
        if not due and not retrain:
            return
        from covers.evaluate.checks.sides import refuse_one_side
        from covers.model.training.enough import refuse_too_little
        from covers.model.training.options import TrainingOptions
        from covers.model.training.watcher import TrainingWatcher

        catalogue = read_catalogue(self.workspace)
        refuse_too_little(catalogue)
        refuse_one_side(catalogue.splits[catalogue.known_rows])

        class Watcher(TrainingWatcher):
            def stage(self, name: str, done: float, total: float) -> None:
                stage(name, done, total)

            def epoch(self, phase: str, epoch: int, scores: dict[str, float]) -> None:
                if phase == "network":
                    say(
                        f"  epoch {epoch + 1}: tuning loss {scores['tuning_loss']:.3f}, accuracy {scores['accuracy']:.3f}"
                    )

            def note(self, text: str) -> None:
                say(f"  {text}")

        self._forget()
        say(f"train: {due.why if due else 'asked for'}")
        options = TrainingOptions(
            device=self.device,
            seed=self.seed,
            resume=not retrain,
            offline=self.offline,
            watcher=Watcher(),
        )
        report = model.run_or_resume(self.workspace, self.recipe, options)
        if report.is_interrupted:
            raise KeyboardInterrupt
        card = report.card
        say(
            f"  {card.summary['n_train']:,} covers in {report.seconds:.0f} s, kept {describe_best(card)}"
        )

    def _index(self, say: Say, stage: StageProgress) -> None:
        due = self._due(INDEX.name) or self._due(EMBEDDINGS.name)
        if not due:
            return
        self._forget()
        say(f"index: {due.why}")
        report = index.run(
            self.workspace,
            device=self.device,
            progress=partial(stage, "embedding"),
            cluster=self.cluster,
        )
        say(f"  generation {report.generation}: {report.told}")
        if report.failed:
            say(
                f"  {len(report.failed)} covers could not be read: 'covers index update --json' lists them"
            )

    def _update_others(self, say: Say, stage: StageProgress) -> None:
        """Bring the indexes of other embedders up to the catalogue."""
        from covers.index.by_embedder import BuildOptions, update_other_indexes

        try:
            options = BuildOptions(
                device=self.device,
                offline=self.offline,
                progress=partial(stage, "embedding"),
                say=say,
            )
            update_other_indexes(self.workspace, options)
        except CoversError as error:  # the rest of the chain does without
            say(f"  left out: {error}")

    def _evaluate(self, say: Say, stage: StageProgress) -> None:
        from covers.evaluate import stage as evaluation
        from covers.model.embed import embed_frozen_workspace

        embed = partial(
            embed_frozen_workspace,
            self.workspace,
            device=self.device,
            progress=lambda done, total: stage("baseline features", done, total),
        )
        if lacks_baseline_features(self.workspace):  # pictures may be there again
            embed()
            self._forget()
        due = self._due(EVALUATION.name)
        if not due:
            return
        self._forget()
        say(f"evaluate: {due.why}")
        embed()
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
        self._name(say, stage)

    def _name(self, say: Say, stage: StageProgress) -> None:
        """Name what was found by words, where an index knows them."""
        from covers.index.embedder_card import word_embedder

        if word_embedder(self.workspace) is None:
            return
        from covers.cluster.words.stage import MAKER

        try:
            if not MAKER.is_fresh(self.workspace):
                say("names: the words that fit clusters, genres and the map")
                manner = Manner(progress=partial(stage, "names"), replace=True)
                MAKER.run(self.workspace, manner, seed=self.seed)
        except CoversError as error:  # the rest of the chain does without
            say(f"  left out: {error}")
