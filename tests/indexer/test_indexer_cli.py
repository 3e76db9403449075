"""``python -m indexer``: every command, its JSON, its exit status."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import indexer
from indexer import VectorIndex
from indexer.cli import main

N, D = 60, 8


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "index"
    vectors = np.random.default_rng(1).standard_normal((N, D))
    columns = {
        "genre": [["Rock", "Pop", "Jazz"][n % 3] for n in range(N)],
        "year": [1960 + n for n in range(N)],
        "tags": [["live"] if n % 2 else [] for n in range(N)],
    }
    ids = [f"c{n}" for n in range(N)]
    index = VectorIndex.build(
        folder, ids, vectors, columns, fingerprints={"model": "3f9a"}
    )
    index.remove(["c59"])
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "index")


def call(*arguments, status=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result


def told(*arguments, status=0):
    return json.loads(call(*arguments, "--json", status=status).stdout)


PROMISED = {
    "generation", "n", "dimension", "structure", "recall_at_k", "k", "segments",
    "tombstones", "fingerprints", "ok", "problems",
}  # fmt: skip


@pytest.mark.parametrize("command", ["info", "verify"])
def test_info_and_verify_print_the_promised_json(folder, command):
    facts = told(command, folder)
    assert set(facts) >= PROMISED
    assert (facts["generation"], facts["n"], facts["dimension"]) == (2, N - 1, D)
    assert (facts["structure"], facts["recall_at_k"], facts["k"]) == ("exact", 1.0, 10)
    assert (facts["tombstones"], facts["fingerprints"]) == (1, {"model": "3f9a"})
    assert (facts["ok"], facts["problems"]) == (True, [])
    assert facts["segments"][0]["n"] == N - 1


def test_info_for_people_names_what_matters(folder):
    text = call("info", folder).stdout
    assert "59 of 8 dimensions" in text
    assert "rollback to: 1" in text
    assert "genre: string" in text
    assert "model 3f9a" in text


def test_verify_names_damage_and_repairs_it(folder):
    path = next((folder / "gen-000001").glob("*.lookup.bin"))
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    facts = told("verify", folder, status=1)
    name = path.relative_to(folder).as_posix()
    assert facts["problems"][0]["file"] == name
    assert set(facts["problems"][0]) == {"file", "what", "repair"}
    assert set(facts) >= PROMISED
    assert name in call("verify", folder, status=1).stderr
    assert told("verify", folder, "--repair", "--dry-run", status=1)["generation"] == 2
    assert told("verify", folder, "--repair")["ok"]
    assert "59 items" in call("verify", folder).stdout


def test_info_of_an_index_that_cannot_be_opened_names_the_file(folder):
    path = next((folder / "gen-000001").glob("*.vectors.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    name = path.relative_to(folder).as_posix()
    assert name in call("info", folder, status=1).stderr
    facts = told("info", folder, status=1)
    assert set(facts) >= PROMISED
    assert not facts["ok"]
    assert facts["problems"][0]["file"] == name


def test_search_by_id_and_by_vector_agree_with_the_library(folder, tmp_path):
    index = VectorIndex.open(folder)
    answer = told("search", folder, "--id", "c3", "-k", 4)["answers"][0]
    assert [near["id"] for near in answer["neighbours"]] == index.neighbours_of(
        ["c3"], 4
    ).ids[0].tolist()
    np.save(tmp_path / "q.npy", index.vectors[3])
    answer = told("search", folder, "--vectors", tmp_path / "q.npy", "-k", 1, "--exact")
    assert answer["answers"][0]["neighbours"][0]["id"] == "c3"
    assert answer["answers"][0]["neighbours"][0]["similarity"] == pytest.approx(
        1, abs=1e-6
    )
    lines = call(
        "search", folder, "--id", "c3", "--id", "c4", "-k", 2
    ).stdout.splitlines()
    assert (lines[0], lines[3], len(lines)) == ("c3:", "c4:", 6)


@pytest.mark.parametrize(
    ("conditions", "where"),
    [
        (["genre=Rock"], {"genre": "Rock"}),
        (
            ["genre=Rock", "genre=Pop", "year=1970..1979"],
            {"genre": ["Rock", "Pop"], "year": (1970, 1979)},
        ),
        (["year=..1965"], {"year": (None, 1965)}),
        (["year=1999"], {"year": 1999}),
        (["tags=live", "genre=Jazz"], {"tags": "live", "genre": "Jazz"}),
    ],
)
def test_conditions_are_read_by_the_type_of_their_column(folder, conditions, where):
    options = [part for condition in conditions for part in ("--where", condition)]
    result = call(
        "search", folder, "--id", "c3", "--json", "-k", 30, "--exclude", "c9", *options
    )
    expected = VectorIndex.open(folder).neighbours_of(
        ["c3"], 30, where=where, exclude_ids=["c9"]
    )
    found = [
        near["id"] for near in json.loads(result.stdout)["answers"][0]["neighbours"]
    ]
    assert found == [name for name in expected.ids[0].tolist() if name]
    assert found
    assert "shorter than k=30" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--id", "nobody"], "1 ids are not in index"),
        (["--id", "c1", "--where", "mood=x"], "unknown column 'mood'"),
        (
            ["--id", "c1", "--where", "year=old"],
            "column 'year' holds whole numbers (a range is",
        ),
        (["--id", "c1", "--where", "year"], "not of the form NAME=VALUE"),
        (
            ["--id", "c1", "--where", "year=1..2", "--where", "year=3..4"],
            "cannot be repeated",
        ),
        ([], "give either --id or --vectors"),
        (["--id", "c1", "-k", "0"], "0 is not in the range"),
    ],
)
def test_wrong_usage_exits_with_2(folder, arguments, message):
    assert message in call("search", folder, *arguments, status=2).stderr


@pytest.mark.parametrize(
    "command", ["info", "verify", "recall", "compact", "rollback", "rebuild"]
)
def test_no_index_is_one_line_and_exit_1(tmp_path, command):
    result = call(command, tmp_path / "nothing", status=1)
    assert result.stderr.startswith("Error: no index in ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_rebuild_compact_rollback_and_recall(folder):
    assert (
        told("rebuild", folder, "--structure", "IVF4,Flat", "--dry-run")["generation"]
        == 2
    )
    facts = told("rebuild", folder, "--structure", "IVF4,Flat")
    assert (facts["generation"], facts["structure"], facts["n"]) == (
        3,
        "IVF4,Flat",
        N - 1,
    )
    measure = told("recall", folder, "-k", 5, "--sample", 40)
    assert (measure["k"], measure["n_queries"]) == (5, 40)
    assert measure["recall_at_k"] >= 0.95
    assert "recall@5" in call("recall", folder, "-k", 5).stdout
    assert told("rollback", folder, "--dry-run")["n"] == N - 1
    assert told("rollback", folder)["generation"] == 4
    assert told("rollback", folder, "--to", 3)["structure"] == "IVF4,Flat"
    assert (
        "generation 77 is not kept"
        in call("rollback", folder, "--to", 77, status=1).stderr
    )
    assert "structure IVF4,Flat" in call("compact", folder).stdout
    assert (
        "FAISS cannot build"
        in call("rebuild", folder, "--structure", "x", status=2).stderr
    )


def test_export_and_import_give_the_same_index(folder, tmp_path):
    target = tmp_path / "plain"
    assert told("export", folder, target, "--dry-run")["n"] == N - 1
    assert not target.exists()
    assert told("export", folder, target)["n"] == N - 1
    assert sorted(path.name for path in target.iterdir()) == [
        "items.parquet",
        "vectors.npy",
    ]
    assert (
        "exists: give another folder" in call("export", folder, target, status=1).stderr
    )
    refused = call("export", folder, target, "--dry-run", status=1)
    assert "exists: give another folder" in refused.stderr
    call("export", folder, target, "--overwrite")
    files = [target / "vectors.npy", target / "items.parquet"]
    other = tmp_path / "other"
    assert told("import", other, *files, "--dry-run")["n"] == N - 1
    assert not other.exists()
    facts = told("import", other, *files, "--fingerprint", "model=3f9a")
    assert facts["generation"] == 1
    first, second = (
        VectorIndex.open(folder),
        VectorIndex.open(other, expect={"model": "3f9a"}),
    )
    assert first.ids.tolist() == second.ids.tolist()
    assert first.vectors.tobytes() == second.vectors.tobytes()
    assert first.columns.equals(second.columns)
    assert "add --replace" in call("import", other, *files, status=1).stderr
    assert told("import", other, *files, "--replace", "--dry-run")["generation"] == 1
    assert told("import", other, *files, "--replace")["generation"] == 2
    (other / "CURRENT").write_text("no")
    assert told("import", other, *files, "--replace")["generation"] == 3


def test_files_that_cannot_be_imported_are_refused(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(3))
    pq.write_table(pa.table({"name": ["a", "b"]}), tmp_path / "i.parquet")
    arguments = ["import", tmp_path / "x", tmp_path / "v.npy", tmp_path / "i.parquet"]
    assert (
        "has no column 'id': its columns are name" in call(*arguments, status=1).stderr
    )
    result = call(*arguments, "--id-column", "name", status=1)
    assert "has 2 rows, and there are 3 vectors" in result.stderr
    np.save(tmp_path / "v.npy", np.array([[1.0, 0], [np.nan, 1]]))
    result = call(*arguments, "--id-column", "name", "--dry-run", status=1)
    assert "have no direction: 'b'" in result.stderr
    (tmp_path / "v.npy").write_text("no")
    assert "cannot read" in call(*arguments, status=1).stderr


def test_a_table_that_swells_is_not_imported(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(1000))
    items = pa.table(
        {"id": list(map(str, range(1000))), "note": ["x" * 100_000] * 1000}
    )
    pq.write_table(items, tmp_path / "i.parquet")
    arguments = ["import", tmp_path / "x", tmp_path / "v.npy", tmp_path / "i.parquet"]
    said = call(*arguments, "--dry-run", status=1).stderr
    assert "it unpacks to " in said
    assert said.count("\n") == 1


def test_messages_name_arguments_in_python_and_options_in_a_shell(folder, tmp_path):
    index = VectorIndex.open(folder)
    index.export(tmp_path / "out")
    with pytest.raises(
        indexer.IndexerError, match=r"another folder, or overwrite=True$"
    ):
        index.export(tmp_path / "out")
    said = call("export", folder, tmp_path / "out", status=1).stderr
    assert "another folder, or --overwrite" in said
    assert "overwrite=True" not in said
    for wrong, error in ((-1, ValueError), (1.5, TypeError), (True, TypeError)):
        for ask in (index.verify, index.measure_recall):
            with pytest.raises(error, match="n_sampled must be"):
                ask(n_sampled=wrong)


def test_what_auto_looks_for_is_named_as_in_python(folder):
    for option in ("--prefer", "--build"):
        found = told("rebuild", folder, option, "small", "--dry-run")
        assert found["dry_run"]


def test_every_command_has_help_and_the_module_runs():
    for name, command in main.commands.items():
        assert command.help, name
        assert "--help" in call(name, "--help").stdout
    assert set(main.commands) == {
        "compact", "export", "import", "info", "rebuild", "recall", "rollback", "search", "verify",
    }  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-m", "indexer", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Usage" in result.stdout


def test_the_public_names_are_sorted_and_importing_them_is_light():
    assert indexer.__all__ == sorted(indexer.__all__)
    assert all(getattr(indexer, name) for name in indexer.__all__)
    assert dir(indexer) == indexer.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = indexer.nothing
    code = (
        "import sys, indexer, indexer.cli; "
        "heavy = {'faiss', 'pandas', 'numpy', 'pyarrow', 'sklearn'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
