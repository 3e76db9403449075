"""The description of a trained model, readable without torch.

``weights.safetensors`` alone is the model: architecture, genres, preprocessing
and provenance are its metadata, so it is published by one rename.
``model.json`` beside it is the same description for people and programs.
"""

from __future__ import annotations

import math
import os
import re
import struct
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from covers.errors import DataError, ModelError
from covers.render.short_repr import ShortRepr
from covers.workspace.artefacts import FORMAT, Stamp, parse_stamp, write_json
from covers.workspace.disk.read_only import ReadOnly, freeze
from covers.workspace.disk.strangers import is_whole_number, open_regular, parse_json
from covers.workspace.registry import MODEL, MODEL_CARD, WEIGHTS, quote

if TYPE_CHECKING:
    from pathlib import Path

KIND = "model"
_LONGEST_HEADER = 16 << 20
_ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1} | {
    "U8": 1,
    "BOOL": 1,
}
_MOST_WIDTH = 1 << 16
_MOST_AXES = 8
_MOST_COUNT = 1 << 48
_SCORES = ("share", "accuracy", "macro_f1")
_COUNTS = ("n_parameters", "n_train", "n_tuning", "n_labelled")
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
WEIGHTS_NAME = WEIGHTS.name
CARD_NAME = MODEL_CARD.name
PICKLE_SUFFIXES = (".pkl", ".pickle")
"""Of files that fastai exports; never read unless somebody says so."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelCard(ReadOnly, ShortRepr):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = {one.name: getattr(self.stamp, one.name) for one in fields(self.stamp)}
        stamp = Stamp(**{name: freeze(value) for name, value in parts.items()})
        object.__setattr__(self, "stamp", stamp)


def summary_of(card: ModelCard) -> dict[str, Any]:
    """Return what a card says of its training.

    Raises
    ------
    ModelError
        If it says nothing of it.
    """
    lacking = [name for name in ("best", *_COUNTS[:3]) if name not in card.summary]
    lacking += [n for n in _SCORES[1:] if not lacking and n not in card.summary["best"]]
    if lacking:
        message = f"the description of the model says nothing of its training ({lacking[0]!r} is missing): train one with 'covers train'"
        raise ModelError(message)
    return card.summary


def statistics_of(card: ModelCard) -> list[str]:
    """Return the fingerprints of the untouched backbones' statistics that an evaluation reads.

    That of the baseline first, then those of `learned_from`.
    """
    found = [baseline_of(card), *learned_from(card)]
    return list(dict.fromkeys(one for one in found if one))


def baseline_of(card: ModelCard) -> str:
    """Return the fingerprint of the statistics that are the baseline, of the last network; empty where it is not known."""
    return str(card.summary.get("frozen", {}).get("fingerprint", ""))


def learned_from(card: ModelCard) -> list[str]:
    """Return the fingerprints of the statistics of labelled covers that heads were fitted on.

    Of every network in turn, those of mirror images behind its own: an evaluation fits
    the heads once more without each fold.
    """
    return [
        str(fit[name])
        for fit in card.summary.get("head_fits", ())
        for name in ("fingerprint", "mirrored")
        if fit.get(name)
    ]


def describe_best(card: ModelCard) -> str:
    """Say in words which weights of a training run were kept."""
    best = summary_of(card)["best"]
    if best["phase"] == "mix" and best["share"] == 1:
        return "the last epoch, its head fitted anew"
    if best["phase"] == "mix":
        return f"weights {100 * best['share']:.0f} % of the way from the start to the last epoch"
    if best["phase"] == "network":
        return f"epoch {best['epoch'] + 1}"
    if best["phase"] == "joined":
        return "the best of each network"
    if card.stamp.parameters["epochs"]:
        return "the start: fine-tuning was not better"
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
        header = read_header(path)
    except FileNotFoundError as error:
        message = (
            f"no model in '{folder}': make one with '{MODEL.repair(folder.parent)}'"
        )
        raise ModelError(message) from error
    except (OSError, ValueError, struct.error) as error:
        message = f"'{path}' is damaged ({error}): restore it from a copy, or run '{MODEL.repair(folder.parent)}'"
        raise ModelError(message) from error
    return parse_card(header["__metadata__"].get("covers"), path)


def read_header(path: Path) -> dict[str, Any]:
    """Read the header of a safetensors file and check that its tensors fit the file.

    Returns
    -------
    dict
        ``dtype``, ``shape`` and ``data_offsets`` by the name of the tensor, and
        ``__metadata__``, a dict of texts, empty where there is none.

    Raises
    ------
    OSError, struct.error
        If it cannot be read.
    ValueError
        Says what is wrong with it.
    """
    with open_regular(path) as file:
        n_bytes = os.fstat(file.fileno()).st_size
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(_LONGEST_HEADER, n_bytes - 8):
            message = f"its header says it has {length:,} bytes"
            raise ValueError(message)
        header = parse_json(file.read(length))
    if not isinstance(header, dict):
        message = "its header is no table"
        raise ValueError(message)
    texts = header.setdefault("__metadata__", {})
    if not isinstance(texts, dict) or not all(
        isinstance(t, str) for t in texts.values()
    ):
        message = "its description is no table of texts"
        raise ValueError(message)
    room = n_bytes - 8 - length
    for name, tensor in header.items():
        if name != "__metadata__" and not _fits(tensor, room):
            message = f"its tensor {name!r:.80} is not what fits into it"
            raise ValueError(message)
    return header


def _fits(tensor: Any, room: int) -> bool:
    """Say whether a tensor of a header lies in the file and is of a kind that is read."""
    if not isinstance(tensor, dict):
        return False
    kind = tensor.get("dtype")
    if not isinstance(kind, str) or kind not in _ITEM_BYTES:
        return False
    shape, place = tensor.get("shape"), tensor.get("data_offsets")
    if not isinstance(shape, list) or not isinstance(place, list) or len(place) != 2:
        return False
    if len(shape) > _MOST_AXES:  # their product would take hours
        return False
    if not all(is_whole_number(v, 0, room) for v in (*shape, *place)):
        return False
    return bool(place[1] - place[0] == math.prod(shape) * _ITEM_BYTES[kind])


def parse_card(text: str | None, path: Path) -> ModelCard:
    """Turn the description inside a model file into a card."""
    try:
        fields = parse_json(text or "")
        stamp = parse_stamp(fields.pop("stamp"), path)
        for name in ("vocab", "mean", "std"):
            fields[name] = tuple(fields[name])
        card = ModelCard(stamp=stamp, **fields)
        _check_card(card)
    except (ValueError, KeyError, TypeError, AttributeError, DataError) as error:
        train = MODEL.repair(path.parent.parent)
        message = (
            f"'{path}' is not a model of this program{_reason(error)}: train one with '{train}', or "
            f"give it to 'covers train --weights {quote(path)}' as a backbone"
        )
        raise ModelError(message) from error
    if stamp.format > FORMAT:
        message = f"'{path}' has format {stamp.format}, newer than this program reads ({FORMAT}): update album-covers"
        raise ModelError(message)
    return card


def _check_card(card: ModelCard) -> None:
    """Refuse values of another type, or that nothing can be made of.

    Raises
    ------
    ValueError
        Naming the field.
    """
    is_right = {
        "arch": isinstance(card.arch, str),
        "vocab": bool(card.vocab) and all(isinstance(g, str) for g in card.vocab),
        "embedding_dim": is_whole_number(card.embedding_dim, 1, _MOST_WIDTH),
        "image_size": is_whole_number(card.image_size, 1, _MOST_WIDTH),
        "mean": _are_numbers(card.mean),
        "std": _are_numbers(card.std) and 0 not in card.std,
        "multi_label": isinstance(card.multi_label, bool),
        "summary": _is_summary(card.summary),
        "fingerprint": _is_fingerprint(card.fingerprint),
    }
    for name, right in is_right.items():
        if not right:
            message = f"{name} is {getattr(card, name)!r:.80}"
            raise ValueError(message)


def _is_fingerprint(value: Any) -> bool:
    return isinstance(value, str) and _FINGERPRINT.fullmatch(value) is not None


def _is_summary(summary: Any) -> bool:
    """Say whether what a summary says of the training is of the right types."""
    if not isinstance(summary, dict):
        return False
    frozen, best = summary.get("frozen", {}), summary.get("best", {"phase": ""})
    final = summary.get("final", {"n_covers": 0})
    if not all(isinstance(one, dict) for one in (frozen, best, final)):
        return False
    counts = [summary.get(name, 0) for name in _COUNTS]
    counts += [frozen.get("deepest_channels", 1), best.get("epoch", 0)]
    counts.append(final.get("n_covers"))
    return (
        all(is_whole_number(count, 0, _MOST_COUNT) for count in counts)
        and (not frozen or _is_fingerprint(frozen.get("fingerprint")))
        and ("deepest_channels" in frozen or not frozen)
        and _are_columns(frozen.get("columns", (0, 1)))
        and isinstance(best.get("phase"), str)
        and _are_head_fits(summary.get("head_fits", ()))
        and all(type(best.get(name, 0)) in {int, float} for name in _SCORES)
    )


def _are_head_fits(values: Any) -> bool:
    """Say whether values are valid settings by which heads of a model were fitted."""
    return isinstance(values, tuple) and all(
        isinstance(one, dict)
        and _is_fingerprint(one.get("fingerprint"))
        and ("mirrored" not in one or _is_fingerprint(one["mirrored"]))
        and is_whole_number(one.get("seed"), 0, 2**63)
        and type(one.get("penalty")) in {int, float}
        and type(one.get("class_balance")) in {int, float}
        and isinstance(one.get("mixes", False), bool)
        for one in values
    )


def _are_columns(values: Any) -> bool:
    """Say whether values are two column numbers, the first below the last."""
    return (
        isinstance(values, list | tuple)
        and len(values) == 2
        and all(is_whole_number(value, 0, _MOST_COUNT) for value in values)
        and values[0] < values[1]
    )


def _are_numbers(values: tuple[Any, ...]) -> bool:
    return len(values) == 3 and all(
        type(value) in {int, float} and abs(value) < _MOST_WIDTH for value in values
    )


def _reason(error: Exception) -> str:
    """Return what an error says of a damaged card, in brackets; empty where it tells nothing."""
    return f" ({error!s:.200})" if isinstance(error, (ValueError, DataError)) else ""
