"""The front door: what it answers, and that command line and dashboard answer the same."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import covers
from covers.cli import main


@pytest.fixture(scope="module")
def library(drawn_once):
    return covers.open(drawn_once / "workspace")


@pytest.fixture(scope="module")
def truth(library):
    """Similarities of all covers, in the order of the catalogue."""
    ids, vectors = library.embeddings()
    assert ids == library.catalogue.cover_ids
    return ids, vectors @ vectors.T


@pytest.fixture(scope="module")
def reprinted(library):
    """A cover that has others in its group: reprints of it, or its artist's."""
    ids, groups = library.catalogue.cover_ids, library.catalogue.groups
    sizes = np.bincount(groups)
    row = int(np.flatnonzero(sizes[groups] > 1)[0])
    group = {ids[other] for other in np.flatnonzero(groups == groups[row])}
    return ids[row], group


def run(library, *arguments):
    result = CliRunner().invoke(
        main, [*map(str, arguments), "-w", str(library.workspace.root), "--json"]
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def ids_of(hits):
    return [hit.cover_id for hit in hits]


def test_several_values_of_a_filter_are_joined_by_or(library, truth):
    ids, similarity = truth
    genres = library.catalogue.genres
    wanted = set(library.catalogue.vocab[:2])
    expected = [
        ids[row]
        for row in np.argsort(-similarity[0], kind="stable")
        if row != 0 and wanted & set(genres[row])
    ]
    hits = library.search(ids[0], k=200, where={"genre": sorted(wanted)})
    assert ids_of(hits) == expected
    assert len({genre for hit in hits for genre in hit.genres} & wanted) == 2
    told = [
        argument
        for genre in sorted(wanted)
        for argument in ("--where", f"genre={genre}")
    ]
    found = run(library, "search", ids[0], "-k", 200, *told)
    assert ids_of(hits) == [n["cover_id"] for n in found["neighbours"]]


@pytest.mark.parametrize("k", [3, 10, 25])
def test_one_per_artist_is_as_long_as_it_can_be(library, truth, k):
    ids, similarity = truth
    artists = library.catalogue.column("artists")
    expected, seen = [], set()
    for row in np.argsort(-similarity[0], kind="stable"):
        if row != 0 and seen.isdisjoint(artists[row] or ()):
            expected.append(ids[row])
            seen.update(artists[row] or ())
    hits = library.search(ids[0], k, one_per_artist=True)
    assert ids_of(hits) == expected[:k]
    found = run(library, "search", ids[0], "-k", k, "--one-per-artist")
    assert ids_of(hits) == [n["cover_id"] for n in found["neighbours"]]


def test_reprints_and_the_own_artist_do_not_vote(library, reprinted):
    cover_id, group = reprinted
    assert len(group) > 1
    (answer,) = library.classify([cover_id])
    assert group.isdisjoint(ids_of(answer.voters))
    (found,) = run(library, "classify", cover_id)
    assert [v["cover_id"] for v in found["voters"]] == ids_of(answer.voters)
    assert found["probabilities"] == answer.by_method


def test_a_cover_and_its_picture_get_the_same_answer(library, drawn_once, reprinted):
    cover_id, _ = reprinted
    row = library.catalogue.cover_ids.index(cover_id)
    path = drawn_once / "covers" / library.catalogue.column("path")[row]
    by_id, by_path, by_bytes = (
        library.classify([asked])[0] for asked in (cover_id, path, path.read_bytes())
    )
    assert by_path.cover_id == by_bytes.cover_id == cover_id
    assert ids_of(by_path.voters) == ids_of(by_id.voters) == ids_of(by_bytes.voters)
    for method, distribution in by_id.by_method.items():
        assert by_path.by_method[method] == distribution
        assert by_bytes.by_method[method] == distribution


def classification(**said):
    from covers.classify.answers import Classification

    p = {"Rock": 0.7, "Jazz": 0.3}
    usual = {
        "by_method": dict.fromkeys(("network", "vote", "network + vote"), p),
        "voters": (),
        "verdict": "sure",
    }
    return Classification(
        query="a.jpg",
        cover_id="",
        prediction_set=("Rock",),
        level=0.9,
        **{**usual, **said},
    )


def test_independent_genres_are_named_with_their_own_probability():
    from covers.classify.answers import VoteFlip

    answer = classification(
        voters=(),
        flip=VoteFlip(genre=None, without=()),
        labels={"Rock": 0.8, "Jazz": 0.6},
        named=("Rock", "Jazz"),
    )
    assert "Best guess at its genres: Rock 80 %, Jazz 60 %" in answer.said
    assert answer.to_json()["named"] == ["Rock", "Jazz"]
    assert answer.headline == "Rock, 70 %"


def test_the_vote_on_independent_genres_says_what_weighs_most_now():
    from covers.classify.answers import VoteFlip, Voter

    # Calibrated by itself Rock is likelier; by its voters alone Jazz leads.
    voters = tuple(
        Voter(cover_id=name, similarity=0.5, path=name, genres=genres, weight=weight)
        for name, genres, weight in (
            ("a", ("Jazz",), 0.4),
            ("b", ("Jazz", "Rock", "Polka"), 0.3),
            ("c", ("Rock", "Polka"), 0.3),
        )
    )
    answer = classification(
        voters=voters,
        flip=VoteFlip(genre="Rock", without=("a",)),
        labels={"Rock": 0.7, "Jazz": 0.3},
        named=("Rock",),
    )
    assert (
        answer.flip_in_words
        == "Most of the weight is for Jazz; without 1 of the 3 voters it would be for Rock."
    )


def test_the_vote_says_for_whom_it_is_now():
    from covers.classify.answers import VoteFlip

    flip = VoteFlip(genre="Rock", without=("a",))
    answer = classification(
        by_method={
            "vote": {"Jazz": 0.6, "Rock": 0.4},
            "network + vote": {"Jazz": 0.4, "Rock": 0.6},
        },
        flip=flip,
    )
    said = "The vote is for Jazz; without 1 of its 0 voters it would be for Rock."
    assert answer.flip_in_words == said


def test_what_a_search_says_fits_a_terminal_and_a_notebook(library, truth):
    hits = library.search(truth[0][0], k=4)
    lines = repr(hits).splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= 80
    html = hits._repr_html_()
    assert html.count("data:image/jpeg;base64,") == 4
    frame = hits.to_frame()
    assert list(frame["cover_id"]) == ids_of(hits)
    (answer,) = library.classify([truth[0][0]])
    assert max(map(len, repr(answer).splitlines())) <= 80
    assert list(answer.to_frame().columns) == ["network", "vote", "network + vote"]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"genre": "Polkka"}, "no genre 'Polkka'"),
        ({"yaer": 1990}, "did you mean 'year'"),
        ({"release_group": "x"}, "column 'release_group' is empty"),
    ],
)
def test_a_filter_that_cannot_work_is_refused_by_name(library, truth, where, message):
    with pytest.raises(covers.DataError, match=message):
        library.search(truth[0][0], where=where)


