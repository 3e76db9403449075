"""The options of a training recipe, and the recipe that they and the workspace make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from covers.model.recipe import Recipe
    from covers.workspace.settings import Settings

_RECIPE_OPTIONS = (
    click.option(
        "--arch", help="Backbone, by its torchvision or timm name.  [default: resnet18]"
    ),
    click.option(
        "--weights",
        help="Where it starts: 'imagenet' (fetched once), 'none', or a file of tensors (safetensors or a torch state dict).  [default: imagenet]",
    ),
    click.option(
        "--image-size", type=int, help="Side of the pictures in pixels.  [default: 224]"
    ),
    click.option(
        "--epochs",
        type=int,
        help="Epochs of the whole network; 0 trains the head alone.  [default: 4]",
    ),
    click.option("--batch-size", type=int, help="Pictures per step.  [default: 32]"),
    click.option(
        "--learning-rate", type=float, help="Peak rate of training.  [default: 0.001]"
    ),
    click.option(
        "--multi-label/--single-label",
        default=None,
        help="Independent genres instead of shares.  [default: single]",
    ),
)


def recipe_options(command: Any) -> Any:
    """Add the options of a training recipe."""
    for option in reversed(_RECIPE_OPTIONS):
        command = option(command)
    return command


def choose_recipe(
    workspace: Path, settings: Settings, given: dict[str, Any]
) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe in force, and what of it differs from the defaults, to be remembered.

    A file of weights is remembered relative to the workspace.
    """
    from covers.model.recipe import Recipe
    from covers.workspace.paths import Workspace

    changes = dict(settings.train)
    changes.update({name: value for name, value in given.items() if value is not None})
    weights = changes.get("weights")
    if weights not in (None, "imagenet", "none"):
        assert weights is not None
        path = Path(weights) if given.get("weights") else workspace / weights
        recipe = Recipe().changed({**changes, "weights": str(path)})
        return recipe, {**changes, "weights": Workspace(workspace).relative(path)}
    return Recipe().changed(changes), changes
