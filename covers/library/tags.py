"""Words that a person gave to covers, in ``tags.json`` of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.errors import DataError
from covers.workspace.registry import TAGS, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from covers.workspace.paths import Workspace

_LONGEST = 60


def read_tags(workspace: Workspace) -> dict[str, list[str]]:
    """Return the ids of the covers of each tag; empty where there is none.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    from covers.workspace.artefacts import read_json

    path = workspace.path(TAGS)
    if not path.exists():
        return {}
    # Nothing makes it again: it holds what a person wrote.
    content = read_json(
        path, TAGS.kind, f"covers dashboard -w {quote(workspace.root)} --review"
    )
    found = content.get("tags")
    if not isinstance(found, dict) or not all(
        isinstance(ids, list) and all(isinstance(one, str) for one in ids)
        for ids in found.values()
    ):
        message = f"cannot read the tags in '{path}': put back a copy of the file, or delete it"
        raise DataError(message)
    return {str(tag): list(ids) for tag, ids in found.items()}


def tag_covers(workspace: Workspace, tag: str, cover_ids: Sequence[str]) -> int:
    """Give covers a tag, beside those that have it already.

    Parameters
    ----------
    workspace : Workspace
    tag : str
        Up to 60 characters.
    cover_ids : sequence of str

    Returns
    -------
    int
        How many covers have it now.

    Raises
    ------
    DataError
        If the tag is empty or too long.
    """
    word = " ".join(tag.split())
    if not word or len(word) > _LONGEST:
        message = f"a tag has 1 to {_LONGEST} characters, got {len(word)}"
        raise DataError(message)
    tags = read_tags(workspace)
    tags[word] = list(dict.fromkeys([*tags.get(word, ()), *cover_ids]))
    _write(workspace, tags)
    return len(tags[word])


def drop_tag(workspace: Workspace, tag: str) -> None:
    """Take a tag away from all covers."""
    tags = read_tags(workspace)
    if tags.pop(tag, None) is not None:
        _write(workspace, tags)


def _write(workspace: Workspace, tags: Mapping[str, Sequence[str]]) -> None:
    from covers.workspace.artefacts import Stamp, write_json

    content = {"tags": {tag: list(tags[tag]) for tag in sorted(tags)}}
    write_json(workspace.path(TAGS), content, Stamp(kind=TAGS.kind))
