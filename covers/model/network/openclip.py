"""OpenCLIP models: a tower for pictures and one for words, whose vectors are compared.

Letters: B pictures or texts, D dimensions.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from covers.catalogue.matching import match_name
from covers.errors import DataError, ModelError, needs_extra
from covers.model.network.embedder_names import split_clip
from covers.model.network.weights.hub import (
    cached_clip,
    no_download,
    not_here,
    without_hub,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

USUAL_TAGS = ("datacomp_xl", "dfn2b", "dfndr2b", "datacomp", "laion2b", "webli")
"""Beginnings of the tags of weights to take where none is named, the first that there is."""
_WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
_TOKENIZER = (
    "the words of {model!r} are cut by a tokenizer of its own, which is not on this machine: "
    "pip install transformers sentencepiece and build its index again, or take a model that does without, "
    "such as 'clip:ViT-B-32'"
)


class PictureTower(nn.Module):  # type: ignore[misc]
    """The part of an OpenCLIP model that turns pictures into vectors."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, images: Tensor) -> Tensor:
        """Turn normalised images (B, 3, S, S) into vectors (B, D)."""
        found = self.visual(images)
        vectors: Tensor = found[0] if isinstance(found, tuple) else found
        return vectors


def import_openclip() -> Any:
    """Import OpenCLIP.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    with needs_extra("comparing pictures with words"), _quiet():
        import open_clip
    return open_clip


def usual_tag(model: str) -> str:
    """Return the tag of the weights of a model that are taken where none is named; "" where there are none."""
    tags: list[str] = import_openclip().list_pretrained_tags_by_model(model)
    for beginning in USUAL_TAGS:
        found = [tag for tag in tags if tag.startswith(beginning)]
        if found:
            return found[0]
    return tags[-1] if tags else ""


def check_clip(arch: str) -> tuple[str, str]:
    """Return the model and the tag that ``clip:MODEL:TAG`` means.

    Raises
    ------
    ModelError
        If there is no such model or no such tag, naming the nearest.
    """
    open_clip = import_openclip()
    model, tag = split_clip(arch)
    try:
        model = match_name(model, open_clip.list_models(), what="OpenCLIP model")
        if tag:
            tags = open_clip.list_pretrained_tags_by_model(model)
            tag = match_name(tag, tags, what=f"weights of {model}")
    except DataError as error:
        raise ModelError(str(error)) from error
    return model, tag or usual_tag(model)


def make_clip(arch: str, weights: str) -> nn.Module:
    """Build an OpenCLIP model.

    Parameters
    ----------
    arch : str
        ``clip:MODEL`` or ``clip:MODEL:TAG``.
    weights : str
        ``"imagenet"`` or ``"pretrained"`` for those of the tag (fetched on first
        use), ``"here"`` for the same without ever fetching them, ``"none"`` for
        random ones, else the path of a file.

    Raises
    ------
    ModelError
        If the name is unknown, or the weights cannot be had or do not fit.
    """
    from pathlib import Path

    open_clip = import_openclip()
    model, tag = check_clip(arch)
    path: Path | None = None
    if weights in ("imagenet", "pretrained", "here"):
        path = _weights_of(model, tag, arch, fetch=weights != "here")
    elif weights != "none":
        path = Path(weights)
    with _quiet():
        made: nn.Module = open_clip.create_model(model, pretrained=None)
        if path is not None:
            _load(open_clip, made, path, arch)
    return made.eval()


def picture_settings(
    arch: str, model: Any
) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
    """Return the side of the pictures of an OpenCLIP model, and what they are normalised with."""
    open_clip = import_openclip()
    name, tag = check_clip(arch)
    config = open_clip.get_pretrained_cfg(name, tag) if tag else {}
    size = model.visual.image_size
    side = int(size[0] if isinstance(size, tuple | list) else size)
    mean = config.get("mean") or open_clip.OPENAI_DATASET_MEAN
    std = config.get("std") or open_clip.OPENAI_DATASET_STD
    return side, tuple(map(float, mean)), tuple(map(float, std))


def encode_texts(
    arch: str, model: Any, texts: Sequence[str], *, fetch: bool = False
) -> Tensor:
    """Turn texts into unit vectors (B, D) by the words' tower; what is longer than it reads is cut off.

    Parameters
    ----------
    arch : str
    model : nn.Module
        As `make_clip` returns it.
    texts : sequence of str
    fetch : bool, default=False
        Whether what cuts texts into tokens may be fetched, where a model has a
        tokenizer of its own on a hub.

    Raises
    ------
    ModelError
        If the package that cuts the texts into tokens is missing, or its files are.
    """
    name, _ = check_clip(arch)
    with _quiet(), nullcontext() if fetch else without_hub():
        try:
            tokens = import_openclip().get_tokenizer(name)(list(texts))
        except (ImportError, OSError) as error:
            raise ModelError(_TOKENIZER.format(model=arch)) from error
        with torch.inference_mode():
            vectors: Tensor = model.encode_text(tokens, normalize=True)
    return vectors.float()


def _weights_of(model: str, tag: str, arch: str, *, fetch: bool) -> Path:
    """Return the file of published weights, fetching it if that is allowed."""
    from pathlib import Path

    open_clip = import_openclip()
    if not tag:
        message = (
            f"nobody published weights of {arch!r}: give a file with '--weights FILE'"
        )
        raise ModelError(message)
    found = cached_clip(model, tag)
    if found is not None:
        return found
    if not fetch:
        raise not_here(arch)
    config = open_clip.get_pretrained_cfg(model, tag)
    try:
        with _quiet():
            return Path(open_clip.download_pretrained(config))
    except Exception as error:  # whatever a client of the network may raise
        raise no_download(arch, error) from error


def _load(open_clip: Any, model: nn.Module, path: Path, arch: str) -> None:
    """Load weights from a file, which never runs code."""
    if path.suffix not in _WEIGHT_SUFFIXES or not path.is_file():
        message = f"no weights in '{path}': give a file that ends in {', '.join(_WEIGHT_SUFFIXES)}"
        raise ModelError(message)
    try:
        open_clip.load_checkpoint(model, str(path), strict=True, weights_only=True)
    except Exception as error:  # a file may be damaged in any way
        reason = str(error).splitlines()[0][:200] if str(error) else repr(error)
        message = f"'{path}' does not hold weights of {arch!r} ({reason}): name their model with '--embedder clip:MODEL'"
        raise ModelError(message) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCLIP's warnings and log lines to itself: errors are raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
