"""Laying one picture over another."""

import numpy as np
import pytest

from covers.images.duplicates.alignment import Layer, aligned


@pytest.mark.parametrize("blank", ["first", "second", "both"])
def test_where_there_is_nothing_to_move_the_pictures_stay_where_they_are(blank):
    ink = np.zeros((128, 128), np.float32)
    ink[40:60, 30:90] = 200
    nothing = np.zeros_like(ink)
    first = nothing if blank in {"first", "both"} else ink
    second = nothing if blank in {"second", "both"} else ink
    for a, b in aligned(Layer(first), Layer(second)):
        assert a.shape == b.shape
        assert np.isfinite(b).all()
