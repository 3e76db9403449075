"""What computes and what shows has types: a table of anything is read or written at the border alone."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    *(f"covers/{room}" for room in ("stats", "classify", "overlap", "evaluate")),
    *(f"covers/{room}" for room in ("cluster", "audit", "suggest", "render")),
    "dashboard",
)
AT_THE_BORDER = ("cli", "demo", "exports", "library", "service", "workspace")
"""Rooms that take and give what others write: options, TOML, JSON, HTTP."""
BORDER_MODULES = {
    "arguments.py",  # filters as they are given
    "catalogue/corrections.py",  # rows of a table
    "catalogue/cover_set.py",
    "catalogue/genre_tree.py",  # TOML
    "images/locations.py",  # rows of a table
    "index/search.py",  # filters as they are given
    "intake/music/tag_cache.py",  # JSON
    "intake/scan_record.py",  # JSON
    "model/card.py",  # the description of a model
    "model/network/make_backbone.py",  # options of another library
    "model/pixels.py",  # rows of a table
    "model/training/checkpoint.py",  # JSON
    "model/training/recipe.py",  # options, TOML
    "model/weights.py",  # JSON
    "pipeline/status.py",  # settings
}
"""Modules elsewhere that read or write such tables, or hand them on."""
BORDER = {"to_json", "from_json", "prepare", "arrange"}
"""Functions that turn a type into JSON values, or back."""
READERS = {"read_calibrator", "read_classifier"}
"""The same of one of several types."""


def untyped(tree):
    """Yield the lines with a table of anything outside of the functions of the border."""

    def walk(node, is_border):
        for child in ast.iter_child_nodes(node):
            inside = is_border or getattr(child, "name", "") in BORDER | READERS
            if isinstance(child, ast.Subscript) and not inside:
                text = ast.unparse(child).replace("typing.", "")
                if text in {"dict[str, Any]", "Mapping[str, Any]"}:
                    yield child.lineno
            yield from walk(child, inside)

    yield from walk(tree, is_border=False)


@pytest.mark.parametrize("room", ROOMS)
def test_what_computes_and_shows_has_types(room):
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line in untyped(ast.parse(path.read_text("utf-8")))
    ]
    assert not found


def test_elsewhere_only_the_named_modules_hold_tables_of_anything():
    rooms = tuple(f"{room}/" for room in (*ROOMS, *AT_THE_BORDER))
    found = set()
    for path in (ROOT / "covers").rglob("*.py"):
        name = path.relative_to(ROOT / "covers").as_posix()
        if f"covers/{name}".startswith(rooms) or name.startswith(rooms):
            continue
        if any(untyped(ast.parse(path.read_text("utf-8")))):
            found.add(name)
    assert found == BORDER_MODULES


def test_a_table_of_anything_is_seen():
    lines = "def measure(a: dict[str, Any]):\n    b: list[Mapping[str, Any]] = []\n"
    assert list(untyped(ast.parse(lines))) == [1, 2]
    assert not list(untyped(ast.parse(lines.replace("measure", "to_json"))))
