"""Reading one picture: content id, decoding, measures, thumbnail."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from filelock import FileLock

from covers.errors import UNREAD, BrokenImageError, DataError
from covers.images.content import content_id
from covers.images.decode import is_quick, read_bytes, read_picture, refuse_stranger
from covers.images.locations import read_inside
from covers.images.measures import PictureMeasures, measure_picture
from covers.images.thumbnails import LEAST_PX, write_thumbnail
from covers.intake.scan_record import Content
from covers.intake.sources import ProblemKind, is_picture_name
from covers.workspace.disk.strangers import refuse_linked_lock
from covers.workspace.remote import RemotePath

if TYPE_CHECKING:
    from covers.workspace.paths import Workspace
    from covers.workspace.remote import AnyPath

_PEEK_BYTES = 512


class PictureLoader:
    """Reads single pictures: their content, and their measures where they are not known.

    It may be called from several threads at once.

    Parameters
    ----------
    workspace : Workspace
        Where thumbnails go.
    measured, pictured : set of str
        Ids of covers whose measures are known and that have a thumbnail. A
        picture in both is not decoded. Both sets grow.
    max_megapixels : float
        Larger pictures are refused.
    """

    def __init__(
        self,
        workspace: Workspace,
        measured: set[str],
        pictured: set[str],
        max_megapixels: float,
    ) -> None:
        self.workspace = workspace
        self.measured = measured
        self.pictured = pictured
        self.max_megapixels = max_megapixels
        refuse_linked_lock(workspace.root / ".decoding.lock")
        self._heavy = FileLock(workspace.root / ".decoding.lock")

    def read(
        self, path: AnyPath, member: str
    ) -> tuple[Content, PictureMeasures | None]:
        """Read one picture.

        Parameters
        ----------
        path : Path or RemotePath
            The file.
        member : str
            Which picture inside a music file; ``""`` for a picture file.

        Returns
        -------
        (Content, PictureMeasures or None)
            What is wrong with it is the reason in its content; the measures
            are None where they are known already, or there is no picture.
        """
        found = self._read(path, member, only_quick=False)
        assert found is not None
        return found

    def read_quick(
        self, path: AnyPath, member: str
    ) -> tuple[Content, PictureMeasures | None] | None:
        """Read one picture as `read` does, unless it may take long: then None."""
        return self._read(path, member, only_quick=True)

    def _read(
        self, path: AnyPath, member: str, *, only_quick: bool
    ) -> tuple[Content, PictureMeasures | None] | None:
        """Read one picture, or leave it to a process that can be ended."""
        try:
            content = self._read_bytes(path, member)
            if only_quick and not is_quick(content):
                return None
            cover_id = content_id(content)
            picture = read_picture(
                content,
                size_px=LEAST_PX if self._is_new(cover_id) else 1,
                max_megapixels=self.max_megapixels,
                heavy=self._heavy,
            )
        except BrokenImageError as error:
            return refuse(ProblemKind.BROKEN, str(error))
        except DataError as error:
            return refuse(ProblemKind.TAGS, str(error))
        measures = None
        if cover_id not in self.pictured:
            write_thumbnail(picture.image, self.workspace.thumbnail_path(cover_id))
            self.pictured.add(cover_id)
        if cover_id not in self.measured:
            measures = measure_picture(picture.image)
            self.measured.add(cover_id)
        found = Content(cover_id, picture.width, picture.height, picture.format)
        return found, measures

    def _is_new(self, cover_id: str) -> bool:
        return cover_id not in self.measured or cover_id not in self.pictured

    def _read_bytes(self, path: AnyPath, member: str) -> bytes:
        """Read the bytes of a picture."""
        if member:
            return read_inside(path, member)
        if not is_picture_name(path.name):
            _peek(path)
        return read_bytes(path)


def _peek(path: AnyPath) -> None:
    """Refuse a file of another ending by its first bytes, without reading it whole."""
    try:
        if isinstance(path, RemotePath):
            refuse_stranger(path.read(_PEEK_BYTES))
            return
        # Non-blocking, so that a named pipe is not waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            head = file.read(_PEEK_BYTES)
    except OSError as error:
        message = f"{UNREAD}{error.strerror or error}"
        raise BrokenImageError(message) from error
    refuse_stranger(head or b"")


def refuse(kind: ProblemKind, reason: str) -> tuple[Content, None]:
    """Return the record of a candidate without a picture."""
    return Content(None, kind=kind, reason=reason), None
