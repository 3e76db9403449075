import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from covers.errors import ConfigError, ModelError
from covers.model.network.backbone import Backbone, normalise
from covers.model.network.head import Head
from covers.model.network.make_backbone import make_backbone
from covers.model.training.recipe import Recipe


@pytest.mark.parametrize(
    ("arch", "channels"),
    [
        ("resnet18", (128, 256, 512)),
        ("squeezenet1_0", (256, 512, 512)),
        ("mobilenet_v3_small", (24, 48, 576)),
        ("timm:test_resnet", None),
    ],
)
def test_statistics_are_texture_maximum_mean_and_deviation_of_each_level(
    arch, channels
):
    torch.manual_seed(0)
    backbone, _, _ = make_backbone(arch)
    backbone.eval()
    images = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        statistics = backbone(images)
        levels = backbone.levels(images)
    if channels:
        assert backbone.channels == channels
    expected = []
    for position, level in enumerate(levels):
        mixtures = backbone.get_buffer(f"mixtures_{position}")
        mixed = torch.einsum("bchw,ck->bkhw", level, mixtures).flatten(2)  # (B, K, n)
        covariances = torch.stack([torch.cov(one, correction=0) for one in mixed])
        roots = (
            covariances.sign() * covariances.abs() / (covariances.abs() + 1e-3).sqrt()
        )
        rows, columns = torch.triu_indices(*roots.shape[1:])
        expected += [
            roots[:, rows, columns],
            level.amax(dim=(2, 3)),
            level.mean(dim=(2, 3)),
            level.var(dim=(2, 3), correction=0).clamp_min(1e-6).sqrt(),
        ]
    torch.testing.assert_close(
        statistics, torch.cat(expected, dim=1), rtol=1e-3, atol=2e-3
    )
    assert statistics.shape == (2, backbone.n_features)
    torch.testing.assert_close(
        backbone.deepest_mean(statistics),
        levels[-1].mean(dim=(2, 3)),
        rtol=1e-4,
        atol=1e-5,
    )


def test_mixtures_are_the_same_everywhere_and_not_part_of_the_weights():
    backbone, _, _ = make_backbone("squeezenet1_1")
    first = backbone.get_buffer("mixtures_0")
    assert first.shape == (128, 24)
    torch.testing.assert_close(first.norm(dim=0), torch.ones(24))
    torch.testing.assert_close(
        first[0, :3], torch.tensor([0.1544, 0.0349, 0.0898]), rtol=0, atol=1e-3
    )
    assert not any("mixtures" in key for key in backbone.state_dict())


def test_the_cut_network_computes_what_torchvision_computes():
    import torchvision

    torch.manual_seed(0)
    whole = torchvision.models.resnet18(weights=None).eval()
    backbone, _, _ = make_backbone("resnet18")
    backbone.eval()
    names = [name for name, _ in whole.named_children()][:-2]
    state = {}
    for position, name in enumerate(names):
        for key, value in getattr(whole, name).state_dict().items():
            state[f"body.{position}.{key}"] = value
    backbone.load_state_dict(state)
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        features = backbone.deepest_mean(backbone(images))
        torch.testing.assert_close(
            whole.fc(features), whole(images), rtol=1e-4, atol=1e-4
        )


def test_an_unknown_architecture_is_answered_with_near_names():
    with pytest.raises(
        ModelError, match=r"no architecture 'resnet81': did you mean 'resnet"
    ):
        make_backbone("resnet81")


def test_a_transformer_of_torchvision_is_refused_with_the_way_out():
    with pytest.raises(ModelError, match="timm:NAME"):
        make_backbone("swin_t")


def test_weights_from_a_file_are_loaded_with_or_without_classifier(tmp_path):
    import torchvision

    whole = torchvision.models.squeezenet1_0(weights=None)
    save_file(dict(whole.state_dict()), tmp_path / "whole.safetensors")
    torch.save(
        {k: v for k, v in whole.state_dict().items() if "classifier" not in k},
        tmp_path / "body.pth",
    )
    first, _, _ = make_backbone("squeezenet1_0", str(tmp_path / "whole.safetensors"))
    second, _, _ = make_backbone("squeezenet1_0", str(tmp_path / "body.pth"))
    for a, b in zip(
        first.state_dict().values(), second.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
    assert torch.equal(first.state_dict()["body.0.weight"], whole.features[0].weight)


def test_weights_of_another_architecture_are_explained_by_keys_and_shapes(tmp_path):
    import torchvision

    save_file(
        dict(torchvision.models.squeezenet1_0(weights=None).state_dict()),
        tmp_path / "w.safetensors",
    )
    with pytest.raises(
        ModelError,
        match=r"do not fit 'resnet18': \d+ keys missing .*bn1.*keys unknown.*--arch",
    ):
        make_backbone("resnet18", str(tmp_path / "w.safetensors"))
    state = torchvision.models.squeezenet1_0(weights=None).state_dict()
    state["features.0.weight"] = torch.zeros(96, 3, 3, 3)
    save_file(dict(state), tmp_path / "s.safetensors")
    with pytest.raises(
        ModelError, match=r"features.0.weight is \(96, 3, 3, 3\), not \(96, 3, 7, 7\)"
    ):
        make_backbone("squeezenet1_0", str(tmp_path / "s.safetensors"))


def test_files_that_hold_no_weights_are_refused(tmp_path):
    (tmp_path / "text.safetensors").write_text("no")
    (tmp_path / "text.pth").write_text("no")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("text.safetensors", "text.pth", "absent.pth", "list.pth"):
        with pytest.raises(ModelError, match="state dict"):
            make_backbone("squeezenet1_0", str(tmp_path / name))


class _Shell:
    def __reduce__(self):
        import os

        return os.system, ("touch hacked",)


def test_a_pickle_that_would_run_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": _Shell()}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match="cannot read weights"):
        make_backbone("squeezenet1_0", str(tmp_path / "evil.pth"))
    assert not (tmp_path / "hacked").exists()


def test_the_classifier_reads_the_unit_embedding_only():
    torch.manual_seed(0)
    head = Head(10, 4, 3).eval()
    embeddings = head.embed(torch.randn(5, 10))
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(5))
    statistics = torch.randn(5, 10)
    torch.testing.assert_close(head(statistics), head.genres(head.embed(statistics)))


