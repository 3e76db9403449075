"""What `verify` finds where every checksum is right: a bug's damage, not a disk's."""

import hashlib
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from indexer import VectorIndex
from indexer.backends.faiss import FaissStructure
from indexer.files import store
from indexer.files.manifest import FileEntry, write_manifest
from indexer.ids import hash_ids
from indexer.local.verification import verify_folder

N, D = 300, 8


@pytest.fixture
def folder(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((N, D))
    ids = [f"i{number}" for number in range(N)]
    VectorIndex.build(tmp_path / "x", ids, vectors, structure="IVF4,SQ8").remove(["i3"])
    return tmp_path / "x"


def sealed(folder, entry):
    data = (folder / entry.path).read_bytes()
    return FileEntry(entry.path, len(data), hashlib.sha256(data).hexdigest())


def segment_with(folder, **changes):
    """Put other values and files, under their right checksums, into the manifest."""
    manifest = store.read_current(folder)
    segment = replace(manifest.segments[0], **changes)
    publish(folder, segments=(segment,))


def publish(folder, **changes):
    manifest = replace(store.read_current(folder), **changes)
    path = folder / store.manifest_path(manifest.generation)
    path.write_text(write_manifest(manifest), encoding="utf-8")


def lengthen_a_vector(folder, segment):
    path = folder / segment.vectors.path
    data = bytearray(path.read_bytes())
    row = np.frombuffer(data, "<f4", D, offset=len(data) - 4 * D)
    row *= 2
    path.write_bytes(data)
    segment_with(folder, vectors=sealed(folder, segment.vectors))
    return segment.vectors.path, f"i{N - 1}", "length 2, not 1"


def repeat_an_id(folder, segment):
    ids = ["i9" if n == 8 else f"i{n}" for n in range(N)]
    path = folder / segment.items.path
    with pa.ipc.new_file(path, pa.schema({"id": pa.string()})) as sink:
        sink.write_table(pa.table({"id": ids}))
    write_lookup(folder, segment, ids)
    segment_with(
        folder,
        items=sealed(folder, segment.items),
        lookup=sealed(folder, segment.lookup),
    )
    return None, "i9", "in the index twice"


def write_lookup(folder, segment, ids):
    hashes = hash_ids(ids)
    order = np.argsort(hashes, kind="stable")
    data = hashes[order].astype("<u8").tobytes() + order.astype("<i8").tobytes()
    (folder / segment.lookup.path).write_bytes(data)


def give_the_lookup_of_other_ids(folder, segment):
    write_lookup(folder, segment, [f"other{n}" for n in range(N)])
    segment_with(folder, lookup=sealed(folder, segment.lookup))
    return segment.lookup.path, None, "does not belong to the ids"


def count_an_item_too_many(folder, _):
    publish(folder, n_items=N)
    path = store.manifest_path(store.current_generation(folder))
    return path, None, f"hold {N - 1} items, the manifest says {N}"


def count_a_tombstone_too_many(folder, segment):
    segment_with(folder, n_dead=2)
    return segment.dead.path, None, "1 tombstones, the manifest says 2"


def build_a_structure_of_other_vectors(folder, segment):
    vectors = VectorIndex.open(folder).vectors
    others = -np.repeat(vectors, 2, axis=0)[:N]
    structure = FaissStructure.train("IVF4,SQ8", others, n_training=N)
    path = folder / segment.structure.file.path
    with path.open("wb") as file:
        structure.write(file)
    entry = replace(segment.structure, file=sealed(folder, segment.structure.file))
    entry = replace(entry, effort={"refine": 1, "nprobe": 1})
    segment_with(folder, structure=entry)
    path = store.manifest_path(store.current_generation(folder))
    return path, None, "0.99 was promised"


@pytest.mark.parametrize(
    "damage",
    [
        lengthen_a_vector,
        repeat_an_id,
        give_the_lookup_of_other_ids,
        count_an_item_too_many,
        count_a_tombstone_too_many,
        build_a_structure_of_other_vectors,
    ],
)
def test_verify_names_what_no_checksum_shows(folder, damage):
    assert verify_folder(folder).ok
    file, name, what = damage(folder, store.read_current(folder).segments[0])
    report = verify_folder(folder)
    assert not report.ok
    found = [p for p in report.problems if what in p.what]
    assert [(p.file, p.id) for p in found] == [(file, name)]
    assert all((p.file or p.id) and p.repair for p in report.problems)


def test_items_that_do_not_find_themselves_are_named(folder):
    build_a_structure_of_other_vectors(folder, store.read_current(folder).segments[0])
    lost = [p for p in verify_folder(folder).problems if "find themselves" in p.what]
    assert lost
    assert all(p.id.startswith("i") and "--repair" in p.repair for p in lost)
