"""Fixtures that several test files share.

``drawn_once``
    Drawn covers and a whole workspace of them, unpacked once; not to be changed.
``painted_folder``
    A folder per genre with small pictures that differ in colour and texture.
``painted_workspace``
    The same, scanned.
``trained_workspace``
    The same, with a tiny trained model, embeddings and an index; made once per
    run and copied for each test that changes it.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from painted import paint_genres, tiny_recipe

pytest_plugins = ["dashboard_browser", "store_kinds"]

# A slow machine must not fail a test of properties.
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _main_module_stays(monkeypatch):
    """Put the main module back: Streamlit leaves its script there, which new processes would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def drawn_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 drawn covers of 8 genres and the workspace that version 0.1 made of them."""
    root = tmp_path_factory.mktemp("drawn")
    with zipfile.ZipFile(Path(__file__).parent / "fixtures/version-0.1.zip") as archive:
        archive.extractall(root)
    return root


@pytest.fixture(scope="session")
def _drawn_files(drawn_once: Path) -> dict[Path, tuple[int, int]]:
    return stamps_below(drawn_once)


@pytest.fixture(autouse=True)
def _drawn_stays(request: pytest.FixtureRequest):
    """Fail a test that changes the workspace that all share, not those that come after it."""
    shared = "drawn_once" in request.fixturenames
    before = request.getfixturevalue("_drawn_files") if shared else {}
    yield
    now = stamps_below(request.getfixturevalue("drawn_once")) if shared else {}
    changed = [
        path for path in before.keys() | now if before.get(path) != now.get(path)
    ]
    if changed:
        before.clear()
        before.update(now)
        pytest.fail(f"changed what all tests share, take a copy: {sorted(changed)}")


def stamps_below(root: Path) -> dict[Path, tuple[int, int]]:
    """Return time and size of each file below a folder."""
    found = {path: path.stat() for path in root.rglob("*") if path.is_file()}
    return {path: (s.st_mtime_ns, s.st_size) for path, s in found.items()}


@pytest.fixture
def painted_folder(tmp_path: Path) -> Path:
    return paint_genres(tmp_path / "covers")


@pytest.fixture
def painted_workspace(tmp_path: Path, painted_folder: Path):
    from covers.intake.scan import scan_workspace
    from covers.workspace.paths import Workspace

    root = tmp_path / "workspace"
    scan_workspace(root, [painted_folder])
    return Workspace.open(root)


@pytest.fixture(scope="session")
def _trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from covers.index.build import build_index
    from covers.intake.scan import scan_workspace
    from covers.model.training.train import train_workspace
    from covers.workspace.paths import Workspace

    root = tmp_path_factory.mktemp("trained")
    paint_genres(root / "covers")
    scan_workspace(root / "workspace", [root / "covers"])
    workspace = Workspace.open(root / "workspace")
    train_workspace(workspace, tiny_recipe(), device="cpu")
    build_index(workspace, device="cpu")
    return root


@pytest.fixture
def trained_workspace(_trained_once: Path, tmp_path: Path):
    from covers.workspace.paths import Workspace

    shutil.copytree(_trained_once, tmp_path / "trained")
    return Workspace.open(tmp_path / "trained" / "workspace")
