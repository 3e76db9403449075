"""What `--embedder` may say, without importing torch.

``cnn`` is the network of this program, fine-tuned; ``timm:NAME`` one of timm's as
its makers published it; ``clip:MODEL`` or ``clip:MODEL:TAG`` an OpenCLIP model,
which knows words too; ``file:PATH`` vectors that were made elsewhere. Several are
joined by ``+``. A recipe and a model's description write each as an architecture:
``untouched:NAME``, ``clip:MODEL:TAG``, ``file:PATH``.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from covers.errors import ConfigError

CNN = "cnn"
UNTOUCHED, CLIP, FILE = "untouched:", "clip:", "file:"
_KINDS = {"timm:": UNTOUCHED, CLIP: CLIP, FILE: FILE}
_BORDER = re.compile(r"\+(?=(?:cnn(?:\+|$)|timm:|clip:|file:))")
_EXPECTED = (
    "'cnn', 'timm:NAME', 'clip:MODEL', 'file:VECTORS', or several of them joined by '+'"
)


def split_embedder(text: str) -> list[str]:
    """Return the parts of what was typed after ``--embedder``, as architectures; ``cnn`` stays.

    Raises
    ------
    ConfigError
        If a part is none of the kinds there are, or is named twice.

    Examples
    --------
    >>> split_embedder("cnn+clip:ViT-B-32")
    ['cnn', 'clip:ViT-B-32']
    >>> split_embedder("timm:vit_tiny_patch16_224")
    ['untouched:vit_tiny_patch16_224']
    """
    parts = [_architecture(part) for part in _BORDER.split(text)]
    if len(set(parts)) < len(parts):
        message = f"embedder {text!r:.200} names a part twice: name each once"
        raise ConfigError(message)
    return parts


def _architecture(part: str) -> str:
    """Return one part of an embedder as an architecture."""
    if part == CNN:
        return CNN
    for typed, prefix in _KINDS.items():
        name = part.removeprefix(typed)
        if part.startswith(typed) and name.strip() and name.isprintable():
            return prefix + name
    message = f"no embedder {part!r:.200}: there are {_EXPECTED}"
    raise ConfigError(message)


def arch_of_embedder(text: str, arch: str) -> str:
    """Return the architecture that an embedder stands for; `arch` is that of ``cnn``.

    Raises
    ------
    ConfigError
        As `split_embedder`, or if vectors from a file are joined with others.

    Examples
    --------
    >>> arch_of_embedder("cnn+clip:ViT-B-32", "resnet18")
    'resnet18,clip:ViT-B-32'
    """
    parts = split_embedder(text)
    if len(parts) > 1 and any(part.startswith(FILE) for part in parts):
        message = (
            f"embedder {text!r:.200}: vectors from a file know no pictures and cannot be "
            "joined with a network; put them together in one file"
        )
        raise ConfigError(message)
    return ",".join(arch if part == CNN else part for part in parts)


def is_untouched(arch: str) -> bool:
    """Say whether an architecture is used as it was published, without any training of its own."""
    parts = [arch] if arch.startswith(FILE) else arch.split(",")
    return all(one.strip().startswith((UNTOUCHED, CLIP, FILE)) for one in parts)


def vectors_path(arch: str) -> Path:
    """Return the file that ``file:PATH`` means."""
    return Path(arch.removeprefix(FILE))


def knows_words(arch: str) -> bool:
    """Say whether an architecture's makers trained it on texts too."""
    return arch.startswith(CLIP)


def typed_name(arch: str) -> str:
    """Return an architecture as a person types it after ``--embedder``, without folders.

    Examples
    --------
    >>> typed_name("untouched:vit_tiny_patch16_224"), typed_name("resnet18,clip:ViT-B-32")
    ('timm:vit_tiny_patch16_224', 'cnn+clip:ViT-B-32')
    """
    if arch.startswith(UNTOUCHED) and "," not in arch:
        return "timm:" + arch.removeprefix(UNTOUCHED)
    if arch.startswith(FILE):
        return FILE + PurePath(arch.removeprefix(FILE).partition("#")[0]).name
    if "," in arch:
        return "+".join(
            dict.fromkeys(typed_name(one.strip()) for one in arch.split(","))
        )
    return arch if arch.startswith(CLIP) else CNN


def shown_arch(arch: str) -> str:
    """Return an architecture as people read it: one that is used as published by its maker's name.

    Examples
    --------
    >>> shown_arch("resnet18,untouched:vit_tiny_patch16_224")
    'resnet18,timm:vit_tiny_patch16_224'
    """
    if arch.startswith(FILE):
        return arch
    return ",".join(re.sub(f"^{UNTOUCHED}", "timm:", one) for one in arch.split(","))


def split_clip(arch: str) -> tuple[str, str]:
    """Return the OpenCLIP model and the tag of its weights, empty for the usual one.

    Examples
    --------
    >>> split_clip("clip:ViT-B-32:openai"), split_clip("clip:ViT-B-32")
    (('ViT-B-32', 'openai'), ('ViT-B-32', ''))
    """
    name, _, tag = arch.removeprefix(CLIP).partition(":")
    return name, tag
