"""Weights that lie on a hub of models, and whether they are on this machine already."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from covers.errors import ModelError
from covers.model.network.embedder_names import shown_arch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TIMM_FILES = ("model.safetensors", "pytorch_model.bin")
_CLIP_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


def no_download(arch: str, error: Exception) -> ModelError:
    """Return the error that says what to do where weights cannot be fetched."""
    reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    return ModelError(
        f"cannot download the weights of {shown_arch(arch)!r} ({reason}): "
        "give a file with '--weights FILE'"
    )


def not_here(arch: str) -> ModelError:
    """Return the error that says that weights are missing and may not be fetched."""
    return ModelError(
        f"the weights of {shown_arch(arch)!r} are not on this machine and may not be fetched now: "
        "give a file with '--weights FILE', or run the command that uses them first, without '--offline'"
    )


@contextmanager
def without_hub() -> Iterator[None]:
    """Keep the client of the hub from touching the network."""
    try:
        from huggingface_hub import constants
    except ImportError:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def cached_file(repository: str, names: Sequence[str]) -> Path | None:
    """Return the first of some files of a hub's repository that lies on this machine."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    for name in names:
        found = try_to_load_from_cache(repository, name)
        if isinstance(found, str):
            return Path(found)
    return None


def cached_timm(name: str) -> Path | None:
    """Return where the published weights of a timm network lie on this machine, if they do."""
    from covers.model.network.vision import import_timm

    config = import_timm().models.get_pretrained_cfg(name)
    repository = getattr(config, "hf_hub_id", None) if config else None
    return cached_file(str(repository), _TIMM_FILES) if repository else None


def cached_clip(model: str, tag: str) -> Path | None:
    """Return where the weights of an OpenCLIP model lie on this machine, if they do."""
    import open_clip

    config = open_clip.get_pretrained_cfg(model, tag)
    repository, _, name = str(config.get("hf_hub") or "").rpartition("/")
    if repository:
        safe = (f"{Path(name).stem}.safetensors", name) if name else _CLIP_FILES
        return cached_file(repository, safe)
    url = str(config.get("url") or "")
    path = Path("~/.cache/clip").expanduser() / url.rpartition("/")[2]
    return path if url and path.is_file() else None
