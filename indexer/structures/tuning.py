"""How hard to search: the quickest setting whose recall reaches the target."""

from collections.abc import Iterator
from dataclasses import dataclass

from indexer.backends import StructureBackend
from indexer.structures.recall import RecallMeasure, Sample

__all__ = ["MOST_REFINE", "tune"]

MOST_REFINE = 64
_WIDEST_GRAPH_SEARCH = 4096
_FINEST_STEPS = 3
# A dozen settings are compared on one sample, and the luckiest would win: so each has
# to reach the target with a certainty of one in two hundred, not of one in twenty.
_CAUTION = 2.576 / 1.645
# Another setting must be so much quicker: clocks are noisy.
_CLEARLY = 0.93

Effort = dict[str, int]


@dataclass(frozen=True)
class _Tuned:
    """A setting and the recall that it has."""

    effort: Effort
    measure: RecallMeasure


def tune(
    structure: StructureBackend, sample: Sample, target: float
) -> tuple[Effort, RecallMeasure]:
    """Raise the effort until the target holds, then look for a quicker one that does.

    Parameters
    ----------
    structure : StructureBackend
    sample : Sample
    target : float
        What the recall should reach, with room for the error of the sample.

    Returns
    -------
    effort : dict of str to int
        ``refine``, and ``nprobe`` or ``efSearch`` where the structure has them.
    RecallMeasure
        Its recall; below the target where no effort reaches it.
    """
    tuned = _reach(structure, sample, target)
    if not _reaches(tuned.measure, target):
        return tuned.effort, tuned.measure
    best = _take_back(structure, sample, tuned, target)
    if structure.effort_names:
        options = [best, *_other_refinements(structure, sample, best, target)]
        seconds = sample.times([(structure, one.effort) for one in options])
        quickest = seconds.index(min(seconds))
        if seconds[quickest] < _CLEARLY * seconds[0]:
            best = options[quickest]
    return best.effort, best.measure


def _reaches(measure: RecallMeasure, target: float) -> bool:
    """Whether the recall reaches the target, luck among settings left out."""
    error = _CAUTION * (measure.recall_at_k - measure.low)
    return measure.recall_at_k - error >= target


def _limits(structure: StructureBackend) -> Effort:
    return {
        "nprobe": structure.n_lists,
        "efSearch": _WIDEST_GRAPH_SEARCH,
        "refine": MOST_REFINE,
    }


def _reach(structure: StructureBackend, sample: Sample, target: float) -> _Tuned:
    """Double what gains more, breadth or refinement, until the target holds."""
    starts = {"nprobe": max(1, structure.n_lists // 256), "efSearch": 32}
    names = structure.effort_names
    effort = {"refine": 2, **{name: starts[name] for name in names}}
    tuned = _Tuned(effort, sample.measure(structure, effort))
    limits = _limits(structure)
    while not _reaches(tuned.measure, target):
        options = []
        for name in (*names, "refine"):
            if tuned.effort[name] < limits[name]:
                more = min(2 * tuned.effort[name], limits[name])
                raised = {**tuned.effort, name: more}
                options.append(_Tuned(raised, sample.measure(structure, raised)))
        if not options:
            break
        best = max(options, key=lambda option: option.measure.recall_at_k)
        gains = best.measure.recall_at_k > tuned.measure.recall_at_k
        if not gains and len(options) == 1:
            break
        tuned = best
    return tuned


def _take_back(
    structure: StructureBackend, sample: Sample, tuned: _Tuned, target: float
) -> _Tuned:
    """Halve the last doubling of the breadth where the target still holds."""
    for name in structure.effort_names:
        low, best = tuned.effort[name] // 2, tuned
        for _ in range(_FINEST_STEPS):
            middle = (low + best.effort[name]) // 2
            if middle in {low, best.effort[name]}:
                break
            effort = {**best.effort, name: middle}
            measure = sample.measure(structure, effort)
            if _reaches(measure, target):
                best = _Tuned(effort, measure)
            else:
                low = middle
        tuned = best
    return tuned


def _other_refinements(
    structure: StructureBackend, sample: Sample, best: _Tuned, target: float
) -> Iterator[_Tuned]:
    """Trade refinement for breadth and back: each with the least breadth that holds."""
    (name,) = structure.effort_names
    limits = _limits(structure)
    start = best.effort
    for refine in (start["refine"] // 2, 2 * start["refine"]):
        if not 1 <= refine <= MOST_REFINE:
            continue
        for breadth in sorted({start[name], min(2 * start[name], limits[name])}):
            effort = {**start, "refine": refine, name: breadth}
            measure = sample.measure(structure, effort)
            if _reaches(measure, target):
                yield _take_back(structure, sample, _Tuned(effort, measure), target)
                break
