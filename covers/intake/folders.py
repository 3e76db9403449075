"""A folder per genre.

The genre of a picture is the first folder below the root, however deep the
picture lies: ``Rock/The Band/cover.jpg`` is Rock. Where the first folders are
called train, valid and test, they are the split, and the genre is the next
one: ``train/Rock/cover.jpg``. A picture directly in the root, or directly in a
split folder, has no genre.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.intake.sources import Candidate, Labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from covers.workspace.source_files import FileEntry

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}
"""What split folders, and values of a manifest's column ``split``, may be called."""


def find_split_folders(first_folders: Iterable[str]) -> dict[str, str]:
    """Decide which of the first folders are splits and not genres.

    They are when all of them have a split's name, or when one is for training
    and another for validation or testing.

    Returns
    -------
    dict of str to str
        Folder name to ``"train"``, ``"valid"`` or ``"test"``; empty where the
        folders are genres.

    Examples
    --------
    >>> find_split_folders(["train", "Test"])
    {'train': 'train', 'Test': 'test'}
    >>> find_split_folders(["Rock", "Test"])
    {}
    """
    names = list(first_folders)
    splits = {
        name: SPLIT_NAMES[name.lower()] for name in names if name.lower() in SPLIT_NAMES
    }
    has_both_sides = "train" in splits.values() and len(set(splits.values())) > 1
    return splits if has_both_sides or len(splits) == len(names) else {}


def label_by_folder(files: Sequence[FileEntry]) -> list[Candidate]:
    """Give each file the genre, and the split, that its folders say."""
    firsts = dict.fromkeys(
        entry.path.partition("/")[0] for entry in files if "/" in entry.path
    )
    splits = find_split_folders(firsts)
    shared: dict[tuple[str | None, str | None], Labels] = {}
    candidates = []
    for entry in files:
        folders = entry.path.split("/")[:-1]
        split = splits.get(folders[0]) if folders else None
        if split is not None:
            folders = folders[1:]
        genre = folders[0] if folders else None
        labels = shared.get((genre, split))
        if labels is None:
            labels = Labels(genres=(genre,) if genre else (), split=split)
            shared[genre, split] = labels
        candidates.append(Candidate(entry, labels))
    return candidates
