"""What an embedder is: a name, a width, pictures in, vectors out, and for some texts in too.

Letters: B pictures or texts, D dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from PIL import Image


@runtime_checkable
class Embedder(Protocol):
    """Turns pictures into vectors, so that those that look alike lie close together."""

    @property
    def name(self) -> str:
        """As it is typed after ``--embedder``, such as ``"cnn"`` or ``"clip:ViT-B-32"``."""

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""

    @property
    def fingerprint(self) -> str:
        """Changes when a vector would change: an index of another fingerprint is refused."""

    def embed(self, pictures: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Turn RGB pictures of any size into unit vectors (B, D)."""


@runtime_checkable
class WordEmbedder(Embedder, Protocol):
    """An embedder that puts texts among the pictures they describe."""

    def embed_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Turn texts into unit vectors (B, D)."""
