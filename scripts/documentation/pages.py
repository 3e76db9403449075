"""Pages of the documentation taken apart: blocks of code, paragraphs, pieces of code in sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*) *$")
NOT_RUN = re.compile(r"^<!-- not run: .+ -->$")


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    page: str
    line: int
    language: str
    text: str
    is_run: bool

    @property
    def where(self) -> str:
        """Page and line, as compilers print them."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page, in lines; `name` is its path from the root."""

    name: str
    text: str

    @property
    def folder(self) -> Path:
        """Where relative links of the page start."""
        return (ROOT / self.name).parent

    def blocks(self) -> list[Block]:
        """Return the blocks of code, in order."""
        found, lines = [], self.text.splitlines()
        row = 0
        while row < len(lines):
            opening = FENCE.match(lines[row])
            if opening is None:
                row += 1
                continue
            end = row + 1
            while end < len(lines) and lines[end] != "```":
                end += 1
            before = lines[row - 1] if row else ""
            text = "\n".join(lines[row + 1 : end])
            is_run = NOT_RUN.match(before) is None
            found.append(Block(self.name, row + 2, opening.group(1), text, is_run))
            row = end + 1
        return found

    def prose(self) -> list[tuple[int, str]]:
        """Return the lines that are no code, with their numbers; lines of code are empty."""
        found, inside = [], False
        for number, line in enumerate(self.text.splitlines(), 1):
            is_fence = line.startswith("```")
            found.append((number, "" if inside or is_fence else line))
            inside ^= is_fence
        return found

    def spans(self) -> Iterator[tuple[int, str]]:
        """Yield the pieces of code in sentences and tables, with their lines."""
        for number, line in self.prose():
            for span in re.findall(r"`([^`]+)`", line):
                yield number, span.replace("\\|", "|")

    def paragraphs(self) -> Iterator[tuple[int, str]]:
        """Yield paragraphs and list items, with the line of each; headings and tables are none."""
        start, words = 0, ""
        for number, line in [*self.prose(), (0, "")]:
            text = line.strip()
            is_item = re.match(r"([-*]|\d+\.) ", text) is not None
            if words and (not text or is_item or text.startswith(("#", "|", "<"))):
                yield start, words
                words = ""
            if text and not text.startswith(("#", "|", "<")):
                start = start if words else number
                words = f"{words} {text}".strip()


def read_pages() -> list[Page]:
    """Return the pages that people read, those of the site first."""
    files = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
    return [
        Page(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
        for file in files
    ]
