"""Words as queries: the way through, on a tiny OpenCLIP model with random weights."""

import json
import shutil

import numpy as np
import pytest
import tiny_openclip
from click.testing import CliRunner
from PIL import Image

import covers
from covers.cli import main
from covers.errors import CoversError, DataError, ModelError, StaleError
from covers.index.by_embedder import BuildOptions, build_other_index, open_other_index
from covers.index.embedder_card import card_file, embedder_folder, index_pointer
from covers.model.embedders.embedder import PublishedEmbedder
from covers.model.embedding_table import frozen_parts
from covers.workspace.paths import Workspace
from covers.workspace.settings import read_settings, write_settings

NAME = f"clip:{tiny_openclip.NAME}"


def _run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def made_once(_trained_once, tmp_path_factory):
    root = tmp_path_factory.mktemp("words")
    shutil.copytree(_trained_once, root / "all")
    weights = tiny_openclip.write_weights(root / "all" / "tiny.safetensors")
    workspace = root / "all" / "workspace"
    done = _run("index", "build", "--embedder", NAME, "--weights", weights, "-w", workspace)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "78 covers, 16-d" in done.output
    return root / "all"


@pytest.fixture
def made(made_once, tmp_path):
    shutil.copytree(made_once, tmp_path / "all")
    return tmp_path / "all"


@pytest.fixture
def library(made):
    tiny_openclip.register()
    return covers.open(made / "workspace")


@pytest.fixture
def embedder(made):
    return PublishedEmbedder(NAME, str(made / "tiny.safetensors"), "cpu")


def _pictures(library):
    return [library.picture_of(one) for one in library.catalogue.cover_ids]


def test_words_find_what_brute_force_finds(library, embedder):
    hits = library.search("a red circle", k=5)
    vectors = embedder.embed(_pictures(library))
    scores = vectors @ embedder.embed_texts(["a red circle"])[0]
    best = np.argsort(-scores)[:5]
    # Kept in 16 bits: neighbours that are as good may change places.
    found = library.catalogue.rows_of([hit.cover_id for hit in hits])
    np.testing.assert_allclose(scores[found], scores[best], atol=2e-3)
    np.testing.assert_allclose([h.similarity for h in hits], scores[found], atol=2e-3)
    assert (hits.query, hits.embedder) == ("a red circle", NAME)
    assert hits.to_json()["index"]["embedder"] == NAME


def test_words_and_pictures_together_are_the_mean_of_unit_vectors(
    library, embedder, made
):
    path = min((made / "covers" / "Jazz").iterdir())
    with Image.open(path) as image:
        picture = embedder.embed([image.convert("RGB")])[0]
    text = embedder.embed_texts(["stripes"])[0]
    wanted = (picture + text) / np.linalg.norm(picture + text)
    hits = library.search(["stripes", path], k=3)
    index = open_other_index(library.workspace, NAME)
    scores = index.reconstruct([hit.cover_id for hit in hits]) @ wanted
    np.testing.assert_allclose([h.similarity for h in hits], scores, atol=2e-3)
    assert hits.query == f"stripes + {path}"
    same = library.search(str(path), 3, text="stripes")
    assert [h.cover_id for h in same] == [h.cover_id for h in hits]
    cover_id = library.catalogue.cover_ids[0]
    assert cover_id not in {
        h.cover_id for h in library.search([cover_id, "stripes"], 78)
    }


def test_the_library_hands_out_its_embedders(library, embedder):
    own, words = library.embedder(), library.embedder(NAME)
    picture = library.picture_of(library.catalogue.cover_ids[0])
    stored = library.index.reconstruct([library.catalogue.cover_ids[0]])[0]
    assert float(own.embed([picture])[0] @ stored) > 0.99
    assert words.fingerprint == embedder.fingerprint
    np.testing.assert_array_equal(words.embed_texts(["x"]), embedder.embed_texts(["x"]))
    with pytest.raises(DataError, match="index build --embedder clip:other"):
        library.embedder("clip:other")


def test_several_pictures_without_words_stay_with_the_own_index(library):
    a, b = library.catalogue.cover_ids[:2]
    hits = library.search([a, b], k=4)
    assert hits.embedder == "cnn"
    assert not {a, b} & {hit.cover_id for hit in hits}
    mean = library.index.reconstruct([a, b]).mean(axis=0)
    found = library.index.reconstruct([hits[0].cover_id])[0]
    assert hits[0].similarity == pytest.approx(
        float(found @ mean / np.linalg.norm(mean)), abs=1e-5
    )


