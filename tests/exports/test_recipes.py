"""The recipes of the documentation, typed as they stand there, into the real programs."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from apart import FIFTYONE, SPOTLIGHT, make_apart

import covers

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "sharing.md"


def recipe(heading):
    """Return the Python below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split(f"### {heading}\n", 1)[1].split("\n### ", 1)[0]
    return re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]


def type_in(python, folder, before, heading, after):
    """Run a recipe between two other pieces; return what the last one prints as JSON."""
    (folder / "typed.py").write_text(f"{before}\n{recipe(heading)}\n{after}\n")
    done = subprocess.run(
        [str(python), "-W", "ignore", "typed.py"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def apart(tmp_path):
    """A folder for an environment; those are large, so it goes with the test."""
    yield tmp_path / "apart"
    shutil.rmtree(tmp_path / "apart", ignore_errors=True)


@pytest.fixture(scope="module")
def library(drawn_once):
    return covers.open(drawn_once / "workspace")


@pytest.mark.slow
@pytest.mark.network
def test_spotlight_shows_the_table(library, tmp_path, apart):
    python = make_apart(apart, SPOTLIGHT)
    library.export("huggingface", tmp_path / "my-covers")
    before = """
import json, urllib.request
from renumics import spotlight
real = spotlight.show
def show(*given, **more):
    global table
    viewer = real(*given, **more, no_browser=True, wait=False)
    table = json.load(urllib.request.urlopen(f"{viewer.url}api/table/"))
    viewer.close()
spotlight.show = show
"""
    after = """
print(json.dumps({c["name"]: [c["dtype"]["name"], len(c["values"]), c["values"][:2]]
                  for c in table["columns"]}))
"""
    seen = type_in(python, tmp_path, before, "Spotlight", after)
    train = library.catalogue.splits == "train"
    ids = [one for one, is_train in zip(library.catalogue.cover_ids, train, strict=True) if is_train]  # fmt: skip
    assert seen["cover_id"] == ["str", len(ids), ids[:2]]
    assert seen["image"][:2] == ["Image", len(ids)]
    assert seen["embedding"][:2] == ["Embedding", len(ids)]
    assert seen["certainty"][0] == "float"


@pytest.mark.slow
@pytest.mark.network
def test_fiftyone_takes_the_pictures(library, tmp_path, apart):
    """Its database, a mongod that no package index holds, is stood in for by mongomock."""
    python = make_apart(apart, FIFTYONE)
    library.export("imagefolder", tmp_path / "my-pictures")
    before = """
import json, os
os.environ["FIFTYONE_DATABASE_URI"] = "mongodb://localhost:27017"
os.environ["FIFTYONE_DO_NOT_TRACK"] = "1"
import mongomock, pymongo
from mongomock.store import ServerStore
store = ServerStore()
class Client(mongomock.MongoClient):
    _closed = False
    def __init__(self, *_, **__):
        super().__init__("mongodb://localhost:27017", _store=store)
    def server_info(self):
        return {"version": "7.0.0", "versionArray": [7, 0, 0]}
pymongo.MongoClient = Client
import fiftyone
class Session:
    def wait(self):
        pass
def launch_app(dataset):
    global shown
    shown = dataset
    return Session()
fiftyone.launch_app = launch_app
"""
    after = """
print(json.dumps([[s.filepath, s.genre.label, s.looks.label, s.looks.confidence] for s in shown]))
"""
    seen = type_in(python, tmp_path, before, "FiftyOne", after)
    lines = (tmp_path / "my-pictures/train/metadata.jsonl").read_text().splitlines()
    expected = [json.loads(line) for line in lines]
    assert [row[1:] for row in seen] == [
        [one["label"], one["prediction"], one["certainty"]] for one in expected
    ]
    assert all(Path(row[0]).is_absolute() and Path(row[0]).is_file() for row in seen)
