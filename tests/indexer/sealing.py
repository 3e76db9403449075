"""Change an index as a stranger would: under checksums that are right again."""

import hashlib
import json

from indexer.files import store

ZEROS = "0" * 64


def manifest_of(folder, generation=None):
    return folder / store.manifest_path(generation or store.current_generation(folder))


def reseal(folder, change, generation=None):
    """Change the manifest as JSON and write the checksum that then is right."""
    path = manifest_of(folder, generation)
    content = json.loads(path.read_text())
    change(content)
    text = json.dumps({**content, "sha256": ZEROS})
    path.write_text(text.replace(ZEROS, hashlib.sha256(text.encode()).hexdigest(), 1))


def replace_part(folder, part, data):
    """Write other bytes into a file of the first segment and seal them."""
    found = {}

    def change(content):
        entry = content["segments"][0][part]
        entry = entry["file"] if part == "structure" else entry
        path = folder / entry["path"]
        new = data(path.read_bytes()) if callable(data) else data
        path.write_bytes(new)
        entry["n_bytes"], entry["sha256"] = len(new), hashlib.sha256(new).hexdigest()
        entry["mtime_ns"] = path.stat().st_mtime_ns
        found["path"] = entry["path"]

    reseal(folder, change)
    return found["path"]


def tree_of(folder):
    """All that lies in a folder, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): (
            path.is_symlink(),
            path.read_bytes() if path.is_file() else None,
        )
        for path in folder.rglob("*")
    }
