"""Running the network on many covers at once: decoding in threads, so that every core or the GPU is busy.

On a CPU each core is a stream of its own: it decodes a batch and runs the
network on it in one thread, so that no core waits for another. A GPU is fed by
threads that decode ahead. Letters: B covers in a batch, S side in pixels.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import DataError
from covers.images.locations import read_cover
from covers.model.embed_bytes import EmbedBytes
from covers.model.pixels import PixelBatch, PixelCache, stream_pixels
from covers.workspace.cores import count_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from covers.model.pixels import CoverFile, Pixels
    from covers.workspace.paths import Workspace

    Arrays = dict[str, npt.NDArray[Any]]
    Work = Callable[[Pixels], Arrays]

CPU_BATCH = 32
GPU_BATCH = 256


@dataclass(frozen=True)
class WorkedBatch:
    """Results of one batch of covers, and the covers that could not be read.

    Parameters
    ----------
    positions : ndarray of int64, shape (B,)
        Which of the covers asked for; broken ones are missing.
    arrays : dict of str to ndarray, shape (B, …)
        What the work made of their pixels; empty where B is 0.
    failed : list of (int, str)
        Position and reason of each cover that could not be read.
    """

    positions: npt.NDArray[np.int64]
    arrays: Arrays
    failed: list[tuple[int, str]]


@dataclass(frozen=True, kw_only=True)
class Streams:
    """How covers are streamed.

    Parameters
    ----------
    size_px : int
        Side of the pictures.
    on_gpu : bool, default=False
        Work in one thread, decode in others.
    batch_size : int, optional
        Covers per batch at most, by default 32 on a CPU and 256 on a GPU. On a
        CPU they are cut so that all streams have as many batches.
    n_streams : int, optional
        Threads, by default one per usable core, at most 16.
    """

    size_px: int
    on_gpu: bool = False
    batch_size: int | None = None
    n_streams: int | None = None


def stream_work(
    workspace: Workspace,
    covers: Sequence[CoverFile],
    work: Work,
    streams: Streams,
) -> Iterator[WorkedBatch]:
    """Decode covers and work on their pixels, yielding batches in the given order.

    Memory stays flat: a stream holds one batch, and at most one more per
    stream is done and not yet taken.

    Parameters
    ----------
    workspace : Workspace
        Knows where the sources are; its training cache is read instead where
        it has all of the covers.
    covers : sequence of CoverFile
        What to read, in this order.
    work : callable
        From pixels, uint8 (B, S, S, 3), to arrays. Called from several threads
        at once unless on a GPU.
    streams : Streams
    """
    size_px, on_gpu = streams.size_px, streams.on_gpu
    batch_size = streams.batch_size or (GPU_BATCH if on_gpu else CPU_BATCH)
    embed = EmbedBytes(work, size_px, workspace.settings.intake.max_megapixels)
    read = _cached(workspace, covers, size_px)
    if on_gpu:
        batches = (
            stream_pixels(workspace, covers, size_px=size_px, batch_size=batch_size)
            if read is None
            else map(read, _cut(len(covers), batch_size))
        )
        yield from (_answer(embed, batch) for batch in batches)
        return

    def stream(positions: range) -> WorkedBatch:
        if read is not None:
            return _answer(embed, read(positions))
        start = positions.start
        found = embed(_contents(workspace, covers[start : positions.stop]))
        failed = [(start + position, reason) for position, reason in found.failed]
        return WorkedBatch(start + found.positions, found.arrays, failed)

    n_streams = streams.n_streams or min(16, count_cores())
    # As many batches for each stream: with a few covers, a last odd one would cost its time.
    n_rounds = max(1, -(-len(covers) // (batch_size * n_streams)))
    batch_size = max(1, -(-len(covers) // (n_rounds * n_streams)))
    with (
        _one_thread_each(),
        ThreadPoolExecutor(n_streams, thread_name_prefix="embed") as pool,
    ):
        waiting: deque[Future[WorkedBatch]] = deque()
        try:
            for positions in _cut(len(covers), batch_size):
                waiting.append(pool.submit(stream, positions))
                if len(waiting) >= 2 * n_streams:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let torch use one thread in threads that begin to compute meanwhile."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cut(n: int, batch_size: int) -> Iterator[range]:
    return (range(i, min(i + batch_size, n)) for i in range(0, n, batch_size))


def _answer(embed: EmbedBytes, batch: PixelBatch) -> WorkedBatch:
    """Run the network on covers that are decoded already."""
    return WorkedBatch(batch.positions, embed.answer(batch.pixels), batch.failed)


def _contents(
    workspace: Workspace, covers: Sequence[CoverFile]
) -> Iterator[bytes | DataError]:
    """Read pictures one after the other; where one cannot be read, say why."""
    for cover in covers:
        try:
            yield read_cover(workspace, cover.cover_id, cover.locations)
        except DataError as error:
            yield error


def _cached(
    workspace: Workspace, covers: Sequence[CoverFile], size_px: int
) -> Callable[[range], PixelBatch] | None:
    """Return how to read from the training cache; None where it lacks one of the covers."""
    if not workspace.cache_folder.is_dir():
        return None
    cache = PixelCache(workspace.cache_folder, size_px)
    if not all(cover.cover_id in cache for cover in covers):
        return None
    read = cache.pixels_of([cover.cover_id for cover in covers])
    return lambda positions: PixelBatch(
        np.asarray(positions, np.int64), read(list(positions)), []
    )
