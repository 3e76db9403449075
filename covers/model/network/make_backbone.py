"""Backbones by name: made, and cut before their classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from covers.errors import ModelError, needs_extra
from covers.model.network.architectures import unknown_architecture
from covers.model.network.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone
from covers.model.network.embedder_names import is_untouched
from covers.model.network.imagenet import without_download
from covers.model.network.packaged import (
    is_packaged_naming,
    packaged_for,
    refuse_other_origin,
    rename_packaged,
)
from covers.model.network.pretrained import load_state, read_state

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
        """Do what torch would, unless it is to draw."""
        given = kwargs or {}
        if func in _DRAWS:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def make_backbone(
    arch: str, weights: str = "none"
) -> tuple[Backbone, tuple[float, ...], tuple[float, ...]]:
    """Build a backbone by its torchvision or timm name.

    Parameters
    ----------
    arch : str
        A torchvision name such as ``"resnet18"``, else a timm name; ``"timm:NAME"`` asks for timm's.
        Networks that are used as published: see `covers.model.network.embedder_names`.
    weights : str, default="none"
        ``"imagenet"`` for pretrained weights: those of an installed package
        (`covers.model.network.packaged`), else the library's own, downloaded on
        first use; ``"none"`` for random ones, else the path of a state dict.

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
    if is_untouched(arch):
        from covers.model.network.make_untouched import make_untouched

        return make_untouched(arch, weights)
    from covers.model.network.vision import import_torchvision

    torchvision = import_torchvision()
    pretrained = weights == "imagenet"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    if arch in torchvision.models.list_models(module=torchvision.models):
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
    body = model if _is_timm(model) else cut_body(model, arch)
    try:
        return Backbone(body, arch), mean, std
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        message = f"architecture {arch!r} has no feature maps this program can read ({error}): try 'resnet18'"
        raise ModelError(message) from error


def _load_file(model: nn.Module, path: Path, arch: str) -> None:
    """Load weights from a file, unless they are known to be another architecture's."""
    state = read_state(path)
    refuse_other_origin(state, f"'{path}'", arch)
    if is_packaged_naming(state):
        state = rename_packaged(state, model, f"'{path}'", arch)
    load_state(model, state, f"'{path}'", arch)


def _is_timm(model: nn.Module) -> bool:
    return hasattr(model, "default_cfg")


def _make_timm(
    name: str, pretrained: bool
) -> tuple[nn.Module, tuple[float, ...], tuple[float, ...]]:
    """Build a timm model without classifier, and its normalisation."""
    from covers.model.network.vision import import_torchvision

    torchvision = import_torchvision()
    with needs_extra(f"architecture {name!r}"):
        import timm
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


def cut_body(model: nn.Module, arch: str) -> nn.Sequential:
    """Keep a torchvision model's layers below its pooling and classifier, as fastai does."""
    children = [
        child
        for name, child in model.named_children()
        if not name.lower().startswith("aux")
    ]
    end = next((i for i, child in enumerate(children) if _ends_body(child)), None)
    if not end or type(model).__name__.startswith(
        ("SwinTransformer", "VisionTransformer", "MaxVit")
    ):
        message = f"torchvision's {arch!r} has no feature maps to read: name its timm twin as 'timm:NAME', or try 'resnet18'"
        raise ModelError(message)
    layers: list[nn.Module] = []
    for child in children[:end]:
        layers += (
            list(child.children())
            if isinstance(child, nn.Sequential) and len(children[:end]) <= 2
            else [child]
        )
    return nn.Sequential(*layers)


def _ends_body(module: nn.Module) -> bool:
    """Whether a part pools globally or classifies; squeeze-and-excitation pools lie deeper."""
    parts = (
        [module, *module.children()] if isinstance(module, nn.Sequential) else [module]
    )
    return any(
        isinstance(part, (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Linear))
        for part in parts
    )
