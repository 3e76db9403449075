"""Who may vote on a picture."""

from types import SimpleNamespace

import numpy as np
import pytest

from covers.classify.classify import find_voters
from covers.errors import DataError


class IndexThatLeavesNothingOut:
    """Answers with the picture itself, whatever it is told, as one with a damaged lookup does."""

    address = "music/index"

    def search(self, embeddings, k, exclude_ids):
        ids = np.full((len(embeddings), k), "a", object)
        return SimpleNamespace(ids=ids, similarities=np.ones(ids.shape, np.float32))


def test_an_index_that_leaves_nothing_out_is_refused_and_not_asked_for_ever():
    references = SimpleNamespace(
        cover_ids=["a"],
        rows=SimpleNamespace(of=lambda ids: np.zeros(len(ids), np.int64)),
        whole_groups=lambda rows: np.unique(rows),
    )
    with pytest.raises(DataError, match="to be left out: run 'covers index verify"):
        find_voters(
            np.ones((1, 2), np.float32),
            ["a"],
            IndexThatLeavesNothingOut(),
            references,
            n_wanted=1,
        )
