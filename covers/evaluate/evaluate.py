"""The honest evaluation: every method and baseline on covers none of them has seen.

The network, the references of the vote and the linear probe know the train side
only. What is fitted afterwards (k, temperature, calibrators, thresholds,
conformal scores) is fitted on the valid split. Where valid is also the side that
is measured, those fits are cross-fitted over folds that keep groups together: no
cover is measured with anything that was fitted on its own group. Where heads were
also fitted without each fold of the train side, every labelled cover is measured
once more, each by a head that was fitted without its fold.

Where covers have one genre each, `covers.evaluate.one_genre` measures; where
genres are independent, `covers.evaluate.several_genres` does. Letters: N covers,
G genres.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.classify.decision import DEFAULT_LEVEL, Decision
from covers.evaluate import one_genre, several_genres
from covers.evaluate.checks.columns import align_columns
from covers.evaluate.checks.sides import check_sides, find_twins
from covers.evaluate.cross_fit import N_FOLDS, HeldOutFits, Votes
from covers.evaluate.curves import coverage_curve
from covers.evaluate.describe import describe_method, measure_sets
from covers.evaluate.document import Loss, Split
from covers.evaluate.inputs import EvaluationInputs, Sides
from covers.evaluate.measures import Difference, Estimate
from covers.evaluate.result import AcrossFolds, Evaluation
from covers.evaluate.words.conclusions import draw_conclusions
from covers.stats.bootstrap import GroupBootstrap
from covers.stats.intervals import gap_interval
from covers.stats.membership import share_with_several

if TYPE_CHECKING:
    from covers.stats.labels.metrics import LabelMeasures
    from covers.stats.metrics import Measures

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

_TOP_LOSSES = 24
_STEPS = N_FOLDS + 6


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """An evaluation with what was fitted for it and the answers behind its figures.

    Parameters
    ----------
    result : Evaluation
        Figures and conclusions.
    decision : Decision
        Fitted on the whole valid split, for ``covers classify``.
    votes : Votes
    inputs : EvaluationInputs
    """

    result: Evaluation
    decision: Decision
    votes: Votes
    inputs: EvaluationInputs


class _Steps:
    """Counts the steps of an evaluation."""

    def __init__(self, progress: Progress | None, n_steps: int) -> None:
        self.progress, self.n_steps, self.done = progress, n_steps, -1

    def __call__(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.n_steps)


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How methods are measured.

    Parameters
    ----------
    seed : int, default=0
        Of folds, resamples and subsets; the same seed gives the same numbers.
    n_bootstraps : int, default=1000
        Resamples of groups behind every interval.
    level : float, default=0.9
        Rate at which prediction sets shall hold the truth.
    leakage : bool, default=False
        Also measure what a split that ignores groups would have claimed.
    """

    seed: int = 0
    n_bootstraps: int = 1000
    level: float = DEFAULT_LEVEL
    leakage: bool = False


