"""What is measured on every picture."""

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.fft import dctn

from covers.images import colours
from covers.images import measures as measure
from covers.images.measures import (
    SCHEMA,
    inner_box,
    measure_picture,
    measures_table,
)


def plain(colour, size=(64, 64)) -> Image.Image:
    return Image.new("RGB", size, colour)


def noise(side: int = 256, seed: int = 0, cell: int = 16) -> Image.Image:
    """Blocks of random colours."""
    blocks = np.random.default_rng(seed).integers(
        0, 256, (side // cell,) * 2 + (3,), np.uint8
    )
    return Image.fromarray(blocks).resize((side, side), Image.Resampling.NEAREST)


def differing_bits(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


@pytest.mark.parametrize(
    ("colour", "brightness", "saturation"),
    [
        ("black", 0, 0),
        ("white", 1, 0),
        ((128, 128, 128), 128 / 255, 0),
        ("red", 0.299, 1),
        ((255, 128, 128), 0.65, 127 / 255),
    ],
)
def test_brightness_and_saturation_of_plain_pictures_are_exact(
    colour, brightness, saturation
):
    measures = measure_picture(plain(colour))
    assert measures.brightness == pytest.approx(brightness, abs=0.002)
    assert measures.saturation == pytest.approx(saturation, abs=0.002)
    assert measures.contrast == pytest.approx(0, abs=1e-6)
    assert measures.sharpness == 0


def test_half_black_half_white_has_the_greatest_contrast():
    image = plain("black")
    image.paste("white", (0, 0, 32, 64))
    measures = measure_picture(image)
    assert measures.contrast == pytest.approx(0.5)
    assert measures.brightness == pytest.approx(0.5)
    assert measures.palette == ("#000000", "#ffffff")
    assert measures.palette_share == (0.5, 0.5)


def test_near_black_pixels_are_not_called_saturated():
    assert measure_picture(plain((10, 0, 0))).saturation == 0


@pytest.mark.parametrize("sigma", [2.0, 4.0, 8.0])
def test_blur_brings_sharpness_to_the_documented_value(sigma):
    edge = plain("black", (128, 128))
    edge.paste("white", (42, 0, 85, 128))
    assert measure_picture(edge).sharpness == pytest.approx(1)
    blurred = edge.filter(ImageFilter.GaussianBlur(sigma))
    assert measure_picture(blurred).sharpness == pytest.approx(0.4 / sigma, rel=0.15)


def test_measures_hardly_depend_on_the_size_of_the_picture():
    small, large = (
        measure_picture(noise().resize((n, n), Image.Resampling.LANCZOS))
        for n in (256, 900)
    )
    assert differing_bits(small.phash, large.phash) <= 2
    # Colours mix at the blocks' edges where the copy's pixels lie across them.
    for name, most in (("brightness", 0.01), ("contrast", 0.01), ("saturation", 0.03)):
        assert getattr(small, name) == pytest.approx(getattr(large, name), abs=most)
    assert float(small.colour_histogram @ large.colour_histogram) > 0.98


def test_the_palette_finds_the_colours_and_their_shares():
    image = plain("#3366cc", (100, 100))
    image.paste("#ee1111", (0, 0, 30, 100))
    image.paste("#11aa22", (30, 0, 40, 100))
    measures = measure_picture(image)
    assert len(measures.palette) == 3
    assert measures.palette_share == pytest.approx((0.6, 0.3, 0.1))
    for found, true in zip(
        measures.palette, ("#3366cc", "#ee1111", "#11aa22"), strict=True
    ):
        for position in (1, 3, 5):
            assert (
                abs(
                    int(found[position : position + 2], 16)
                    - int(true[position : position + 2], 16)
                )
                <= 16
            )


def plain_palette(counts: np.ndarray) -> list[str]:
    """Weighted k-means, colour by colour."""
    levels = np.arange(16) * 17.0
    rgb = np.array([(r, g, b) for r in levels for g in levels for b in levels])
    codes = np.flatnonzero(counts)
    weights, rgb = counts[codes], rgb[codes]
    lab = colours._srgb_to_lab(rgb)

    def distance(code, centre):
        return ((lab[code] - centre) ** 2).sum()

    everyone = range(len(codes))
    centres = [lab[weights.argmax()]]
    while len(centres) < min(5, len(codes)):
        farness = [
            weights[c] ** 0.5 * min(distance(c, m) for m in centres) for c in everyone
        ]
        centres.append(lab[np.argmax(farness)])
    members = []
    for _ in range(6):
        nearest = np.array(
            [np.argmin([distance(c, m) for m in centres]) for c in everyone]
        )
        members = [np.flatnonzero(nearest == i) for i in range(len(centres))]
        members = [m for m in members if len(m)]
        centres = [np.average(lab[m], axis=0, weights=weights[m]) for m in members]
    members.sort(key=lambda m: -weights[m].sum())
    means = [np.average(rgb[m], axis=0, weights=weights[m]) for m in members]
    return ["#{:02x}{:02x}{:02x}".format(*np.rint(m).astype(int)) for m in means]


@pytest.mark.parametrize("seed", range(6))
def test_the_palette_is_that_of_plain_k_means(seed):
    rng = np.random.default_rng(seed)
    counts = np.zeros(4096, np.int64)
    codes = rng.choice(4096, (1, 3, 7, 40, 150, 300)[seed], replace=False)
    counts[codes] = rng.integers(1, 200, len(codes))
    found = colours.leading_colours(counts)
    assert [colour for colour, _ in found] == plain_palette(counts)
    assert sum(share for _, share in found) == pytest.approx(1)


def test_palette_shares_sum_to_one_and_fall():
    measures = measure_picture(noise())
    assert len(measures.palette) == len(measures.palette_share) == 5
    assert sum(measures.palette_share) == pytest.approx(1)
    assert list(measures.palette_share) == sorted(measures.palette_share, reverse=True)


def test_histograms_of_two_pictures_multiply_to_their_bhattacharyya_coefficient():
    image = plain("red")
    image.paste("blue", (0, 0, 16, 64))  # a quarter
    mixed, red, blue = (
        measure_picture(i).colour_histogram
        for i in (image, plain("red"), plain("blue"))
    )
    assert mixed.dtype == np.float32
    assert np.linalg.norm(mixed) == pytest.approx(1)
    assert float(mixed @ red) == pytest.approx(np.sqrt(0.75))
    assert float(mixed @ blue) == pytest.approx(np.sqrt(0.25))
    assert float(red @ blue) == 0


def test_grey_pictures_fill_only_colourless_bins():
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (64, 1))).convert(
        "RGB"
    )
    filled = np.flatnonzero(measure_picture(ramp).colour_histogram)
    assert filled.tolist() == [0, 1, 2, 3]


