"""Measuring and checking a store on Milvus."""

from dataclasses import replace
from typing import Any

import numpy as np

from indexer.files.problems import Problem, VerifyReport
from indexer.remote.about import Structure
from indexer.remote.measuring import (
    N_MEASURED,
    REPAIR,
    Sampled,
    choose_effort,
    describe,
    find_lost,
    find_poor_recall,
    measure_searches,
)
from indexer.remote.milvus.about import MilvusAbout
from indexer.remote.milvus.client import Client
from indexer.remote.milvus.fields import vectors_of
from indexer.remote.milvus.searching import Session, search_collection
from indexer.structures import RecallMeasure

__all__ = ["check_collection", "describe_collection", "measure_lists"]

_EFFORTS = (8, 16, 32, 64, 128, 256, 512, 1024)
_UNIT_TOLERANCE = 1e-4


def measure_lists(client: Client, about: MilvusAbout) -> MilvusAbout:
    """Find how many lists reach the recall wanted, where not every item is compared."""
    structure = about.structure
    if structure.kind == "exact" or about.n_items <= structure.exact_up_to:
        return about

    def measure(tried: Structure) -> RecallMeasure:
        session = Session(client, replace(about, structure=tried))
        return measure_searches(_sample(session, N_MEASURED))

    return replace(about, structure=choose_effort(structure, _EFFORTS, measure))


def _sample(session: Session, n_sampled: int) -> Sampled:
    """Draw some items, always the same ones."""
    about = session.about
    fields, drawn = ["id", "embedding"], np.random.default_rng(0)
    size = min(about.next_position, 2 * n_sampled)
    positions = drawn.choice(about.next_position, size, replace=False).tolist()
    rows = list(session.rows_with("place", positions, fields, session.alive))[
        :n_sampled
    ]
    return Sampled(
        [row["id"] for row in rows],
        vectors_of(rows, about.dimension),
        lambda request: search_collection(session, request),
    )


def describe_collection(session: Session) -> dict[str, Any]:
    """Say what a store holds, as plain values that go into JSON."""
    about, structure = session.about, session.about.structure
    return describe(
        about,
        structure=f"ivf_flat, nprobe {structure.effort}",
        tombstones=session.count(f"died <= {about.generation}"),
        bytes=4 * about.dimension * about.n_items,
        history=[past.generation for past in about.pasts],
        versions={"milvus": session.client.read("get_server_version")},
    )


def check_collection(session: Session, n_sampled: int) -> VerifyReport:
    """Check counts, lengths of sampled vectors, and searches against exact ones."""
    about, problems = session.about, list[Problem]()
    file = about.collection
    n_items = session.count(session.alive)
    if n_items != about.n_items:
        what = f"it holds {n_items} items, {file} was published with {about.n_items}: somebody else wrote to it"
        problems.append(Problem(file=file, what=what, repair=REPAIR))
    sampled = _sample(session, n_sampled)
    lengths = np.linalg.norm(sampled.vectors, axis=1)
    n_bad = int((np.abs(lengths - 1) > _UNIT_TOLERANCE).sum())
    if n_bad:
        what = f"{n_bad} of {len(lengths)} sampled vectors have not length one"
        problems.append(Problem(file=file, what=what, repair=REPAIR))
    problems += find_lost(sampled)
    measured = measure_searches(sampled)
    problems += find_poor_recall(measured, about.structure, file)
    info = {**describe_collection(session), "recall_at_k": measured.recall_at_k}
    checks: dict[str, float] = {"items": n_items, "queries": measured.n_queries}
    return VerifyReport(
        ok=not problems, problems=tuple(problems), info=info, checks=checks
    )
