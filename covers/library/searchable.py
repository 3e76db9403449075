"""Questions about single covers: which look like it, and which genres it may belong to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.arguments import (
    checked,
    cover_ids,
    filters,
    flag,
    number,
    optional,
    text,
    whole,
)
from covers.classify.answers import Explanation, put_together
from covers.classify.classifications import Classifications
from covers.errors import DataError
from covers.index.hits import Hit, SearchHits
from covers.index.search import Wanted, find_cover, search_index
from covers.library.pictures import each_picture, is_one, picture
from covers.library.stored import StoredLibrary
from covers.model.network.embedder_names import FILE, typed_name
from covers.workspace import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from covers.classify.query import Queries, Query
    from covers.library.pictures import PictureLike

DEFAULT_LEVEL = 0.9
_LEVEL = number(0, 1, ends=False)


def _is_given(pictures: Any) -> bool:
    """Say whether there is at least one picture."""
    return is_one(pictures) or len(pictures) > 0


class SearchableLibrary(StoredLibrary):
    """A collection of covers that is searched and classified; see `covers.Library`."""

    @checked(to_classify=flag)
    def ask(
        self,
        pictures: PictureLike | Sequence[PictureLike],
        *,
        to_classify: bool = False,
    ) -> Queries:
        """Read pictures, so that they can be searched and classified without reading them twice.

        Parameters
        ----------
        pictures : str, Path, bytes or PIL Image, or a sequence of them
            Files, the bytes of files, pixels, or ids of covers of this library,
            which may be shortened as long as they are unambiguous.
        to_classify : bool, default=False
            They will be classified: raise at once, before the network is opened,
            if nothing was evaluated yet.

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

        if to_classify:
            self.refuse_unfinished()
        found: list[PictureLike] = []
        broken: dict[str, str] = {}
        for given in each_picture("pictures", pictures):
            try:
                found.append(self.understand(given))
            except DataError as error:
                broken[str(given)] = str(error)
        if self.card.arch.startswith(FILE):  # no picture can be embedded
            found = [self._known(picture) for picture in found]
        outside = [picture for picture in found if not isinstance(picture, str)]
        read = Queries(items=())
        if outside:
            read = embed_pictures(
                outside,
                self.model,
                max_megapixels=self.workspace.settings.intake.max_megapixels,
            )
        embedded = {id(query.picture): self._as_stored(query) for query in read.items}
        items: list[Query] = []
        for one in found:
            if isinstance(one, str):
                items.append(query_cover(one, self.index))
            elif id(one) in embedded:
                items.append(embedded[id(one)])
        return Queries(items=tuple(items), broken={**broken, **read.broken})

    @checked(
        k=whole(at_least=1),
        where=optional(filters),
        one_per_artist=flag,
    )
    def search(
        self,
        query: PictureLike | Query | Sequence[PictureLike | Query] | None = None,
        k: int = 10,
        *,
        text: str | Sequence[str] | None = None,
        less: PictureLike | Query | Sequence[PictureLike | Query] = (),
        where: Mapping[str, Any] | None = None,
        one_per_artist: bool = False,
        among: str | Hit | Iterable[str | Hit] | None = None,
    ) -> SearchHits:
        """Find the covers most like a picture or a cover, or those that words describe.

        Several queries are put together: the covers nearest to the mean of their
        unit vectors are found, each query counting alike.

        Parameters
        ----------
        query : str, Path, bytes or PIL Image, or a sequence of them
            A picture, the id of a cover of this library, which is then not among
            the hits, or words. Text is words unless a file of that name exists, it
            looks like an id (4 to 32 of 0-9a-f), or like the path of a picture.
        k : int, default=10
            How many.
        text : str or sequence of str, optional
            Words, whatever they look like. They need an index that knows words:
            ``covers index build --embedder clip:ViT-B-32``. Pictures that are given
            with words are looked up in that index too.
        less : str, Path, bytes or PIL Image, or a sequence of them
            Pictures, covers and words that the hits shall be less like: half of
            their mean is taken away from that of `query`.
        where : mapping, optional
            Only covers with these values, such as ``{"genre": ["Jazz", "Soul"],
            "year": (1960, 1979)}``: a list is any of, a tuple a closed range,
            ``None`` unknown. Names of genres and columns may be written in any case.
        one_per_artist : bool, default=False
            Only the nearest cover of each artist.
        among : id of a cover, or a collection of ids or hits, optional
            Only these covers.

        Returns
        -------
        SearchHits

        Raises
        ------
        DataError, BrokenImageError
            If the query, a column or a name is unknown, the picture cannot be
            read, or no index of this library knows words.

        Examples
        --------
        >>> hits = library.search(cover_id, k=3, where={"genre": "jazz"})
        >>> {genre for hit in hits for genre in hit.genres}
        {'Jazz'}
        >>> library.search(text="a black-and-white portrait")
        Traceback (most recent call last):
        ...
        covers.errors.DataError: 'a black-and-white portrait' is taken as words, and no index of this library knows words: pip install 'album-covers[clip]', then run 'covers index build --embedder clip:ViT-B-32 -w ...'
        """
        from covers.library.question import Question, less_like

        question = Question.read(query, text)
        ids = None
        if among is not None:
            ids = frozenset(self._whole_ids(cover_ids("among", among)))
        wanted = Wanted(k=k, where=where, one_per_artist=one_per_artist, among=ids)
        if question.texts:
            index, embedder = self._word_parts(question.texts[0])
            vector, own = question.in_words(self, index, embedder)
            name = embedder.name
        else:
            index, name = self.index, typed_name(self.card.arch)
            vector, own = question.in_pictures(self)
        away = Question.read(less, None, name="less") if _is_given(less) else None
        if away is not None:
            if away.texts and not question.texts:
                message = "words to be less like need words to be like: add some"
                raise DataError(message)
            other, left_out = (
                away.in_words(self, *self._word_parts(question.texts[0]))
                if question.texts
                else away.in_pictures(self)
            )
            vector, own = less_like(vector, other), own + left_out
        hits, notes = search_index(index, vector, wanted, leave_out=own)
        return SearchHits(
            query=question.name,
            hits=tuple(hits),
            notes=tuple(notes),
            generation=index.generation,
            model=index.fingerprints.get("model", ""),
            embedder=name,
            _workspace=self.workspace,
        )

    @checked(level=_LEVEL)
    def classify(
        self,
        pictures: PictureLike | Sequence[PictureLike] | Queries,
        *,
        level: float = DEFAULT_LEVEL,
    ) -> Classifications:
        """Say which genres pictures look like, how sure that is, and why.

        A cover of the library, its near-duplicates, its artist and its release do
        not vote on it: it is judged like a new one, as in the evaluation.

        Parameters
        ----------
        pictures : str, Path, bytes or PIL Image, a sequence of them, or Queries
            Pictures, or ids of covers of this library.
        level : float, default=0.9
            How often the prediction sets shall hold the truth, in (0, 1).

        Returns
        -------
        Classifications
            One for each picture, in order.

        Raises
        ------
        BrokenImageError
            If one cannot be read; `ask` tells which, and goes on.
        CoversError, IndexerError
            If there is no model, no index, or nothing was evaluated yet.
        """
        from covers.classify.classify import SeenPictures, classify_embeddings
        from covers.classify.query import Queries

        self.refuse_unfinished()
        if not isinstance(pictures, Queries):
            pictures = self.ask(pictures)
            pictures.refuse_broken()
        if not pictures.items:
            return Classifications()
        import numpy as np

        p_network, p_labels = self._network_answers(pictures)
        decision, index = self._decision, self.index
        answer = classify_embeddings(
            SeenPictures(
                embeddings=np.stack([query.embedding for query in pictures.items]),
                p_network=p_network,
                cover_ids=[query.cover_id for query in pictures.items],
                p_labels=p_labels,
            ),
            index,
            decision,
            level=level,
            references=self._references,
        )
        names = [(query.name, query.cover_id) for query in pictures.items]
        return Classifications(put_together(names, answer, index, self.workspace))

    @checked(picture=picture, genre=optional(text), level=_LEVEL)
    def explain(
        self,
        picture: PictureLike | Query,
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
        from covers.classify.methods import Method
        from covers.classify.query import Queries, Query, draw_heat

        if genre is not None:
            genre = match_name(genre, self.card.vocab, what="genre")
        one = picture if isinstance(picture, Query) else self._ask_one(picture)
        (answer,) = self.classify(Queries(items=(one,)), level=level)
        network = answer.by_method[Method.NETWORK]
        seen = genre or max(network, key=lambda name: network[name])
        pixels = (
            one.picture if one.picture is not None else self._content_of(one.cover_id)
        )
        limit = self.workspace.settings.intake.max_megapixels
        heat = draw_heat(pixels, self.model, seen, max_megapixels=limit)
        return Explanation(answer=answer, genre=seen, picture=heat)

    @checked(given=picture)
    def understand(self, given: PictureLike) -> PictureLike:
        """Return a path for a file, the whole id for a cover, anything else as it is."""
        from covers.classify.query import is_picture_file

        if not isinstance(given, str | Path):
            return given
        if is_picture_file(str(given)):
            return Path(given).expanduser()
        if isinstance(given, Path):
            return given  # decoding says that there is none
        return find_cover(self.index, given)

    def _known(self, given: PictureLike) -> PictureLike:
        """Return the id of the cover that a picture is, byte for byte; else the picture."""
        from covers.images.content import content_id
        from covers.images.decode import read_bytes

        if isinstance(given, Path) and given.is_file():
            cover_id = content_id(read_bytes(given))
            return cover_id if cover_id in self.index else given
        return given

    def _as_stored(self, query: Query) -> Query:
        """Give a picture that is a cover of the library, byte for byte, the vector of that cover.

        Processors round in other places; so both get one answer wherever they are asked.
        """
        if not query.cover_id or query.cover_id not in self.index:
            return query
        return replace(query, embedding=self.index.reconstruct([query.cover_id])[0])

    def _ask_one(self, given: PictureLike) -> Query:
        queries = self.ask([given])
        queries.refuse_broken()
        return queries.items[0]

    def _logits(self, query: Query) -> npt.NDArray[np.float32]:
        """Return what the network said of a picture, from disk for a cover of the library."""
        is_stored = query.logits is None or query.cover_id in self.index
        row = int(self._embedded.rows.of([query.cover_id])[0]) if is_stored else -1
        if row < 0 and query.logits is not None:
            return query.logits
        if row < 0:
            message = (
                f"the network has not seen cover {query.cover_id!r} yet: run "
                f"'{registry.INDEX.repair(self._root)}'"
            )
            raise DataError(message)
        logits: npt.NDArray[np.float32] = self._embedded.logits[row]
        return logits

    def _network_answers(
        self, queries: Queries
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
        """Return the network's distributions and label odds in the decision's columns."""
        import numpy as np

        from covers.evaluate.classify_covers import network_answers

        logits = np.stack([self._logits(query) for query in queries.items])
        return network_answers(logits, self.card, self._decision.vocab)
