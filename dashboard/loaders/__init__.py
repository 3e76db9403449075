"""The only cached functions: what the pages read, keyed by the state of the files.

Each loader looks at size, time and number of its files first. A rebuilt index or
a new analysis is another key, so it shows up on a reader's next action, and
readers of the old one keep what they have.
"""

from dashboard.loaders.engine import front_door
from dashboard.loaders.mapdata import (
    choices,
    colouring,
    map_part,
    map_version,
    regions,
)
from dashboard.loaders.ready import get_ready, warm_up
from dashboard.loaders.selected import selection
from dashboard.loaders.tables import (
    audit,
    chain,
    cluster_labels,
    clusters,
    covermap,
    decisions,
    doubts,
    evaluation,
    has_music,
    library,
    looks,
    members,
    names_of_clusters,
    overlap,
    votes,
    votes_or_none,
)

__all__ = [
    "audit",
    "chain",
    "choices",
    "cluster_labels",
    "clusters",
    "colouring",
    "covermap",
    "decisions",
    "doubts",
    "evaluation",
    "front_door",
    "get_ready",
    "has_music",
    "library",
    "looks",
    "map_part",
    "map_version",
    "members",
    "names_of_clusters",
    "overlap",
    "regions",
    "selection",
    "votes",
    "votes_or_none",
    "warm_up",
]
