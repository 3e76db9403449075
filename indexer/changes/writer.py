"""One change to an index: under the lock, on top of the newest generation.

A change is a plan (tombstones, new rows, new items of old segments) that is
merged with small or mostly dead segments where that pays, written as one new
generation and published.
"""

import datetime as dt
import logging
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from indexer.changes.merging import write_segments
from indexer.changes.plan import Plan
from indexer.errors import IndexDamagedError, IndexNotFoundError
from indexer.files import disk, store
from indexer.files.columns import encode_schema
from indexer.files.lock import hold_writer_lock
from indexer.files.manifest import Manifest, PastGeneration
from indexer.files.opening import MappedFile
from indexer.files.snapshot import Snapshot, open_snapshot
from indexer.files.sweeping import sweep

__all__ = ["Writer", "open_writer", "sweep_around"]

_log = logging.getLogger(__name__)


class Writer:
    """The only writer of a folder, for the time of one change.

    Attributes
    ----------
    snapshot : Snapshot or None
        The newest generation; None before the first.
    """

    def __init__(
        self,
        folder: Path,
        snapshot: Snapshot | None,
        salvaged: tuple[PastGeneration, ...] = (),
    ) -> None:
        self.folder = folder
        self.snapshot = snapshot
        self._salvaged = salvaged

    def plan(self, operation: str, **changes: Any) -> Plan:
        """Begin a plan that keeps everything of the newest generation."""
        manifest = self.current.manifest
        kept = {
            "schema": self.current.schema,
            "dimension": manifest.dimension,
            "request": manifest.request,
            "keep_generations": manifest.keep_generations,
            "fingerprints": dict(manifest.fingerprints),
        }
        return Plan(operation=operation, **(kept | changes))

    @property
    def current(self) -> Snapshot:
        """The newest generation, which must exist."""
        if self.snapshot is None:
            message = f"no index in {str(self.folder)!r}: build one first"
            raise IndexNotFoundError(message)
        return self.snapshot

    def publish(self, plan: Plan) -> Snapshot:
        """Write the generation that `plan` describes and make it current.

        Returns
        -------
        Snapshot
            The new generation, opened.

        Raises
        ------
        IndexWriteError
            If the disk refuses; nothing has changed then.
        """
        generation = store.next_generation(self.folder)
        with (
            disk.translate_write_errors(self.folder),
            store.GenerationWriter(self.folder, generation) as writer,
        ):
            old = self.snapshot.segments if self.snapshot else []
            segments = write_segments(writer, plan, old, self._next_segment)
            manifest = Manifest(
                generation=generation,
                content=generation,
                operation=plan.operation,
                created=_now(),
                dimension=plan.dimension,
                n_items=sum(segment.n_live for segment in segments),
                schema=encode_schema(plan.schema),
                next_segment=self._next_segment + len(segments),
                keep_generations=plan.keep_generations,
                request=plan.request,
                fingerprints=plan.fingerprints,
                segments=tuple(segments),
                history=self._history(generation, plan.keep_generations),
                parent=self._parent,
                versions=_versions(),
            )
            writer.publish(manifest)
        return self._finish(manifest)

    def republish(self, past: Manifest) -> Snapshot:
        """Make the content of an older generation current again.

        Raises
        ------
        IndexDamagedError
            If one of its files is not what was written.
        """
        current = set(self.current.manifest.files)
        for entry in past.files:
            if entry not in current and not MappedFile(self.folder, entry).is_whole():
                message = (
                    f"generation {past.generation} of index {str(self.folder)!r} is "
                    f"damaged: the checksum of {entry.path!r} is wrong; "
                    f"choose another, or stay"
                )
                raise IndexDamagedError(message)
        generation = store.next_generation(self.folder)
        history = self._history(past.content, past.keep_generations)
        manifest = replace(
            past,
            generation=generation,
            operation="rollback",
            created=_now(),
            next_segment=max(past.next_segment, self._next_segment),
            history=history,
            versions=_versions(),
        )
        with (
            disk.translate_write_errors(self.folder),
            store.GenerationWriter(self.folder, generation) as writer,
        ):
            writer.publish(manifest)
        return self._finish(manifest)

    def _finish(self, manifest: Manifest) -> Snapshot:
        snapshot = Snapshot(self.folder, manifest, self.snapshot)
        sweep_around(self.folder, manifest)
        self.snapshot = snapshot
        return snapshot

    @property
    def _next_segment(self) -> int:
        return self.snapshot.manifest.next_segment if self.snapshot else 1

    @property
    def _parent(self) -> int | None:
        """The content that the next one is made from."""
        if self.snapshot is not None:
            return self.snapshot.manifest.content
        return self._salvaged[0].content if self._salvaged else None

    def _history(self, content: int, keep: int) -> tuple[PastGeneration, ...]:
        """List what to keep beside a generation with this content, newest first."""
        if self.snapshot is None:
            return self._salvaged[:keep]
        manifest = self.snapshot.manifest
        past = [_as_past(manifest), *manifest.history]
        return tuple(item for item in past if item.content != content)[:keep]


@contextmanager
def open_writer(
    folder: Path,
    *,
    timeout_s: float,
    previous: Snapshot | None = None,
    replaces_damaged: bool = False,
) -> Iterator[Writer]:
    """Lock a folder for one change and open its newest generation.

    What dead writers left is swept first. With `replaces_damaged` a damaged
    current generation is no error: what is whole beside it becomes the history.

    Raises
    ------
    IndexBusyError
        If another process holds the lock for longer than `timeout_s`.
    """
    with hold_writer_lock(folder, timeout_s=timeout_s):
        salvaged: list[Manifest] = []
        try:
            snapshot = open_snapshot(folder, previous)
        except IndexNotFoundError:
            snapshot = None
        except IndexDamagedError:
            if not replaces_damaged:
                raise
            snapshot = None
            whole = reversed(store.whole_generations(folder))
            salvaged = [store.past_manifest(folder, number) for number in whole]
        if snapshot is not None:
            sweep_around(folder, snapshot.manifest)
        else:
            sweep(folder, salvaged)
        yield Writer(folder, snapshot, tuple(map(_as_past, salvaged)))


def _as_past(manifest: Manifest) -> PastGeneration:
    return PastGeneration(
        generation=manifest.generation,
        content=manifest.content,
        n_items=manifest.n_items,
        created=manifest.created,
    )


def sweep_around(folder: Path, manifest: Manifest) -> None:
    """Remove what neither this generation nor what is whole of its history names."""
    kept = [manifest]
    for past in manifest.history:
        try:
            kept.append(store.past_manifest(folder, past.generation))
        except IndexDamagedError as error:
            _log.warning("generation %d cannot be kept: %s", past.generation, error)
    sweep(folder, kept)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


@cache
def _versions() -> dict[str, str]:
    """Return the versions of the packages that write this generation."""
    import importlib.metadata

    names = ("album-covers", "faiss-cpu", "numpy", "pyarrow")
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
