"""A network as a list of layers: what is read, packed and frozen is one of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from covers.errors import ModelError

_TRIED_PX = 96
_ABOVE_THE_BODY = ("global_pool", "head", "head_drop", "classifier", "fc")


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


def timm_layers(model: nn.Module) -> nn.Sequential | None:
    """Return a timm model's layers below its pooling, one after the other.

    They are the model's own modules in the order in which they are named, stages
    taken apart. Whether that is what the model does is seen by running it: each
    must be called once, with what the one before it has returned, and
    ``forward_features`` must return what the last has. The weights do not matter.

    Parameters
    ----------
    model : nn.Module
        Without a classifier.

    Returns
    -------
    nn.Sequential or None
        None where the model is no such list, as transformers are not.
    """
    layers: list[nn.Module] = []
    for name, child in model.named_children():
        if name in _ABOVE_THE_BODY:
            break
        stages = name in ("blocks", "stages") and isinstance(child, nn.Sequential)
        layers += list(child.children()) if stages else [child]
    passed: list[tuple[nn.Module, Any, Any]] = []  # layer, what went in, what came out

    def note(layer: nn.Module, given: tuple[Any, ...], returned: Any) -> None:
        passed.append((layer, given[0] if len(given) == 1 else None, returned))

    hooks = [layer.register_forward_hook(note) for layer in layers]
    was_training = model.training
    pictures = torch.zeros(1, 3, _TRIED_PX, _TRIED_PX)
    try:
        with torch.inference_mode():
            features = model.eval().forward_features(pictures)  # type: ignore[operator]
    except (RuntimeError, TypeError, ValueError, AssertionError, AttributeError):
        return None
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    if [layer for layer, _, _ in passed] != layers or getattr(features, "ndim", 0) != 4:
        return None
    wanted = [pictures, *(returned for _, _, returned in passed)]
    given = [*(one for _, one, _ in passed), features]
    if any(one is not other for one, other in zip(wanted, given, strict=True)):
        return None
    return nn.Sequential(*layers)
