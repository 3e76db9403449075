import csv
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch
from painted import GENRES, tiny_recipe

from covers.catalogue.table import read_catalogue
from covers.errors import DataError, ModelError
from covers.intake.scan import scan_workspace
from covers.model.card import describe_best
from covers.model.embedding_table import read_embeddings
from covers.model.training.checkpoint import checkpoint_path
from covers.model.training.fastai_adapter import mix_states
from covers.model.training.finetune import MIXES
from covers.model.training.loss import balance_genres
from covers.model.training.recipe import Recipe
from covers.model.training.train import (
    choose_training_set,
    train_workspace,
)
from covers.model.training.watcher import TrainingWatcher
from covers.model.weights import SavedModel
from covers.workspace.paths import Workspace


def _weights(workspace):
    return SavedModel.open(workspace.model_folder, "cpu").network.state_dict()


class _Interrupt(TrainingWatcher):
    """Presses Ctrl-C in the middle of an epoch."""

    def __init__(self, at):
        self.at = at

    def stage(self, name, done, total):
        if name == "network" and done >= self.at:
            raise KeyboardInterrupt


def test_the_network_learns_what_the_pictures_show(trained_workspace):
    table = read_embeddings(trained_workspace)
    catalogue = read_catalogue(trained_workspace)
    held_out = catalogue.splits == "valid"
    truth = catalogue.membership().argmax(axis=1)
    assert table.cover_ids == catalogue.cover_ids
    accuracy = (table.logits.argmax(axis=1) == truth)[held_out].mean()
    assert held_out.sum() >= 12
    assert accuracy >= 0.7  # chance is 1/3


def test_the_same_seed_gives_the_same_weights_bit_for_bit(painted_workspace):
    train_workspace(painted_workspace, tiny_recipe(epochs=1), device="cpu", seed=3)
    first = _weights(painted_workspace)
    train_workspace(painted_workspace, tiny_recipe(epochs=1), device="cpu", seed=3)
    second = _weights(painted_workspace)
    assert all(torch.equal(first[key], second[key]) for key in first)
    train_workspace(painted_workspace, tiny_recipe(epochs=1), device="cpu", seed=4)
    third = _weights(painted_workspace)
    assert any(not torch.equal(first[key], third[key]) for key in first)


@pytest.mark.parametrize("pretrained", [False, True])
def test_an_interrupted_training_keeps_the_best_and_resumes_to_the_same_end(
    painted_workspace, tmp_path, pretrained
):
    weights = _pretrained(tmp_path) if pretrained else "none"
    recipe = tiny_recipe(epochs=3, patience=9, weights=weights)
    train_workspace(painted_workspace, recipe, device="cpu")
    whole = _weights(painted_workspace)
    report = train_workspace(
        painted_workspace, recipe, device="cpu", watcher=_Interrupt(0.5)
    )
    assert report.is_interrupted
    assert report.card.summary["is_interrupted"]
    assert checkpoint_path(painted_workspace).exists()
    assert SavedModel.open(painted_workspace.model_folder, "cpu").vocab == tuple(
        sorted(GENRES)
    )
    resumed = train_workspace(painted_workspace, recipe, device="cpu", resume=True)
    assert not resumed.is_interrupted
    assert not checkpoint_path(painted_workspace).exists()
    ended = _weights(painted_workspace)
    assert all(torch.equal(whole[key], ended[key]) for key in whole)


def test_resuming_needs_an_interrupted_run_of_the_same_recipe(painted_workspace):
    with pytest.raises(
        ModelError, match="no interrupted training to resume: run 'covers train -w"
    ):
        train_workspace(painted_workspace, tiny_recipe(), device="cpu", resume=True)
    train_workspace(
        painted_workspace, tiny_recipe(epochs=3), device="cpu", watcher=_Interrupt(0.5)
    )
    with pytest.raises(ModelError, match="another catalogue, recipe or seed"):
        train_workspace(
            painted_workspace, tiny_recipe(epochs=4), device="cpu", resume=True
        )


