"""Measuring and checking a table of PostgreSQL, within one transaction."""

from dataclasses import replace
from typing import Any

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
from indexer.remote.postgres.columns import unpack_vectors
from indexer.remote.postgres.searching import Session, search_table
from indexer.structures import RecallMeasure

__all__ = ["check_table", "describe_table", "measure_graph"]

_EFFORTS = (80, 160, 320, 640, 1000)
_UNIT_TOLERANCE = 1e-4


def measure_graph(session: Session) -> Structure:
    """Find the least effort that reaches the recall wanted, and measure it."""

    def measure(structure: Structure) -> RecallMeasure:
        about = replace(session.about, structure=structure)
        return measure_searches(_sample(replace(session, about=about), N_MEASURED))

    return choose_effort(session.about.structure, _EFFORTS, measure)


def _sample(session: Session, n_sampled: int) -> Sampled:
    """Draw some items, always the same ones."""
    rows = session.rows(
        "SELECT id, embedding FROM {table} ORDER BY hashint8(place) LIMIT %s",
        [n_sampled],
    )
    vectors = unpack_vectors([row[1] for row in rows], session.about.dimension)
    return Sampled(
        [row[0] for row in rows],
        vectors,
        lambda request: search_table(session, request),
    )


def describe_table(session: Session) -> dict[str, Any]:
    """Say what a store holds, as plain values that go into JSON."""
    about = session.about
    ((n_bytes, server, extension),) = session.rows(
        "SELECT pg_total_relation_size(%s::regclass), current_setting('server_version'), "
        "(SELECT extversion FROM pg_extension WHERE extname = 'vector')",
        [session.names.table.as_string(session.connection)],
    )
    return describe(
        about,
        structure=f"hnsw, ef_search {about.structure.effort}",
        bytes=n_bytes,
        versions={"postgresql": server, "pgvector": extension},
    )


def check_table(session: Session, n_sampled: int) -> VerifyReport:
    """Check counts, lengths of vectors, and searches against exact ones."""
    about, problems = session.about, list[Problem]()
    file = about_name = session.names.table.as_string(session.connection)
    ((n_items, n_bad),) = session.rows(
        "SELECT count(*), count(*) FILTER (WHERE vector_dims(embedding) <> %s "
        "OR abs(vector_norm(embedding) - 1) > %s) FROM {table}",
        [about.dimension, _UNIT_TOLERANCE],
    )
    if n_items != about.n_items:
        what = f"it holds {n_items} items, {about_name} was published with {about.n_items}: somebody else wrote to it"
        problems.append(Problem(file=file, what=what, repair=REPAIR))
    if n_bad:
        what = f"{n_bad} vectors have not length one"
        problems.append(Problem(file=file, what=what, repair=REPAIR))
    sampled = _sample(session, n_sampled)
    problems += find_lost(sampled)
    measured = measure_searches(sampled)
    problems += find_poor_recall(measured, about.structure, file)
    info = {**describe_table(session), "recall_at_k": measured.recall_at_k}
    checks: dict[str, float] = {"items": n_items, "queries": measured.n_queries}
    return VerifyReport(
        ok=not problems, problems=tuple(problems), info=info, checks=checks
    )
