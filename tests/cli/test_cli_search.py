import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from synthetic_library import (
    FINGERPRINT,
    VOCAB,
    WIDTH,
    build_synthetic_index,
    unit,
    write_workspace,
)

from covers.catalogue.table import read_catalogue
from covers.classify.classify import References, find_voters, index_membership
from covers.cli import main
from covers.evaluate.stage import run as evaluate
from covers.index.hits import Hit
from covers.index.search import keep_one_per_artist
from covers.model.embedding_table import read_embeddings
from covers.model.weights import Embedded, SavedModel
from indexer import VectorIndex


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = write_workspace(tmp_path_factory.mktemp("library") / "ws")
    build_synthetic_index(made)
    evaluate(made, n_bootstraps=20)
    return made


@pytest.fixture(scope="module")
def vectors(workspace):
    return read_embeddings(workspace)


class FakeModel:
    """Knows a picture's genre by its mean colour, as the library's pictures are made."""

    vocab = VOCAB
    embedding_dim = WIDTH
    image_size = 48

    def __init__(self, workspace):
        catalogue = read_catalogue(workspace)
        table = read_embeddings(workspace)
        membership = catalogue.membership(VOCAB)
        self.centres = unit(membership.T @ table.embeddings)
        self.card = type("Card", (), {"multi_label": False})()

    def embed(self, pixels):
        means = pixels.reshape(len(pixels), -1, 3).mean(axis=1)
        genres = np.clip(np.round((means[:, 0] - 45) / 40), 0, 3).astype(int)
        return Embedded(self.centres[genres], 3 * np.eye(4, dtype=np.float32)[genres])


@pytest.fixture
def fake_model(workspace, monkeypatch):
    model = FakeModel(workspace)
    monkeypatch.setattr(SavedModel, "open", lambda *_: model)
    return model


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "sleeve.png"
    colours = np.full((60, 60, 3), [45 + 80, 45 + 40, 45], np.uint8)
    Image.fromarray(colours).save(path)
    return path


def run(workspace, *arguments):
    return CliRunner().invoke(main, [*map(str, arguments), "-w", str(workspace.root)])


def brute_force(vectors, cover_id, allowed):
    """Ids of the allowed covers by falling similarity, the cover itself left out."""
    row = vectors.cover_ids.index(cover_id)
    scores = vectors.embeddings @ vectors.embeddings[row]
    order = np.argsort(-scores)
    return [(vectors.cover_ids[i], scores[i]) for i in order if i != row and allowed(i)]


