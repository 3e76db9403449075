"""Measure what docs/method/audit.md says about duplicates and doubtful labels.

    scripts/bench audit recall [--covers FOLDER] [-n 400]
    scripts/bench audit labels [-w WORKSPACE] [--seeds 5]
    scripts/bench audit groups -w WORKSPACE --sheet groups.jpg [-n 40]

`recall` changes covers (drawn ones, or those of a folder) and counts how many
are found again. `labels` makes 5 % of the labels wrong and looks for them: on
drawn covers without a network, or on the features of a workspace. `groups`
lays near-duplicate groups of a workspace out on a sheet, one group a row, to
be judged by eye. Prints one JSON document: machine, versions, settings, results.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from covers.audit.label_errors import Planting, measure_flip_recovery
from covers.catalogue.table import read_catalogue
from covers.demo.designs import draw_sleeve
from covers.demo.plan import plan_library
from covers.errors import BrokenImageError
from covers.images.decode import decode
from covers.images.duplicates.near_duplicates import find_near_duplicates
from covers.images.duplicates.views import Views
from covers.images.formats import EXTENSIONS
from covers.images.measures import measure_picture, measures_table
from covers.images.thumbnails import SIZE_PX
from covers.workspace.artefacts import library_versions
from covers.workspace.disk.jsonable import to_jsonable
from covers.workspace.paths import Workspace
from scripts.benches.shared.contact_sheet import contact_sheet

SIDE = 224
SHARES = (0.01, 0.02, 0.05, 0.1)


def scaled(image, factor):
    size = [max(1, round(side * factor)) for side in image.size]
    return image.resize(size, Image.Resampling.LANCZOS)


def recompressed(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue())


def cropped(image, share, rng):
    """Cut a share of each dimension off, at random places, and scale back."""
    width, height = image.size
    dx, dy = round(share * width), round(share * height)
    x, y = int(rng.integers(0, dx + 1)), int(rng.integers(0, dy + 1))
    box = (x, y, width - dx + x, height - dy + y)
    return image.crop(box).resize(image.size, Image.Resampling.BICUBIC)


def inset(image, share):
    """Cut a share off on each of the four sides."""
    width, height = image.size
    return image.crop(
        (share * width, share * height, (1 - share) * width, (1 - share) * height)
    )


def toned(image, gains=(1, 1, 1), gamma=1.0):
    pixels = 255 * (np.asarray(image) / 255) ** gamma * gains
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def bordered(image, share, colour):
    return ImageOps.expand(image, round(share * image.width), colour)


CHANGES = {
    "none": lambda i, _: i,
    "half the size": lambda i, _: scaled(i, 0.5),
    "90 px": lambda i, _: scaled(i, 90 / i.width),
    "twice the size": lambda i, _: scaled(i, 2),
    "JPEG quality 40": lambda i, _: recompressed(i, 40),
    "JPEG quality 15": lambda i, _: recompressed(i, 15),
    "cropped by 1 %": lambda i, rng: cropped(i, 0.01, rng),
    "cropped by 2 %": lambda i, rng: cropped(i, 0.02, rng),
    "cropped by 3 %": lambda i, rng: cropped(i, 0.03, rng),
    "cropped by 3 % on each side": lambda i, _: inset(i, 0.03),
    "stretched by 5 %": lambda i, _: i.resize((round(1.05 * i.width), i.height)),
    "brighter by 15 %": lambda i, _: ImageEnhance.Brightness(i).enhance(1.15),
    "contrast -20 %": lambda i, _: ImageEnhance.Contrast(i).enhance(0.8),
    "saturation x 0.6": lambda i, _: ImageEnhance.Color(i).enhance(0.6),
    "gamma 0.8": lambda i, _: toned(i, gamma=0.8),
    "tinted": lambda i, _: toned(i, gains=(1.1, 1, 0.9)),
    "grey": lambda i, _: i.convert("L").convert("RGB"),
    "black border of 4 %": lambda i, _: bordered(i, 0.04, "black"),
    "white border of 8 %": lambda i, _: bordered(i, 0.08, "white"),
    "black bars of 10 %": lambda i, _: ImageOps.expand(
        i, (0, round(0.1 * i.height)), "black"
    ),
    "smaller, white border, JPEG 60": lambda i, _: recompressed(
        ImageOps.expand(scaled(i, 0.75), 5, "white"), 60
    ),
}


def drawn_covers(n, seed):
    """Yield drawn covers and their genres."""
    plan = [c for c in plan_library(max(n + n // 20, 60), seed) if c.reissue_of is None]
    for row in np.random.default_rng(seed).permutation(len(plan))[:n]:
        yield Image.fromarray(draw_sleeve(plan[row].sleeve, SIDE)), plan[row].genres


def covers_of(folder, n, seed):
    """Yield covers of a folder, drawn at random."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    for row in np.random.default_rng(seed).permutation(len(paths))[:n]:
        try:
            yield decode(paths[row], size_px=SIDE)
        except BrokenImageError as error:
            print(f"left out: {paths[row]}: {error}", file=sys.stderr)


