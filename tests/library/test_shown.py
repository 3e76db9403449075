"""Every result, and every part of one, is shown as a few lines that fit a terminal."""

from __future__ import annotations

import dataclasses
import shutil
from html import escape

import numpy as np
import pytest

import covers

PROVENANCE = {"Stamp", "Workspace"}
"""Of the file that was read, and where it lies."""
MOST_LINES, MOST_COLUMNS = 60, 200
OTHERS = {"Workspace", "SplitBalance"}
"""A folder with its settings; shares of all genres on each side of a split."""
ASKS = [
    "search(cover_id)",
    "classify(cover_id)",
    "explain(cover_id)",
    "ask([cover_id, '00000000'])",
    "evaluate()",
    "overlap()",
    "clusters()",
    "map()",
    "path('Jazz', 'Metal', k=40)",
    "audit()",
    "suggest()",
    "status()",
    "scan()",
    "embed()",
    "update_index(scan=False, dry_run=True)",
    "export('csv', folder / 'a.csv')",
]


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


def answer(library, ask, folder):
    names = {"cover_id": library.catalogue.cover_ids[0], "folder": folder}
    return eval(f"library.{ask}", {"library": library, **names})


def changeable(value, where):
    """Yield where a result holds something that could be changed in place."""
    if _is_changeable(value):
        yield where
    if isinstance(value, dict):
        inside = {f"[{key!r}]": one for key, one in value.items()}
    elif isinstance(value, tuple):
        inside = {f"[{number}]": one for number, one in enumerate(value)}
    elif dataclasses.is_dataclass(value) and type(value).__name__ not in PROVENANCE:
        inside = {
            f".{f.name}": getattr(value, f.name) for f in dataclasses.fields(value)
        }
    else:
        return
    for name, one in inside.items():
        yield from changeable(one, where + name)


def _is_changeable(value):
    if isinstance(value, np.ndarray):
        return value.flags.writeable
    if dataclasses.is_dataclass(value):
        return not type(value).__dataclass_params__.frozen
    return isinstance(value, list | set) or type(value) is dict


@pytest.mark.parametrize("ask", [*ASKS, "card"])
def test_nothing_in_a_result_can_be_changed_in_place(library, ask, tmp_path):
    result = answer(library, ask, tmp_path)
    # Those of several are in a list of the caller's own.
    found = result if isinstance(result, list) else [result]
    for one in found:
        assert not list(changeable(one, type(one).__name__))


def test_results_that_hold_covers_show_them_in_a_notebook(library):
    for result in (library.overlap(), library.clusters(), library.audit()):
        html = result._repr_html_()
        assert html.count("data:image/jpeg;base64,") >= 4, type(result)
        assert html.startswith(f"<pre>{escape(repr(result).splitlines()[0])}")
    parts = library.overlap(by="source").parts.values()
    assert parts
    assert all("data:image/jpeg" in part._repr_html_() for part in parts)
    somewhere = type(result).from_json(result.to_json())
    assert "data:image" not in somewhere._repr_html_()


def test_what_is_no_gallery_shows_a_table_or_a_picture_in_a_notebook(library):
    evaluation = library.evaluate()._repr_html_()
    assert evaluation.count("<tr") == 1 + len(library.evaluate().leading.methods)
    assert all(escape(one) in evaluation for one in library.evaluate().conclusions)
    assert "data:image/png;base64," in library.map()._repr_html_()
    answers = library.classify(library.catalogue.cover_ids[:14])
    html = answers._repr_html_()
    assert html.count(escape(answers[0].headline)) >= 1
    assert html.endswith("<p>… and 2 more</p>")
    assert not library.classify([])


def test_the_parts_of_a_library_say_in_a_line_what_they_are(library):
    for ask, said in {
        "model": "<SavedModel ",
        "catalogue": "<Catalogue: 120 covers of 8 genres; ",
        "card": "ModelCard(",
        "index": "120",
    }.items():
        text = repr(getattr(library, ask))
        assert said in text
        assert len(text.splitlines()) == 1
        assert len(text) <= 180, text
    status = repr(library.status()).splitlines()
    assert len(status) == 1 + len(library.status())
    assert status[1].startswith("catalogue")


def test_a_cover_is_meant_by_the_beginning_of_its_id(library, tmp_path):
    first, second, *_ = library.catalogue.cover_ids
    assert library.picture_of(first[:8]).size == library.picture_of(first).size
    found = library.search(first[:8], among=[second[:8]])
    assert [hit.cover_id for hit in found] == [second]
    made = library.export("csv", tmp_path / "a.csv", covers=[second[:8], first])
    assert made.n_covers == 2
    assert library.explain(first[:8]).answer.cover_id == first
    with pytest.raises(covers.DataError, match="no cover has an id that begins with"):
        library.picture_of("zzzz")
    with pytest.raises(covers.DataError, match="4 to 32 digits"):
        library.picture_of("0")


@pytest.mark.parametrize("ask", ASKS)
def test_results_and_their_parts_are_short(library, ask, tmp_path):
    result = answer(library, ask, tmp_path)
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
