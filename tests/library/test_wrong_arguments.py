"""Whatever is given in the wrong kind or range ends in an error of the package that says what is expected."""

from __future__ import annotations

import copy
import inspect
import json
import math
import pickle
import re
import shutil
import typing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import covers
from covers.arguments import cover_ids as check_ids
from covers.cli import main

NAN = math.nan
SOMETHING = object()

WRONG = {
    "whole": (SOMETHING, "a", 1.5, NAN, True, [1], None, -1, np.float64(2)),
    "number": (SOMETHING, "a", NAN, True, [1], None, -1),
    "flag": (SOMETHING, "no", 1, None),
    "text": (SOMETHING, 5, b"a", "", " ", ["a"]),
    "path": (SOMETHING, 5, b"a", "", ["a"], None),
    "path or none": (SOMETHING, 5, b"a", "", ["a"]),
    "picture": (SOMETHING, 5, NAN, "", [5], np.zeros((3, 3)), {"a": 1}),
    "words": (SOMETHING, 5, [5], b"a", {"a": 1}),
    "filters": (
        SOMETHING,
        "Jazz",
        ["genre"],
        {5: "a"},
        {"genre": 5},
        {"genre": NAN},
        {"genre": {"a": 1}},
        {"genre": [SOMETHING]},
    ),
    "ids": (SOMETHING, 5, [5], {"a": 1}, b"a"),
    "seed": (SOMETHING, "a", 1.5, -1, 2**32, True),
    "callback": (SOMETHING, 5, "print"),
    "manner": (SOMETHING, True, "again", {"again": True}),
    "device": (SOMETHING, 5, "gpu", ""),
    "matrix": (SOMETHING, "a", [1.0], [["a"]], [[1.0], [1.0, 2.0]], None),
}
MAY_BE_NONE = {"text", "seed", "callback", "manner", "device"}

ASKING = {
    "search": {
        "query": "picture",
        "k": "whole",
        "text": "words",
        "less": "picture",
        "where": "filters",
        "one_per_artist": "flag",
        "among": "ids",
    },
    "ask": {"pictures": "picture", "to_classify": "flag"},
    "classify": {"pictures": "picture", "level": "number"},
    "explain": {"picture": "picture", "genre": "text", "level": "number"},
    "understand": {"given": "picture"},
    "covers": {"where": "filters"},
    "embeddings": {"split": "text"},
    "picture_of": {"cover_id": "text"},
    "embedder": {"name": "text"},
    "suggest": {"min_certainty": "number", "doubtful": "flag"},
    "export": {
        "target": "text",
        "out": "path",
        "covers": "ids",
        "where": "filters",
        "force": "flag",
        "pictures": "flag",
    },
    "evaluate": {"manner": "manner", "seed": "seed", "level": "number"},
    "overlap": {"manner": "manner", "seed": "seed", "k": "whole", "by": "text"},
    "path": {"start": "text", "end": "text", "k": "whole"},
    "clusters": {"manner": "manner", "seed": "seed", "min_cluster_size": "whole"},
    "published": {"name": "path"},
    "names": {"manner": "manner", "words": "path", "margin": "number"},
    "map": {"manner": "manner", "refit": "flag", "seed": "seed"},
    "audit": {"options": "manner", "seed": "seed", "progress": "callback"},
    "accept_review": {"file": "path"},
    "revert_review": {"file": "path or none"},
    "scan": {
        "kind": "device",
        "root": "path or none",
        "seed": "seed",
        "split_anew": "flag",
        "n_workers": "whole",
        "progress": "callback",
        "genre_minimum": "whole",
    },
    "genres": {"genre_minimum": "whole"},
    "train": {
        "resume": "flag",
        "offline": "flag",
        "seed": "seed",
        "watcher": "manner",
        "epochs": "whole",
        "arch": "text",
        "dropout": "number",
    },
    "embed": {"progress": "callback", "engine": "device", "ray_address": "text"},
    "build_index": {
        "structure": "text",
        "prefer": "device",
        "store": "device",
        "progress": "callback",
    },
    "build_other_index": {
        "embedder": "text",
        "weights": "text",
        "offline": "flag",
        "progress": "callback",
        "say": "callback",
    },
    "other_index": {"embedder": "text"},
    "verify_index": {"n_pictures": "whole", "seed": "seed"},
    "rollback_index": {"to": "whole", "dry_run": "flag"},
    "index_info": {"allow_damaged": "flag"},
    "export_model": {"file": "path"},
    "import_model": {"file": "path", "replace": "flag"},
    "import_backbone": {"file": "path", "trust_pickle": "flag"},
    "update_index": {"scan": "flag", "dry_run": "flag", "progress": "callback"},
    "run": {
        "say": "callback",
        "progress": "callback",
        "retrain": "flag",
        "analysis": "flag",
        "offline": "flag",
        "seed": "seed",
        "engine": "device",
        "ray_address": "text",
        "epochs": "whole",
    },
}
"""Every method that takes anything, with the kind of each parameter; settings by an example."""

