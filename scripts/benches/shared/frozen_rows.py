"""Rows of the recipe bench whose backbones stay as they are: one each, and the mean of several.

Statistics are made once per backbone; a fold then costs a head. What is fitted and
how answers are calibrated is the program's own code.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from covers.catalogue.implied import read_implied
from covers.catalogue.table import read_catalogue
from covers.evaluate import baselines
from covers.evaluate.cross_fit import HeldOutFits
from covers.evaluate.inputs import EvaluationInputs, Sides
from covers.model.embed import FrozenNetwork, Preprocessing, embed_frozen
from covers.model.embedding_table import frozen_parts
from covers.model.network.architectures import match_weights
from covers.model.network.head import Head
from covers.model.network.make_backbone import make_backbone
from covers.model.training.heads.crossed import (
    CrossedPredictions,
    HeadFit,
    deal_folds,
    join_crossed,
    predict_across_folds,
)
from covers.model.training.heads.fit import (
    HeadSettings,
    learns_from_mixtures,
    start_head,
)
from covers.model.training.heads.frozen import MOST_MIRRORED
from covers.model.training.recipe import Recipe, for_catalogue
from covers.stats.distributions import softmax
from covers.stats.rows import RowsById

if TYPE_CHECKING:
    from pathlib import Path

    from covers.workspace.paths import Workspace

LEVEL = 0.9


class FrozenRows:
    """Heads on untouched backbones, fitted fold by fold.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue; statistics are kept in it.
    cache : Path
        Where heads' answers are kept.
    weights : dict of str to str
        Start of each architecture; ``"NAME@288"`` sees pictures of 288 px.
    """

    def __init__(
        self, workspace: Workspace, cache: Path, weights: dict[str, str]
    ) -> None:
        self.workspace, self.cache, self.weights = workspace, cache, weights
        self.catalogue = read_catalogue(workspace)
        self.recipe = for_catalogue(Recipe(), self.catalogue)
        self.membership = np.asarray(self.catalogue.membership(), np.float32)
        self._statistics: dict[str, tuple[np.ndarray, list[np.ndarray], int]] = {}

    def statistics(self, arch: str) -> tuple[np.ndarray, list[np.ndarray], int]:
        """Return a backbone's statistics (N, F), those of mirror images where they are learned from, and how many are its deepest channels."""
        if arch not in self._statistics:
            name, _, size = arch.partition("@")
            backbone, mean, std = make_backbone(name, self.weights[arch])
            how = Preprocessing(
                int(size or Recipe().image_size), tuple(mean), tuple(std)
            )
            views = []
            few = (self.membership.sum(axis=1) > 0).sum() <= MOST_MIRRORED
            for seen in (how, replace(how, mirrored=True))[: 1 + few]:
                fingerprint, _ = embed_frozen(
                    self.workspace, FrozenNetwork(backbone.eval(), seen)
                )
                parts = frozen_parts(self.workspace, fingerprint)
                ids, (found,) = parts.read(["statistics"], "bench")
                views.append(found[RowsById(ids).of(self.catalogue.cover_ids)])
            plain, *mirrored = views
            self._statistics = {arch: (plain, mirrored, backbone.channels[-1])}
        return self._statistics[arch]

    def head(
        self, arch: str, seed: int, fold: int, train: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return every cover's embedding and logits by a head on some covers, and its frozen features."""
        into = self.cache / f"head-{slug(arch)}-{seed}-{fold}.npz"
        if not into.exists():
            values, mirrored, width = self.statistics(arch)
            known = np.concatenate([values[train], *(view[train] for view in mirrored)])
            several = bool(self.recipe.multi_label)
            membership = (self.membership > 0) if several else self.membership
            head = Head(
                values.shape[1], self.recipe.embedding_dim, self.membership.shape[1]
            )
            penalty = start_head(
                head.eval(),
                torch.from_numpy(known),
                torch.from_numpy(membership[train].astype(np.float32)),
                self.catalogue.groups[train],
                HeadSettings(
                    class_balance=self.recipe.class_balance,
                    multi_label=several,
                    seed=seed,
                    mixes=self._mixes(train),
                ),
            )
            with torch.inference_mode():
                embedded = head.embed(torch.from_numpy(values))
                logits = head.genres(embedded)
            frozen = values[:, -2 * width : -width]
            across = {} if several else vars(self._across(known, train, penalty, seed))
            np.savez(
                into,
                embedding=embedded,
                logits=logits,
                frozen=frozen.astype("f2"),
                **{f"across_{name}": value for name, value in across.items()},
            )
        return dict(np.load(into))

    def _mixes(self, train: np.ndarray) -> bool:
        return learns_from_mixtures(
            len(train), multi_label=bool(self.recipe.multi_label)
        )

    def _across(
        self, known: np.ndarray, train: np.ndarray, penalty: float, seed: int
    ) -> CrossedPredictions:
        """Answer across the folds of the train side, as an evaluation does."""
        fit = HeadFit(
            class_balance=self.recipe.class_balance,
            penalty=penalty,
            seed=seed,
            n_axes=self.recipe.embedding_dim,
            mixes=self._mixes(train),
        )
        membership = self.membership[train]
        folds = deal_folds(membership, self.catalogue.groups[train], seed)
        return predict_across_folds(known, membership, folds, fit)

    def run(self, archs: str, seed: int, fold: int, held: np.ndarray) -> dict:
        """Answer for a held-out fold by the mean of some backbones' heads; see `scripts.benches.recipe`."""
        train = np.flatnonzero(~held & (self.membership.sum(axis=1) > 0))
        names = [name for name, _ in match_weights(archs, "none")]
        parts = [self.head(name, seed, fold, train) for name in names]
        logits = np.mean([part["logits"] for part in parts], axis=0).astype(float)
        joined = np.concatenate([part["embedding"] for part in parts], axis=1)
        several = bool(self.recipe.multi_label)
        catalogue = self.catalogue
        across = {}
        if not several:
            names = [field.name for field in fields(CrossedPredictions)]
            found = join_crossed(
                [
                    CrossedPredictions(**{n: part[f"across_{n}"] for n in names})
                    for part in parts
                ]
            )
            across = found.as_columns("crossed", len(catalogue), train)
        inputs = EvaluationInputs(
            **across,
            cover_ids=catalogue.cover_ids,
            vocab=catalogue.vocab,
            membership=self.membership.astype(np.float64),
            groups=catalogue.groups,
            splits=np.where(held, "valid", "train"),
            grouped_by=catalogue.grouped_by,
            embeddings=(joined / len(parts) ** 0.5).astype(np.float32),
            p_network=1 / (1 + np.exp(-logits)) if several else softmax(logits),
            model_vocab=catalogue.vocab,
            is_several=several,
            implied=read_implied(self.workspace, catalogue.vocab, self.membership)
            if several
            else None,
        ).labelled()
        sides = Sides.find(inputs.splits)
        fits = HeldOutFits(inputs, inputs.p_network, level=LEVEL, seed=seed)
        answers = fits.predict_held()
        p = answers.probabilities
        found = {"p_network": p.network, "p_vote": p.vote, "p_combined": p.combined}
        found["cover_ids"] = np.array([inputs.cover_ids[row] for row in sides.held])
        found["inside"] = answers.inside
        if not several and len(parts) == 1:
            features = parts[0]["frozen"].astype(np.float32)
            rows = catalogue.rows_of(inputs.cover_ids)
            features = features[rows]
            features /= np.maximum(np.linalg.norm(features, axis=1)[:, None], 1e-12)
            near = baselines.find_by_features(
                features, sides.held, sides.train, inputs.groups
            )
            found["p_frozen, 5 neighbours"] = baselines.vote_plainly(
                near, inputs.membership[sides.train]
            )
        return found


def slug(name: str) -> str:
    """Return a name as part of a file's name."""
    return "".join(c if c.isalnum() else "-" for c in name)
