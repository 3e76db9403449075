"""The options of a training recipe."""

from __future__ import annotations

from typing import Any

import click

_RECIPE_OPTIONS = (
    click.option(
        "--arch",
        help="The network to start from, by its name in torchvision or timm; several with commas between them become one model.  [default: tf_efficientnet_lite0]",
    ),
    click.option(
        "--embedder",
        help="What gives covers their vectors: 'cnn' (the network of --arch, trained here), 'timm:NAME' or 'clip:MODEL' (as published), 'file:VECTORS', or several joined by '+'.  [default: cnn]",
    ),
    click.option(
        "--weights",
        help="What the network knows at the start: 'imagenet' (fetched once), 'none', or a file of tensors (safetensors or a torch state dict); of several networks one for all, or one each with commas between them.  [default: imagenet]",
    ),
    click.option(
        "--image-size", type=int, help="Side of the pictures in pixels.  [default: 224]"
    ),
    click.option(
        "--epochs",
        type=int,
        help="Rounds over all covers; 0 trains the last layer alone.  [default: 8 on a GPU from 2,000 covers on or where weights are 'none', else 0]",
    ),
    click.option(
        "--batch-size",
        type=int,
        help="Pictures per step of the training.  [default: 32]",
    ),
    click.option(
        "--learning-rate", type=float, help="Peak rate of training.  [default: 0.001]"
    ),
    click.option(
        "--multi-label/--single-label",
        default=None,
        help="Independent genres, or one for each cover.  [default: independent where a fifth of the covers has several]",
    ),
)


def recipe_options(command: Any) -> Any:
    """Add the options of a training recipe."""
    for option in reversed(_RECIPE_OPTIONS):
        command = option(command)
    return command
