"""Vectors to measure an index with: drawn, in tight clusters, or real ones enlarged."""

import numpy as np

BLOCK = 65_536
ABOUT = {
    "drawn": "500 overlapping clusters in 32 dimensions, plus noise in all",
    "clustered": "2,000 tight clusters of very unequal sizes, plus noise in all",
    "real": "embeddings of covers, each drawn vector between a cover and a near one",
}


class Mixture:
    """Overlapping clusters in few dimensions, drawn block by block.

    Embeddings of a network are of few dimensions too: recall on unstructured noise
    would say nothing about them.
    """

    n_centres, latent, within = 500, 32, 1.0

    def __init__(self, dimension, seed):
        rng = np.random.default_rng(seed)
        shape = self.n_centres, self.latent
        self.centres = rng.standard_normal(shape, dtype=np.float32)
        self.spread = rng.standard_normal((self.latent, dimension), dtype=np.float32)
        self.dimension = dimension

    def draw(self, n, rng):
        z = self.centres[self.choose(n, rng)]
        z = z + self.within * rng.standard_normal(z.shape, dtype=np.float32)
        x = z @ self.spread
        return x + 0.5 * rng.standard_normal(x.shape, dtype=np.float32)

    def choose(self, n, rng):
        return rng.integers(self.n_centres, size=n)


class Clusters(Mixture):
    """Clusters a third as wide as they lie apart, the largest with a tenth of all."""

    n_centres, latent, within = 2000, 32, 0.33

    def choose(self, n, rng):
        shares = 1 / np.arange(1, self.n_centres + 1)
        return rng.choice(self.n_centres, n, p=shares / shares.sum())


class Enlarged:
    """Real embeddings, enlarged by neighbours drawn between a cover and one near it.

    Each vector lies between a cover and one of its ten nearest, moved at random by as
    much as the differences of two more such pairs: in the directions that the covers
    vary in there.
    """

    def __init__(self, path, seed):
        import faiss

        x = np.load(path).astype(np.float32)
        self.x = x / np.linalg.norm(x, axis=1, keepdims=True)
        self.dimension = x.shape[1]
        self.near = faiss.knn(self.x, self.x, 11, metric=faiss.METRIC_INNER_PRODUCT)[1]
        del seed

    def draw(self, n, rng):
        rows = rng.integers(len(self.x), size=n)
        out = self.x[rows].copy()
        for _ in range(3):
            others = self.near[rows, rng.integers(1, 11, n)]
            share = rng.random((n, 1), dtype=np.float32) * 0.5
            out += share * (self.x[others] - self.x[rows])
            rows = self.near[rows, rng.integers(0, 11, n)]
        return out


def source_of(arguments):
    """Return the generator of the chosen vectors."""
    if arguments.data == "real":
        return Enlarged(arguments.embeddings, arguments.seed)
    kind = {"drawn": Mixture, "clustered": Clusters}[arguments.data]
    return kind(arguments.dimension, arguments.seed)


def write_vectors(path, source, n, seed):
    out = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.float32, shape=(n, source.dimension)
    )
    rng = np.random.default_rng(seed)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        out[start:stop] = source.draw(stop - start, rng)
    out.flush()
    del out


def columns_of(n):
    """A column of hundredths and one of thousandths, neither tied to the vectors."""
    return {"part": np.arange(n) % 100, "thousandth": np.arange(n) % 1000}


def sides_of(vectors, seed=5):
    """Thousandths along one direction of space: a filter by it cuts lists off."""
    direction = np.random.default_rng(seed).standard_normal(vectors.shape[1])
    along = np.concatenate(
        [
            vectors[start : start + BLOCK] @ direction.astype(np.float32)
            for start in range(0, len(vectors), BLOCK)
        ]
    )
    ranks = np.empty(len(along), dtype=np.int64)
    ranks[np.argsort(along)] = np.arange(len(along))
    return ranks * 1000 // len(along)
