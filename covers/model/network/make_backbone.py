"""Backbones by name: made, and cut before their classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from covers.errors import ModelError, needs_extra
from covers.model.network.architectures import match_weights, unknown_architecture
from covers.model.network.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone
from covers.model.network.embedder_names import is_untouched
from covers.model.network.imagenet import without_download
from covers.model.network.joined import JoinedBackbone
from covers.model.network.layers import cut_body, timm_layers
from covers.model.network.weights.packaged import (
    is_packaged_naming,
    packaged_for,
    refuse_other_origin,
    rename_packaged,
)
from covers.model.network.weights.pretrained import load_state, read_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_DRAWS = {
    Tensor.normal_,
    Tensor.uniform_,
    nn.init.normal_,
    nn.init.uniform_,
    nn.init.kaiming_uniform_,
}


class Undrawn(TorchFunctionMode):  # type: ignore[misc]
    """A context in which networks are made without drawing weights.

    For weights that are read next: drawing is four fifths of making a ResNet.
    Until then they are whatever was in memory.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the function of torch, unless it fills a tensor with random numbers."""
        given = kwargs or {}
        if func in _DRAWS:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def make_backbone(
    arch: str, weights: str = "none", *, layered: bool = True
) -> tuple[Backbone, tuple[float, ...], tuple[float, ...]]:
    """Build a backbone by its torchvision or timm name, or several as one.

    Parameters
    ----------
    arch : str
        A torchvision name such as ``"resnet18"``, else a timm name; ``"timm:NAME"`` asks for timm's.
        Several, with commas between them, become one `JoinedBackbone`.
        Networks that are used as published: see `covers.model.network.embedder_names`.
    weights : str, default="none"
        ``"imagenet"`` for pretrained weights: those of an installed package
        (`covers.model.network.weights.packaged`), else the library's own, downloaded on
        first use; ``"none"`` for random ones, else the path of a state dict.
        Of several networks one for all, or one each with commas between them.
    layered : bool, default=True
        Whether timm's networks are read layer by layer, as far as their last
        convolution, where they are such a list. Models of version 0.1 are not.

    Returns
    -------
    backbone : Backbone
        In training mode, float32, on the CPU.
    mean, std : tuple of 3 floats
        What its pictures are normalised with.

    Raises
    ------
    ModelError
        If the name is unknown, the architecture has no feature maps, or the
        weights cannot be had or do not fit.
    """
    named = match_weights(arch, weights)
    made = [_make_one(name, start, layered=layered) for name, start in named]
    if len(made) == 1:
        return made[0]
    norms = [(mean, std) for _, mean, std in made]
    try:
        joined = JoinedBackbone([backbone for backbone, _, _ in made], norms)
    except ValueError as error:
        message = f"the networks of {arch!r} cannot be one model: {error}"
        raise ModelError(message) from error
    return joined, *norms[0]


def _make_one(
    arch: str, weights: str, *, layered: bool
) -> tuple[Backbone, tuple[float, ...], tuple[float, ...]]:
    """Build one backbone; see `make_backbone`."""
    if is_untouched(arch):
        from covers.model.network.make_untouched import make_untouched

        return make_untouched(arch, weights)
    from covers.model.network.vision import import_torchvision

    torchvision = import_torchvision()
    pretrained = weights == "imagenet"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    is_torchvision = arch in torchvision.models.list_models(module=torchvision.models)
    if is_torchvision:
        try:
            model = torchvision.models.get_model(
                arch, weights="DEFAULT" if pretrained else None
            )
        except OSError as error:
            raise _no_download(arch, error) from error
    else:
        model, mean, std = _make_timm(arch.removeprefix("timm:"), pretrained)
    if weights not in ("imagenet", "none"):
        _load_file(model, Path(weights), arch)
    if is_torchvision:
        body: nn.Module = cut_body(model, arch)
    else:
        body = (timm_layers(model) if layered else None) or model
    try:
        return Backbone(body, arch), mean, std
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        message = f"architecture {arch!r} has no feature maps this program can read ({error}): try 'resnet18'"
        raise ModelError(message) from error


def is_layered(state: Mapping[str, Tensor], prefix: str = "") -> bool:
    """Say whether tensors are those of backbones that are read layer by layer, where they can be.

    Version 0.1 kept timm's own names.

    Parameters
    ----------
    state : mapping of str to Tensor
    prefix : str, default=""
        Before the backbone's own names.
    """
    before = f"{prefix}body."
    return not any(
        key.startswith(before) and not key.removeprefix(before)[:1].isdigit()
        for key in state
    )


def _load_file(model: nn.Module, path: Path, arch: str) -> None:
    """Load weights from a file, unless they are known to be another architecture's."""
    state = read_state(path)
    refuse_other_origin(state, f"'{path}'", arch)
    if is_packaged_naming(state):
        state = rename_packaged(state, model, f"'{path}'", arch)
    load_state(model, state, f"'{path}'", arch)


def _make_timm(
    name: str, pretrained: bool
) -> tuple[nn.Module, tuple[float, ...], tuple[float, ...]]:
    """Build a timm model without classifier, and its normalisation."""
    from covers.model.network.vision import import_timm, import_torchvision

    torchvision = import_torchvision()
    with needs_extra(f"architecture {name!r}"):
        timm = import_timm()
    if not timm.is_model(name):
        known = [
            *torchvision.models.list_models(module=torchvision.models),
            *timm.list_models(),
        ]
        raise unknown_architecture(name, known)
    packaged = packaged_for(name) if pretrained else None
    file = packaged.file() if packaged else None
    try:
        model = timm.create_model(
            name, pretrained=pretrained and file is None, num_classes=0
        )
    except (OSError, RuntimeError) as error:
        raise _no_download(name, error) from error
    if file is not None:
        _load_file(model, file, name)
    return model, tuple(model.default_cfg["mean"]), tuple(model.default_cfg["std"])


def _no_download(arch: str, error: Exception) -> ModelError:
    return ModelError(
        f"cannot download ImageNet weights of {arch!r} ({error}): {without_download(arch)}"
    )
