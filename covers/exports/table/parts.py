"""Parts of the table that is exported."""

from enum import StrEnum

__all__ = ["Part"]


class Part(StrEnum):
    """What is joined to the catalogue, each from an artefact of its own."""

    EMBEDDING = "embedding"
    PREDICTION = "prediction"
    MAP = "map"
    CLUSTER = "cluster"
