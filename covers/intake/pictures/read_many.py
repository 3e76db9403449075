"""Reading many pictures side by side, by one process per core.

Decoding, scaling and encoding run outside Python's global lock, but the
measures are hundreds of short NumPy calls that keep taking it: two threads
read hardly more pictures than one, two processes twice as many. A few pictures
are read in threads, sooner than a process has started, but for those that may
take long: only a process can be ended.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from covers.intake.pictures.read_processes import LoaderProcesses
from covers.workspace.cores import count_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from covers.images.measures import PictureMeasures
    from covers.intake.pictures.read_one import PictureLoader
    from covers.intake.scan_record import Content
    from covers.workspace.remote import AnyPath

WORTH_PROCESSES = 512
_CHUNK = 16


def read_pictures(
    files: Sequence[tuple[AnyPath, str]],
    loader: PictureLoader,
    *,
    n_workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[Content, PictureMeasures | None]]:
    """Read pictures, yielding content and measures in the order of the files.

    Parameters
    ----------
    files : sequence of (Path or RemotePath, str)
        File, and which picture inside it or ``""``.
    loader : PictureLoader
        Reads one; its sets of known covers grow.
    n_workers : int, optional
        Processes, or threads where there is little to read; by default one per
        usable core.
    progress : callable, optional
        Called with the number done and the number of all.
    """
    n_workers = n_workers or count_cores()
    are_many = len(files) >= WORTH_PROCESSES and n_workers > 1
    n_done = 0
    with (
        LoaderProcesses(loader, n_workers, starts_now=are_many) as processes,
        ThreadPoolExecutor(n_workers, thread_name_prefix="covers-scan") as executor,
    ):
        waiting: deque[Future[list[tuple[Content, PictureMeasures | None]]]] = deque()
        size = _CHUNK if are_many else 1
        chunks = (files[i : i + size] for i in range(0, len(files), size))
        try:
            while True:
                for chunk in islice(chunks, 4 * n_workers - len(waiting)):
                    waiting.append(executor.submit(processes.read, chunk))
                if not waiting:
                    return
                for content, measures in waiting.popleft().result():
                    if content.cover_id is not None:
                        loader.measured.add(content.cover_id)
                        loader.pictured.add(content.cover_id)
                    yield content, measures
                    n_done += 1
                    if progress is not None:
                        progress(n_done, len(files))
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
