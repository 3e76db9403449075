"""Documents on disk become types, also those of version 0.1, and go back as they were."""

import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from covers.audit.result import Audit
from covers.classify.decision import Decision
from covers.cluster.result import Clustering
from covers.cluster.words.names import Names
from covers.errors import DataError
from covers.evaluate.result import Evaluation
from covers.overlap.result import Overlap
from covers.workspace.disk.jsonable import to_jsonable
from covers.workspace.documents import decode, encode, left_out

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "version-0.1.zip"
KINDS = {
    "overlap": Overlap,
    "clusters": Clustering,
    "evaluation": Evaluation,
    "audit": Audit,
    "decision": Decision,
}
DOCUMENTS = ARCHIVE.with_name("documents.zip")


def document(name):
    with zipfile.ZipFile(ARCHIVE) as archive:
        return json.loads(archive.read(f"workspace/analysis/{name}.json"))


def made_before():
    """Return the documents that were written when they were still built as dictionaries."""
    with zipfile.ZipFile(DOCUMENTS) as archive:
        return {
            name.removesuffix(".json"): json.loads(archive.read(name))
            for name in archive.namelist()
        }


def same(found):
    """Return JSON values as they come back from a file."""
    return json.loads(json.dumps(to_jsonable(found), allow_nan=False))


def shape_of(content):
    """Return the keys of a document, and of what kind each value is."""
    if isinstance(content, dict):
        return {key: shape_of(one) for key, one in content.items()}
    if isinstance(content, list):
        kinds = []
        for one in map(shape_of, content):
            if one not in kinds:
                kinds.append(one)
        return sorted(kinds, key=str)
    known = content is None or isinstance(content, int | float)
    return "number" if known else "text"


