"""Check that the documentation and the program say the same.

Every command has help and is named in the README or in docs/; every link to a
file of the project leads somewhere; Python examples in docstrings run.
"""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import sys
from pathlib import Path

from covers.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def find_undocumented() -> list[str]:
    """Return the commands that no page names or that have no help."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    problems = []
    for name in COMMANDS:
        command = main.commands.get(name) or main.get_command(None, name)  # type: ignore[arg-type]
        if command is None or not (command.help or "").strip():
            problems.append(f"command 'covers {name}' has no help")
        if f"covers {name}" not in text:
            problems.append(f"no page names 'covers {name}'")
    return problems


def find_dead_links() -> list[str]:
    """Return links to files that do not exist."""
    return [
        f"{page.relative_to(ROOT)}: link to '{target}' leads nowhere"
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]


def find_failing_examples() -> list[str]:
    """Run the examples in the docstrings of `indexer` and `covers`."""
    problems = []
    for package in ("indexer", "covers"):
        root = importlib.import_module(package)
        for info in pkgutil.walk_packages(root.__path__, f"{package}."):
            if info.name.endswith("__main__"):
                continue
            source = importlib.util.find_spec(info.name)
            path = Path(str(source.origin)) if source else None
            if path is None or ">>>" not in path.read_text(encoding="utf-8"):
                continue
            result = doctest.testmod(importlib.import_module(info.name))
            if result.failed:
                problems.append(f"{result.failed} examples fail in {info.name}")
    return problems


def main_check() -> int:
    """Print what is wrong; 0 when nothing is."""
    problems = find_undocumented() + find_dead_links() + find_failing_examples()
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main_check())
