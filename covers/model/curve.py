"""The learning curve as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from covers.workspace.artefacts import publish

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#888888"


def draw_learning_curve(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw loss and scores of the probe and of each epoch of the whole network, as SVG.

    Parameters
    ----------
    history : sequence of dict
        ``phase`` (a ``"mix"`` of both is not drawn), ``epoch``, ``train_loss``, ``tuning_loss``, ``accuracy``, ``macro_f1``.
    path : Path
        Where to publish it.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    history = [row for row in history if row["phase"] != "mix"]
    epochs = range(1, len(history) + 1)
    n_probe = sum(row["phase"] == "probe" for row in history)
    losses.plot(
        epochs,
        [row["train_loss"] for row in history],
        color=_GREY,
        label="training covers",
    )
    losses.plot(
        epochs,
        [row["tuning_loss"] for row in history],
        color=_BLUE,
        label="tuning covers",
    )
    losses.set(xlabel="epoch", ylabel="loss", title="Loss: lower is better")
    scores.plot(
        epochs, [row["accuracy"] for row in history], color=_BLUE, label="accuracy"
    )
    scores.plot(
        epochs, [row["macro_f1"] for row in history], color=_ORANGE, label="macro-F1"
    )
    scores.set(xlabel="epoch", ylabel="score", title="Scores on the tuning covers")
    for axes in (losses, scores):
        if 0 < n_probe < len(history):
            axes.axvline(n_probe + 0.5, color=_GREY, linestyle=":", linewidth=1)
            axes.annotate(
                "probe | network",
                (n_probe + 0.5, 0.98),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="top",
                fontsize=7,
                color=_GREY,
                backgroundcolor="white",
            )
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    with publish(path) as file:
        file.write(buffer.getvalue())
