"""From the bytes of pictures to what a network says of them, without knowing where they lie.

Threads of this machine and actors of a Ray cluster call the same. Letters: B
pictures, S side in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import DataError
from covers.images.content import content_id
from covers.images.decode import MAX_MEGAPIXELS, decode
from covers.model.pixels import squash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PIL import Image

    from covers.model.pixels import Pixels

    Arrays = dict[str, npt.NDArray[Any]]

_SQUASHED_AT_ONCE = 4  # as many as stay in a core's cache


@dataclass(frozen=True)
class EmbeddedBytes:
    """Results for some pictures given as bytes, and those that could not be decoded.

    Parameters
    ----------
    cover_ids : list of str, length B
        Content id of each picture; ``""`` where its bytes could not be had.
    positions : ndarray of int64, shape (n_good,)
        Which of the pictures were decoded.
    arrays : dict of str to ndarray, shape (n_good, …)
        What the network says of those, such as ``embedding`` and ``logits``;
        empty where none was decoded.
    failed : list of (int, str)
        Position and reason of each of the others.
    """

    cover_ids: list[str]
    positions: npt.NDArray[np.int64]
    arrays: Arrays
    failed: list[tuple[int, str]]


@dataclass(frozen=True)
class EmbedBytes:
    """A network with all that happens to a picture before it.

    It knows no workspace and no path, and may be called from several threads
    at once where its network may.

    Parameters
    ----------
    work : callable
        From pixels, uint8 (B, S, S, 3), to arrays: what the network says of them.
    size_px : int
        Side of the pictures that it sees.
    max_megapixels : float, default=100
        Larger pictures are refused.
    """

    work: Callable[[Pixels], Arrays]
    size_px: int
    max_megapixels: float = MAX_MEGAPIXELS

    def __call__(self, pictures: Iterable[bytes | DataError]) -> EmbeddedBytes:
        """Decode pictures, squash a few at once, and ask the network.

        Parameters
        ----------
        pictures : iterable of bytes or DataError
            Contents of picture files, taken one by one, so that no more than one
            is in memory; or the reason why one could not be had.
        """
        ids: list[str] = []
        good: list[int] = []
        failed: list[tuple[int, str]] = []
        squashed: list[Pixels] = []
        images: list[Image.Image] = []
        for position, picture in enumerate(pictures):
            ids.append("" if isinstance(picture, DataError) else content_id(picture))
            try:
                images.append(self._decode(picture))
                good.append(position)
            except DataError as error:
                failed.append((position, str(error)))
            if len(images) == _SQUASHED_AT_ONCE:
                squashed.append(squash(images, self.size_px))
                images = []
        squashed.append(squash(images, self.size_px))
        arrays = self.answer(np.concatenate(squashed))
        return EmbeddedBytes(ids, np.asarray(good, np.int64), arrays, failed)

    def answer(self, pixels: Pixels) -> Arrays:
        """Run the network on pictures that are decoded already; empty for no picture."""
        return self.work(pixels) if len(pixels) else {}

    def _decode(self, picture: bytes | DataError) -> Image.Image:
        """Decode one picture, no larger than a side of `size_px` needs."""
        if isinstance(picture, DataError):
            raise picture
        return decode(picture, size_px=self.size_px, max_megapixels=self.max_megapixels)
