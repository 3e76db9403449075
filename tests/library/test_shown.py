"""Every result, and every part of one, is shown as a few lines that fit a terminal."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

import covers

MOST_LINES, MOST_COLUMNS = 60, 200
OTHERS = {"Workspace", "SplitBalance"}
"""A folder with its settings; shares of all genres on each side of a split."""


@pytest.fixture(scope="module")
def library(drawn_once, tmp_path_factory):
    root = tmp_path_factory.mktemp("own") / "drawn"
    shutil.copytree(drawn_once, root)
    return covers.open(root / "workspace")


def parts_of(result, seen):
    """Yield a result and one of each kind of what it holds."""
    if type(result).__name__ in seen:
        return
    if dataclasses.is_dataclass(result):
        seen.add(type(result).__name__)
        yield result
        inside = [getattr(result, field.name) for field in dataclasses.fields(result)]
    elif isinstance(result, dict):
        inside = list(result.values())[:2]
    elif isinstance(result, tuple | list):
        inside = list(result)[:2]
    else:
        return
    for one in inside:
        yield from parts_of(one, seen)


@pytest.mark.parametrize(
    "ask",
    [
        "search(cover_id)",
        "classify(cover_id)",
        "explain(cover_id)",
        "ask([cover_id, '00000000'])",
        "evaluate()",
        "overlap()",
        "clusters()",
        "map()",
        "audit()",
        "suggest()",
        "status()",
        "scan()",
        "embed()",
        "update_index(scan=False, dry_run=True)",
        "export('csv', folder / 'a.csv')",
    ],
)
def test_results_and_their_parts_are_short(library, ask, tmp_path):
    names = {"cover_id": library.catalogue.cover_ids[0], "folder": tmp_path}
    result = eval(f"library.{ask}", {"library": library, **names})
    found = [
        one for one in parts_of(result, set()) if type(one).__module__[:6] == "covers"
    ]
    assert found
    for one in found:
        if type(one).__name__ in OTHERS:
            continue
        lines = repr(one).splitlines()
        assert len(lines) <= MOST_LINES, type(one)
        assert max(map(len, lines)) <= MOST_COLUMNS, (type(one), max(lines, key=len))
        assert "array(" not in repr(one), type(one)


def test_an_overlap_by_year_says_so(library):
    plain = library.overlap()
    part = dataclasses.replace(plain, parts={})
    both = dataclasses.replace(plain, by="year", parts={"1970s": part})
    assert "1970s: 120 covers look like" in repr(both)
    assert "1970s" not in repr(plain)


def test_a_pair_is_found_in_any_order_and_case(library):
    overlap = library.overlap()
    first = overlap.pairs[0]
    assert overlap.pair(first.b.upper(), first.a.lower()) is first
    assert overlap.pair(first.a, "Polka") is None
