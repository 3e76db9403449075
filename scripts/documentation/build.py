"""Build the site: pages as they lie in docs/, with the parts that are made from the code.

    python -m scripts.documentation.build

Any link to a page or a heading that does not exist is an error.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.documentation import commands, python_api
from scripts.documentation.pages import ROOT

MADE = {
    "commands": commands.reference,
    "python covers": lambda: python_api.reference("covers"),
    "python indexer": lambda: python_api.reference("indexer"),
}


def fill_in(text: str) -> str:
    """Replace the marks of a page by what the code says."""
    for name, make in MADE.items():
        mark = f"<!-- made from the code: {name} -->"
        if mark in text:
            text = text.replace(mark, make())
    return text


def main() -> int:
    """Build into ``site/``; 0 when there was nothing to complain about."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        shutil.copytree(ROOT / "docs", source / "docs")
        shutil.copy(ROOT / "mkdocs.yml", source)
        for page in (source / "docs").rglob("*.md"):
            page.write_text(fill_in(page.read_text(encoding="utf-8")), encoding="utf-8")
        build = [
            "-m",
            "zensical",
            "build",
            "--strict",
            "-f",
            str(source / "mkdocs.yml"),
        ]
        done = subprocess.run(
            [sys.executable, *build], check=False, capture_output=True, text=True
        )
        if done.returncode or not (source / "site" / "index.html").exists():
            print(done.stdout.partition("Traceback")[0], file=sys.stderr)
            print(done.stderr.partition("Traceback")[0], file=sys.stderr)
            return 1
        shutil.rmtree(ROOT / "site", ignore_errors=True)
        shutil.copytree(source / "site", ROOT / "site")
    print("docs: open site/index.html", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
