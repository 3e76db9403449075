"""The evaluation of a workspace: read what it is made from, write what it found."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.catalogue.table import read_catalogue
from covers.classify.classifier import DEFAULT_LEVEL, Decision
from covers.classify.labels import genre_shares, label_odds
from covers.errors import DataError
from covers.evaluate.evaluate import Evaluation, evaluate_arrays
from covers.evaluate.inputs import EvaluationInputs
from covers.workspace.artefacts import (
    Stamp,
    publish,
    require_fresh,
    write_json,
    write_table,
)
from covers.workspace.reading import (
    read_document,
    read_rows,
    repair_command,
    stamp_of,
)
from covers.workspace.registry import (
    DECISION,
    EVALUATION_DOCUMENT,
    EVALUATION_PAGE,
    PICTURES,
    VOTES,
    WEIGHTS,
    File,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.workspace.paths import Workspace

_log = logging.getLogger(__name__)


def evaluate_workspace(
    workspace: Workspace,
    *,
    seed: int = 0,
    n_bootstraps: int = 1000,
    level: float = DEFAULT_LEVEL,
    leakage: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluate a workspace's model, vote and baselines, and publish what was found.

    Writes ``evaluation.json``, ``decision.json``, ``votes.parquet``, tables as
    CSV and ``evaluation.html`` into the analysis folder.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue, a model and embeddings.
    seed : int, default=0
    n_bootstraps : int, default=1000
        Resamples of groups behind every interval.
    level : float, default=0.9
        Of the prediction sets.
    leakage : bool, default=False
        Also measure what a split that ignores groups would have claimed.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    dict
        The content of ``evaluation.json``.

    Raises
    ------
    DataError, ModelError, StaleError
        If something it is made from is missing, stale, or leaks.
    """
    from covers.evaluate.page import write_report
    from covers.evaluate.page_tables import write_tables

    inputs, card, made_from = read_inputs(workspace)
    evaluation = evaluate_arrays(
        inputs,
        seed=seed,
        n_bootstraps=n_bootstraps,
        level=level,
        leakage=leakage,
        progress=progress,
    )
    parameters = {"n_bootstraps": n_bootstraps, "level": level, "leakage": leakage}

    def stamp(file: File, **more: Any) -> Stamp:
        return Stamp(
            kind=file.kind,
            made_from=made_from,
            parameters={**parameters, **more},
            seed=seed,
        )

    payload = {
        **evaluation.payload,
        "model": {"fingerprint": card.fingerprint, "arch": card.arch},
    }
    write_table(
        workspace.path(VOTES),
        votes_table(evaluation),
        stamp(VOTES, vocab=list(inputs.vocab)),
    )
    write_json(workspace.path(DECISION), evaluation.decision.to_json(), stamp(DECISION))
    write_tables(workspace, payload)
    with publish(workspace.path(EVALUATION_PAGE)) as file:
        write_report(file, payload, evaluation, workspace)
    # Last, because it is the file whose stamp says that the whole is up to date.
    write_json(workspace.path(EVALUATION_DOCUMENT), payload, stamp(EVALUATION_DOCUMENT))
    return read_evaluation(workspace)


def read_evaluation(workspace: Workspace) -> dict[str, Any]:
    """Read ``evaluation.json``, whether or not it is stale.

    Raises
    ------
    DataError
        If there is none.
    """
    return read_document(workspace, EVALUATION_DOCUMENT)


def is_fresh(
    workspace: Workspace,
    *,
    seed: int = 0,
    n_bootstraps: int = 1000,
    level: float = DEFAULT_LEVEL,
    leakage: bool = False,
) -> bool:
    """Say whether `evaluate_workspace` would find what is already written.

    A leakage row more than asked for does no harm.

    Raises
    ------
    DataError, ModelError
        If there is no catalogue or no model.
    """
    from covers.model.card import read_card

    found = stamp_of(workspace, EVALUATION_DOCUMENT)
    card = read_card(workspace.model_folder)
    wanted = {"n_bootstraps": n_bootstraps, "level": level, "leakage": leakage}
    if found is None or found.seed != seed:
        return False
    parameters = dict(found.parameters)
    if parameters.get("leakage"):
        wanted["leakage"] = True
    return parameters == wanted and found.made_from == _made_from(
        read_catalogue(workspace), card
    )


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
    return Decision.from_json(read_document(workspace, DECISION, made_from=made_from))


