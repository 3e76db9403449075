"""Drawn libraries of nested genres, of which the probability of every genre is known."""

import numpy as np
from scipy.special import expit

from covers.evaluate.inputs import EvaluationInputs

BROAD, FINE = ("jazz", "rock"), ("bebop", "bluesrock", "progrock", "swing")
VOCAB = tuple(sorted((*BROAD, *FINE)))
IMPLIED = np.zeros((6, 6), bool)
for fine, broad in (
    ("bebop", "jazz"),
    ("swing", "jazz"),
    ("bluesrock", "rock"),
    ("progrock", "rock"),
):
    IMPLIED[VOCAB.index(fine), VOCAB.index(broad)] = True


def nested(n, seed=0, *, held=0.4):
    """Covers of nested genres whose posteriors are known, as the inputs of an evaluation."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n, 6))
    logits = 1.5 * signal + np.array([-2.0, -1.0, -0.5, -2.5, -0.5, -3.0])
    has = rng.random((n, 6)) < expit(logits)
    for i, j in np.argwhere(IMPLIED):
        has[:, j] |= has[:, i]
    posterior = expit(logits)
    for j in np.flatnonzero(IMPLIED.any(axis=0)):
        others = np.prod(1 - posterior[:, IMPLIED[:, j]], axis=1)
        posterior[:, j] = 1 - (1 - posterior[:, j]) * others
    has[~has.any(axis=1), VOCAB.index("rock")] = True
    features = np.hstack([signal, rng.normal(size=(n, 2))])
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    inputs = EvaluationInputs(
        cover_ids=tuple(f"{row:032x}" for row in range(n)),
        vocab=VOCAB,
        membership=has / has.sum(axis=1, keepdims=True),
        groups=np.arange(n) // 2,
        splits=np.where(np.arange(n) // 2 < (1 - held) * n / 2, "train", "valid"),
        grouped_by="artist",
        embeddings=unit.astype(np.float32),
        p_network=expit(2.0 * logits),
        model_vocab=VOCAB,
        is_several=True,
        implied=IMPLIED,
        frozen=unit.astype(np.float32),
        colours=np.abs(unit).astype(np.float32),
    )
    return inputs, posterior
