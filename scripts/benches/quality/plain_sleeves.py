"""Measure near-duplicates among plain sleeves, as docs/method/audit.md says it; print JSON.

    scripts/bench plain_sleeves [-n 16]
    scripts/bench plain_sleeves --crowd 300 --layout frame --ground white --copy 0
    scripts/bench plain_sleeves --close

Sleeves of different words are drawn for each ground and layout, each with three
copies: JPEG quality 40, half the size, cropped by 2 %. Counted are the pairs within
groups that show one design (precision), and the pairs of one design that are found.
A crowd is of very many sleeves that share words, with one copy of each. Close words
differ in a letter or two.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import time

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from covers.images.decode import decode
from covers.images.duplicates.groups import group_near_duplicates
from covers.images.measures import measure_picture, measures_table

SIDE = 256
WORDS = (
    *("NIGHT RAIN", "OCEAN", "LIVE 1971", "HEARTS", "ZERO", "SYMPHONY No 5", "BLUE"),
    *("THE GARDEN", "SOLO PIANO", "WALTZ", "IRON GATE", "SUMMER", "EARLY WORKS"),
    *("MOTION", "DUST AND GOLD", "VOLUME II"),
)
FIFTY = (
    *("night", "rain", "ocean", "live", "hearts", "zero", "symphony", "blue", "garden"),
    *("solo", "piano", "waltz", "iron", "gate", "summer", "early", "works", "motion"),
    *("dust", "gold", "volume", "sea", "red", "house", "river", "stone", "light"),
    *("dark", "moon", "sun", "fire", "city", "road", "love", "war", "peace", "king"),
    *("queen", "ghost", "bird", "wolf", "snow", "wind", "dream", "home", "glass"),
    *("mirror", "paper", "silver", "black", "white", "green"),
)
CLOSE = (
    *("GREEN/QUEEN", "LIGHT/NIGHT", "RIVER/RAVEN", "BLACK/BLOCK", "HOUSE/HORSE"),
    *("STONE/STORE", "DREAM/CREAM", "GHOST/COAST", "SNOW/SHOW", "WIND/KIND"),
    *("ROAD/READ", "LOVE/LIVE", "WAR/WAY", "FIRE/FIVE", "MOON/MOOD", "KING/RING"),
    *("GOLD/COLD", "SEA/TEA", "SUN/RUN", "WHITE/WRITE", "PAPER/PIPER", "HOME/HOPE"),
    *("VOLUME II/VOLUME III", "LIVE 1971/LIVE 1977", "SYMPHONY No 5/SYMPHONY No 6"),
    *("PART 1/PART 2", "CITY/PITY", "DARK/BARK", "PEACE/PLACE"),
    "EARLY WORKS/LATER WORKS",
)
GROUNDS = ("white", "dark", "gradient")
LAYOUTS = ("left", "centred", "two lines", "ring", "name of a label", "frame", "disc")


def sleeve(words: str, ground: str, layout: str) -> Image.Image:
    """Draw one sleeve."""
    slope = np.tile(np.linspace(60, 190, SIDE), (SIDE, 1)).astype(np.uint8)
    levels = {"white": 250, "dark": 12, "gradient": slope}[ground]
    grey = np.ascontiguousarray(np.broadcast_to(np.uint8(levels), (SIDE, SIDE)))
    image = Image.fromarray(grey).convert("RGB")
    ink = (10, 10, 10) if ground == "white" else (250, 250, 250)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=20)
    middle = SIDE // 2
    if layout == "left":
        draw.text((36, 120), words, fill=ink, font=font)
        return image
    if layout == "two lines":
        draw.text((36, 100), "THE ORCHESTRA", fill=ink, font=font)
        draw.text((36, 136), words, fill=ink, font=font)
        return image
    if layout == "ring":
        draw.ellipse((68, 40, 188, 160), outline=ink, width=9)
    elif layout == "disc":
        draw.ellipse((68, 40, 188, 160), fill=ink)
    elif layout == "frame":
        draw.rectangle((26, 26, 230, 230), outline=ink, width=5)
    elif layout == "name of a label":
        large = ImageFont.load_default(size=38)
        draw.text((middle, 60), "RECORDS", fill=ink, font=large, anchor="mm")
    height = middle if layout in {"centred", "frame"} else 205
    draw.text((middle, height), words, fill=ink, font=font, anchor="mm")
    return image


def copies(image: Image.Image) -> list[Image.Image]:
    """Return the three copies of a sleeve."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    half = image.resize((SIDE // 2, SIDE // 2), Image.Resampling.LANCZOS)
    cut = round(0.02 * SIDE)
    inside = image.crop((cut // 2, cut // 2, SIDE - cut // 2, SIDE - cut // 2))
    return [decode(buffer.getvalue()), half, inside]


def measure(ground: str, layout: str, n: int) -> dict[str, object]:
    """Return precision and recall of the pairs of one kind of sleeve."""
    images = []
    for words in WORDS[:n]:
        own = sleeve(words, ground, layout)
        images += [own, *copies(own)]
    names = [str(number) for number in range(len(images))]
    table = measures_table(names, [measure_picture(image) for image in images])
    groups = group_near_duplicates(table, look=images.__getitem__).tolist()
    together = one_design = right = 0
    for a, b in itertools.combinations(range(len(images)), 2):
        is_one = a // 4 == b // 4
        one_design += is_one
        together += groups[a] == groups[b]
        right += is_one and groups[a] == groups[b]
    return {
        "ground": ground,
        "layout": layout,
        "precision": right / together if together else None,
        "recall": right / one_design,
        "n_pairs": together,
    }


def measure_crowd(n: int, layout: str, ground: str, number: int) -> dict[str, object]:
    """Return precision and recall of many sleeves of one kind, and what they cost."""
    rng, titles = np.random.default_rng(0), set()
    while len(titles) < n:
        titles.add(" ".join(rng.choice(FIFTY, rng.integers(1, 4))).upper())
    images = [sleeve(title, ground, layout) for title in sorted(titles)]
    images += [copies(image)[number] for image in images]
    names = [str(number) for number in range(len(images))]
    table = measures_table(names, [measure_picture(image) for image in images])
    begun = time.process_time()
    groups = group_near_duplicates(table, look=images.__getitem__)
    seconds = time.process_time() - begun
    sizes = np.unique(groups, return_counts=True)[1]
    found = int((groups[:n] == groups[n:]).sum())
    return {
        "precision": found / max(1, int((sizes * (sizes - 1) // 2).sum())),
        "found": found,
        "processor_seconds": round(seconds, 1),
    }


def measure_close(layout: str) -> dict[str, object]:
    """Return how many pairs of close words are joined on each ground."""
    joined = dict.fromkeys(GROUNDS, 0)
    for ground, pair in itertools.product(GROUNDS, CLOSE):
        images = [sleeve(words, ground, layout) for words in pair.split("/")]
        table = measures_table(["a", "b"], [measure_picture(one) for one in images])
        groups = group_near_duplicates(table, look=images.__getitem__)
        joined[ground] += int(groups[0] == groups[1])
    return {"layout": layout, "pairs": len(CLOSE), "joined": joined}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-n", type=int, default=16, help="sleeves of each kind")
    parser.add_argument("--crowd", type=int, help="sleeves of one crowd")
    parser.add_argument("--layout", choices=LAYOUTS, default="left")
    parser.add_argument("--ground", choices=GROUNDS, default="white")
    parser.add_argument("--copy", type=int, choices=(0, 1, 2), default=0)
    parser.add_argument("--close", action="store_true", help="pairs of close words")
    given = parser.parse_args()
    if given.close:
        rows = [measure_close(layout) for layout in LAYOUTS]
        print(json.dumps(rows, indent=1))
        return
    if given.crowd:
        crowd = measure_crowd(given.crowd, given.layout, given.ground, given.copy)
        print(json.dumps({**vars(given), **crowd}, indent=1))
        return
    kinds = itertools.product(LAYOUTS, GROUNDS)
    rows = [measure(ground, layout, given.n) for layout, ground in kinds]
    print(json.dumps({"n": given.n, "sleeves": rows}, indent=1))


if __name__ == "__main__":
    main()
