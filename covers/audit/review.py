"""The table that a person reviews: findings out, decisions in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from covers.audit.findings import FindingKind
from covers.catalogue.corrections import Action, Decision
from covers.errors import DataError
from covers.workspace.disk.strangers import read_bounded
from covers.workspace.disk.text_encodings import decode_text
from covers.workspace.disk.text_tables import (
    read_text_table,
    restore_cell,
    write_csv,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
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
_ID = re.compile(r"[0-9a-f]{8,64}")


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
    write_csv(path, COLUMNS, _review_rows(findings, rows))


def _review_rows(
    findings: Sequence[Finding], rows: Mapping[str, Mapping[str, object]]
) -> Iterator[tuple[object, ...]]:
    """Yield the lines of the table, the last two cells for the person who reviews."""
    for number, finding in enumerate(findings, start=1):
        for cover_id in finding.cover_ids:
            row = rows[cover_id]
            genres = row["genres"] if isinstance(row["genres"], list) else ()
            yield (
                number,
                finding.kind.value,
                cover_id,
                row["path"],
                GENRE_SEPARATOR.join(genres),
                f"{finding.confidence:.3f}",
                finding.reason,
                GENRE_SEPARATOR.join(finding.suggestion),
                "",
                "",
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
    lines, problems = _read_lines(path)
    for number, line in lines:
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
        line["cover_id"].strip()
        for _, line in _read_lines(path)[0]
        if line["action"].strip()
    }


def _read_lines(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Read a table whatever its separator; with the number of each line, and what is damaged."""
    try:
        text = decode_text(read_bounded(path))
    except OSError as error:
        message = f"cannot read '{path}': {error.strerror or error}; expected the CSV of 'covers audit --csv', reviewed"
        raise DataError(message) from error
    table = read_text_table(text, is_row=_looks_like_a_line, pads=True)
    missing = {"cover_id", "action"} - set(table.header)
    if missing:
        message = (
            f"'{path}' has no column {' and no '.join(sorted(missing))}: "
            "expected the CSV of 'covers audit --csv', reviewed"
        )
        raise DataError(message)
    lines = [
        (number, dict(zip(table.header, map(restore_cell, cells), strict=True)))
        for number, cells in zip(table.lines, table.rows, strict=True)
    ]
    return lines, [f"line {number}: {reason}" for number, reason in table.damaged]


def _looks_like_a_line(header: list[str], cells: list[str]) -> bool:
    """Say whether these cells have an id of a cover where one is expected."""
    if "cover_id" not in header or len(cells) <= header.index("cover_id"):
        return False
    return bool(_ID.fullmatch(cells[header.index("cover_id")].strip()))


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
        genres = split_genres(line.get("new_genres"))
        genres = genres or split_genres(line.get("suggestion"))
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


def split_genres(text: str | None) -> tuple[str, ...]:
    """Return the genres that a person wrote, separated by semicolons, in order."""
    names = (name.strip() for name in (text or "").split(GENRE_SEPARATOR))
    return tuple(sorted({restore_cell(name) for name in names if name}))


def check_genres(decisions: Iterable[Decision], vocab: Iterable[str]) -> list[str]:
    """Return the genres that decisions introduce: new ones, or misspelt ones."""
    used = {genre for decision in decisions for genre in decision.genres}
    return sorted(used - set(vocab))
