import pytest
from painted import tiny_recipe

from covers.errors import WrongValueError
from covers.model.training.prospect import (
    CURVE,
    PAYS_FROM,
    TUNED_EPOCHS,
    default_epochs,
    describe_prospect,
)
from covers.model.training.recipe import Recipe, choose_recipe, for_device
from covers.model.training.train import train_workspace
from covers.model.training.watcher import TrainingWatcher


class _Notes(TrainingWatcher):
    def __init__(self):
        self.said = []

    def note(self, text):
        self.said.append(text)


def test_the_curve_rises_with_covers_and_its_intervals_hold_its_gains():
    sizes = [point.n_covers for point in CURVE]
    assert sizes == sorted(sizes)
    assert all(point.low < point.gain < point.high for point in CURVE)
    enough = [point.gain for point in CURVE if point.n_covers >= PAYS_FROM]
    assert min(enough) > 0.02


@pytest.mark.parametrize(
    ("n", "on_gpu", "is_pretrained", "expected"),
    [
        (PAYS_FROM, True, True, TUNED_EPOCHS),
        (PAYS_FROM - 1, True, True, 0),
        (10 * PAYS_FROM, False, True, 0),
        (50, False, False, TUNED_EPOCHS),
    ],
)
def test_epochs_follow_size_device_and_start(n, on_gpu, is_pretrained, expected):
    assert default_epochs(n, on_gpu=on_gpu, is_pretrained=is_pretrained) == expected
    recipe = Recipe(weights="imagenet" if is_pretrained else "none")
    assert for_device(recipe, n, on_gpu=on_gpu).epochs == expected
    assert for_device(recipe.changed({"epochs": 3}), n, on_gpu=on_gpu).epochs == 3


def test_the_prospect_says_from_where_it_is_known():
    said = describe_prospect(2500, 8)
    assert said.startswith("fine-tuning, 8 epochs over 2,500 covers: with 2,112 covers")
    assert (
        "2.4 points of macro-F1 better (95 % interval \N{MINUS SIGN}0.4 to +5.2)"
        in said
    )
    assert "not on yours" in said
    assert "'--epochs 0' saves the time" in describe_prospect(100, 4)
    assert "with 250 covers" in describe_prospect(100, 0)
    assert "'--epochs 8' does it" in describe_prospect(5000, 0)


def test_a_training_says_its_prospect_before_it_starts(painted_workspace, tmp_path):
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    weights = tmp_path / "start.safetensors"
    save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), weights)
    notes = _Notes()
    recipe = tiny_recipe(weights=str(weights)).changed({"epochs": None})
    report = train_workspace(painted_workspace, recipe, device="cpu", watcher=notes)
    assert any(text.startswith("fine-tuning is left out") for text in notes.said)
    assert report.card.stamp.parameters["epochs"] == 0
    assert report.card.summary["best"]["phase"] == "probe"


def test_how_much_stayed_frozen_matters_only_where_something_was_tuned(
    trained_workspace,
):
    from dataclasses import replace

    from covers.catalogue.table import read_catalogue
    from covers.model.stage import judge, read
    from covers.workspace.stages import State

    catalogue, card = read_catalogue(trained_workspace), read(trained_workspace)
    other = tiny_recipe(frozen_share=0.5)
    assert judge(card, catalogue, other).state == State.FRESH
    assert judge(card, catalogue, other.changed({"epochs": None})).state == State.FRESH
    start = {**card.stamp.parameters, "weights": "start.safetensors"}
    tuned = replace(
        card,
        stamp=replace(card.stamp, parameters=start),
        summary={**card.summary, "best": {"phase": "mix", "share": 0.5}},
    )
    wanted = tiny_recipe(weights="start.safetensors")
    assert judge(tuned, catalogue, wanted).state == State.FRESH
    verdict = judge(tuned, catalogue, wanted.changed({"frozen_share": 0.5}))
    assert verdict.state == State.STALE
    assert "another frozen_share" in verdict.why


def test_parameters_of_tuning_are_said_to_do_nothing_where_nothing_is_tuned(
    painted_workspace,
):
    from covers.catalogue.table import read_catalogue
    from covers.model.stage import judge

    notes = _Notes()
    recipe = tiny_recipe(epochs=0, learning_rate=0.01, mixup=0.3)
    report = train_workspace(painted_workspace, recipe, device="cpu", watcher=notes)
    (line,) = [note for note in notes.said if "do nothing" in note]
    assert line.startswith("learning_rate, batch_size, mixup do nothing")
    catalogue = read_catalogue(painted_workspace)
    same = judge(report.card, catalogue, tiny_recipe(epochs=0, learning_rate=0.5))
    assert same.state == "fresh"  # the same network would come out
    tuned = judge(report.card, catalogue, tiny_recipe(epochs=2, learning_rate=0.5))
    assert tuned.state == "stale"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"embedder": "clip:ViT-B-32", "epochs": 5}, "epochs must be left out, got 5"),
        ({"embedder": "file:a.npy", "image_size": 96}, "image_size must be left out"),
        ({"embedder": "file:a.npy", "weights": "none"}, "weights must be left out"),
    ],
)
def test_what_does_nothing_for_a_published_embedder_is_refused(
    painted_workspace, given, message
):
    with pytest.raises(WrongValueError, match=message):
        choose_recipe(painted_workspace, given)
    recipe, _ = choose_recipe(painted_workspace, {"embedder": given["embedder"]})
    assert recipe.epochs == 0
