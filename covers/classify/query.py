"""Pictures from outside the library: decoded, embedded, and looked into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import BrokenImageError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import Image

    from covers.model.weights import SavedModel

_SHOWN_PX = 512
_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Embedded pictures, and those that could not be read.

    Parameters
    ----------
    paths : list of Path
        The readable ones, in the order given.
    cover_ids : list of str
        Content id of each.
    embeddings : ndarray of float32, shape (n_pictures, n_dimensions)
    p_cnn : ndarray of float64, shape (n_pictures, n_genres)
        The network's raw distributions, in columns of `vocab`.
    p_labels : ndarray of float64, shape (n_pictures, n_genres), or None
        Of a network with independent genres: their raw probabilities.
    vocab : tuple of str
    broken : dict of Path to str
        Why each of the others could not be read.
    model : SavedModel
    """

    paths: list[Path]
    cover_ids: list[str]
    embeddings: npt.NDArray[np.float32]
    p_cnn: npt.NDArray[np.float64]
    p_labels: npt.NDArray[np.float64] | None
    vocab: tuple[str, ...]
    broken: dict[Path, str]
    model: SavedModel

    def refuse_broken(self) -> None:
        """Raise if any picture could not be read.

        Raises
        ------
        BrokenImageError
            Naming each with its reason.
        """
        if self.broken:
            raise BrokenImageError(
                "; ".join(f"'{path}': {reason}" for path, reason in self.broken.items())
            )


def embed_pictures(
    workspace: Path, paths: Sequence[Path], *, device: str | None = None
) -> Pictures:
    """Decode pictures and run the workspace's network on them.

    Parameters
    ----------
    workspace : Path
        Its folder.
    paths : sequence of Path
    device : str, optional
        By default that of the workspace's settings.

    Raises
    ------
    DataError, ModelError
        If there is no workspace or no model.
    """
    from covers.classify.labels import genre_shares, label_odds
    from covers.images.content import content_id
    from covers.images.decode import decode, read_bytes
    from covers.model.pixels import to_pixels
    from covers.model.weights import SavedModel
    from covers.workspace.paths import Workspace

    place = Workspace.open(workspace)
    model = SavedModel.open(place.model_folder, device or place.settings.device)
    limit = place.settings.intake.max_megapixels
    read: list[Path] = []
    ids: list[str] = []
    pixels: list[npt.NDArray[np.uint8]] = []
    broken: dict[Path, str] = {}
    embedded: list[Any] = []
    for path in paths:
        try:
            content = read_bytes(path)
            image = decode(content, size_px=model.image_size, max_megapixels=limit)
        except BrokenImageError as error:
            broken[path] = str(error)
            continue
        read.append(path)
        ids.append(content_id(content))
        pixels.append(to_pixels(image, model.image_size))
        if len(pixels) == _BATCH:
            embedded.append(model.embed(np.stack(pixels)))
            pixels.clear()
    if pixels:
        embedded.append(model.embed(np.stack(pixels)))
    vectors = np.zeros((0, model.embedding_dim), np.float32)
    logits = np.zeros((0, len(model.vocab)), np.float32)
    if embedded:
        vectors = np.concatenate([part.embeddings for part in embedded])
        logits = np.concatenate([part.logits for part in embedded])
    return Pictures(
        paths=read,
        cover_ids=ids,
        embeddings=vectors,
        p_cnn=genre_shares(logits, multi_label=model.card.multi_label),
        p_labels=label_odds(logits) if model.card.multi_label else None,
        vocab=model.vocab,
        broken=broken,
        model=model,
    )


def write_heat(
    pictures: Pictures, number: int, output: Path, genre: str | None = None
) -> str:
    """Write a picture of where the network looked (Grad-CAM).

    Parameters
    ----------
    pictures : Pictures
    number : int
        Which of them.
    output : Path
        A PNG file; replaced if it is there.
    genre : str, optional
        By default the one the network finds likeliest.

    Returns
    -------
    str
        The genre.

    Raises
    ------
    DataError
        If the model does not know the genre.
    """
    from covers.images.decode import decode, read_bytes
    from covers.model.gradcam import grad_cam, overlay
    from covers.workspace.artefacts import publish

    if genre is not None and genre not in pictures.vocab:
        message = (
            f"unknown genre {genre!r}: the model knows {', '.join(pictures.vocab)}"
        )
        raise DataError(message)
    seen = genre or pictures.vocab[int(pictures.p_cnn[number].argmax())]
    image: Image.Image = decode(read_bytes(pictures.paths[number]), size_px=_SHOWN_PX)
    image.thumbnail((_SHOWN_PX, _SHOWN_PX))
    heat = grad_cam(pictures.model, image, seen)
    with publish(output, "wb") as file:
        overlay(image, heat).save(file, "PNG")
    return seen