def read_inputs(
    workspace: Workspace,
) -> tuple[EvaluationInputs, ModelCard, dict[str, str]]:
    """Gather what an evaluation is made from.

    Returns
    -------
    tuple of EvaluationInputs, ModelCard, dict of str to str
        The arrays, the model's description, and the fingerprints of the ingredients.

    Raises
    ------
    DataError, ModelError
        If there is no catalogue, model or embedding.
    StaleError
        If the model was trained on another split of the covers: some of its
        training covers may now be held out.
    """
    from covers.model.card import read_card
    from covers.model.embed import read_embeddings

    catalogue = read_catalogue(workspace)
    card = read_card(workspace.model_folder)
    made_from = _made_from(catalogue, card)
    require_fresh(
        card.stamp,
        {"labels": made_from["catalogue"]},
        workspace.path(WEIGHTS),
        repair_command(workspace, WEIGHTS),
    )
    table = read_embeddings(workspace)
    rows = catalogue.rows_of(table.cover_ids)
    inputs = EvaluationInputs(
        cover_ids=tuple(table.cover_ids),
        vocab=catalogue.vocab,
        membership=catalogue.membership()[rows],
        groups=catalogue.groups[rows],
        splits=catalogue.splits[rows],
        grouped_by=catalogue.grouped_by,
        embeddings=table.embeddings,
        p_cnn=genre_shares(table.logits, multi_label=card.multi_label),
        p_labels=label_odds(table.logits) if card.multi_label else None,
        model_vocab=card.vocab,
        frozen=_read_frozen(workspace, table.cover_ids),
        colours=_read_colours(workspace, table.cover_ids),
    )
    return inputs, card, made_from


def votes_table(evaluation: Evaluation) -> pa.Table:
    """Return the answers for single covers as a table, one row per cover.

    Columns: ``cover_id, split, held_out, genres, p_cnn, p_vote, p_blend`` (lists
    in the order of the vocabulary, which is among the parameters of the stamp),
    ``prediction_set, verdict, top1, certainty, nearest`` (ids of the nearest
    references). Probabilities of the train side are those of covers the
    network has seen: use them to look at, never to measure.
    """
    import pyarrow as pa

    inputs, votes = evaluation.inputs, evaluation.votes
    vocab = np.asarray(inputs.vocab, dtype=object)
    ids = np.asarray(inputs.cover_ids, dtype=object)
    blend = votes.distributions.blend
    truth = inputs.membership[votes.rows] > 0
    lists = {
        f"p_{name}": pa.array(
            list(getattr(votes.distributions, name).astype(np.float32)),
            pa.list_(pa.float32()),
        )
        for name in ("cnn", "vote", "blend")
    }
    return pa.table(
        {
            "cover_id": pa.array(ids[votes.rows].tolist(), pa.string()),
            "split": pa.array(inputs.splits[votes.rows].tolist(), pa.string()),
            "held_out": pa.array(votes.held_out),
            "genres": [vocab[row].tolist() for row in truth],
            **lists,
            "prediction_set": pa.array(
                [vocab[row].tolist() for row in votes.inside], pa.list_(pa.string())
            ),
            "verdict": pa.array([str(v) for v in votes.verdicts], pa.string()),
            "top1": pa.array(vocab[blend.argmax(axis=1)].tolist(), pa.string()),
            "certainty": pa.array(blend.max(axis=1).astype(np.float32)),
            "nearest": pa.array(
                [ids[row[row >= 0]].tolist() for row in votes.nearest],
                pa.list_(pa.string()),
            ),
        }
    )


def _made_from(catalogue: Catalogue, card: ModelCard) -> dict[str, str]:
    """Return the fingerprints of what an evaluation is made from."""
    return {"catalogue": catalogue.label_fingerprint(), "model": card.fingerprint}


def _read_frozen(
    workspace: Workspace, cover_ids: Sequence[str]
) -> npt.NDArray[np.float32] | None:
    """Read the untouched backbone's features of some covers; None where there are none."""
    from covers.model.embed import read_frozen

    try:
        table = read_frozen(workspace)
    except DataError as error:
        _log.warning("no baselines on the untrained backbone: %s", error)
        return None
    return _aligned("untrained backbone", table.cover_ids, table.embeddings, cover_ids)


def _read_colours(
    workspace: Workspace, cover_ids: Sequence[str]
) -> npt.NDArray[np.float32] | None:
    """Read the colour histograms of some covers; None where there are none."""
    from covers.images.colours import HISTOGRAM_BINS

    try:
        table, _ = read_rows(workspace, PICTURES)
    except DataError as error:
        _log.warning("no baseline on colours: %s", error)
        return None
    column = table.column("colour_histogram").combine_chunks()
    histograms = np.asarray(column.flatten(), np.float32).reshape(-1, HISTOGRAM_BINS)
    ids = table.column("cover_id").to_pylist()
    return _aligned("colours", ids, histograms, cover_ids)


def _aligned(
    name: str,
    known: Sequence[str],
    features: npt.NDArray[np.float32],
    wanted: Sequence[str],
) -> npt.NDArray[np.float32] | None:
    """Bring features into the order of `wanted`; None where any is missing."""
    position = {cover_id: row for row, cover_id in enumerate(known)}
    rows = np.array([position.get(cover_id, -1) for cover_id in wanted], np.int64)
    if (rows < 0).any():
        _log.warning(
            "no baseline on %s: %d covers lack it", name, int((rows < 0).sum())
        )
        return None
    return np.ascontiguousarray(features[rows])
