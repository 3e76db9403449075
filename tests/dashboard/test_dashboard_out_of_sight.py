"""Choices that are out of sight; the library is stood in for."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest
from test_dashboard_parts import make_library


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

    def draw(**address):
        page = AppTest.from_function(script)
        for name, value in address.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        return page, found[-1]

    return draw


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