MEANS_THE_DEFAULT = {"words", "margin", "level", "k", "min_cluster_size", "epochs"}
MEANS_THE_DEFAULT |= {"arch", "dropout", "n_workers", "to", "genre_minimum"}
"""Settings: None leaves the workspace's own."""


@pytest.fixture(scope="module")
def library(drawn_once, tmp_path_factory):
    root = tmp_path_factory.mktemp("own") / "drawn"
    shutil.copytree(drawn_once, root)
    return covers.open(root / "workspace")


@pytest.fixture(scope="module")
def needed(library, tmp_path_factory):
    """What a method must be given besides."""
    cover_id = library.catalogue.cover_ids[0]
    return {
        "search": {"query": cover_id},
        "ask": {"pictures": cover_id},
        "classify": {"pictures": cover_id},
        "explain": {"picture": cover_id},
        "export": {"target": "csv", "out": tmp_path_factory.mktemp("o") / "a.csv"},
        "picture_of": {"cover_id": cover_id},
        "understand": {"given": cover_id},
        "build_other_index": {"embedder": "clip:ViT-B-32"},
        "path": {"start": "Jazz", "end": "Pop"},
        "import_model": {"file": "a.safetensors"},
        "import_backbone": {"file": "a.pkl"},
    }


def public_methods():
    return {
        name: found
        for name, found in inspect.getmembers(covers.Library, inspect.isfunction)
        if not name.startswith("_")
    }


def test_the_table_names_every_parameter_of_every_method():
    for name, method in public_methods().items():
        parameters = {
            one.name
            for one in inspect.signature(method).parameters.values()
            if one.name != "self"
            and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
        }
        assert parameters <= set(ASKING.get(name, {})), name


@pytest.mark.parametrize(
    ("method", "parameter", "kind"),
    [(name, one, kind) for name, its in ASKING.items() for one, kind in its.items()],
)
def test_a_wrong_kind_of_thing_is_explained(library, needed, method, parameter, kind):
    for wrong in WRONG[kind]:
        if wrong is None and (kind in MAY_BE_NONE or parameter in MEANS_THE_DEFAULT):
            continue
        given = {**needed.get(method, {}), parameter: wrong}
        with pytest.raises(covers.CoversError) as raised:
            getattr(library, method)(**given)
        assert isinstance(raised.value, TypeError | ValueError), (wrong, raised.value)
        assert re.match(r"\S.* (must be|has no|be|setting)", str(raised.value)), wrong
        assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("function", "given", "parameter", "kind"),
    [
        ("open", {}, "root", "path"),
        ("open", {"root": "."}, "device", "device"),
        ("create", {"sources": "."}, "root", "path"),
        ("create", {"root": "nowhere"}, "sources", "path"),
        ("create", {"root": "nowhere", "sources": "."}, "progress", "callback"),
        ("create", {"root": "nowhere", "sources": "."}, "genre_minimum", "whole"),
        ("create", {"root": "nowhere", "sources": "."}, "device", "device"),
        ("find_neighbours", {"references": [[1.0]], "k": 1}, "queries", "matrix"),
        ("find_neighbours", {"queries": [[1.0]], "k": 1}, "references", "matrix"),
        (
            "find_neighbours",
            {"queries": [[1.0]], "references": [[1.0]]},
            "k",
            "whole",
        ),
        ("vote_genres", {"membership": [[1.0]]}, "neighbours", "manner"),
        ("Library", {}, "workspace", "manner"),
        ("Workspace", {}, "root", "path"),
        ("Manner", {}, "again", "flag"),
        ("Manner", {}, "say", "callback"),
        ("AuditOptions", {}, "label_share", "number"),
        ("AuditOptions", {}, "pictures", "manner"),
        ("PictureLimits", {}, "least_side_px", "whole"),
        ("PictureLimits", {}, "most_oblong", "number"),
    ],
)
def test_functions_and_settings_are_checked_too(function, given, parameter, kind):
    for wrong in WRONG[kind]:
        if wrong is None and kind in MAY_BE_NONE:
            continue
        if wrong == ["a"] and parameter == "sources":
            continue
        with pytest.raises((TypeError, ValueError)) as raised:
            getattr(covers, function)(**given, **{parameter: wrong})
        assert isinstance(raised.value, covers.CoversError), (wrong, raised.value)
    assert not Path("nowhere").exists()


