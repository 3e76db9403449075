"""Near hashes that a scan keeps: the next one finds the same as without them."""

from __future__ import annotations

import numpy as np
import pytest

from covers.images.duplicates.hashes import find_near_hashes
from covers.images.duplicates.known_hashes import KnownHashes
from covers.workspace.paths import Workspace
from covers.workspace.registry import NEAR_HASHES

MOST_BITS = 12


def draw(n, seed=0):
    """Draw distinct hashes, one in ten near another."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 256, (n, 8), np.uint8)
    hashes[: n // 10] = hashes[n // 2 : n // 2 + n // 10]
    hashes[: n // 10, 3] ^= rng.integers(1, 64, n // 10).astype(np.uint8)
    return np.unique(hashes, axis=0)


def pairs(found):
    """Return pairs with their bits as tuples."""
    return list(zip(found.first, found.second, found.bits, strict=True))


@pytest.fixture
def known(tmp_path):
    """Remember what 3,000 hashes gave."""
    known = KnownHashes(Workspace(tmp_path), fewest=100)
    known.find(draw(3000), MOST_BITS)
    return known


CHANGES = {
    "the same": lambda hashes: hashes,
    "some gone": lambda hashes: hashes[hashes[:, 0] > 9],
    "one gone": lambda hashes: hashes[1:],
    "some new": lambda hashes: np.unique(
        np.concatenate([hashes[30:], hashes[40:60] ^ 1, draw(20, seed=1)]), axis=0
    ),
    "others": lambda hashes: draw(len(hashes), seed=2),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_they_are_those_of_a_search_without_them(known, change):
    hashes = change(draw(3000))
    whole = pairs(find_near_hashes(hashes, MOST_BITS))
    assert len(whole) > len(hashes)
    assert pairs(known.find(hashes, MOST_BITS)) == whole
    assert pairs(known.find(hashes, MOST_BITS)) == whole  # from what that one kept


def test_other_bits_and_a_damaged_file_are_found_anew(known):
    hashes = draw(3000)
    assert pairs(known.find(hashes, 8)) == pairs(find_near_hashes(hashes, 8))
    known.workspace.path(NEAR_HASHES).write_bytes(b"damaged")
    whole = pairs(find_near_hashes(hashes, MOST_BITS))
    assert pairs(known.find(hashes, MOST_BITS)) == whole


def test_few_are_not_kept(known):
    known.find(draw(3000)[:50], MOST_BITS)
    assert not known.workspace.path(NEAR_HASHES).exists()
