"""Which architectures there are, without importing torch: a wrong name is told at once."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from covers.catalogue.matching import match_name
from covers.errors import DataError, ModelError
from covers.model.network.embedder_names import CLIP, FILE, UNTOUCHED

_REGISTERED = re.compile(r"@register_model\b[^\n]*\n(?:@[^\n]*\n)*def (\w+)\(")


def refuse_unknown_architecture(name: str) -> None:
    """Refuse a name that neither torchvision nor timm knows, naming the nearest.

    Their sources are read, which takes a tenth of a second; a name that stands
    anywhere in them is left to the libraries themselves to judge.

    Raises
    ------
    ModelError
        If no architecture has that name.
    """
    if name.startswith((CLIP, FILE)):
        return  # OpenCLIP and the file themselves are asked
    plain = name.removeprefix("timm:").removeprefix(UNTOUCHED)
    bare = plain.partition(".")[0]  # timm's names may end in the tag of their weights
    sources = _sources()
    if not sources or re.search(rf"\b{re.escape(bare)}\b", sources):
        return
    raise unknown_architecture(plain, _REGISTERED.findall(sources))


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