def test_search_by_id_finds_what_brute_force_finds(workspace, vectors):
    cover_id = vectors.cover_ids[3]
    result = run(workspace, "search", cover_id, "-k", 5, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["query"] == cover_id
    assert found["index"] == {
        "generation": 1,
        "model": FINGERPRINT,
        "embedder": "cnn",
    }
    expected = brute_force(vectors, cover_id, lambda _: True)[:5]
    assert [n["cover_id"] for n in found["neighbours"]] == [c for c, _ in expected]
    for neighbour, (_, similarity) in zip(found["neighbours"], expected, strict=True):
        assert neighbour["similarity"] == pytest.approx(similarity, abs=1e-5)
        assert set(neighbour) == {
            "cover_id",
            "similarity",
            "path",
            "genres",
            "artist",
            "album",
            "year",
        }


def test_a_genre_and_conditions_filter(workspace, vectors):
    catalogue = read_catalogue(workspace)
    years, genres = catalogue.column("year"), catalogue.genres
    cover_id = vectors.cover_ids[0]
    result = run(
        workspace,
        "search",
        cover_id[:10],
        "--genre",
        "Jazz",
        "--where",
        "year=1980..1999",
        "--json",
    )
    expected = brute_force(
        vectors, cover_id, lambda i: "Jazz" in genres[i] and 1980 <= years[i] <= 1999
    )
    neighbours = json.loads(result.stdout)["neighbours"]
    assert [n["cover_id"] for n in neighbours] == [c for c, _ in expected[:10]]


def test_one_per_artist_keeps_the_nearest_of_each(workspace, vectors):
    cover_id = vectors.cover_ids[0]
    artists = read_catalogue(workspace).column("artist")
    result = run(workspace, "search", cover_id, "--one-per-artist", "--json")
    neighbours = json.loads(result.stdout)["neighbours"]
    expected, seen = [], set()
    for other, _ in brute_force(vectors, cover_id, lambda _: True):
        artist = artists[vectors.cover_ids.index(other)]
        if artist not in seen:
            expected.append(other)
            seen.add(artist)
    assert [n["cover_id"] for n in neighbours] == expected[:10]


def test_covers_without_an_artist_are_all_kept():
    hits = [
        Hit(cover_id=str(number), similarity=1.0, path="", artist=artist)
        for number, artist in enumerate([None, "a", None, "A", "Various Artists"])
    ]
    assert [hit.cover_id for hit in keep_one_per_artist(hits)] == ["0", "1", "2", "4"]


def test_fewer_covers_than_asked_for_are_explained(workspace, vectors):
    result = run(
        workspace,
        "search",
        vectors.cover_ids[0],
        "--where",
        "year=1970..1970",
        "-k",
        50,
    )
    assert result.exit_code == 0
    n_found = len(result.stdout.splitlines()) - 1
    wanted = f"only {n_found} of 50 wanted: no others have year 1970 to 1970\n"
    assert 0 < n_found < 50
    assert result.stderr == wanted


def test_a_filter_that_nothing_passes_is_named(workspace, vectors):
    result = run(
        workspace, "search", vectors.cover_ids[0], "--where", "year=1066..1067"
    )
    assert (result.exit_code, result.stdout) == (0, "no covers\n")
    assert result.stderr == "no other cover has year 1066 to 1067\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no-such.jpg"], 1, "neither a picture file nor a cover id"),
        (["fffffffffffff"], 1, "no cover in .* begins with 'fffffffffffff'"),
        (["ID", "--genre", "Polka"], 1, "there are Ambient, Jazz, Metal, Pop"),
        (["ID", "--genre", "metall"], 1, "did you mean 'Metal'"),
        (["ID", "--where", "tempo=3"], 2, "no column 'tempo'"),
        (["ID", "--where", "yaer=3"], 2, "did you mean 'year'"),
        (["ID", "--where", "year"], 2, "is not COLUMN=VALUE"),
        (
            ["ID", "--where", "year=old"],
            2,
            r"holds whole numbers \(a range is 1960\.\.1979\), which 'old' is not",
        ),
        (["."], 1, "is a folder"),
        (["ID", "-k", "0"], 2, "Invalid value for '-k'"),
    ],
)
def test_wrong_searches_are_explained(workspace, vectors, arguments, code, message):
    arguments = [vectors.cover_ids[0] if a == "ID" else a for a in arguments]
    result = run(workspace, "search", *arguments)
    assert result.exit_code == code
    assert re.search(message, " ".join(result.stderr.split()))


def test_an_ambiguous_id_asks_for_more_digits(workspace, vectors, monkeypatch):
    ids = ["aaaa11" + "0" * 26, "aaaa22" + "0" * 26]
    monkeypatch.setattr(VectorIndex, "ids_beginning", lambda *_, **__: ids)
    result = run(workspace, "search", "aaaa")
    assert result.exit_code == 1
    assert "2 covers have an id that begins with 'aaaa'" in result.stderr


def test_an_index_of_another_model_is_refused(workspace, vectors, tmp_path):
    other = tmp_path / "ws"
    shutil.copytree(workspace.root, other)
    index = VectorIndex.open(other / "index")
    index.update_columns([], {}, fingerprints={"model": "0" * 32})
    result = CliRunner().invoke(
        main, ["search", vectors.cover_ids[0], "-w", str(other)]
    )
    assert result.exit_code == 1
    assert f"run 'covers index rebuild -w {other}'" in result.stderr


def test_searching_by_id_loads_nothing_heavy(workspace, vectors):
    code = (
        "import sys\nfrom covers.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'torch', 'sklearn', 'pandas', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            "search",
            vectors.cover_ids[0],
            "-w",
            str(workspace.root),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_search_by_picture_embeds_it(workspace, fake_model, picture, vectors):
    result = run(workspace, "search", picture, "-k", 3, "--json")
    assert result.exit_code == 0, result.output
    scores = vectors.embeddings @ fake_model.centres[2]
    found = [n["cover_id"] for n in json.loads(result.stdout)["neighbours"]]
    assert found == [vectors.cover_ids[i] for i in np.argsort(-scores)[:3]]


def test_classify_gives_calibrated_distributions_sets_and_voters(
    workspace, fake_model, picture
):
    result = run(workspace, "classify", picture, "--json")
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)
    assert found["query"] == str(picture)
    assert list(found["probabilities"]) == ["network", "vote", "network + vote"]
    for distribution in found["probabilities"].values():
        assert list(distribution) == list(VOCAB)
        assert sum(distribution.values()) == pytest.approx(1)
    assert found["likeliest"] == "Metal"
    assert "Metal" in found["prediction_set"]
    assert found["level"] == 0.9
    assert found["verdict"] in {"sure", "unsure", "unfamiliar"}
    assert sum(voter["weight"] for voter in found["voters"]) == pytest.approx(1)
    assert all(voter["weight"] > 0 for voter in found["voters"])


