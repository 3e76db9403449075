"""Pictures from outside, or covers of the library, with the embedding and logits of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import BrokenImageError, DataError
from covers.images.formats import EXTENSIONS, UNREAD_EXTENSIONS
from covers.index.search import COVER_ID
from covers.render.short_repr import ShortRepr
from covers.workspace.disk.read_only import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from covers.images.outside import OutsideDecoder
    from covers.model.weights import SavedModel
    from indexer import VectorStore

    Picture = Path | bytes | Image.Image

_SHOWN_PX = 512
_LONGEST_PATH = 255
_LONGEST_TEXT = 2000  # far more than any model reads
_BATCH = 32


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Query(ReadOnly, ShortRepr):
    """One picture, as the network sees it: what `covers.Library.ask` makes of what it is given.

    Parameters
    ----------
    name : str
        What the person gave: a file's path, or the id of a cover.
    cover_id : str
        Content id of the picture, whether or not it is in the library; empty
        for pixels without a file.
    embedding : ndarray of float32, shape (n_dimensions,)
    logits : ndarray of float32, shape (n_genres,), or None
        In the order of the model's genres; None for a cover of the library, whose
        answer is on disk and counts.
    picture : Path, bytes or Image, optional
        Where the pixels are; None for a cover of the library.

    Examples
    --------
    >>> query = library.ask(cover_id).items[0]
    >>> query.embedding.shape == (library.card.embedding_dim,)
    True
    """

    name: str
    cover_id: str
    embedding: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32] | None = None
    picture: Picture | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, repr=False)
class Queries(ReadOnly, ShortRepr):
    """Pictures that could be read, and those that could not.

    Parameters
    ----------
    items : tuple of Query
        In the order given.
    broken : dict of str to str
        Why each of the others could not be read, by name.

    Examples
    --------
    >>> asked = library.ask([cover_id, "00000000"])
    >>> len(asked.items), list(asked.broken)
    (1, ['00000000'])
    >>> len(library.classify(asked))
    1
    """

    items: tuple[Query, ...]
    broken: dict[str, str] = field(default_factory=dict)

    def refuse_broken(self) -> None:
        """Raise if any picture could not be read.

        Raises
        ------
        BrokenImageError
            Naming each with its reason.
        """
        if self.broken:
            told = (
                reason if name in reason else f"'{name}': {reason}"
                for name, reason in self.broken.items()
            )
            raise BrokenImageError("; ".join(told))


def embed_pictures(
    pictures: Sequence[Picture], model: SavedModel, *, max_megapixels: float
) -> Queries:
    """Decode pictures from outside and run the network on them; nothing is written anywhere.

    Parameters
    ----------
    pictures : sequence of Path, bytes or PIL Image
        Files, the bytes of files, or pixels.
    model : SavedModel
    max_megapixels : float
        Larger pictures are refused.
    """
    from covers.images.outside import OutsideDecoder
    from covers.model.pixels import to_pixels

    read: list[tuple[str, str, Picture]] = []
    pixels: list[npt.NDArray[np.uint8]] = []
    broken: dict[str, str] = {}
    embedded: list[Any] = []
    with OutsideDecoder() as decoder:
        for number, picture in enumerate(pictures):
            is_file = isinstance(picture, Path)
            name = str(picture) if is_file else f"picture {number + 1}"
            try:
                read_one = _read(decoder, picture, model.image_size, max_megapixels)
            except BrokenImageError as error:
                broken[name] = str(error)
                continue
            read.append((name, read_one[0], picture))
            pixels.append(to_pixels(read_one[1], model.image_size))
            if len(pixels) == _BATCH:
                embedded.append(model.embed(np.stack(pixels)))
                pixels.clear()
    if pixels:
        embedded.append(model.embed(np.stack(pixels)))
    vectors = [vector for part in embedded for vector in part.embeddings]
    logits = [line for part in embedded for line in part.logits]
    items = tuple(
        Query(name=name, cover_id=cover_id, embedding=v, logits=line, picture=picture)
        for (name, cover_id, picture), v, line in zip(
            read, vectors, logits, strict=True
        )
    )
    return Queries(items=items, broken=broken)


def query_cover(cover_id: str, index: VectorStore) -> Query:
    """Make a query of a cover of the library, from what the index knows: no network is needed.

    Parameters
    ----------
    cover_id : str
        Whole id of an item of `index`.
    index : VectorStore
    """
    vector = index.reconstruct([cover_id])[0]
    return Query(name=cover_id, cover_id=cover_id, embedding=vector)


def is_picture_file(text: str) -> bool:
    """Say whether some text names a picture file rather than a cover.

    Raises
    ------
    DataError
        If it names a folder, or looks like a path of a file that is not there.
    """
    path = Path(text).expanduser()
    try:
        if path.is_file():
            return True
        if path.is_dir():
            message = f"'{text}' is a folder, a picture is needed: name a file in it"
            raise DataError(message)
    except (OSError, ValueError) as error:
        message = f"'{text}' cannot be looked at ({error}): name a picture file, or the id of a cover"
        raise DataError(message) from error
    return False


def is_words(text: str) -> bool:
    """Say whether some text that a person typed is words, and not a picture or a cover.

    The rule: a file that exists is a picture; 4 to 32 of the digits 0-9a-f are
    the id of a cover; what ends like a picture's name, or begins like a path, is
    a picture that is missing; anything else is words.

    Examples
    --------
    >>> is_words("black/white portrait"), is_words("3f9a02"), is_words("./desert"), is_words("desert.jpg")
    (True, False, False, False)
    """
    if len(text) > _LONGEST_PATH or "\0" in text:
        return True
    if COVER_ID.fullmatch(text) or is_picture_file(text):
        return False
    looks_like_path = text.startswith(("/", "./", "../", "~", ".\\"))
    return not looks_like_path and Path(text).suffix.lower() not in (
        EXTENSIONS | UNREAD_EXTENSIONS
    )


def clean_text(text: str) -> str:
    """Return words to search for on one line, without control characters.

    Raises
    ------
    DataError
        If nothing is left.
    """
    kept = "".join(sign if sign.isprintable() else " " for sign in text[:_LONGEST_TEXT])
    words = " ".join(kept.split())
    if not words:
        message = (
            f"the text {text[:40]!r} holds no words: say what the covers should show"
        )
        raise DataError(message)
    return words


def read_picture(picture: Picture, *, max_megapixels: float) -> Image.Image:
    """Decode a picture from outside.

    Raises
    ------
    BrokenImageError
        If it cannot be read.
    """
    from covers.images.outside import OutsideDecoder

    with OutsideDecoder() as decoder:
        return _read(decoder, picture, _SHOWN_PX, max_megapixels)[1]


def draw_heat(
    picture: Picture, model: SavedModel, genre: str, *, max_megapixels: float
) -> Image.Image:
    """Draw where in a picture the network sees a genre (Grad-CAM on the deepest feature map).

    Parameters
    ----------
    picture : Path, bytes or PIL Image
    model : SavedModel
    genre : str
        One of the model's.
    max_megapixels : float
    """
    from covers.model.gradcam import grad_cam, overlay

    image = read_picture(picture, max_megapixels=max_megapixels)
    image.thumbnail((_SHOWN_PX, _SHOWN_PX))
    return overlay(image, grad_cam(model, image, genre))


def _read(
    decoder: OutsideDecoder, picture: Picture, size_px: int, max_megapixels: float
) -> tuple[str, Image.Image]:
    """Return the content id and the pixels of a picture."""
    from covers.images.content import content_id
    from covers.images.decode import read_bytes

    if not isinstance(picture, Path | bytes):
        return "", picture.convert("RGB")
    content = read_bytes(picture) if isinstance(picture, Path) else picture
    image = decoder.decode(content, size_px=size_px, max_megapixels=max_megapixels)
    return content_id(content), image
