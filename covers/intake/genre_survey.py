"""Which genre each name in use becomes, and what other settings would change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covers.catalogue.genre_tree import GenreTree
from covers.errors import DataError
from covers.intake.labels.table import make_mapper
from covers.intake.merge import RecordsByCover
from covers.intake.record_table import covers_in, of_sources, read_records
from covers.render.text import counted, text_table
from covers.workspace.registry import quote
from covers.workspace.settings import IntakeSettings, change_intake
from covers.workspace.source_files import SourceKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from covers.catalogue.genres import GenreMapper
    from covers.workspace.paths import Workspace


@dataclass(frozen=True)
class NameInUse:
    """One name that sources give, and what becomes of it.

    Parameters
    ----------
    name : str
        As it is spelt there; a text of several names is split first.
    kind : SourceKind
        Where it stands: a tag, a table, or as the name of a folder.
    n_covers : int
        Covers it was given to.
    genres : tuple of str
        What it is mapped to now; empty where it is no genre.
    proposed : tuple of str
        What it would be mapped to with the proposed settings.
    above : tuple of str
        The genres it stands below in the tree, from the top; empty where it is
        at the top or not known.
    """

    name: str
    kind: SourceKind
    n_covers: int
    genres: tuple[str, ...]
    proposed: tuple[str, ...]
    above: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class GenreSurvey:
    """All names in use in a workspace, and the genres they become.

    Parameters
    ----------
    names : list of NameInUse
        The most frequent first.
    genres : dict of str to int
        Covers of each genre now.
    proposed : dict of str to int
        The same with the proposed settings.
    unknown : dict of str to int
        Genres that the table does not know, with their covers.
    kept_out : dict of str to int
        Genres with too few covers for training.
    genre_minimum : int
        What too few means.
    n_covers_changed : int
        Covers whose genres the proposed settings would change.
    """

    names: list[NameInUse]
    genres: dict[str, int]
    proposed: dict[str, int]
    unknown: dict[str, int]
    kept_out: dict[str, int]
    genre_minimum: int
    n_covers_changed: int

    def rows(self) -> list[tuple[str, str, int, str]]:
        """Return a row per name: the name, where it stands, its covers, and the genre that it becomes."""
        return [
            (one.name, one.kind.value, one.n_covers, _becomes(one))
            for one in self.names
        ]

    def __repr__(self) -> str:
        said = (
            f"{counted(len(self.names), 'name')}, {counted(len(self.genres), 'genre')}"
        )
        return f"{text_table(HEADER, self.rows(), right=(2,))}\n{said}"


HEADER = ("name", "in", "covers", "genre")
"""Of `GenreSurvey.rows`."""


def _becomes(name: NameInUse) -> str:
    """Return which genre a name is, which it would become, and what that is below."""
    genre = ", ".join(name.genres) or "-"
    if name.proposed != name.genres:
        genre += f"  ->  {', '.join(name.proposed) or '-'}"
    if name.above:
        genre += f"  (below {' > '.join(name.above)})"
    return genre


def survey_genres(
    workspace: Workspace, changes: Mapping[str, object] | None = None
) -> GenreSurvey:
    """Show which genre each name becomes, and what other settings would change.

    Nothing is written; ``covers scan`` with the same options does it.

    Parameters
    ----------
    workspace : Workspace
        A scanned workspace.
    changes : mapping, optional
        Proposed changes to `covers.workspace.settings.IntakeSettings`.

    Raises
    ------
    DataError
        If the workspace was not scanned yet.
    ConfigError
        If a setting or the genre table is malformed.
    """
    settings = workspace.settings
    kinds = {s.name: _kind(s.kind) for s in settings.sources}
    by_cover = RecordsByCover(
        of_sources(covers_in(read_records(workspace)), kinds), kinds
    )
    if not by_cover.records.num_rows:
        message = f"nothing scanned yet in '{workspace.root}': run 'covers scan SOURCE -w {quote(workspace.root)}'"
        raise DataError(message)
    after = change_intake(settings.intake, changes or {})
    mapper = _mapper(workspace, settings.intake, by_cover)
    other = _mapper(workspace, after, by_cover)
    names: Counter[tuple[str, SourceKind]] = Counter()
    now: Counter[str] = Counter()
    then: Counter[str] = Counter()
    n_changed = 0
    raw_genres = [
        {(genre, kind) for genre in by_cover.distinct_labels.labels(number).genres}
        for number, kind in enumerate(by_cover.distinct_labels.kinds)
    ]
    for cover in range(len(by_cover.cover_ids)):
        raw = set().union(
            *(raw_genres[number] for number in by_cover.numbers_of(cover))
        )
        names.update({(n, kind) for g, kind in raw for n in mapper.split(g, kind)})
        old, new = (
            {genre for name, kind in raw for genre in m.map([name], kind)}
            for m in (mapper, other)
        )
        now.update(old)
        then.update(new)
        n_changed += old != new
    return GenreSurvey(
        names=[
            NameInUse(
                name,
                kind,
                n,
                mapper.map([name], kind),
                other.map([name], kind),
                other.table.path(name)[:-1],
            )
            for (name, kind), n in _order(names)
        ],
        genres=dict(_order(now)),
        proposed=dict(_order(then)),
        unknown={
            genre: n
            for genre, n in _order(then)
            if other.table.canonical(genre) is None
        },
        kept_out={genre: n for genre, n in _order(then) if n < after.genre_minimum},
        genre_minimum=after.genre_minimum,
        n_covers_changed=n_changed,
    )


def genre_table_path(workspace: Path, settings: IntakeSettings) -> Path | None:
    """Return where the genre table in force lies, None for the packaged one."""
    return workspace / settings.genre_table if settings.genre_table else None


def _kind(name: str) -> SourceKind:
    return SourceKind.FOLDERS if name == "auto" else SourceKind(name)


def _mapper(
    workspace: Workspace,
    settings: IntakeSettings,
    by_cover: RecordsByCover,
) -> GenreMapper:
    table = GenreTree.read(genre_table_path(workspace.root, settings))
    return make_mapper(by_cover.distinct_labels, table, settings)


def _order(counts: Counter[Any]) -> list[tuple[Any, int]]:
    """Put the most frequent first, equals by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
