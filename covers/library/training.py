"""The network of a library: trained here, handed on, and taken over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.arguments import checked, flag, made_by, optional, path, seed
from covers.errors import needs_extra
from covers.library.scanning import ScannedLibrary

if TYPE_CHECKING:
    from covers.model.card import ModelCard
    from covers.model.training.train import TrainingReport
    from covers.model.training.watcher import TrainingWatcher


class TrainedLibrary(ScannedLibrary):
    """A collection of covers with a network of its own; see `covers.Library`."""

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
            Receives the progress.
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

    @checked(file=path)
    @needs_extra("the network")
    def export_model(self, file: str | Path) -> ModelCard:
        """Write the network to a file, for another workspace or another program.

        Parameters
        ----------
        file : str or Path
            Ends in ``.safetensors`` (the model with its whole description, for
            `import_model`) or ``.onnx`` (the network with its normalisation, for
            programs without torch; needs the extra ``onnx``).

        Returns
        -------
        ModelCard
            The description of what was written.

        Raises
        ------
        ConfigError
            If the file ends otherwise, or exists.
        ModelError
            If there is no model, or it is damaged.

        Examples
        --------
        >>> card = library.export_model(folder / "genres.safetensors")
        >>> card.fingerprint == library.card.fingerprint
        True
        """
        from covers.model.import_export import export_model

        return export_model(self.workspace, Path(file))

    @checked(file=path, replace=flag)
    @needs_extra("the network")
    def import_model(self, file: str | Path, *, replace: bool = False) -> ModelCard:
        """Take a network from a file into the workspace.

        Parameters
        ----------
        file : str or Path
            What `export_model` wrote.
        replace : bool, default=False
            Let it take another model's place.

        Returns
        -------
        ModelCard
            Its description.

        Raises
        ------
        ModelError
            If the file is missing, damaged, or no model of this program.
        ConfigError
            If another model is there.

        Examples
        --------
        >>> card = library.export_model(folder / "mine.safetensors")
        >>> library.import_model(folder / "mine.safetensors", replace=True) == card
        True
        """
        from covers.model.import_export import import_model

        return import_model(self.workspace, Path(file), replace=replace)

    @checked(file=path, trust_pickle=flag)
    @needs_extra("the network")
    def import_backbone(self, file: str | Path, *, trust_pickle: bool = False) -> str:
        """Take the backbone of a fastai ``export.pkl`` for `train` to start from.

        Parameters
        ----------
        file : str or Path
            What fastai's ``Learner.export`` wrote; its classifier is left behind.
        trust_pickle : bool, default=False
            Reading it runs whatever code is in it, with your rights: nothing is
            read without this.

        Returns
        -------
        str
            Name of the architecture.

        Raises
        ------
        ConfigError
            If `trust_pickle` is not given.
        ModelError
            If the file is no such export, or its backbone is not one of torchvision's.
        """
        from covers.model.import_export import import_fastai

        return import_fastai(self.workspace, Path(file), trust_pickle=trust_pickle)

    def _remember(self, recipe: dict[str, Any]) -> None:
        """Write the parameters of a training into the workspace's settings, if they differ."""
        from covers.workspace.settings import write_settings

        before = self.workspace.settings.train
        if recipe != before:
            write_settings(self._root, {"train": {**dict.fromkeys(before), **recipe}})
