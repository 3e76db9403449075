"""Covers that an index found, and then does not know, are a damage that is named."""

from __future__ import annotations

import pytest

from covers.index.hits import known_hits
from covers.workspace.paths import Workspace
from indexer.errors import IndexDamagedError


class Forgetful:
    """An index whose lookup has lost an id."""

    def get(self, ids, *, with_vectors):
        message = f"1 ids are not in index 'x': {ids[0]!r}"
        raise ValueError(message)


def test_an_index_that_does_not_know_what_it_found_is_damaged(tmp_path):
    with pytest.raises(IndexDamagedError, match=r"'abc', though .* index rebuild"):
        known_hits(Forgetful(), ["abc"], [0.5], Workspace(tmp_path))
    with pytest.raises(IndexDamagedError, match=r"though a search found them$"):
        known_hits(Forgetful(), ["abc"], [0.5], None)
