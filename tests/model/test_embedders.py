import numpy as np
import open_clip
import pytest
import tiny_openclip
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import save_file

from covers.cli import main
from covers.errors import ConfigError, ModelError
from covers.model.embedders.embedder import PublishedEmbedder, TrainedEmbedder
from covers.model.embedders.protocol import Embedder, WordEmbedder
from covers.model.gradcam import grad_cam
from covers.model.network.embedder_names import (
    arch_of_embedder,
    split_embedder,
    typed_name,
)
from covers.model.network.make_backbone import make_backbone
from covers.model.network.openclip import usual_tag
from covers.model.pixels import to_pixels
from covers.model.training.recipe import Recipe
from covers.model.training.train import train_workspace
from covers.model.weights import SavedModel
from covers.workspace.paths import Workspace
from covers.workspace.settings import write_settings

ARCH = f"clip:{tiny_openclip.NAME}"


@pytest.fixture
def weights(tmp_path):
    return str(tiny_openclip.write_weights(tmp_path / "tiny.safetensors"))


def _pictures(n=3):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (n, 40, 40, 3), dtype=np.uint8)
    return [Image.fromarray(one) for one in noise]


def test_an_openclip_model_embeds_pictures_and_words_as_openclip_itself_does(weights):
    embedder = PublishedEmbedder(ARCH, weights, "cpu")
    assert isinstance(embedder, WordEmbedder)
    pictures, texts = _pictures(), ["a desert", "two faces in black and white"]
    ours, words = embedder.embed(pictures), embedder.embed_texts(texts)

    model = open_clip.create_model(tiny_openclip.NAME, pretrained=weights).eval()
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1)
        for values in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    )
    pixels = torch.from_numpy(np.stack([to_pixels(one, 32) for one in pictures]))
    with torch.no_grad():
        theirs = model.encode_image(
            (pixels.permute(0, 3, 1, 2) / 255 - mean) / std, normalize=True
        )
        tokens = open_clip.get_tokenizer(tiny_openclip.NAME)(texts)
        their_words = model.encode_text(tokens, normalize=True)
    np.testing.assert_allclose((ours * theirs.numpy()).sum(axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(words, their_words.numpy(), atol=1e-5)
    assert embedder.dim == ours.shape[1] == words.shape[1] == 16
    assert embedder.name == ARCH


def test_fingerprints_change_with_the_weights_of_each_tower(weights, tmp_path):
    first = PublishedEmbedder(ARCH, weights, "cpu")
    again = PublishedEmbedder(ARCH, weights, "cpu")
    other = PublishedEmbedder(
        ARCH,
        str(tiny_openclip.write_weights(tmp_path / "b.safetensors", seed=1)),
        "cpu",
    )
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert first.text_fingerprint == again.text_fingerprint != other.text_fingerprint


def test_an_untouched_timm_network_gives_its_own_vector(tmp_path):
    import timm

    torch.manual_seed(0)
    model = timm.create_model("test_vit", num_classes=0).eval()
    save_file(dict(model.state_dict()), tmp_path / "vit.safetensors")
    embedder = PublishedEmbedder(
        "untouched:test_vit", str(tmp_path / "vit.safetensors"), "cpu"
    )
    assert isinstance(embedder, Embedder)
    side = model.default_cfg["input_size"][-1]
    pixels = np.stack([to_pixels(one, side) for one in _pictures()])
    mean, std = (
        torch.tensor(model.default_cfg[name]).view(1, 3, 1, 1)
        for name in ("mean", "std")
    )
    images = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        theirs = torch.nn.functional.normalize(model(images), dim=1).numpy()
    cosines = (embedder.embed(_pictures()) * theirs).sum(axis=1)
    np.testing.assert_allclose(cosines, 1, atol=1e-4)
    assert embedder.name == "timm:test_vit"
    with pytest.raises(ModelError, match="knows no words"):
        embedder.embed_texts(["a desert"])


def test_the_trained_network_is_an_embedder_too(trained_workspace):
    model = SavedModel.open(trained_workspace.model_folder, "cpu")
    embedder = TrainedEmbedder(model)
    assert isinstance(embedder, Embedder)
    assert not isinstance(embedder, WordEmbedder)
    assert (embedder.name, embedder.dim) == ("cnn", 16)
    assert embedder.embed(_pictures(2)).shape == (2, 16)


@pytest.mark.parametrize("size", [24, 32, 64])
def test_an_untouched_network_takes_pictures_of_any_size(weights, size):
    backbone, _, _ = make_backbone(ARCH, weights)
    vectors = backbone(torch.rand(2, 3, size, size))
    assert vectors.shape == (2, backbone.n_features)
    np.testing.assert_allclose(vectors.norm(dim=1).detach(), 4, rtol=1e-4)


def test_where_a_network_as_published_looked_is_not_known(painted_workspace, weights):
    recipe = Recipe(
        arch=ARCH, weights=weights, image_size=32, embedding_dim=8, epochs=0
    )
    train_workspace(painted_workspace, recipe, device="cpu")
    model = SavedModel.open(painted_workspace.model_folder, "cpu")
    with pytest.raises(ModelError, match="where it looked is not known"):
        grad_cam(model, _pictures(1)[0])


def test_what_embedder_may_say():
    assert arch_of_embedder("cnn", "resnet18") == "resnet18"
    assert arch_of_embedder("timm:vit_x", "resnet18") == "untouched:vit_x"
    assert arch_of_embedder("clip:A+cnn", "resnet18") == "clip:A,resnet18"
    assert split_embedder("file:a+b.parquet") == ["file:a+b.parquet"]
    assert typed_name("file:/home/somebody/v.npy") == "file:v.npy"
    for wrong in ("", "clip", "clip:", "CNN+", "cnn+cnn", "url:x", "timm:\x1b[2J"):
        with pytest.raises(ConfigError, match="embedder"):
            arch_of_embedder(wrong, "resnet18")
    with pytest.raises(ConfigError, match="cannot be joined"):
        arch_of_embedder("cnn+file:v.npy", "resnet18")


def test_a_wrong_name_is_told_its_nearest():
    with pytest.raises(ModelError, match="ViT-B-32"):
        make_backbone("clip:ViT-B32", "none")
    with pytest.raises(ModelError, match=r"did you mean .laion2b_e16"):
        make_backbone("clip:ViT-B-32:laion2b", "none")
    assert usual_tag("ViT-B-32") == "datacomp_xl_s13b_b90k"
    assert usual_tag("ViT-B-32-quickgelu")
    assert usual_tag("MobileCLIP2-S0") == "dfndr2b"


def test_weights_that_are_not_at_hand_are_never_fetched_behind_ones_back(monkeypatch):
    def fetch(*_, **__):
        pytest.fail("the network was touched")

    monkeypatch.setattr(open_clip, "download_pretrained", fetch)
    for arch in ("clip:ViT-B-32", "untouched:vit_tiny_patch16_224"):
        with pytest.raises(ModelError, match="not on this machine"):
            PublishedEmbedder(arch, "here")


class _Shell:
    def __reduce__(self):
        import os

        return os.system, ("touch hacked",)


def test_crafted_weights_are_refused(tmp_path, monkeypatch):
    tiny_openclip.register()
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": _Shell()}, "shell.pt")
    torch.save({}, "empty.pt")
    torch.save([1, 2], "list.pt")
    (tmp_path / "text.safetensors").write_text("no")
    (tmp_path / "huge.safetensors").write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    np.save("object.npy", np.array([_Shell()], object), allow_pickle=True)
    save_file({"visual.proj": torch.zeros(3, 3)}, "other.safetensors")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ModelError, match=r"weights"):
            PublishedEmbedder(ARCH, path.name, "cpu")
    assert not (tmp_path / "hacked").exists()


def test_a_size_that_is_remembered_is_no_complaint_against_a_published_network(
    trained_workspace, tmp_path
):
    import timm

    model = timm.create_model("test_vit", num_classes=0).eval()
    weights = tmp_path / "vit.safetensors"
    save_file(dict(model.state_dict()), weights)
    write_settings(trained_workspace.root, {"train": {"image_size": 48}})
    given = ["train", "-w", str(trained_workspace.root), "--weights", str(weights)]
    given += ["--embedder", "timm:test_vit", "--device", "cpu"]
    side = model.default_cfg["input_size"][-1]
    wrong = CliRunner().invoke(main, [*given, "--image-size", "48"])
    assert wrong.exit_code == 1
    assert f"'timm:test_vit' takes pictures of {side} px only" in wrong.stderr
    assert f"give '--image-size {side}'" in wrong.stderr
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 0, done.output
    assert "untouched:" not in done.output
    assert "timm:test_vit" in done.stdout
    opened = Workspace.open(trained_workspace.root)
    assert "image_size" not in opened.settings.train
    status = CliRunner().invoke(main, ["status", "-w", str(opened.root)])
    assert "another image_size" not in status.stdout
