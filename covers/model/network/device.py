"""Where the network runs and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

from covers.errors import ConfigError

if TYPE_CHECKING:
    import torch


def pick_device(name: str = "auto") -> torch.device:
    """Turn ``auto``, ``cpu`` or ``cuda`` into a device.

    Raises
    ------
    ConfigError
        If ``cuda`` is asked for and there is none.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        message = "no CUDA device here: use '--device cpu', or install a torch build that fits this GPU and driver"
        raise ConfigError(message)
    return torch.device(name)


@cache
def mixed_dtype(device: torch.device) -> torch.dtype | None:
    """Return the 16-bit type that makes convolutions faster on `device`, or None.

    bfloat16 on CPUs with hardware for it (four to five times faster there than
    float32, and slower everywhere else) and on GPUs that have it; float16 on
    older GPUs.
    """
    import torch

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    capabilities = (
        torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    )
    gains = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if gains else None


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Return a context in which the network computes in `mixed_dtype`."""
    import torch

    dtype = mixed_dtype(device)
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)