def test_the_hash_does_not_see_light_and_contrast_but_sees_another_picture():
    first, other = measure_picture(noise(seed=1)), measure_picture(noise(seed=2))
    paler = measure_picture(noise(seed=1).point(lambda v: v * 0.5 + 60))
    assert differing_bits(first.phash, paler.phash) <= 2
    assert differing_bits(first.phash, other.phash) > 20


@pytest.mark.parametrize("colour", ["black", "white", "#884422"])
def test_a_border_changes_the_hash_but_not_the_inner_one(colour):
    image = noise(224)
    framed = plain(colour, (256, 256))
    framed.paste(image, (16, 16))
    first, second = measure_picture(image), measure_picture(framed)
    assert first.phash == first.phash_inner
    assert differing_bits(first.phash, second.phash) > 10
    assert differing_bits(first.phash, second.phash_inner) <= 6


@pytest.mark.parametrize("seed", range(12))
def test_a_border_is_found_as_if_it_were_always_looked_for(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    size = (int(rng.integers(100, 400)), int(rng.integers(100, 400)))
    image = noise(seed=seed).resize(size, Image.Resampling.BICUBIC)
    framed = plain(tuple(map(int, rng.integers(0, 256, 3))), size)
    right, down = rng.integers(10, 40, 2) * rng.choice((-1, 1), 2)
    framed.paste(image, (int(right), int(down)))  # a border on two sides
    quickly = [measure_picture(picture) for picture in (image, framed)]
    monkeypatch.setattr(measure, "may_have_border", lambda bands: True)
    plainly = [measure_picture(picture) for picture in (image, framed)]
    assert [m.phash_inner for m in quickly] == [m.phash_inner for m in plainly]
    assert [m.signature_inner for m in quickly] == [m.signature_inner for m in plainly]
    assert quickly[1].phash_inner != quickly[1].phash


def trim(pixels):
    """Call `inner_box` with a picture's bands."""
    return inner_box(np.moveaxis(pixels, 2, 0))


def test_nested_borders_are_trimmed_one_after_the_other():
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[10:90, 10:90] = 255
    pixels[25:75, 20:80] = np.random.default_rng(0).integers(0, 200, (50, 60, 3))
    assert trim(pixels) == (20, 25, 80, 75)


def test_a_blank_picture_and_a_dot_on_paper_are_not_trimmed_away():
    pixels = np.full((100, 100, 3), 200, np.uint8)
    assert trim(pixels) == (0, 0, 100, 100)
    pixels[45:55, 45:55] = 0
    assert trim(pixels) == (0, 0, 100, 100)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3, 2), (2000, 10)])