def test_filters_hold_for_words_too(library):
    hits = library.search("stripes", k=50, where={"genre": "jazz"})
    assert len(hits) == 26
    assert {genre for hit in hits for genre in hit.genres} == {"Jazz"}


def test_the_command_line_tells_words_from_pictures_and_ids(library, made, monkeypatch):
    monkeypatch.chdir(made)
    (made / "desert").write_bytes(
        next((made / "covers" / "Pop").iterdir()).read_bytes()
    )
    cover_id = library.catalogue.cover_ids[0]
    for arguments, embedder in (
        (["a desert"], NAME),
        (["black/white portrait"], NAME),
        (["desert"], "cnn"),  # a file of that name
        (["--text", "desert"], NAME),
        ([cover_id[:12]], "cnn"),
        (["--text", "face"], NAME),
        (["a desert", "desert", cover_id], NAME),
    ):
        done = _run("search", *arguments, "-w", "workspace", "--json", "-k", 3)
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["index"]["embedder"] == embedder, arguments
    for arguments, code, told in (
        (["face"], 1, "no cover"),
        (["deserts.jpg"], 1, "neither a picture file nor a cover id"),
        (["./deserts"], 1, "neither a picture file nor a cover id"),
        (["--text", " \x1b\n"], 1, "holds no words"),
        ([], 2, "give a picture file"),
    ):
        done = _run("search", *arguments, "-w", "workspace")
        assert (done.exit_code, told in done.output) == (code, True), done.output
        assert "\x1b" not in done.output


def test_strange_texts(library):
    plain = library.search(text="a desert", k=3)
    strange = library.search(text="\x1b a \t\x00desert\n", k=3)
    assert strange.query == "a desert"
    assert [hit.cover_id for hit in strange] == [hit.cover_id for hit in plain]
    assert len(library.search("word " * 200_000, k=3)) == 3
    assert len(library.search("word " * 200_000, k=3).query) <= 200
    assert len(library.search(text="砂漠 🏜 \u202e", k=3)) == 3
    for empty in ("", "  ", "\x00", [""], []):
        with pytest.raises(DataError, match=r"holds no words|nothing is asked"):
            library.search(text=empty)


def test_a_library_without_words_says_which_extra_and_which_command(trained_workspace):
    library = covers.open(trained_workspace.root)
    assert not library.knows_words
    with pytest.raises(
        DataError,
        match=r"pip install 'album-covers\[clip\]', then run 'covers index build --embedder clip:ViT-B-32 -w ",
    ):
        library.search("a black-and-white portrait")


def test_without_the_extra_the_command_names_it(trained_workspace, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "open_clip", None)
    done = _run("index", "build", "--embedder", "clip:ViT-B-32", "-w", trained_workspace.root)  # fmt: skip
    assert done.exit_code == 1
    assert "pip install 'album-covers[clip]'" in done.output


def test_offline_nothing_is_fetched(trained_workspace, monkeypatch):
    import open_clip

    monkeypatch.setattr(
        open_clip, "download_pretrained", lambda *_: pytest.fail("fetched")
    )
    done = _run("index", "build", "--embedder", "clip:ViT-B-32", "--offline", "-w", trained_workspace.root)  # fmt: skip
    assert done.exit_code == 1
    assert "not on this machine" in done.output
    assert read_settings(trained_workspace.root).embedders == {}


def test_a_second_build_embeds_nothing_and_status_shows_the_index(
    library, made, monkeypatch
):
    done = _run("status", "-w", made / "workspace")
    assert f"index {NAME}" in done.output
    assert "78 covers, knows words" in done.output
    monkeypatch.setattr("covers.model.embedders.embedder._open_parts", lambda *_: pytest.fail("opened"))  # fmt: skip
    index, failed = build_other_index(library.workspace, NAME)
    assert (len(index), failed) == (78, {})


