"""Which structure finds candidates in a segment, and how well: measured, not promised."""

from indexer.structures.build import Former, build_structure
from indexer.structures.explain import explain_choice
from indexer.structures.keys import AUTO, EXACT, PREFERENCES, candidate_keys
from indexer.structures.recall import RecallMeasure, measure_recall

__all__ = [
    "AUTO",
    "EXACT",
    "PREFERENCES",
    "Former",
    "RecallMeasure",
    "build_structure",
    "candidate_keys",
    "explain_choice",
    "measure_recall",
]
