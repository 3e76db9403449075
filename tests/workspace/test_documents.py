"""Documents on disk become types, also those of version 0.1, and go back as they were."""

import json
import math
import zipfile
from pathlib import Path

import pytest

from covers.audit.result import Audit
from covers.cluster.result import Clustering
from covers.errors import DataError
from covers.evaluate.result import Evaluation
from covers.evaluate.stage import in_words_of_now
from covers.overlap.result import Overlap
from covers.workspace.documents import decode

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "version-0.1.zip"
KINDS = {
    "overlap": Overlap,
    "clusters": Clustering,
    "evaluation": Evaluation,
    "audit": Audit,
}


def document(name):
    with zipfile.ZipFile(ARCHIVE) as archive:
        content = json.loads(archive.read(f"workspace/analysis/{name}.json"))
    return in_words_of_now(content) if name == "evaluation" else content


@pytest.mark.parametrize("name", KINDS)
def test_a_document_of_version_0_1_is_read_and_written_as_it_was(name):
    content = document(name)
    found = KINDS[name].from_json(content)
    del content["stamp"]
    assert json.loads(json.dumps(found.to_json(), default=str)).keys() == content.keys()
    if name != "audit":
        assert found.to_json() == content


@pytest.mark.parametrize("name", KINDS)
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
