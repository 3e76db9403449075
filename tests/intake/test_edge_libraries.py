"""Libraries at the edge: every command of the analysis has a defined answer to them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from known_workspace import write_known_workspace

from covers.cli import main
from covers.index.embedded import EmbeddedCovers

DECLARED_KEYS = {
    "overlap": {"genres", "pairs", "effective_genres", "effective_genres_ci95"}
    | {"k", "grouped_by"},
    "cluster": {"n_clusters", "noise_fraction", "ami", "ami_null95", "clusters"},
    "map": {"n_covers", "trustworthiness"},
}


def answer(command, root, *options):
    """Run a command for programs, figures drawn; fail on any error or NaN."""
    result = CliRunner().invoke(
        main, [command, "-w", str(root), "--json", *options], catch_exceptions=False
    )
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert set(found) >= DECLARED_KEYS[command]
    people = CliRunner().invoke(
        main, [command, "-w", str(root), *options], catch_exceptions=False
    )
    assert people.exit_code == 0
    assert "nan" not in people.stdout
    return found


def replace_embeddings(monkeypatch, embeddings):
    """Let every cover of the workspace lie where it is told."""
    read = EmbeddedCovers.read

    def read_and_replace(workspace):
        covers = read(workspace)
        return replace(covers, embeddings=embeddings(covers.embeddings))

    monkeypatch.setattr(EmbeddedCovers, "read", staticmethod(read_and_replace))


def test_one_genre(tmp_path):
    root = tmp_path / "w"
    write_known_workspace(root, keep=range(60))
    overlap = answer("overlap", root, "--bootstraps", "20")
    assert overlap["genres"] == ["Folk"]
    assert overlap["pairs"] == []
    assert overlap["effective_genres"] == 1
    clusters = answer("cluster", root, "--resamples", "1")
    assert clusters["ami"] is None


@pytest.mark.parametrize("n", [1, 2, 9])
def test_a_handful_of_covers_is_all_noise_and_still_mapped(tmp_path, n):
    root = tmp_path / "w"
    write_known_workspace(root, keep=range(55, 55 + n))
    clusters = answer("cluster", root, "--resamples", "1")
    assert clusters["n_clusters"] == 0
    assert clusters["noise_fraction"] == 1
    assert clusters["clusters"] == []
    assert answer("map", root)["n_covers"] == n
    overlap = answer("overlap", root, "--bootstraps", "20")
    assert all(pair["overlap"] is None for pair in overlap["pairs"])


def test_a_genre_of_two_covers_and_a_genre_of_one_artist(tmp_path):
    root = tmp_path / "w"
    # All of Folk, two covers of Jazz, no Metal.
    write_known_workspace(root, keep=[*range(60), 60, 61])
    overlap = answer("overlap", root, "--bootstraps", "20")
    (pair,) = overlap["pairs"]
    assert pair["overlap"] is None
    assert pair["overlap_ci95"] == [None, None]
    assert pair["q"] is None
    assert any(note.startswith("Jazz: 2 covers") for note in overlap["notes"])


def test_covers_all_alike_are_one_cluster_that_says_nothing(tmp_path, monkeypatch):
    root = tmp_path / "w"
    write_known_workspace(root)
    replace_embeddings(monkeypatch, lambda e: np.repeat(e[:1], len(e), axis=0))
    clusters = answer("cluster", root, "--resamples", "1")
    assert clusters["n_clusters"] == 1
    assert clusters["noise_fraction"] == 0
    assert clusters["ami"] is None
    assert clusters["clusters"][0]["n"] == 180
    overlap = answer("overlap", root, "--bootstraps", "20")
    for pair in overlap["pairs"]:
        assert pair["overlap_ci95"][1] == 1
    assert answer("map", root)["n_covers"] == 180


def test_one_even_cloud_has_a_defined_noise(tmp_path, monkeypatch):
    root = tmp_path / "w"
    write_known_workspace(root)

    def cloud(embeddings):
        points = np.random.default_rng(0).normal(size=(len(embeddings), 64))
        return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype("f4")

    replace_embeddings(monkeypatch, cloud)
    clusters = answer("cluster", root, "--resamples", "1")
    assert sum(c["n"] for c in clusters["clusters"]) == round(
        180 * (1 - clusters["noise_fraction"])
    )
