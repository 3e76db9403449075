"""The figures of an evaluation as charts, for report and dashboard alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from covers.classify.methods import TRAINED, Method
from covers.evaluate.measures import IN_WORDS
from covers.render.charts import curves
from covers.render.charts.bars import Dot, dots
from covers.render.charts.marks import FAINT, MAIN
from covers.render.numbers import reach_of, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.evaluate.measures import Bin
    from covers.evaluate.result import Evaluation


def method_dots(found: Evaluation, measure: str) -> str:
    """Return one measure of every method with its 95 % interval; the dotted line is chance.

    Parameters
    ----------
    found : Evaluation
    measure : str
        Key of the measure, such as ``"macro_f1"``. Methods that were trained here are
        coloured, baselines grey; those without this measure are left out.
    """
    title = IN_WORDS[measure]
    measured = {
        name: one
        for name, method in found.methods.items()
        if not math.isnan((one := method.estimate(measure)).value)
    }
    shown = [
        Dot(
            name=name,
            value=one.value,
            ci95=one.ci95,
            colour=MAIN if name in TRAINED else FAINT,
        )
        for name, one in measured.items()
    ]
    chance = measured.get(str(Method.CHANCE))
    alt = f"{sentence(title)} of each method"
    return dots(shown, alt=alt, title=title, mark=chance.value if chance else None)


def difference_dots(found: Evaluation) -> str:
    """Return the main measure of the best method minus that of each other; coloured where certain."""
    best, title = found.best(), IN_WORDS[found.measure]
    shown = []
    for one in found.differences:
        if best not in (one.a, one.b):
            continue
        gap = one.seen_from(best)
        low, high = reach_of(gap.ci95, gap.value)
        shown.append(
            Dot(
                name=gap.b,
                value=gap.value,
                ci95=(low, high),
                colour=MAIN if low > 0 else FAINT,
                form="+.3f",
                strong=low > 0,
            )
        )
    return dots(
        shown,
        alt=f"{title} of {best} minus that of each other method",
        title=f"{title} of {best} minus this",
        mark=0.0,
    )


def reliability(bins: Sequence[Bin], *, height_px: int = 280) -> str:
    """Return how often predictions of some certainty are right."""
    points = [(one.certainty, one.rate, one.n) for one in bins]
    return curves.reliability(points, height_px=height_px)


def coverage_accuracy(found: Evaluation) -> str:
    """Return how often the first answer is right if only the most certain are answered."""
    points = [(one.share, one.accuracy, one.ci95) for one in found.coverage_accuracy]
    return curves.coverage_accuracy(points, "first answer right")


def learning_curve(found: Evaluation) -> str:
    """Return the main measure of the vote over the number of covers to learn from."""
    points = [(one.n_references, one.value, one.ci95) for one in found.learning_curve]
    return curves.learning_curve(points, IN_WORDS[found.measure])
