"""Embedding search and analysis for album covers.

Open a workspace and ask it::

    import covers

    library = covers.open("music")
    library.search("sleeve.jpg", k=10)
    library.classify(["sleeve.jpg"])[0]

Nothing is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from covers.moved import find_moved_modules

if TYPE_CHECKING:
    from covers.audit.pictures import PictureLimits
    from covers.audit.result import Audit
    from covers.audit.stage import AuditOptions
    from covers.classify.answers import Classification, Explanation, Voter
    from covers.classify.classifications import Classifications
    from covers.classify.query import Queries, Query
    from covers.classify.voting import vote_genres
    from covers.cluster.map.cover_map import CoverMap
    from covers.cluster.result import Clustering
    from covers.cluster.words.names import Names
    from covers.errors import (
        BrokenImageError,
        ConfigError,
        CoversError,
        DataError,
        MissingExtraError,
        ModelError,
        StaleError,
        WrongTypeError,
        WrongValueError,
    )
    from covers.evaluate.result import Evaluation
    from covers.exports.export import Export
    from covers.index.hits import Hit, SearchHits
    from covers.library.library import Library
    from covers.library.opening import create_library as create
    from covers.library.opening import open_library as open
    from covers.model.training.watcher import TrainingWatcher
    from covers.overlap.path import CoverPath
    from covers.overlap.result import Overlap
    from covers.stats.neighbours import Neighbours, find_neighbours
    from covers.suggest.result import Suggestions
    from covers.workspace.paths import Workspace
    from covers.workspace.stages import Manner

__all__ = [
    "Audit",
    "AuditOptions",
    "BrokenImageError",
    "Classification",
    "Classifications",
    "Clustering",
    "ConfigError",
    "CoverMap",
    "CoverPath",
    "CoversError",
    "DataError",
    "Evaluation",
    "Explanation",
    "Export",
    "Hit",
    "Library",
    "Manner",
    "MissingExtraError",
    "ModelError",
    "Names",
    "Neighbours",
    "Overlap",
    "PictureLimits",
    "Queries",
    "Query",
    "SearchHits",
    "StaleError",
    "Suggestions",
    "TrainingWatcher",
    "Voter",
    "Workspace",
    "WrongTypeError",
    "WrongValueError",
    "create",
    "find_neighbours",
    "open",
    "vote_genres",
]

_HOMES = {
    "Audit": "covers.audit.result",
    "AuditOptions": "covers.audit.stage",
    "BrokenImageError": "covers.errors",
    "Classification": "covers.classify.answers",
    "Classifications": "covers.classify.classifications",
    "Clustering": "covers.cluster.result",
    "ConfigError": "covers.errors",
    "CoverMap": "covers.cluster.map.cover_map",
    "CoverPath": "covers.overlap.path",
    "CoversError": "covers.errors",
    "DataError": "covers.errors",
    "Evaluation": "covers.evaluate.result",
    "Explanation": "covers.classify.answers",
    "Export": "covers.exports.export",
    "Hit": "covers.index.hits",
    "Library": "covers.library.library",
    "Manner": "covers.workspace.stages",
    "MissingExtraError": "covers.errors",
    "ModelError": "covers.errors",
    "Names": "covers.cluster.words.names",
    "Neighbours": "covers.stats.neighbours",
    "Overlap": "covers.overlap.result",
    "PictureLimits": "covers.audit.pictures",
    "Queries": "covers.classify.query",
    "Query": "covers.classify.query",
    "SearchHits": "covers.index.hits",
    "StaleError": "covers.errors",
    "Suggestions": "covers.suggest.result",
    "TrainingWatcher": "covers.model.training.watcher",
    "Voter": "covers.classify.answers",
    "Workspace": "covers.workspace.paths",
    "WrongTypeError": "covers.errors",
    "WrongValueError": "covers.errors",
    "create": "covers.library.opening",
    "find_neighbours": "covers.stats.neighbours",
    "open": "covers.library.opening",
    "vote_genres": "covers.classify.voting",
}
find_moved_modules()

_NAMES = {"create": "create_library", "open": "open_library"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        return version("album-covers")
    if name not in _HOMES:
        message = f"module 'covers' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), _NAMES.get(name, name))


def __dir__() -> list[str]:
    """List the public names without importing their homes."""
    return list(__all__)
