"""What a drawn library will hold, decided before a pixel is drawn."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from covers.demo.designs import DESIGNS, Sleeve
from covers.demo.files import Variant
from covers.demo.genres import Mixture, demo_mixture
from covers.demo.names import album_title, artist_names, label_name

__all__ = ["PlannedCover", "plan_library"]

#: Share of the covers that are near-duplicates of others.
_REISSUE_SHARE = 0.025


@dataclass(frozen=True)
class PlannedCover:
    """One cover of the library before it is drawn.

    Parameters
    ----------
    sleeve : Sleeve
        What the painter has to draw.
    genres : tuple of str
        The genre it was drawn for, then a second one for a few covers.
    paths : tuple of str
        Where it is written, relative to the library, one per genre.
    variant : Variant
        Colour mode, orientation and treatment of the file.
    reissue_of : str or None
        Path of the cover that it is a near-duplicate of.
    """

    sleeve: Sleeve
    genres: tuple[str, ...]
    paths: tuple[str, ...]
    variant: Variant
    reissue_of: str | None = None


def _quota(shares: np.ndarray[Any, np.dtype[np.float64]], total: int) -> list[int]:
    """Split a total by shares, giving what is left over to the largest remainders."""
    exact = shares * total
    counts = np.floor(exact).astype(int)
    for i in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
        counts[i] += 1
    return [int(count) for count in counts]


def _style_runs(
    rng: np.random.Generator, mixture: Mixture, genre_id: int, total: int
) -> list[str]:
    """List a genre's styles in its exact shares, in runs so that artists keep a look."""
    runs = [
        [style] * count
        for style, count in zip(
            mixture.styles, _quota(mixture.probabilities[genre_id], total), strict=True
        )
    ]
    order = [runs[i] for i in rng.permutation(len(runs))]
    styles = [style for run in order for style in run]
    for _ in range(total // 8):
        i, j = (int(k) for k in rng.integers(0, total, 2))
        styles[i], styles[j] = styles[j], styles[i]
    return styles


def _file_stem(text: str) -> str:
    """Replace the slash, which no file name can hold."""
    return text.replace("/", "-")


def plan_library(n_covers: int, seed: int) -> list[PlannedCover]:
    """Decide everything about a library but its pixels.

    Parameters
    ----------
    n_covers : int
        Number of distinct readable pictures, at least 40.
    seed : int
        Equal seeds give equal plans.

    Returns
    -------
    list of PlannedCover
        In the order of genres, then artists; reissues last.
    """
    mixture = demo_mixture()
    rng = np.random.default_rng([seed, 1])
    n_reissues = round(n_covers * _REISSUE_SHARE)
    per_genre = _quota(
        np.full(len(mixture.genres), 1 / len(mixture.genres)), n_covers - n_reissues
    )
    names = iter(artist_names(rng, n_covers))
    covers: list[PlannedCover] = []
    for genre_id, (genre, total) in enumerate(
        zip(mixture.genres, per_genre, strict=True)
    ):
        styles = _style_runs(rng, mixture, genre_id, total)
        left, maker = 0, _Maker("", "")
        for style in styles:
            if left == 0:
                left = int(rng.integers(2, 7))
                maker = _Maker(next(names), label_name(rng))
            left -= 1
            covers.append(_plan_cover(rng, (seed, len(covers)), style, genre, maker))
    _share_between_genres(rng, mixture, covers, max(2, n_covers // 150))
    _vary_files(rng, covers)
    covers += _plan_reissues(rng, covers, n_reissues)
    return covers


@dataclass
class _Maker:
    """An artist and label, and the titles of their covers so far."""

    artist: str
    label: str
    titles: set[str] = field(default_factory=set)


def _plan_cover(
    rng: np.random.Generator,
    number: tuple[int, int],
    style: str,
    genre: str,
    maker: _Maker,
) -> PlannedCover:
    """Choose title, year and file of one cover."""
    design = DESIGNS[style]
    artist, label, titles = maker.artist, maker.label, maker.titles
    title = album_title(rng, design.tone)
    while title in titles:
        title = album_title(rng, design.tone)
    titles.add(title)
    first, mode, last = design.years
    year = int(np.clip(round(rng.triangular(first - 1, mode, last + 1)), first, last))
    seed, index = number
    look = [ord(letter) for letter in artist + style]
    sleeve = Sleeve(
        style, artist, title, label, year, (seed, 2, *look), (seed, 3, index)
    )
    kind = str(rng.choice(["jpg", "png", "webp"], p=[0.8, 0.1, 0.1]))
    path = f"covers/{genre}/{_file_stem(f'{artist} - {title} ({year})')}.{kind}"
    return PlannedCover(sleeve, (genre,), (path,), Variant(kind))


def _share_between_genres(
    rng: np.random.Generator, mixture: Mixture, covers: list[PlannedCover], count: int
) -> None:
    """File some covers under a second genre that has their style, too."""
    for i in rng.permutation(len(covers)):
        cover = covers[i]
        others = [
            genre
            for genre, p in mixture.posterior(cover.sleeve.style).items()
            if p > 0.1 and genre not in cover.genres
        ]
        if not others:
            continue
        other = others[int(rng.integers(len(others)))]
        path = cover.paths[0].replace(f"/{cover.genres[0]}/", f"/{other}/")
        covers[i] = PlannedCover(
            cover.sleeve, (*cover.genres, other), (*cover.paths, path), cover.variant
        )
        count -= 1
        if count == 0:
            return


def _vary_files(rng: np.random.Generator, covers: list[PlannedCover]) -> None:
    """Give one cover each of the unusual file kinds."""
    plain = [i for i, cover in enumerate(covers) if len(cover.paths) == 1]
    unusual = ("cmyk", "rotated", "palette", "deep", "alpha")
    chosen = rng.choice(plain, len(unusual), replace=False)
    kinds = {"cmyk": "jpg", "rotated": "jpg", "palette": "gif"}
    for i, what in zip(chosen, unusual, strict=True):
        cover, kind = covers[i], kinds.get(what, "png")
        stem = cover.paths[0].rpartition(".")[0]
        covers[i] = PlannedCover(
            cover.sleeve, cover.genres, (f"{stem}.{kind}",), Variant(kind, what)
        )


def _plan_reissues(
    rng: np.random.Generator, covers: list[PlannedCover], count: int
) -> list[PlannedCover]:
    """Plan near-duplicates: the same picture, printed or scanned again."""
    plain = [
        i for i, c in enumerate(covers) if not c.variant.what and len(c.paths) == 1
    ]
    ways = ("recompressed", "resized", "bordered", "recoloured")
    reissues = []
    for number, i in enumerate(rng.choice(plain, count, replace=False)):
        cover = covers[i]
        sleeve, way = cover.sleeve, ways[number % len(ways)]
        year = min(2024, sleeve.year + int(rng.integers(3, 25)))
        stem = _file_stem(f"{sleeve.artist} - {sleeve.title} (Reissue) ({year})")
        path = f"covers/{cover.genres[0]}/{stem}.jpg"
        reissues.append(
            PlannedCover(
                sleeve, cover.genres, (path,), Variant("jpg", way), cover.paths[0]
            )
        )
    return reissues
