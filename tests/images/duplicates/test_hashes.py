"""Hashes found near by their bands are those found by comparing each with each."""

from __future__ import annotations

import numpy as np
import pytest

from covers.images.duplicates import hashes as module
from covers.images.duplicates.hashes import find_near_hashes


def drawn(n, seed, n_near=200):
    """Hashes of which some are others with up to 17 bits flipped."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 256, (n, 8), np.uint8)
    bits = np.unpackbits(hashes[rng.integers(0, n, n_near)], axis=1)
    for row, n_flipped in zip(bits, rng.integers(0, 18, n_near), strict=True):
        row[rng.choice(64, n_flipped, replace=False)] ^= 1
    return np.unique(np.concatenate([hashes, np.packbits(bits, axis=1)]), axis=0)


def by_brute_force(hashes, most_bits):
    codes = hashes.view(np.uint64).reshape(-1)
    bits = np.bitwise_count(codes[:, None] ^ codes[None]).astype(np.int64)
    first, second = np.nonzero(np.triu(bits <= most_bits))
    return first, second, bits[first, second]


IN_FOUR = [(n, 2_500_000) for n in (0, 1, 2, 3, 7, 8, 11, 12, 16, 17, 30)]
IN_THREE = [(n, 0) for n in (0, 1, 2, 8, 12)]


@pytest.mark.parametrize(("most_bits", "four_below"), IN_FOUR + IN_THREE)
def test_no_pair_is_missed_and_none_is_twice(most_bits, four_below, monkeypatch):
    monkeypatch.setattr(module, "_FOUR_BANDS_BELOW", four_below)
    hashes = drawn(600, seed=most_bits)
    found = find_near_hashes(hashes, most_bits)
    first, second, bits = by_brute_force(hashes, most_bits)
    np.testing.assert_array_equal(found.first, first)
    np.testing.assert_array_equal(found.second, second)
    np.testing.assert_array_equal(found.bits, bits)


def test_blocks_of_any_size_give_the_same(monkeypatch):
    hashes = drawn(400, seed=1)
    whole = find_near_hashes(hashes, 12)
    monkeypatch.setattr(module, "_BLOCK", 3)
    cut = find_near_hashes(hashes, 12)
    np.testing.assert_array_equal(cut.first, whole.first)
    np.testing.assert_array_equal(cut.second, whole.second)


def test_one_hash_is_near_itself():
    found = find_near_hashes(np.zeros((1, 8), np.uint8), 12)
    assert (found.first.tolist(), found.second.tolist()) == ([0], [0])


def test_hashes_that_share_a_band_are_told_apart():
    hashes = np.zeros((256, 8), np.uint8)
    hashes[:, 0] = np.arange(256)
    found = find_near_hashes(hashes, 3)
    assert len(found.first) == len(by_brute_force(hashes, 3)[0])
