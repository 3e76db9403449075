"""Measuring and checking a table of PostgreSQL, within one transaction.

Letters of shapes: S sampled items, k neighbours, D dimensions.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.files.problems import Problem, VerifyReport
from indexer.remote.about import Structure
from indexer.remote.postgres.columns import unpack_vectors
from indexer.remote.postgres.searching import Asked, Session, search_table
from indexer.structures import RecallMeasure, measure_recall

__all__ = ["check_table", "describe_table", "measure_graph", "measure_table"]

Float32s = npt.NDArray[np.float32]

_K = 10
_N_SAMPLED = 64
_EFFORTS = (80, 160, 320, 640, 1000)
_UNIT_TOLERANCE = 1e-4
_REPAIR = "build the index again, or restore the database from a backup"


def measure_graph(session: Session) -> Structure:
    """Find the least effort that reaches the recall wanted, and measure it."""
    tried = structure = session.about.structure
    for effort in _EFFORTS:
        tried = replace(structure, effort=effort)
        about = replace(session.about, structure=tried)
        found = measure_table(replace(session, about=about), _K, _N_SAMPLED)
        tried = replace(
            tried, recall_at_k=found.recall_at_k, recall_low=max(0.0, found.low)
        )
        if found.low >= structure.target_recall:
            return tried
    return tried


def measure_table(session: Session, k: int, n_sampled: int) -> RecallMeasure:
    """Compare searches for some stored items, each without itself, with exact ones."""
    sample = session.rows(
        "SELECT id, embedding FROM {table} ORDER BY hashint8(place) LIMIT %s",
        [n_sampled],
    )
    if not sample:
        return RecallMeasure(1.0, 1.0, k, 0)
    vectors = unpack_vectors([row[1] for row in sample], session.about.dimension)
    asked = Asked(queries=vectors, k=k, where={}, excluded=[[row[0]] for row in sample])
    found = search_table(session, asked)
    true = search_table(session, replace(asked, exact=True))
    return measure_recall(_filled(found.similarities), _filled(true.similarities))


def _filled(similarities: Float32s) -> Float32s:
    return np.nan_to_num(similarities, nan=-np.inf)


def describe_table(session: Session) -> dict[str, Any]:
    """Say what a store holds, as plain values that go into JSON."""
    about, structure = session.about, session.about.structure
    ((n_bytes, server, extension),) = session.rows(
        "SELECT pg_total_relation_size(%s::regclass), current_setting('server_version'), "
        "(SELECT extversion FROM pg_extension WHERE extname = 'vector')",
        [session.names.table.as_string(session.connection)],
    )
    return {
        "generation": about.generation,
        "n": about.n_items,
        "dimension": about.dimension,
        "structure": f"hnsw, ef_search {structure.effort}"
        if structure.has_graph
        else "exact",
        "recall_at_k": structure.recall_at_k,
        "k": _K,
        "target_recall": structure.target_recall,
        "exact_up_to": structure.exact_up_to,
        "segments": [],
        "tombstones": 0,
        "fingerprints": dict(about.fingerprints),
        "columns": {field.name: str(field.type) for field in about.schema},
        "bytes": n_bytes,
        "created": about.changed,
        "history": [],
        "versions": {"postgresql": server, "pgvector": extension},
        "ok": True,
        "problems": [],
    }


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
        problems.append(Problem(file=file, what=what, repair=_REPAIR))
    if n_bad:
        what = f"{n_bad} vectors have not length one"
        problems.append(Problem(file=file, what=what, repair=_REPAIR))
    problems += _lost_items(session, n_sampled, file)
    measured = measure_table(session, _K, n_sampled)
    if measured.recall_at_k < about.structure.target_recall - 0.02:
        what = f"searches find {measured.recall_at_k:.3f} of the true ten nearest, {about.structure.target_recall} is wanted"
        problems.append(Problem(file=file, what=what, repair="build the index again"))
    info = {**describe_table(session), "recall_at_k": measured.recall_at_k}
    checks: dict[str, float] = {"items": n_items, "queries": measured.n_queries}
    return VerifyReport(
        ok=not problems, problems=tuple(problems), info=info, checks=checks
    )


def _lost_items(session: Session, n_sampled: int, file: str) -> list[Problem]:
    """Name sampled items that an exact search for their own vector does not find."""
    sample = session.rows(
        "SELECT id, embedding FROM {table} ORDER BY hashint8(place) LIMIT %s",
        [n_sampled],
    )
    if not sample:
        return []
    vectors = unpack_vectors([row[1] for row in sample], session.about.dimension)
    with np.errstate(all="ignore"):
        found = search_table(session, Asked(queries=vectors, k=1, where={}, exact=True))
    lost = [
        row[0]
        for row, best in zip(sample, found.similarities[:, 0], strict=True)
        if not best > 1 - 1e-5
    ]
    return [
        Problem(id=one, what="it is not found by its own vector", repair=_REPAIR)
        for one in lost[:20]
    ]
