"""From a cover or a picture to its nearest covers and its genres. No Streamlit here.

Letters: D dimensions, G genres.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covers.classify.answers import describe_flip
from covers.classify.classify import classify_embeddings
from covers.errors import BrokenImageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    from covers.classify.classifier import Decision
    from covers.classify.classify import References
    from covers.model.weights import SavedModel
    from dashboard.library import Library
    from indexer import VectorIndex

MOST_MEBIBYTES = 25
_SHOWN_PX = 384
_SPARE = 10
_MOST_LOOKED_AT = 20_000


@dataclass(frozen=True)
class Query:
    """What is looked for.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n_dimensions,)
    p_cnn : ndarray of float64, shape (n_genres,), or None
        The network's raw distribution in the order of `vocab`; None where it is not known.
    vocab : tuple of str
    cover_id : str
        Content id; may or may not be in the library.
    shown : str
        A small copy of a picture from outside as a data URI; empty for a cover of the library.
    """

    embedding: npt.NDArray[np.float32]
    p_cnn: npt.NDArray[np.float64] | None
    vocab: tuple[str, ...]
    cover_id: str
    shown: str = ""


@dataclass(frozen=True)
class Hit:
    """A cover that was found: its row in the library and its cosine similarity."""

    row: int
    similarity: float


@dataclass(frozen=True)
class Voter:
    """A cover that voted: its row in the library, similarity, and share of the vote."""

    row: int
    similarity: float
    weight: float


@dataclass(frozen=True)
class Reading:
    """Which genres a picture looks like.

    Parameters
    ----------
    distributions : dict of str to dict of str to float
        Calibrated, by ``cnn``, ``vote`` and ``blend``.
    inside : list of str
        The prediction set, likeliest first.
    level : float
        How often such a set holds the truth.
    verdict : str
        ``"sure"``, ``"unsure"`` or ``"unfamiliar"``.
    voters : list of Voter
        Heaviest first.
    flip : str
        What would change the vote, in words.
    """

    distributions: dict[str, dict[str, float]]
    inside: list[str]
    level: float
    verdict: str
    voters: list[Voter]
    flip: str


def query_picture(
    content: bytes, model: SavedModel, *, max_megapixels: float
) -> tuple[Query, Image.Image]:
    """Decode and embed a picture from outside; nothing is written anywhere.

    Raises
    ------
    BrokenImageError
        If it is too large or no readable picture; the message says why.
    """
    from covers.classify.labels import genre_shares
    from covers.images.content import content_id
    from covers.images.decode import decode

    if len(content) > MOST_MEBIBYTES * 2**20:
        message = f"too large: {len(content) / 2**20:,.0f} MiB, the limit is {MOST_MEBIBYTES} MiB"
        raise BrokenImageError(message)
    image = decode(
        content, size_px=max(model.image_size, _SHOWN_PX), max_megapixels=max_megapixels
    )
    embedded = model.embed_images([image])
    query = Query(
        embedded.embeddings[0],
        genre_shares(embedded.logits, multi_label=model.card.multi_label)[0],
        tuple(model.vocab),
        content_id(content),
        data_uri(image),
    )
    return query, image


def query_cover(
    cover_id: str,
    index: VectorIndex,
    answers: tuple[dict[str, int], npt.NDArray[np.float64]] | None,
    vocab: Sequence[str],
) -> Query:
    """Take a cover of the index.

    Parameters
    ----------
    cover_id : str
    index : VectorIndex
    answers : tuple, optional
        As `dashboard.loaders.raw_network_answers` returns them.
    vocab : sequence of str
        The model's genres.
    """
    p_cnn = None
    if answers is not None and cover_id in answers[0]:
        p_cnn = answers[1][answers[0][cover_id]]
    return Query(index.reconstruct([cover_id])[0], p_cnn, tuple(vocab), cover_id)


def find_alike(
    query: Query,
    index: VectorIndex,
    library: Library,
    *,
    k: int,
    genres: Sequence[str] = (),
    years: tuple[int, int] | None = None,
    artist: str = "",
    once_per_artist: bool = False,
) -> list[Hit]:
    """Return the nearest covers, the query itself left out.

    Parameters
    ----------
    query : Query
    index : VectorIndex
    library : Library
    k : int
    genres : sequence of str
        Only covers of one of these.
    years : tuple of int, optional
        Only covers from the first to the last of these.
    artist : str
        Only covers of this artist, as written in the catalogue.
    once_per_artist : bool, default=False
        Only the nearest of each artist.
    """
    where: dict[str, Any] = {}
    if genres:
        where["genres"] = list(genres)
    if years is not None:
        where["year"] = years
    if artist:
        where["artist"] = artist
    if not len(index):
        return []
    wanted = k * _SPARE if once_per_artist else k + 5
    while True:
        found = index.search(
            query.embedding, wanted, where=where or None, exclude_ids=[query.cover_id]
        )
        filled = found.rows[0] >= 0
        hits = _known_hits(library, found.ids[0][filled], found.similarities[0][filled])
        if once_per_artist:
            hits = _once_per_artist(library, hits)
        if len(hits) >= k or filled.sum() < wanted or wanted > _MOST_LOOKED_AT:
            return hits[:k]
        wanted *= 4


def _known_hits(
    library: Library, ids: Iterable[Any], similarities: Iterable[Any]
) -> list[Hit]:
    """Leave out covers that the catalogue does not have any more."""
    return [
        Hit(library.position[str(cover_id)], float(similarity))
        for cover_id, similarity in zip(ids, similarities, strict=True)
        if str(cover_id) in library.position
    ]


def _once_per_artist(library: Library, hits: list[Hit]) -> list[Hit]:
    """Keep the nearest cover of each artist, and every cover without one."""
    seen: set[str] = set()
    kept = []
    for hit in hits:
        artist = library.artists[hit.row]
        if not artist or artist not in seen:
            kept.append(hit)
        seen.add(artist)
    return kept


def read_genres(
    query: Query,
    index: VectorIndex,
    decision: Decision,
    library: Library,
    *,
    references: References | None = None,
    level: float = 0.9,
) -> Reading | None:
    """Classify a query with its evidence; None where the network's answer is not known."""
    from covers.evaluate.checks import align_columns

    if query.p_cnn is None:
        return None
    columns = align_columns(decision.vocab, query.vocab)
    answer = classify_embeddings(
        query.embedding[None],
        query.p_cnn[None][:, columns],
        index,
        decision,
        exclude_ids=[query.cover_id],
        level=level,
        references=references,
    )
    classified, evidence = answer.classified, answer.evidence[0]
    distributions = {
        name: dict(
            zip(
                decision.vocab,
                getattr(classified.distributions, name)[0].tolist(),
                strict=True,
            )
        )
        for name in ("cnn", "vote", "blend")
    }
    inside = [
        genre
        for genre, is_in in zip(decision.vocab, classified.inside[0], strict=True)
        if is_in
    ]
    ids = index.ids
    voters = [
        Voter(library.position[str(ids[row])], float(s), float(w))
        for row, s, w in zip(
            evidence.rows, evidence.similarities, evidence.weights, strict=True
        )
        if str(ids[row]) in library.position
    ]
    return Reading(
        distributions,
        sorted(inside, key=lambda genre: -distributions["blend"][genre]),
        level,
        str(classified.verdicts[0]),
        sorted(voters, key=lambda voter: -voter.weight),
        _tell_flip(describe_flip(evidence, index, decision.vocab), len(evidence.rows)),
    )


