"""What a library says names its workspace, and speaks Python to who calls it from Python."""

import logging
import shutil

import pytest

import covers
from covers.library.naming import speak_options, told
from covers.model.training.watcher import TrainingWatcher


@pytest.fixture
def root(drawn_once, tmp_path):
    return shutil.copytree(drawn_once / "workspace", tmp_path / "my music")


class _Asked(covers.Library):
    """A library with a method for each way in which something is said."""

    def told_by_callback(self, *, say):
        say("fetching, once; '--weights FILE' or '--offline' avoid that")

    def told_by_manner(self, manner):
        manner.say("not published: '--replace' puts it there")

    def told_by_watcher(self, *, watcher):
        watcher.stage("head", 1, 2)
        watcher.epoch("network", 0, {"accuracy": 0.5})
        watcher.note(
            "'covers train --epochs 8' tunes more, '--epochs 0' saves the time"
        )

    def told_by_notes(self):
        return covers.SearchHits(
            query="a", hits=(), notes=("fewer than -k: run 'covers index update'",)
        )


class _Heard(TrainingWatcher):
    def __init__(self):
        self.all = []

    def stage(self, *given):
        self.all.append(given)

    def epoch(self, *given):
        self.all.append(given)

    def note(self, text):
        self.all.append(text)


@pytest.fixture
def asked(root):
    from covers.library.naming import names_workspace

    return names_workspace(_Asked)(covers.open(root).workspace)


def test_callbacks_hear_arguments_in_python_and_options_in_a_shell(asked):
    heard = []
    asked.told_by_callback(say=heard.append)
    asked.told_by_manner(covers.Manner(say=heard.append))
    speak_options(asked).told_by_callback(say=heard.append)
    assert heard == [
        "fetching, once; weights=FILE or offline=True avoid that",
        "not published: replace=True puts it there",
        "fetching, once; '--weights FILE' or '--offline' avoid that",
    ]


def test_a_watcher_hears_all_and_notes_that_can_be_obeyed(asked, root):
    heard = _Heard()
    asked.told_by_watcher(watcher=heard)
    assert heard.all == [
        ("head", 1, 2),
        ("network", 0, {"accuracy": 0.5}),
        f"'covers train --epochs 8 -w \"{root}\"' tunes more, epochs=0 saves the time",
    ]


def test_notes_of_results_name_the_workspace(asked, root):
    hits = asked.told_by_notes()
    assert hits.notes == (f"fewer than -k: run 'covers index update -w \"{root}\"'",)
    assert isinstance(hits, covers.SearchHits)


def test_warnings_of_a_scan_name_the_workspace(root):
    library = covers.open(root)
    note = next(one for one in library.scan(valid_share=0.3).warnings if "anew" in one)
    assert f"'covers scan --split-anew --valid-share 0.3 -w \"{root}\"'" in note


def test_what_is_logged_names_the_workspace(root, caplog):
    library = covers.open(root)
    shutil.rmtree(root / "analysis")
    with caplog.at_level(logging.WARNING):
        library.evaluate(covers.Manner(again=True))
    for record in caplog.records:
        assert told(record.message, root, for_python=False) == record.message
