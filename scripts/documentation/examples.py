"""The Python that documentation shows: it runs, or is checked against the real types.

Blocks of one page run in order and share their names, in a folder with what a
reader has: ``music``, a workspace of 120 drawn covers with every artefact that needs a
network; ``by-genre``, the covers it was made from; and three pictures. A block behind
``<!-- not run: why -->`` is read by mypy instead.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import io
import os
import pkgutil
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import covers
from covers.workspace.settings import write_settings
from scripts.documentation.pages import ROOT, Block, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVE = ROOT / "tests" / "fixtures" / "version-0.1.zip"
MADE_WITH = {
    "evaluation": {"n_bootstraps": 60},
    "overlap": {"n_bootstraps": 60, "which": "all"},
    "clusters": {"min_cluster_size": 5, "n_bootstraps": 60, "n_resamples": 1},
}


def problems_of_blocks(pages: list[Page]) -> Iterator[str]:
    """Run the Python blocks of all pages; yield what fails."""
    for page in pages:
        blocks = [block for block in page.blocks() if block.language == "python"]
        if any(block.is_run for block in blocks):
            yield from _run(blocks)
        yield from _check_types([block for block in blocks if not block.is_run])


def _run(blocks: list[Block]) -> Iterator[str]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        make_surroundings(Path(folder))
        os.chdir(folder)
        names: dict[str, object] = {"__name__": "__main__"}
        try:
            for block in blocks:
                if not block.is_run:
                    continue
                shown = io.StringIO()
                try:
                    code = compile(
                        "\n" * (block.line - 1) + block.text, block.page, "exec"
                    )
                    with (
                        contextlib.redirect_stdout(shown),
                        contextlib.redirect_stderr(shown),
                        warnings.catch_warnings(),
                    ):
                        warnings.simplefilter("ignore")
                        exec(code, names)
                except Exception as error:  # noqa: BLE001  (whatever it is, it is a problem of the page)
                    yield f"{block.where}: {type(error).__name__}: {error}"
                    return
        finally:
            os.chdir(before)


def unpack_library(folder: Path) -> None:
    """Unpack ``workspace``, with the settings it was made with, and its ``covers``."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    write_settings(folder / "workspace", MADE_WITH)


def make_surroundings(folder: Path) -> None:
    """Put into a folder what the examples of the pages find there."""
    unpack_library(folder)
    (folder / "workspace").rename(folder / "music")
    (folder / "covers").rename(folder / "by-genre")
    config = folder / "music" / "covers.toml"
    config.write_text(config.read_text().replace("../covers", "../by-genre"))
    pictures = sorted((folder / "by-genre" / "Folk").glob("*.jpg"))
    large = sorted(pictures, key=lambda path: path.stat().st_size)[-3:]
    for name, picture in zip(("sleeve.jpg", "a.jpg", "b.jpg"), large, strict=True):
        shutil.copy(picture, folder / name)


def _check_types(blocks: list[Block]) -> Iterator[str]:
    """Let mypy read blocks that are not run: every name, argument and attribute must exist."""
    if not blocks:
        return
    from mypy import api

    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for number, block in enumerate(blocks):
            file = Path(folder) / f"block_{number}.py"
            file.write_text(block.text + "\n", encoding="utf-8")
            names[file.name] = block
        found, broken, _ = api.run(
            [
                f"--config-file={ROOT / 'pyproject.toml'}",
                "--ignore-missing-imports",
                "--no-error-summary",
                "--no-pretty",
                *map(str, sorted(Path(folder).iterdir())),
            ]
        )
    if broken:
        yield f"{blocks[0].page}: mypy cannot read its blocks: {broken.strip()}"
    for line in found.splitlines():
        if ": error:" in line:
            file, number, rest = line.split(":", 2)
            block = names[Path(file).name]
            yield f"{block.page}:{block.line + int(number) - 1}:{rest}"


def problems_of_docstrings() -> Iterator[str]:
    """Run the examples in the docstrings of `indexer` and `covers`.

    They find ``covers``, ``np``, a ``library`` of 120 drawn covers, the ``cover_id`` of
    one, and the ``folder`` with its ``workspace`` and ``covers``.
    """
    with tempfile.TemporaryDirectory() as folder:
        unpack_library(Path(folder))
        library = covers.open(Path(folder) / "workspace")
        names = {
            "covers": covers,
            "np": np,
            "folder": Path(folder),
            "library": library,
            "cover_id": library.catalogue.cover_ids[0],
        }
        os.environ["COLUMNS"] = "80"
        for name in _modules():
            found = importlib.util.find_spec(name)
            path = Path(str(found.origin)) if found else None
            if path is None or ">>>" not in path.read_text(encoding="utf-8"):
                continue
            result = doctest.testmod(
                importlib.import_module(name),
                extraglobs=names,
                optionflags=doctest.ELLIPSIS,
            )
            if result.failed:
                yield f"{path.relative_to(ROOT)}: {result.failed} examples fail"


def _modules() -> Iterator[str]:
    for package in ("indexer", "covers"):
        yield package
        root = importlib.import_module(package)
        for info in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not info.name.endswith("__main__"):
                yield info.name
