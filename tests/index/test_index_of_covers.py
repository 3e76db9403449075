"""The index of a workspace follows its covers; a broken cover, model or vector is told."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from covers.catalogue.table import read_catalogue
from covers.cli import main
from covers.errors import StaleError
from covers.index.open import open_index
from covers.index.stage import run as bring_up
from covers.index.update import update_index
from covers.index.verify import verify_index
from covers.intake.scan import scan_workspace
from covers.model.embedding_table import (
    read_embeddings,
)
from covers.model.weights import SavedModel
from covers.pipeline.status import State, inspect_workspace
from covers.workspace.paths import Workspace
from indexer import VectorIndex


def _run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _states(workspace):
    return {stage.name: stage.state for stage in inspect_workspace(workspace)}


def test_adding_changing_moving_and_removing_covers_updates_the_index(
    trained_workspace,
):
    covers = trained_workspace.root.parent / "covers"
    before = open_index(trained_workspace)
    n = len(before)
    rng = np.random.default_rng(9)
    for name in ("new-1", "new-2"):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
            covers / "Jazz" / f"{name}.png"
        )
    Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
        covers / "Pop" / "pop-000.png"
    )
    (covers / "Metal" / "metal-000.png").rename(covers / "Metal" / "renamed.png")
    (covers / "Metal" / "metal-001.png").unlink()
    scan_workspace(trained_workspace.root)
    workspace = Workspace.open(trained_workspace.root)
    assert _states(workspace)["index"] == State.STALE
    dry = update_index(workspace, device="cpu", dry_run=True)
    report = update_index(workspace, device="cpu")
    assert (report.added, report.changed, report.moved, report.removed) == (2, 1, 1, 1)
    assert (dry.added, dry.changed, dry.moved, dry.removed) == (2, 1, 1, 1)
    assert report.unchanged == n - 3
    assert not report.failed
    after = open_index(workspace)
    assert len(after) == n + 1
    assert sorted(after.ids) == sorted(read_catalogue(workspace).cover_ids)
    assert _states(workspace)["index"] == State.FRESH
    again = update_index(workspace, device="cpu")
    assert (
        again.added,
        again.changed,
        again.moved,
        again.removed,
        again.generation,
    ) == (0, 0, 0, 0, report.generation)
    assert verify_index(workspace, device="cpu").ok
    assert report.generation == before.generation + 1
    after.rollback()
    assert sorted(after.ids) == sorted(before.ids)


def test_an_index_none_of_whose_covers_is_left_is_brought_up(trained_workspace):
    index = open_index(trained_workspace)
    others = [f"gone-{number}" for number in range(len(index))]
    VectorIndex.build(
        index.folder,
        others,
        index.vectors,
        index.columns,
        fingerprints=index.fingerprints,
    )
    report = update_index(trained_workspace, device="cpu")
    assert (report.removed, report.unchanged) == (0, 0)
    assert report.changed == len(index)
    assert sorted(open_index(trained_workspace).ids) == sorted(index.ids)


def test_a_picture_that_breaks_after_the_scan_is_listed_and_the_rest_goes_on(
    trained_workspace,
):
    covers = trained_workspace.root.parent / "covers"
    rng = np.random.default_rng(9)
    for name in ("good", "bad"):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
            covers / "Jazz" / f"{name}.png"
        )
    scan_workspace(trained_workspace.root)
    (covers / "Jazz" / "bad.png").write_bytes(b"no longer a picture")
    report = update_index(Workspace.open(trained_workspace.root), device="cpu")
    assert report.added == 1
    assert [entry["path"] for entry in report.failed] == ["Jazz/bad.png"]
    assert "changed since the scan" in report.failed[0]["reason"]


def test_an_index_of_another_model_is_refused_with_the_command_that_repairs_it(
    trained_workspace,
):
    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    from dataclasses import replace

    other = replace(model.card, fingerprint="0" * 32)
    table = read_embeddings(trained_workspace)
    VectorIndex.build(
        trained_workspace.index_folder,
        table.cover_ids,
        table.embeddings,
        fingerprints={"model": other.fingerprint},
    )
    with pytest.raises(
        StaleError, match=r"was built with model 00000000….*run 'covers index rebuild"
    ):
        open_index(trained_workspace)
    done = _run("index", "rebuild", "-w", trained_workspace.root, "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert open_index(trained_workspace).fingerprints["model"] == model.fingerprint


def test_the_json_of_the_index_is_what_was_promised(trained_workspace):
    place = ["-w", trained_workspace.root, "--json"]
    update = json.loads(_run("index", "update", *place, "--dry-run").stdout)
    assert set(update) == {
        "added", "changed", "moved", "removed", "unchanged", "failed", "generation",
    }  # fmt: skip
    build = json.loads(_run("index", "build", *place, "--dry-run").stdout)
    assert build == {"n": update["unchanged"], "dry_run": True}
    promised = {
        "generation", "n", "dimension", "structure", "recall_at_k", "k", "segments",
        "tombstones", "fingerprints", "ok", "problems",
    }  # fmt: skip
    assert set(json.loads(_run("index", "verify", *place).stdout)) >= promised
    assert json.loads(_run("index", "info", *place).stdout)["problems"] == []
    path = next(trained_workspace.index_folder.glob("gen-*/*.vectors.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    done = _run("index", "info", *place)
    said = json.loads(done.stdout)
    assert set(said) >= promised
    assert done.exit_code == 1
    name = path.relative_to(trained_workspace.index_folder).as_posix()
    assert said["problems"][0]["file"] == name


def test_verify_passes_what_16_bits_round_otherwise(trained_workspace):
    index = open_index(trained_workspace)
    ids = list(index.ids)
    vectors = index.reconstruct(ids)
    noise = np.random.default_rng(0).normal(size=vectors.shape)
    noise *= 0.14 / np.linalg.norm(noise, axis=1, keepdims=True)  # cosine 0.99
    index.update(ids, vectors + noise)
    assert verify_index(trained_workspace, n_pictures=8, device="cpu").ok


def test_verify_finds_vectors_that_no_longer_come_out_of_the_pictures(
    trained_workspace,
):
    table = read_embeddings(trained_workspace)
    index = open_index(trained_workspace)
    turned = np.roll(table.embeddings, 1, axis=1)
    index.update(table.cover_ids, turned)
    report = verify_index(trained_workspace, n_pictures=8, device="cpu")
    assert not report.ok
    assert "embedded again it is at cosine" in report.problems[0].what
    assert "covers index rebuild" in report.problems[0].repair
    assert (
        _run(
            "index", "verify", "-w", trained_workspace.root, "--device", "cpu"
        ).exit_code
        == 1
    )


def test_numbers_are_stored_in_fewer_bytes_by_choice_and_the_choice_is_remembered(
    trained_workspace,
):
    root = trained_workspace.root
    whole = open_index(trained_workspace)
    before = whole.search(whole.vectors[:5], k=5).similarities
    for store, n_bytes, most in (("float16", 2, 1e-3), ("int8", 1, 0.02)):
        asked = ["index", "build", "-w", root, "--store", store, "--json"]
        said = json.loads(_run(*asked).stdout)
        assert said["store"] == store
        index = VectorIndex.open(root / "index")
        (kept,) = (root / "index").glob(f"gen-*{index.generation}/*.vectors.npy")
        stored = np.load(kept)
        assert stored.nbytes == n_bytes * len(index) * index.dimension
        found = index.search(whole.vectors[:5], k=5)
        assert np.abs(found.similarities - before).max() <= most
        workspace = Workspace.open(root)
        assert workspace.settings.index.store == store
        assert _states(workspace)["index"] == State.FRESH
    built = json.loads(_run("index", "rebuild", "-w", root, "--json").stdout)
    assert built["store"] == "int8"
    assert verify_index(Workspace.open(root), device="cpu").ok


def test_an_index_stored_otherwise_than_covers_toml_says_is_built_anew(
    trained_workspace,
):
    config = trained_workspace.config_path
    config.write_text(f'{config.read_text()}\n[index]\nstore = "float16"\n')
    workspace = Workspace.open(trained_workspace.root)
    (stage,) = (s for s in inspect_workspace(workspace) if s.name == "index")
    assert (stage.state, stage.why) == (
        State.STALE,
        "stored as float32, not float16",
    )
    bring_up(workspace, device="cpu")
    assert open_index(workspace).info()["store"] == "float16"
    assert _states(workspace)["index"] == State.FRESH
    n = open_index(workspace).generation
    assert bring_up(workspace, device="cpu").generation == n  # and not once more
