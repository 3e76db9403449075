"""The field for words on the search page; its components are stood in for."""

import pytest
from streamlit.testing.v1 import AppTest

from covers.errors import DataError
from covers.index.hits import Hit, SearchHits


class _Library:
    def __init__(self):
        self.position = {"a" * 32: 0, "b" * 32: 1}
        self.all_ids = set(self.position)

    def full_title(self, row):
        return f"cover <{row}>"


class _Door:
    def __init__(self, *, knows_words=True, error=None):
        self.knows_words, self.error, self.asked = knows_words, error, []

    def search(self, *, text, k, among):
        self.asked.append((text, k, sorted(among)))
        if self.error:
            raise self.error
        hits = tuple(
            Hit(cover_id=one, similarity=0.3, path="x.png") for one in sorted(among)
        )
        return SearchHits(query=text, hits=hits, embedder="clip:<tiny>")


@pytest.fixture
def opened(monkeypatch):
    from dashboard.views import search_words

    def open_page(door):
        shown = []
        monkeypatch.setattr(search_words.loaders, "front_door", lambda: door)
        monkeypatch.setattr(search_words.markup, "gallery", lambda _, items, **__: items)  # fmt: skip
        monkeypatch.setattr(
            search_words.pick,
            "show",
            lambda html, key, then: shown.append((html, then)),
        )
        monkeypatch.setattr(search_words.frame, "folded", lambda items: items)
        monkeypatch.setattr(search_words, "_TESTED", _Library(), raising=False)

        def script():
            from dashboard.views import search_words

            search_words.show(search_words._TESTED, print)

        return AppTest.from_function(script).run(), shown

    return open_page


def test_there_is_no_field_without_an_index_that_knows_words(opened):
    page, _ = opened(_Door(knows_words=False))
    assert not page.exception
    assert not page.text_input


def test_words_find_covers_to_walk_on_with(opened):
    door = _Door()
    page, shown = opened(door)
    assert door.asked == []
    page.text_input[0].set_value("a desert").run()
    assert not page.exception
    assert door.asked == [("a desert", 24, ["a" * 32, "b" * 32])]
    items, then = shown[-1]
    assert [item.row for item in items] == [0, 1]
    assert then is print
    assert "clip" in page.caption[0].value
    assert " <tiny>" not in page.caption[0].value
    page.text_input[0].set_value("   ").run()
    assert len(door.asked) == 1


def test_what_goes_wrong_is_explained(opened):
    page, _ = opened(_Door(error=DataError("the weights are gone: run 'covers train'")))
    page.text_input[0].set_value("a desert").run()
    assert not page.exception
    assert "The weights are gone" in " ".join(
        str(one.value)
        for one in [*page.warning, *page.error, *page.info, *page.markdown]
    )
