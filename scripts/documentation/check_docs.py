"""Check that the documentation and the program say the same, and that pages can be read.

- every command has help and is named on a page; every command line that a page shows
  could be typed: command, subcommand and options exist;
- every link and every path of the project leads somewhere;
- every block of Python runs, or at least fits the types of the real functions;
- no paragraph is longer than 90 words, but in *Method*;
- the README comes to its results within two screens.

    python -m scripts.documentation.check_docs
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from scripts.documentation import commands, examples
from scripts.documentation.pages import ROOT, Page, read_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

LINK = re.compile(r"(?:\]\(|src=\")(?!https?:|#|mailto:)([^)#\s\"]+)")
FOLDERS = "covers|indexer|dashboard|docs|scripts|tests"
PATH = re.compile(rf"^(?:\./)?((?:{FOLDERS})/[\w./-]+)(?: |$)")
MOST_WORDS = 90
RESULTS = "\n## Results\n"
MOST_BEFORE_RESULTS = 550
"""Words; 480 of them, with a picture and a table, are 1,770 pixels in a column of 830."""


def all_problems(pages: list[Page]) -> Iterator[str]:
    """Yield everything that is wrong with the pages, one line each."""
    yield from undocumented_commands(pages)
    for page in pages:
        yield from wrong_command_lines(page)
        yield from dead_links(page)
        yield from missing_paths(page)
        yield from long_paragraphs(page)
        yield from late_results(page)
    yield from examples.problems_of_blocks(pages)


def undocumented_commands(pages: list[Page]) -> Iterator[str]:
    """Yield the commands that no page names or that have no help."""
    text = "\n".join(page.text for page in pages)
    for name, command in commands.all_commands().items():
        if not (command.help or "").strip():
            yield f"command '{name}' has no help"
        if name.startswith("covers ") and name not in text:
            yield f"no page names '{name}'"


def wrong_command_lines(page: Page) -> Iterator[str]:
    """Yield the command lines of a page that could not be typed."""
    known = commands.all_options()
    for block in page.blocks():
        if block.language in {"", "sh", "console"}:
            for number, line in enumerate(block.text.splitlines(), block.line):
                problem = commands.problem_with(line)
                if problem:
                    yield f"{page.name}:{number}: {problem}"
    for number, span in page.spans():
        problem = commands.problem_with(span)
        option = re.match(r"--[a-z][a-z-]+", span)
        if option and option.group() not in known:
            problem = f"no command has the option '{option.group()}'"
        if problem:
            yield f"{page.name}:{number}: {problem}"


def dead_links(page: Page) -> Iterator[str]:
    """Yield links to files that do not exist."""
    for number, line in page.prose():
        for target in LINK.findall(line):
            if not (page.folder / target).exists():
                yield f"{page.name}:{number}: link to '{target}' leads nowhere"


def missing_paths(page: Page) -> Iterator[str]:
    """Yield paths of the project that are named and do not exist."""
    for number, span in page.spans():
        match = PATH.match(span)
        if match and not (ROOT / match.group(1)).exists():
            yield f"{page.name}:{number}: there is no '{match.group(1)}'"


def long_paragraphs(page: Page) -> Iterator[str]:
    """Yield paragraphs that nobody reads to the end."""
    if page.name.startswith("docs/method/"):
        return
    for number, text in page.paragraphs():
        n_words = len(text.split())
        if n_words > MOST_WORDS:
            yield f"{page.name}:{number}: a paragraph of {n_words} words: say it in at most {MOST_WORDS}"


def late_results(page: Page) -> Iterator[str]:
    """Yield that the README says too much before its results."""
    if page.name != "README.md":
        return
    before, heading, _ = page.text.partition(RESULTS)
    n_words = len(before.split())
    if not heading:
        yield f"{page.name}: there is no heading 'Results'"
    elif n_words > MOST_BEFORE_RESULTS:
        yield f"{page.name}: {n_words} words before the results: say it in at most {MOST_BEFORE_RESULTS}"


def main() -> int:
    """Print what is wrong; 0 when nothing is."""
    problems = [*all_problems(read_pages()), *examples.problems_of_docstrings()]
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
