"""One collection of covers, and everything that can be asked of it: the front door.

Everybody comes in here: the command line, the dashboard and notebooks parse,
call a `Library`, and show what it answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.classify.answers import Classification, Explanation, put_together
from covers.errors import DataError
from covers.index.hits import SearchHits
from covers.index.search import Wanted, find_cover, search_index
from covers.workspace.fresh import FreshValues
from covers.workspace.paths import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from PIL import Image

    from covers.catalogue.table import Catalogue
    from covers.classify.classifier import Decision
    from covers.classify.classify import References
    from covers.classify.query import Queries, Query
    from covers.model.card import ModelCard
    from covers.model.embed import EmbeddingTable
    from covers.model.weights import SavedModel
    from covers.pipeline import Stage
    from indexer.index import VectorIndex

    Asked = str | Path | bytes | Image.Image

DEFAULT_LEVEL = 0.9


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


class Library:
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

    def __init__(self, workspace: Workspace, *, device: str | None = None) -> None:
        self.workspace = workspace
        self._device = device
        self._kept = FreshValues()

    def __len__(self) -> int:
        return len(self.catalogue)

    def __repr__(self) -> str:
        name = self.workspace.root.name
        try:
            n_genres = len(self.catalogue.vocab)
        except DataError:
            return f"<Library: nothing scanned yet in {name!r}>"
        return f"<Library: {len(self):,} covers of {n_genres} genres in {name!r}>"

    # What is on disk, each read when it is first asked for.

    @property
    def catalogue(self) -> Catalogue:
        """One row per distinct cover."""
        from covers.catalogue.table import read_catalogue

        files = [self.workspace.catalogue_path]
        return self._kept.get(
            "catalogue", files, lambda: read_catalogue(self.workspace)
        )

    @property
    def index(self) -> VectorIndex:
        """The vectors of all covers, searched by cosine.

        Raises
        ------
        IndexerError, CoversError
            If there is none, it is damaged, or another model made it.
        """
        from covers.index.open import open_index

        files = [self.workspace.index_pointer_path, self.workspace.weights_path]
        return self._kept.get("index", files, lambda: open_index(self.workspace))

    @property
    def card(self) -> ModelCard:
        """The description of the model; readable without torch."""
        from covers.model.card import read_card

        files = [self.workspace.weights_path]
        return self._kept.get(
            "card", files, lambda: read_card(self.workspace.model_folder)
        )

    @property
    def model(self) -> SavedModel:
        """The network; opening it takes seconds.

        Raises
        ------
        ModelError
            If there is none, or it is damaged.
        """

        def read() -> SavedModel:
            from covers.model.weights import SavedModel

            device = self._device or self.workspace.settings.device
            return SavedModel.open(self.workspace.model_folder, device)

        return self._kept.get("model", [self.workspace.weights_path], read)

    @property
    def _decision(self) -> Decision:
        """What turns raw answers into calibrated ones."""

        def read() -> Decision:
            from covers.evaluate.stage import read_decision

            return read_decision(self.workspace, self.card.fingerprint)

        files = [self.workspace.decision_path, self.workspace.weights_path]
        return self._kept.get("decision", files, read)

    @property
    def _references(self) -> References:
        """The genres and groups of the covers that vote."""

        def read() -> References:
            from covers.classify.classify import References

            return References.of(self.index, self._decision.vocab)

        files = [
            self.workspace.index_pointer_path,
            self.workspace.decision_path,
            self.workspace.weights_path,
        ]
        return self._kept.get("references", files, read)

    @property
    def _embedded(self) -> EmbeddingTable:
        """Embeddings and the network's answers of the covers in the catalogue."""

        def read() -> EmbeddingTable:
            from covers.model.embed import read_embeddings

            return read_embeddings(self.workspace)

        files = [
            self.workspace.index_pointer_path,
            self.workspace.weights_path,
            self.workspace.catalogue_path,
        ]
        return self._kept.get("embedded", files, read)

    # Questions about single covers.

    def ask(self, pictures: Sequence[Asked]) -> Queries:
        """Read pictures, so that they can be searched and classified without reading them twice.

        Parameters
        ----------
        pictures : sequence of str, Path, bytes or PIL Image
            Files, the bytes of files, pixels, or ids of covers of this library,
            which may be shortened as long as they are unambiguous.

        Returns
        -------
        Queries
            Those that are neither a readable picture nor a cover of this library
            are in ``broken``, with the reason.

        Raises
        ------
        CoversError, IndexerError
            If there is no model, or no index.
        """
        from covers.classify.query import Queries, embed_pictures, query_cover

        found: list[Asked] = []
        broken: dict[str, str] = {}
        for picture in pictures:
            try:
                found.append(self._understand(picture))
            except DataError as error:
                broken[str(picture)] = str(error)
        outside = [picture for picture in found if not isinstance(picture, str)]
        read = Queries(items=())
        if outside:
            read = embed_pictures(
                outside,
                self.model,
                max_megapixels=self.workspace.settings.intake.max_megapixels,
            )
        embedded = {id(query.picture): query for query in read.items}
        items: list[Query] = []
        for picture in found:
            if isinstance(picture, str):
                items.append(query_cover(picture, self.index))
            elif id(picture) in embedded:
                items.append(embedded[id(picture)])
        return Queries(items=tuple(items), broken={**broken, **read.broken})

    def search(
        self,
        query: Asked | Query,
        k: int = 10,
        *,
        where: Mapping[str, Any] | None = None,
        one_per_artist: bool = False,
        among: Collection[str] | None = None,
    ) -> SearchHits:
        """Find the covers most like a picture or a cover.

        Parameters
        ----------
        query : str, Path, bytes or PIL Image
            A picture, or the id of a cover of this library, which is then not
            among its own hits.
        k : int, default=10
            How many.
        where : mapping, optional
            Only covers with these values, such as ``{"genre": ["Jazz", "Soul"],
            "year": (1960, 1979)}``: a list is any of, a tuple a closed range,
            ``None`` unknown. Names of genres and columns may be written in any case.
        one_per_artist : bool, default=False
            Only the nearest cover of each artist.
        among : collection of str, optional
            Only these covers.

        Returns
        -------
        SearchHits

        Raises
        ------
        DataError, BrokenImageError
            If the query, a column or a name is unknown, or the picture cannot be read.

        Examples
        --------
        >>> hits = library.search(cover_id, k=3, where={"genre": "jazz"})
        >>> {genre for hit in hits for genre in hit.genres}
        {'Jazz'}
        """
        from covers.classify.query import Query

        one = query if isinstance(query, Query) else self._ask_one(query)
        index = self.index
        wanted = Wanted(k=k, where=where, one_per_artist=one_per_artist, among=among)
        own = (one.cover_id,) if one.cover_id and one.picture is None else ()
        hits, notes = search_index(index, one.embedding, wanted, leave_out=own)
        return SearchHits(
            query=one.name,
            hits=tuple(hits),
            notes=tuple(notes),
            generation=index.generation,
            model=index.fingerprints.get("model", ""),
            _workspace=self.workspace,
        )

    def classify(
        self, pictures: Sequence[Asked] | Queries, *, level: float = DEFAULT_LEVEL
    ) -> list[Classification]:
        """Say which genres pictures look like, how sure that is, and why.

        A cover of the library, its near-duplicates, its artist and its release do
        not vote on it: it is judged like a new one, as in the evaluation.

        Parameters
        ----------
        pictures : sequence of str, Path, bytes or PIL Image, or Queries
            Pictures, or ids of covers of this library.
        level : float, default=0.9
            How often the prediction sets shall hold the truth, in (0, 1).

        Raises
        ------
        BrokenImageError
            If one cannot be read; `ask` tells which, and goes on.
        CoversError, IndexerError
            If there is no model, no index, or nothing was evaluated yet.
        """
        from covers.classify.classify import classify_embeddings
        from covers.classify.query import Queries

        self.refuse_unfinished()
        if not isinstance(pictures, Queries):
            pictures = self.ask(pictures)
            pictures.refuse_broken()
        if not pictures.items:
            return []
        import numpy as np

        p_network, p_labels = self._network_answers(pictures)
        decision, index = self._decision, self.index
        answer = classify_embeddings(
            np.stack([query.embedding for query in pictures.items]),
            p_network,
            index,
            decision,
            cover_ids=[query.cover_id for query in pictures.items],
            p_labels=p_labels,
            level=level,
            references=self._references,
        )
        return put_together(
            [(query.name, query.cover_id) for query in pictures.items],
            answer,
            index,
            decision.vocab,
            level=level,
            workspace=self.workspace,
        )

    def explain(
        self,
        picture: Asked | Query,
        *,
        genre: str | None = None,
        level: float = DEFAULT_LEVEL,
    ) -> Explanation:
        """Classify one picture, and draw where the network looked.

        Parameters
        ----------
        picture : str, Path, bytes or PIL Image
            A picture, or the id of a cover of this library.
        genre : str, optional
            What to look for; by default what the network finds likeliest.
        level : float, default=0.9
            Of the prediction set.

        Raises
        ------
        DataError
            If the model does not know the genre.
        """
        from covers.catalogue.matching import match_name
        from covers.classify.answers import NETWORK
        from covers.classify.query import Queries, Query, draw_heat

        if genre is not None:
            genre = match_name(genre, self.card.vocab, what="genre")
        one = picture if isinstance(picture, Query) else self._ask_one(picture)
        (answer,) = self.classify(Queries(items=(one,)), level=level)
        network = answer.by_method[NETWORK]
        seen = genre or max(network, key=lambda name: network[name])
        pixels = (
            one.picture if one.picture is not None else self.picture_of(one.cover_id)
        )
        limit = self.workspace.settings.intake.max_megapixels
        heat = draw_heat(pixels, self.model, seen, max_megapixels=limit)
        return Explanation(answer=answer, genre=seen, picture=heat)

    def picture_of(self, cover_id: str) -> Image.Image:
        """Return the pixels of a cover: from its source, else its thumbnail.

        Raises
        ------
        DataError
            If neither can be read.
        """
        from covers.images.decode import decode, read_bytes, read_cover

        row = int(self.catalogue.rows_of([cover_id])[0])
        locations = self.catalogue.table.column("locations")[row].as_py()
        try:
            content = read_cover(self.workspace, cover_id, locations)
        except DataError:
            content = read_bytes(self.workspace.thumbnail_path(cover_id))
        limit = self.workspace.settings.intake.max_megapixels
        return decode(content, max_megapixels=limit)

    # Tables and arrays.

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
        import numpy as np

        table = self._embedded
        if split is None:
            return list(table.cover_ids), table.embeddings
        from covers.catalogue.matching import match_name
        from covers.catalogue.table import SPLITS

        side = match_name(split, SPLITS, what="split")
        splits = self.catalogue.splits[self.catalogue.rows_of(table.cover_ids)]
        rows = np.flatnonzero(splits == side)
        return [table.cover_ids[row] for row in rows], table.embeddings[rows]

    # Stages: each makes what is missing or stale.

    def status(self) -> list[Stage]:
        """Return every artefact in order: fresh, stale or missing, and what makes it."""
        from covers.pipeline import inspect_workspace

        return inspect_workspace(self.workspace)

    def refuse_unfinished(self) -> None:
        """Raise if covers cannot be classified yet; quicker than opening the network.

        Raises
        ------
        CoversError, IndexerError
            If there is no model, no index, or nothing was evaluated yet; the
            message names the command that makes it.
        """
        _ = self.index, self._decision

    def _understand(self, asked: Asked) -> Asked:
        """Return a path for a file, the whole id for a cover, anything else as it is."""
        from covers.classify.query import is_picture_file

        if not isinstance(asked, str | Path):
            return asked
        if is_picture_file(str(asked)):
            return Path(asked).expanduser()
        if isinstance(asked, Path):
            return asked  # decoding says that there is none
        return find_cover(self.index, asked)

    def _ask_one(self, asked: Asked) -> Query:
        queries = self.ask([asked])
        queries.refuse_broken()
        return queries.items[0]

    def _logits(self, query: Query) -> npt.NDArray[np.float32]:
        """Return what the network said of a picture, from disk for a cover of the library."""
        if query.logits is not None:
            return query.logits
        row = int(self._embedded.rows_of([query.cover_id])[0])
        if row < 0:
            message = (
                f"the network has not seen cover {query.cover_id!r} yet: run "
                f"'covers index update -w {self.workspace.root}'"
            )
            raise DataError(message)
        logits: npt.NDArray[np.float32] = self._embedded.logits[row]
        return logits

    def _network_answers(
        self, queries: Queries
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
        """Return the network's distributions and label odds in the decision's columns."""
        import numpy as np

        from covers.classify.labels import genre_shares, label_odds
        from covers.evaluate.checks import align_columns

        card = self.card
        columns = align_columns(self._decision.vocab, card.vocab)
        logits = np.stack([self._logits(query) for query in queries.items])
        p_network = genre_shares(logits, multi_label=card.multi_label)[:, columns]
        if not card.multi_label:
            return p_network, None
        return p_network, label_odds(logits)[:, columns]
