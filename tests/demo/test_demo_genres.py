"""The known truth of the demo library: is it what simulation says?"""

import numpy as np
import pytest

from covers.demo.designs import DESIGNS, PALETTES
from covers.demo.genres import GENRES, STYLES, Mixture, demo_mixture
from covers.demo.names import album_title, artist_names

N_DRAWS = 200_000


def draw_styles(
    mixture: Mixture, genre_id: int, rng: np.random.Generator
) -> np.ndarray:
    return rng.choice(len(mixture.styles), N_DRAWS, p=mixture.probabilities[genre_id])


def test_style_probabilities_of_every_genre_sum_to_one():
    assert demo_mixture().probabilities.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "pair", [("Ambient", "Electronic"), ("Metal", "Punk"), ("Folk", "Jazz")]
)
def test_overlap_is_twice_the_error_of_the_best_two_class_reader(pair):
    mixture, rng = demo_mixture(), np.random.default_rng(3)
    a, b = (GENRES.index(genre) for genre in pair)
    says_a = mixture.probabilities[a] >= mixture.probabilities[b]
    wrong_a = 1 - says_a[draw_styles(mixture, a, rng)].mean()
    wrong_b = says_a[draw_styles(mixture, b, rng)].mean()
    assert mixture.overlap()[a, b] == pytest.approx(wrong_a + wrong_b, abs=0.006)


def test_bayes_accuracy_is_that_of_a_reader_who_knows_every_style():
    mixture, rng = demo_mixture(), np.random.default_rng(4)
    best = mixture.probabilities.argmax(axis=0)
    right = [
        (best[draw_styles(mixture, g, rng)] == g).mean() for g in range(len(GENRES))
    ]
    assert mixture.bayes_accuracy() == pytest.approx(np.mean(right), abs=0.003)


def test_posterior_follows_the_rule_of_bayes():
    mixture = demo_mixture()
    for s, style in enumerate(mixture.styles):
        posterior = mixture.posterior(style)
        assert sum(posterior.values()) == pytest.approx(1.0)
        for g, genre in enumerate(mixture.genres):
            joint = mixture.probabilities[g, s] / len(mixture.genres)
            evidence = mixture.probabilities[:, s].mean()
            assert posterior[genre] == pytest.approx(joint / evidence)


def test_pairs_are_ordered_with_room_between_them():
    overlap = demo_mixture().overlap()
    ranked = np.sort(overlap[np.triu_indices(len(GENRES), 1)])[::-1]
    assert (-np.diff(ranked[:5]) >= 0.09).all()
    assert ranked[4] <= 0.051
    assert (ranked[7:] == 0).all()


def test_the_best_possible_reader_is_right_three_times_in_four_or_a_little_more():
    assert 0.75 < demo_mixture().bayes_accuracy() < 0.85


def test_every_style_has_a_painter_and_known_palettes():
    assert set(DESIGNS) == set(STYLES)
    for design in DESIGNS.values():
        assert set(design.palettes) <= set(PALETTES)
        first, mode, last = design.years
        assert 1962 <= first <= mode <= last <= 2024


def test_no_palette_belongs_to_one_genre_alone():
    mixture = demo_mixture()
    users = {
        palette: {
            genre
            for genre, row in zip(mixture.genres, mixture.probabilities, strict=True)
            for style, share in zip(mixture.styles, row, strict=True)
            if share and palette in DESIGNS[style].palettes
        }
        for palette in PALETTES
    }
    assert min(len(genres) for genres in users.values()) >= 2


@pytest.mark.parametrize("count", [1, 300, 1500, 4000])
def test_artist_names_never_repeat(count):
    names = artist_names(np.random.default_rng(0), count)
    assert len(names) == len(set(names)) == count


def test_titles_have_no_unfilled_places():
    rng = np.random.default_rng(0)
    for design in DESIGNS.values():
        for _ in range(40):
            title = album_title(rng, design.tone)
            assert title.strip()
            assert "{" not in title


def test_bayes_macro_f1_is_that_of_scikit_learn_on_many_draws():
    from sklearn.metrics import f1_score

    mixture = demo_mixture()
    rng = np.random.default_rng(0)
    genres = rng.integers(len(mixture.genres), size=40_000)
    styles = [
        rng.choice(len(mixture.styles), p=mixture.probabilities[genre])
        for genre in genres
    ]
    named = mixture.probabilities.argmax(axis=0)[styles]
    expected = f1_score(genres, named, average="macro")
    assert mixture.bayes_macro_f1() == pytest.approx(expected, abs=0.01)
