"""Covers → pixels of the network's size: decoded by several threads, cached for training.

Letters: B pictures in a batch, S side in pixels.
"""

from __future__ import annotations

import itertools
import operator
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import DataError
from covers.images.decode import decode
from covers.images.locations import read_cover
from covers.stats.rows import RowsById
from covers.workspace.cores import count_cores
from covers.workspace.disk.strangers import read_text, refuse_link, unlink_link

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from covers.workspace.paths import Workspace

_DISK_RESERVE = 2**28  # of bytes, left to other programs

Pixels = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CoverFile:
    """What is needed to read one cover: its id and the files that hold it."""

    cover_id: str
    locations: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class PixelBatch:
    """Some covers, decoded.

    Parameters
    ----------
    positions : ndarray of int64, shape (B,)
        Which of the covers asked for these are; broken ones are missing.
    pixels : ndarray of uint8, shape (B, S, S, 3)
        RGB.
    failed : list of (int, str)
        Position and reason of each cover that could not be read.
    """

    positions: npt.NDArray[np.int64]
    pixels: Pixels
    failed: list[tuple[int, str]]


def to_pixels(image: Image.Image, size_px: int) -> Pixels:
    """Squash an RGB image to (size_px, size_px, 3): nothing is cropped, so no lettering is lost.

    Bilinear with antialiasing, as Pillow does it, by torch in less than half the time.
    """
    pixels: Pixels = squash([image], size_px)[0]
    return pixels


def squash(images: Sequence[Image.Image], size_px: int) -> Pixels:
    """Squash some RGB images to (n, size_px, size_px, 3), those of one size in a row at once."""
    squashed = np.empty((len(images), size_px, size_px, 3), np.uint8)
    done = 0
    for size, group in itertools.groupby(images, key=operator.attrgetter("size")):
        some = np.stack([np.asarray(image, np.uint8) for image in group])
        if size != (size_px, size_px):
            some = _resize(some, size_px)
        squashed[done : done + len(some)] = some
        done += len(some)
    return squashed


