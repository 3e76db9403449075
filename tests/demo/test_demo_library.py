"""The demo library on disk: determinism, contents, and the mess in it."""

import csv
import hashlib
import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covers.demo import DemoLibrary, LibrarySettings, demo_mixture, draw_library
from covers.demo.designs import DESIGNS, draw_sleeve
from covers.demo.library import plan_library
from covers.errors import BrokenImageError, DataError
from covers.images.decode import read_picture

N_COVERS = 160


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> DemoLibrary:
    return draw_library(
        tmp_path_factory.mktemp("demo") / "library",
        LibrarySettings(n_covers=N_COVERS, size_px=96),
    )


@pytest.fixture(scope="module")
def rows(library) -> list[dict[str, str]]:
    with library.manifest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        draw_library(
            tmp_path / name, LibrarySettings(n_covers=40, seed=seed, size_px=64)
        )
    first, again, other = (fingerprint(tmp_path / name) for name in "abc")
    assert first == again
    assert len(set(first.values()) & set(other.values())) < 10


@pytest.mark.slow
def test_workers_do_not_change_the_bytes(tmp_path):
    draw_library(tmp_path / "one", LibrarySettings(n_covers=40, size_px=64))
    draw_library(
        tmp_path / "two", LibrarySettings(n_covers=40, size_px=64), n_workers=2
    )
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")


def test_every_cover_of_the_truth_is_there_and_readable(library):
    assert len(library.truth["covers"]) == library.n_covers == N_COVERS
    for cover in library.truth["covers"]:
        picture = read_picture(library.folder / cover["path"])
        assert min(picture.width, picture.height) >= 80


def test_truth_file_holds_what_the_library_returns(library):
    stored = json.loads(library.truth_file.read_text(encoding="utf-8"))
    assert stored == library.truth
    mixture = demo_mixture()
    assert np.allclose(stored["overlap"], mixture.overlap())
    assert stored["pairs"][0]["overlap"] == max(
        pair["overlap"] for pair in stored["pairs"]
    )
    assert len(stored["pairs"]) == len(mixture.genres) * (len(mixture.genres) - 1) / 2


def test_styles_have_their_designed_shares_in_every_genre(library):
    copies = {entry["path"] for entry in library.truth["near_duplicates"]}
    drawn = [c for c in library.truth["covers"] if c["path"] not in copies]
    for genre, shares in library.truth["style_probabilities"].items():
        styles = Counter(c["style"] for c in drawn if c["drawn_for"] == genre)
        total = sum(styles.values())
        for style, share in shares.items():
            assert abs(styles[style] - share * total) < 1


def test_posterior_of_a_cover_is_that_of_its_style(library):
    mixture = demo_mixture()
    for cover in library.truth["covers"]:
        assert cover["posterior"] == mixture.posterior(cover["style"])
        assert cover["posterior"][cover["drawn_for"]] > 0


def test_manifest_lists_every_file_that_pretends_to_be_a_cover(library, rows):
    litter = set(library.truth["litter"])
    files = {
        path.relative_to(library.folder).as_posix()
        for path in library.covers_folder.rglob("*")
        if path.is_file()
    }
    assert Counter(row["path"] for row in rows) == Counter(files - litter)
    for row in rows:
        assert row["path"].split("/")[1] == row["genre"].split(";")[0]


def test_file_names_give_artist_album_and_year(library, rows):
    broken = {entry["path"] for entry in library.truth["broken"]}
    for row in rows:
        if row["path"] in broken:
            continue
        found = re.fullmatch(
            r"(.+?) - (.+) \((\d{4})\)\.\w+", row["path"].split("/")[2]
        )
        assert found is not None
        assert found[1] == row["artist"]
        assert found[2] == row["album"].replace("/", "-")
        assert found[3] == row["year"]
        assert 1962 <= int(row["year"]) <= 2024


def test_artists_stay_with_one_genre_and_have_about_four_covers(library):
    genres, counts = defaultdict(set), Counter()
    for cover in library.truth["covers"]:
        genres[cover["artist"]].add(cover["drawn_for"])
        counts[cover["artist"]] += 1
    assert all(len(names) == 1 for names in genres.values())
    assert 3 < np.mean(list(counts.values())) < 5


def test_a_cover_in_two_genres_has_the_same_bytes_in_both(library):
    shared = library.truth["same_bytes"]
    assert len(shared) >= 2
    genres = {cover["path"]: cover["genres"] for cover in library.truth["covers"]}
    for first, second in shared:
        assert (library.folder / first).read_bytes() == (
            library.folder / second
        ).read_bytes()
        assert [first.split("/")[1], second.split("/")[1]] == genres[first]


def small(path: Path) -> np.ndarray:
    image = read_picture(path).image.resize((24, 24), Image.Resampling.BOX)
    return np.asarray(image, np.float64).ravel()


def test_near_duplicates_resemble_their_originals_and_differ_in_bytes(library):
    pairs = library.truth["near_duplicates"]
    assert {pair["how"] for pair in pairs} == {
        "recompressed",
        "resized",
        "bordered",
        "recoloured",
    }
    for pair in pairs:
        copy, original = library.folder / pair["path"], library.folder / pair["of"]
        assert copy.read_bytes() != original.read_bytes()
        likeness = {
            other["of"]: np.corrcoef(small(copy), small(library.folder / other["of"]))[
                0, 1
            ]
            for other in pairs
        }
        assert max(likeness, key=likeness.__getitem__) == pair["of"]


