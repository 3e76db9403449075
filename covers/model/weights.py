"""The trained model: safetensors with its whole description inside, no pickle."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from covers.errors import ModelError
from covers.model.card import (
    WEIGHTS_NAME,
    ModelCard,
    parse_card,
    read_header,
    write_card,
)
from covers.model.network.architectures import split_archs
from covers.model.network.backbone import Backbone
from covers.model.network.device import pick_device
from covers.model.network.embedder_names import shown_arch
from covers.model.network.extractor import Extractor
from covers.model.network.head import Head
from covers.model.network.joined import classifier_shapes, make_heads
from covers.model.network.make_backbone import Undrawn, is_layered, make_backbone
from covers.model.pixels import Pixels, to_pixels
from covers.workspace.disk.publish import publish
from covers.workspace.registry import MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import Image


@dataclass(frozen=True)
class Embedded:
    """What the network says of some pictures.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, embedding_dim)
        L2-normalised.
    logits : ndarray of float32, shape (n, n_genres)
        Uncalibrated.
    """

    embeddings: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]


class SavedModel:
    """A trained network that embeds and classifies covers.

    Parameters
    ----------
    card : ModelCard
        Its description.
    network : nn.Sequential
        Backbone, head, and where there is one the final head: the same, fitted on
        the held-out covers too.
    device : str, default="auto"
        Where it runs.

    Attributes
    ----------
    extractor : Extractor
        The convolutional part with what is done to pictures before it.
    network : nn.Sequential
        Backbone and final head: what new pictures are answered by.
    held_out_head : Head
        The head that has not seen the held-out covers: what is evaluated.
    """

    def __init__(
        self, card: ModelCard, network: nn.Sequential, device: str = "auto"
    ) -> None:
        self.card = card
        self.device = pick_device(device)
        self._stored = network.eval().to(self.device)
        self.network = nn.Sequential(network[0], network[-1])
        head = network[1]
        assert isinstance(head, Head)
        self.held_out_head = head
        self.extractor = Extractor(
            self.backbone, card.mean, card.std, card.image_size, self.device
        )

    def __repr__(self) -> str:
        card = self.card
        return (
            f"<SavedModel {shown_arch(card.arch)} {card.fingerprint[:8]}: {len(card.vocab)} genres, "
            f"{card.embedding_dim}-d embeddings of {card.image_size} px, on {self.device.type}>"
        )

    @property
    def backbone(self) -> Backbone:
        """The convolutional part."""
        part = self.network[0]
        assert isinstance(part, Backbone)
        return part

    @property
    def head(self) -> Head:
        """The part that embeds and classifies new pictures."""
        part = self.network[1]
        assert isinstance(part, Head)
        return part

    @property
    def fingerprint(self) -> str:
        """Changes when an embedding would change."""
        return self.card.fingerprint

    @property
    def vocab(self) -> tuple[str, ...]:
        """Genre of each logit."""
        return self.card.vocab

    @property
    def embedding_dim(self) -> int:
        """Width of an embedding."""
        return self.card.embedding_dim

    @property
    def image_size(self) -> int:
        """Side of the pictures the network sees, in pixels."""
        return self.card.image_size

    @classmethod
    def open(cls, folder: Path, device: str = "auto") -> SavedModel:
        """Read the model in a folder, checking its weights against its fingerprint.

        Raises
        ------
        ModelError
            If there is none, or it is damaged or of a newer format.
        """
        card, state = read_model_file(folder / WEIGHTS_NAME)
        with Undrawn():
            layered = is_layered(state, "0.")
            backbone, _, _ = make_backbone(card.arch, layered=layered)
            shapes = classifier_shapes({k: v.shape for k, v in state.items()})
            dims = [width for _, width in shapes]
            is_final = any(key.startswith("2.") for key in state)
            heads = [
                make_heads(backbone, dims, len(card.vocab)) for _ in range(1 + is_final)
            ]
        network = nn.Sequential(backbone, *heads)
        try:
            # Assigned, because copying would take as long as reading.
            network.load_state_dict(state, assign=True)
        except RuntimeError as error:
            message = f"'{folder / WEIGHTS_NAME}' does not fit {card.arch!r} of these library versions: run '{MODEL.repair(folder.parent)}'"
            raise ModelError(message) from error
        return cls(card, network, device)

    def save(self, folder: Path) -> None:
        """Publish the model: the rename of its weights, last, makes it visible."""
        from safetensors.torch import save

        state = {
            key: value.detach().cpu().contiguous()
            for key, value in self._stored.state_dict().items()
        }
        write_card(folder, self.card)
        with publish(folder / WEIGHTS_NAME, "wb") as file:
            file.write(save(state, metadata={"covers": json.dumps(asdict(self.card))}))

    def embed(self, pixels: Pixels) -> Embedded:
        """Embed and classify pictures of the right size.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (n, image_size, image_size, 3)
            RGB, as `covers.model.pixels.to_pixels` makes them.
        """
        with torch.inference_mode():
            statistics = self.extractor(torch.from_numpy(pixels).permute(0, 3, 1, 2))
            embeddings = self.head.embed(statistics)
            logits = self.head.genres(embeddings)
        return Embedded(embeddings.float().cpu().numpy(), logits.float().cpu().numpy())

    def embed_library(self, pixels: Pixels) -> dict[str, npt.NDArray[np.float32]]:
        """Embed covers of the library, of which the final head has seen the genres.

        Returns
        -------
        dict of str to ndarray of float32, shape (n, width)
            As `apply_heads` returns them.
        """
        pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        return self.apply_heads(self.extractor(pictures))

    def apply_heads(self, statistics: Tensor) -> dict[str, npt.NDArray[np.float32]]:
        """Turn the backbone's statistics of covers into embeddings and logits.

        Returns
        -------
        dict of str to ndarray of float32, shape (n, width)
            ``embedding`` and ``logits`` by the head that is evaluated; ``final``, the
            embedding that pictures from outside are compared with, where it is another.
        """
        with torch.inference_mode():
            held_out = self.held_out_head
            embeddings = held_out.embed(statistics)
            found = {"embedding": embeddings, "logits": held_out.genres(embeddings)}
            if self.head is not held_out:
                found["final"] = self.head.embed(statistics)
        return {name: values.float().cpu().numpy() for name, values in found.items()}

    def embed_images(self, images: Sequence[Image.Image]) -> Embedded:
        """Embed and classify RGB images of any size."""
        return self.embed(
            np.stack([to_pixels(image, self.image_size) for image in images])
        )


def fingerprint_weights(state: dict[str, Tensor], **description: object) -> str:
    """Hash tensors by name, with what else decides the embedding."""
    digest = hashlib.sha256(
        json.dumps(description, sort_keys=True, default=list).encode()
    )
    for key in sorted(state):
        digest.update(key.encode())
        values = state[key].detach().cpu().contiguous().numpy()
        digest.update(values.reshape(-1))  # as it lies in memory, without a copy
    return digest.hexdigest()[:32]


def make_card(network: nn.Sequential, **fields: Any) -> ModelCard:
    """Describe a network, with its fingerprint."""
    card = ModelCard(**fields)
    state = dict(network.state_dict())
    return replace(card, fingerprint=_fingerprint(card, state))


def _fingerprint(card: ModelCard, state: dict[str, Tensor]) -> str:
    return fingerprint_weights(
        state,
        arch=card.arch,
        vocab=list(card.vocab),
        image_size=card.image_size,
        mean=list(card.mean),
        std=list(card.std),
        multi_label=card.multi_label,
    )


def read_model_file(path: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """Read a model file and check it; see `SavedModel.open`."""
    from safetensors import SafetensorError, safe_open

    try:
        header = read_header(path)
        card = parse_card(header["__metadata__"].get("covers"), path)
        _refuse_other_head(card, header)
        with safe_open(path, "pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except FileNotFoundError as error:
        message = f"no model in '{path.parent}': make one with '{MODEL.repair(path.parent.parent)}'"
        raise ModelError(message) from error
    except (SafetensorError, OSError, ValueError, struct.error) as error:
        message = f"'{path}' is damaged ({error}): restore it from a copy, or run '{MODEL.repair(path.parent.parent)}'"
        raise ModelError(message) from error
    if _fingerprint(card, state) != card.fingerprint:
        message = f"'{path}' is damaged (its weights do not match their fingerprint): restore it from a copy, or run '{MODEL.repair(path.parent.parent)}'"
        raise ModelError(message)
    return card, state


def _refuse_other_head(card: ModelCard, header: dict[str, Any]) -> None:
    """Refuse networks, a width or genres that are not those of the tensors, before memory is taken.

    Raises
    ------
    ValueError
        Showing both.
    """
    expected = [len(card.vocab), card.embedding_dim]
    tensors = {name: about.get("shape", []) for name, about in header.items()}
    shapes = classifier_shapes(tensors)
    n_networks = max(1, len(split_archs(card.arch)))
    if len(shapes) != n_networks:
        message = f"it holds {len(shapes)} classifiers, its description names {n_networks} networks"
        raise ValueError(message)
    found = [shapes[0][0], sum(width for _, width in shapes)]
    if found != expected or len({n_genres for n_genres, _ in shapes}) > 1:
        message = f"its classifier has shape {found}, its description says {expected}"
        raise ValueError(message)
