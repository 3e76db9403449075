"""What the first search of a new process reads, page by page, when nothing is cached."""

import ctypes
import mmap
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

PAGE = mmap.PAGESIZE
CODE = """
import sys, time, faiss
from indexer import VectorIndex
start = time.perf_counter()
index = VectorIndex.open(sys.argv[1])
assert index.neighbours_of([sys.argv[2]], 10).ids[0, 0]
print(time.perf_counter() - start)
"""


def cold_search_s(folder, item):
    """Seconds of opening and searching by id in a new process, imports left out."""
    command = [sys.executable, "-c", CODE, str(folder), item]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def forget(path):
    """Drop a file from the system's cache, where no process has it mapped."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cached_bytes(path):
    """Bytes of a file that lie in the system's cache."""
    size = path.stat().st_size
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
    view = np.frombuffer(mapped, np.uint8)
    pages = np.zeros(-(-size // PAGE), np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    place, length = ctypes.c_void_p(view.ctypes.data), ctypes.c_size_t(size)
    if libc.mincore(place, length, ctypes.c_void_p(pages.ctypes.data)):
        raise OSError(ctypes.get_errno(), "mincore")
    return int((pages & 1).sum()) * PAGE


def measure_cold(folder, item, outcome):
    """Count what is read of each kind of file; no process may have the index open."""
    found = [path for path in Path(folder).rglob("*") if path.is_file()]
    files = [path for path in found if path.stat().st_size]
    for path in files:
        forget(path)
    before = sum(map(cached_bytes, files))
    seconds = cold_search_s(folder, item)
    read = {}
    for path in files:
        kind = path.name.partition(".")[2] or path.name
        read[kind] = read.get(kind, 0) + cached_bytes(path)
    total = sum(path.stat().st_size for path in files)
    outcome["cold_search"] = {
        "s": round(seconds, 4),
        "cached_before": before,
        "read_bytes": sum(read.values()),
        "share_of_the_index": round(sum(read.values()) / total, 4),
        "by_file": {kind: n for kind, n in read.items() if n},
    }