def measure_recall(options):
    """Return the share of covers found again after each change."""
    covers = (
        covers_of(options.covers, options.n, options.seed)
        if options.covers
        else (image for image, _ in drawn_covers(options.n, options.seed))
    )
    rng = np.random.default_rng(options.seed)
    measured = {name: [] for name in CHANGES}
    thumbnails = {name: [] for name in CHANGES}
    for image in covers:
        for name, change in CHANGES.items():
            changed = change(image, rng)
            measured[name].append(measure_picture(changed))
            thumbnails[name].append(thumbnail(changed))
    n = len(measured["none"])
    recall = {}
    for name, changed in measured.items():
        both = measured["none"] + changed
        shown = thumbnails["none"] + thumbnails[name]
        pairs = find_near_duplicates(
            Views.of(measures_table(list(map(str, range(2 * n))), both)),
            look=lambda row, shown=shown: decode(shown[row]),
        )
        recall[name] = (
            len(set(pairs.first[pairs.second - pairs.first == n].tolist())) / n
        )
    unchanged = measures_table(list(map(str, range(n))), measured["none"])
    return {
        "n_covers": n,
        "recall": recall,
        "pairs_among_the_unchanged": len(
            find_near_duplicates(
                Views.of(unchanged), look=lambda row: decode(thumbnails["none"][row])
            )
        ),
    }


def thumbnail(image):
    """Return the bytes of a thumbnail as a scan writes it."""
    small = image.copy()
    small.thumbnail((SIZE_PX, SIZE_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def measure_labels(options):
    """Return how well planted label errors come back."""
    if options.workspace:
        features, membership, groups = features_of(Workspace.open(options.workspace))
    else:
        features, membership, groups = features_without_a_network(options)
    rows = []
    for seed in range(options.seeds):
        found = measure_flip_recovery(features, membership, groups, Planting(seed=seed))
        rows.append(
            [found.average_precision, *(v for share in SHARES for v in found.at(share))]
        )
    means, deviations = np.mean(rows, axis=0), np.std(rows, axis=0)
    names = [
        "average_precision",
        *(f"{w}_at_{s:.0%}" for s in SHARES for w in ("precision", "recall")),
    ]
    return {
        "n_covers": len(features),
        "n_genres": membership.shape[1],
        "random_precision": 0.05,
        "mean_over_seeds": dict(zip(names, means, strict=True)),
        "deviation_over_seeds": dict(zip(names, deviations, strict=True)),
    }


def features_of(workspace):
    """Return the untouched backbone's features of a workspace's labelled covers."""
    from covers.model.embedding_table import read_frozen

    catalogue, table = read_catalogue(workspace), read_frozen(workspace)
    rows = catalogue.rows_of(table.cover_ids)
    return table.embeddings, catalogue.membership()[rows], catalogue.groups[rows]


def features_without_a_network(options):
    """Return colour histograms and grey copies of drawn covers."""
    images, genres = zip(*drawn_covers(options.n, options.seed), strict=True)
    vocab = sorted({genre for names in genres for genre in names})
    membership = np.array(
        [[(g in names) / len(names) for g in vocab] for names in genres]
    )
    measured = [measure_picture(image) for image in images]
    colours = np.stack([m.colour_histogram for m in measured])
    copies = np.stack([np.frombuffer(m.signature, np.uint8) / 255 for m in measured])
    copies -= copies.mean(axis=1, keepdims=True)
    features = np.concatenate([4 * colours, copies], axis=1).astype(np.float32)
    return features, membership, np.arange(len(features))


def lay_out_groups(options):
    """Write a sheet of near-duplicate groups, one a row."""
    from covers.audit.stage import run as audit_workspace

    workspace = Workspace.open(options.workspace)
    audit = audit_workspace(workspace, seed=options.seed)
    groups = [f for f in audit.findings if f.kind in {"near_duplicate", "reissue"}]
    chosen = np.random.default_rng(options.seed).permutation(len(groups))[: options.n]
    columns = 6
    tiles, labels = [], []
    for number, row in enumerate(chosen.tolist()):
        ids = groups[row].cover_ids[:columns]
        tiles += [workspace.thumbnail_path(i) for i in ids] + [Path()] * (
            columns - len(ids)
        )
        labels += [f"group {number}"] * len(ids) + [""] * (columns - len(ids))
    sheet = contact_sheet(tiles, columns=columns, tile_px=110, labels=labels)
    sheet.save(options.sheet)
    return {
        "n_groups": len(groups),
        "n_shown": len(chosen),
        "sheet": str(options.sheet),
    }


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["recall", "labels", "groups"])
    parser.add_argument(
        "--covers", type=Path, help="folder of covers, instead of drawn ones"
    )
    parser.add_argument("-w", "--workspace", type=Path)
    parser.add_argument(
        "-n", type=int, default=400, help="covers, or groups on the sheet"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    if options.what == "groups" and not (options.workspace and options.sheet):
        parser.error("groups needs --workspace and --sheet")
    return options


def main():
    options = parse()
    measure = {
        "recall": measure_recall,
        "labels": measure_labels,
        "groups": lay_out_groups,
    }
    result = measure[options.what](options)
    document = {
        "machine": {"processor": platform.processor(), "cores": os.cpu_count()},
        "versions": library_versions(),
        "settings": {name: str(value) for name, value in vars(options).items()},
        "result": result,
    }
    print(json.dumps(to_jsonable(document), indent=1))


if __name__ == "__main__":
    main()