def differences(before, now, where=""):
    """Yield the places of what is gone or has another value, of lists and tables all that is in them."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key, one in before.items():
            if key in now:
                yield from differences(one, now[key], f"{where}/{key}")
            else:
                yield f"{where}/{key}"
    elif isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            yield where
        for one, other in zip(before, now, strict=False):
            yield from differences(one, other, where)
    elif before != now:
        yield where


@pytest.mark.parametrize("name", sorted(made_before()))
def test_a_document_is_written_as_it_was_read(name):
    content = made_before()[name]
    content.pop("stamp", None)
    found = KINDS[name.partition("-")[0]].from_json(content)
    assert same(found.to_json()) == content


@pytest.mark.slow
def test_what_is_made_has_the_keys_it_always_had(tmp_path):
    from complete_workspace import write_complete_workspace

    workspace = write_complete_workspace(tmp_path)
    before = made_before()
    for name in ("audit", "clusters", "decision", "evaluation", "overlap"):
        text = (workspace.analysis_folder / f"{name}.json").read_text("utf-8")
        assert shape_of(json.loads(text)) == shape_of(before[name]), name


def test_words_are_written_as_they_were_read():
    word = {"word": "a piano", "effect": 0.8, "low": 0.4}
    content = {
        "embedder": "clip:tiny",
        "n_words": 9,
        "margin": 0.2,
        "n_covers": 99,
        "clusters": [{"name": "3", "n": 20, "words": []}],
        "genres": [{"name": "Jazz", "n": 20, "words": [word]}],
        "regions": [{"x": 0.5, "y": -0.5, "n": 9, "words": [word]}],
    }
    assert same(Names.from_json(content).to_json()) == content


RENAMED = {
    "overlap": {"/n_asked", *(f"/pairs/confusion_cnn_{way}" for way in ("ab", "ba"))},
    "clusters": set(),
    "audit": set(),
    "evaluation": {
        *(
            f"/{part}/{name}"
            for part in ("methods", "self_check/methods")
            for name in ("majority", "colour_knn", "frozen_knn", "linear_probe")
        ),
        *(
            f"/{part}/{name}"
            for part in ("methods", "self_check/methods")
            for name in ("cnn", "blend")
        ),
        "/differences/a",
        "/differences/b",
        "/fitted/calibrators",
        "/fitted/blend",
    },
}
"""Where version 0.1 had another name, or no more than the names of calibrators."""


@pytest.mark.parametrize("name", RENAMED)
def test_a_document_of_version_0_1_is_read_and_written_with_the_names_of_now(name):
    content = document(name)
    written = KINDS[name].from_json(content).to_json()
    del content["stamp"]
    assert set(differences(content, same(written))) == RENAMED[name]


@pytest.mark.parametrize("name", RENAMED)
def test_a_result_is_a_table_of_80_columns_and_a_frame(name):
    found = KINDS[name].from_json(document(name))
    lines = repr(found).splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) <= 80
    assert "nan" not in repr(found).replace("Banana", "")
    assert len(found.to_frame()) > 3


def test_figures_of_a_result_have_their_names_and_numbers():
    content = document("overlap")
    overlap = Overlap.from_json(content)
    first = content["pairs"][0]
    pair = overlap.pair(first["b"], first["a"])
    assert pair.overlap == first["overlap"]
    assert pair.overlap_ci95 == tuple(first["overlap_ci95"])
    assert pair.confusion_ab["vote"].rate == first["confusion_vote_ab"]["rate"]
    assert overlap.pair("no", "genre") is None
    content = document("evaluation")
    evaluation = Evaluation.from_json(content)
    vote = content["methods"]["vote"]
    assert evaluation.methods["vote"].macro_f1.ci95 == tuple(vote["ci95"]["macro_f1"])
    assert {"network", "vote", "network + vote"} <= set(evaluation.methods)
    best = max(content["methods"].values(), key=lambda one: one["macro_f1"])
    assert float(evaluation.methods[evaluation.best()].macro_f1) == best["macro_f1"]
    clustering = Clustering.from_json(document("clusters"))
    assert sum(one.n for one in clustering.clusters) < clustering.n_covers


def test_results_draw_themselves():
    overlap = Overlap.from_json(document("overlap"))
    assert overlap.plot().axes
    assert overlap.plot("trends") is None
    with pytest.raises(ValueError, match="got 'pie'"):
        overlap.plot("pie")
    assert Clustering.from_json(document("clusters")).plot().axes
    assert Evaluation.from_json(document("evaluation")).plot().axes


def test_what_was_not_measured_is_nan():
    content = document("overlap")
    content["pairs"][0] |= {"overlap": None, "overlap_ci95": [None, None]}
    pair = Overlap.from_json(content).pairs[0]
    assert math.isnan(pair.overlap)
    assert Overlap.from_json(content).ranked()[-1] == pair


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": 3}, "overlap.pairs: expected a list, found 3"),
        ({"pairs": [{}]}, "it has no 'a'"),
        ({"k": "many"}, "overlap.k: expected a whole number, found 'many'"),
        ({"effective_genres_ci95": [1]}, "expected 2 values"),
        ({"n_by_genre": []}, "expected a table"),
    ],
)
def test_a_damaged_document_is_said_in_one_line(change, message):
    with pytest.raises(DataError, match="cannot read") as raised:
        Overlap.from_json(document("overlap") | change)
    assert message in str(raised.value)


def test_an_audit_of_unknown_findings_is_refused():
    content = document("audit")
    content["findings"][0]["kind"] = "sorcery"
    with pytest.raises(DataError, match="expected one of several_genres"):
        Audit.from_json(content)


def test_fields_that_may_be_absent_take_their_defaults():
    assert decode(int | None, None) is None
    assert decode(dict[str, float], {"a": 1}) == {"a": 1.0}


def test_what_was_measured_without_success_is_written_and_what_was_not_measured_is_not():
    nothing = (math.nan, math.nan)

    @dataclass(frozen=True)
    class Found:
        value: float = left_out(math.nan)
        ends: tuple[float, float] = left_out(nothing)

    assert encode(Found()) == {}
    assert encode(Found(ends=(math.nan, math.nan))) == {"ends": [None, None]}
    read = decode(Found, {"ends": [None, None]})
    assert encode(read) == {"ends": [None, None]}
    assert encode(decode(Found, {})) == {}
