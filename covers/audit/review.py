"""The table that a person reviews: findings out, decisions in."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from covers.audit.findings import FindingKind
from covers.catalogue.corrections import Action, Decision
from covers.errors import DataError
from covers.workspace.artefacts import publish

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from covers.audit.findings import Finding

COLUMNS = (
    "finding",
    "kind",
    "cover_id",
    "path",
    "genres",
    "confidence",
    "reason",
    "suggestion",
    "action",
    "new_genres",
)
GENRE_SEPARATOR = ";"
_MOST_SHOWN = 5
# A spreadsheet runs cells that begin like this.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_review(
    path: Path,
    findings: Sequence[Finding],
    rows: Mapping[str, Mapping[str, object]],
) -> None:
    """Write findings as a CSV table to be reviewed, one line per cover.

    A person fills in ``action``: ``drop``, ``keep``, or ``relabel`` with
    ``new_genres`` (separated by ``;``; the suggestion where they are empty).

    Parameters
    ----------
    path : Path
        An older file of this name is replaced.
    findings : sequence of Finding
    rows : mapping of str to mapping
        By cover id: ``path`` and ``genres``.
    """
    with publish(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for number, finding in enumerate(findings, start=1):
            for cover_id in finding.cover_ids:
                row = rows[cover_id]
                genres = row["genres"]
                table.writerow(
                    _defuse(str(cell))
                    for cell in (
                        number,
                        finding.kind.value,
                        cover_id,
                        row["path"],
                        GENRE_SEPARATOR.join(
                            genres if isinstance(genres, list) else ()
                        ),
                        f"{finding.confidence:.3f}",
                        finding.reason,
                        GENRE_SEPARATOR.join(finding.suggestion),
                        "",
                        "",
                    )
                )


def read_review(path: Path, known: Mapping[str, str]) -> list[Decision]:
    """Read a reviewed table; lines without an action are passed over.

    Parameters
    ----------
    path : Path
        CSV, separated by commas, semicolons or tabs, UTF-8. Needed columns:
        ``cover_id`` and ``action``; ``kind`` for ``keep``; ``new_genres`` or
        ``suggestion`` for ``relabel``.
    known : mapping of str to str
        Path by id, of all covers of the catalogue and of dropped ones.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or has lines that cannot be
        followed; the message lists them, and nothing was decided.
    """
    decisions: dict[tuple[str, str], tuple[Decision, int]] = {}
    problems = []
    for number, line in _read_lines(path):
        if not (line.get("action") or "").strip():
            continue
        try:
            decision = _decide(line, known)
            older, where = decisions.get(decision.subject, (decision, number))
            if (older.action, older.genres) != (decision.action, decision.genres):
                message = f"cover {decision.cover_id} is to {decision.action}, but to {older.action} in line {where}"
                raise DataError(message)
        except DataError as error:
            problems.append(f"line {number}: {error}")
        else:
            decisions[decision.subject] = decision, number
    if problems:
        more = len(problems) - _MOST_SHOWN
        shown = "; ".join(problems[:_MOST_SHOWN]) + (
            f"; and {more} more" if more > 0 else ""
        )
        message = f"nothing was accepted from '{path}': {shown}"
        raise DataError(message)
    return [decision for decision, _ in decisions.values()]


def read_cover_ids(path: Path) -> set[str]:
    """Return the cover ids that a reviewed table decides about.

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column.
    """
    return {
        (line.get("cover_id") or "").strip()
        for _, line in _read_lines(path)
        if (line.get("action") or "").strip()
    }


def _read_lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Read a table whatever its separator; with the number of each line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            separator = max(",;\t", key=header.count)
            file.seek(0)
            reader = csv.DictReader(file, delimiter=separator)
            names = set(reader.fieldnames or ())
            lines = [(reader.line_num, line) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"cannot read '{path}': {reason}; expected the CSV of 'covers audit --csv', reviewed"
        raise DataError(message) from error
    missing = {"cover_id", "action"} - names
    if missing:
        message = (
            f"'{path}' has no column {' and no '.join(sorted(missing))}: "
            "expected the CSV of 'covers audit --csv', reviewed"
        )
        raise DataError(message)
    return lines


def _decide(line: Mapping[str, str], known: Mapping[str, str]) -> Decision:
    """Turn one line into a decision."""
    cover_id = (line.get("cover_id") or "").strip()
    written = (line.get("action") or "").strip().lower()
    kind = (line.get("kind") or "").strip()
    if cover_id not in known:
        message = f"no cover {cover_id!r} in the catalogue"
        raise DataError(message)
    if written not in set(Action):
        message = f"unknown action {written!r}: expected {', '.join(Action)}"
        raise DataError(message)
    action = Action(written)
    if action is Action.KEEP and kind not in set(FindingKind):
        message = f"unknown kind of finding {kind!r}: expected one of {', '.join(FindingKind)}"
        raise DataError(message)
    genres: tuple[str, ...] = ()
    if action is Action.RELABEL:
        genres = _split(line.get("new_genres")) or _split(line.get("suggestion"))
        if not genres:
            message = "relabel needs genres in new_genres, separated by ';'"
            raise DataError(message)
    return Decision(
        cover_id=cover_id,
        action=action,
        genres=genres,
        finding=kind,
        path=known[cover_id],
    )


def _split(text: str | None) -> tuple[str, ...]:
    names = (name.strip() for name in (text or "").split(GENRE_SEPARATOR))
    return tuple(sorted({name.removeprefix("'") for name in names if name}))


def _defuse(cell: str) -> str:
    """Keep a spreadsheet from running a cell as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def check_genres(decisions: Iterable[Decision], vocab: Iterable[str]) -> list[str]:
    """Return the genres that decisions introduce: new ones, or misspelt ones."""
    used = {genre for decision in decisions for genre in decision.genres}
    return sorted(used - set(vocab))
