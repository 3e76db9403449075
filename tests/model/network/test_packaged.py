"""ImageNet weights from a package index: the right network, or none."""

import pytest
import torch
from safetensors.torch import save_file

from covers.errors import ModelError
from covers.model.network import imagenet
from covers.model.network.imagenet import announce_weights
from covers.model.network.make_backbone import make_backbone
from covers.model.network.weights import packaged
from covers.model.network.weights.packaged import (
    PACKAGED,
    packaged_for,
    rename_packaged,
)
from covers.model.network.weights.pretrained import read_state

LITE0 = packaged_for("tf_efficientnet_lite0")
NATIVE = {"tf_efficientnet_lite0": 224, "tf_efficientnet_lite2": 260}
installed = pytest.mark.skipif(
    any(known.file() is None for known in PACKAGED),
    reason="the extra 'weights' is not installed",
)


def as_packages_name(state):
    """Name an EfficientNet-Lite0 of timm as the packages do."""
    outside = {new: old for old, new in packaged._OUTSIDE_BLOCKS.items()}
    numbers, named = {}, {}
    for key in state:
        if key.startswith("blocks."):
            place = tuple(key.split(".")[1:3])
            numbers.setdefault(place, len(numbers))
    for key, value in state.items():
        first, *rest = key.split(".")
        if first != "blocks":
            named[".".join([outside[first], *rest])] = value
            continue
        place, layer, tensor = tuple(rest[:2]), rest[2], rest[3]
        expands = f"blocks.{'.'.join(place)}.conv_pwl.weight" in state
        layers = packaged._EXPANDING if expands else packaged._PLAIN
        old = next(old for old, new in layers.items() if new == layer)
        named[f"_blocks.{numbers[place]}.{old}.{tensor}"] = value
    return named


@pytest.fixture(scope="module")
def lite0():
    import timm

    torch.manual_seed(0)
    return timm.create_model("tf_efficientnet_lite0").eval()


@installed
@pytest.mark.parametrize("known", PACKAGED, ids=lambda known: known.arch)
def test_mapped_weights_answer_as_the_package_they_were_made_for(known):
    import timm

    reference = pytest.importorskip("efficientnet_lite_pytorch")
    state = read_state(known.file())
    name = known.arch.removeprefix("tf_").replace("_", "-")
    theirs = reference.EfficientNet.from_name(name)
    theirs.load_state_dict(state)
    ours = timm.create_model(known.arch)
    ours.load_state_dict(rename_packaged(state, ours, "'package'", known.arch))
    side = NATIVE[known.arch]
    pictures = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = theirs.eval()(pictures), ours.eval()(pictures)
    assert expected.abs().max() > 1
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@installed
def test_imagenet_weights_are_taken_from_the_package_and_nothing_is_fetched(
    monkeypatch,
):
    def unreachable(*_args, **_kwargs):
        pytest.fail("the network was asked")

    monkeypatch.setattr("socket.socket.connect", unreachable)
    backbone, mean, std = make_backbone("tf_efficientnet_lite0", "imagenet")
    state = read_state(LITE0.file())
    kept = {tuple(v.shape): v for v in backbone.state_dict().values() if v.ndim == 4}
    stem = state["_conv_stem.weight"]
    assert torch.equal(kept[tuple(stem.shape)], stem)
    assert mean == std == (0.5, 0.5, 0.5)
    notes = []
    announce_weights(
        "tf_efficientnet_lite0", "imagenet", offline=True, note=notes.append
    )
    assert notes == [
        f"ImageNet weights of tf_efficientnet_lite0 from {LITE0.source}",
    ]
    assert "Apache-2.0" in notes[0]


@installed
@pytest.mark.parametrize("known", PACKAGED, ids=lambda known: known.arch)
def test_packaged_weights_are_known_by_their_first_convolution(known):
    stem = read_state(known.file())["_conv_stem.weight"]
    assert packaged.stem_digest(stem) == known.stem_digest


def test_names_of_the_package_lead_to_the_same_tensors(lite0, tmp_path):
    state = lite0.state_dict()
    path = tmp_path / "lite0.pth"
    torch.save(as_packages_name(state), path)
    found = rename_packaged(
        read_state(path), lite0, "'lite0.pth'", "tf_efficientnet_lite0"
    )
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], value) for key, value in state.items())
    backbone, _, _ = make_backbone("tf_efficientnet_lite0", str(path))
    assert any(
        torch.equal(v, state["blocks.3.1.conv_dw.weight"])
        for v in backbone.state_dict().values()
    )


def test_names_of_the_package_suit_no_twin_without_tf(lite0, tmp_path):
    path = tmp_path / "lite0.pth"
    torch.save(as_packages_name(lite0.state_dict()), path)
    with pytest.raises(
        ModelError,
        match=r"were trained as 'tf_efficientnet_lite0'.*--arch tf_efficientnet_lite0",
    ):
        make_backbone("efficientnet_lite0", str(path))


@installed
def test_the_packaged_tensors_are_refused_by_the_twin_under_timms_names_too(tmp_path):
    import timm

    state = read_state(LITE0.file())
    model = timm.create_model("tf_efficientnet_lite0")
    renamed = rename_packaged(state, model, "'package'", "tf_efficientnet_lite0")
    whole = {key: value.contiguous() for key, value in renamed.items()}
    save_file(whole, tmp_path / "mine.safetensors")
    make_backbone("tf_efficientnet_lite0", str(tmp_path / "mine.safetensors"))
    with pytest.raises(ModelError, match=r"were trained as 'tf_efficientnet_lite0'"):
        make_backbone("efficientnet_lite0", str(tmp_path / "mine.safetensors"))


@pytest.mark.parametrize(
    "key", ["_blocks.0._odd.weight", "_blocks.99._bn1.bias", "other.weight"]
)
def test_a_name_that_has_no_place_is_refused(lite0, tmp_path, key):
    state = {**as_packages_name(lite0.state_dict()), key: torch.zeros(1)}
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match="has no place there"):
        make_backbone("tf_efficientnet_lite0", str(tmp_path / "odd.pth"))


def test_a_file_that_fits_two_architectures_is_named(tmp_path):
    notes = []
    for arch in ("efficientnet_lite0", "tf_efficientnet_lite0", "resnet18"):
        announce_weights(arch, "mine.pth", offline=True, note=notes.append)
    assert len(notes) == 2
    assert "would fit 'tf_efficientnet_lite0' as well" in notes[0]
    assert "would fit 'efficientnet_lite0' as well" in notes[1]


def test_without_the_package_the_message_names_the_extra(monkeypatch):
    monkeypatch.setattr(packaged, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match=r"album-covers\[weights\]"):
        announce_weights("tf_efficientnet_lite0", "imagenet", offline=True, note=print)
    assert "tf_efficientnet_lite2" in imagenet.without_download("resnet18")