def test_covers_that_come_later_are_embedded_alone(made):
    tiny_openclip.register()
    workspace = Workspace.open(made / "workspace")
    rng = np.random.default_rng(9)
    for number in range(2):
        noise = rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)
        Image.fromarray(noise).save(made / "covers" / "Pop" / f"new-{number}.png")
    before = open_other_index(workspace, NAME)
    parts = frozen_parts(workspace, before.fingerprints["model"])
    assert len(parts.ids()) == 78
    _run("scan", "-w", workspace.root)
    status = _run("status", "-w", workspace.root).output
    assert (
        "the catalogue changed since" in status.split(f"index {NAME}")[1].split("\n")[1]
    )
    done = _run("index", "update", "-w", workspace.root, "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert len(open_other_index(workspace, NAME)) == 80
    assert len(parts.ids()) == 80
    assert parts.paths()[-1].name.startswith("part-000001-")


def test_an_index_of_another_embedder_is_refused_by_name(library, made):
    workspace = library.workspace
    other = "timm:test_vit"
    weights = made / "vit.safetensors"
    import timm
    from safetensors.torch import save_file

    save_file(dict(timm.create_model("test_vit", num_classes=0).state_dict()), weights)
    build_other_index(
        workspace, other, BuildOptions(weights=str(weights), device="cpu")
    )
    own, foreign = (workspace.root / embedder_folder(name) for name in (NAME, other))
    shutil.rmtree(own / "index")
    shutil.copytree(foreign / "index", own / "index")
    with pytest.raises(StaleError, match=r"by 'timm:test_vit', not by 'clip:tiny"):
        library.search("a desert")
    shutil.copy(foreign / "embedder.json", own / "embedder.json")
    with pytest.raises(DataError, match="does not describe embedder 'clip:tiny"):
        library.search("a desert")


def test_the_index_of_another_embedder_is_not_taken_for_the_own(library):
    workspace = library.workspace
    shutil.rmtree(workspace.index_folder)
    shutil.copytree(workspace.path(index_pointer(NAME)).parent, workspace.index_folder)
    with pytest.raises(StaleError, match=r"clip:tiny-for-tests.*covers index rebuild"):
        library.search(library.catalogue.cover_ids[0])


def test_other_weights_under_the_same_name_are_refused(library, made):
    tiny_openclip.write_weights(made / "tiny.safetensors", seed=5)
    with pytest.raises(StaleError, match="not those that its index was made with"):
        library.search("a desert")
    (made / "tiny.safetensors").unlink()
    covers_again = covers.open(made / "workspace")
    with pytest.raises(ModelError, match="no weights in"):
        covers_again.search("a desert")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"stamp": {}}',
        '{"stamp": {"kind": "embedder", "format": 1}, "name": "clip:x"}',
        '{"stamp": {"kind": "embedder", "format": 1}, "name": "clip:tiny-for-tests", "dim": 1e9, "fingerprint": 1}',
    ],
)
def test_a_damaged_description_names_the_command(library, content):
    library.workspace.path(card_file(NAME)).write_text(content)
    with pytest.raises(CoversError, match=r"covers index build --embedder clip:tiny"):
        library.search("a desert")


@pytest.mark.parametrize(
    ("embedder", "told"),
    [
        ("cnn", "beside the workspace's own"),
        ("file:v.npy", "beside the workspace's own"),
        ("cnn+clip:ViT-B-32", "beside the workspace's own"),
        ("resnet18", "there are 'cnn'"),
        ("timm:no_such_network", "no architecture"),
        ("clip:no-such", "OpenCLIP model"),
        ("clip:tiny-for-tests:no-such", "nobody published|no weights of"),
    ],
)
def test_what_cannot_have_an_index_of_its_own(trained_workspace, embedder, told):
    tiny_openclip.register()
    done = _run("index", "build", "--embedder", embedder, "-w", trained_workspace.root)
    assert done.exit_code == 1
    import re

    assert re.search(told, done.output), done.output