def test_the_held_out_side_is_never_looked_at(painted_workspace):
    catalogue = read_catalogue(painted_workspace)
    data = choose_training_set(catalogue, lambda _: True, tuning_share=0.2, seed=0)
    sides = dict(zip(catalogue.cover_ids, catalogue.splits, strict=True))
    assert {sides[cover_id] for cover_id in data.cover_ids} == {"train"}
    assert set(data.train.tolist()).isdisjoint(data.tuning.tolist())
    assert len(data.train) + len(data.tuning) == len(data.cover_ids)
    groups = dict(zip(catalogue.cover_ids, catalogue.groups, strict=True))
    train = {groups[data.cover_ids[i]] for i in data.train}
    assert train.isdisjoint({groups[data.cover_ids[i]] for i in data.tuning})


def test_history_and_learning_curve_lie_beside_the_model(trained_workspace):
    with (trained_workspace.model_folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["phase"] for row in rows] == ["probe"] + ["network"] * 2
    assert all(np.isfinite(float(row["tuning_loss"])) for row in rows)
    drawn = ET.parse(trained_workspace.model_folder / "learning_curve.svg")
    dots = [element for element in drawn.iter() if element.tag.endswith("circle")]
    columns = ("train_loss", "tuning_loss", "accuracy", "macro_f1")
    known = [row[name] for row in rows for name in columns if row[name] != "nan"]
    assert len(dots) == len(known) >= 3 * len(rows)


def test_rare_genres_weigh_more():
    shares = torch.tensor([[1.0, 0.0]] * 9 + [[0.0, 1.0]])
    balanced = balance_genres(shares, 1.0, multi_label=False)
    assert balanced[1] / balanced[0] == pytest.approx(9.0)
    assert torch.equal(balance_genres(shares, 0.0, multi_label=False), torch.ones(2))


def test_covers_of_several_genres_can_be_trained_as_independent_labels(
    painted_workspace,
):
    report = train_workspace(
        painted_workspace, tiny_recipe(epochs=0, multi_label=True), device="cpu"
    )
    assert report.card.multi_label
    assert SavedModel.open(painted_workspace.model_folder, "cpu").card.multi_label


def test_one_genre_is_not_enough(tmp_path):
    from painted import paint_genres

    paint_genres(tmp_path / "covers")
    scan_workspace(tmp_path / "w", [tmp_path / "covers" / "Metal"])
    with pytest.raises(DataError, match="at least 2 genres of 10 covers or more"):
        train_workspace(Workspace.open(tmp_path / "w"), tiny_recipe(), device="cpu")


def test_genres_of_few_covers_are_refused_with_the_option_that_lets_them_in():
    def refused(genres):
        few = SimpleNamespace(vocab=(), genre_minimum=10, genre_counts=genres)
        with pytest.raises(DataError, match="at least 2 genres of 10") as caught:
            choose_training_set(few, bool, tuning_share=0.2, seed=0)
        return str(caught.value)

    option = (
        "or lower the limit with '--genre-minimum N' of 'covers scan' or 'covers run'"
    )
    assert refused({"Jazz": 9, "Pop": 3}).endswith(option)
    assert refused({"Jazz": 9}).endswith("a manifest with genres")


def test_offline_without_weights_names_the_alternatives(
    painted_workspace, monkeypatch, tmp_path
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        ModelError,
        match=r"'--offline' forbids fetching.*'--weights FILE'.*'--weights none'",
    ):
        train_workspace(
            painted_workspace, Recipe(arch="resnet18"), device="cpu", offline=True
        )


def test_no_network_names_the_alternatives(monkeypatch, tmp_path):
    from urllib.error import URLError

    from covers.model.network.make_backbone import make_backbone

    def unreachable(*_args, **_kwargs):
        raise URLError("unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    with pytest.raises(
        ModelError,
        match=r"cannot download ImageNet weights of 'resnet18'.*'--weights FILE'",
    ):
        make_backbone("resnet18", "imagenet")


def test_a_full_disk_is_noticed_before_decoding(painted_workspace, monkeypatch):
    monkeypatch.setattr(
        "shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})()
    )
    with pytest.raises(
        DataError, match=r"are free: make room, or train with a smaller '--image-size'"
    ):
        train_workspace(painted_workspace, tiny_recipe(), device="cpu")


