"""A workspace whose index lies in PostgreSQL: the same commands, the same answers."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner
from serving import ask_json, serving

import covers
from covers.cli import main
from indexer import open_store

pytest_plugins = ["postgres_server"]


@pytest.fixture(scope="module")
def folder(drawn_once, postgres, tmp_path_factory):
    """A copy of the drawn library; its index is built on a server."""
    root = tmp_path_factory.mktemp("server")
    shutil.copytree(drawn_once, root, dirs_exist_ok=True)
    workspace = root / "workspace"
    config = workspace / "covers.toml"
    text = config.read_text()
    config.write_text(f'{text}\n[index]\nuri = "{postgres.address("sleeves")}"\n')
    shutil.rmtree(workspace / "index")
    made = run(workspace, "index", "build")
    assert made["n"] == 120
    assert made["structure"] == "exact"
    assert not (workspace / "index").exists()
    return workspace


def run(workspace, *arguments):
    """Run a command; return what it prints as JSON."""
    result = CliRunner().invoke(
        main, [*map(str, arguments), "-w", str(workspace), "--json"]
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(workspace, *arguments):
    result = CliRunner().invoke(main, [*map(str, arguments), "-w", str(workspace)])
    assert result.exit_code == 1
    return " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def some_ids(drawn_once):
    return covers.open(drawn_once / "workspace").catalogue.cover_ids[:60:20]


def test_commands_answer_as_on_one_machine(folder, drawn_once, some_ids):
    local = drawn_once / "workspace"
    for cover_id in some_ids:
        for more in ([], ["--where", "genre=jazz"], ["--one-per-artist"]):
            asked = ["search", cover_id[:12], "-k", "7", *more]
            here, there = run(local, *asked), run(folder, *asked)
            assert there["neighbours"] == here["neighbours"]
            assert there["notes"] == here["notes"]
        assert run(folder, "classify", cover_id) == run(local, "classify", cover_id)


def test_the_library_says_the_same(folder, drawn_once, some_ids):
    library, local = covers.open(folder), covers.open(drawn_once / "workspace")
    assert library.index.address.startswith("postgresql:")
    found = library.search([*some_ids[:2]], k=5, where={"genre": ["Jazz", "Hip Hop"]})
    true = local.search([*some_ids[:2]], k=5, where={"genre": ["Jazz", "Hip Hop"]})
    assert found.hits == true.hits
    with pytest.raises(covers.DataError, match="genre"):
        library.search(some_ids[0], where={"genre": "Jazzz"})


def test_the_library_says_the_same_with_milvus(drawn_once, milvus, some_ids, tmp_path):
    shutil.copytree(drawn_once, tmp_path, dirs_exist_ok=True)
    workspace = tmp_path / "workspace"
    config = workspace / "covers.toml"
    address = milvus.address("sleeves")
    config.write_text(f'{config.read_text()}\n[index]\nuri = "{address}"\n')
    shutil.rmtree(workspace / "index")
    assert run(workspace, "index", "build")["n"] == 120
    library, local = covers.open(workspace), covers.open(drawn_once / "workspace")
    where = {"genre": ["Jazz", "Hip Hop"]}
    found = library.search([*some_ids[:2]], k=5, where=where)
    assert found.hits == local.search([*some_ids[:2]], k=5, where=where).hits
    assert library.classify([some_ids[2]]) == local.classify([some_ids[2]])


def test_state_checks_and_history(folder):
    assert run(folder, "index", "verify", "--sample", "2")["ok"]
    assert run(folder, "index", "info")["versions"]["pgvector"]
    status = CliRunner().invoke(main, ["status", "-w", str(folder)]).output
    assert "index" in status
    assert "120 covers" in status
    assert "keeps no older generations" in refused(folder, "index", "rollback")
    told = refused(folder, "index", "build", "--structure", "IVF16,Flat")
    assert "'--structure auto'" in told
    told = refused(folder, "index", "build", "--store", "int8")
    assert "neither '--prefer' nor '--store'" in told


def test_the_service_answers_and_sees_changes(folder, some_ids):
    with serving(covers.open(folder)) as server:
        assert ask_json(server, "GET", "/v1/health")[1]["n_covers"] == 120
        path = f"/v1/covers/{some_ids[0]}"
        status, before = ask_json(server, "GET", path)
        assert (status, before["cover"]["cover_id"]) == (200, some_ids[0])
        store = open_store(covers.open(folder).index.address)
        gone = before["neighbours"][0]["cover_id"]
        removed = store.get([gone])
        store.apply(remove=[gone])
        try:
            assert ask_json(server, "GET", "/v1/health")[1]["n_covers"] == 119
            _, after = ask_json(server, "GET", path)
            assert gone not in {one["cover_id"] for one in after["neighbours"]}
        finally:
            store.apply(upsert=removed)


def test_an_update_takes_out_what_is_gone(folder, drawn_once):
    picture = sorted((folder.parent / "covers").rglob("*.*"))[3]
    content = picture.read_bytes()
    picture.unlink()
    assert run(folder, "index", "update")["removed"] == 1
    assert len(covers.open(folder).index) == 119
    picture.write_bytes(content)
    assert run(folder, "index", "update")["added"] == 1
    assert len(covers.open(folder).index) == 120
    assert run(folder, "index", "update")["unchanged"] == 120


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("postgresql://db.example/music", "COVERS_INDEX_HOSTS=db.example"),
        ("postgresql://me:secret@db.example/music", "PGPASSWORD"),
        ("../elsewhere", "no server such as"),
        ("redis://localhost", "begins with 'redis'"),
        ("me:secret@db.example/music", "no server such as"),
        ("postgresql:///music?host=/tmp,db.example", "must name one server"),
    ],
)
def test_a_strangers_workspace_leads_to_no_server_and_no_folder(
    drawn_once, tmp_path, some_ids, uri, message
):
    shutil.copytree(drawn_once / "workspace", tmp_path / "workspace")
    config = tmp_path / "workspace" / "covers.toml"
    config.write_text(f'{config.read_text()}\n[index]\nuri = "{uri}"\n')
    told = refused(tmp_path / "workspace", "search", some_ids[0])
    assert message in told
    assert "secret" not in told


def test_the_state_names_the_whole_address_of_a_server_without_an_index(
    drawn_once, postgres, tmp_path
):
    shutil.copytree(drawn_once / "workspace", tmp_path / "workspace")
    config, address = tmp_path / "workspace" / "covers.toml", postgres.address("gone")
    config.write_text(f'{config.read_text()}\n[index]\nuri = "{address}"\n')
    arguments = ["status", "-w", str(tmp_path / "workspace"), "--json"]
    result = CliRunner().invoke(main, arguments)
    assert f"no index in '{address}'" in result.stdout


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://no-such-host.invalid/music",
        "postgresql:///music?host=no-such-host.invalid",
        "postgresql://No-Such-Host.invalid/music",
    ],
)
def test_a_server_that_is_named_is_asked(
    drawn_once, tmp_path, some_ids, monkeypatch, uri
):
    shutil.copytree(drawn_once / "workspace", tmp_path / "workspace")
    monkeypatch.setenv("COVERS_INDEX__URI", uri)
    told = refused(tmp_path / "workspace", "search", some_ids[0])
    assert "the server of store 'postgresql://no-such-host.invalid/music" in told