def test_broken_files_cannot_be_read_and_say_why(library):
    assert {entry["why"] for entry in library.truth["broken"]} >= {
        "truncated",
        "empty",
        "text",
        "html",
    }
    for entry in library.truth["broken"]:
        with pytest.raises(BrokenImageError, match=r"\w"):
            read_picture(library.folder / entry["path"])
        if entry["why"] == "truncated":
            assert (library.folder / entry["path"]).read_bytes().startswith(b"\xff\xd8")


def test_unusual_files_are_what_they_claim(library):
    seen = {
        entry["what"]: library.folder / entry["path"]
        for entry in library.truth["unusual_files"]
    }
    modes = {}
    for what, path in seen.items():
        with Image.open(path) as image:
            modes[what] = image.mode
            if what == "rotated":
                assert image.getexif()[0x0112] == 6
    assert modes["cmyk"] == "CMYK"
    assert modes["palette"] == "P"
    assert modes["deep"].startswith("I;16")
    assert modes["alpha"] == "RGBA"


def test_rotated_file_is_upright_once_its_orientation_is_applied(library):
    path = next(
        e["path"] for e in library.truth["unusual_files"] if e["what"] == "rotated"
    )
    cover = next(c for c in plan_library(N_COVERS, 0) if c.paths[0] == path)
    drawn = Image.fromarray(draw_sleeve(cover.sleeve, 96)).resize(
        (24, 24), Image.Resampling.BOX
    )
    upright = np.asarray(drawn, np.float64).ravel()
    assert np.corrcoef(small(library.folder / path), upright)[0, 1] > 0.98


def test_all_usual_formats_occur(library):
    kinds = Counter(
        cover["path"].rpartition(".")[2] for cover in library.truth["covers"]
    )
    assert set(kinds) == {"jpg", "png", "webp", "gif"}
    assert kinds["jpg"] > N_COVERS / 2


def test_covers_of_one_artist_share_a_look():
    together, apart = [], []
    by_style = defaultdict(list)
    for cover in plan_library(400, 1):
        if cover.reissue_of is None:
            by_style[cover.sleeve.style].append(cover.sleeve)
    for style in ("swiss", "xerox", "emblem"):
        looks = [
            (s.artist, np.asarray(draw_sleeve(s, 64), np.float64).mean(axis=(0, 1)))
            for s in by_style[style][:24]
        ]
        for i, (artist, look) in enumerate(looks):
            for other, look2 in looks[:i]:
                (together if artist == other else apart).append(
                    np.linalg.norm(look - look2)
                )
    assert np.mean(together) < 0.8 * np.mean(apart)


@pytest.mark.parametrize("style", sorted(DESIGNS))
def test_every_style_draws_a_different_picture_each_time(style):
    sleeves = [c.sleeve for c in plan_library(900, 2) if c.sleeve.style == style][:3]
    pictures = [draw_sleeve(sleeve, 80) for sleeve in sleeves]
    assert all(p.shape == (80, 80, 3) and p.dtype == np.uint8 for p in pictures)
    assert all(p.std() > 8 for p in pictures)
    assert not np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], draw_sleeve(sleeves[0], 80))


def test_old_covers_are_paler_than_new_ones():
    contrast = {}
    for year in (1962, 2020):
        spreads = []
        for cover in plan_library(240, 3)[::6]:
            sleeve = cover.sleeve
            dated = type(sleeve)(
                sleeve.style,
                sleeve.artist,
                sleeve.title,
                sleeve.label,
                year,
                sleeve.house_seed,
                sleeve.cover_seed,
            )
            pixels = np.asarray(draw_sleeve(dated, 64), np.float64)
            spreads.append(np.ptp(pixels, axis=2).mean())
        contrast[year] = np.mean(spreads)
    assert contrast[1962] < 0.95 * contrast[2020]


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match=r"not an empty folder.*name another folder"):
        draw_library(tmp_path, LibrarySettings(n_covers=40, size_px=64))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_interrupted_drawing_leaves_no_library_and_can_be_repeated(tmp_path):
    def stop(done: int, total: int) -> None:
        assert total == 40
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_library(
            tmp_path / "new", LibrarySettings(n_covers=40, size_px=64), progress=stop
        )
    assert not (tmp_path / "new").exists()
    seen: list[tuple[int, int]] = []
    draw_library(
        tmp_path / "new",
        LibrarySettings(n_covers=40, size_px=64),
        progress=lambda *step: seen.append(step),
    )
    assert seen == [(i, 40) for i in range(1, 41)]
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("wrong", [{"n_covers": 39}, {"size_px": 63}])
def test_numbers_that_are_too_small_are_refused(tmp_path, wrong):
    with pytest.raises(
        ValueError,
        match=f"{next(iter(wrong))}={next(iter(wrong.values()))}.*at least 40",
    ):
        draw_library(tmp_path / "new", LibrarySettings(**wrong))
    assert not (tmp_path / "new").exists()


def test_no_worker_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"n_workers=0.*one worker"):
        draw_library(tmp_path / "new", n_workers=0)
