"""``covers demo``: the whole job on drawn covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from covers.cli.options.renamed import renamed_option
from covers.cli.options.shared import (
    common_options,
    device_option,
    open_for_command,
    refuse_idle,
    seed_option,
)
from covers.cli.terminal.speech import tell
from covers.errors import refuse_missing_package

if TYPE_CHECKING:
    from pathlib import Path

PRETRAINED_RECIPE = {
    "arch": "tf_efficientnet_lite0",
    "weights": "imagenet",
    "image_size": 96,
    "epochs": 0,
}
"""With ``--pretrained``; the extra ``weights`` brings these weights."""

FROM_NOTHING_RECIPE = {
    "arch": "resnet18",
    "weights": "none",
    "image_size": 96,
    "epochs": 14,
    "patience": 14,
    "learning_rate": 0.002,
    "embedding_dim": 128,
}


@click.command("demo")
@common_options
@seed_option
@device_option
@renamed_option(
    "--n-covers",
    "n_covers",
    before="--covers",
    type=click.IntRange(min=200),
    default=900,
    show_default=True,
    help="How many covers to draw.",
)
@click.option(
    "--pretrained",
    is_flag=True,
    help="Begin with ImageNet weights, not with random numbers; they come with album-covers[weights].",
)
@click.option(
    "--analysis/--no-analysis",
    default=True,
    show_default=True,
    help="Also find which genres look alike, groups of covers, and the map.",
)
def demo_command(
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    device: str | None,
    n_covers: int,
    pretrained: bool,
    analysis: bool,
) -> None:
    r"""Draw a library of made-up covers and do the whole job on it.

    No network, no pretrained weights, nobody's pictures: a few minutes on two
    cores. The library is drawn from known mixtures of styles, so how much two
    genres look alike is known too, and the measured overlap can be compared
    with the truth. With --pretrained it names more genres right, in less time.

    \b
    covers demo -w demo-workspace
    """
    import os
    import time

    from covers.cli.run import Job, run_job
    from covers.cli.terminal.progress import progress_bar
    from covers.demo import LibrarySettings, draw_library

    refuse_missing_package("torch", "training")
    begun = time.monotonic()
    library = workspace / "library"
    if (library / "manifest.csv").exists():
        refuse_idle(
            f"for drawing, and covers lie in '{library}' already: name another workspace",
            "n_covers",
        )
        tell(f"demo: covers lie in '{library}' already")
    else:
        tell(f"demo: drawing {n_covers} covers in '{library}'")
        with progress_bar("drawing") as progress:
            draw_library(
                library,
                LibrarySettings(n_covers=n_covers, seed=seed or 0),
                n_workers=os.cpu_count() or 1,
                progress=progress,
            )
    job = Job(
        sources=(library / "manifest.csv",),
        recipe=dict(PRETRAINED_RECIPE if pretrained else FROM_NOTHING_RECIPE),
        seed=seed,
        device=device,
        analysis=analysis,
    )
    run_job(workspace, job, as_json=as_json)
    _announce_limit(workspace, library)
    tell(f"demo: done in {time.monotonic() - begun:.0f} s")


def _announce_limit(workspace: Path, library: Path) -> None:
    """Say what the best possible classifier reads, of the covers that were measured and of endless ones."""
    from covers.demo.genres import demo_mixture
    from covers.demo.limit import DrawnCovers, measure_limit
    from covers.evaluate.words.across import held_in_words

    opened = open_for_command(workspace)
    catalogue = opened.catalogue
    found = opened.published("evaluation")
    mixture = demo_mixture()
    tell(
        f"demo: the genres overlap by design: the best possible classifier has an accuracy of {mixture.bayes_accuracy():.2f} "
        f"and a macro-F1 of {mixture.bayes_macro_f1():.2f}"
    )
    truth_file = library / "truth.json"
    if not truth_file.is_file():
        return
    locations = catalogue.column("locations")
    held = catalogue.splits == found.split.measured
    measured = [(f"{held_in_words(found.split)} alone", held)]
    if found.across_folds is not None:
        measured.insert(0, ("labelled covers", catalogue.splits != "test"))
    for which, mask in measured:
        rows = mask.nonzero()[0]
        covers = DrawnCovers(
            paths=[[place["path"] for place in locations[row]] for row in rows],
            membership=catalogue.membership(found.genres)[rows],
            groups=catalogue.groups[rows],
            vocab=found.genres,
        )
        limit = measure_limit(truth_file, covers)
        if limit is not None:
            n_artists = len(set(covers.groups.tolist()))
            tell(
                f"demo: on the {limit.n} {which}, of {n_artists} artists, it reads an accuracy of "
                f"{limit.values['accuracy']:.2f} and a macro-F1 of {limit.values['macro_f1']:.2f}, "
                f"and its probabilities, the true ones, seem off by {limit.values['ece']:.3f} (ECE): so much is luck"
            )
