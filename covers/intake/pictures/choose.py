"""Choosing each cover's picture: the first of its candidates that can be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from covers.intake.pictures.read_many import read_pictures
from covers.intake.record_table import RecordRows, keys_of, records_of
from covers.intake.scan_record import SCHEMA, ScanRecord, write_labels
from covers.stats.rows import rows_in
from indexer.files.arrow import (
    as_mask,
    as_numbers,
    as_take_indices,
    make_array,
    make_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from covers.intake.pictures.read_one import PictureLoader
    from covers.intake.scan_record import Content, Journal, Key
    from covers.intake.sources import Candidate
    from covers.workspace.remote import AnyPath

    Choices = Sequence[Sequence[Candidate]]
    Rows = npt.NDArray[np.int64]

_AT_ONCE = 50_000


@dataclass(frozen=True)
class _Open:
    """A cover whose picture is not chosen yet.

    Parameters
    ----------
    source : str
        Name of the source.
    candidates : sequence of Candidate
        What its picture may be, best first.
    known : sequence of ScanRecord or None
        What the last scan knew of each.
    number : int
        Its place among all covers.
    rank : int
        The next candidate to look at.
    """

    source: str
    candidates: Sequence[Candidate]
    known: Sequence[ScanRecord | None]
    number: int
    rank: int = 0


class Chooser:
    """Chooses the pictures of covers, reading only what is not known.

    Parameters
    ----------
    roots : mapping of str to Path or RemotePath
        Folder that the paths of each source begin in.
    known : pyarrow.Table
        Records of the last scan; believed where size and time of change are the same.
    journal : Journal
        What an interrupted scan did; grows.
    trusted : callable
        Says of a column of cover ids which need not be read again: those that
        are measured and have a thumbnail.
    make_loader : callable
        Makes what reads pictures, where one has to be read.

    Attributes
    ----------
    n_read : int
        Pictures read.
    """

    def __init__(
        self,
        roots: Mapping[str, AnyPath],
        known: pa.Table,
        journal: Journal,
        trusted: Callable[[pa.ChunkedArray], pa.ChunkedArray],
        make_loader: Callable[[], PictureLoader],
    ) -> None:
        self.n_read = 0
        self._roots = roots
        self._known = known
        self._journal = journal
        self._ask_trusted = trusted
        self._make_loader = make_loader
        self._read_now: dict[Key, Content] = {}
        self._found = RecordRows()
        self._numbers: list[int] = []
        self._n_covers = 0

    def choose(
        self,
        covers: Mapping[str, Choices],
        *,
        n_workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> pa.Table:
        """Choose a picture for each cover; where the first candidates are bad, the next are read.

        Parameters
        ----------
        covers : mapping of str to sequence of sequences of Candidate
            By the name of a source, what each cover may be, best first.
        n_workers, progress : optional
            As for `covers.intake.pictures.read_many.read_pictures`.

        Returns
        -------
        pyarrow.Table
            Records of the chosen pictures, and of those that were tried before
            them and are bad, in the order of the covers.
        """
        tables, numbers = [], []
        waiting: list[_Open] = []
        for source, choices in covers.items():
            rows = self._rows(source, choices)
            first = _starts(choices)
            is_quick = self._are_as_before(choices, rows[first])
            quick = np.flatnonzero(is_quick)
            tables.append(self._take(choices, rows[first], quick))
            numbers.append(self._n_covers + quick)
            slow = self._open(source, choices, np.flatnonzero(~is_quick), rows)
            waiting += self._advance_all(slow)
            self._n_covers += len(choices)
        while waiting:
            self._read(waiting, n_workers, progress)
            waiting = self._advance_all(waiting)
        tables.append(self._found.table())
        numbers.append(np.array(self._numbers, np.int64))
        order = np.argsort(np.concatenate(numbers), kind="stable")
        return pa.concat_tables(tables).take(as_take_indices(order))

    def _rows(self, source: str, choices: Choices) -> Rows:
        """Return which row the last scan had for each candidate of all choices, one after the other."""
        flat = [candidate for several in choices for candidate in several]
        wanted = make_table(
            {
                "source": make_array([source] * len(flat), pa.string()),
                "path": make_array([one.file.path for one in flat], pa.string()),
                "member": make_array([one.member for one in flat], pa.string()),
            }
        )
        return rows_in(keys_of(wanted), keys_of(self._known))

    def _are_as_before(self, choices: Choices, rows: Rows) -> npt.NDArray[np.bool_]:
        """Say of which covers the first picture is what the last scan found it to be."""
        same = rows >= 0
        for name in ("size", "mtime_ns"):
            now = (getattr(several[0].file, name) for several in choices)
            before = as_numbers(self._known.column(name))
            found = np.fromiter(now, np.int64, len(choices))
            same[same] = before[rows[same]] == found[same]
        same[same] = self._are_trusted[rows[same]]
        return same

    @cached_property
    def _are_trusted(self) -> npt.NDArray[np.bool_]:
        """Say which records of the last scan are covers that need not be read again."""
        ids = self._known.column("cover_id")
        good = pc.and_(ids.is_valid(), self._ask_trusted(ids))
        trusted: npt.NDArray[np.bool_] = as_mask(good)
        return trusted

    def _take(self, choices: Choices, rows: Rows, quick: Rows) -> pa.Table:
        """Return the records of covers that are as before, with their labels of now."""
        table = self._known.take(as_take_indices(rows[quick]))
        labels = [
            make_array(
                write_labels(choices[i][0].labels for i in some.tolist()), pa.string()
            )
            for some in np.split(quick, range(_AT_ONCE, len(quick), _AT_ONCE))
        ]
        at = SCHEMA.get_field_index("labels")
        return table.set_column(at, SCHEMA.field(at), pa.chunked_array(labels))

    def _open(
        self, source: str, choices: Choices, slow: Rows, rows: Rows
    ) -> Iterator[_Open]:
        """Yield the covers that have to be looked at one by one."""
        starts = _starts(choices)
        several = [
            rows[starts[number] : starts[number] + len(choices[number])].tolist()
            for number in slow.tolist()
        ]
        asked = [row for some in several for row in some if row >= 0]
        known = records_of(self._known.take(as_take_indices(np.array(asked, np.int64))))
        for number, some in zip(slow.tolist(), several, strict=True):
            records = [next(known) if row >= 0 else None for row in some]
            yield _Open(source, choices[number], records, self._n_covers + number)

    def _advance_all(self, covers: Iterable[_Open]) -> list[_Open]:
        """Go on with several covers; return those of which a picture has to be read."""
        left = []
        for cover in covers:
            rank = self._advance(cover)
            if rank is not None:
                left.append(replace(cover, rank=rank))
        return left

    def _advance(self, cover: _Open) -> int | None:
        """Pass over candidates whose content is known; return the first unknown one."""
        for i in range(cover.rank, len(cover.candidates)):
            candidate = cover.candidates[i]
            content = self._look_up(cover, i)
            if content is None:
                return i
            file = candidate.file
            record = ScanRecord(
                cover.source,
                file.path,
                candidate.member,
                file.size,
                file.mtime_ns,
                content,
                candidate.labels,
            )
            self._found.add(record)
            self._numbers.append(cover.number)
            if content.cover_id is not None:
                return None
        return None

    def _look_up(self, cover: _Open, rank: int) -> Content | None:
        """Return what a candidate holds, None where it must be read."""
        candidate, record = cover.candidates[rank], cover.known[rank]
        key = _key(cover.source, candidate)
        if key in self._read_now:
            return self._read_now[key]
        size, mtime_ns = candidate.file.size, candidate.file.mtime_ns
        content = self._journal.contents.get((key, size, mtime_ns))
        if record and record.size == size and record.mtime_ns == mtime_ns:
            content = record.content
        if content is None or content.may_pass:
            return None
        is_trusted = content.cover_id is None or self._is_trusted(content.cover_id)
        return content if is_trusted else None

    def _is_trusted(self, cover_id: str) -> bool:
        """Say whether a picture need not be read again."""
        return cover_id in self._loader.measured and cover_id in self._loader.pictured

    @cached_property
    def _loader(self) -> PictureLoader:
        """The loader of pictures, made when it is first needed."""
        return self._make_loader()

    def _read(
        self,
        waiting: Sequence[_Open],
        n_workers: int | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Read pictures and note them in the journal."""
        unread = {
            _key(cover.source, candidate): candidate
            for cover in waiting
            for candidate in [cover.candidates[cover.rank]]
        }
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
    """Return the key that identifies a candidate."""
    return source, candidate.file.path, candidate.member


def _starts(choices: Choices) -> Rows:
    """Return where the candidates of each cover begin, all candidates one after the other."""
    sizes = np.fromiter(map(len, choices), np.int64, len(choices))
    starts: Rows = np.cumsum(sizes) - sizes
    return starts
