"""Near-duplicate groups."""

import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from covers.demo.designs import draw_sleeve
from covers.demo.plan import plan_library
from covers.images.decode import decode
from covers.images.duplicates import hash_pairs, near_duplicates, plain_sleeves
from covers.images.duplicates.groups import connect, group_near_duplicates
from covers.images.duplicates.ink import Ink, ink_agreement
from covers.images.duplicates.near_duplicates import (
    DuplicatePairs,
    DuplicateThresholds,
    find_near_duplicates,
)
from covers.images.duplicates.views import Views
from covers.images.measures import measure_picture, measures_table

SIDE = 160


def recompress(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue())


def crop(image: Image.Image, share: float) -> Image.Image:
    """Cut `share` of the width and height off, more of it on one side."""
    cut = round(share * SIDE)
    return image.crop(
        (cut // 3, 2 * cut // 3, SIDE - cut + cut // 3, SIDE - cut + 2 * cut // 3)
    )


def tint(image: Image.Image) -> Image.Image:
    return Image.fromarray(
        (np.asarray(image) * [1.1, 1.0, 0.9]).clip(0, 255).astype(np.uint8)
    )


# Least share of drawn covers found again after each change; docs/method/audit.md has the figures.
TRANSFORMATIONS = {
    "half the size": (
        lambda i: i.resize((SIDE // 2, SIDE // 2), Image.Resampling.LANCZOS),
        0.97,
    ),
    "twice the size": (
        lambda i: i.resize((SIDE * 2, SIDE * 2), Image.Resampling.BICUBIC),
        0.97,
    ),
    "recompressed at quality 40": (lambda i: recompress(i, 40), 0.97),
    "recompressed at quality 15": (lambda i: recompress(i, 15), 0.97),
    "cropped by 1 %": (lambda i: crop(i, 0.01), 0.97),
    "cropped by 3 %": (lambda i: crop(i, 0.03), 0.9),
    "brighter": (lambda i: ImageEnhance.Brightness(i).enhance(1.15), 0.97),
    "less contrast": (lambda i: ImageEnhance.Contrast(i).enhance(0.8), 0.97),
    "paler": (lambda i: ImageEnhance.Color(i).enhance(0.6), 0.97),
    "tinted": (tint, 0.97),
    "black border": (lambda i: ImageOps.expand(i, 6, "black"), 0.9),
    "white border": (lambda i: ImageOps.expand(i, 12, "white"), 0.9),
}


def table_of(images):
    return measures_table(
        [str(i) for i in range(len(images))], [measure_picture(i) for i in images]
    )


@pytest.fixture(scope="module")
def drawn():
    plan = plan_library(400, seed=5)
    sleeves = [cover.sleeve for cover in plan if cover.reissue_of is None]
    return [Image.fromarray(draw_sleeve(sleeve, SIDE)) for sleeve in sleeves[::8][:48]]


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_drawn_covers_are_found_again_after_being(name, drawn):
    change, least = TRANSFORMATIONS[name]
    images = drawn + [change(i) for i in drawn]
    pairs = find_near_duplicates(Views.of(table_of(images)), look=images.__getitem__)
    found = {
        int(a)
        for a, b in zip(pairs.first, pairs.second, strict=True)
        if b - a == len(drawn)
    }
    assert len(found) >= least * len(drawn)


def test_different_drawn_covers_are_not_duplicates(drawn):
    assert len(set(group_near_duplicates(table_of(drawn)))) >= len(drawn) - 1


def test_blank_covers_are_not_duplicates_of_each_other():
    rng = np.random.default_rng(0)
    blank = [
        Image.fromarray((level + rng.integers(0, 3, (SIDE, SIDE, 3))).astype(np.uint8))
        for level in (0, 0, 0, 128, 250)
    ]
    assert group_near_duplicates(table_of(blank)).tolist() == [0, 1, 2, 3, 4]


def test_groups_are_numbered_in_order_and_chains_are_one_group(drawn):
    first, second = drawn[:2]
    images = [first, second, crop(first, 0.01), crop(crop(first, 0.01), 0.01)]
    assert group_near_duplicates(table_of(images)).tolist() == [0, 1, 0, 0]


def test_no_covers_and_covers_without_measures_are_alone(drawn):
    assert group_near_duplicates(table_of([])).tolist() == []
    table = table_of([drawn[0], drawn[0], drawn[0]])
    rows = table.to_pylist()
    rows[1] = {"cover_id": rows[1]["cover_id"]}  # as for a picture never measured
    table = pa.Table.from_pylist(rows, table.schema)
    assert group_near_duplicates(table).tolist() == [0, 1, 0]


def make_views(rng, n_views, n_hashes):
    """Random views, many of them a few bits apart."""
    centres = rng.integers(0, 256, (n_hashes, 8), np.uint8)
    flips = (rng.random((n_views, 8, 8)) < 0.06) * (1 << np.arange(8))
    hashes = centres[rng.integers(0, n_hashes, n_views)] ^ flips.sum(axis=2).astype(
        np.uint8
    )
    pictures = rng.integers(0, 256, (3, 256))
    copies = pictures[rng.integers(0, 3, n_views)] + rng.integers(
        -90, 90, (n_views, 256)
    )
    rows = np.sort(rng.integers(0, n_views, n_views))
    return Views(rows, hashes, copies.clip(0, 255).astype(np.uint8), n_views)


def find_by_brute_force(views, limits):
    pairs = {}
    bits = np.unpackbits(views.hashes, axis=1)
    for a in range(len(views.rows)):
        for b in range(a + 1, len(views.rows)):
            if views.rows[a] == views.rows[b]:
                continue
            distance = int((bits[a] != bits[b]).sum())
            correlation = float(
                np.corrcoef(views.signatures[a], views.signatures[b])[0, 1]
            )
            least = (
                limits.near_correlation
                if distance <= limits.near_bits
                else limits.far_correlation
            )
            if distance <= limits.far_bits and correlation >= least:
                key = (int(views.rows[a]), int(views.rows[b]))
                pairs[key] = min(pairs.get(key, (64, 0)), (distance, -correlation))
    return pairs


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_views=st.integers(0, 60),
    n_hashes=st.integers(1, 12),
)
def test_pairs_equal_those_of_brute_force(seed, n_views, n_hashes):
    limits = DuplicateThresholds(near_correlation=0.4, far_correlation=0.75)
    views = make_views(np.random.default_rng(seed), n_views, n_hashes)
    found = find_near_duplicates(views, limits)
    expected = find_by_brute_force(views, limits)
    keys = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert keys == sorted(expected)
    assert found.bits.tolist() == [expected[key][0] for key in keys]
    assert np.allclose(
        found.correlations, [-expected[key][1] for key in keys], atol=1e-5
    )


def test_thousands_of_copies_of_one_picture_are_one_group_in_little_memory():
    rng = np.random.default_rng(0)
    n_copies = 4000
    views = Views(
        np.arange(n_copies + 1),
        np.concatenate(
            [
                np.tile(rng.integers(0, 256, (1, 8), np.uint8), (n_copies, 1)),
                np.zeros((1, 8), np.uint8),
            ]
        ),
        np.tile(rng.integers(0, 256, (1, 256), np.uint8), (n_copies + 1, 1)),
        n_copies + 1,
    )
    pairs = find_near_duplicates(views)
    assert len(pairs) == n_copies - 1
    assert connect(pairs, n_copies + 1).tolist() == [0] * n_copies + [1]


TITLES = [
    "NIGHT RAIN",
    "OCEAN",
    "LIVE 1971",
    "HEARTS",
    "ZERO",
    "BLUE",
    "SOLO PIANO",
    "SUMMER",
]


def plain_sleeve(title, ground):
    """A line of text on white, on black, or on a run from dark to light."""
    slope = np.tile(np.linspace(60, 190, 256), (256, 1)).astype(np.uint8)
    levels = {"white": 250, "dark": 12, "gradient": slope}[ground]
    grey = np.broadcast_to(np.uint8(levels), (256, 256))
    image = Image.fromarray(np.ascontiguousarray(grey)).convert("RGB")
    ink = (10, 10, 10) if ground == "white" else (250, 250, 250)
    font = ImageFont.load_default(size=22)
    ImageDraw.Draw(image).text((40, 120), title, fill=ink, font=font)
    return image


def sleeve_with_a_mark(title, ground, mark):
    """A large mark that all sleeves of a label share, and a line of text below it."""
    image = plain_sleeve("", ground)
    ink = (10, 10, 10) if ground == "white" else (250, 250, 250)
    draw = ImageDraw.Draw(image)
    if mark == "ring":
        draw.ellipse((68, 40, 188, 160), outline=ink, width=9)
    else:
        font = ImageFont.load_default(size=38)
        draw.text((128, 60), "RECORDS", fill=ink, font=font, anchor="mm")
    font = ImageFont.load_default(size=20)
    draw.text((128, 205), title, fill=ink, font=font, anchor="mm")
    return image


@pytest.mark.parametrize("mark", ["ring", "name"])
@pytest.mark.parametrize("ground", ["white", "dark", "gradient"])
def test_sleeves_of_one_label_agree_in_the_small_words_too(ground, mark):
    sleeves = [sleeve_with_a_mark(title, ground, mark) for title in TITLES]
    images = sleeves + [recompress(sleeve, 40) for sleeve in sleeves]
    groups = group_near_duplicates(table_of(images), look=images.__getitem__)
    found = groups.tolist()
    together = [(i, j) for j in range(8) for i in range(j) if found[i] == found[j]]
    assert len(together) <= 1  # of 28 pairs of other words
    assert sum(found[i] == found[i + 8] for i in range(8)) >= 7


@pytest.mark.parametrize("ground", ["white", "dark", "gradient"])
@pytest.mark.parametrize(
    "pair", ["GREEN QUEEN", "HOUSE HORSE", "STONE STORE", "KING RING"]
)
def test_a_letter_that_differs_tells_plain_sleeves_apart(pair, ground):
    for one in pair.split():
        sleeve = plain_sleeve(one, ground)
        copies = (recompress(sleeve, 40), sleeve.resize((128, 128)))
        for copy in copies:
            agreement = ink_agreement(Ink.of(sleeve), Ink.of(copy))
            assert agreement.reaches(0.87, 0.8)
    one, other = (Ink.of(plain_sleeve(word, ground)) for word in pair.split())
    agreement = ink_agreement(one, other)
    assert not agreement.reaches(0.87, 0.8)
    assert agreement.letters < 0.75


@pytest.mark.parametrize("ground", ["white", "dark", "gradient"])
def test_plain_sleeves_agree_where_their_ink_is(ground):
    sleeves = [plain_sleeve(title, ground) for title in TITLES]
    copies = [recompress(sleeve, 40) for sleeve in sleeves]
    images = sleeves + copies
    groups = group_near_duplicates(table_of(images), look=images.__getitem__)
    assert groups.tolist() == [*range(len(TITLES))] * 2


def test_many_alike_sleeves_are_looked_at_as_often_as_there_are_sleeves(monkeypatch):
    n, looks = 20, []

    def count(first, second):
        looks.append((first, second))
        return ink_agreement(first, second)

    monkeypatch.setattr(near_duplicates, "ink_agreement", count)
    monkeypatch.setattr(plain_sleeves, "_SPARE_REFUSALS", 0)
    rng = np.random.default_rng(3)
    letters = rng.permuted(np.tile(list("ABCDEFGHKLMNOPRSTU"), (n, 1)), axis=1)
    sleeves = [sleeve_with_a_mark("".join(row[:9]), "white", "ring") for row in letters]
    images = sleeves + [recompress(sleeve, 40) for sleeve in sleeves]
    views = Views.of(table_of(images))
    pairs = find_near_duplicates(views, look=images.__getitem__)
    found = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found == [(row, row + n) for row in range(n)]
    assert len(looks) <= 2 * len(images)


FOUR_LETTERS = [
    *("BIRD", "KING", "GOLD", "SOLO", "LOVE", "MOON", "IRON", "WIND", "WOLF", "FIRE"),
    *("LIVE", "ROAD", "BLUE", "DUST", "HOME", "DARK", "RAIN", "ZERO", "GATE", "CITY"),
]


@pytest.mark.parametrize("ground", ["white", "gradient"])
@pytest.mark.parametrize("has_frame", [False, True])
def test_copies_are_found_in_a_crowd_of_words_of_one_length(
    ground, has_frame, monkeypatch
):
    """Of those that share a hash each is compared with the likeliest, not with the first alone."""
    monkeypatch.setattr(hash_pairs, "_LARGEST_PRODUCT", 4)
    sleeves = [plain_sleeve(title, ground) for title in FOUR_LETTERS]
    for sleeve in sleeves if has_frame else ():
        ink = (10, 10, 10) if ground == "white" else (250, 250, 250)
        ImageDraw.Draw(sleeve).rectangle((26, 26, 230, 230), outline=ink, width=5)
    images = sleeves + [recompress(sleeve, 40) for sleeve in sleeves]
    groups = group_near_duplicates(table_of(images), look=images.__getitem__)
    n, found = len(sleeves), groups.tolist()
    assert sum(found[i] == found[i + n] for i in range(n)) >= n - 1
    together = [(i, j) for j in range(n) for i in range(j) if found[i] == found[j]]
    assert len(together) <= 2  # of 190 pairs of other words


def test_a_few_words_on_a_sleeve_with_more_ink_are_other_words():
    """A frame on a run of colours has ink in two cells of five, too many for a plain sleeve."""
    images = []
    for title in TITLES[:5]:
        image = plain_sleeve(title, "gradient")
        ImageDraw.Draw(image).rectangle(
            (26, 26, 230, 230), outline=(250, 250, 250), width=5
        )
        images += [image, recompress(image, 40)]
    groups = group_near_duplicates(table_of(images), look=images.__getitem__)
    assert groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_without_thumbnails_plain_sleeves_of_other_words_are_alone():
    sleeves = [plain_sleeve(title, "white") for title in TITLES]
    groups = group_near_duplicates(table_of([*sleeves, sleeves[3]]))
    assert groups.tolist() == [*range(len(TITLES)), 3]


def pairs_of(*ends):
    first, second = np.array(ends, np.int64).T
    return DuplicatePairs(
        first, second, np.full(len(ends), 4), np.full(len(ends), 0.9, np.float32)
    )


def test_a_chain_is_no_group_but_a_group_may_lack_a_few_pairs():
    chain = connect(pairs_of(*((i, i + 1) for i in range(9))), 10)
    assert max(np.bincount(chain)) <= 3
    almost = [(i, j) for j in range(5) for i in range(j) if (i, j) != (0, 4)]
    assert connect(pairs_of(*almost), 6).tolist() == [0, 0, 0, 0, 0, 1]
