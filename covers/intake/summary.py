"""What a scan found, in figures and in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from covers.catalogue.splits import measure_balance
from covers.catalogue.table import each_value
from covers.intake.record_table import (
    compare_records,
    covers_in,
    of_sources,
    records_of,
)
from covers.render.short_repr import ShortRepr
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.disk.text_tables import write_csv
from covers.workspace.registry import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from covers.catalogue.splits import SplitBalance
    from covers.catalogue.table import Catalogue
    from covers.intake.sources import ProblemKind
    from covers.workspace.paths import Workspace
    from covers.workspace.settings import Source

_LARGE_GROUP = 0.1


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a source that gave no cover, and why."""

    source: str
    path: str
    kind: ProblemKind
    reason: str


@dataclass(frozen=True, repr=False)
class SourceReport(ShortRepr):
    """What one source holds.

    Parameters
    ----------
    n_covers : int
        Distinct pictures that lie in it.
    n_problems : int
        Files that gave no cover.
    state : {"scanned", "not scanned", "not mounted"}
        ``not scanned``: another source alone was scanned this time.
    """

    name: str
    path: str
    kind: str
    state: str
    n_covers: int
    n_problems: int


@dataclass(frozen=True, repr=False)
class ScanReport(ReadOnly, ShortRepr):
    """What a scan found.

    Parameters
    ----------
    n_covers : int
        Distinct pictures in the catalogue.
    n_locations : int
        Where they lie: files, or pictures inside music files.
    n_multi_genre : int
        Covers with more than one genre.
    n_unlabelled : int
        Covers without a genre: they can be searched for, not trained on.
    new, changed, moved, gone, unchanged : int
        Places, compared with the last scan.
    n_read : int
        Pictures that had to be read this time.
    genres : dict of str to int
        Covers of each genre, most frequent first.
    problems : dict of str to int
        Number of problems of each kind; `problems_path` lists them.
    split : SplitBalance
        How the split came out.
    folds : tuple of int
        Covers in each fold, where folds are asked for.
    warnings : tuple of str
        What stands in the way of training, and how to mend it.
    seconds : float
        Time taken.
    """

    n_covers: int
    n_locations: int
    n_multi_genre: int
    n_unlabelled: int
    new: int
    changed: int
    moved: int
    gone: int
    unchanged: int
    n_read: int
    genres: dict[str, int]
    problems: dict[str, int]
    problems_path: Path
    sources: tuple[SourceReport, ...]
    split: SplitBalance
    folds: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0


def list_problems(records: pa.Table) -> list[Problem]:
    """List what gave no cover, in the order of the records."""
    bad = records.filter(records.column("kind").is_valid())
    return [
        Problem(
            record.source,
            f"{record.path}#{record.member}" if record.member else record.path,
            kind,
            record.content.reason or "",
        )
        for record in records_of(bad)
        if (kind := record.content.kind) is not None
    ]


def write_problems(path: Path, records: pa.Table) -> None:
    """Publish ``problems.csv``."""
    write_csv(
        path,
        ["source", "path", "kind", "reason"],
        ([p.source, p.path, p.kind.value, p.reason] for p in list_problems(records)),
    )


def explain_nothing(sources: Sequence[Source], records: pa.Table) -> str:
    """Say what no source with a single readable cover holds instead."""
    paths = ", ".join(f"'{source.path}'" for source in sources)
    problems = list_problems(records)
    if not problems:
        return (
            f"no cover found in {paths}: expected pictures in folders named after genres, "
            "a manifest, or music with covers"
        )
    first = problems[0]
    return (
        f"no cover found in {paths}: all {len(problems)} files there failed; the first is "
        f"'{first.path}': {first.reason}; expected pictures in folders named after genres, "
        "or music with covers"
    )


@dataclass(frozen=True, kw_only=True)
class ScanCourse:
    """Sources and records of a scan, from which its report is summed up.

    Parameters
    ----------
    sources : sequence of Source
        All of the workspace.
    states : mapping of str to str
        State of each source by name; see `SourceReport`.
    before : pyarrow.Table
        Records of the last scan.
    after : pyarrow.Table
        Records of this one.
    n_conflicts : int
        Covers that lie in several splits at once.
    notes : sequence of str
        Remarks from looking at the sources.
    n_read : int
        Pictures read.
    """

    sources: Sequence[Source]
    states: Mapping[str, str]
    before: pa.Table
    after: pa.Table
    n_conflicts: int
    notes: Sequence[str]
    n_read: int


