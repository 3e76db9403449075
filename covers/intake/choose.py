"""Choosing each cover's picture: the first of its candidates that can be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from covers.intake.read_many import read_pictures
from covers.intake.read_one import Task
from covers.intake.scan_record import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from covers.intake.scan_record import Content, Journal, Key
    from covers.intake.sources import Candidate
    from covers.workspace.paths import Workspace


@dataclass(frozen=True, slots=True)
class Choice:
    """The pictures that one cover may be, in order of preference.

    Parameters
    ----------
    source : str
        Name of their source.
    root : Path
        Folder their paths begin in.
    candidates : tuple of Candidate
        At least one.
    """

    source: str
    root: Path
    candidates: tuple[Candidate, ...]

    def key(self, rank: int) -> Key:
        """Return the place of a candidate."""
        candidate = self.candidates[rank]
        return self.source, candidate.file.path, candidate.member


class Chooser:
    """Settles choices, reading only what is not known.

    Parameters
    ----------
    known : mapping of Key to Place
        From the last scan; believed where size and time of change are the same.
    journal : Journal
        What an interrupted scan did; grows.
    measured, pictured : set of str
        Covers whose measures, and whose thumbnails, are there; they grow.

    Attributes
    ----------
    places : list of Place
        The chosen pictures, and those that were tried before them and are bad.
    n_read : int
        Pictures read.
    """

    def __init__(
        self,
        workspace: Workspace,
        known: Mapping[Key, Place],
        journal: Journal,
        *,
        measured: set[str],
        pictured: set[str],
        max_megapixels: float,
    ) -> None:
        self.places: list[Place] = []
        self.n_read = 0
        self._workspace = workspace
        self._known = known
        self._journal = journal
        self._measured = measured
        self._pictured = pictured
        self._max_megapixels = max_megapixels
        self._trusted = measured & pictured
        self._read_now: dict[Key, Content] = {}

    def settle(
        self,
        choices: Iterable[Choice],
        *,
        n_workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Settle all choices; where the first candidates are bad, the next are read."""
        open_choices = [(choice, 0) for choice in choices]
        while open_choices:
            tasks: dict[Key, Task] = {}
            waiting = []
            for choice, rank in open_choices:
                next_rank = self._advance(choice, rank)
                if next_rank is not None:
                    task = _make_task(choice, next_rank)
                    tasks[task.key] = task
                    waiting.append((choice, next_rank))
            if tasks:
                self._read(list(tasks.values()), n_workers, progress)
            open_choices = waiting

    def _advance(self, choice: Choice, rank: int) -> int | None:
        """Go through candidates whose content is known; return the first unknown one."""
        for i in range(rank, len(choice.candidates)):
            candidate = choice.candidates[i]
            content = self._look_up(choice.key(i), candidate)
            if content is None:
                return i
            file = candidate.file
            self.places.append(
                Place(
                    choice.source,
                    file.path,
                    candidate.member,
                    file.size,
                    file.mtime_ns,
                    content,
                    candidate.labels,
                )
            )
            if content.cover_id is not None:
                return None
        return None

    def _look_up(self, key: Key, candidate: Candidate) -> Content | None:
        """Return what a place holds, None where it must be read."""
        if key in self._read_now:
            return self._read_now[key]
        size, mtime_ns = candidate.file.size, candidate.file.mtime_ns
        place = self._known.get(key)
        if place and place.size == size and place.mtime_ns == mtime_ns:
            content: Content | None = place.content
        else:
            content = self._journal.contents.get((key, size, mtime_ns))
        if content is None or content.cover_id in self._trusted:
            return content
        return content if content.cover_id is None else None

    def _read(
        self,
        tasks: list[Task],
        n_workers: int | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Read pictures and note them in the journal."""
        with self._journal:
            for reading in read_pictures(
                tasks,
                self._workspace,
                measured=self._measured,
                pictured=self._pictured,
                max_megapixels=self._max_megapixels,
                n_workers=n_workers,
                progress=progress,
            ):
                task = reading.task
                self._read_now[task.key] = reading.content
                self._journal.add(
                    task.key,
                    task.size,
                    task.mtime_ns,
                    reading.content,
                    reading.measures,
                )
                self.n_read += 1


def _make_task(choice: Choice, rank: int) -> Task:
    candidate = choice.candidates[rank]
    file = candidate.file
    return Task(choice.key(rank), file.size, file.mtime_ns, choice.root / file.path)
