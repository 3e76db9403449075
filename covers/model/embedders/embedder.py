"""The embedders there are: the trained network of a workspace, and networks as published."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import ModelError
from covers.model.network.embedder_names import CLIP, FILE, knows_words, typed_name
from covers.stats.unit_vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from covers.model.network.backbone import Backbone
    from covers.model.weights import SavedModel

_LONGEST_TEXT = 2000
_AT_ONCE = 32


class TrainedEmbedder:
    """The network that a workspace trained.

    Parameters
    ----------
    model : SavedModel
    """

    def __init__(self, model: SavedModel) -> None:
        self._model = model
        self.name = typed_name(model.card.arch)
        self.dim = model.embedding_dim
        self.fingerprint = model.fingerprint

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self.dim}-d>"

    def embed(self, pictures: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Turn RGB pictures of any size into unit vectors, shape (n, dim)."""
        return self._model.embed_images(pictures).embeddings


class PublishedEmbedder:
    """A network as its makers published it; an OpenCLIP model reads texts too.

    Parameters
    ----------
    arch : str
        ``untouched:NAME`` or ``clip:MODEL``.
    weights : str
        As `covers.model.network.make_backbone.make_backbone` takes them;
        ``"here"`` never fetches any.
    device : str, default="auto"
        Where pictures are embedded; texts are on the CPU.

    Raises
    ------
    ModelError
        If the name is unknown, or the weights cannot be had or do not fit.
    """

    def __init__(self, arch: str, weights: str, device: str = "auto") -> None:
        from covers.model.embed import FrozenNetwork, Preprocessing
        from covers.model.network.device import pick_device

        if arch.startswith(FILE):
            message = (
                f"{arch!r:.200} is a file of vectors and embeds nothing: train with it"
            )
            raise ModelError(message)
        self._clip, self.backbone, mean, std = _open_parts(arch, weights)
        self.arch, self.name = arch, typed_name(arch)
        self._may_fetch = weights == "pretrained"
        side = self.backbone.fixed_size or 224
        self.network = FrozenNetwork(self.backbone, Preprocessing(side, mean, std))
        self.device = pick_device(device)

    def __repr__(self) -> str:
        words = ", knows words" if self.knows_words else ""
        return f"<{type(self).__name__} {self.name!r}: {self.dim}-d{words}>"

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.backbone.n_features

    @property
    def knows_words(self) -> bool:
        """Whether it reads texts."""
        return knows_words(self.arch)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the weights that see pictures, and of what is done to these before."""
        return self.network.fingerprint

    @cached_property
    def text_fingerprint(self) -> str:
        """Hash of the weights that read texts; empty where there are none."""
        from covers.model.weights import fingerprint_weights

        if self._clip is None:
            return ""
        state = self._clip.state_dict()
        return fingerprint_weights(
            {k: v for k, v in state.items() if not k.startswith("visual.")},
            arch=self.arch,
        )

    def embed(self, pictures: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Turn RGB pictures of any size into unit vectors, shape (n, dim)."""
        import torch

        from covers.model.network.extractor import Extractor
        from covers.model.pixels import to_pixels

        how = self.network.preprocessing
        extract = Extractor(
            self.backbone, how.mean, how.std, how.image_size, self.device
        )
        blocks = [np.empty((0, self.dim), np.float32)]
        for start in range(0, len(pictures), _AT_ONCE):
            some = pictures[start : start + _AT_ONCE]
            pixels = np.stack([to_pixels(one, how.image_size) for one in some])
            vectors = extract(torch.from_numpy(pixels).permute(0, 3, 1, 2))
            blocks.append(vectors.cpu().numpy())
        return unit_rows(np.concatenate(blocks))

    def embed_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Turn texts into unit vectors, shape (n, dim).

        Parameters
        ----------
        texts : sequence of str
            Of which the model reads the first 77 tokens, or as many as it was made for.

        Raises
        ------
        ModelError
            If it reads no texts.
        """
        from covers.model.network.openclip import encode_texts

        if self._clip is None:
            message = f"the embedder {self.name!r} knows no words: take one such as 'clip:ViT-B-32'"
            raise ModelError(message)
        blocks = [np.empty((0, self.dim), np.float32)]
        for start in range(0, len(texts), _AT_ONCE):
            some = [text[:_LONGEST_TEXT] for text in texts[start : start + _AT_ONCE]]
            blocks.append(
                encode_texts(self.arch, self._clip, some, fetch=self._may_fetch).numpy()
            )
        return unit_rows(np.concatenate(blocks))


def _open_parts(
    arch: str, weights: str
) -> tuple[Any, Backbone, tuple[float, ...], tuple[float, ...]]:
    """Return the whole OpenCLIP model where it is one, the part that sees pictures, and their colours."""
    if arch.startswith(CLIP):
        from covers.model.network.make_untouched import clip_backbone
        from covers.model.network.openclip import make_clip

        clip = make_clip(arch, weights)
        return clip, *clip_backbone(arch, clip)
    from covers.model.network.make_backbone import make_backbone

    return None, *make_backbone(arch, weights)
