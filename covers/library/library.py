"""One collection of covers, and everything that it answers: the front door.

Everybody comes in here: the command line, the dashboard and notebooks parse,
call a `Library`, and show what it answers.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from covers.arguments import (
    callback,
    checked,
    flag,
    made_by,
    number,
    one_of,
    optional,
    seed,
    text,
    whole,
)
from covers.arguments import path as file_path
from covers.library.making import MadeLibrary
from covers.library.naming import names_workspace
from covers.library.stored import DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.audit.decisions import Review
    from covers.audit.result import Audit
    from covers.audit.stage import AuditOptions
    from covers.cluster.map.cover_map import CoverMap
    from covers.cluster.result import Clustering
    from covers.cluster.words.names import Names
    from covers.evaluate.result import Evaluation
    from covers.overlap.path import CoverPath
    from covers.overlap.result import Overlap
    from covers.workspace.paths import Workspace
    from covers.workspace.stages import Manner

_MANNER = optional(made_by("Manner"))
_STAGES = {
    "audit": "audit",
    "clusters": "cluster",
    "evaluation": "evaluate",
    "overlap": "overlap",
}
"""Rooms of the results that are one document, by their names."""


@names_workspace
class Library(MadeLibrary):
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

    @checked(workspace=made_by("Workspace"), device=DEVICE)
    def __init__(self, workspace: Workspace, *, device: str | None = None) -> None:
        super().__init__(workspace, device=device)

    @checked(manner=_MANNER)
    def evaluate(self, manner: Manner | None = None, **settings: Any) -> Evaluation:
        """Measure how well genres are recognised, on covers kept out of training.

        What is fresh is read, not made again.

        Parameters
        ----------
        manner : Manner, optional
            Whether to make it again or to replace; callbacks for progress and messages.
        **settings
            That differ from the workspace's own: ``n_bootstraps``, ``level``,
            ``leakage``, ``seed``. A result made with other settings does not
            replace the workspace's own unless `manner` says so.

        Raises
        ------
        CoversError
            If something it is made from is missing, or leaks.

        Examples
        --------
        >>> 0 <= library.evaluate().methods["vote"].macro_f1.value <= 1
        True
        """
        from covers.evaluate.stage import is_fresh, run
        from covers.workspace.stages import Manner

        workspace, how = self.workspace, manner or Manner()
        if how.again or not is_fresh(workspace, **settings):
            from covers.model.embed import embed_frozen_workspace

            embed_frozen_workspace(
                workspace,
                device=self._where,
                progress=how.progress,
            )
        return run(workspace, how, **settings)

    @checked(manner=_MANNER)
    def overlap(self, manner: Manner | None = None, **settings: Any) -> Overlap:
        """Measure which genres look alike, with intervals; what is fresh is read.

        Parameters
        ----------
        manner : Manner, optional
            As in `evaluate`.
        **settings
            That differ from the workspace's own: ``k``, ``n_bootstraps``,
            ``by`` (``"year"`` or ``"source"``), ``which``, ``seed``.

        Examples
        --------
        >>> len(library.overlap().pairs) > 0
        True
        """
        from covers.overlap.stage import run

        return run(self.workspace, manner, **settings).at(self.workspace)

    @checked(start=text, end=text, k=whole(at_least=1))
    def path(self, start: str, end: str, *, k: int = 15) -> CoverPath:
        """Walk from one cover or genre to another through covers that look alike.

        Parameters
        ----------
        start, end : str
            The id of a cover, which may be shortened, or a genre: then its most
            typical cover is meant.
        k : int, default=15
            How many nearest neighbours of a cover the next step may choose from.
            Few give more and smaller steps, but may leave no way at all.

        Returns
        -------
        CoverPath
            The covers passed, both ends included.

        Raises
        ------
        DataError
            If `start` or `end` names nothing, or there is no way.
        """
        from covers.overlap.path import walk_workspace

        return walk_workspace(self.workspace, start, end, k=k)

    @checked(manner=_MANNER)
    def clusters(self, manner: Manner | None = None, **settings: Any) -> Clustering:
        """Find groups of covers that look alike, whatever their genre; what is fresh is read.

        Parameters
        ----------
        manner : Manner, optional
            As in `evaluate`.
        **settings
            That differ from the workspace's own: ``min_cluster_size``,
            ``n_neighbors``, ``n_resamples``, ``assign``, ``seed``.

        Examples
        --------
        >>> 0 <= library.clusters().noise_fraction <= 1
        True
        """
        from covers.cluster.stage import run

        return run(self.workspace, manner, **settings).at(self.workspace)

    @overload
    def published(self, name: Literal["audit"]) -> Audit: ...
    @overload
    def published(self, name: Literal["clusters"]) -> Clustering: ...
    @overload
    def published(self, name: Literal["evaluation"]) -> Evaluation: ...
    @overload
    def published(self, name: Literal["overlap"]) -> Overlap: ...
    @overload
    def published(self, name: str) -> Audit | Clustering | Evaluation | Overlap: ...
    @checked(name=one_of(*_STAGES))
    def published(self, name: str) -> Audit | Clustering | Evaluation | Overlap:
        """Return a result as it lies in the workspace; nothing is made.

        Whatever settings it was made with, and whether or not it is stale: `status`
        tells.

        Parameters
        ----------
        name : {"audit", "clusters", "evaluation", "overlap"}

        Raises
        ------
        DataError
            If it was never made; the message names the command that makes it.

        Examples
        --------
        >>> library.published("overlap").k == library.overlap().k
        True
        """
        stage = import_module(f"covers.{_STAGES[name]}.stage")
        found: Audit | Clustering | Evaluation | Overlap = stage.read(self.workspace)
        return found.at(self.workspace)

    @checked(manner=_MANNER, words=optional(file_path), margin=optional(number(0, 10)))
    def names(
        self,
        manner: Manner | None = None,
        *,
        words: str | Path | None = None,
        margin: float | None = None,
    ) -> Names:
        """Find the words that fit clusters, genres and parts of the map; what is fresh is read.

        Parameters
        ----------
        manner : Manner, optional
            As in `evaluate`.
        words : str or Path, optional
            A list of words of one's own, one a line; it is remembered.
        margin : float, optional
            By how many standard deviations a word must fit better than the rest.

        Raises
        ------
        DataError
            If no index of this library knows words.
        """
        from covers.cluster.words.stage import remember_words, run
        from covers.workspace.settings import write_settings

        if words is not None:
            kept = remember_words(self.workspace, Path(words))
            write_settings(self._root, {"names": {"words": kept}})
        return run(self.workspace, manner, margin=margin)

    @checked(manner=_MANNER, refit=flag, seed=seed)
    def map(
        self,
        manner: Manner | None = None,
        *,
        refit: bool = False,
        seed: int | None = None,
    ) -> CoverMap:
        """Lay all covers out in two dimensions; old ones keep their place.

        Parameters
        ----------
        manner : Manner, optional
            As in `evaluate`.
        refit : bool, default=False
            Lay all covers out anew.
        seed : int, optional
            Lay all covers out anew from this seed; by default the workspace's own.
        """
        from covers.cluster.map.cover_map import read_cover_map
        from covers.cluster.map.stage import map_workspace

        made = map_workspace(self.workspace, manner, refit=refit, seed=seed)
        return read_cover_map(self.workspace, is_laid_out_anew=made.refitted)

    @checked(
        options=optional(made_by("AuditOptions")),
        seed=seed,
        progress=optional(callback),
    )
    def audit(
        self,
        options: AuditOptions | None = None,
        *,
        seed: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Audit:
        """Look for duplicates, bad pictures and doubtful labels; nothing is changed.

        Parameters
        ----------
        options : AuditOptions, optional
            What to look for, and from where on.
        seed : int, optional
            By default the workspace's own.
        progress : callable, optional
            Called with pictures of music files read and all of them.
        """
        from covers.audit.stage import run

        workspace = self.workspace
        chosen = workspace.settings.seed if seed is None else seed
        found = run(workspace, options, seed=chosen, progress=progress)
        return found.at(workspace)

    @checked(file=file_path)
    def accept_review(self, file: str | Path) -> Review:
        """Put a person's decisions about an audit in force: covers dropped, relabelled or kept.

        Parameters
        ----------
        file : str or Path
            The table that `Audit.write_review` wrote, its column ``action`` filled in.

        Returns
        -------
        Review
            How many decisions are in force, and what they changed.

        Raises
        ------
        DataError
            If the table cannot be followed; then nothing is changed.

        Examples
        --------
        >>> file = library.audit().write_review(folder / "review.csv")
        >>> library.accept_review(file).n_changed
        0
        """
        from covers.audit.decisions import accept_review

        return accept_review(self.workspace, Path(file))

    @checked(file=optional(file_path))
    def revert_review(self, file: str | Path | None = None) -> Review:
        """Take decisions back: those about the covers of a reviewed table, or all.

        Parameters
        ----------
        file : str or Path, optional
            The reviewed table; without it every decision is taken back.

        Returns
        -------
        Review
            How many decisions are left in force, and what that changed.

        Raises
        ------
        DataError
            If the table cannot be read.
        """
        from covers.audit.decisions import revert_review

        return revert_review(self.workspace, None if file is None else Path(file))
