"""The only cached functions: what the pages read, keyed by the state of the files.

Each loader looks at size, time and number of its files first. A rebuilt index or
a new analysis is another key, so it shows up on a reader's next action, and
readers of the old one keep what they have.
"""

from dashboard.loaders.engine import front_door, warm_up
from dashboard.loaders.mapdata import colouring, map_part, map_version
from dashboard.loaders.tables import (
    audit,
    chain,
    cluster_labels,
    clusters,
    covermap,
    evaluation,
    library,
    overlap,
    palettes,
    votes,
)

__all__ = [
    "audit",
    "chain",
    "cluster_labels",
    "clusters",
    "colouring",
    "covermap",
    "evaluation",
    "front_door",
    "library",
    "map_part",
    "map_version",
    "overlap",
    "palettes",
    "votes",
    "warm_up",
]
