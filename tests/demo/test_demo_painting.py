"""The painter's box and the lettering of the demo library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covers.demo import lettering
from covers.demo.lettering import (
    FACES,
    grown,
    rotated,
    set_lines,
    set_text,
    stamp,
)
from covers.demo.painting import (
    Canvas,
    blur,
    duotone,
    halftone,
    jitter_palette,
    mix,
    noise,
    relief,
)

BLACK, WHITE = np.zeros(3, np.float32), np.ones(3, np.float32)


@settings(max_examples=25, deadline=None)
@given(st.integers(16, 160), st.floats(1, 30), st.integers(1, 6), st.floats(0.3, 6))
def test_noise_reaches_both_ends_at_any_size(size, cells, octaves, stretch):
    field = noise(
        np.random.default_rng(0), size, cells, octaves=octaves, stretch=stretch
    )
    assert field.shape == (size, size)
    assert field.dtype == np.float32
    assert 0 <= field.min() < 1e-6
    assert field.max() == pytest.approx(1, abs=1e-5) or field.max() == 0


@pytest.mark.parametrize("level", [0.2, 0.5, 0.8])
def test_halftone_keeps_the_mean_brightness(level):
    dots = halftone(np.full((200, 200), level, np.float32), 8.0, 0.4)
    assert dots.mean() == pytest.approx(level, abs=0.09)


def test_duotone_maps_black_and_white_to_the_two_inks():
    first, last = np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.8, 0.7])
    toned = duotone(np.array([[0.0, 1.0]]), first, last)
    assert toned.shape == (3, 1, 2)
    assert toned[:, 0, 0] == pytest.approx(first)
    assert toned[:, 0, 1] == pytest.approx(last)


def test_mix_runs_from_the_first_colour_to_the_last():
    blend = mix(BLACK, WHITE, np.array([[0.0, 0.25, 1.0]]))
    assert blend[1].ravel() == pytest.approx([0, 0.25, 1])


def test_relief_lights_the_side_that_faces_the_lamp():
    slope = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    from_left, from_right = relief(slope, np.pi), relief(slope, 0.0)
    assert from_left.mean() > from_right.mean() + 0.3


def test_blur_keeps_the_mean_and_lowers_the_contrast():
    field = np.random.default_rng(0).random((96, 96)).astype(np.float32)
    soft = blur(field, 6)
    assert soft.mean() == pytest.approx(field.mean(), abs=0.02)
    assert soft.std() < 0.4 * field.std()


@pytest.mark.parametrize("size", [64, 97, 320])
def test_masks_cover_the_area_of_their_shapes(size):
    canvas = Canvas(size, WHITE)
    assert canvas.box(0.2, 0.3, 0.7, 0.9).mean() == pytest.approx(0.3, abs=0.02)
    assert canvas.disc(0.5, 0.5, 0.3).mean() == pytest.approx(np.pi * 0.09, abs=0.01)
    triangle = canvas.polygon([(0, 0), (1, 0), (0, 1)])
    assert triangle.mean() == pytest.approx(0.5, abs=0.03)


def test_laying_a_colour_changes_only_what_is_masked():
    canvas = Canvas(64, WHITE)
    canvas.lay(canvas.box(-1, -1, 0.5, 2), BLACK)
    assert canvas.pixels[:, :, :31].max() == 0
    assert canvas.pixels[:, :, 33:].min() == 1


def test_palettes_stay_inside_the_gamut_and_vary():
    rng = np.random.default_rng(0)
    draws = np.array(
        [
            jitter_palette(rng, "000000 222222 888888 ff0000 ffffff", 1.0)
            for _ in range(50)
        ]
    )
    assert draws.shape == (50, 5, 3)
    assert draws.min() >= 0
    assert draws.max() <= 1
    assert draws.std(axis=0).max() > 0.02


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(FACES)),
    st.text("abcXYZ 0123'&./", min_size=1, max_size=24),
    st.integers(4, 300),
    st.integers(3, 120),
)
def test_text_never_leaves_its_box(face, text, width, height):
    mask = set_text(text, FACES[face], width, height)
    assert mask.shape[0] <= max(height, 1)
    assert mask.shape[1] <= max(width, 1)
    assert 0 <= mask.min() <= mask.max() <= 1


@pytest.mark.parametrize("face", sorted(FACES))
def test_every_face_prints_every_word_with_ink(face):
    for word in ("Hours", "GLASS", "No. 7"):
        mask = set_text(word, FACES[face], 200, 40)
        assert mask.mean() > 0.05
        assert max(mask.shape[0] / 40, mask.shape[1] / 200) > 0.9


def test_lettering_works_where_only_pillow_has_a_font(monkeypatch):
    monkeypatch.setattr(lettering, "_font_folder", lambda: None)
    monkeypatch.setattr(lettering, "_loaded", type(lettering._loaded)())
    for face in FACES.values():
        assert set_text("Lantern", face, 200, 40).mean() > 0.05


def test_lines_of_a_block_share_one_size_unless_justified():
    lines = ["HOURS OF", "GLASS"]
    flush = set_lines(lines, FACES["heavy"], 200, 120)
    wide = set_lines(lines, FACES["heavy"], 200, 120, justify=True)
    half = flush.shape[0] // 2
    ends = [
        np.flatnonzero(part.max(axis=0) > 0.5)[-1]
        for part in (flush[:half], flush[half:])
    ]
    assert ends[0] > 1.3 * ends[1]
    assert wide.shape[1] <= 200


def test_grown_lettering_contains_the_letters():
    mask = set_text("Salt", FACES["slab"], 120, 40)
    fat = grown(mask, 4)
    assert fat.shape == (mask.shape[0] + 8, mask.shape[1] + 8)
    assert (fat[4:-4, 4:-4] >= mask - 0.3).all()
    assert fat.sum() > 1.3 * mask.sum()


def test_a_quarter_turn_swaps_width_and_height():
    assert rotated(np.ones((10, 30), np.float32), 90).shape == (30, 10)


@pytest.mark.parametrize("place", [(-0.5, 0.5), (0.5, 1.5), (0.0, 0.0), (1.0, 1.0)])
def test_stamps_beyond_the_border_are_cut_off(place):
    canvas = Canvas(40, WHITE)
    stamp(canvas, np.ones((20, 20), np.float32), *place, BLACK)
    inside = 100 if place in {(0.0, 0.0), (1.0, 1.0)} else 0
    assert (canvas.pixels[0] == 0).sum() == inside