def test_what_is_no_picture_and_no_cover_is_named_and_the_rest_is_read(
    library, truth, tmp_path
):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    queries = library.ask(["nowhere.jpg", truth[0][0], broken, str(tmp_path)])
    assert [query.cover_id for query in queries.items] == [truth[0][0]]
    assert set(queries.broken) == {"nowhere.jpg", str(broken), str(tmp_path)}
    assert "folder" in queries.broken[str(tmp_path)]
    with pytest.raises(covers.BrokenImageError, match="nowhere"):
        library.classify(["nowhere.jpg"])


def test_what_is_published_anew_is_read_anew(drawn_once, tmp_path):
    import shutil

    shutil.copytree(drawn_once / "workspace", tmp_path / "workspace")
    library = covers.open(tmp_path / "workspace")
    index = library.index
    assert library.index is index
    other = covers.open(tmp_path / "workspace").index
    other.remove([str(other.ids[0])])
    assert len(library.index) == len(index) - 1


def test_covers_are_a_frame_that_filters(library):
    frame = library.covers()
    assert len(frame) == len(library)
    genre = library.catalogue.vocab[0]
    some = library.covers(where={"genre": genre.upper()})
    assert all(genre in genres for genres in some["genres"])
    assert len(some) == library.catalogue.genre_counts[genre]


