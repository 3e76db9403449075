"""Turning results into plain JSON values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any


def to_jsonable(value: Any) -> Any:
    """Turn arrays, dataclasses, paths and numpy scalars into JSON values.

    Parameters
    ----------
    value : object
        Nested mappings, sequences, sets, dataclasses, numpy arrays and scalars.

    Returns
    -------
    object
        Only ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool`` and ``None``;
        NaN and infinities become ``None``.

    Examples
    --------
    >>> import numpy as np
    >>> to_jsonable({"a": np.float32(0.5), "b": (1, float("nan"))})
    {'a': 0.5, 'b': [1, None]}
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: to_jsonable(getattr(value, f.name))
            for f in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, PurePath):
        return value.as_posix()
    if hasattr(value, "tolist"):
        return to_jsonable(value.tolist())
    if isinstance(value, (set, frozenset)):
        return [to_jsonable(item) for item in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [to_jsonable(item) for item in value]
    message = f"cannot turn {type(value).__name__} into JSON"
    raise TypeError(message)
