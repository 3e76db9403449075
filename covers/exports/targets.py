"""What covers can be exported to; the only list of targets.

A new one is a function ``write_NAME(covers, out)`` in a file of its own, and an
entry here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from covers.catalogue.matching import match_name
from covers.exports.table.parts import Part

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from covers.exports.table.cover_table import CoverTable

_EMBEDDING, _PREDICTION = Part.EMBEDDING, Part.PREDICTION
_MAP, _CLUSTER = Part.MAP, Part.CLUSTER


@dataclass(frozen=True, kw_only=True)
class Target:
    """One kind of export.

    Parameters
    ----------
    name : str
    module : str
        Below `covers.exports`; its function ``write_NAME`` is given the table and
        the file or the empty folder to fill. Where that is a file, its function
        ``is_own`` says whether a file was written by it. What it leaves out it may
        return as notes.
    says : str
        What it is, in one line.
    such_as : str
        A name for the export, in examples.
    endings : tuple of str
        One of which a file's name must have for the other program to know it.
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
    endings: tuple[str, ...] = ()
    is_folder: bool = False
    needs: tuple[Part, ...] = ()
    uses: tuple[Part, ...] = ()
    package: str = ""
    then: str = ""

    def write(self, covers: CoverTable, out: Path) -> tuple[str, ...]:
        """Write some covers to a file, or into an empty folder; return what was left out, and why."""
        return tuple(getattr(self._module(), f"write_{self.name}")(covers, out) or ())

    def is_own(self, out: Path) -> bool:
        """Say whether a file is an export of this kind."""
        return bool(self._module().is_own(out))

    def _module(self) -> ModuleType:
        return importlib.import_module(f"covers.exports.{self.module}")


TARGETS = (
    Target(
        name="atlas",
        module="atlas",
        says="Parquet for Embedding Atlas: the map in a browser, with pictures and neighbours.",
        such_as="atlas.parquet",
        endings=(".parquet",),
        needs=(_EMBEDDING, _PREDICTION, _MAP),
        uses=(_CLUSTER,),
        then="embedding-atlas {out} --x x --y y --neighbors neighbors --image image "
        "--text title --disable-projection",
    ),
    Target(
        name="beets",
        module="beets",
        says="A table of albums and a plugin for beets that notes cover_genre, never genre.",
        such_as="beets-covers",
        is_folder=True,
        needs=(_PREDICTION,),
        then="take the lines of {out}/config.yaml into your beets configuration, then: beet covergenre",
    ),
    Target(
        name="csv",
        module="csv_table",
        says="A table for spreadsheets.",
        such_as="covers.csv",
        endings=(".csv",),
        needs=(_EMBEDDING, _PREDICTION),
        uses=(_MAP, _CLUSTER),
    ),
    Target(
        name="huggingface",
        module="huggingface",
        says="A data set that datasets.load_dataset opens: Parquet, a file per split.",
        such_as="my-covers",
        is_folder=True,
        needs=(_EMBEDDING, _PREDICTION),
        uses=(_MAP, _CLUSTER),
        then="python -c 'import datasets; print(datasets.load_dataset({text}))'",
    ),
    Target(
        name="imagefolder",
        module="huggingface",
        says="Small pictures in a folder per split, with metadata.jsonl.",
        such_as="my-pictures",
        is_folder=True,
        needs=(_PREDICTION,),
        uses=(_MAP, _CLUSTER),
    ),
    Target(
        name="lance",
        module="lance_table",
        says="A Lance table: vectors, pictures and everything known.",
        such_as="covers.lance",
        is_folder=True,
        needs=(_EMBEDDING, _PREDICTION),
        uses=(_MAP, _CLUSTER),
        package="lance",
        then="python -c 'import lance; print(lance.dataset({text}).schema)'",
    ),
    Target(
        name="site",
        module="site",
        says="Static pages to show to others: map, overlap, clusters, covers.",
        such_as="covers-site",
        is_folder=True,
        uses=(_MAP, _CLUSTER),
        then="Open {out}/index.html, or put the folder on any web host.",
    ),
    Target(
        name="m3u",
        module="m3u",
        says="A playlist of the albums, with relative paths.",
        such_as="like-this.m3u8",
        endings=(".m3u8", ".m3u"),
    ),
    Target(
        name="projector",
        module="projector",
        says="TensorBoard's projector: vectors, labels and small pictures.",
        such_as="projector",
        is_folder=True,
        needs=(_EMBEDDING, _PREDICTION),
        uses=(_CLUSTER,),
        then="tensorboard --logdir {out}",
    ),
)


def find_target(name: str) -> Target:
    """Return the target of that name, whatever its case.

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


def list_targets() -> list[tuple[str, str]]:
    """Return name and description of each target."""
    return [(target.name, target.says) for target in TARGETS]