def _resize(pixels: Pixels, size_px: int) -> Pixels:
    """Squash (n, h, w, 3) to (n, size_px, size_px, 3)."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    squashed = F.interpolate(
        torch.from_numpy(pixels).permute(0, 3, 1, 2),
        size=(size_px, size_px),
        mode="bilinear",
        antialias=True,
    )
    array: Pixels = squashed.permute(0, 2, 3, 1).numpy()
    return array


def read_pixels(workspace: Workspace, cover: CoverFile, size_px: int) -> Pixels:
    """Read, decode and squash one cover.

    Raises
    ------
    DataError
        If the cover is gone, or cannot be decoded (`BrokenImageError`).
    """
    content = read_cover(workspace, cover.cover_id, cover.locations)
    megapixels = workspace.settings.intake.max_megapixels
    image = decode(content, size_px=size_px, max_megapixels=megapixels)
    return to_pixels(image, size_px)


def stream_pixels(
    workspace: Workspace,
    covers: Sequence[CoverFile],
    *,
    size_px: int,
    batch_size: int,
    n_workers: int | None = None,
) -> Iterator[PixelBatch]:
    """Decode covers in threads, a few batches ahead of the one that is taken.

    Memory stays flat: at most ``4 * n_workers + 2 * batch_size`` pictures are held.

    Parameters
    ----------
    workspace : Workspace
        Knows where the sources are.
    covers : sequence of CoverFile
        What to read, in this order.
    size_px : int
        Side of the pictures.
    batch_size : int
        Pictures per batch; the last is smaller.
    n_workers : int, optional
        Decoding threads; by default one per core, at most 16. Decoding releases
        Python's global lock.
    """
    n_workers = n_workers or min(16, count_cores())
    pool = ThreadPoolExecutor(n_workers, thread_name_prefix="decode")
    try:
        waiting: deque[Future[Pixels]] = deque()
        upcoming = iter(covers)

        def refill() -> None:
            while len(waiting) < 4 * n_workers + 2 * batch_size:
                cover = next(upcoming, None)
                if cover is None:
                    return
                waiting.append(pool.submit(read_pixels, workspace, cover, size_px))

        position = 0
        while position < len(covers):
            refill()
            positions, pixels, failed = [], [], []
            for _ in range(min(batch_size, len(covers) - position)):
                try:
                    pixels.append(waiting.popleft().result())
                    positions.append(position)
                except DataError as error:
                    failed.append((position, str(error)))
                position += 1
            stacked = (
                np.stack(pixels)
                if pixels
                else np.zeros((0, size_px, size_px, 3), np.uint8)
            )
            yield PixelBatch(np.asarray(positions, np.int64), stacked, failed)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class PixelCache:
    """Decoded covers of one size in one file, for reading them again and again.

    Pictures are only ever appended, and an id is written after its pixels, so
    an interruption at any instant leaves a shorter cache, never a wrong one.

    Parameters
    ----------
    folder : Path
        Where the two files lie.
    size_px : int
        Side of the pictures.
    """

    def __init__(self, folder: Path, size_px: int) -> None:
        self.size_px = size_px
        self._pixels_path = folder / f"pixels-{size_px}.u8"
        self._ids_path = folder / f"pixels-{size_px}.ids"
        refuse_link(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._rows: dict[str, int] = {}
        self._read_ids()

    def __contains__(self, cover_id: str) -> bool:
        return cover_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def picture_bytes(self) -> int:
        """Bytes of one picture."""
        return self.size_px * self.size_px * 3

    def fill(
        self,
        workspace: Workspace,
        covers: Sequence[CoverFile],
        progress: Progress | None = None,
    ) -> dict[str, str]:
        """Decode the covers that are not here yet.

        Returns
        -------
        dict of str to str
            Reason by cover id, for those that could not be read.

        Raises
        ------
        DataError
            If the disk has no room for them.
        """
        missing = [cover for cover in covers if cover.cover_id not in self]
        needed = len(missing) * self.picture_bytes
        free = shutil.disk_usage(self._pixels_path.parent).free
        if needed > free - _DISK_RESERVE:
            message = (
                f"decoded covers need {_show_bytes(needed)} in '{self._pixels_path.parent}' and {_show_bytes(_DISK_RESERVE)} "
                f"are left to other programs, but only {_show_bytes(free)} are free: make room, or train with a smaller '--image-size'"
            )
            raise DataError(message)
        failed: dict[str, str] = {}
        done = len(covers) - len(missing)
        with (
            self._pixels_path.open("ab") as pixels,
            self._ids_path.open("a", encoding="utf-8") as ids,
        ):
            pixels.truncate(len(self._rows) * self.picture_bytes)
            for batch in stream_pixels(
                workspace, missing, size_px=self.size_px, batch_size=256
            ):
                pixels.write(batch.pixels.tobytes())
                pixels.flush()
                ids.writelines(
                    f"{missing[position].cover_id}\n" for position in batch.positions
                )
                ids.flush()
                failed.update(
                    {
                        missing[position].cover_id: reason
                        for position, reason in batch.failed
                    }
                )
                done += len(batch.positions) + len(batch.failed)
                if progress:
                    progress(done, len(covers))
        self._read_ids()
        return failed

    def pixels_of(self, cover_ids: Sequence[str]) -> Callable[[Sequence[int]], Pixels]:
        """Return a function from positions in `cover_ids` to pixels (B, S, S, 3)."""
        rows = np.asarray([self._rows[cover_id] for cover_id in cover_ids], np.int64)
        if not len(rows):
            return lambda positions: np.zeros(
                (len(positions), self.size_px, self.size_px, 3), np.uint8
            )
        stored = np.memmap(
            self._pixels_path,
            np.uint8,
            "r",
            shape=(int(rows.max()) + 1, self.size_px, self.size_px, 3),
        )  # (n, S, S, 3)
        return lambda positions: stored[rows[np.asarray(positions, np.int64)]]

    def delete(self) -> None:
        """Remove both files."""
        self._ids_path.unlink(missing_ok=True)
        self._pixels_path.unlink(missing_ok=True)
        self._rows = {}

    def _read_ids(self) -> None:
        """Read which pictures are here whole, and cut off what is not."""
        unlink_link(self._ids_path)
        unlink_link(self._pixels_path)
        if not self._ids_path.exists() or not self._pixels_path.exists():
            self.delete()
            return
        try:
            text = read_text(self._ids_path)
        except (OSError, UnicodeDecodeError):
            self.delete()
            return
        ids = text[: text.rfind("\n") + 1].split()
        n_whole = self._pixels_path.stat().st_size // self.picture_bytes
        if (
            len(ids) != len(set(ids))
            or len(text.split()) != len(ids)
            or len(ids) > n_whole
        ):
            self.delete()
            return
        self._rows = RowsById(ids).position


def _show_bytes(n: int) -> str:
    """Write a size with the unit that leaves a person something to compare.

    Examples
    --------
    >>> _show_bytes(2**28), _show_bytes(3 * 2**30)
    ('256 MiB', '3.0 GiB')
    """
    return f"{n / 2**30:.1f} GiB" if n >= 2**30 else f"{-(-n // 2**20):.0f} MiB"
