"""What covers can be exported to; the only list of targets.

A new one is a function ``write_NAME(covers, out)`` in a file of its own, and an
entry here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from covers.catalogue.matching import match_name
from covers.exports.cover_table import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from covers.exports.cover_table import CoverTable

_EMBEDDING, _PREDICTION = Part.EMBEDDING, Part.PREDICTION
_PLACE, _CLUSTER = Part.PLACE, Part.CLUSTER


@dataclass(frozen=True, kw_only=True)
class Target:
    """One kind of export.

    Parameters
    ----------
    name : str
    module : str
        Below `covers.exports`; its function ``write_NAME`` is given the table and
        the file or the empty folder to fill, and its ``MAGIC`` is how a file
        begins that it wrote.
    says : str
        What it is, in one line.
    such_as : str
        A name for the export, in examples.
    is_folder : bool, default=False
        Whether it is a folder of files.
    needs, uses : tuple of Part
        Parts of the table that it cannot do without, and those that it takes
        where they are there.
    package : str, default=""
        An optional package that writes it, one of `covers.errors.OPTIONAL_PACKAGES`.
    then : str, default=""
        What a person does with it; ``{out}`` stands for where it is.
    """

    name: str
    module: str
    says: str
    such_as: str
    is_folder: bool = False
    needs: tuple[Part, ...] = ()
    uses: tuple[Part, ...] = ()
    package: str = ""
    then: str = ""

    def writer(self) -> Callable[[CoverTable, Path], None]:
        """Import what writes it."""
        module = importlib.import_module(f"covers.exports.{self.module}")
        write: Callable[[CoverTable, Path], None] = getattr(
            module, f"write_{self.name}"
        )
        return write

    def magic(self) -> bytes:
        """Return how a file begins that it wrote."""
        module = importlib.import_module(f"covers.exports.{self.module}")
        return bytes(module.MAGIC)


TARGETS = (
    Target(
        name="csv",
        module="csv_table",
        says="A table for spreadsheets.",
        such_as="covers.csv",
        needs=(_EMBEDDING, _PREDICTION),
        uses=(_PLACE, _CLUSTER),
    ),
    Target(
        name="m3u",
        module="m3u",
        says="A playlist of the albums, with relative paths.",
        such_as="like-this.m3u8",
    ),
)


def find_target(name: str) -> Target:
    """Return the target that is meant.

    Raises
    ------
    DataError
        If there is none of that name; the message gives the nearest, or all.

    Examples
    --------
    >>> find_target("CSV").name
    'csv'
    """
    found = match_name(name, [target.name for target in TARGETS], what="target")
    return next(target for target in TARGETS if target.name == found)


def list_targets(targets: Iterable[Target] = TARGETS) -> list[tuple[str, str]]:
    """Return name and description of each target."""
    return [(target.name, target.says) for target in targets]
