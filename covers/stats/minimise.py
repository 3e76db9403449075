"""Minimising smooth functions of a few numbers, on one thread."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Array = npt.NDArray[np.float64]


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS from starting threads for matrices of a few numbers.

    Measured on two busy cores: an evaluation of 600 covers takes 5 s of
    processor time with one thread and 50 s with two that wait for each other.
    """
    with _thread_pools().limit(limits=1, user_api="blas"):
        yield


@cache
def _thread_pools() -> Any:
    """Find the libraries that keep threads; once, because it takes milliseconds."""
    from threadpoolctl import (  # type: ignore[import-untyped,unused-ignore]
        ThreadpoolController,
    )

    return ThreadpoolController()


def minimise(
    loss: Callable[[Array], tuple[float, Array]],
    start: Array,
    bounds: Sequence[tuple[float | None, float | None]] | None = None,
    *,
    steps: int = 300,
) -> Array:
    """Minimise a smooth function that returns its value and gradient, in at most so many steps."""
    from scipy.optimize import minimize

    with one_thread():
        found = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": steps},
        )
    return np.asarray(found.x, np.float64)