def test_votes_are_checked_against_what_they_are_of():
    near = covers.find_neighbours([[1.0, 0.0]], [[1.0, 0.0]], k=1)
    for wrong in (0, -1, NAN, "a", None):
        with pytest.raises(covers.ConfigError, match="temperature must be"):
            covers.vote_genres(near, [[1.0]], temperature=wrong)
    with pytest.raises(covers.WrongValueError, match="go together"):
        covers.find_neighbours([[1.0]], [[1.0]], k=1, query_groups=[0])
    with pytest.raises(covers.WrongValueError, match="one entry for each of 1 rows"):
        covers.find_neighbours(
            [[1.0]], [[1.0]], k=1, query_groups=[0, 1], reference_groups=[0]
        )


def test_a_set_is_looked_through_once_and_never_taken_for_another():
    class Counting(frozenset):
        looks = 0

        def __iter__(self):
            self.looks += 1
            return super().__iter__()

    kept = Counting(["0123", "4567"])
    assert check_ids("among", kept) is check_ids("among", kept) is kept
    assert kept.looks == 1
    for _ in range(50):  # a new set may lie where an old one lay
        assert isinstance(check_ids("among", frozenset(["0123"])), frozenset)
        with pytest.raises(covers.WrongTypeError, match="among must be ids"):
            check_ids("among", frozenset([5]))


def test_what_means_the_same_is_taken_as_the_same(library, needed):
    ids = library.catalogue.cover_ids
    hits = library.search(ids[0], 3)
    assert library.search(ids[0], np.int64(3)).hits == hits.hits
    assert library.search((one for one in [ids[0]]), 3).hits == hits.hits
    assert library.search(np.array([ids[0]]), 3).hits == hits.hits
    by_name = library.search(ids[0], 3, where={"genre": "jazz"}).hits
    for same in (["Jazz"], ("Jazz",), {"Jazz"}, np.array(["JAZZ"])):
        assert library.search(ids[0], 3, where={"genre": same}).hits == by_name
    (alone,) = library.search(ids[0], among=ids[7])
    assert alone.cover_id == ids[7]
    some = library.search(ids[0], among=(one for one in ids[:4]))
    assert {hit.cover_id for hit in some} == set(ids[1:4])
    assert {h.cover_id for h in library.search(ids[0], among=some)} == set(ids[1:4])
    level = library.classify(ids[0], level=np.float64(0.8))[0].level
    assert level == 0.8
    out = needed["export"]["out"]
    assert library.export("csv", str(out), covers=ids[5]).n_covers == 1
    assert library.export("csv", out, covers=hits[0], force=True).n_covers == 1


def test_a_filter_that_does_not_fit_its_column_is_explained(drawn_once, library):
    for where in ({"width": "wide"}, {"width": (1, 2, 3)}, {"path": (1, 2, 3)}):
        with pytest.raises(covers.WrongValueError, match="filter"):
            library.search(library.catalogue.cover_ids[0], where=where)
        with pytest.raises(covers.WrongValueError, match="filter"):
            library.covers(where=where)
    root = str(drawn_once / "workspace")
    done = CliRunner().invoke(main, ["search", "ab", "--where", "width=x", "-w", root])
    assert done.exit_code == 2
    assert "width" in done.stderr


