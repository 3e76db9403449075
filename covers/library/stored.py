"""What a library holds on disk: each read when it is first needed, and anew when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covers.arguments import checked, filters, one_of, optional, text
from covers.errors import DataError, needs_extra
from covers.workspace import registry
from covers.workspace.fresh import FreshValues
from covers.workspace.paths import Workspace
from indexer.remote.address import is_remote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from PIL import Image

    from covers.catalogue.table import Catalogue
    from covers.classify.classify import References
    from covers.classify.decision import Decision
    from covers.model.card import ModelCard
    from covers.model.embedders.protocol import Embedder, WordEmbedder
    from covers.model.embedding_table import EmbeddingTable
    from covers.model.weights import SavedModel
    from indexer import VectorStore

DEVICE = optional(one_of("auto", "cpu", "cuda"))
_EMBEDDER = optional(text)


class StoredLibrary:
    """A collection of covers, as it lies on disk; see `covers.Library`."""

    _speaks_options = False
    """Whether errors and notes name options of the command line, not arguments."""

    def __init__(self, workspace: Workspace, *, device: str | None = None) -> None:
        self._root = workspace.root
        self._device = device
        self._cache = FreshValues(workspace.root)

    def __len__(self) -> int:
        return len(self.catalogue)

    def __repr__(self) -> str:
        name = self.workspace.root.name
        try:
            n_genres = len(self.catalogue.vocab)
        except DataError:
            return f"<Library: nothing scanned yet in {name!r}>"
        return f"<Library: {len(self):,} covers of {n_genres} genres in {name!r}>"

    @property
    def workspace(self) -> Workspace:
        """The folder that holds everything, with its settings in force."""
        return self._cache.get(
            "workspace", [registry.CONFIG], lambda: Workspace(self._root)
        )

    @property
    def catalogue(self) -> Catalogue:
        """One row per distinct cover."""
        from covers.catalogue.table import read_catalogue

        files = [registry.CATALOGUE_TABLE]
        return self._cache.get(
            "catalogue", files, lambda: read_catalogue(self.workspace)
        )

    @property
    def index(self) -> VectorStore:
        """The vectors of all covers, searched by cosine.

        Raises
        ------
        IndexerError, CoversError
            If there is none, it is damaged, or another model made it.
        """
        from covers.index.stage import read

        files = [registry.CONFIG, registry.INDEX_POINTER, registry.WEIGHTS]
        index = self._cache.get("index", files, lambda: read(self.workspace))
        if is_remote(index.address):  # no file here tells that it has changed
            index.refresh()
            index.refuse_mismatch({"model": self.card.fingerprint})
        return index

    @property
    def card(self) -> ModelCard:
        """The description of the model; readable without torch."""
        from covers.model.stage import read

        return self._cache.get("card", [registry.WEIGHTS], lambda: read(self.workspace))

    @property
    def model(self) -> SavedModel:
        """The network; opening it takes seconds.

        Raises
        ------
        ModelError
            If there is none, or it is damaged.
        """

        def read() -> SavedModel:
            with needs_extra("the network"):
                from covers.model.weights import SavedModel

            device = self._device or self.workspace.settings.device
            return SavedModel.open(self.workspace.model_folder, device)

        return self._cache.get("model", [registry.WEIGHTS], read)

    @property
    def knows_words(self) -> bool:
        """Whether covers can be searched by words; nothing heavy is opened to tell.

        Examples
        --------
        >>> library.knows_words
        False
        """
        from covers.index.embedder_card import card_file, word_embedder

        name = word_embedder(self.workspace)
        return name is not None and self.workspace.path(card_file(name)).is_file()

    @checked(name=_EMBEDDER)
    def embedder(self, name: str | None = None) -> Embedder:
        """Return what turns pictures into the vectors of an index, and for some words too.

        Parameters
        ----------
        name : str, optional
            Of another embedder whose index was built, such as ``"clip:ViT-B-32"``;
            by default the library's own model.

        Raises
        ------
        CoversError
            If there is none of that name, or its weights are not at hand.

        Examples
        --------
        >>> network = library.embedder()
        >>> network.name, network.embed([library.picture_of(cover_id)]).shape == (1, network.dim)
        ('cnn', True)
        """
        if not name:
            from covers.model.embedders.embedder import TrainedEmbedder

            return TrainedEmbedder(self.model)
        from covers.index.by_embedder import open_embedder

        return open_embedder(self.workspace, name)

    def _word_parts(self, text: str) -> tuple[VectorStore, WordEmbedder]:
        """Return the index that words are searched in, and what embeds them.

        Raises
        ------
        DataError, ModelError, StaleError
            If there is none, or its weights are not at hand; the message names
            the extra and the command.
        """
        from covers.index.by_embedder import open_embedder, open_other_index
        from covers.index.embedder_card import (
            card_file,
            index_pointer,
            need_word_embedder,
        )

        workspace = self.workspace
        name = need_word_embedder(workspace, text)
        card, pointer = card_file(name), index_pointer(name)
        index = self._cache.get(
            "word index",
            [registry.CONFIG, card, pointer],
            lambda: open_other_index(workspace, name),
        )
        embedder = self._cache.get(
            "word embedder",
            [registry.CONFIG, card],
            lambda: open_embedder(workspace, name),
        )
        return index, embedder

    @property
    def _decision(self) -> Decision:
        """What turns raw answers into calibrated ones."""

        def read() -> Decision:
            from covers.evaluate.stage import read_decision

            return read_decision(self.workspace, self.card.fingerprint)

        files = [registry.DECISION, registry.WEIGHTS]
        return self._cache.get("decision", files, read)

    @property
    def _references(self) -> References:
        """The genres and groups of the covers that vote."""

        def read() -> References:
            from covers.classify.classify import References

            return References.of(index, self._decision.vocab)

        index = self.index
        files = [
            registry.CONFIG,
            registry.INDEX_POINTER,
            registry.DECISION,
            registry.WEIGHTS,
        ]
        return self._cache.get("references", files, read, also=index.generation)

    @property
    def _embedded(self) -> EmbeddingTable:
        """Embeddings and the network's answers of the covers in the catalogue."""

        def read() -> EmbeddingTable:
            from covers.model.embedding_table import read_embeddings

            return read_embeddings(self.workspace, final=True)

        files = [
            registry.INDEX_POINTER,
            registry.WEIGHTS,
            registry.CATALOGUE_TABLE,
        ]
        return self._cache.get("embedded", files, read)

    @checked(where=optional(filters))
    @needs_extra("a data frame")
    def covers(self, where: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Return the catalogue as a data frame, one row per cover.

        Parameters
        ----------
        where : mapping, optional
            As in `search`.

        Examples
        --------
        >>> len(library.covers())
        120
        """
        from covers.index.search import rows_where

        table = self.catalogue.table
        if where:
            table = table.filter(rows_where(table, where))
        frame: pd.DataFrame = table.to_pandas()
        return frame.set_index("cover_id", drop=True)

    @checked(split=optional(text))
    def embeddings(
        self, split: str | None = None
    ) -> tuple[list[str], npt.NDArray[np.float32]]:
        """Return the vectors of all covers, or of one side of the split.

        Parameters
        ----------
        split : {"train", "valid", "test"}, optional

        Returns
        -------
        cover_ids : list of str
        embeddings : ndarray of float32, shape (n_covers, n_dimensions)
            Rows of length one.

        Examples
        --------
        >>> ids, X = library.embeddings(split="train")
        >>> len(ids) == len(X)
        True
        """
        table = self._embedded
        if split is None:
            return list(table.cover_ids), table.embeddings.copy()
        from covers.catalogue.matching import match_split

        side = match_split(split)
        some = table.take(table.splits == side)
        return list(some.cover_ids), some.embeddings

    @checked(cover_id=text)
    def picture_of(self, cover_id: str) -> Image.Image:
        """Return the pixels of a cover: from its source, else its thumbnail.

        Parameters
        ----------
        cover_id : str
            It may be shortened as long as it is unambiguous.

        Raises
        ------
        DataError
            If there is no such cover, or neither can be read.

        Examples
        --------
        >>> library.picture_of(cover_id[:8]).mode
        'RGB'
        """
        from covers.images.decode import decode

        limit = self.workspace.settings.intake.max_megapixels
        whole = self.catalogue.find_id(cover_id)
        return decode(self._content_of(whole), max_megapixels=limit)

    def _whole_ids(self, given: Collection[str]) -> Collection[str]:
        """Return ids with those that are shortened made whole."""
        if isinstance(given, frozenset):  # all of a library, from the dashboard
            return given
        return tuple(self.catalogue.find_id(one) for one in given)

    def _content_of(self, cover_id: str) -> bytes:
        """Return the bytes of a cover's picture: from its source, else its thumbnail."""
        from covers.images.locations import read_cover_or_thumbnail

        row = int(self.catalogue.rows_of([cover_id])[0])
        locations = self.catalogue.table.column("locations")[row].as_py()
        return read_cover_or_thumbnail(self.workspace, cover_id, locations)[0]

    @property
    def _where(self) -> str:
        """Where the network runs."""
        return self._device or self.workspace.settings.device

    def refuse_unfinished(self) -> None:
        """Raise if covers cannot be classified yet; quicker than opening the network.

        Raises
        ------
        CoversError, IndexerError
            If there is no model, no index, or nothing was evaluated yet; the
            message names the command that makes it.
        """
        _ = self.index, self._decision
