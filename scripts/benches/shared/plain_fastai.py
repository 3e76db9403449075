"""Plain fastai, as its tutorials show it: the alternative that the recipe is measured against.

``ImageDataLoaders`` from a table, ``Resize`` (which crops), ``aug_transforms``,
``vision_learner``, ``fine_tune``; all defaults but for the picture size and where the
pretrained weights lie. Computes in 16 bits where this program does, when asked: that
makes it faster, not better or worse, and is left out when it is timed.
"""

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastai.vision.all import (
        ImageDataLoaders,
        Normalize,
        Resize,
        aug_transforms,
        imagenet_stats,
        vision_learner,
    )

from covers.catalogue.table import read_catalogue
from covers.model.network.weights.pretrained import load_state, read_state
from covers.model.training.fastai_adapter import MixedPrecisionForward
from covers.model.training.recipe import Recipe
from covers.workspace.paths import Workspace


@dataclass(frozen=True, kw_only=True)
class PlainSettings:
    """The settings of plain fastai; `mixed` computes in 16 bits where that is as good."""

    arch: str
    weights: Path
    size_px: int
    epochs: int
    seed: int
    mixed: bool


def fit_plain(
    paths: list[Path],
    labels: list[str],
    is_held: np.ndarray,
    settings: PlainSettings,
) -> tuple[np.ndarray, list[str], list[float]]:
    """Train on what is not held out.

    Returns
    -------
    probabilities : ndarray of float64, shape (n_held, n_labels)
    vocab : list of str
    seconds : list of float
        Of each epoch of the whole network.
    """
    import torchvision

    arch, weights, mixed = settings.arch, settings.weights, settings.mixed
    table = pd.DataFrame({"path": list(map(str, paths)), "label": labels})
    train = table[~is_held].assign(is_valid=False)
    # fastai wants a valid side to report on; one batch of the train side will do.
    table_of_all = pd.concat([train, train.head(64).assign(is_valid=True)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaders = ImageDataLoaders.from_df(
            table_of_all,
            path="/",
            valid_col="is_valid",
            seed=settings.seed,
            num_workers=0 if mixed else None,
            item_tfms=Resize(settings.size_px),
            batch_tfms=[*aug_transforms(), Normalize.from_stats(*imagenet_stats)],
        )
        torch.manual_seed(settings.seed)
        make = getattr(torchvision.models, arch)
        learner = vision_learner(loaders, make, pretrained=False)
        whole = make()
        load_state(whole, read_state(weights), str(weights), arch)
        body = [v for k, v in whole.state_dict().items() if k.startswith("features.")]
        mine = learner.model[0].state_dict()
        learner.model[0].load_state_dict(dict(zip(mine, body, strict=True)))
        if mixed:
            learner.add_cb(MixedPrecisionForward(torch.device("cpu")))
        learner.freeze()
        seconds: list[float] = []
        with learner.no_bar(), learner.no_logging():
            # What `fine_tune` does, epoch for epoch, with a clock between its two phases.
            learner.fit_one_cycle(1, slice(2e-3), pct_start=0.99)
            learner.unfreeze()
            start = time.monotonic()
            learner.fit_one_cycle(
                settings.epochs, slice(1e-3 / 100, 1e-3), pct_start=0.3, div=5.0
            )
            seconds.append((time.monotonic() - start) / settings.epochs)
            test = loaders.test_dl(table[is_held]["path"].tolist())
            probabilities, _ = learner.get_preds(dl=test)
    return probabilities.numpy().astype(np.float64), list(loaders.vocab), seconds


def run_plain(
    workspace: Workspace,
    seed: int,
    given: argparse.Namespace,
    *,
    mixed: bool = True,
    epochs: int | None = None,
) -> dict:
    """Train plain fastai on the same covers."""
    catalogue = read_catalogue(workspace)
    vocab = catalogue.vocab
    membership = catalogue.membership()
    known = np.flatnonzero(membership.sum(axis=1) > 0)
    places = [catalogue.column("locations")[row][0] for row in known]
    held = catalogue.splits[known] == "valid"
    start = time.monotonic()
    recipe = Recipe()
    p, names, seconds = fit_plain(
        [workspace.resolve(place["source"], place["path"]) for place in places],
        [vocab[j] for j in membership[known].argmax(axis=1)],
        held,
        PlainSettings(
            arch=given.arch,
            weights=given.weights,
            size_px=recipe.image_size,
            epochs=epochs or recipe.epochs,
            seed=seed,
            mixed=mixed,
        ),
    )
    return {
        "cover_ids": np.array([catalogue.cover_ids[row] for row in known[held]]),
        "p_network": p[:, [names.index(genre) for genre in vocab]],
        "seconds": time.monotonic() - start,
        "epoch_seconds": seconds[0],
    }
