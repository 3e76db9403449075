"""The description of a trained model, readable without torch.

``weights.safetensors`` alone is the model: architecture, genres, preprocessing
and provenance are its metadata, so it is published by one rename.
``model.json`` beside it is the same description for people and programs.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from covers.errors import ModelError
from covers.workspace.artefacts import FORMAT, Stamp, write_json
from covers.workspace.registry import MODEL, MODEL_CARD, WEIGHTS, quote

if TYPE_CHECKING:
    from pathlib import Path

KIND = "model"
WEIGHTS_NAME = WEIGHTS.name
CARD_NAME = MODEL_CARD.name


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """All that is needed to use the weights, and where they come from.

    Parameters
    ----------
    arch : str
        Name of the backbone.
    vocab : tuple of str
        Genre of each logit.
    embedding_dim, image_size : int
        Width of the embedding; side of the pictures in pixels.
    mean, std : tuple of float
        What pictures in [0, 1] are normalised with.
    multi_label : bool
        Whether logits are independent (sigmoid) or exclusive (softmax).
    stamp : Stamp
        Provenance.
    summary : dict
        Counts and scores of the training, for people.
    fingerprint : str
        Hash of the weights and of all of the above that changes an embedding.
    """

    arch: str
    vocab: tuple[str, ...]
    embedding_dim: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    multi_label: bool
    stamp: Stamp
    summary: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""


def describe_best(card: ModelCard) -> str:
    """Say in words which weights of a training run were kept."""
    best = card.summary["best"]
    if best["phase"] == "mix":
        return (
            f"weights {best['share']:.0%} of the way from the start to the last epoch"
        )
    if best["phase"] == "network":
        return f"epoch {best['epoch'] + 1}"
    if card.stamp.parameters["epochs"]:
        return "the start: fine-tuning was not certainly better"
    return "the start"


def write_card(folder: Path, card: ModelCard) -> None:
    """Write ``model.json`` for people and programs."""
    fields = asdict(card)
    fields.pop("stamp")
    write_json(folder / CARD_NAME, fields, card.stamp)


def read_card(folder: Path) -> ModelCard:
    """Read only the description of the model in a folder.

    Raises
    ------
    ModelError
        If there is no model, or it is damaged.
    """
    path = folder / WEIGHTS_NAME
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length < 2**27 else {}
    except FileNotFoundError as error:
        message = (
            f"no model in '{folder}': make one with '{MODEL.repair(folder.parent)}'"
        )
        raise ModelError(message) from error
    except (OSError, ValueError, struct.error) as error:
        message = f"'{path}' is damaged ({error}): restore it from a copy, or run '{MODEL.repair(folder.parent)}'"
        raise ModelError(message) from error
    return parse_card(header.get("__metadata__", {}).get("covers"), path)


def parse_card(text: str | None, path: Path) -> ModelCard:
    """Turn the description inside a model file into a card."""
    try:
        fields = json.loads(text or "")
        stamp = Stamp(**fields.pop("stamp"))
        for name in ("vocab", "mean", "std"):
            fields[name] = tuple(fields[name])
        card = ModelCard(stamp=stamp, **fields)
    except (ValueError, KeyError, TypeError) as error:
        train = MODEL.repair(path.parent.parent)
        message = (
            f"'{path}' is not a model of this program: train one with '{train}', or "
            f"give it to 'covers train --weights {quote(path)}' as a backbone"
        )
        raise ModelError(message) from error
    if stamp.format > FORMAT:
        message = f"'{path}' has format {stamp.format}, newer than this program reads ({FORMAT}): update album-covers"
        raise ModelError(message)
    return card
