"""The vectors of a library: made, kept up to date, checked and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covers.arguments import (
    callback,
    checked,
    flag,
    one_of,
    optional,
    seed,
    text,
    whole,
)
from covers.errors import ConfigError, needs_extra, refuse_missing_package
from covers.library.training import TrainedLibrary

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.index.update import UpdateReport
    from covers.index.verify import IndexCheck
    from covers.model.embed import EmbedReport
    from covers.model.embed_on_ray import RayCluster
    from indexer import VectorStore
    from indexer.changes.change import Change

    Progress = Callable[[int, int], None]

ENGINE = one_of("local", "ray")


class IndexedLibrary(TrainedLibrary):
    """A collection of covers with an index of its vectors; see `covers.Library`."""

    @checked(
        progress=optional(callback),
        engine=ENGINE,
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
            cluster=choose_cluster(engine, ray_address),
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
        from covers.index.build import Structure, build_index

        how = Structure(structure=structure, prefer=prefer, store=store)
        return build_index(self.workspace, how, device=self._where, progress=progress)[
            1
        ]

    @checked(
        embedder=text,
        weights=optional(text),
        offline=flag,
        progress=optional(callback),
        say=optional(callback),
    )
    @needs_extra("embedding")
    def build_other_index(
        self,
        embedder: str,
        *,
        weights: str | None = None,
        offline: bool = False,
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
    ) -> dict[str, str]:
        """Build an index of another embedder beside the library's own; `run` keeps it up to date.

        Parameters
        ----------
        embedder : str
            Such as ``"clip:ViT-B-32"``, which knows words, or ``"timm:NAME"``, a
            network as it was published.
        weights : str, optional
            ``"pretrained"`` (fetched once), or a file; by default as before.
        offline : bool, default=False
            Never touch the network.
        progress : callable, optional
            Called with covers done and covers in all.
        say : callable, optional
            Called with a message when weights are fetched.

        Returns
        -------
        dict of str to str
            The reason by path of covers that could not be read.

        Raises
        ------
        ConfigError, ModelError, DataError
            If the name is unknown, the weights cannot be had, or nothing was scanned.
        """
        from covers.index.by_embedder import BuildOptions, build_other_index

        options = BuildOptions(
            weights=weights,
            device=self._where,
            offline=offline,
            progress=progress,
            say=say,
        )
        return build_other_index(self.workspace, embedder, options)[1]

    @checked(embedder=text)
    def other_index(self, embedder: str) -> VectorStore:
        """Return the index of another embedder, such as ``"clip:ViT-B-32"``.

        Raises
        ------
        DataError
            If there is none; the message names the command that builds it.
        """
        from covers.index.by_embedder import open_other_index

        return open_other_index(self.workspace, embedder)

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
            Called with the name of a step, what is done, and the total.

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

        tell = progress or be_quiet
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

    @checked(n_pictures=whole(at_least=0), seed=seed)
    def verify_index(
        self, *, n_pictures: int = 16, seed: int | None = None
    ) -> IndexCheck:
        """Check that the index is whole and right; nothing is changed.

        Counts, checksums and answers are checked, and some pictures are embedded
        again and compared, where the network and their sources are at hand.

        Parameters
        ----------
        n_pictures : int, default=16
            How many pictures are embedded again; 0 leaves that out.
        seed : int, optional
            Chooses them; by default the workspace's own.

        Returns
        -------
        IndexCheck
            Whether all is well, and each problem with the command that repairs it.

        Raises
        ------
        IndexerError
            If there is no index, or a newer release wrote it.

        Examples
        --------
        >>> library.verify_index(n_pictures=2)
        generation 1: 120 covers, all well (recall@10 1.000, 2 pictures embedded again)
        """
        from covers.index.verify import verify_index

        workspace = self.workspace
        return verify_index(
            workspace,
            n_pictures=n_pictures,
            seed=workspace.settings.seed if seed is None else seed,
            device=self._where,
        )

    @checked(to=optional(whole(at_least=1)), dry_run=flag)
    def rollback_index(self, to: int | None = None, *, dry_run: bool = False) -> Change:
        """Go back to the index as it was before the last change.

        Parameters
        ----------
        to : int, optional
            Generation to go back to; by default the one before.
        dry_run : bool, default=False
            Only say what would be done.

        Returns
        -------
        Change
            The generation that this made, and how many covers it holds.

        Raises
        ------
        IndexerError
            If there is no index, or that generation is not kept.
        """
        from covers.index.open import open_index

        index = open_index(self.workspace, check_model=False)
        return index.rollback(to, dry_run=dry_run)

    @property
    def index_address(self) -> str:
        """Where the index lies: its folder, or a server.

        Raises
        ------
        ConfigError
            If the address is wrong, or names a server that nobody here has named.

        Examples
        --------
        >>> library.index_address.endswith("index")
        True
        """
        from covers.index.open import index_address

        return index_address(self.workspace)

    @checked(allow_damaged=flag)
    def index_info(self, *, allow_damaged: bool = False) -> dict[str, Any]:
        """Say what the index holds, as JSON values, whichever model made it.

        Parameters
        ----------
        allow_damaged : bool, default=False
            Of a damaged one say what can be said, with what is wrong.

        Raises
        ------
        IndexerError
            If there is none, or it is damaged.

        Examples
        --------
        >>> library.index_info()["n"]
        120
        """
        from covers.index.open import open_index
        from indexer.errors import IndexDamagedError
        from indexer.local.verification import verify_folder

        workspace = self.workspace
        try:
            return open_index(workspace, check_model=False).info()
        except IndexDamagedError:
            if not allow_damaged:
                raise
            return verify_folder(workspace.index_folder).to_dict()


def choose_cluster(engine: str, ray_address: str | None) -> RayCluster | None:
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


def be_quiet(*_: object) -> None:
    """Do nothing: the callback where none is given."""