def _pretrained(folder):
    """Write weights as if they had been pretrained; returns their place."""
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = timm.create_model("test_resnet", num_classes=0).state_dict()
    save_file(state, folder / "start.safetensors")
    return str(folder / "start.safetensors")


def test_the_shallow_part_of_a_pretrained_backbone_stays_as_it_is(
    painted_workspace, tmp_path
):
    import timm

    from covers.model.network.make_backbone import make_backbone
    from covers.model.network.weights.pretrained import read_state

    recipe = tiny_recipe(weights=_pretrained(tmp_path), epochs=2, frozen_share=0.5)
    report = train_workspace(painted_workspace, recipe, device="cpu")
    ended = _weights(painted_workspace)
    start = read_state(tmp_path / "start.safetensors")
    names = [
        name
        for name, _ in timm.create_model(
            "test_resnet", num_classes=0
        ).named_parameters()
    ]
    backbone, _, _ = make_backbone("timm:test_resnet")
    now = [name for name, _ in backbone.named_parameters()]  # in the same order
    same = [
        torch.equal(ended[f"0.{place}"], start[name])
        for place, name in zip(now, names, strict=True)
    ]
    cut = round(len(names) / 2)
    assert all(same[:cut])
    # The head's start may have been the best; then nothing was changed at all.
    if report.card.summary["best"]["phase"] != "probe":
        assert not any(same[cut:])
    rows = [row for row in report.history if row["phase"] == "network"]
    assert rows[0]["train_loss"] != rows[-1]["train_loss"]


def test_mixed_weights_lie_between_and_counters_are_the_second_s():
    first = {"w": torch.tensor([0.0, 4.0]), "n": torch.tensor(1)}
    second = {"w": torch.tensor([2.0, 0.0]), "n": torch.tensor(7)}
    mixed = mix_states(first, second, 0.25)
    assert mixed["w"].tolist() == [0.5, 3.0]
    assert mixed["n"] == 7
    assert torch.equal(mix_states(first, second, 0.0)["w"], first["w"])
    assert torch.equal(mix_states(first, second, 1.0)["w"], second["w"])


@pytest.mark.parametrize("is_worse", [True, False])
@pytest.mark.parametrize("share", MIXES)
def test_half_or_all_of_the_fine_tuning_is_kept_unless_it_certainly_reads_worse(
    painted_workspace, tmp_path, monkeypatch, share, is_worse
):
    from covers.model.training import finetune as fitting

    tried = []

    def score(_run, _head, statistics):
        tried.append(statistics)
        loss = 0.0 if len(tried) == 2 + MIXES.index(share) else 9.0
        scores = {"train_loss": 0.0, "tuning_loss": loss}
        scores |= {"accuracy": 1.0, "macro_f1": 1.0}
        return scores, np.zeros(len(_run.data.tuning))

    monkeypatch.setattr(fitting.TrainingRun, "_score", score)
    monkeypatch.setattr(fitting, "is_certainly_lower", lambda *_, **__: is_worse)
    weights = _pretrained(tmp_path)
    recipe = tiny_recipe(weights=weights, epochs=2, learning_rate=1e-2)
    report = train_workspace(painted_workspace, recipe, device="cpu")
    assert len(tried) == 1 + len(MIXES)
    assert not torch.equal(tried[1], tried[2])
    said, best = describe_best(report.card), report.card.summary["best"]
    model = SavedModel.open(painted_workspace.model_folder, "cpu")
    if is_worse:
        assert said == "the start: fine-tuning was not better"
        assert best["phase"] == "probe"
        kept = tried[0]
    else:
        assert (best["phase"], best["share"]) == ("mix", share)
        assert said == (
            "the last epoch, its head fitted anew"
            if share == 1
            else "weights 50 % of the way from the start to the last epoch"
        )
        assert best in report.history
        kept = tried[1 + MIXES.index(share)]
    # The head stands on the covers set aside for tuning too.
    mean = model.held_out_head.standardise.running_mean
    torch.testing.assert_close(mean, kept.mean(dim=0), rtol=1e-3, atol=1e-3)


