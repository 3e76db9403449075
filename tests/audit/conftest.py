"""Genre folders with everything that an audit finds in folders."""

import pytest
from audit_pictures import design, put
from PIL import Image, ImageFilter

from covers.intake.scan import scan_workspace
from covers.workspace.paths import Workspace


@pytest.fixture
def library(tmp_path):
    """Genre folders with one example of everything that folders can have."""
    root = tmp_path / "library"
    for i in range(14):
        put(root / f"Rock/r{i}.jpg", design(i))
        put(root / f"Pop/p{i}.jpg", design(100 + i))
    (root / "Pop/twice.jpg").write_bytes((root / "Rock/r0.jpg").read_bytes())
    put(root / "Rock/again.jpg", design(1).resize((130, 130)), quality=40)
    put(root / "Pop/other genre.jpg", design(2).resize((200, 200)))
    put(root / "Rock/tiny.jpg", design(50, 70))
    put(root / "Rock/wide.jpg", design(51).resize((300, 160)))
    put(root / "Rock/blank.jpg", Image.new("RGB", (160, 160), "#777"))
    put(root / "Rock/dark.jpg", design(52).point(lambda v: v // 9))
    put(root / "Rock/blurred.jpg", design(53).filter(ImageFilter.GaussianBlur(12)))
    return root


@pytest.fixture
def workspace(library, tmp_path):
    scan_workspace(tmp_path / "ws", [library])
    return Workspace.open(tmp_path / "ws")
