"""What can be decided on the review page; the library is stood in for."""

import csv
import io

import pytest
from streamlit.testing.v1 import AppTest
from test_dashboard_parts import make_library

from covers.audit.decisions import note_decisions
from covers.audit.review import read_review
from covers.catalogue.corrections import Action, Decision, Overlay
from covers.errors import DataError
from covers.workspace.paths import Workspace
from dashboard.data.doubts import Doubt
from dashboard.data.mistakes import doubts_csv


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


def doubt(row, *more, kind="label_error"):
    return Doubt(
        name=f"{kind}-{row}",
        kind=kind,
        rows=(row, *more),
        confidence=0.9,
        reason="why",
        suggestion=("Jazz",),
    )


def test_what_was_decided_goes_along_with_what_is_open(tmp_path):
    library = make_library()
    here = [doubt(0), doubt(1), doubt(2, 3, kind="reissue")]
    decisions = [
        *here[0].decide(Action.RELABEL, library, genres=["=Jazz", "Folk"]),
        *here[2].decide(Action.DROP, library, chosen=3),
        *here[2].decide(Action.KEEP, library)[1:],
    ]
    text = doubts_csv(library, here, Overlay(tuple(decisions)))
    actions = [line["action"] for line in csv.DictReader(io.StringIO(text))]
    assert actions == ["relabel", "", "drop", "keep"]
    path = tmp_path / "along.csv"
    path.write_text(text, encoding="utf-8")
    known = dict(zip(library.cover_ids, library.paths, strict=True))
    assert read_review(path, known) == decisions


def test_of_a_group_that_was_decided_the_one_is_shown_that_stayed(monkeypatch):
    from dashboard.views import review_actions

    library, group = make_library(), doubt(0, 1, kind="reissue")
    overlay = Overlay(tuple(group.decide(Action.DROP, library, chosen=1)))
    monkeypatch.setattr(review_actions.loaders, "decisions", lambda: overlay)
    assert review_actions.stays(library, group) == 1
    assert group.decided_as(library, overlay) == "1 of 2 dropped"
    assert doubt(0).decided_as(library, overlay) == "dropped"


@pytest.fixture
def decide(monkeypatch, tmp_path):
    """The buttons that decide about one cover, in a workspace of its own."""
    from dashboard.views import review_actions

    here = Workspace(tmp_path)
    monkeypatch.setattr(review_actions.loaders, "library", make_library)
    monkeypatch.setattr(review_actions.loaders, "decisions", lambda: Overlay.read(here))
    monkeypatch.setattr(review_actions.arguments, "workspace", lambda: here)
    monkeypatch.setattr(review_actions.arguments, "may_write", lambda: True)
    monkeypatch.setattr(review_actions, "_TESTED", doubt(0), raising=False)

    def script():
        from dashboard.views import review_actions

        review_actions.show(review_actions._TESTED)

    page = AppTest.from_function(script).run()

    def press(label):
        (button,) = (one for one in page.button if one.label == label)
        button.click().run()
        assert not page.exception
        return [one.value for one in page.error]

    press.page = page
    return here, press


def test_undo_leaves_alone_what_another_window_decided_since(decide):
    here, press = decide
    assert not press("Keep")
    other = Decision(cover_id=make_library().cover_ids[0], action=Action.DROP)
    note_decisions(here, [other])
    before = Overlay.read(here)
    (said,) = press("Undo")
    assert "decided otherwise" in said
    assert Overlay.read(here) == before


def test_an_undo_that_could_not_be_written_can_be_tried_again(decide, monkeypatch):
    from dashboard.views import review_actions

    here, press = decide
    press("Drop")
    with monkeypatch.context() as full:

        def refuse(*_, **__):
            message = "no space left"
            raise OSError(message)

        full.setattr(review_actions, "note_decisions", refuse)
        assert press("Undo") == ["no space left"]
    assert len(Overlay.read(here).decisions) == 1
    assert not press("Undo")
    assert not Overlay.read(here).decisions


@pytest.mark.parametrize(
    ("script", "is_open"), [("exit 0", True), ("exit 3", False), (None, False)]
)
def test_a_folder_that_nothing_opens_is_said(monkeypatch, tmp_path, script, is_open):
    from dashboard.data import folder

    monkeypatch.setattr(folder, "_AT_ONCE_S", 120.0)
    where = tmp_path / "covers & co" / "a.jpg"
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    if script is None:
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        opener = tmp_path / "xdg-open"
        opener.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/shown"\n{script}\n')
        opener.chmod(0o755)
    assert folder.open_folder(where) == is_open
    if script:
        assert (tmp_path / "shown").read_text().strip() == str(where.parent)


def test_genres_written_in_one_go_are_several(decide):
    here, press = decide
    page = press.page
    page.multiselect[0].set_value(["Folk; Neo-Folk ;", "Jazz"]).run()
    assert not press("Relabel")
    (decision,) = Overlay.read(here).decisions
    assert decision.genres == ("Folk", "Jazz", "Neo-Folk")
