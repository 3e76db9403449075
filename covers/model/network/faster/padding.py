"""Padding that depends on the size of what goes in, written down for one size."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


def pad_by_numbers(body: nn.Sequential, pictures: Tensor) -> nn.Sequential:
    """Return a body whose convolutions pad by fixed numbers, not by the size of what goes in.

    timm's networks that were trained in TensorFlow pad so that nothing at the
    border is left out: for pictures of one size that is so many pixels. Where one
    more comes after than before, the kernel gets a first row or column of zeros
    and as many go before.
    """
    sizes: dict[str, list[int]] = {}
    by_size = {
        name: module
        for name, module in body.named_modules()
        if type(module).__name__ == "Conv2dSame"
    }
    if not by_size:
        return body

    def note(name: str) -> Any:
        def hook(_module: nn.Module, given: tuple[Tensor, ...]) -> None:
            sizes[name] = list(given[0].shape[2:])

        return hook

    hooks = [
        module.register_forward_pre_hook(note(name)) for name, module in by_size.items()
    ]
    try:
        with torch.inference_mode():
            body(pictures)
    finally:
        for hook in hooks:
            hook.remove()
    padded = copy.deepcopy(body)
    for name, size in sizes.items():
        padded.set_submodule(name, _with_padding(by_size[name], size))
    return padded


def _with_padding(convolution: Any, size: list[int]) -> nn.Conv2d:
    """Return a convolution that pads inputs (h, w) of a size by numbers."""
    after, lead = [], []
    for side, kernel, stride, dilation in zip(
        size,
        convolution.kernel_size,
        convolution.stride,
        convolution.dilation,
        strict=True,
    ):
        reached = (-(-side // stride) - 1) * stride + (kernel - 1) * dilation + 1
        missing = max(0, reached - side)
        after.append(missing - missing // 2)
        lead.append(missing % 2)
    if any(lead) and set(convolution.dilation) != {1}:
        message = "a dilated kernel cannot be given a row of zeros"
        raise ValueError(message)
    weight = F.pad(convolution.weight.detach(), (lead[1], 0, lead[0], 0))
    made = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        tuple(weight.shape[2:]),
        convolution.stride,
        tuple(after),
        convolution.dilation,
        convolution.groups,
        bias=convolution.bias is not None,
    )
    made.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
    if convolution.bias is not None:
        made.bias = nn.Parameter(convolution.bias.detach(), requires_grad=False)
    return made
