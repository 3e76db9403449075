"""Choices that are out of sight; the library is stood in for."""

from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_dashboard_parts import make_library


def drawing(script, found):
    """Return what draws a script with an address, and gives the page and what it found."""

    def draw(**address):
        page = AppTest.from_function(script)
        for name, value in address.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        return page, found[-1]

    return draw


@pytest.fixture
def choose(monkeypatch):
    """Draw the filters of the library with an address; return the page and what passes."""
    from dashboard.views import library

    found = []
    monkeypatch.setattr(library, "_TESTED", (make_library, found), raising=False)
    monkeypatch.setattr(library, "_MOST_CHIPS", 1)
    monkeypatch.setattr(library, "_OF_MANY", 1)
    monkeypatch.setattr(library.loaders, "votes_or_none", lambda: None)
    monkeypatch.setattr(
        library.loaders, "looks", lambda: SimpleNamespace(measured=True)
    )

    def script():
        from dashboard.views import library

        make, found = library._TESTED
        found.append(library._choose(make()))

    return drawing(script, found)


def test_filters_out_of_sight_are_not_made(choose):
    page, filters = choose()
    assert not page.multiselect
    assert not page.slider
    assert not filters.said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("rarer", "Jazz", "Jazz"), ("light", "dark", "dark")],
)
def test_filters_out_of_sight_are_in_force_where_the_address_holds_one(
    choose, name, value, said
):
    page, filters = choose(**{name: value})
    assert filters.said == said
    assert page.multiselect[0].label == "Rarer genres"


@pytest.fixture
def search(monkeypatch):
    """Draw the filters of a search with an address; return the page and what is wanted."""
    from dashboard.views import search_alike

    found = []
    monkeypatch.setattr(search_alike, "_TESTED", (make_library, found), raising=False)
    monkeypatch.setattr(
        search_alike.loaders,
        "looks",
        lambda: SimpleNamespace(measured=True, colour_words=np.full(60, "red")),
    )
    monkeypatch.setattr(search_alike.bar, "selected", lambda: None)

    def script():
        from dashboard.views import search_alike

        make, found = search_alike._TESTED
        found.append(search_alike._filters(make()))

    return drawing(script, found)


def test_a_search_makes_its_rarer_filters_where_one_is_in_force(search):
    page, wanted = search()
    assert [one.label for one in page.multiselect] == ["Genres"]
    assert not page.slider
    assert (wanted.k, wanted.where, len(wanted.among)) == (24, {}, 60)
    page, wanted = search(tone="blue")
    assert len(page.multiselect) == 2
    assert not wanted.among
    _, wanted = search(k="48")
    assert (wanted.k, len(wanted.among)) == (48, 60)
    _, wanted = search(**{"of-years": ["1980", "1985"]})
    assert wanted.where == {"year": (1980, 1985)}


def test_the_first_upload_finds_the_network_loaded_where_there_is_one():
    from covers.errors import DataError
    from dashboard.loaders.ready import read_one_picture

    read = []
    read_one_picture(SimpleNamespace(ask=read.extend))
    (picture,) = read
    assert picture.size > (1, 1)

    def ask(pictures):
        message = "no model"
        raise DataError(message)

    read_one_picture(SimpleNamespace(ask=ask))


def test_what_an_answer_takes_is_read_before_the_first_cover_is_opened():
    from covers.errors import DataError
    from dashboard.loaders.ready import answer_about_one_cover

    asked = []

    def refuse_unfinished():
        if not asked:
            asked.append("nothing")
            message = "not evaluated yet"
            raise DataError(message)

    door = SimpleNamespace(
        refuse_unfinished=refuse_unfinished,
        classify=asked.append,
        catalogue=SimpleNamespace(cover_ids=["0123", "4567"]),
    )
    answer_about_one_cover(door)
    assert asked == ["nothing"]
    answer_about_one_cover(door)
    assert asked == ["nothing", ["0123"]]
