"""Everything that a library is made of: what is stale, and all of it made in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covers.arguments import callback, checked, flag, optional, seed, text
from covers.errors import needs_extra
from covers.library.indexing import ENGINE, IndexedLibrary, be_quiet, choose_cluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from covers.pipeline.status import Status


class MadeLibrary(IndexedLibrary):
    """A collection of covers whose parts are made here; see `covers.Library`."""

    def status(self) -> Status:
        """Return every artefact in order: fresh, stale or missing, and what makes it.

        Examples
        --------
        >>> library.status()[0].name
        'catalogue'
        """
        from covers.model.training.recipe import choose_recipe
        from covers.pipeline.status import inspect_workspace

        workspace = self.workspace
        recipe, _ = choose_recipe(workspace, {})
        return inspect_workspace(
            workspace, recipe if workspace.settings.train else None
        )

    @checked(
        say=optional(callback),
        progress=optional(callback),
        retrain=flag,
        analysis=flag,
        offline=flag,
        seed=seed,
        engine=ENGINE,
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
            Called with each step in words.
        progress : callable, optional
            Called with the name of a step, what is done, and the total.
        retrain : bool, default=False
            Train even if the model is still good.
        analysis : bool, default=True
            Overlap, clusters and map too.
        engine, ray_address
            As in `embed`.
        offline, seed, **recipe
            As in `train`.
        """
        from covers.model.training.recipe import (
            choose_recipe,
            refuse_wrong_start,
            say_idle,
        )
        from covers.pipeline.run import Pipeline

        workspace = self.workspace
        settings = workspace.settings
        chosen, remembered = choose_recipe(workspace, recipe)
        if retrain or remembered != settings.train:
            refuse_wrong_start(chosen)
        self._remember(remembered)
        tell = say or be_quiet
        pipeline = Pipeline(
            workspace,
            chosen,
            seed=settings.seed if seed is None else seed,
            device=self._where,
            offline=offline,
            is_recipe_chosen=bool(remembered),
            cluster=choose_cluster(engine, ray_address),
        )
        pipeline.run(
            say=tell,
            stage=progress or be_quiet,
            retrain=retrain,
            analysis=analysis,
        )
        given = [name for name, value in recipe.items() if value is not None]
        if idle := pipeline.idle_parameters(given):
            tell(say_idle(idle))
        if seed is not None and (kept := pipeline.kept_by_other_seeds()):
            tell(
                f"seed {seed} is for what was due: {' and '.join(kept)} {'is' if len(kept) == 1 else 'are'} up to date and "
                f"kept; 'covers run --retrain --seed {seed}' makes all of it again"
            )
        return self
