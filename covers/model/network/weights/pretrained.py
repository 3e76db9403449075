"""Weights of a backbone from a file: read without pickle, and held to the architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from covers.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict from safetensors, or from a file that ``torch.load(weights_only=True)`` accepts.

    Raises
    ------
    ModelError
        If the file is missing, or holds anything but tensors by name.
    """
    import pickle

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        message = (
            f"no weights in '{path}': give a .safetensors file or a torch state dict"
        )
        raise ModelError(message) from error
    except (
        SafetensorError,
        OSError,
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        ValueError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = f"cannot read weights from '{path}' ({reason}): give a .safetensors file or a torch state dict"
        raise ModelError(message) from error
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        message = f"'{path}' holds no state dict: give a file with tensors by name"
        raise ModelError(message)
    return dict(state)


def load_state(
    model: nn.Module, state: Mapping[str, Tensor], name: str, arch: str
) -> None:
    """Load a state dict, or explain which keys and shapes do not fit.

    The classifier may be absent or of another width; everything else must fit.

    Raises
    ------
    ModelError
        If the body's keys or shapes differ.
    """
    expected = model.state_dict()
    classifier = {
        key
        for key in (*expected, *state)
        if key.split(".")[0] in ("fc", "classifier", "head", "heads")
    }
    missing = sorted(set(expected) - set(state) - classifier)
    extra = sorted(set(state) - set(expected) - classifier)
    misfits = [
        f"{key} is {tuple(state[key].shape)}, not {tuple(expected[key].shape)}"
        for key in sorted(set(state) & set(expected) - classifier)
        if state[key].shape != expected[key].shape
    ]
    if missing or misfits:
        parts = [
            f"{len(keys)} {what} (e.g. {', '.join(keys[:3])})"
            for what, keys in (
                ("keys missing", missing),
                ("keys unknown", extra),
                ("shapes wrong", misfits),
            )
            if keys
        ]
        message = f"weights in {name} do not fit {arch!r}: {'; '.join(parts)}; name their architecture with '--arch'"
        raise ModelError(message)
    fitting = {
        k: v for k, v in state.items() if k in expected and v.shape == expected[k].shape
    }
    model.load_state_dict(fitting, strict=False)
