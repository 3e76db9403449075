import json
import warnings

import numpy as np
import pytest
import torch
import torchvision

from covers.cli import main
from covers.errors import ConfigError, MissingExtraError, ModelError
from covers.model.import_export import export_model, import_fastai, import_model
from covers.model.network.make_backbone import make_backbone
from covers.model.weights import SavedModel
from covers.workspace.paths import Workspace
from covers.workspace.settings import read_settings


def _pictures(model, n=3):
    rng = np.random.default_rng(0)
    side = model.image_size
    return rng.integers(0, 256, (n, side, side, 3), np.uint8)


def test_an_exported_model_says_the_same_elsewhere(
    trained_workspace, painted_workspace, tmp_path
):
    file = tmp_path / "genres.safetensors"
    card = export_model(trained_workspace, file)
    assert import_model(painted_workspace, file).fingerprint == card.fingerprint
    there = SavedModel.open(painted_workspace.model_folder, "cpu")
    here = SavedModel.open(trained_workspace.model_folder, "cpu")
    pixels = _pictures(here)
    assert np.array_equal(there.embed(pixels).logits, here.embed(pixels).logits)


def test_onnx_computes_what_torch_does_for_any_number_of_pictures(
    trained_workspace, tmp_path
):
    onnxruntime = pytest.importorskip("onnxruntime")
    file = tmp_path / "genres.onnx"
    export_model(trained_workspace, file)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    described = json.loads(session.get_modelmeta().custom_metadata_map["covers"])
    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    assert tuple(described["vocab"]) == model.vocab
    for n in (1, 5):
        pixels = _pictures(model, n)
        ready = (pixels / np.float32(255)).transpose(0, 3, 1, 2).astype(np.float32)
        embedding, logits = session.run(None, {"pictures": ready})
        found = model.embed(pixels)
        # torch may compute in 16 bits here, ONNX in 32
        assert (embedding * found.embeddings).sum(axis=1).min() > 0.999
        assert np.abs(logits - found.logits).max() < 0.2


def test_onnx_without_its_writer_names_the_extra(
    trained_workspace, tmp_path, monkeypatch
):
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r"album-covers\[onnx\]"):
        export_model(trained_workspace, tmp_path / "genres.onnx")


def test_nothing_is_overwritten_and_other_formats_are_refused(
    trained_workspace, tmp_path
):
    file = tmp_path / "genres.safetensors"
    file.write_bytes(b"precious")
    with pytest.raises(ConfigError, match="nothing is overwritten"):
        export_model(trained_workspace, file)
    assert file.read_bytes() == b"precious"
    with pytest.raises(ConfigError, match=r"\.safetensors or \.onnx"):
        export_model(trained_workspace, tmp_path / "genres.bin")


def test_another_model_goes_only_when_told(trained_workspace, tmp_path):
    file = tmp_path / "other.safetensors"
    export_model(trained_workspace, file)
    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    with torch.no_grad():
        model.head.classify.bias.add_(1.0)
    from covers.model.weights import make_card

    fields = {name: getattr(model.card, name) for name in model.card.__dict__}
    fields.pop("fingerprint")
    changed = SavedModel(make_card(model.network, **fields), model.network, "cpu")
    changed.save(trained_workspace.model_folder)
    with pytest.raises(ConfigError, match="--replace"):
        import_model(trained_workspace, file)
    card = import_model(trained_workspace, file, replace=True)
    assert card.fingerprint != changed.fingerprint


def test_foreign_damaged_and_absent_files_are_refused(painted_workspace, tmp_path):
    foreign = tmp_path / "foreign.safetensors"
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, foreign)
    with pytest.raises(ModelError, match="is damaged, or none that"):
        import_model(painted_workspace, foreign)
    foreign.write_bytes(b"\x00" * 40)
    with pytest.raises(ModelError, match="damaged"):
        import_model(painted_workspace, foreign)
    with pytest.raises(ModelError, match="no file"):
        import_model(painted_workspace, tmp_path / "absent.safetensors")
    assert not (painted_workspace.model_folder / "weights.safetensors").exists()


@pytest.fixture
def fastai_export(tmp_path):
    """A learner as fastai's tutorials make it, exported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fastai.vision.all import ImageDataLoaders, Resize, vision_learner
        from PIL import Image

        for genre in ("Jazz", "Metal"):
            (tmp_path / "albums" / genre).mkdir(parents=True)
            for number in range(4):
                Image.new("RGB", (32, 32), (40 * number, 90, 10)).save(
                    tmp_path / "albums" / genre / f"{number}.png"
                )
        loaders = ImageDataLoaders.from_folder(
            tmp_path / "albums",
            valid_pct=0.5,
            seed=0,
            bs=2,
            num_workers=0,
            item_tfms=Resize(32),
        )
        learner = vision_learner(
            loaders, torchvision.models.squeezenet1_1, pretrained=False, path=tmp_path
        )
        learner.export("export.pkl")
    return tmp_path / "export.pkl", learner


def test_a_fastai_body_becomes_the_backbone(painted_workspace, fastai_export):
    file, learner = fastai_export
    assert import_fastai(painted_workspace, file, trust_pickle=True) == "squeezenet1_1"
    train = read_settings(painted_workspace.root).train
    assert train["arch"] == "squeezenet1_1"
    weights = painted_workspace.root / train["weights"]
    backbone, _, _ = make_backbone("squeezenet1_1", str(weights))
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = learner.model[0].eval().cpu()(image)
        found = backbone.eval().body(image)
    assert torch.allclose(found, expected, atol=1e-5)
    with pytest.raises(ConfigError, match="nothing is overwritten"):
        import_fastai(painted_workspace, file, trust_pickle=True)


def test_a_pickle_is_not_even_opened_without_trust(painted_workspace, tmp_path, capsys):
    trap = tmp_path / "export.pkl"
    marker = tmp_path / "ran"
    trap.write_bytes(
        b"cos\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR."
    )  # would run on reading
    root = str(painted_workspace.root)
    with pytest.raises(SystemExit) as stopped:
        main(["model", "import", str(trap), "-w", root])
    assert stopped.value.code == 1
    assert "--trust-pickle" in capsys.readouterr().err
    assert not marker.exists()


def test_what_is_no_learner_is_refused(painted_workspace, tmp_path):
    file = tmp_path / "export.pkl"
    torch.save({"a": 1}, file)
    with pytest.raises(ModelError, match=r"fastai learner|vision_learner"):
        import_fastai(painted_workspace, file, trust_pickle=True)


def test_the_commands_export_and_import(
    trained_workspace, painted_workspace, tmp_path, capsys
):
    file = str(tmp_path / "m.safetensors")
    for arguments in (
        ["model", "export", file, "-w", str(trained_workspace.root)],
        ["model", "import", file, "-w", str(painted_workspace.root)],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 0
    assert "index build" in capsys.readouterr().out
    assert Workspace.open(painted_workspace.root).model_folder.exists()
