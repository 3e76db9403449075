import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from painted import TINY_ARCH, paint_genres

from covers.catalogue.table import read_catalogue
from covers.cli import COMMANDS, main
from covers.errors import DataError
from covers.index.verify import verify_index
from covers.model.card import WEIGHTS_NAME, read_card
from covers.model.embed import embed_frozen_workspace, embed_workspace
from covers.model.embedding_table import (
    embeddings_parts,
    frozen_weights_path,
    read_embeddings,
    read_frozen,
)
from covers.model.training.recipe import choose_recipe
from covers.model.weights import SavedModel
from covers.pipeline.status import State, inspect_workspace
from covers.workspace.artefacts import Stamp
from covers.workspace.paths import Workspace


def _run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _states(workspace):
    return {stage.name: stage.state for stage in inspect_workspace(workspace)}


TINY = [
    "--arch", TINY_ARCH, "--weights", "none", "--image-size", "48", "--epochs", "1", "--no-analysis", "--device", "cpu",
]  # fmt: skip


@pytest.fixture
def ran(tmp_path):
    paint_genres(tmp_path / "covers")
    root = tmp_path / "workspace"
    done = _run("run", tmp_path / "covers", "-w", root, *TINY)
    assert done.exit_code == 0, done.output
    return root, done


def test_one_command_gives_model_index_and_evaluation_and_a_second_does_nothing(ran):
    root, first = ran
    workspace = Workspace.open(root)
    states = _states(workspace)
    assert {
        states[name]
        for name in ("catalogue", "model", "embeddings", "index", "evaluation")
    } == {State.FRESH}
    assert "macro-F1" in first.output
    table = [
        line
        for line in first.stdout.splitlines()
        if line.startswith(("method", "chance", "vote"))
    ]
    assert len(table) == 6  # of every labelled cover, and of the held-out ones
    assert max(len(line.rstrip()) for line in table) <= 80
    before = {
        path: path.stat().st_mtime_ns
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }
    second = _run("run", "-w", root, "--no-analysis", "--device", "cpu")
    assert second.exit_code == 0, second.output
    assert "train:" not in second.output
    assert "index:" not in second.output
    for name in (
        "model/weights.safetensors",
        "analysis/evaluation.json",
        "index/CURRENT",
    ):
        path = root / name
        assert path.stat().st_mtime_ns == before[path], name