def sum_up(
    workspace: Workspace, catalogue: Catalogue, course: ScanCourse
) -> ScanReport:
    """Sum a scan up.

    Parameters
    ----------
    workspace : Workspace
        Where everything was written.
    catalogue : Catalogue
        As it is now.
    course : ScanCourse
        What happened.
    """
    column = catalogue.table.column
    balance = measure_balance(
        each_value(column("genres")),
        column("group").to_pylist(),
        column("split").to_pylist(),
    )
    good = covers_in(course.after)
    problems = list_problems(course.after)
    problems_of = Counter(problem.source for problem in problems)
    reports = [
        SourceReport(
            name=source.name,
            path=source.path,
            kind=source.kind,
            state=course.states[source.name],
            n_covers=pc.count_distinct(
                of_sources(good, [source.name]).column("cover_id")
            ).as_py(),
            n_problems=problems_of[source.name],
        )
        for source in course.sources
    ]
    n_genres = Counter(len(names) for names in each_value(column("genres")))
    return ScanReport(
        n_covers=len(catalogue),
        n_locations=good.num_rows,
        n_multi_genre=len(catalogue) - n_genres[0] - n_genres[1],
        n_unlabelled=n_genres[0],
        **compare_records(course.before, course.after),
        n_read=course.n_read,
        genres=catalogue.genre_counts,
        problems=dict(Counter(problem.kind.value for problem in problems)),
        problems_path=workspace.problems_path,
        sources=tuple(reports),
        split=balance,
        folds=_count_folds(catalogue),
        warnings=(
            *course.notes,
            *_warn_of_sources(reports, workspace.problems_path),
            *find_warnings(catalogue, balance, course.n_conflicts, workspace.root),
        ),
    )


def _warn_of_sources(sources: Sequence[SourceReport], problems_path: Path) -> list[str]:
    """Say which sources are not there today, or gave nothing."""
    missing = [
        f"source '{source.name}' is not there today ('{source.path}'): "
        f"its {source.n_covers} covers are kept as they were"
        for source in sources
        if source.state == "not mounted"
    ]
    return missing + [
        f"source '{source.name}' gave no cover: see '{problems_path}'"
        for source in sources
        if source.state == "scanned" and not source.n_covers
    ]


def _count_folds(catalogue: Catalogue) -> tuple[int, ...]:
    """Return the number of covers in each fold; empty without folds."""
    if "fold" not in catalogue.table.column_names:
        return ()
    counts = Counter(catalogue.column("fold"))
    return tuple(counts[fold] for fold in range(max(counts) + 1))


def find_warnings(
    catalogue: Catalogue, balance: SplitBalance, n_conflicts: int, workspace: Path
) -> list[str]:
    """Say what stands in the way of training and honest evaluation, and the repair."""
    warnings = []
    if not catalogue.n_labelled:
        warnings.append(
            "no cover has a genre: training needs genres; put the covers into folders named after "
            "genres, or scan a manifest with a column 'genre'; search, clusters and map work with "
            "a model from elsewhere too ('covers model import')"
        )
    elif len(catalogue.genre_counts) == 1:
        warnings.append(
            f"all covers have one genre ({next(iter(catalogue.genre_counts))}): training needs at least two"
        )
    elif len(catalogue.vocab) < 2:
        warnings.append(
            f"fewer than two genres have at least {catalogue.genre_minimum} covers: training needs two; "
            f"add covers, or lower the limit with 'covers scan --genre-minimum N -w {quote(workspace)}'"
        )
    small = {
        genre: n
        for genre, n in catalogue.genre_counts.items()
        if n < catalogue.genre_minimum
    }
    if small and len(small) < len(catalogue.genre_counts):
        shown = ", ".join(f"{genre} ({n})" for genre, n in list(small.items())[:8])
        more = f" and {len(small) - 8} more" if len(small) > 8 else ""
        warnings.append(
            f"{len(small)} genres with fewer than {catalogue.genre_minimum} covers are kept out of training: {shown}{more}"
        )
    if n_conflicts:
        warnings.append(
            f"{n_conflicts} covers lie in several splits at once: they were put on the first of train, valid and test"
        )
    if balance.n_torn_groups:
        warnings.append(
            f"{balance.n_torn_groups} groups have covers both in train and held out (by a given split, or "
            "because new covers tie old groups together): evaluations leave their held-out covers out"
        )
    if balance.largest_group > max(20, _LARGE_GROUP * len(catalogue)):
        warnings.append(
            f"one group has {balance.largest_group} of {len(catalogue)} covers (one artist, release group or "
            "near-duplicate group): the split cannot be balanced well"
        )
    return warnings