def test_opening_costs_nothing_heavy(drawn_once):
    code = (
        "import sys, covers\n"
        "light = [m for m in ('numpy', 'pyarrow', 'pandas', 'torch', 'PIL') if m in sys.modules]\n"
        "library = covers.open(sys.argv[1])\n"
        "heavy = [m for m in ('torch', 'pandas', 'sklearn', 'faiss') if m in sys.modules]\n"
        "print(light, heavy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(drawn_once / "workspace")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[] []"


def test_less_like_takes_half_of_the_mean_away(library, truth):
    ids, _ = truth
    _, vectors = library.embeddings()
    more, less = [ids[0], ids[7]], [ids[20], ids[40]]
    toward = vectors[[0, 7]].mean(axis=0)
    away = vectors[[20, 40]].mean(axis=0)
    toward, away = (v / np.linalg.norm(v) for v in (toward, away))
    wanted = toward - 0.5 * away
    scores = vectors @ (wanted / np.linalg.norm(wanted))
    order = [i for i in np.argsort(-scores) if i not in (0, 7, 20, 40)][:6]
    hits = library.search(more, 6, less=less)
    assert [hit.similarity for hit in hits] == pytest.approx(
        sorted(scores[order], reverse=True), abs=1e-4
    )
    assert not {hit.cover_id for hit in hits} & {*more, *less}


def test_like_and_less_like_the_same_is_refused(library, truth):
    from covers.library.question import less_like

    vector = np.array([1.0, 0.0], np.float32)
    with pytest.raises(covers.DataError, match="cancel each other out"):
        less_like(vector, 2 * vector)


def test_one_picture_alone_is_one_picture(library):
    cover_id = library.catalogue.cover_ids[0]
    (alone,), (listed,) = library.classify(cover_id), library.classify([cover_id])
    assert alone.probabilities == listed.probabilities


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda lib: lib.overlap(kk=3),
            "overlap has no setting 'kk': did you mean 'k'",
        ),
        (lambda lib: lib.overlap(k=0), "k must be at least 1, got 0"),
        (
            lambda lib: lib.overlap(which="foo"),
            "which must be .*'held-out'.*, got 'foo'",
        ),
        (lambda lib: lib.overlap(by="artist"), "by must be .*got 'artist'"),
        (
            lambda lib: lib.evaluate(n_bootstraps=3),
            "n_bootstraps must be at least 10, got 3",
        ),
        (lambda lib: lib.evaluate(bootstraps=30), "evaluation has no setting"),
        (
            lambda lib: lib.clusters(min_cluster_size=0),
            "min_cluster_size must be at least 2, got 0",
        ),
        (lambda lib: lib.clusters(size=3), "clusters has no setting 'size'"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_measured(library, ask, message):
    before = {p: p.read_bytes() for p in library.workspace.analysis_folder.glob("*.*")}
    with pytest.raises(covers.ConfigError, match=message):
        ask(library)
    assert before == {
        p: p.read_bytes() for p in library.workspace.analysis_folder.glob("*.*")
    }


def test_embeddings_are_a_copy(library):
    _, first = library.embeddings()
    first -= first.mean(axis=0)
    assert np.allclose(np.linalg.norm(library.embeddings()[1], axis=1), 1, atol=1e-5)


def test_an_empty_file_is_a_broken_picture(library):
    from covers.errors import BrokenImageError

    with pytest.raises(BrokenImageError, match=r"empty file \(0 bytes\)"):
        library.search(b"")
