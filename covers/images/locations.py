"""Where a cover's picture lies, and reading it from the first location that still has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.errors import CoversError, DataError
from covers.images.content import content_id
from covers.images.decode import read_bytes
from covers.images.thumbnails import read_thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from covers.workspace.paths import Workspace
    from covers.workspace.remote import AnyPath


@dataclass(frozen=True, slots=True)
class PictureLocation:
    """One location of a picture.

    Parameters
    ----------
    shown : str
        What the catalogue calls it, for messages.
    file : Path, RemotePath or None
        Where it lies; None where that cannot be had.
    member : str
        Which picture inside a music file; ``""`` for a picture file.
    reason : str
        Why there is no `file`.
    """

    shown: str
    file: AnyPath | None
    member: str = ""
    reason: str = ""


def locations_of(
    workspace: Workspace, locations: Iterable[Mapping[str, Any]]
) -> list[PictureLocation]:
    """Return where the pictures of a cover's ``locations`` lie.

    Parameters
    ----------
    workspace : Workspace
        Knows where the sources are.
    locations : iterable of mapping
        Of the catalogue: ``source``, ``path``, and ``member`` for a picture
        inside a music file.
    """
    located = []
    for location in locations:
        shown, member = location["path"], location.get("member") or ""
        try:
            file = workspace.resolve(location["source"], shown)
        except CoversError as error:
            located.append(PictureLocation(shown, None, member, str(error)))
        else:
            located.append(PictureLocation(shown, file, member))
    return located


def read_first(cover_id: str, located: Iterable[PictureLocation]) -> bytes:
    """Read a cover's bytes from the first of some locations that still has it.

    Parameters
    ----------
    cover_id : str
        Content id; bytes that hash to anything else are passed over.
    located : iterable of PictureLocation

    Raises
    ------
    DataError
        If no location has the cover any more.
    """
    reasons = []
    for location in located:
        try:
            content = _read(location)
        except DataError as error:
            reasons.append(f"'{location.shown}': {error}")
            continue
        if content_id(content) == cover_id:
            return content
        reasons.append(f"'{location.shown}': changed since the scan")
    message = f"cover {cover_id} is gone ({'; '.join(reasons) or 'no location known'}): run 'covers scan' again"
    raise DataError(message)


def read_cover(
    workspace: Workspace, cover_id: str, locations: Iterable[Mapping[str, Any]]
) -> bytes:
    """Read a cover's bytes by its ``locations``; see `locations_of` and `read_first`.

    Raises
    ------
    DataError
        If no location has the cover any more.
    """
    return read_first(cover_id, locations_of(workspace, locations))


def read_cover_or_thumbnail(
    workspace: Workspace, cover_id: str, locations: Iterable[Mapping[str, Any]]
) -> tuple[bytes, bool]:
    """Read a cover's bytes as `read_cover` does, else its thumbnail's; say whether it is the thumbnail.

    Raises
    ------
    DataError
        If neither can be read.
    """
    try:
        return read_cover(workspace, cover_id, locations), False
    except DataError:
        thumbnail = read_thumbnail(workspace, cover_id)
        if thumbnail is None:
            raise
        return thumbnail, True


def _read(location: PictureLocation) -> bytes:
    """Read what lies in one location."""
    if location.file is None:
        raise DataError(location.reason)
    if not location.member:
        return read_bytes(location.file)
    return read_inside(location.file, location.member)


def read_inside(file: AnyPath, member: str) -> bytes:
    """Read a picture inside a music file.

    Raises
    ------
    DataError
        If it has none, or does not lie on this machine.
    """
    if not isinstance(file, Path):
        message = "music files are not read over the network"
        raise DataError(message)
    from covers.images.audio.audio_tags import read_member

    content: bytes = read_member(file, member)
    return content
