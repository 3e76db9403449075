"""Fixtures that several tests of scans share."""

import pytest
from drawn_pictures import picture, put


@pytest.fixture
def library(tmp_path):
    """Two genres of twelve covers each, one cover in both."""
    root = tmp_path / "library"
    for i in range(12):
        put(root / f"Rock/r{i}.png", picture(i))
        put(root / f"Pop/deep/p{i}.png", picture(100 + i))
    put(root / "Pop/both.png", picture(0))
    return root


@pytest.fixture
def ws(tmp_path):
    return tmp_path / "ws"
