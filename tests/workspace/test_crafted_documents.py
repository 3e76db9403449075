"""Documents of strangers: every value of each exchanged for another, then read as the front door does."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path

import pytest

from covers.audit import stage as audit
from covers.cluster import stage as cluster
from covers.errors import CoversError
from covers.evaluate import stage as evaluation
from covers.model.card import read_card
from covers.overlap import stage as overlap
from covers.workspace.paths import Workspace

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "version-0.1.zip"
VALUES = (
    *(-1, 0, 2**31, 2**63, 10**30, 1.5, 1e308, float("nan"), float("inf")),
    *(True, None, "", "x", "/etc/hostname", "\0", "\ud800", [], {}, [[]]),
    *({"a": {"b": []}}, list(range(1000))),
)
N_TRIES = 200


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    place = tmp_path_factory.mktemp("version-0.1")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(place)
    return Workspace(place / "workspace")


def read_decision(workspace):
    fingerprint = read_card(workspace.model_folder).fingerprint
    return evaluation.read_decision(workspace, fingerprint)


READERS = {
    "evaluation.json": evaluation.read,
    "decision.json": read_decision,
    "overlap.json": overlap.read,
    "clusters.json": cluster.read,
    "audit.json": audit.read,
}


def entries_of(content):
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(pairs):
        yield content, key
        if isinstance(value, dict | list):
            yield from entries_of(value)


@pytest.mark.parametrize("name", READERS)
def test_a_document_with_another_value_is_read_or_refused_in_one_line(workspace, name):
    [path], rng = workspace.root.rglob(name), random.Random(name)
    before = path.read_bytes()
    said = []
    try:
        for number in range(N_TRIES):
            content = json.loads(before)
            places = list(entries_of(content))
            holder, key = places[rng.randrange(len(places))]
            holder[key] = VALUES[number % len(VALUES)]
            path.write_bytes(json.dumps(content).encode("utf-8", "surrogatepass"))
            try:
                READERS[name](workspace)
            except CoversError as error:
                said.append(str(error))
        assert len(said) > N_TRIES / 20
        assert not [text for text in said if "\n" in text or len(text) > 2000]
    finally:
        path.write_bytes(before)
