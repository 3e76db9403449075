"""One collection of covers, and everything that can be asked of it: the front door.

Everybody comes in here: the command line, the dashboard and notebooks parse,
call a `Library`, and show what it answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.errors import needs_extra
from covers.library.asking import AskedLibrary
from covers.workspace.paths import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL import Image

    from covers.intake.summary import ScanReport
    from covers.model.finetune import TrainingWatcher
    from covers.model.train import TrainingReport
    from covers.pipeline import Stage

    Asked = str | Path | bytes | Image.Image


def open_library(root: str | Path) -> Library:
    """Open the library that a workspace holds.

    Parameters
    ----------
    root : str or Path
        Folder of the workspace, as ``covers run -w`` made it.

    Raises
    ------
    DataError
        If there is no workspace; the message names the command that makes one.

    Examples
    --------
    >>> covers.open(folder / "workspace")
    <Library: 120 covers of 8 genres in 'workspace'>
    """
    return Library(Workspace.open(Path(root)))


def create_library(
    root: str | Path,
    sources: Sequence[str | Path],
    *,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> Library:
    """Take in covers and make a workspace of them; nothing in the sources is changed.

    Parameters
    ----------
    root : str or Path
        Folder of the workspace; made if missing.
    sources : sequence of str or Path
        Folders with a folder per genre, music libraries, or manifests.
    progress : callable, optional
        Called with (pictures read, pictures in all).
    **settings
        Of the intake, such as ``genre_minimum=20``.

    Examples
    --------
    >>> made = covers.create(folder / "mine", [folder / "covers"])
    >>> len(made)
    120
    """
    from covers.intake.scan import scan_workspace

    folder = Path(root)
    scan_workspace(
        folder, [Path(source) for source in sources], intake=settings, progress=progress
    )
    return open_library(folder)


class Library(AskedLibrary):
    """A collection of covers: searched, classified and analysed.

    Made by `covers.open` or `covers.create`. What is read from disk is kept, and
    read again when another process publishes something newer. Threads may share it.

    Parameters
    ----------
    workspace : Workspace
        The folder that holds the catalogue, the model, the index and all results.
    device : str, optional
        Where the network runs: ``"auto"``, ``"cpu"`` or ``"cuda"``; by default as
        the workspace's settings say.

    Examples
    --------
    >>> library = covers.open(folder / "workspace")
    >>> len(library.search(cover_id, k=5))
    5
    >>> library.classify([cover_id])[0].verdict in {"sure", "unsure", "unfamiliar"}
    True
    """

    def status(self) -> list[Stage]:
        """Return every artefact in order: fresh, stale or missing, and what makes it.

        Examples
        --------
        >>> library.status()[0].name
        'catalogue'
        """
        from covers.model.recipe import choose_recipe
        from covers.pipeline import inspect_workspace

        workspace = self.workspace
        recipe, _ = choose_recipe(workspace, {})
        return inspect_workspace(
            workspace, recipe if workspace.settings.train else None
        )

    def scan(
        self,
        *sources: str | Path,
        progress: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> ScanReport:
        """Look through the sources again, and through new ones.

        Parameters
        ----------
        *sources : str or Path
            More folders, music libraries or manifests; they are remembered.
        progress : callable, optional
            Called with (pictures read, pictures in all).
        **settings
            Of the intake that change, such as ``genre_minimum=20``.
        """
        from covers.intake.scan import scan_workspace

        return scan_workspace(
            self._root,
            [Path(source) for source in sources],
            intake=settings,
            progress=progress,
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
            Parameters of `covers.model.recipe.Recipe`, such as ``arch="resnet34"``.
        """
        from covers.model.recipe import choose_recipe, refuse_wrong_start

        workspace = self.workspace
        settings = workspace.settings
        chosen, remembered = choose_recipe(workspace, recipe)
        refuse_wrong_start(chosen)
        from covers.model.train import train_workspace

        report = train_workspace(
            workspace,
            chosen,
            device=self._device or settings.device,
            seed=settings.seed if seed is None else seed,
            resume=resume,
            offline=offline,
            **({} if watcher is None else {"watcher": watcher}),
        )
        self._remember(remembered)
        return report

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
        **recipe: Any,
    ) -> Library:
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
        offline, seed, **recipe
            As in `train`.
        """
        from covers.model.recipe import choose_recipe, refuse_wrong_start
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
            device=self._device or settings.device,
            offline=offline,
        ).run(
            say=say or _be_quiet,
            stage=progress or _be_quiet,
            retrain=retrain,
            analysis=analysis,
        )
        return self

    def _remember(self, recipe: dict[str, Any]) -> None:
        """Write the parameters of a training into the workspace's settings, if they differ."""
        from covers.workspace.settings import write_settings

        if recipe != self.workspace.settings.train:
            write_settings(self._root, {"train": recipe})


def _be_quiet(*_: object) -> None:
    """Say nothing."""
