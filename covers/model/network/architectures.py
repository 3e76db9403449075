"""Which architectures there are, without importing torch: a wrong name is refused at once."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from covers.catalogue.matching import match_name
from covers.errors import DataError, ModelError
from covers.model.network.embedder_names import CLIP, FILE, UNTOUCHED

_REGISTERED = re.compile(r"@register_model\b[^\n]*\n(?:@[^\n]*\n)*def (\w+)\(")


def split_archs(arch: str) -> list[str]:
    """Return the names in a list of architectures.

    Examples
    --------
    >>> split_archs("squeezenet1_0, tf_efficientnet_lite2")
    ['squeezenet1_0', 'tf_efficientnet_lite2']
    """
    if arch.startswith(FILE):
        return [arch]  # a path may hold commas
    return [name.strip() for name in arch.split(",") if name.strip()]


def match_weights(arch: str, weights: str) -> list[tuple[str, str]]:
    """Return each architecture of a list with the weights that it starts from.

    Parameters
    ----------
    arch : str
        One name, or several with commas between them.
    weights : str
        One start for all, or as many as there are names.

    Raises
    ------
    ModelError
        If they are more than one and not as many.

    Examples
    --------
    >>> match_weights("resnet18,tf_efficientnet_lite0", "imagenet")
    [('resnet18', 'imagenet'), ('tf_efficientnet_lite0', 'imagenet')]
    >>> match_weights("squeezenet1_0,tf_efficientnet_lite0", "mine.pth,imagenet")
    [('squeezenet1_0', 'mine.pth'), ('tf_efficientnet_lite0', 'imagenet')]
    """
    names = split_archs(arch)
    if len(names) < 2:
        return [(arch, weights)]
    starts = split_archs(weights)
    if len(starts) == 1:
        starts *= len(names)
    if len(starts) != len(names):
        message = f"{len(names)} networks ({', '.join(names)}) and {len(starts)} weights ({weights!r}): give one for all, or one each in the same order"
        raise ModelError(message)
    return list(zip(names, starts, strict=True))


def refuse_unknown_architecture(name: str) -> None:
    """Refuse a name, or one of a list, that neither torchvision nor timm knows, naming the nearest.

    Their sources are read, which takes a tenth of a second; a name that they register,
    or had once (``'name':``), is left to the libraries themselves to judge.

    Raises
    ------
    ModelError
        If no architecture has that name.
    """
    sources = _sources()
    known = _REGISTERED.findall(sources)
    for one in split_archs(name) or [name]:
        if one.startswith((CLIP, FILE)):
            continue  # OpenCLIP and the file themselves are asked
        plain = one.removeprefix("timm:").removeprefix(UNTOUCHED)
        bare = plain.partition(".")[0]  # timm's may end in the tag of their weights
        once = re.compile(rf"['\"]{re.escape(bare)}['\"]\s*:")
        if sources and bare not in known and not once.search(sources):
            raise unknown_architecture(plain, known)


def unknown_architecture(name: str, known: list[str]) -> ModelError:
    """Return the error that says which known name is nearest."""
    try:
        right = match_name(name, known, what="architecture")
        return ModelError(f"no architecture {name!r}: did you mean {right!r}?")
    except DataError as error:
        return ModelError(f"{error} (names are those of torchvision and timm)")


@cache
def _sources() -> str:
    """Return what torchvision's and timm's models are written in; empty where neither is installed."""
    found = []
    for package in ("torchvision", "timm"):
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            paths = sorted((Path(folder) / "models").glob("*.py"))
            found += [p.read_text(encoding="utf-8", errors="replace") for p in paths]
    return "\n".join(found)