def evaluate_arrays(
    inputs: EvaluationInputs,
    settings: EvaluationSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Evaluated:
    """Measure every method and baseline and fit what classification needs.

    Parameters
    ----------
    inputs : EvaluationInputs
    settings : EvaluationSettings, optional
    progress : callable, optional
        Called with (steps done, steps in all).

    Raises
    ------
    DataError
        If the split leaks, or a figure does not pass its own check.
    StaleError
        If the network knows other genres.
    """
    how = settings or EvaluationSettings()
    step = _Steps(progress, _STEPS + how.leakage)
    step()
    inputs = inputs.labelled()
    check_sides(inputs.cover_ids, inputs.groups, inputs.splits)
    sides = Sides.find(inputs.splits)
    p_network = np.asarray(inputs.p_network, np.float64)
    p_network = p_network[:, align_columns(inputs.vocab, inputs.model_vocab)]
    kind = several_genres if inputs.is_several else one_genre
    # Raw, because a calibrator could bring exchanged columns back into order and hide it.
    kind.check_order(p_network[sides.held], inputs, sides)
    fits = HeldOutFits(inputs, p_network, level=how.level, seed=how.seed, progress=step)
    held = fits.predict_held()
    draws = GroupBootstrap.draw(
        inputs.groups[sides.held], n_bootstraps=how.n_bootstraps, seed=how.seed
    )
    against = one_genre.Baselines(fits=fits, seed=how.seed)
    measured = kind.measure_methods(fits, held, draws, against)
    step()
    across = _measure_across_folds(fits, against, how)
    step()
    membership = np.asarray(inputs.membership[sides.held], np.float64)
    combined = held.probabilities.combined
    right = membership[np.arange(len(combined)), combined.argmax(axis=1)] > 0
    twins = [inputs.cover_ids[sides.held[row]] for row in find_twins(fits.near_held)]
    result = Evaluation(
        several_genres=inputs.is_several,
        share_with_several=share_with_several(inputs.membership),
        split=_describe_split(inputs, sides, draws),
        genres=tuple(inputs.vocab),
        methods={
            name: describe_method(found, inputs.vocab)
            for name, found in measured.items()
        },
        differences=tuple(compare_methods(measured, kind.PAIRED, draws.n_groups)),
        sets=fits.measure_sets(held),
        across_folds=across,
        fitted=fits.report(),
        coverage_accuracy=tuple(
            coverage_curve(combined.max(axis=1), right.astype(np.float64), draws=draws)
        ),
        learning_curve=tuple(kind.measure_growth(fits, draws, how.seed)),
        top_losses=tuple(_top_losses(inputs, sides.held, combined, membership)),
        self_check=replace(
            kind.describe_checks(measured, held, membership), twins=tuple(twins)
        ),
    )
    step()
    if how.leakage:
        from covers.evaluate.leakage import measure_all_leakage

        leakage = measure_all_leakage(
            inputs, n_bootstraps=how.n_bootstraps, seed=how.seed
        )
        result = replace(result, leakage=leakage)
        step()
    votes = fits.votes(held)
    result = replace(result, conclusions=tuple(draw_conclusions(result)))
    step()
    return Evaluated(
        result=result, decision=fits.decision(), votes=votes, inputs=inputs
    )


def _describe_split(
    inputs: EvaluationInputs, sides: Sides, draws: GroupBootstrap
) -> Split:
    """Say how many covers were learned from and measured."""
    return Split(
        n_train=len(sides.train),
        n_valid=len(sides.valid),
        n_test=0 if sides.crossed else len(sides.held),
        measured="valid" if sides.crossed else "test",
        n_groups=draws.n_groups,
        grouped_by=inputs.grouped_by,
    )


def _measure_across_folds(
    fits: HeldOutFits, against: one_genre.Baselines, how: EvaluationSettings
) -> AcrossFolds | None:
    """Measure every labelled cover once, each by what was fitted without its fold; None where that was not done.

    The held-out side, answered by the network itself, is one of the folds. A test part is
    of none, and is left out.

    What a cover's own group has no part in: the head that answers for it (all of it but
    the penalty), its neighbours, blend, temperatures and prediction set. What was
    settled with it: the penalties of the head (one of four) and of the linear probe, on
    the train side; and the heads whose answers blend and temperatures are fitted on
    have learned from it, as it was not in their fold.
    """
    if fits.inputs.is_several:
        return None
    found = fits.across_folds()
    if found is None:
        return None
    answers, predictions = found
    draws = GroupBootstrap.draw(
        answers.groups, n_bootstraps=how.n_bootstraps, seed=how.seed
    )
    measured = one_genre.measure_across(answers, predictions, draws, against)
    vocab = fits.inputs.vocab
    learned = [len(part.references) for part in answers.parts]
    return AcrossFolds(
        n=len(answers),
        n_groups=draws.n_groups,
        n_folds=len(answers.parts),
        n_learned_from=round(sum(learned) / len(learned)),
        methods={name: describe_method(one, vocab) for name, one in measured.items()},
        differences=tuple(compare_methods(measured, one_genre.PAIRED, draws.n_groups)),
        sets=measure_sets(
            predictions.inside, answers.membership, level=how.level, vocab=vocab
        ),
    )


def compare_methods(
    measured: Mapping[str, Measures | LabelMeasures],
    figures: Sequence[str],
    n_groups: int,
) -> list[Difference]:
    """Compare every pair of methods on the same resamples.

    Parameters
    ----------
    measured : dict of str to Measures or LabelMeasures
    figures : sequence of str
        What to take differences of, the main one first.
    n_groups : int
        Groups that were resampled.
    """
    rows = []
    for a, b in itertools.combinations(reversed(list(measured)), 2):
        found = {}
        for figure in figures:
            value = measured[a].values[figure] - measured[b].values[figure]
            gap = measured[a].samples[figure] - measured[b].samples[figure]
            ends = gap_interval(value, gap, n_groups).ends
            found[figure] = Estimate(value=value, ci95=ends)
        rows.append(Difference.of(a, b, found))
    return rows


def _top_losses(
    inputs: EvaluationInputs, held: Rows, p: Array, membership: Array
) -> list[Loss]:
    """Return the covers whose own genres network and vote found least likely, and another likeliest."""
    from covers.stats.metrics import log_losses

    wrong = membership[np.arange(len(p)), p.argmax(axis=1)] == 0
    losses = np.where(wrong, log_losses(p, membership), -np.inf)
    rows = []
    for row in np.argsort(-losses, kind="stable")[: min(_TOP_LOSSES, wrong.sum())]:
        predicted = int(p[row].argmax())
        rows.append(
            Loss(
                cover_id=inputs.cover_ids[held[row]],
                genres=tuple(inputs.vocab[j] for j in np.flatnonzero(membership[row])),
                predicted=inputs.vocab[predicted],
                p_predicted=float(p[row, predicted]),
                p_true=float((p[row] * membership[row]).sum()),
                log_loss=float(losses[row]),
            )
        )
    return rows