def test_clusters_genres_and_map_are_named_by_planted_words(
    library, embedder, made, monkeypatch
):
    """Random weights mean nothing: words are taken that are the genres' own mean vectors."""
    from complete_workspace import principal_plane

    from covers.cluster.words import stage as names_stage

    vectors = embedder.embed(_pictures(library))
    genres = [names[0] for names in library.catalogue.genres]
    means = {
        f"the look of {genre}": vectors[[g == genre for g in genres]].mean(axis=0) - vectors.mean(axis=0)
        for genre in library.catalogue.vocab
    }  # fmt: skip
    listed = made / "words.txt"
    listed.write_text("\n".join([*means, "nonsense"]))

    def embed_words(_, words):
        rng = np.random.default_rng(0)
        found = [means.get(word, rng.normal(0, 1, 16)) for word in words]
        return np.stack([one / np.linalg.norm(one) for one in found]).astype(np.float32)

    monkeypatch.setattr(names_stage, "embed_words", embed_words)
    monkeypatch.setattr("covers.cluster.map.stage.project", principal_plane)
    monkeypatch.setattr("covers.cluster.clustering.project", principal_plane)
    settings = {"min_cluster_size": 8, "n_bootstraps": 60, "n_resamples": 0}
    write_settings(made / "workspace", {"clusters": settings})
    library.clusters()
    library.map()
    found = library.names(words=listed)
    assert {one.name for one in found.genres} == set(library.catalogue.vocab)
    for one in found.genres:
        assert one.words[0].word == f"the look of {one.name}"
        assert one.words[0].low >= 0.25
    assert read_settings(made / "workspace").names.words == "../words.txt"
    clusters = library.clusters()
    named = [cluster for cluster in clusters.clusters if cluster.subjects]
    assert named
    for cluster in named:
        assert cluster.subjects[0] == f"the look of {cluster.genres[0].genre}"
    assert named[0].subjects[0] in repr(clusters)
    done = _run("cluster", "-w", made / "workspace", "--json")
    looks = [one["look"]["subjects"] for one in json.loads(done.stdout)["clusters"]]
    assert sorted(map(tuple, looks)) == sorted(c.subjects for c in clusters.clusters)
    table = _run("name", "-w", made / "workspace").output
    assert "the look of Jazz" in table
    assert "4 words tried" in table


def test_regions_of_the_map_are_named_by_planted_words(
    library, embedder, made, monkeypatch
):
    from complete_workspace import principal_plane

    from covers.cluster.map.stage import read_map
    from covers.cluster.words import stage as names_stage

    vectors = embedder.embed(_pictures(library))
    genres = np.array([names[0] for names in library.catalogue.genres])
    means = {
        genre: vectors[genres == genre].mean(axis=0) - vectors.mean(axis=0)
        for genre in library.catalogue.vocab
    }
    listed = made / "words.txt"
    listed.write_text("\n".join(means))

    def embed_words(_, words):
        found = np.stack([means[word] for word in words])
        return (found / np.linalg.norm(found, axis=1)[:, None]).astype(np.float32)

    monkeypatch.setattr(names_stage, "embed_words", embed_words)
    monkeypatch.setattr(names_stage, "_COVERS_PER_REGION", 26)
    monkeypatch.setattr("covers.cluster.map.stage.project", principal_plane)
    library.map()
    table = read_map(library.workspace)
    xy = np.stack([table.column(axis).to_numpy() for axis in ("x", "y")], axis=1)
    rows = library.catalogue.rows_of(table.column("cover_id").to_pylist())
    regions = library.names(words=listed).regions
    assert [one.n for one in regions] == [26] * 3
    found = {one.words[0].word: (one.x, one.y) for one in regions}
    for genre in library.catalogue.vocab:
        middle = np.median(xy[genres[rows] == genre], axis=0)
        np.testing.assert_allclose(found[genre], middle, atol=1e-6)


def test_names_of_an_earlier_clustering_are_not_shown(library, made, monkeypatch):
    from complete_workspace import principal_plane

    from covers.workspace.stages import Manner

    monkeypatch.setattr("covers.cluster.clustering.project", principal_plane)
    settings = {"n_bootstraps": 60, "n_resamples": 0}
    library.clusters(min_cluster_size=8, **settings)
    library.names(margin=0.0)
    library.clusters(Manner(replace=True), min_cluster_size=30, **settings)
    again = library.clusters(Manner(replace=True), min_cluster_size=30, **settings)
    assert not any("subjects" in cluster.look for cluster in again.clusters)


def test_without_words_there_are_no_names(trained_workspace):
    done = _run("name", "-w", trained_workspace.root)
    assert done.exit_code == 1
    assert "pip install 'album-covers[clip]'" in done.output
