"""A folder for the compiled code of UMAP, where none of the usual ones can be written.

UMAP is compiled when it is imported, by numba, which insists on keeping the
result on disk: beside the installed package, or in the user's cache. In a
container both may be read-only. What is kept there is code: so it is neither
put into a workspace, which may come from a stranger, nor into a folder that
another user of the machine can write.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from covers.errors import ConfigError

_VARIABLE = "NUMBA_CACHE_DIR"
_COMPILED = ("umap", "pynndescent")


def find_compile_folder() -> None:
    """Point numba to a private folder, unless it finds one by itself.

    Raises
    ------
    ConfigError
        If no folder at all can be written.
    """
    given = os.environ.get(_VARIABLE)
    if (given and _can_write(Path(given))) or _has_its_own():
        return
    try:
        folder = _private_folder()
    except OSError as error:
        message = (
            "UMAP needs a folder for its compiled code, and none can be written: "
            f"set {_VARIABLE} or TMPDIR to one that can"
        )
        raise ConfigError(message) from error
    os.environ[_VARIABLE] = str(folder)
    if "numba" in sys.modules:
        import numba

        numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]


def _has_its_own() -> bool:
    """Say whether numba can write where it looks by itself."""
    import platformdirs

    if _can_write(Path(platformdirs.user_cache_dir("numba", appauthor=False))):
        return True
    origins = [importlib.util.find_spec(name) for name in _COMPILED]
    return all(
        spec is None
        or spec.origin is None
        or _can_write(Path(spec.origin).parent / "__pycache__")
        for spec in origins
    )


def _can_write(folder: Path) -> bool:
    """Say whether a folder can be made and written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _private_folder() -> Path:
    """Return a folder below the temporary one that nobody else can write.

    It is there for the next command, too; where something else has its name,
    one is made for this process alone.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"covers-compiled-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:  # a file, or a link to nowhere
        pass
    else:
        if _is_private(folder) and _can_write(folder):
            return folder
    own = Path(tempfile.mkdtemp(prefix="covers-compiled-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own


def _is_private(folder: Path) -> bool:
    """Say whether a folder is no link, and belongs to this user alone."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o077