def test_commands_in_errors_name_the_workspace(tmp_path, drawn_once, monkeypatch):
    root = tmp_path / "music"
    made = covers.create(root, drawn_once / "covers")
    for ask in (
        lambda: made.search("3f9a02"),
        lambda: made.classify("3f9a02"),
        lambda: made.card,
        lambda: made.evaluate(),
        lambda: made.overlap(),
        lambda: made.embeddings(),
        lambda: made.search(text="a desert"),
        lambda: made.picture_of("ab"),
    ):
        with pytest.raises((covers.CoversError, Exception)) as raised:
            ask()
        commands = re.findall(r"'(covers [a-z][^']*)'", str(raised.value))
        assert commands, raised.value
        assert all(f" -w {root}" in command for command in commands), raised.value
    monkeypatch.chdir(tmp_path)
    with pytest.raises(covers.ModelError, match="covers train -w music'"):
        _ = covers.open("music").card


def test_a_device_is_said_when_a_library_is_opened(drawn_once):
    assert covers.open(drawn_once / "workspace", device="CPU")._where == "cpu"


def test_results_cannot_be_changed_and_are_copied_as_before(library):
    answer = library.classify(library.catalogue.cover_ids[0])[0]
    overlap = library.overlap()
    for found in (answer.probabilities, answer.by_method, overlap.n_by_genre):
        for change in (
            lambda d: d.clear(),
            lambda d: d.update(a=1),
            lambda d: d.__setitem__("a", 1),
            lambda d: d.pop("a", None),
            lambda d: d.setdefault("a", 1),
        ):
            with pytest.raises(TypeError, match=r"take a copy, dict\(\.\.\.\)"):
                change(found)
        assert json.loads(json.dumps(found)) == found
        assert pickle.loads(pickle.dumps(found)) == found
        assert copy.deepcopy(found) == found
        changed = dict(found)
        changed["a"] = 1
        assert "a" not in found
    overlap.to_json()["pairs"].clear()
    assert overlap.to_json()["pairs"]


OF_A_WORKSPACE = {"AnyPath", "File"}  # of methods that give paths below it
OF_PYTHON = {
    "Any", "Callable", "Collection", "False", "Image", "Iterable", "Literal", "Mapping",
    "None", "NDArray", "Path", "PictureLike", "Progress", "Self", "Sequence", "True",
    "TypeVar",
}  # fmt: skip


def test_whatever_a_public_function_takes_is_public():
    found = set()
    for name in covers.__all__:
        public = getattr(covers, name)
        methods = [public]
        if inspect.isclass(public):
            methods = [m for _, m in inspect.getmembers(public, inspect.isroutine)]
        for method in methods:
            if not hasattr(method, "__annotations__"):
                continue
            its = typing.cast("dict[str, str]", method.__annotations__)
            if name.endswith("Error") or method.__name__.startswith("_"):
                continue
            for parameter, kind in its.items():
                if parameter != "return":
                    found |= set(re.findall(r"\b[A-Z]\w+", str(kind)))
    assert found - OF_PYTHON - OF_A_WORKSPACE <= set(covers.__all__)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda lib: lib.overlap(by="yaer"), "by must be 'year' or 'source', got 'yaer': did you mean 'year'?"),
        (lambda lib: lib.overlap(k=0), "k must be at least 1, got 0"),
        (lambda lib: lib.clusters(n_neighbours=9), "clusters has no setting 'n_neighbours': did you mean 'n_neighbors'?"),
        (lambda lib: lib.scan(genre_level="broda"), "genre_level must be 'broad' or 'fine', got 'broda': did you mean 'broad'?"),
        (lambda lib: lib.scan(genre_minimun=3), "there is no setting 'genre_minimun': did you mean 'genre_minimum'?"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_as_any_wrong_argument(library, ask, said):
    with pytest.raises(covers.CoversError) as raised:
        ask(library)
    assert str(raised.value).startswith(said)


def test_options_are_arguments_in_python_and_options_in_a_shell(library, tmp_path):
    out = tmp_path / "a.csv"
    library.export("csv", out)
    with pytest.raises(covers.DataError, match=r"with force=True$"):
        library.export("csv", out)
    with pytest.raises(covers.DataError, match=r"measure without by='year'$"):
        library.overlap(by="year")
    root = str(library.workspace.root)
    done = CliRunner().invoke(main, ["export", "csv", str(out), "-w", root])
    assert "with '--force'" in done.stderr
