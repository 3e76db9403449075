"""Making what a library answers from: catalogue, network, vectors and index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.arguments import (
    callback,
    checked,
    flag,
    made_by,
    one_of,
    optional,
    seed,
    text,
)
from covers.arguments import sources as several
from covers.errors import ConfigError, needs_extra, refuse_missing_package
from covers.library.sharing import SharedLibrary

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from covers.index.update import UpdateReport
    from covers.intake.summary import ScanReport
    from covers.model.embed import EmbedReport
    from covers.model.embed_on_ray import RayCluster
    from covers.model.training.train import TrainingReport
    from covers.model.training.watcher import TrainingWatcher
    from covers.pipeline import Stage

    Progress = Callable[[int, int], None]

_ENGINE = one_of("local", "ray")


class MadeLibrary(SharedLibrary):
    """A collection of covers whose parts are made here; see `covers.Library`."""

    def status(self) -> list[Stage]:
        """Return every artefact in order: fresh, stale or missing, and what makes it.

        Examples
        --------
        >>> library.status()[0].name
        'catalogue'
        """
        from covers.model.training.recipe import choose_recipe
        from covers.pipeline import inspect_workspace

        workspace = self.workspace
        recipe, _ = choose_recipe(workspace, {})
        return inspect_workspace(
            workspace, recipe if workspace.settings.train else None
        )

    @checked(progress=optional(callback))
    def scan(
        self,
        *sources: str | Path,
        progress: Progress | None = None,
        **settings: Any,
    ) -> ScanReport:
        """Look through the sources again, and through new ones.

        Parameters
        ----------
        *sources : str or Path
            More folders, music libraries or manifests, or addresses of folders and
            manifests such as ``"s3://bucket/by-genre"``; they are remembered.
        progress : callable, optional
            Called with (pictures read, pictures in all).
        **settings
            Of the intake that change, such as ``genre_minimum=20``.
        """
        from covers.intake.scan import scan_workspace
        from covers.workspace.remote import path_of_source

        given = several("sources", sources)

        return scan_workspace(
            self._root,
            [path_of_source(str(one), Path()) for one in given],
            intake=settings,
            progress=progress,
        )

    @checked(
        resume=flag,
        offline=flag,
        seed=seed,
        watcher=optional(made_by("TrainingWatcher")),
    )
    @needs_extra("training")
    def train(
        self,
        *,
        resume: bool = False,
        offline: bool = False,
        seed: int | None = None,
        watcher: TrainingWatcher | None = None,
        **recipe: Any,
    ) -> TrainingReport:
        """Fine-tune the network that classifies and embeds; the recipe is remembered.

        Parameters
        ----------
        resume : bool, default=False
            Go on where an interrupted training stopped.
        offline : bool, default=False
            Never touch the network.
        seed : int, optional
            By default the workspace's own.
        watcher : TrainingWatcher, optional
            Is told how it goes.
        **recipe
            Parameters of `covers.model.training.recipe.Recipe`, such as ``arch="resnet34"``.
        """
        from covers.model.training.recipe import choose_recipe, refuse_wrong_start

        workspace = self.workspace
        settings = workspace.settings
        chosen, remembered = choose_recipe(workspace, recipe)
        refuse_wrong_start(chosen)
        from covers.model.stage import run
        from covers.model.training.options import TrainingOptions

        options = TrainingOptions(
            device=self._where,
            seed=settings.seed if seed is None else seed,
            resume=resume,
            offline=offline,
            watcher=watcher,
        )
        report = run(workspace, chosen, options)
        self._remember(remembered)
        return report

    @checked(
        progress=optional(callback),
        engine=_ENGINE,
        ray_address=optional(text),
    )
    @needs_extra("embedding")
    def embed(
        self,
        *,
        progress: Progress | None = None,
        engine: str = "local",
        ray_address: str | None = None,
    ) -> EmbedReport:
        """Give a vector to every cover that has none by the current model.

        Parameters
        ----------
        progress : callable, optional
            Called with covers done and covers in all.
        engine : {"local", "ray"}, default="local"
            Threads of this machine, or actors of a Ray cluster.
        ray_address : str, optional
            Of a running cluster; by default one is started on this machine.

        Returns
        -------
        EmbedReport
            How many were new and how many known; the reason by path of those
            that could not be read.

        Raises
        ------
        ModelError, DataError
            If there is no model, or nothing was scanned.

        Examples
        --------
        >>> library.embed().n_known
        120
        """
        from covers.model.embedders.embed_covers import embed_covers

        return embed_covers(
            self.workspace,
            device=self._where,
            progress=progress,
            cluster=_choose_cluster(engine, ray_address),
        )

    @checked(
        structure=text,
        prefer=one_of("fast", "small", "quick-search"),
        store=optional(one_of("float32", "float16", "int8")),
        progress=optional(callback),
    )
    @needs_extra("embedding")
    def build_index(
        self,
        *,
        structure: str = "auto",
        prefer: str = "fast",
        store: str | None = None,
        progress: Progress | None = None,
    ) -> EmbedReport:
        """Build the index anew from all covers, giving vectors to those that have none.

        Parameters
        ----------
        structure : str, default="auto"
            How near vectors are found: ``"auto"``, ``"exact"``, or a key of FAISS's
            factory such as ``"IVF1024,SQ8"``.
        prefer : {"fast", "small", "quick-search"}, default="fast"
            What ``"auto"`` looks for in a large library.
        store : {"float32", "float16", "int8"}, optional
            How numbers are stored; remembered as the workspace's own, which is meant
            without it. Of 512 dimensions half of the bytes move a similarity by up to
            0.0005, a quarter by up to 0.003.
        progress : callable, optional
            Called with covers done and covers in all.

        Raises
        ------
        ModelError, DataError
            If there is no model, or nothing was scanned.
        """
        from covers.index.build import build_index

        return build_index(
            self.workspace,
            structure=structure,
            prefer=prefer,
            store=store,
            device=self._where,
            progress=progress,
        )[1]

    @checked(scan=flag, dry_run=flag, progress=optional(callback))
    @needs_extra("embedding")
    def update_index(
        self,
        *,
        scan: bool = True,
        dry_run: bool = False,
        progress: Callable[[str, float, float], None] | None = None,
    ) -> UpdateReport:
        """Take new and changed covers into the index, and drop those that are gone.

        Indexes of other embedders are brought up to date too.

        Parameters
        ----------
        scan : bool, default=True
            Look through the sources first.
        dry_run : bool, default=False
            Only compare the catalogue, as the last scan left it, with the index.
        progress : callable, optional
            Is told how far a step is: name, done, total.

        Returns
        -------
        UpdateReport
            How many covers were added, changed, moved and removed.

        Raises
        ------
        StaleError
            If another model made the index: `build_index` makes it anew.

        Examples
        --------
        >>> library.update_index(scan=False, dry_run=True).unchanged
        120
        """
        from functools import partial

        from covers.index.by_embedder import BuildOptions, update_other_indexes
        from covers.index.update import update_index

        tell = progress or _be_quiet
        if scan and not dry_run:
            self.scan(progress=partial(tell, "reading pictures"))
        workspace, embedding = self.workspace, partial(tell, "embedding")
        report = update_index(
            workspace, device=self._where, dry_run=dry_run, progress=embedding
        )
        if not dry_run:
            update_other_indexes(
                workspace, BuildOptions(device=self._where, progress=embedding)
            )
        return report

    @checked(
        say=optional(callback),
        progress=optional(callback),
        retrain=flag,
        analysis=flag,
        offline=flag,
        seed=seed,
        engine=_ENGINE,
        ray_address=optional(text),
    )
    @needs_extra("making what is stale")
    def run(
        self,
        *,
        say: Callable[[str], None] | None = None,
        progress: Callable[[str, float, float], None] | None = None,
        retrain: bool = False,
        analysis: bool = True,
        offline: bool = False,
        seed: int | None = None,
        engine: str = "local",
        ray_address: str | None = None,
        **recipe: Any,
    ) -> Self:
        """Make every artefact that is missing or stale, in order, and return this library.

        Parameters
        ----------
        say : callable, optional
            Is told each step in words.
        progress : callable, optional
            Is told how far a step is: name, done, total.
        retrain : bool, default=False
            Train even if the model is still good.
        analysis : bool, default=True
            Overlap, clusters and map too.
        engine, ray_address
            As in `embed`.
        offline, seed, **recipe
            As in `train`.
        """
        from covers.model.training.recipe import choose_recipe, refuse_wrong_start
        from covers.pipeline import Pipeline

        workspace = self.workspace
        settings = workspace.settings
        chosen, remembered = choose_recipe(workspace, recipe)
        if retrain or remembered != settings.train:
            refuse_wrong_start(chosen)
        self._remember(remembered)
        Pipeline(
            workspace,
            chosen,
            seed=settings.seed if seed is None else seed,
            device=self._where,
            offline=offline,
            is_recipe_chosen=bool(remembered),
            cluster=_choose_cluster(engine, ray_address),
        ).run(
            say=say or _be_quiet,
            stage=progress or _be_quiet,
            retrain=retrain,
            analysis=analysis,
        )
        return self

    @property
    def _where(self) -> str:
        """Where the network runs."""
        return self._device or self.workspace.settings.device

    def _remember(self, recipe: dict[str, Any]) -> None:
        """Write the parameters of a training into the workspace's settings, if they differ."""
        from covers.workspace.settings import write_settings

        before = self.workspace.settings.train
        if recipe != before:
            write_settings(self._root, {"train": {**dict.fromkeys(before), **recipe}})


def _choose_cluster(engine: str, ray_address: str | None) -> RayCluster | None:
    """Return where actors embed; None for threads of this process.

    Raises
    ------
    ConfigError
        If an address is given for an engine that takes none.
    MissingExtraError
        If Ray is asked for and not installed.
    """
    if engine == "ray":
        refuse_missing_package("ray", "embedding on Ray")
        from covers.model.embed_on_ray import RayCluster

        return RayCluster(ray_address)
    if engine != "local" or ray_address is not None:
        message = f"engine {engine!r} with ray_address {ray_address!r}: an address needs the engine 'ray', the other is 'local'"
        raise ConfigError(message)
    return None


def _be_quiet(*_: object) -> None:
    """Say nothing."""
