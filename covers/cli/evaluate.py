"""``covers evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from covers.cli.options import common_options, device_option, print_json, seed_option
from covers.cli.tables import print_table, print_text

if TYPE_CHECKING:
    from pathlib import Path

    from covers.workspace.paths import Workspace


@click.command("evaluate")
@common_options
@seed_option
@device_option
@click.option(
    "--leakage",
    is_flag=True,
    help="Also measure what a split that ignores artists and duplicates would claim.",
)
@click.option(
    "--level",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=None,
    help="How often a prediction set shall hold the truth (0.9).",
)
@click.option(
    "--bootstraps",
    "n_bootstraps",
    type=click.IntRange(min=10),
    default=None,
    help="Resamples behind every interval (1000).",
)
@click.option("--again", is_flag=True, help="Measure anew even if nothing has changed.")
@click.option(
    "--replace",
    is_flag=True,
    help="Let a result made with other settings replace the workspace's own.",
)
def evaluate_command(
    *,
    workspace: Path,
    as_json: bool,
    seed: int | None,
    device: str | None,
    leakage: bool,
    level: float | None,
    n_bootstraps: int | None,
    again: bool,
    replace: bool,
) -> None:
    r"""Measure every method and baseline on held-out covers.

    Writes evaluation.html, .json and .csv into the workspace's analysis folder.

    \b
    covers evaluate -w my-workspace
    covers evaluate -w my-workspace --leakage --json
    """
    from covers.cli.progress import progress_bars
    from covers.evaluate.stage import evaluate_workspace, is_fresh
    from covers.model.embed import embed_frozen_workspace
    from covers.workspace.paths import Workspace
    from covers.workspace.stages import Manner

    place = Workspace.open(workspace)
    changes = {
        "seed": seed,
        "n_bootstraps": n_bootstraps,
        "level": level,
        "leakage": leakage or None,
    }
    with progress_bars() as stage:
        if again or not is_fresh(place, **changes):
            embed_frozen_workspace(
                place,
                device=device or place.settings.device,
                progress=lambda done, total: stage("baseline features", done, total),
            )
        manner = Manner(
            progress=lambda done, total: stage("evaluating", done, total),
            say=lambda text: click.echo(text, err=True),
            again=again,
            replace=replace,
        )
        found = evaluate_workspace(place, manner, **changes)
    show_evaluation(place, found, as_json=as_json)


def show_evaluation(
    workspace: Workspace, found: dict[str, Any] | None = None, *, as_json: bool = False
) -> None:
    """Print an evaluation, by default the one that is written in a workspace.

    Raises
    ------
    DataError
        If there is none.
    """
    from covers.evaluate.stage import read_evaluation
    from covers.workspace.registry import EVALUATION_PAGE

    payload = read_evaluation(workspace) if found is None else found
    if as_json:
        print_json({key: value for key, value in payload.items() if key != "stamp"})
        return
    print_evaluation(payload)
    click.echo(f"\nThe whole report: {workspace.path(EVALUATION_PAGE)}")


def print_evaluation(payload: dict[str, Any]) -> None:
    """Print an evaluation for people.

    Parameters
    ----------
    payload : dict
        As in ``evaluation.json``.
    """
    from covers.evaluate.tables import NAMES

    split = payload["split"]
    n_held = next(iter(payload["methods"].values()))["n"]
    print_text(
        f"{n_held} held-out covers of {len(payload['genres'])} genres ({split['measured']} side, "
        f"{split['n_train']} train covers)"
    )
    print_table(
        ["method", "accuracy", "95 %", "macro-F1", "95 %", "top-3", "ECE"],
        [
            (
                NAMES.get(name, name),
                f"{found['accuracy']:.3f}",
                _ends(found["ci95"].get("accuracy")),
                f"{found['macro_f1']:.3f}",
                _ends(found["ci95"].get("macro_f1")),
                f"{found['top3']:.3f}",
                f"{found['ece']:.3f}",
            )
            for name, found in payload["methods"].items()
        ],
        right=range(1, 7),
    )
    for name, row in payload.get("leakage", {}).items():
        print_text(
            f"leak, {NAMES.get(name, name)}: {row['random']:.3f} macro-F1 if split at random, "
            f"{row['grouped']:.3f} grouped"
        )
    if "labels" in payload:
        _print_labels(payload["labels"])
    click.echo()
    for sentence in payload["conclusions"]:
        print_text(sentence, first="- ")
    if split["n_groups"] < n_held:
        print_text(
            f"Intervals: bootstrap over {split['n_groups']} groups ({split['grouped_by']})."
        )


def _print_labels(labels: dict[str, Any]) -> None:
    """Print the table of independent genres."""
    from covers.evaluate.tables import NAMES

    click.echo("\nindependent genres, each with its own threshold")
    print_table(
        ["method", "mAP", "95 %", "macro-F1", "95 %", "found", "named", "ECE"],
        [
            (
                NAMES[name],
                f"{found['mean_average_precision']:.3f}",
                _ends(found["ci95"]["mean_average_precision"]),
                f"{found['macro_f1']:.3f}",
                _ends(found["ci95"]["macro_f1"]),
                f"{100 * found['coverage']:.0f} %",
                f"{found['named_per_cover']:.1f}",
                f"{found['ece']:.3f}",
            )
            for name, found in labels["methods"].items()
        ],
        right=range(1, 8),
    )


def _ends(interval: list[float | None] | None) -> str:
    """Return an interval as short text."""
    if interval is None or None in interval:
        return ""
    low, high = (f"{float(end or 0):.2f}".replace("0.", ".", 1) for end in interval)
    return f"{low}-{high}" if not low.startswith("-") else f"{low} to {high}"