def test_batch_statistics_of_a_pretrained_backbone_stay_as_they_came(
    painted_workspace, tmp_path, monkeypatch
):
    from covers.model.network.weights.pretrained import read_state
    from covers.model.training import finetune as fitting

    monkeypatch.setattr(fitting, "is_certainly_lower", lambda *_, **__: False)
    recipe = tiny_recipe(weights=_pretrained(tmp_path), epochs=1, learning_rate=1e-2)
    train_workspace(painted_workspace, recipe, device="cpu")
    start = read_state(tmp_path / "start.safetensors")
    ended = [
        value for key, value in _weights(painted_workspace).items() if key[0] == "0"
    ]

    def is_kept(name):
        return any(torch.equal(start[name], value) for value in ended)

    running = [name for name in start if "running" in name]
    assert running
    assert all(map(is_kept, running))
    assert not any(is_kept(name) for name in start if name.endswith("conv1.weight"))


def test_a_start_that_nothing_beats_is_fitted_on_the_tuning_covers_too(
    painted_workspace,
):
    report = train_workspace(painted_workspace, tiny_recipe(epochs=0), device="cpu")
    assert report.card.summary["best"]["phase"] == "probe"
    catalogue = read_catalogue(painted_workspace)
    train = catalogue.splits == "train"
    head = SavedModel.open(painted_workspace.model_folder, "cpu").held_out_head
    backbone = SavedModel.open(painted_workspace.model_folder, "cpu").backbone
    statistics, _ = _frozen_statistics(painted_workspace, report)
    assert backbone.n_features == statistics.shape[1]
    assert torch.allclose(
        head.standardise.running_mean, statistics[train].mean(dim=0), atol=1e-4
    )


def _frozen_statistics(workspace, report):
    from covers.model.embedding_table import frozen_parts

    parts = frozen_parts(workspace, report.card.summary["frozen"]["fingerprint"])
    ids, (statistics,) = parts.read(["statistics"], "covers train")
    rows = read_catalogue(workspace).rows_of(ids)
    ordered = torch.empty(statistics.shape)
    ordered[torch.from_numpy(rows)] = torch.from_numpy(statistics.astype(np.float32))
    return ordered, ids


def test_epochs_are_compared_at_their_best_temperature():
    from covers.model.training.loss import GenreLoss, tempered_losses

    torch.manual_seed(0)
    logits = torch.randn(200, 3)
    targets = torch.eye(3)[torch.distributions.Categorical(logits=logits).sample()]
    loss = GenreLoss(torch.ones(3), label_smoothing=0.0, multi_label=False)
    plain = float(loss(logits, targets))
    assert float(loss(3 * logits, targets)) > plain + 0.1
    losses, mean = tempered_losses(loss, 3 * logits, targets)
    assert abs(mean - plain) < 0.02
    torch.testing.assert_close(losses.mean(), torch.tensor(mean))
    assert tempered_losses(loss, -logits, targets)[1] > plain + 0.1


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_loss_of_many_covers_is_the_weighted_mean_of_each(multi_label):
    from covers.model.training.loss import GenreLoss

    torch.manual_seed(0)
    logits = torch.randn(9, 3)
    targets = (torch.rand(9, 3) > 0.5).float()
    targets[:, 0] = 1
    if not multi_label:
        targets /= targets.sum(dim=1, keepdim=True)
    weights = torch.tensor([0.5, 1.0, 3.0])
    loss = GenreLoss(weights, label_smoothing=0.1, multi_label=multi_label)
    if multi_label:
        expected = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, 0.9 * targets + 0.05, pos_weight=weights
        )
    else:
        each = torch.nn.functional.cross_entropy(
            logits, targets, label_smoothing=0.1, reduction="none"
        )
        weight = targets @ weights
        expected = (weight * each).sum() / weight.sum()
    torch.testing.assert_close(loss(logits, targets), expected)


def test_a_backbone_from_nothing_is_trained_whole(painted_workspace):
    torch.manual_seed(0)
    train_workspace(
        painted_workspace, tiny_recipe(epochs=1, frozen_share=0.5), device="cpu"
    )
    first = _weights(painted_workspace)
    train_workspace(
        painted_workspace, tiny_recipe(epochs=1, frozen_share=0.0), device="cpu"
    )
    second = _weights(painted_workspace)
    assert all(torch.equal(first[key], second[key]) for key in first)
