"""An interrupted training on disk: one safetensors file, published by one rename."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covers.errors import ModelError
from covers.workspace.disk.publish import publish
from covers.workspace.registry import CHECKPOINT, MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from covers.model.training.history import HistoryRow
    from covers.workspace.paths import Workspace


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state of an interrupted training: weights, optimiser, scores, seed.

    Parameters
    ----------
    labels : str
        Fingerprint of ids, genres, groups and splits.
    recipe : dict
        The parameters.
    seed, epoch, best_epoch : int
        Seed; last finished epoch; best one so far, ``-1`` for the head alone.
    best_loss : float
        Tuning loss of the best epoch.
    history : list of dict
        Scores of all epochs so far.
    network, best : dict of str to Tensor
        State now, and at the best epoch.
    optimizer : dict
        State of fastai's optimizer.
    """

    labels: str
    recipe: dict[str, Any]
    seed: int
    epoch: int
    best_epoch: int
    best_loss: float
    history: list[HistoryRow]
    network: dict[str, Tensor]
    best: dict[str, Tensor]
    optimizer: dict[str, Any]


def checkpoint_path(workspace: Workspace) -> Path:
    """Return where the checkpoint of a workspace lies."""
    return workspace.path(CHECKPOINT)


def write_checkpoint(workspace: Workspace, checkpoint: Checkpoint) -> None:
    """Publish a checkpoint."""
    import torch
    from safetensors.torch import save

    tensors = {f"network/{k}": v.contiguous() for k, v in checkpoint.network.items()}
    tensors |= {f"best/{k}": v.contiguous() for k, v in checkpoint.best.items()}
    numbers: list[dict[str, Any]] = []
    for i, state in enumerate(checkpoint.optimizer["state"]):
        tensors |= {
            f"optimizer/{i}/{k}": v.detach().cpu().contiguous()
            for k, v in state.items()
            if isinstance(v, torch.Tensor)
        }
        numbers.append(
            {k: v for k, v in state.items() if not isinstance(v, torch.Tensor)}
        )
    about = {
        "labels": checkpoint.labels,
        "recipe": checkpoint.recipe,
        "seed": checkpoint.seed,
        "epoch": checkpoint.epoch,
        "best_epoch": checkpoint.best_epoch,
        "best_loss": checkpoint.best_loss,
        "history": checkpoint.history,
        "numbers": numbers,
        "hypers": [dict(hyper) for hyper in checkpoint.optimizer["hypers"]],
    }
    with publish(checkpoint_path(workspace), "wb") as file:
        file.write(save(tensors, metadata={"checkpoint": json.dumps(about)}))


def read_checkpoint(workspace: Workspace) -> Checkpoint | None:
    """Read the checkpoint of a workspace, None where there is none.

    Raises
    ------
    ModelError
        If it is damaged.
    """
    from fastcore.foundation import L
    from safetensors import SafetensorError, safe_open

    path = checkpoint_path(workspace)
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            about: dict[str, Any] = json.loads(file.metadata()["checkpoint"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
        states: list[dict[str, Any]] = about.pop("numbers")
        hypers = L(about.pop("hypers"))
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}}
        for key, tensor in tensors.items():
            part, _, name = key.partition("/")
            if part == "optimizer":
                number, _, name = name.partition("/")
                states[int(number)][name] = tensor
            else:
                parts[part][name] = tensor
        return Checkpoint(
            **about,
            network=parts["network"],
            best=parts["best"],
            optimizer={"state": states, "hypers": hypers},
        )
    except (
        SafetensorError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
    ) as error:
        message = f"'{path}' is damaged ({error}): start anew with '{MODEL.repair(workspace.root)}'"
        raise ModelError(message) from error
