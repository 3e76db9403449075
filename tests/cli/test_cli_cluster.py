import json
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from known_workspace import write_known_workspace

from covers.cli import main
from covers.cli.cluster import list_genres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "w"
    write_known_workspace(folder)
    return folder


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def clustered(root):
    done = run("cluster", "-w", root, "--json", "--resamples", 2, "--assign-noise")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_clusters_as_json_have_the_promised_keys(clustered):
    assert {"n_clusters", "noise_fraction", "ami", "ami_null95", "clusters"} <= set(
        clustered
    )
    assert clustered["n_clusters"] == len(clustered["clusters"]) > 1
    for cluster in clustered["clusters"]:
        assert {
            "id",
            "n",
            "genres",
            "entropy",
            "stability",
            "exemplars",
            "look",
        } <= set(cluster)
        assert sum(g["share"] for g in cluster["genres"]) == pytest.approx(1)
        assert 0 <= cluster["stability"] <= 1
    assert set(clustered["compared_with"]) == {"k-means", "hdbscan on components"}
    assert set(clustered["noise_by_genre"]) == {"Folk", "Jazz", "Metal"}


def test_the_table_agrees_with_the_json_and_marks_what_was_given(root, clustered):
    table = pq.read_table(root / "analysis" / "clusters.parquet")
    labels = table.column("label").to_pylist()
    for cluster in clustered["clusters"]:
        assert labels.count(cluster["id"]) == cluster["n"]
    for label, given, marked in zip(
        labels,
        table.column("assigned_label").to_pylist(),
        table.column("assigned").to_pylist(),
        strict=True,
    ):
        assert marked == (label == -1)
        assert given == label or marked
        assert given >= 0


def test_no_number_of_a_genre_is_cut_off():
    long = [
        SimpleNamespace(genre=f"a genre of {i} words", share=0.1, lift=14.1)
        for i in range(3)
    ]
    found = list_genres(SimpleNamespace(leading=long))
    assert found == "a genre of 0 words 10 % x14.1"
    short = [SimpleNamespace(genre="Jazz", share=0.5, lift=2.0)] * 4
    assert list_genres(SimpleNamespace(leading=short[:3])).count("Jazz 50 % x2.0") == 3


def test_ids_stay_when_clusters_are_made_again(root, clustered):
    before = pq.read_table(root / "analysis" / "clusters.parquet").column("label")
    done = run("cluster", "-w", root, "--resamples", 0, "--no-figures", "--seed", 5)
    assert done.exit_code == 0, done.output
    assert "AMI with genre" in done.stdout
    after = pq.read_table(root / "analysis" / "clusters.parquet").column("label")
    same = [a == b for a, b in zip(before.to_pylist(), after.to_pylist(), strict=True)]
    assert sum(same) / len(same) > 0.6


def test_figures_of_clusters_are_drawn(root, clustered):
    for name in ("cluster-profiles", "cluster-sheets"):
        assert (root / "analysis" / "figures" / f"{name}.svg").is_file()


def test_a_cut_shows_which_clusters_merge(root, clustered):
    done = run(
        "cluster", "-w", root, "--resamples", 0, "--no-figures", "--cut", 2, "--json"
    )
    assert len(json.loads(done.stdout)["cut"]) == 2


def test_the_map_is_made_drawn_and_kept(root):
    done = run("map", "-w", root)
    assert done.exit_code == 0, done.output
    assert (
        "map of 180 covers, 0 placed after it was made (laid out anew)" in done.stdout
    )
    assert (root / "analysis" / "figures" / "map.png").is_file()
    again = json.loads(run("map", "-w", root, "--json", "--no-figures").stdout)
    assert again["refitted"] is False
    assert again["trustworthiness"] > 0.8