def put_in_words(reading: Reading) -> tuple[str, str]:
    """Say what a reading means: a headline and a sentence below it.

    Examples
    --------
    >>> put_in_words(Reading({"blend": {"Metal": 0.5, "Punk": 0.4}}, ["Metal", "Punk"], 0.9, "unsure", [], ""))[0]
    'Looks like Metal or Punk; not sure'
    """
    likeliest = max(reading.distributions["blend"].items(), key=lambda item: item[1])
    often = f"{100 * reading.level:.0f} %"
    if reading.verdict == "unfamiliar":
        said = "Its nearest covers are farther away than those of almost any cover of the library, so no genre is claimed."
        return "Unlike anything in this library", said
    names = reading.inside
    if not names:
        return "Not sure", f"No genre fits well enough; {likeliest[0]} comes closest."
    said = f"{often} of such sets hold the true genre. Likeliest: {likeliest[0]}, {100 * likeliest[1]:.0f} %."
    if len(names) > 5:
        return f"Could be any of {len(names)} genres; not sure", said
    text = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    text = f"Looks like {text}"
    return text if reading.verdict == "sure" else f"{text}; not sure", said


def show_heat(model: SavedModel, image: Image.Image, genre: str) -> str:
    """Return a picture of where the network looked for a genre, as a data URI."""
    from covers.model.gradcam import grad_cam, overlay

    small = image.copy()
    small.thumbnail((_SHOWN_PX, _SHOWN_PX))
    return data_uri(overlay(small, grad_cam(model, small, genre)))


def data_uri(image: Image.Image) -> str:
    """Return a small copy of a picture for an HTML page."""
    small = image.convert("RGB")
    small.thumbnail((_SHOWN_PX, _SHOWN_PX))
    content = io.BytesIO()
    small.save(content, "WEBP", quality=82)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"


def _tell_flip(flip: dict[str, Any], n_voters: int) -> str:
    """Say in a sentence what would change the vote."""
    if not flip["genre"]:
        return "Leaving voters out would not make another genre win."
    n = len(flip["without"])
    return f"Without {n} of its {n_voters} voters the vote would go to {flip['genre']}."