def test_normalising_matches_the_textbook():
    pixels = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    expected = (
        pixels.float() / 255 - torch.tensor(mean).view(1, 3, 1, 1)
    ) / torch.tensor(std).view(1, 3, 1, 1)
    torch.testing.assert_close(normalise(pixels, mean, std), expected)


@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v3_small"])
def test_the_first_layer_of_a_mixed_network_is_rounded_only_when_it_is_done(arch):
    torch.manual_seed(0)
    layer = make_backbone(arch)[0].eval().body[0]
    alone = Backbone(nn.Sequential(layer), "first layer").eval()
    images = torch.randn(19, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        exact = layer(images).bfloat16()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            kept = alone.levels(images)[-1]
            rounded = layer(images).bfloat16()
    assert kept.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(kept, exact, rtol=2**-7, atol=1e-5)
    assert not torch.allclose(rounded, exact, rtol=2**-7, atol=1e-5)


@pytest.mark.parametrize(
    ("arch", "size_px", "n"),
    [
        ("resnet18", 160, 20),
        ("resnet18", 512, 8),
        ("mobilenet_v3_small", 160, 32),
        ("timm:test_resnet", 160, 32),
    ],
)
def test_the_larger_a_first_feature_map_the_fewer_pictures_at_once(arch, size_px, n):
    assert make_backbone(arch)[0].cpu_batch(size_px) == n


def test_vision_learner_trains_this_very_backbone_and_head():
    from covers.model.training.fastai_adapter import make_network_learner
    from covers.model.training.loss import GenreLoss
    from covers.model.training.picture_loaders import PictureSide, make_picture_loaders

    torch.manual_seed(0)
    import numpy as np

    backbone, mean, std = make_backbone("timm:test_resnet")
    head = Head(backbone.n_features, 8, 2, dropout=0.0)
    pixels = np.random.default_rng(0).integers(0, 255, (12, 32, 32, 3), dtype=np.uint8)
    targets = torch.eye(2).repeat(6, 1)

    def work(batch):
        return normalise(batch[0], mean, std), batch[1]

    loaders = make_picture_loaders(
        lambda rows: pixels[rows],
        targets,
        (PictureSide(np.arange(8), work), PictureSide(np.arange(8, 12), work)),
        batch_size=4,
        device=torch.device("cpu"),
    )
    loss = GenreLoss(torch.ones(2), label_smoothing=0.0, multi_label=False)
    learner = make_network_learner(
        nn.Sequential(backbone, head), loaders, loss, weight_decay=0.0, frozen_share=0.0
    )
    assert isinstance(learner.model, nn.Sequential)
    assert isinstance(learner.model[0], Backbone)
    assert learner.model[0] is backbone
    assert learner.model[1] is head
    before = backbone.state_dict()[next(iter(backbone.state_dict()))].clone()
    learner.fit(1, 1e-2)
    assert not torch.equal(
        before, backbone.state_dict()[next(iter(backbone.state_dict()))]
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 8}, "image_size must be a whole number from 32 to 1024, got 8"),
        ({"dropout": 2}, "dropout must be a number from 0 to 0.95, got 2"),
        ({"epochs": "ten"}, "epochs must be a whole number from 0 to 1000, got 'ten'"),
        ({"layers": 3}, "unknown training parameter 'layers': there are arch"),
    ],
)
def test_a_wrong_training_parameter_is_named_with_its_range(changes, message):
    with pytest.raises(ConfigError, match=message):
        Recipe().changed(changes)


@pytest.mark.parametrize(
    ("arch", "is_list"),
    [
        ("tf_efficientnet_lite0", True),
        ("timm:resnet10t", True),
        ("convnext_atto", True),
        ("timm:test_vit", False),
    ],
)
def test_timms_networks_are_read_layer_by_layer_where_they_are_a_list(arch, is_list):
    import timm

    from covers.model.network.layers import timm_layers

    model = timm.create_model(arch.removeprefix("timm:"), num_classes=0).eval()
    body = timm_layers(model)
    assert (body is not None) == is_list
    if body is None:
        return
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(body(images), model.forward_features(images))
        backbone = Backbone(body, arch)
        assert torch.equal(backbone.levels(images)[-1], body(images))


def test_models_of_before_read_timms_networks_as_they_were_trained():
    from covers.model.network.make_backbone import is_layered

    now, _, _ = make_backbone("tf_efficientnet_lite0")
    before, _, _ = make_backbone("tf_efficientnet_lite0", layered=False)
    assert now.channels[-1] == 1280
    assert before.channels[-1] == 320
    assert is_layered(now.state_dict())
    assert not is_layered(before.state_dict())
    state = {f"0.{key}": value for key, value in before.state_dict().items()}
    assert not is_layered(state, "0.")
