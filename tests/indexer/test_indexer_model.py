"""Any sequence of changes answers like a NumPy model of the same data."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from indexer import VectorIndex
from indexer.changes import merging

# So long that a few changed rows of columns move, and many are written in place.
D, K = 96, 4
NAMES = [f"n{number}" for number in range(12)]
names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True)
seeds = st.integers(0, 10_000)


def drawn(some, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((len(some), D)), [
        f"g{g}" for g in rng.integers(0, 3, len(some))
    ]


class IndexAgainstModel(RuleBasedStateMachine):
    """The model is a dict of id → (vector, genre), and one such dict per generation."""

    @initialize(some=names, seed=seeds, small_rows=st.sampled_from([1, 3, 1024]))
    def build(self, some, seed, small_rows):
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(merging, "_SMALL_ROWS", small_rows)
        self.patch.setattr(merging, "_MOST_DEAD", 0.6)
        self.folder = Path(tempfile.mkdtemp())
        vectors, genres = drawn(some, seed)
        self.index = VectorIndex.build(
            self.folder,
            some,
            vectors,
            {"genre": genres},
            structure="exact",
            keep_generations=2,
        )
        self.model = dict(zip(some, zip(vectors, genres, strict=True), strict=True))
        self.contents = {1: self.model}
        self.parents = {1: None}
        self.past = []  # (generation, content), newest first
        self.content = 1

    def published(self, model, content=None):
        """Note what a new generation holds, and what is kept beside it."""
        new = content or self.index.generation
        self.parents.setdefault(new, self.content)
        self.past = [(self.index.generation - 1, self.content), *self.past]
        self.past = [pair for pair in self.past if pair[1] != new][:2]
        self.content, self.model = new, model
        self.contents[new] = model

    @rule(some=names, others=names, seed=seeds)
    def update(self, some, others, seed):
        vectors, genres = drawn(some, seed)
        gone = [name for name in others if name in self.model and name not in some]
        change = self.index.update(some, vectors, {"genre": genres}, remove=gone)
        assert change.updated == len(set(some) & set(self.model))
        assert change.removed == len(gone)
        new = dict(zip(some, zip(vectors, genres, strict=True), strict=True))
        kept = {k: v for k, v in self.model.items() if k not in gone}
        self.published(kept | new)

    @rule(some=names, seed=seeds)
    def add(self, some, seed):
        vectors, genres = drawn(some, seed)
        if set(some) & set(self.model):
            with pytest.raises(ValueError, match="in the index already"):
                self.index.add(some, vectors, {"genre": genres})
            return
        assert self.index.add(some, vectors, {"genre": genres}).added == len(some)
        new = dict(zip(some, zip(vectors, genres, strict=True), strict=True))
        self.published(self.model | new)

    @rule(some=names)
    def remove(self, some):
        gone = set(some) & set(self.model)
        change = self.index.remove(some, missing="ignore")
        assert (change.removed, change.is_published) == (len(gone), bool(gone))
        if gone:
            self.published({k: v for k, v in self.model.items() if k not in gone})

    @rule(some=names, genre=st.sampled_from(["g0", "x"]))
    def update_columns(self, some, genre):
        some = [name for name in some if name in self.model]
        change = self.index.update_columns(some, {"genre": [genre] * len(some)})
        assert change.is_published == bool(some)
        if some:
            self.published(self.model | {n: (self.model[n][0], genre) for n in some})

    @rule()
    def compact(self):
        if self.index.compact().is_published:
            self.published(dict(self.model))
            assert len(self.index.info()["segments"]) == bool(self.model)
            assert self.index.info()["tombstones"] == 0

    @rule()
    def reopen(self):
        self.index = VectorIndex.open(self.folder)

    @precondition(lambda self: self.past)
    @rule()
    def rollback(self):
        target = self.parents[self.content]
        if target not in {past[1] for past in self.past}:
            with pytest.raises(ValueError, match="nothing older to roll back to"):
                self.index.rollback()
            return
        self.index.rollback()
        self.published(self.contents[target], content=target)

    @invariant()
    def answers_like_the_model(self):
        assert len(self.index) == len(self.model)
        assert set(self.index.ids) == set(self.model)
        assert self.index.info()["history"] == [past[0] for past in self.past]
        query = np.random.default_rng(self.index.generation).standard_normal(D)
        for where in ({}, {"genre": ["g0", "x"]}):
            self.compare(query, where)

    def compare(self, query, where):
        truth = {
            name: float(vector @ query / np.linalg.norm(vector) / np.linalg.norm(query))
            for name, (vector, genre) in self.model.items()
            if not where or genre in where["genre"]
        }
        best = sorted(truth.values(), reverse=True)[:K]
        result = self.index.search(query, K, where=where)
        found = [name for name in result.ids[0].tolist() if name is not None]
        assert len(set(found)) == len(found) == len(best)
        np.testing.assert_allclose(result.similarities[0, : len(best)], best, atol=1e-6)
        np.testing.assert_allclose([truth[name] for name in found], best, atol=1e-6)
        assert [self.index.ids[row] for row in result.rows[0] if row >= 0] == found
        assert bool(result.notes) == (len(best) < K)

    def teardown(self):
        if hasattr(self, "index"):
            assert self.index.verify(n_sampled=5).ok
            shutil.rmtree(self.folder)
            self.patch.undo()


IndexAgainstModel.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestIndexAgainstModel = IndexAgainstModel.TestCase
