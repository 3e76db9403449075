"""The evaluation of a workspace: read what it is made from, write what it found."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.catalogue.implied import read_implied
from covers.catalogue.table import read_catalogue
from covers.classify.decision import Decision
from covers.classify.labels import label_odds
from covers.classify.methods import Method
from covers.errors import DataError, needs_extra
from covers.evaluate.document import MeasuredModel
from covers.evaluate.evaluate import Evaluated, EvaluationSettings, evaluate_arrays
from covers.evaluate.inputs import EvaluationInputs, Sides
from covers.evaluate.result import Evaluation
from covers.index.embedded import name_baseline_features, name_ingredients
from covers.stats.distributions import softmax
from covers.stats.membership import as_membership
from covers.stats.rows import RowsById
from covers.workspace.artefacts import write_json, write_table
from covers.workspace.disk.publish import publish
from covers.workspace.read_artefacts import read_document, read_rows, typed
from covers.workspace.registry import (
    DECISION,
    EVALUATION,
    EVALUATION_DOCUMENT,
    EVALUATION_METHODS,
    EVALUATION_PAGE,
    PICTURES,
    VOTES,
    complete_commands,
)
from covers.workspace.stages import Made, Maker, Manner
from indexer.files.arrow import as_numbers, make_array, make_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from covers.model.card import ModelCard
    from covers.model.embedding_table import EmbeddingTable
    from covers.workspace.artefacts import Stamp
    from covers.workspace.paths import Workspace
    from covers.workspace.publishing import Draft

PROBABILITY_COLUMNS = {
    str(Method.NETWORK): "p_network",
    str(Method.VOTE): "p_vote",
    str(Method.COMBINED): "p_combined",
}
"""Columns of ``votes.parquet`` that hold the probabilities of each method."""

_COLUMNS_BEFORE = {
    "p_cnn": "p_network",
    "p_blend": "p_combined",
    "p_both": "p_combined",
}

_log = logging.getLogger(__name__)


def run(
    workspace: Workspace, manner: Manner | None = None, **changes: Any
) -> Evaluation:
    """Evaluate a workspace's model, vote and baselines, and publish what was found.

    Writes ``evaluation.json``, ``decision.json``, ``votes.parquet``, tables as
    CSV and ``evaluation.html`` into the analysis folder.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue, a model and embeddings.
    manner : Manner, optional
        Whether to make it again, or to replace; callbacks.
    **changes
        Settings that differ from the workspace's own
        (`covers.workspace.settings.EvaluationOptions`), and ``seed``:
        ``n_bootstraps`` of groups behind every interval, ``level`` of the
        prediction sets, ``leakage`` to measure as well what a split that ignores
        groups would have claimed.

    Returns
    -------
    Evaluation
        The workspace's own, or one with other settings.

    Raises
    ------
    DataError, ModelError, StaleError
        If something it is made from is missing, stale, or leaks.
    """
    return MAKER.run(workspace, manner or Manner(), **changes)


def _make(
    workspace: Workspace, settings: EvaluationSettings, manner: Manner
) -> Made[Evaluation]:
    """Evaluate with some settings."""
    from covers.evaluate.page.csv_tables import write_tables
    from covers.evaluate.page.page import write_report

    inputs, card = read_inputs(workspace)
    evaluated = evaluate_arrays(inputs, settings, progress=manner.progress)
    model = MeasuredModel(
        fingerprint=card.fingerprint,
        arch=card.arch,
        n_fitted_after=card.summary.get("final", {}).get("n_covers"),
    )
    result = replace(evaluated.result, model=model)
    evaluated = replace(evaluated, result=result)

    def write(draft: Draft, stamp: Stamp) -> None:
        vocab = {**stamp.parameters, "vocab": list(inputs.vocab)}
        of_votes = replace(stamp, kind=VOTES.kind, parameters=vocab)
        write_table(draft.new_path(VOTES), votes_table(evaluated), of_votes)
        write_json(
            draft.new_path(DECISION),
            evaluated.decision.to_json(),
            replace(stamp, kind=DECISION.kind),
        )
        write_tables(draft.new_path(EVALUATION_METHODS).parent, result)
        with publish(draft.new_path(EVALUATION_PAGE)) as file:
            write_report(file, evaluated, draft)
        write_json(draft.new_path(EVALUATION_DOCUMENT), result.to_json(), stamp)

    return Made(result=result, write=write, parameters={})


def read(workspace: Workspace) -> Evaluation:
    """Read ``evaluation.json``, whether or not it is stale; one of version 0.1 comes in today's words.

    Raises
    ------
    DataError
        If there is none.
    """
    content = read_document(workspace, EVALUATION_DOCUMENT)
    return typed(Evaluation, content, workspace, EVALUATION_DOCUMENT)


def read_votes(
    workspace: Workspace, *, made_from: Mapping[str, str] | None = None
) -> tuple[pa.Table, Stamp]:
    """Read ``votes.parquet``, see `votes_table`; one of version 0.1 comes with today's columns.

    Parameters
    ----------
    workspace : Workspace
    made_from : dict of str to str, optional
        Fingerprints of the ingredients at hand: votes made from others are refused.
    """
    table, stamp = read_rows(workspace, VOTES, made_from=made_from)
    names = [_COLUMNS_BEFORE.get(name, name) for name in table.column_names]
    return table.rename_columns(names), stamp


def is_fresh(workspace: Workspace, **changes: Any) -> bool:
    """Say whether `run` with these settings would find what is written.

    A leakage row more than asked for does no harm.

    Raises
    ------
    DataError, ModelError
        If there is no catalogue or no model.
    """
    return MAKER.is_fresh(workspace, **changes)


def read_decision(workspace: Workspace, model_fingerprint: str) -> Decision:
    """Read what classification needs, and check that it belongs to the model.

    Raises
    ------
    DataError
        If there is none.
    StaleError
        If it was fitted for another model.
    """
    made_from = {"model": model_fingerprint}
    content = read_document(workspace, DECISION, made_from=made_from)
    return typed(Decision, content, workspace, DECISION)


def read_inputs(workspace: Workspace) -> tuple[EvaluationInputs, ModelCard]:
    """Gather what an evaluation is made from.

    Returns
    -------
    tuple of EvaluationInputs, ModelCard
        The arrays, and the model's description.

    Raises
    ------
    DataError, ModelError
        If there is no catalogue, model or embedding.
    StaleError
        If the model was trained on another split of the covers: some of its
        training covers may now be held out.
    """
    from covers.model.card import read_card
    from covers.model.embedding_table import read_embeddings
    from covers.model.trained_on import refuse_leak

    catalogue = read_catalogue(workspace)
    card = read_card(workspace.model_folder)
    refuse_leak(workspace, catalogue, card)
    table = read_embeddings(workspace)
    inputs = EvaluationInputs(
        **table.columns(),
        **_read_crossed(workspace, card, table),
        grouped_by=catalogue.grouped_by,
        embeddings=table.embeddings,
        p_network=label_odds(table.logits)
        if card.multi_label
        else softmax(table.logits),
        is_several=card.multi_label,
        implied=read_implied(
            workspace,
            catalogue.vocab,
            catalogue.membership()[catalogue.splits == "train"],
        ),
        model_vocab=card.vocab,
        frozen=_read_frozen(workspace, table.cover_ids),
        colours=_read_colours(workspace, table.cover_ids),
    )
    return inputs, card


def votes_table(evaluated: Evaluated) -> pa.Table:
    """Return the answers for single covers as a table, one row per cover.

    Columns: ``cover_id, split, held_out, genres, p_network, p_vote, p_combined`` (lists
    in the order of the vocabulary, which is among the parameters of the stamp),
    ``prediction_set, verdict, top1, certainty, nearest`` (ids of the nearest
    references). Probabilities of the train side are those of covers the
    network has seen: use them to look at, never to measure.
    """
    import pyarrow as pa

    inputs, votes = evaluated.inputs, evaluated.votes
    vocab = np.asarray(inputs.vocab, dtype=object)
    ids = np.asarray(inputs.cover_ids, dtype=object)
    combined = votes.probabilities.combined
    has = inputs.membership[votes.rows] > 0
    lists = {
        PROBABILITY_COLUMNS[name]: make_array(
            list(p.astype(np.float32)), pa.list_(pa.float32())
        )
        for name, p in votes.probabilities.by_method().items()
    }
    return make_table(
        {
            "cover_id": make_array(ids[votes.rows].tolist(), pa.string()),
            "split": make_array(inputs.splits[votes.rows].tolist(), pa.string()),
            "held_out": make_array(votes.held_out),
            "genres": make_array(
                [vocab[row].tolist() for row in has], pa.list_(pa.string())
            ),
            **lists,
            "prediction_set": make_array(
                [vocab[row].tolist() for row in votes.inside], pa.list_(pa.string())
            ),
            "verdict": make_array([str(v) for v in votes.verdicts], pa.string()),
            "top1": make_array(vocab[combined.argmax(axis=1)].tolist(), pa.string()),
            "certainty": make_array(combined.max(axis=1).astype(np.float32)),
            "nearest": make_array(
                [ids[row[row >= 0]].tolist() for row in votes.nearest],
                pa.list_(pa.string()),
            ),
        }
    )


def _read_frozen(
    workspace: Workspace, cover_ids: Sequence[str]
) -> npt.NDArray[np.float32] | None:
    """Read the untouched backbone's features of some covers; None where there are none."""
    from covers.model.embedding_table import read_frozen

    try:
        table = read_frozen(workspace)
    except DataError as error:
        why = complete_commands(str(error), workspace.root)
        _log.warning("no baselines on the untrained backbone: %s", why)
        return None
    return _aligned("untrained backbone", table.cover_ids, table.embeddings, cover_ids)


