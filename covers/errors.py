"""Everything `covers` raises on purpose.

::

    CoversError
    ├─ ConfigError           a setting is unknown, malformed or contradicts another
    ├─ DataError             the data set is missing, incomplete or contradicts its table
    │  └─ BrokenImageError   one cover cannot be decoded
    ├─ ModelError            no model, or one that cannot be trusted or read
    ├─ StaleError            an artefact no longer belongs to what it was made from
    └─ MissingExtraError     an optional package is absent; also an ImportError

Caller bugs (a wrong shape, ``k < 1``) are plain `ValueError` or `TypeError`.
"""

__all__ = [
    "BrokenImageError",
    "ConfigError",
    "CoversError",
    "DataError",
    "MissingExtraError",
    "ModelError",
    "StaleError",
]


class CoversError(Exception):
    """Root of every error that `covers` raises on purpose."""


class ConfigError(CoversError):
    """A setting is unknown, malformed or contradicts another."""


class DataError(CoversError):
    """The data set is missing, incomplete or contradicts its table."""


class BrokenImageError(DataError):
    """One cover cannot be decoded."""


class ModelError(CoversError):
    """There is no model, or it cannot be trusted or read."""


class StaleError(CoversError):
    """An artefact no longer belongs to what it was made from."""


class MissingExtraError(CoversError, ImportError):
    """An optional package is absent.

    Parameters
    ----------
    package : str
        Name of the missing distribution, such as ``"umap-learn"``.
    extra : str
        The extra of this project that brings it, such as ``"cluster"``.
    purpose : str
        What needs it, such as ``"clustering"``.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the optional package {package!r}: pip install 'album-covers[{extra}]'"
        )
