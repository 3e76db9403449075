"""Choosing each cover's picture: the first of its candidates that can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.intake.pictures.read_many import read_pictures
from covers.intake.scan_record import ScanRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from covers.intake.pictures.read_one import PictureLoader
    from covers.intake.scan_record import Content, Journal, Key
    from covers.intake.sources import Candidate
    from covers.workspace.remote import AnyPath

    # Name of a source, the pictures that one cover may be, and the next to look at.
    Open = tuple[str, Sequence[Candidate], int]


class Chooser:
    """Chooses the pictures of covers, reading only what is not known.

    Parameters
    ----------
    roots : mapping of str to Path or RemotePath
        Folder that the paths of each source begin in.
    known : mapping of Key to ScanRecord
        From the last scan; believed where size and time of change are the same.
    journal : Journal
        What an interrupted scan did; grows.
    loader : PictureLoader
        Reads pictures; knows whose measures and thumbnails are there.

    Attributes
    ----------
    records : list of ScanRecord
        The chosen pictures, and those that were tried before them and are bad.
    n_read : int
        Pictures read.
    """

    def __init__(
        self,
        roots: Mapping[str, AnyPath],
        known: Mapping[Key, ScanRecord],
        journal: Journal,
        loader: PictureLoader,
    ) -> None:
        self.records: list[ScanRecord] = []
        self.n_read = 0
        self._roots = roots
        self._known = known
        self._journal = journal
        self._loader = loader
        self._trusted = loader.measured & loader.pictured
        self._read_now: dict[Key, Content] = {}

    def choose(
        self,
        covers: Iterable[tuple[str, Sequence[Candidate]]],
        *,
        n_workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Choose a picture for each cover; where the first candidates are bad, the next are read.

        Parameters
        ----------
        covers : iterable of (str, sequence of Candidate)
            For each cover the name of its source, and what it may be, best first.
        n_workers, progress : optional
            As for `covers.intake.pictures.read_many.read_pictures`.
        """
        still_open: list[Open] = [(source, several, 0) for source, several in covers]
        while still_open:
            unread: dict[Key, Candidate] = {}
            waiting: list[Open] = []
            for source, candidates, rank in still_open:
                next_rank = self._advance(source, candidates, rank)
                if next_rank is not None:
                    candidate = candidates[next_rank]
                    unread[_key(source, candidate)] = candidate
                    waiting.append((source, candidates, next_rank))
            if unread:
                self._read(unread, n_workers, progress)
            still_open = waiting

    def _advance(
        self, source: str, candidates: Sequence[Candidate], rank: int
    ) -> int | None:
        """Go through candidates whose content is known; return the first unknown one."""
        for i in range(rank, len(candidates)):
            candidate = candidates[i]
            content = self._look_up(_key(source, candidate), candidate)
            if content is None:
                return i
            file = candidate.file
            self.records.append(
                ScanRecord(
                    source,
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
        """Return what a candidate holds, None where it must be read."""
        if key in self._read_now:
            return self._read_now[key]
        size, mtime_ns = candidate.file.size, candidate.file.mtime_ns
        record = self._known.get(key)
        content = self._journal.contents.get((key, size, mtime_ns))
        if record and record.size == size and record.mtime_ns == mtime_ns:
            content = record.content
        if content is not None and content.may_pass:
            return None
        if content is None or content.cover_id in self._trusted:
            return content
        return content if content.cover_id is None else None

    def _read(
        self,
        unread: Mapping[Key, Candidate],
        n_workers: int | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Read pictures and note them in the journal."""
        files = [
            (self._roots[source] / path, member) for source, path, member in unread
        ]
        with self._journal:
            found = read_pictures(
                files, self._loader, n_workers=n_workers, progress=progress
            )
            for (key, candidate), (content, measures) in zip(
                unread.items(), found, strict=True
            ):
                file = candidate.file
                self._read_now[key] = content
                self._journal.add(key, file.size, file.mtime_ns, content, measures)
                self.n_read += 1


def _key(source: str, candidate: Candidate) -> Key:
    """Return what tells a candidate from all others."""
    return source, candidate.file.path, candidate.member
