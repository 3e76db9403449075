"""Build the site: pages as they lie in docs/, with the parts that are made from the code.

    python -m scripts.documentation.build

Any link to a page or a heading that does not exist is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.documentation import commands, python_api, tutorials
from scripts.documentation.pages import ROOT

FETCHED = re.compile(r'<script src="https://unpkg\.com/iframe-worker/shim"[^>]*>')
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


def build_site(target: Path) -> list[str]:
    """Build the site into a folder; return what the builder complains about, line by line."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        shutil.copytree(ROOT / "docs", source / "docs")
        shutil.copy(ROOT / "mkdocs.yml", source)
        tutorials.make_pages(source / "docs" / "tutorials")
        for page in (source / "docs").rglob("*.md"):
            page.write_text(fill_in(page.read_text(encoding="utf-8")), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--strict"],
            cwd=source,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )
        if done.returncode:
            return (done.stdout + done.stderr.partition("Traceback")[0]).splitlines()
        for page in (source / "site").rglob("*.html"):
            page.write_text(keep_at_home(page, source / "site"), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source / "site", target)
    return []


def keep_at_home(page: Path, site: Path) -> str:
    """Return a page that fetches nothing from elsewhere, searching from the disk included."""
    up = "../" * (len(page.relative_to(site).parts) - 1)
    text = page.read_text(encoding="utf-8")
    text = FETCHED.sub(f'<script src="{up}images/worker-from-disk.js">', text)
    if re.search(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="https?://', text):
        message = f"{page.name} would fetch something from elsewhere"
        raise RuntimeError(message)
    return text


def main() -> int:
    """Build into ``site/``; 0 when there was nothing to complain about."""
    problems = build_site(ROOT / "site")
    print("\n".join(problems) or "docs: open site/index.html", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
