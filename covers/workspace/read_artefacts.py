"""Reading an artefact of a workspace: what is missing, foreign or stale is refused.

The message names the command that makes it anew, with ``-w`` as the user gave it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from covers.errors import DataError
from covers.workspace.artefacts import (
    Stamp,
    parse_stamp,
    read_json,
    read_stamp,
    read_table,
    require_fresh,
)
from covers.workspace.registry import maker_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from covers.workspace.paths import Workspace
    from covers.workspace.registry import File


def repair_command(workspace: Workspace, file: File, command: str = "") -> str:
    """Return the command that makes a file of a workspace anew; see `Artefact.repair`."""
    return maker_of(file).repair(workspace.root, command)


def read_document(
    workspace: Workspace, file: File, *, made_from: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Read a JSON artefact of a workspace.

    Parameters
    ----------
    workspace : Workspace
    file : File
        A stamped row of `covers.workspace.registry`.
    made_from : dict of str to str, optional
        Fingerprints of the ingredients at hand: an artefact made from others is
        refused. By default it is read whether or not it is stale.

    Raises
    ------
    DataError
        If it is missing, unreadable, or something else.
    StaleError
        If it was made from something else than `made_from`.
    """
    path, repair = workspace.path(file), repair_command(workspace, file)
    content = read_json(path, file.kind, repair)
    if made_from is not None:
        require_fresh(parse_stamp(content["stamp"], path), made_from, path, repair)
    return content


class Readable(Protocol):
    """A type that is made from a JSON document."""

    @classmethod
    def from_json(cls, content: Any, /) -> Self:
        """Check a document and give it its types."""


Result = TypeVar("Result", bound=Readable)


@contextmanager
def readable(workspace: Workspace, file: File) -> Iterator[None]:
    """Turn an error in reading a document into one line that names its repair.

    Raises
    ------
    DataError
        If a field is missing or of another kind.
    """
    try:
        yield
    except DataError as error:
        message = f"{error}: run '{repair_command(workspace, file)}'"
        raise DataError(message) from error
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        message = (
            f"cannot read '{workspace.path(file)}': what stands in it is not what belongs there "
            f"({type(error).__name__}): run '{repair_command(workspace, file)}'"
        )
        raise DataError(message) from error


def typed(
    kind: type[Result], content: Mapping[str, Any], workspace: Workspace, file: File
) -> Result:
    """Give a document its types; one that lacks something names the command that makes it anew.

    Raises
    ------
    DataError
        If a field is missing or of another kind.
    """
    with readable(workspace, file):
        return kind.from_json(content)


def read_rows(
    workspace: Workspace,
    file: File,
    *,
    made_from: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
) -> tuple[Any, Stamp]:
    """Read a parquet artefact of a workspace, or some columns of it, as a ``pyarrow.Table`` and its stamp; see `read_document`."""
    path, repair = workspace.path(file), repair_command(workspace, file)
    table, stamp = read_table(path, file.kind, repair, columns)
    if made_from is not None:
        require_fresh(stamp, made_from, path, repair)
    return table, stamp


def stamp_of(workspace: Workspace, file: File) -> Stamp | None:
    """Return the stamp of a file of a workspace; None where it is missing or something else."""
    stamp = read_stamp(workspace.path(file))
    return stamp if stamp is not None and stamp.kind == file.kind else None
