"""Words that fit a set of covers: found where they were planted, and nowhere else."""

import numpy as np
import pytest
from scipy import stats

from covers.cluster.words.subjects import MOST_WORDS, WordSet, find_words, score_words
from covers.cluster.words.word_list import read_words
from covers.errors import DataError

WORDS = ["desert", "sea", "forest", "city"]


def _unit(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def _library(rng, *, shift, n=400, d=32, n_words=4):
    words = _unit(rng.normal(size=(n_words, d)))
    vectors = rng.normal(size=(n, d))
    inside = np.arange(n) < 60
    vectors[inside] += shift * words[0]
    return _unit(vectors).astype(np.float32), words.astype(np.float32), inside


def test_a_planted_word_is_found_with_its_size():
    rng = np.random.default_rng(0)
    vectors, words, inside = _library(rng, shift=3)
    scores = score_words(vectors, words)
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scores.std(axis=0), 1, atol=1e-4)
    found = find_words(
        scores, inside.astype(float), np.arange(400), WordSet(WORDS, words @ words.T)
    )
    assert found[0].word == "desert"
    raw = vectors @ words[0]
    effect = (raw[inside].mean() - raw[~inside].mean()) / raw.std()
    assert found[0].effect == pytest.approx(effect, abs=1e-4)
    # Each cover a group of its own: the error is that of Welch's test.
    a, b = scores[inside, 0].astype(float), scores[~inside, 0].astype(float)
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    low = effect - stats.norm.isf(0.05 / 8) * error
    assert found[0].low == pytest.approx(low, abs=1e-3)


def test_where_nothing_was_planted_words_are_found_as_seldom_as_promised():
    rng = np.random.default_rng(1)
    n_named = 0
    for _ in range(200):
        vectors, words, inside = _library(rng, shift=0, n_words=40)
        scores = score_words(vectors, words)
        names = [str(i) for i in range(40)]
        n_named += bool(
            find_words(
                scores,
                inside.astype(float),
                np.arange(400),
                WordSet(names, np.eye(40), margin=0),
            )
        )
    # One-sided, at 5 % for both sides and all words together: 2.5 % of 200 are 5.
    assert n_named <= 12


def test_covers_of_one_artist_count_as_one_draw():
    rng = np.random.default_rng(2)
    vectors, words, inside = _library(rng, shift=3)
    scores = score_words(vectors, words)
    groups = np.arange(400)
    groups[:60] = np.arange(60) // 12  # five artists
    few = find_words(scores, inside.astype(float), groups, WordSet(WORDS, words @ words.T, margin=0))  # fmt: skip
    many = find_words(scores, inside.astype(float), np.arange(400), WordSet(WORDS, words @ words.T))  # fmt: skip
    assert many[0].word == "desert"
    if few:
        assert few[0].effect == pytest.approx(many[0].effect)
    groups[:60] = np.arange(60) // 15  # four are too few for any name
    assert (
        find_words(scores, inside.astype(float), groups, WordSet(WORDS, np.eye(4)))
        == []
    )


def test_the_margin_and_synonyms_keep_names_few():
    rng = np.random.default_rng(3)
    vectors, words, inside = _library(rng, shift=3, n_words=8)
    words[1:6] = _unit(words[0] + 0.02 * rng.normal(size=(5, 32)))
    words[6:] = _unit(words[6:] - np.outer(words[6:] @ words[0], words[0]))
    scores = score_words(vectors, words)
    names = [f"word {i}" for i in range(8)]
    found = find_words(
        scores, inside.astype(float), np.arange(400), WordSet(names, words @ words.T)
    )
    assert len(found) == 1  # the others say the same
    apart = find_words(
        scores, inside.astype(float), np.arange(400), WordSet(names, np.eye(8))
    )
    assert len(apart) == MOST_WORDS
    assert [word.low for word in apart] == sorted((w.low for w in apart), reverse=True)
    assert find_words(scores, inside.astype(float), np.arange(400), WordSet(names, np.eye(8), margin=10)) == []  # fmt: skip


def test_the_words_of_the_program_are_plain_and_no_word_stands_twice():
    words = read_words()
    assert 150 < len(words) < 400
    assert len({word.casefold() for word in words}) == len(words)
    assert all(len(word.split()) <= 6 for word in words)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "0 words"),
        (b"# nothing\n\n", "0 words"),
        (b"one\none\n", "1 words"),
        (b"a\n" + b"x" * 101, "plain text of at most"),
        (b"a\nb\x1b[2J\n", "plain text of at most"),
        (b"\xff\xfe", "cannot read the words"),
        ("\n".join(map(str, range(2001))).encode(), "2,001 words"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path, content, told):
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=told):
        read_words(path)
    with pytest.raises(DataError, match="cannot read the words"):
        read_words(tmp_path)