def _read_crossed(
    workspace: Workspace, card: ModelCard, table: EmbeddingTable
) -> dict[str, npt.NDArray[Any]]:
    """Predict the train covers by heads fitted without their fold; empty for a model whose fits are not known."""
    if not card.summary.get("head_fits"):  # then torch is not needed either
        return {}
    with needs_extra("evaluating across folds"):
        from covers.model.training.heads.crossed import LabelledRows, read_crossed

    known = table.has_genre()
    sides = Sides.find(np.where(known, table.splits, ""))

    def labelled(rows: npt.NDArray[np.int64]) -> LabelledRows:
        return LabelledRows(
            cover_ids=[table.cover_ids[row] for row in rows],
            membership=as_membership(table.membership[rows]),
            groups=table.groups[rows],
        )

    found = read_crossed(workspace, card, labelled(sides.train), labelled(sides.valid))
    if found is None:
        return {}
    return found.as_columns(len(table), sides.train, sides.valid)


def _read_colours(
    workspace: Workspace, cover_ids: Sequence[str]
) -> npt.NDArray[np.float32] | None:
    """Read the colour histograms of some covers; None where there are none."""
    from covers.images.colours import HISTOGRAM_BINS

    try:
        table, _ = read_rows(workspace, PICTURES)
    except DataError as error:
        why = complete_commands(str(error), workspace.root)
        _log.warning("no baseline on colours: %s", why)
        return None
    column = table.column("colour_histogram").combine_chunks()
    histograms = (
        as_numbers(column.flatten()).astype(np.float32).reshape(-1, HISTOGRAM_BINS)
    )
    ids = table.column("cover_id").to_pylist()
    return _aligned("colours", ids, histograms, cover_ids)


def _aligned(
    name: str,
    known: Sequence[str],
    features: npt.NDArray[np.float32],
    wanted: Sequence[str],
) -> npt.NDArray[np.float32] | None:
    """Bring features into the order of `wanted`; None where any is missing."""
    rows = RowsById(known).of(wanted)
    if (rows < 0).any():
        _log.warning(
            "no baseline on %s: %d covers lack it", name, int((rows < 0).sum())
        )
        return None
    return np.ascontiguousarray(features[rows])


def _ingredients(workspace: Workspace) -> dict[str, str]:
    """Return the fingerprints of what an evaluation is made from."""
    from covers.model.card import read_card

    card = read_card(workspace.model_folder)
    catalogue = read_catalogue(workspace)
    return {
        **name_ingredients(workspace, catalogue, card.fingerprint),
        **name_baseline_features(workspace, catalogue, card),
    }


MAKER = Maker(
    artefact=EVALUATION,
    made_from=_ingredients,
    wanted=EvaluationSettings,
    make=_make,
    read=read,
)
