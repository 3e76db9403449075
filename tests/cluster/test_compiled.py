"""UMAP runs where neither the installation nor the home can be written."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from covers.cluster import compiled
from covers.cluster.compiled import find_compile_folder
from covers.errors import ConfigError

posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="users of POSIX only")


@pytest.fixture
def nothing_writable(monkeypatch, tmp_path):
    """No folder but those below the temporary one can be written."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # so that it is put back afterwards
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(compiled, "_has_its_own", lambda: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_numba_is_left_alone_where_it_finds_a_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # so that it is put back afterwards
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    find_compile_folder()
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_a_folder_that_a_person_named_is_kept(nothing_writable, monkeypatch):
    named = str(nothing_writable / "mine")
    monkeypatch.setenv("NUMBA_CACHE_DIR", named)
    find_compile_folder()
    assert os.environ["NUMBA_CACHE_DIR"] == named


def test_without_one_a_private_folder_is_made_and_used_again(nothing_writable):
    find_compile_folder()
    folder = os.environ["NUMBA_CACHE_DIR"]
    assert Path(folder).parent == nothing_writable
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
    find_compile_folder()
    assert os.environ["NUMBA_CACHE_DIR"] == folder


@posix
@pytest.mark.parametrize("trap", ["open to all", "a link", "a file"])
def test_a_folder_that_others_can_write_is_not_used(nothing_writable, trap):
    name = nothing_writable / f"covers-compiled-{os.getuid()}"
    if trap == "open to all":
        name.mkdir()
        name.chmod(0o777)
    elif trap == "a link":
        (nothing_writable / "elsewhere").mkdir(mode=0o700)
        name.symlink_to(nothing_writable / "elsewhere")
    else:
        name.write_text("")
    find_compile_folder()
    folder = os.environ["NUMBA_CACHE_DIR"]
    assert folder != str(name)
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700


def test_no_folder_at_all_is_one_explained_error(nothing_writable, monkeypatch):
    def refuse(*_args, **_options):
        raise FileNotFoundError(2, "no usable temporary directory")

    monkeypatch.setattr("tempfile.gettempdir", refuse)
    with pytest.raises(ConfigError, match="set NUMBA_CACHE_DIR or TMPDIR"):
        find_compile_folder()
