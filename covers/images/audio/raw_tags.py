"""What the tags of a music file say before they are sorted, however the file spells them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_VALUES = 256
"""Values of one field that are kept; no album has as many genres."""
MAX_TEXT = 4096
"""Letters of one value that are kept."""
CUE_SHEET = "cuesheet"
"""Field that holds the whole cue sheet of one long file."""
MAX_CUE_SHEET = 2**16
"""Letters of it that are kept."""
MAX_PICTURES = 32
"""Pictures of one file that are kept."""
_NAMED = frozenset({"title", "artist", "albumartist", "album", "genre"})


@dataclass
class RawTags:
    """Values by field and pictures by type.

    Parameters
    ----------
    fields : dict of str to list of str
        By name: ``title``, ``artist``, ``albumartist``, ``album``, ``year``,
        ``genre``, ``disc``, ``compilation``, and whatever else a file has, in
        lower case.
    pictures : list of (int, bytes)
        Type as ID3 numbers it, and bytes, whatever they are.
    problems : list of str
        What could not be read.
    n_tracks : int, optional
        Tracks in the file, where it counts them.
    """

    fields: dict[str, list[str]] = field(default_factory=dict)
    pictures: list[tuple[int, bytes]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    n_tracks: int | None = None

    def add(self, name: str, values: Iterable[str]) -> None:
        """Add values to a field: each once, empty ones and those beyond the bounds not."""
        known = self.fields.setdefault(name, [])
        for value in values:
            if len(known) >= MAX_VALUES:
                self._report(name, f"has more than {MAX_VALUES} values")
                return
            longest = MAX_CUE_SHEET if name == CUE_SHEET else MAX_TEXT
            if len(value) > longest:
                self._report(name, f"is longer than {longest:,} letters")
            text = value[:longest].replace("\0", " ").strip()
            if text and text not in known:
                known.append(text)

    def _report(self, name: str, what: str) -> None:
        """Note that a field is cut, if it is one that counts; lyrics may be long."""
        problem = f"the field '{name}' {what}: the rest is left out"
        if name in _NAMED and problem not in self.problems:
            self.problems.append(problem)

    def add_picture(self, number: int, data: bytes) -> None:
        """Add a picture, unless there are too many."""
        if data and len(self.pictures) < MAX_PICTURES:
            self.pictures.append((number, data))

    def fill(self, other: RawTags) -> None:
        """Take from other tags the fields that are not known yet, and all pictures."""
        for name, values in other.fields.items():
            if not self.fields.get(name):
                self.fields[name] = values
        for number, data in other.pictures:
            self.add_picture(number, data)
        self.problems += other.problems
        self.n_tracks = self.n_tracks or other.n_tracks
