"""What a scan found, in figures and in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from covers.catalogue.splits import measure_balance
from covers.intake.merge import count_split_conflicts, group_by_cover
from covers.render.short_repr import ShortRepr
from covers.workspace.disk.text_tables import write_csv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from covers.catalogue.splits import SplitBalance
    from covers.catalogue.table import Catalogue
    from covers.intake.scan_record import ScanRecord
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
class ScanReport(ShortRepr):
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
    folds : list of int
        Covers in each fold, where folds are asked for.
    warnings : list of str
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
    sources: list[SourceReport]
    split: SplitBalance
    folds: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


def list_problems(records: Sequence[ScanRecord]) -> list[Problem]:
    """List what gave no cover, in the order of the records."""
    problems = []
    for record in records:
        content = record.content
        if content.kind is not None:
            path = f"{record.path}#{record.member}" if record.member else record.path
            reason = content.reason or ""
            problems.append(Problem(record.source, path, content.kind, reason))
    return problems


def write_problems(path: Path, records: Sequence[ScanRecord]) -> None:
    """Publish ``problems.csv``."""
    write_csv(
        path,
        ["source", "path", "kind", "reason"],
        ([p.source, p.path, p.kind.value, p.reason] for p in list_problems(records)),
    )


def explain_nothing(sources: Sequence[Source], records: Sequence[ScanRecord]) -> str:
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
    before, after : sequence of ScanRecord
        Of the last scan and of this one.
    notes : sequence of str
        Remarks from looking at the sources.
    n_read : int
        Pictures read.
    """

    sources: Sequence[Source]
    states: Mapping[str, str]
    before: Sequence[ScanRecord]
    after: Sequence[ScanRecord]
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
    sources, after = course.sources, course.after
    genres = catalogue.genres
    balance = measure_balance(
        genres, catalogue.column("group"), catalogue.column("split")
    )
    covers_of: dict[str, set[str]] = {source.name: set() for source in sources}
    problems_of: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    n_locations = 0
    for record in after:
        if record.content.cover_id is not None:
            n_locations += 1
            covers_of[record.source].add(record.content.cover_id)
        elif record.content.kind is not None:
            problems_of[record.source] += 1
            kinds[record.content.kind.value] += 1
    reports = [
        SourceReport(
            name=source.name,
            path=source.path,
            kind=source.kind,
            state=course.states[source.name],
            n_covers=len(covers_of[source.name]),
            n_problems=problems_of[source.name],
        )
        for source in sources
    ]
    n_conflicts = count_split_conflicts(group_by_cover(after))
    return ScanReport(
        n_covers=len(catalogue),
        n_locations=n_locations,
        n_multi_genre=sum(len(names) > 1 for names in genres),
        n_unlabelled=sum(not names for names in genres),
        **compare_records(course.before, after),
        n_read=course.n_read,
        genres=catalogue.genre_counts,
        problems=dict(kinds),
        problems_path=workspace.problems_path,
        sources=reports,
        split=balance,
        folds=_count_folds(catalogue),
        warnings=[
            *course.notes,
            *_warn_of_sources(reports, workspace.problems_path),
            *find_warnings(catalogue, balance, n_conflicts, workspace.root),
        ],
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


def _count_folds(catalogue: Catalogue) -> list[int]:
    """Return the number of covers in each fold; empty without folds."""
    if "fold" not in catalogue.table.column_names:
        return []
    counts = Counter(catalogue.column("fold"))
    return [counts[fold] for fold in range(max(counts) + 1)]


def compare_records(
    old: Sequence[ScanRecord], new: Sequence[ScanRecord]
) -> dict[str, int]:
    """Count what is new, changed, moved, gone and unchanged between two scans.

    Returns
    -------
    dict of str to int
        A record counts as moved when its picture lay elsewhere before, and is
        gone from there. Places without a cover are left out.
    """
    before = {p.key: p.content.cover_id for p in old if p.content.cover_id}
    after = {p.key: p.content.cover_id for p in new if p.content.cover_id}
    left: dict[str | None, int] = {}
    for key, cover_id in before.items():
        if key not in after:
            left[cover_id] = left.get(cover_id, 0) + 1
    counts = dict.fromkeys(("new", "changed", "moved", "gone", "unchanged"), 0)
    for key, cover_id in after.items():
        if key in before:
            counts["unchanged" if before[key] == cover_id else "changed"] += 1
        elif left.get(cover_id):
            left[cover_id] -= 1
            counts["moved"] += 1
        else:
            counts["new"] += 1
    counts["gone"] = sum(left.values())
    return counts


def find_warnings(
    catalogue: Catalogue, balance: SplitBalance, n_conflicts: int, workspace: Path
) -> list[str]:
    """Say what stands in the way of training and honest evaluation, and the repair."""
    warnings = []
    n_labelled = sum(bool(names) for names in catalogue.genres)
    if not n_labelled:
        warnings.append(
            "no cover has a genre: search and clusters work, training needs genres; put the covers "
            "into folders named after genres, or scan a manifest with a column 'genre'"
        )
    elif len(catalogue.genre_counts) == 1:
        warnings.append(
            f"all covers have one genre ({next(iter(catalogue.genre_counts))}): training needs at least two"
        )
    elif len(catalogue.vocab) < 2:
        warnings.append(
            f"fewer than two genres have at least {catalogue.genre_minimum} covers: training needs two; "
            f"add covers, or lower the limit with 'covers scan --genre-minimum N -w {workspace}'"
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