def test_odd_sizes_are_measured(size):
    measures = measure_picture(noise(64).resize(size))
    assert len(measures.phash) == len(measures.phash_inner) == 16
    assert len(measures.signature) == len(measures.signature_inner) == 256
    assert np.isfinite(
        [
            measures.brightness,
            measures.saturation,
            measures.contrast,
            measures.sharpness,
        ]
    ).all()


def test_another_mode_than_rgb_is_refused():
    with pytest.raises(ValueError, match="mode RGB, got 'L'"):
        measure_picture(Image.new("L", (8, 8)))


def test_the_table_keeps_every_value():
    measures = [measure_picture(noise(seed=i)) for i in range(3)]
    table = measures_table(["a", "b", "c"], measures)
    assert table.schema == SCHEMA
    rows = table.to_pylist()
    assert [row["cover_id"] for row in rows] == ["a", "b", "c"]
    assert rows[1]["phash"] == measures[1].phash
    assert rows[1]["signature_inner"] == measures[1].signature_inner
    assert rows[2]["palette"] == list(measures[2].palette)
    assert np.allclose(rows[2]["colour_histogram"], measures[2].colour_histogram)
    assert measures_table([], []).schema == SCHEMA


def plainly(pixels):
    """Measure light, hash and trim of a picture of 128 px from their definitions."""
    luma = pixels @ np.array([0.299, 0.587, 0.114]) / 255
    small = luma.reshape(32, 4, 32, 4).mean(axis=(1, 3))
    waves = dctn(small, norm="ortho")[:9, :9].ravel()[1:65]
    highest, chroma = pixels.max(axis=2), np.ptp(pixels, axis=2)
    low, high = np.percentile(luma, (1, 99))
    steps = [np.abs(np.diff(luma, axis=axis)).ravel() for axis in (0, 1)]
    return {
        "brightness": luma.mean(),
        "contrast": luma.std(),
        "saturation": np.where(highest < 16, 0, chroma / np.maximum(highest, 1)).mean(),
        "sharpness": np.percentile(np.concatenate(steps), 99.5) / (high - low),
        "phash": np.packbits(waves > np.median(waves)).tobytes().hex(),
    }


@pytest.mark.parametrize("seed", range(8))
def test_measures_are_what_their_definitions_say(seed):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (9, 9, 3), np.uint8)
    image = Image.fromarray(small).resize((128, 128), Image.Resampling.BICUBIC)
    if seed % 2:  # with fine noise, darker
        pixels = np.asarray(image) // 3 + rng.integers(0, 20, (128, 128, 3), np.uint8)
        image = Image.fromarray(pixels)
    measures, plain_way = measure_picture(image), plainly(np.asarray(image))
    assert differing_bits(measures.phash, plain_way.pop("phash")) <= 1
    for name, value in plain_way.items():
        assert getattr(measures, name) == pytest.approx(value, abs=1e-3), name


def trimmed_plainly(pixels, rounds=3):
    """Cut off borders line by line, as the docstring says; left, top, right, bottom."""
    left, top, (bottom, right) = 0, 0, pixels.shape[:2]
    for _ in range(rounds):
        inner = pixels[top:bottom, left:right].astype(int)
        edges = np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]])
        stray = (np.abs(inner - np.median(edges, axis=0)) > 16).any(axis=2)
        rows = np.flatnonzero(stray.mean(axis=1) > 0.02)
        columns = np.flatnonzero(stray.mean(axis=0) > 0.02)
        if not len(rows) or not len(columns):
            return 0, 0, pixels.shape[1], pixels.shape[0]
        left, right = left + columns[0], left + columns[-1] + 1
        top, bottom = top + rows[0], top + rows[-1] + 1
    return left, top, right, bottom


@pytest.mark.parametrize("seed", range(20))
def test_borders_are_where_a_search_line_by_line_finds_them(seed):
    rng = np.random.default_rng(seed)
    pixels = np.full((90, 120, 3), rng.integers(0, 256, 3), np.uint8)
    left, top, right, bottom = rng.integers(0, 20, 4)  # a side may have none
    inside = pixels[top : 90 - bottom, left : 120 - right]
    inside[:] = rng.integers(0, 256, inside.shape)
    assert trim(pixels) == trimmed_plainly(pixels)
