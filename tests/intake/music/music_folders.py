"""Folders of music for tests: pictures, songs, and what is taken from them."""

from __future__ import annotations

import csv
import io

import audio_files
import numpy as np
from PIL import Image

from covers.images.decode import read_short_side
from covers.intake.music.album_art import find_albums
from covers.intake.music.album_notes import read_music_file
from covers.intake.scan import ScanOptions, scan_workspace
from covers.intake.sources import is_audio_name, walk

PRIORITY = (
    "cover",
    "folder",
    "front",
    "embedded",
    "album",
    "art",
    "albumart*",
    "*front*",
)


def jpeg(seed, side=200):
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((side, side), 0).save(buffer, "JPEG")
    return buffer.getvalue()


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def song(path, art=None, **tags):
    put(path, audio_files.mp3(tags, ((3, art),) if art else ()))


def albums_of(root):
    files = walk(root).files
    tags = {
        e.path: read_music_file(root / e.path)
        for e in files
        if is_audio_name(e.path) or e.path.endswith((".nfo", ".cue"))
    }
    return find_albums(files, tags, PRIORITY, lambda e: read_short_side(root / e.path))


def taken(root):
    """Return first candidate, artist, album and genres of each album that has one."""
    return [
        (
            c.file.path,
            c.labels.artist,
            c.labels.album,
            c.labels.genres,
        )
        for album in albums_of(root)
        for c in album.candidates[:1]
    ]


def scan(root, tmp_path):
    report = scan_workspace(tmp_path / "ws", [root], options=ScanOptions(kind="music"))
    with (tmp_path / "ws/problems.csv").open(newline="") as file:
        return report, list(csv.DictReader(file))
