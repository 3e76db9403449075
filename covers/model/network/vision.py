"""Importing torchvision and timm without torch's compiler, which takes longer than all the rest."""

from __future__ import annotations

import functools
import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPILER = "torch._dynamo"
_ASKED_FOR = f"{_COMPILER}.utils"


def import_torchvision() -> Any:
    """Import torchvision; what compiles is imported when something is compiled.

    One operator of torchvision (``roi_align``, of object detectors) imports a
    single function of torch's compiler, and with it the whole compiler: twice
    the time of torch and torchvision together. While torchvision is imported,
    that function is one that imports the compiler when it is called.

    Returns
    -------
    module
    """
    if _COMPILER in sys.modules or "torchvision" in sys.modules:
        return importlib.import_module("torchvision")
    package, utils = types.ModuleType(_COMPILER), types.ModuleType(_ASKED_FOR)
    package.__path__ = []
    package.__dict__["utils"] = utils
    utils.__dict__["is_compile_supported"] = _is_compile_supported
    sys.modules.update({_COMPILER: package, _ASKED_FOR: utils})
    try:
        return importlib.import_module("torchvision")
    except (ImportError, AttributeError):  # another release needs more of the compiler
        _forget(package, utils)
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        return importlib.import_module("torchvision")
    finally:
        _forget(package, utils)


def import_timm() -> Any:
    """Import timm; what compiles is imported when something is compiled.

    One of its networks marks a function as not to be compiled, for which torch
    imports the whole compiler. While timm is imported, such a mark is one that is
    set when the function is called and the compiler is there.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If timm is not installed.
    """
    import_torchvision()
    if _COMPILER in sys.modules or "timm" in sys.modules:
        return importlib.import_module("timm")
    import torch.compiler

    real = torch.compiler.disable
    torch.compiler.disable = _disable_later
    try:
        return importlib.import_module("timm")
    finally:
        torch.compiler.disable = real


def _disable_later(
    function: Callable[..., Any] | None = None, *args: Any, **kwargs: Any
) -> Any:
    """Mark a function as ``torch.compiler.disable`` does, once there is a compiler."""
    if function is None:
        return lambda later: _disable_later(later, *args, **kwargs)
    marked: list[Any] = []

    @functools.wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        if _COMPILER not in sys.modules:
            return function(*given, **named)
        if not marked:
            import torch.compiler

            marked.append(torch.compiler.disable(function, *args, **kwargs))
        return marked[0](*given, **named)

    return call


def _is_compile_supported(device_type: str) -> bool:
    """Import torch's compiler and call its function of this name."""
    utils: Any = importlib.import_module(_ASKED_FOR)
    return bool(utils.is_compile_supported(device_type))


def _forget(*stand_ins: types.ModuleType) -> None:
    """Remove stand-in modules, so that the real ones are imported next."""
    for stand_in in stand_ins:
        if sys.modules.get(stand_in.__name__) is stand_in:
            del sys.modules[stand_in.__name__]
