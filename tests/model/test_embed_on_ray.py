"""Embedding on Ray gives what this machine's threads give, whoever is killed meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from covers.catalogue.table import read_catalogue
from covers.cli import main
from covers.model import embed_on_ray as on_ray
from covers.model.card import read_card
from covers.model.embedding_table import embeddings_parts, read_embeddings
from covers.workspace.paths import Workspace

pytestmark = [
    pytest.mark.slow,
    # What Ray says of its own settings, whoever reads them.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
]

_KILLED_DRIVER = """
import os, sys
from covers.model.embed_on_ray import RayCluster, embed_on_ray
from covers.workspace.paths import Workspace
embed_on_ray(
    Workspace.open(sys.argv[1]),
    RayCluster(sys.argv[2]),
    progress=lambda done, total: os.kill(os.getpid(), 9),
)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home without anything in it, for what Ray would leave there."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("home")
    patch.setenv("HOME", str(folder))
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        patch.delenv(name)
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def address(home):
    """A cluster of two cores on this machine, as the program starts one."""
    patch = pytest.MonkeyPatch()
    patch.setattr(on_ray, "count_cores", lambda: 2)
    with on_ray._session(on_ray.RayCluster()):
        import ray

        yield ray.get_runtime_context().gcs_address
    patch.undo()


@pytest.fixture
def unembedded(_trained_once, tmp_path):
    """A workspace with a model, whose embeddings are gone."""
    shutil.copytree(_trained_once, tmp_path / "unembedded")
    workspace = Workspace.open(tmp_path / "unembedded" / "workspace")
    parts_of(workspace).delete()
    return workspace


def parts_of(workspace):
    return embeddings_parts(workspace, read_card(workspace.model_folder).fingerprint)


def embed(workspace, **options):
    return on_ray.embed_on_ray(workspace, on_ray.RayCluster(), **options)


def assert_each_cover_once(workspace):
    written = parts_of(workspace).ids().to_pylist()
    assert sorted(written) == sorted(read_catalogue(workspace).cover_ids)


def test_actors_say_what_threads_say(address, trained_workspace, unembedded):
    local = read_embeddings(trained_workspace)
    lost = read_catalogue(unembedded).table.column("locations")[3].as_py()[0]
    unembedded.resolve(lost["source"], lost["path"]).write_bytes(b"another picture")
    told = []
    report = embed(unembedded, progress=lambda *how_far: told.append(how_far))
    n_covers = len(local.cover_ids)
    assert (report.n_new, report.n_known) == (n_covers - 1, 0)
    assert list(report.failed) == [lost["path"]]
    assert "changed since the scan" in report.failed[lost["path"]]
    assert told[-1] == (n_covers, n_covers)

    paths = parts_of(unembedded).paths()
    assert len(paths) > 1
    for path in paths:
        types = dict(
            zip(pq.read_schema(path).names, pq.read_schema(path).types, strict=True)
        )
        assert {str(types.pop("cover_id"))} == {"string"}
        assert all(str(kind).startswith("fixed_size_list<") for kind in types.values())

    found = read_embeddings(unembedded)
    rows = [local.cover_ids.index(cover_id) for cover_id in found.cover_ids]
    cosines = (found.embeddings * local.embeddings[rows]).sum(axis=1)
    assert len(rows) == n_covers - 1
    assert cosines.min() >= 0.9999
    np.testing.assert_allclose(found.logits, local.logits[rows], rtol=1e-2, atol=1e-2)

    again = embed(unembedded)  # only what is missing
    assert (again.n_new, again.n_known) == (0, n_covers - 1)
    assert len(again.failed) == 1


def test_a_killed_actor_costs_no_cover(address, unembedded, tmp_path, monkeypatch):
    marker = tmp_path / "killed"

    class Killed(on_ray.RowEmbedder):
        n_calls = 0

        def __call__(self, rows):
            self.n_calls += 1
            if self.n_calls == 2 and not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__call__(rows)

    monkeypatch.setattr(on_ray, "RowEmbedder", Killed)
    report = embed(unembedded)
    assert marker.exists()
    assert report.failed == {}
    assert report.n_new == len(read_catalogue(unembedded))
    assert_each_cover_once(unembedded)


def test_a_killed_driver_costs_at_most_a_part(address, unembedded):
    driver = [sys.executable, "-c", _KILLED_DRIVER, str(unembedded.root), address]
    assert subprocess.run(driver, check=False).returncode == -signal.SIGKILL
    n_kept = len(parts_of(unembedded).ids())
    assert n_kept >= on_ray._LEAST_ROWS
    report = embed(unembedded)
    n_covers = len(read_catalogue(unembedded))
    assert (report.n_known, report.n_new) == (n_kept, n_covers - n_kept)
    assert_each_cover_once(unembedded)


def test_ray_reports_nothing_leaves_no_token_and_listens_here_only(address, home):
    assert address.startswith("127.0.0.1:")
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert list(home.iterdir()) == []
    port = int(address.rpartition(":")[2])
    listening = [
        line.split()[1].rpartition(":")
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    hosts = {host for host, _, its in listening if int(its, 16) == port}
    assert hosts <= {"0100007F", "0000000000000000FFFF00000100007F"}
    assert hosts


@pytest.mark.parametrize(
    ("resources", "device", "n_actors"),
    [
        ({"CPU": 1.0}, "auto", 1),
        ({"CPU": 2.0}, "auto", 1),
        ({"CPU": 64.0}, "cpu", 63),
        ({"CPU": 64.0, "GPU": 4.0}, "cuda", 4),
        ({}, "auto", 1),
    ],
)
def test_a_core_is_left_for_what_feeds_the_actors(resources, device, n_actors):
    assert on_ray.count_actors(resources, device) == n_actors


def test_without_ray_one_line_says_what_is_missing(unembedded, monkeypatch):
    find = importlib_util_find_spec()
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == "ray" else find(name, *rest),
    )
    done = CliRunner().invoke(
        main, ["embed", "--engine", "ray", "-w", str(unembedded.root)]
    )
    assert done.exit_code == 1
    assert done.stderr.strip().splitlines() == [
        "Error: embedding on Ray needs the optional package 'ray': pip install 'album-covers[ray]'"
    ]


def importlib_util_find_spec():
    import importlib.util

    return importlib.util.find_spec


def test_an_address_needs_the_engine(unembedded):
    given = ["embed", "--ray-address", "10.0.0.1:6379", "-w", str(unembedded.root)]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 2
    assert "'--ray-address' is for '--engine ray'" in done.stderr
