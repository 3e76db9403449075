"""What can be decided on the review page; the library is stood in for."""

import pytest
from streamlit.testing.v1 import AppTest
from test_dashboard_parts import make_library

from covers.errors import DataError
from dashboard.data.doubts import Doubt


def test_a_cover_without_a_suggestion_can_be_relabelled_once_genres_are_chosen(
    monkeypatch,
):
    from dashboard.views import review_actions

    blank = Doubt(
        name="blank-1", kind="blank", rows=(0,), confidence=0.9, reason="one colour"
    )
    monkeypatch.setattr(review_actions.loaders, "library", make_library)
    monkeypatch.setattr(review_actions.arguments, "may_write", lambda: True)
    monkeypatch.setattr(review_actions, "_TESTED", blank, raising=False)

    def script():
        from dashboard.views import review_actions

        review_actions.show(review_actions._TESTED)

    page = AppTest.from_function(script).run()
    assert not page.exception

    def can_relabel():
        (button,) = (one for one in page.button if one.label == "Relabel")
        return not button.disabled

    assert not can_relabel()
    page.multiselect[0].select("Jazz").run()
    assert can_relabel()
    page.multiselect[0].unselect("Jazz").run()
    assert not can_relabel()


@pytest.mark.parametrize("is_audited", [True, False])
def test_nothing_was_found_only_where_somebody_has_looked(monkeypatch, is_audited):
    from dashboard.views import review

    def audit():
        if is_audited:
            return []
        message = "no audit"
        raise DataError(message)

    monkeypatch.setattr(review.loaders, "library", make_library)
    monkeypatch.setattr(review.loaders, "doubts", dict)
    monkeypatch.setattr(review.loaders, "audit", audit)

    def script():
        from dashboard.views import review

        review._review()

    page = AppTest.from_function(script).run()
    assert not page.exception
    assert len(page.success) == is_audited