def test_a_higher_level_never_makes_the_set_smaller(workspace, fake_model, picture):
    sets = []
    for level in (0.5, 0.9, 0.99):
        result = run(workspace, "classify", picture, "--json", "--level", level)
        sets.append(set(json.loads(result.stdout)[0]["prediction_set"]))
    assert sets[0] <= sets[1] <= sets[2]


def test_a_known_cover_does_not_vote_for_itself(workspace, fake_model):
    catalogue = read_catalogue(workspace)
    path = workspace.resolve("folders", catalogue.column("path")[5])
    result = run(workspace, "classify", path, "--json")
    (found,) = json.loads(result.stdout)
    own = catalogue.cover_ids[5]
    assert own not in [voter["cover_id"] for voter in found["voters"]]


def test_broken_pictures_are_named_and_the_others_classified(
    workspace, fake_model, picture, tmp_path
):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    result = run(workspace, "classify", broken, picture, tmp_path / "gone.png")
    assert result.exit_code == 1
    assert f"'{broken}'" in result.stderr
    assert "gone.png" in result.stderr
    assert "Metal" in result.stdout
    alone = run(workspace, "classify", broken)
    assert alone.exit_code == 1
    assert "Error" in alone.stderr


def test_explain_shows_the_evidence_and_where_the_network_looked(
    workspace, fake_model, picture, tmp_path, monkeypatch
):
    seen = {}

    def grad_cam(model, image, genre):
        seen["genre"] = genre
        return np.zeros((48, 48), np.float32)

    monkeypatch.setattr("covers.model.gradcam.grad_cam", grad_cam)
    output = tmp_path / "heat.png"
    result = run(workspace, "explain", picture, "-o", output, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert seen["genre"] == "Metal"
    with Image.open(output) as image:
        assert image.size == (60, 60)
    assert sum(voter["weight"] for voter in found["voters"]) == pytest.approx(1)
    flip = found["flip"]
    assert flip["genre"] in {None, *VOCAB}
    assert set(flip["without"]) <= {voter["cover_id"] for voter in found["voters"]}
    text = run(workspace, "explain", picture, "-o", output, "--genre", "Pop")
    assert f"where the network sees Pop: {output}" in text.stdout
    wrong = run(workspace, "explain", picture, "-o", output, "--genre", "Polka")
    assert wrong.exit_code == 1
    assert "there are Ambient, Jazz" in wrong.stderr
    inside = run(workspace, "explain", picture)
    (written,) = (workspace.analysis_folder / "explanations").glob("*.png")
    assert str(written) in inside.stdout


def test_classify_without_an_evaluation_names_the_command(
    workspace, fake_model, picture, tmp_path
):
    other = tmp_path / "ws"
    shutil.copytree(workspace.root, other)
    (other / "analysis" / "decision.json").unlink()
    result = CliRunner().invoke(main, ["classify", str(picture), "-w", str(other)])
    assert result.exit_code == 1
    assert f"'covers evaluate -w {other}'" in result.stderr


def test_a_picture_nearly_one_of_the_index_and_all_of_its_group_do_not_vote(tmp_path):
    vectors = unit(np.random.default_rng(0).normal(size=(40, 8)))
    vectors[7] = unit(vectors[3:4] + 0.2 * vectors[7])[0]  # of its group, but no twin
    groups = np.arange(40)
    groups[7] = groups[3]
    ids = [f"{number:032x}" for number in range(40)]
    columns = {"genres": [["Jazz"]] * 40, "group": groups.astype(str).tolist()}
    index = VectorIndex.build(tmp_path / "index", ids, vectors, columns)
    references = References.of(index, ("Jazz",))
    outside = unit(vectors[3:4] + 0.001 * vectors[9])
    order = [row for row in np.argsort(-(vectors @ outside[0])) if row not in (3, 7)]
    for cover_id in ("", ids[3]):
        found = find_voters(outside, [cover_id], index, references, n_wanted=10)
        assert found.rows[0].tolist() == order[:10]
    other = unit(np.random.default_rng(1).normal(size=(1, 8)))
    found = find_voters(other, [""], index, references, n_wanted=10)
    assert found.rows[0].tolist() == np.argsort(-(vectors @ other[0]))[:10].tolist()


def test_items_of_unknown_genres_belong_to_none(workspace):
    index = VectorIndex.open(workspace.index_folder)
    membership = index_membership(index.columns, ("Jazz", "Polka"))
    genres = index.columns.column("genres").to_pylist()
    expected = [[float("Jazz" in row), 0] for row in genres]
    np.testing.assert_allclose(membership, expected)