def test_a_run_with_nothing_to_do_looks_once_and_imports_little(ran, monkeypatch):
    import subprocess
    import sys

    from covers.catalogue.table import Catalogue
    from covers.pipeline import run as pipeline

    inspect, hash_rows, looked = pipeline.inspect_workspace, Catalogue._blocks, []
    monkeypatch.setattr(
        pipeline,
        "inspect_workspace",
        lambda *given: looked.append("workspace") or inspect(*given),
    )
    monkeypatch.setattr(
        Catalogue,
        "_blocks",
        lambda *given: looked.append("rows") or hash_rows(*given),
    )
    root, _ = ran
    place = Workspace(root)
    recipe, _ = choose_recipe(place, {})
    said = []
    pipeline.Pipeline(place, recipe, device="cpu").run(
        say=said.append, stage=lambda *_: None, analysis=False
    )
    assert (said, looked) == ([], ["workspace"])
    code = (
        "import sys\nfrom covers.cli import main\n"
        f"main(['run', '-w', {str(root)!r}, '--no-analysis'], standalone_mode=False)\n"
        "heavy = 'torch fastai pandas sklearn scipy faiss hdbscan umap'\n"
        "print([m for m in heavy.split() if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_evaluation_json_has_the_shape_others_rely_on(ran):
    root, _ = ran
    done = _run("evaluate", "-w", root, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert set(said["split"]) >= {"n_train", "n_valid", "grouped_by"}
    for name in (
        "chance",
        "frequency",
        "colours",
        "frozen neighbours",
        "linear probe",
        "network",
        "vote",
        "network + vote",
    ):
        method = said["methods"][name]
        confusion = np.array(method["confusion"])
        assert method["accuracy"] == pytest.approx(
            np.trace(confusion) / confusion.sum()
        )
        low, high = method["ci95"]["accuracy"]
        # A sum and a resampled sum round apart in the last digit.
        assert low - 1e-9 <= method["accuracy"] <= high + 1e-9
        assert set(method) >= {
            "macro_f1",
            "top3",
            "per_genre",
            "ece",
            "brier",
            "log_loss",
        }
    assert said["genres"] == ["Jazz", "Metal", "Pop"]
    assert said["methods"]["network"]["accuracy"] > 0.6


def test_search_and_classify_json_have_the_shape_others_rely_on(ran, tmp_path):
    root, _ = ran
    picture = next((tmp_path / "covers" / "Pop").glob("*.png"))
    found = json.loads(_run("search", picture, "-w", root, "-k", 5, "--json").stdout)
    assert set(found["index"]) >= {"generation", "model"}
    assert len(found["neighbours"]) == 5
    assert set(found["neighbours"][0]) >= {
        "cover_id",
        "similarity",
        "path",
        "genres",
        "artist",
        "album",
        "year",
    }
    (said,) = json.loads(_run("classify", picture, "-w", root, "--json").stdout)
    for name in ("network", "vote", "network + vote"):
        distribution = said["probabilities"][name]
        assert sum(distribution.values()) == pytest.approx(1, abs=1e-3)
    assert said["verdict"] in {"sure", "unsure", "unfamiliar"}
    assert said["voters"]


def test_embedding_goes_on_where_it_stopped_and_repairs_a_damaged_part(
    trained_workspace, monkeypatch
):
    from covers.model import embed

    card = SavedModel.open(trained_workspace.model_folder, "cpu").card
    whole = read_embeddings(trained_workspace)
    parts = embeddings_parts(trained_workspace, card.fingerprint)
    parts.delete()
    monkeypatch.setattr(embed, "COVERS_PER_PART", 16)
    monkeypatch.setattr(embed, "BATCH_SIZE", 8)

    def stop_half_way(done, total):
        if done >= total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed.embed_workspace(trained_workspace, device="cpu", progress=stop_half_way)
    n_kept = len(parts.ids())
    assert n_kept >= len(whole.cover_ids) // 2 - 16
    parts.paths()[0].write_bytes(b"damaged")
    report = embed.embed_workspace(trained_workspace, device="cpu")
    assert report.n_known == n_kept - 16
    again = read_embeddings(trained_workspace)
    assert again.cover_ids == whole.cover_ids
    np.testing.assert_allclose(again.embeddings, whole.embeddings, atol=2e-2)


def test_embeddings_of_some_covers_are_those_among_all(trained_workspace):
    from covers.model.embedding_table import EMBEDDINGS_KIND

    card = SavedModel.open(trained_workspace.model_folder, "cpu").card
    whole = read_embeddings(trained_workspace)
    parts = embeddings_parts(trained_workspace, card.fingerprint)
    parts.delete()
    stamp = Stamp(kind=EMBEDDINGS_KIND)
    for start in range(0, len(whole.cover_ids), 10):
        rows = slice(start, start + 10)
        arrays = {"embedding": whole.embeddings[rows], "logits": whole.logits[rows]}
        parts.append(whole.cover_ids[rows], arrays, stamp)
    asked = [whole.cover_ids[row] for row in (25, 3, 24)]
    some = read_embeddings(trained_workspace, [*asked, "no such cover"])
    assert some.cover_ids == asked
    np.testing.assert_array_equal(some.embeddings, whole.embeddings[[25, 3, 24]])
    np.testing.assert_array_equal(some.logits, whole.logits[[25, 3, 24]])
    nothing = read_embeddings(trained_workspace, ["no such cover"])
    assert nothing.embeddings.shape == (0, card.embedding_dim)
    parts.paths()[1].write_bytes(b"it may have held what is asked for")
    with pytest.raises(DataError, match="cannot read"):
        read_embeddings(trained_workspace, asked)


KILLED = """
import os, signal, sys
from pathlib import Path
from covers.model import embed
from covers.workspace.paths import Workspace
embed.COVERS_PER_PART, embed.BATCH_SIZE = 16, 4
def kill_later(done, total):
    if done >= total // 2:
        print(done, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
embed.embed_workspace(Workspace.open(Path(sys.argv[1])), device="cpu", progress=kill_later)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_loses_at_most_one_batch_file(trained_workspace):
    card = read_card(trained_workspace.model_folder)
    whole = read_embeddings(trained_workspace)
    parts = embeddings_parts(trained_workspace, card.fingerprint)
    parts.delete()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(trained_workspace.root)],
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL
    n_done, n_kept = int(killed.stdout), len(parts.ids())
    assert n_done - 16 < n_kept <= n_done
    report = embed_workspace(trained_workspace, device="cpu")
    assert (report.n_known, report.n_new) == (n_kept, len(whole.cover_ids) - n_kept)
    again = read_embeddings(trained_workspace)
    assert again.cover_ids == whole.cover_ids
    np.testing.assert_allclose(again.embeddings, whole.embeddings, atol=2e-2)


def test_frozen_features_are_unit_vectors_of_the_untouched_backbone(trained_workspace):
    frozen = read_frozen(trained_workspace)
    assert frozen.cover_ids == read_catalogue(trained_workspace).cover_ids
    np.testing.assert_allclose(np.linalg.norm(frozen.embeddings, axis=1), 1, rtol=1e-4)


def test_a_model_without_its_untouched_backbone_is_evaluated_without_that_baseline(
    trained_workspace, caplog
):
    from covers.evaluate.stage import read_inputs

    frozen_weights_path(trained_workspace).unlink()
    shutil.rmtree(next(trained_workspace.embeddings_folder.glob("frozen-*")))
    assert embed_frozen_workspace(trained_workspace, device="cpu") == {}
    assert f"'covers train -w {trained_workspace.root}' trains a new" in caplog.text
    assert read_inputs(trained_workspace)[0].frozen is None


def test_a_workspace_moved_with_its_sources_still_works(trained_workspace, tmp_path):
    shutil.move(trained_workspace.root.parent, tmp_path / "elsewhere")
    workspace = Workspace.open(tmp_path / "elsewhere" / "workspace")
    assert verify_index(workspace, device="cpu").ok


def test_status_names_what_is_missing_and_the_command(tmp_path):
    done = _run("status", "-w", tmp_path / "nothing")
    assert done.exit_code == 1
    assert "make one with 'covers scan SOURCE" in done.output
    paint_genres(tmp_path / "covers", n_each=12)
    _run("scan", tmp_path / "covers", "-w", tmp_path / "w")
    done = _run("status", "-w", tmp_path / "w")
    assert done.exit_code == 0
    assert "covers train -w" in done.output
    (tmp_path / "w" / "model").mkdir()
    (tmp_path / "w" / "model" / WEIGHTS_NAME).write_bytes(b"x")
    assert "covers train" in _run("status", "-w", tmp_path / "w").output


def test_every_command_has_help_without_importing_anything_heavy():
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom covers.cli import main\n"
        f"for name in {list(COMMANDS)!r}:\n"
        "    done = CliRunner().invoke(main, [name, '--help'])\n"
        "    assert done.exit_code == 0 and len(done.output) > 80, (name, done.output, done.exception)\n"
        "heavy = 'torch fastai pandas sklearn scipy faiss streamlit numpy pyarrow pydantic rich PIL'\n"
        "print([m for m in heavy.split() if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "absent-folder"], "absent-folder"),
        (["search", "absent.jpg"], "covers scan SOURCE -w covers-workspace"),
        (["train"], "no workspace in"),
        (["index", "info"], "no workspace in"),
    ],
)
def test_a_wrong_place_is_answered_in_one_line(
    arguments, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = _run(*arguments)
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output
