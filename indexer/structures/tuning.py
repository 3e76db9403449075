"""The search effort: the quickest setting whose recall reaches the target."""

from collections.abc import Iterator
from dataclasses import dataclass

from indexer.backends import StructureBackend
from indexer.structures.recall import RecallMeasure, Sample

__all__ = ["MOST_REFINE", "tune"]

MOST_REFINE = 64
_WIDEST_GRAPH_SEARCH = 4096
_FINEST_STEPS = 3
# A dozen settings are compared on one sample, and a lucky one wins. So the winner has
# to show itself on many other vectors, with a certainty of one in two hundred.
_CAUTION = 2.576 / 1.645
_N_OTHERS = 2048
_GENEROUS = 4
_SEED = 7
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
    """Raise the effort until the target holds, look for a quicker one that does, confirm it.

    Exact neighbours are dear, so settings are compared on few vectors; the one that is
    taken is held against many others, whose neighbours a search of four times its
    effort finds. What that search misses is known from the few.

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
    if tuned.measure.low < target:
        return tuned.effort, tuned.measure
    best = _take_back(structure, sample, tuned, target)
    if structure.effort_names:
        options = [best, *_other_refinements(structure, sample, best, target)]
        seconds = sample.times([(structure, one.effort) for one in options])
        quickest = seconds.index(min(seconds))
        if seconds[quickest] < _CLEARLY * seconds[0]:
            best = options[quickest]
    best = _confirm(structure, sample, best, target)
    return best.effort, best.measure


def _confirm(
    structure: StructureBackend, sample: Sample, tuned: _Tuned, target: float
) -> _Tuned:
    """Measure a setting on other vectors, and raise its effort until the target holds there."""
    limits = _limits(structure)
    generous = {
        name: min(_GENEROUS * value, limits[name])
        for name, value in tuned.effort.items()
    }
    whole = sample.measure(structure, generous)
    others = sample.of_others(structure, generous, seed=_SEED, n_queries=_N_OTHERS)
    if not len(others.rows):
        return tuned
    name = (*structure.effort_names, "refine")[0]

    def measured(effort: Effort) -> _Tuned:
        return _Tuned(effort, others.measure(structure, effort).of(whole))

    best = measured(tuned.effort)
    refine = tuned.effort["refine"]
    while not _is_certain(best.measure, target) and best.effort != generous:
        if best.effort[name] == tuned.effort[name]:
            # Where the candidates are too few, no breadth helps.
            widest = measured({**generous, "refine": refine})
            if not _is_certain(widest.measure, target):
                refine = min(2 * refine, generous["refine"])
                is_last = refine == generous["refine"]
                best = measured(
                    generous if is_last else {**tuned.effort, "refine": refine}
                )
                continue
        breadth = min(best.effort[name] * 9 // 8 + 1, generous[name])
        best = measured({**best.effort, name: breadth})
    return best


def _is_certain(measure: RecallMeasure, target: float) -> bool:
    """Whether the recall reaches the target but for one case in two hundred."""
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
    while tuned.measure.low < target:
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
            if measure.low >= target:
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
            if measure.low >= target:
                yield _take_back(structure, sample, _Tuned(effort, measure), target)
                break
