"""Folders give genres and splits."""

from __future__ import annotations

from covers.intake.folders import find_split_folders, label_by_folder
from covers.workspace.source_files import FileEntry


def label(*paths):
    entries = [FileEntry(path, 1, 1) for path in paths]
    return {c.file.path: c.labels for c in label_by_folder(entries)}


def test_the_first_folder_is_the_genre_however_deep_a_picture_lies():
    labels = label("Rock/a.jpg", "Rock/Band/Album/b.jpg", "Pop/c.jpg", "d.jpg")
    assert {p: found.genres for p, found in labels.items()} == {
        "Rock/a.jpg": ("Rock",),
        "Rock/Band/Album/b.jpg": ("Rock",),
        "Pop/c.jpg": ("Pop",),
        "d.jpg": (),
    }
    assert all(found.split is None for found in labels.values())


def test_split_folders_give_the_split_and_the_next_folder_the_genre():
    labels = label(
        "train/Rock/a.jpg", "Val/Rock/x/b.jpg", "TEST/Pop/c.jpg", "test/d.jpg"
    )
    assert [(f.split, f.genres) for f in labels.values()] == [
        ("train", ("Rock",)),
        ("valid", ("Rock",)),
        ("test", ("Pop",)),
        ("test", ()),
    ]


def test_a_genre_called_like_a_split_among_other_genres_stays_a_genre():
    assert find_split_folders(["Rock", "Pop", "Test"]) == {}
    assert find_split_folders(["train"]) == {"train": "train"}
    assert find_split_folders([]) == {}


def test_other_folders_beside_train_and_valid_are_genres():
    labels = label("train/Rock/a.jpg", "valid/Rock/b.jpg", "Extra/c.jpg")
    assert labels["Extra/c.jpg"].genres == ("Extra",)
    assert labels["Extra/c.jpg"].split is None
    assert labels["valid/Rock/b.jpg"].split == "valid"
