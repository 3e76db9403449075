"""Files of an index from a stranger, each crafted and sealed again.

What may end the interpreter runs in a process of its own.
"""

import io
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pytest
from sealing import replace_part, reseal

from indexer import IndexDamagedError, VectorIndex
from indexer.backends.outline import check_outline
from indexer.files.framing import check_frame, check_schema
from indexer.local.verification import verify_folder

N, D = 300, 8
IDS = [f"i{number}" for number in range(N)]
ROOT = Path(__file__).parents[3]

USE = """
import sys
from pathlib import Path
import numpy as np
from indexer import IndexerError, VectorIndex
from indexer.local.verification import verify_folder
def ask(folder):
    index = VectorIndex.open(folder)
    index.neighbours_of(["i1"], 3)
    index.search(np.ones(8), 3, where={"genre": "Rock"})
    index.ids.tolist(), index.columns.to_pylist()
def change(folder):
    VectorIndex.open(folder).compact()
folder = Path(sys.argv[1])
for step in (ask, change, verify_folder, VectorIndex.repair):
    try:
        step(folder)
    except IndexerError as error:
        print(error)
    except ValueError as error:  # an id that is not found
        if "not in index" not in str(error):
            raise
status = Path("/proc/self/status").read_text() if sys.platform == "linux" else "VmHWM: 0"
print(status.partition("VmHWM:")[2].split()[0])
"""


def use(folder):
    """Use an index in another process: what it says, and its memory in kB."""
    command = [sys.executable, "-c", USE, str(folder)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr[-2000:]
    *said, memory = result.stdout.splitlines()
    return "\n".join(said), int(memory)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original") / "index"
    vectors = np.random.default_rng(0).standard_normal((N, D))
    columns = {"genre": ["Rock", "Pop", "Jazz"] * (N // 3), "year": [1970] * N}
    index = VectorIndex.build(folder, IDS, vectors, columns, structure="IVF4,SQ8")
    index.remove(["i3", "i5"])
    return folder


@pytest.fixture(scope="module")
def undisturbed_kb(original, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "index"
    return use(shutil.copytree(original, folder))[1]


@pytest.fixture
def folder(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "index"))


def table_of(data):
    with pa.ipc.open_file(data) as reader:
        return reader.read_all()


def written(table, chunk=1 << 20, **options):
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=chunk)
    return sink.getvalue()


def with_ids(kind):
    def change(data):
        table = table_of(data)
        return written(table.set_column(0, "id", kind))

    return change


def with_offset(value):
    """Let the letters of one id and one genre begin elsewhere."""

    def change(data):
        data = bytearray(data)
        for length in (1, 2):
            offsets = struct.pack("<3i", 0, 2, 4) if length == 2 else None
            place = data.find(offsets) if offsets else -1
            if place >= 0:
                struct.pack_into("<i", data, place + 4, value)
        genres = struct.pack("<4i", 0, 4, 7, 11)
        struct.pack_into("<i", data, data.find(genres) + 8, value)
        return bytes(data)

    return change


def with_random_body(data):
    rng = np.random.default_rng(1)
    middle = rng.integers(0, 256, len(data) - 3000, dtype=np.uint8).tobytes()
    return data[:1500] + middle + data[len(data) - 1500 :]


ITEMS = {
    "random bytes": lambda _: bytes(range(256)) * 40,
    "a random body": with_random_body,
    "an offset far outside": with_offset(2**31 - 1),
    "an offset before the start": with_offset(-5),
    "numbers for ids": with_ids(pa.array(range(N))),
    "no ids": with_ids(pa.nulls(N, pa.string())),
    "ids of two kinds of bytes": with_ids(pa.array([b"\xff\xfe"] * N)),
    "another column type": lambda data: written(
        table_of(data).set_column(1, "genre", pa.array([[1]] * N))
    ),
    "a column twice": lambda data: written(
        table_of(data).append_column("genre", pa.array(["x"] * N))
    ),
    "compressed batches": lambda data: written(table_of(data), compression="lz4"),
    "a batch for every row": lambda data: written(table_of(data), chunk=1),
    "a row less": lambda data: written(table_of(data).slice(1)),
    "lists of a billion nulls": lambda data: written(
        table_of(data).append_column(
            "more",
            pa.FixedSizeListArray.from_arrays(pa.nulls(N * 7 * 10**6), 7 * 10**6),
        )
    ),
    "cut in the middle": lambda data: data[: len(data) // 2],
    "its end alone": lambda data: data[:8] + data[-400:],
}


@pytest.mark.parametrize("crafted", ITEMS)
def test_items_from_a_stranger_are_damage_and_nothing_else(
    folder, undisturbed_kb, crafted
):
    path = replace_part(folder, "items", ITEMS[crafted])
    said, memory = use(folder)
    assert f"'{path}' is damaged: " in said
    assert memory <= 2 * undisturbed_kb


def test_a_frame_is_checked_in_every_number(original):
    """Every 32-bit number of the description, made large: no crash, and most seen."""
    data = next(original.rglob("*.items.arrow")).read_bytes()
    check_frame(data, N)
    start = data.find(b"ARROW1", 8) if data.count(b"ARROW1") > 1 else len(data)
    footer = len(data) - 10 - struct.unpack_from("<i", data, len(data) - 10)[0]
    assert start > footer
    places = [*range(8, 1000, 4), *range(footer, len(data) - 3, 4)]
    refused = 0
    for place in places:
        for value in (2**31 - 1, 2**32 - 1, 65_536):
            crafted = bytearray(data)
            struct.pack_into("<I", crafted, place, value)
            try:
                check_frame(crafted, N)
            except ValueError:
                refused += 1
                continue
            try:  # what passes, Arrow reads without an end of the process
                with pa.ipc.open_file(bytes(crafted)) as reader:
                    reader.read_all().validate(full=True)
            except (pa.ArrowException, OSError, ValueError):
                refused += 1
    assert refused > len(places)


def test_a_schema_that_leads_to_itself_is_refused():
    """A column whose children are columns again, exponentially many of them."""
    nested = pa.schema([("a", pa.list_(pa.list_(pa.int8())))])
    data = nested.serialize().to_pybytes()
    check_schema(data)
    deep = pa.int8()
    for _ in range(70):
        deep = pa.list_(deep)
    with pytest.raises(ValueError, match=r"nested too deep|columns repeat"):
        check_schema(pa.schema([("a", deep)]).serialize().to_pybytes())
    for text in (b"", b"x" * 8, data[:40], b"\xff" * 100):
        with pytest.raises(ValueError, match=r"outside itself|no frame"):
            check_schema(text)


@pytest.mark.parametrize("text", ["", "AAAA", "é", "/////wAAAAA=", "x" * 1000])
def test_a_schema_that_is_none_is_damage(folder, text):
    reseal(folder, lambda content: content.update(schema=text))
    index = VectorIndex.open(folder)
    with pytest.raises(IndexDamagedError, match="its schema cannot be read"):
        index.search(np.ones(D), 3, where={"genre": "Rock"})
    assert not verify_folder(folder).ok


def structured(key, n=N, dimension=D):
    vectors = np.random.default_rng(0).standard_normal((n, dimension)).astype("f4")
    index = faiss.index_factory(dimension, key, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    return faiss.serialize_index(index).tobytes()


def with_link(value):
    """Let a link of a graph lead to another vector."""

    def change(_):
        data = bytearray(structured("HNSW8"))
        graph = faiss.deserialize_index(np.frombuffer(data, np.uint8)).hnsw
        links = faiss.vector_to_array(graph.neighbors).astype("<i4").tobytes()
        struct.pack_into("<i", data, data.find(links) + 8, value)
        return bytes(data)

    return change


def with_numbers(key, old, new):
    """Exchange numbers that follow each other."""

    def change(_):
        data, form = structured(key), f"<{len(old)}Q"
        assert data.count(struct.pack(form, *old)) == 1
        return data.replace(struct.pack(form, *old), struct.pack(form, *new))

    return change


def with_number(key, old, new, width="<Q"):
    def change(_):
        data = bytearray(structured(key))
        place = data.find(struct.pack(width, old))
        assert place >= 0
        struct.pack_into(width, data, place, new)
        return bytes(data)

    return change


STRUCTURES = {
    "random bytes": lambda _: bytes(range(256)) * 40,
    "a link far outside": with_link(2**31 - 1),
    "a link just outside": with_link(N),
    "a link before the start": with_link(-7),
    "centroids without end": with_number("IVF4,Flat", 4 * D, 2**39),
    "lists without end": with_number("IVF4,Flat", 4, 2**40),
    "parts of nothing": with_number("PQ4x4", 4, 0),
    "codes of one bit more": with_number("SQ8", D, D + 1),
    "other dimensions": lambda _: structured("IVF4,SQ8", dimension=64),
    "other vectors": lambda _: structured("IVF4,SQ8", n=5000),
    "fewer vectors": lambda _: structured("IVF4,SQ8", n=100),
    "fast codes of other blocks": with_number("IVF4,PQ4x4fs", 32, 64, "<i"),
    "fast lists without end": with_number("IVF4,PQ4x4fs", 4, 2**40),
    "fast codes of eight bits": with_numbers("IVF4,PQ8x4fs", (D, 8, 4), (D, 8, 8)),
    "fast codes cut": with_numbers("IVF4,PQ4x4fs", (32, 64), (32, 128)),
    "bits of other vectors": with_number("IVF4,RaBitQ", D, D + 8, "<Q"),
    "fast bits of other vectors": with_numbers("IVF4,RaBitQfs", (D, 9), (D + 8, 9)),
    "fast bits of other blocks": with_numbers("IVF4,RaBitQfs", (32, 288), (32, 576)),
    "a kind that cannot be checked": lambda _: structured("NSG8"),
    "cut in the middle": lambda data: data[: len(data) // 2],
    "more after its end": lambda data: data + data,
}


@pytest.mark.parametrize("crafted", STRUCTURES)
def test_a_structure_from_a_stranger_is_left_aside(folder, undisturbed_kb, crafted):
    path = replace_part(folder, "structure", STRUCTURES[crafted])
    memory = use(shutil.copytree(folder, folder.parent / "used"))[1]
    assert memory <= 2 * undisturbed_kb
    index = VectorIndex.open(folder)
    result = index.neighbours_of(["i1", "i2"], 5)
    exact = index.neighbours_of(["i1", "i2"], 5, exact=True)
    np.testing.assert_array_equal(result.ids, exact.ids)
    assert f"{path!r} is damaged, its segment was searched exactly" in result.notes[0]
    assert path in {problem.file for problem in verify_folder(folder).problems}
    assert VectorIndex.repair(folder).ok
    assert VectorIndex.open(folder).neighbours_of(["i1"], 5).notes == ()


KEYS = [
    *("Flat", "IVF4,Flat", "IVF4,SQ8", "IVF4,SQ4", "IVF4,SQfp16", "IVF64,SQ8"),
    *("HNSW8", "HNSW8,SQ8", "HNSW4,PQ4x4", "IVF4,PQ4x4", "PQ4x4", "SQ6"),
    *("IVF4,PQ4x4fs", "IVF64,PQ8x4fs", "IVF4,RaBitQ", "HNSW8_SQ8"),
    *("IVF4,RaBitQfs", "IVF64,RaBitQfs"),
    *("PCA4,IVF4,SQ8", "RR4,SQ8", "IVF8_HNSW4,SQ8", "L2norm,Flat"),
]


@pytest.mark.parametrize("key", KEYS)
def test_what_faiss_writes_has_the_outline(key):
    data = structured(key)
    check_outline(data, (N, D))
    for shape in ((N + 1, D), (N, D + 1)):
        with pytest.raises(ValueError, match=r"it is over \d+ vectors of \d+"):
            check_outline(data, shape)
    for cut in range(0, len(data), 1 + len(data) // 40):
        with pytest.raises(ValueError, match=r"."):
            check_outline(data[:cut], (N, D))


@pytest.mark.parametrize("key", ["NSG8", "IVF4,PQ4x4fsr,RFlat"])
def test_a_structure_that_could_not_be_checked_is_not_built(tmp_path, key):
    vectors = np.random.default_rng(0).standard_normal((N, D))
    with pytest.raises(ValueError, match="cannot be checked when it is read again"):
        VectorIndex.build(tmp_path / "x", IDS, vectors, structure=key)
    index = VectorIndex.build(tmp_path / "x", IDS, vectors, structure="exact")

    def ask_for_it(content):
        content["request"]["key"] = key

    reseal(tmp_path / "x", ask_for_it)
    index = VectorIndex.open(tmp_path / "x")
    index.remove(["i1"])
    index.compact()
    assert index.info()["structure"] == "exact"


@pytest.mark.parametrize("key", ["IVF999999999,Flat", "HNSW100000000", "RR1000000,SQ8"])
def test_a_key_that_would_take_all_memory_is_refused(tmp_path, key):
    vectors = np.eye(20, D) + 1
    with pytest.raises(ValueError, match="is too large"):
        VectorIndex.build(tmp_path, IDS[:20], vectors, structure=key)


SMALL = ["IVF0,SQ8", "HNSW0", "HNSW1", "PQ8x0", "OPQ8_0,PQ8", "IVF4_HNSW0,Flat"]


@pytest.mark.parametrize("key", [*SMALL, "RR0,Flat", "PQ8x4fs_0", "IVF4,PQ8x4fsr_0"])
def test_a_key_that_would_end_the_process_is_refused(tmp_path, key):
    vectors = np.eye(20, D) + 1
    with pytest.raises(ValueError, match="is too small"):
        VectorIndex.build(tmp_path, IDS[:20], vectors, structure=key)


ORDERS = {
    "rows far outside": lambda d: np.r_[d[:N], np.full(N, 2**40)],
    "rows before the start": lambda d: np.r_[d[:N], np.full(N, -3)],
    "one hash for all": lambda d: np.r_[np.full(N, d[7]), d[N:]],
    "hashes the other way round": lambda d: np.r_[d[:N][::-1], d[N:]],
}


@pytest.mark.parametrize("crafted", ORDERS)
def test_a_lookup_from_a_stranger_finds_nothing_wrong(folder, crafted):
    def change(data):
        return ORDERS[crafted](np.frombuffer(data, "<i8")).astype("<i8").tobytes()

    path = replace_part(folder, "lookup", change)
    index = VectorIndex.open(folder)
    for names in (IDS[:2], IDS):
        try:
            rows = index.rows_of(names)
        except IndexDamagedError as error:
            assert path in str(error)  # noqa: PT017
        else:
            found = [i for i, row in zip(names, rows, strict=True) if row >= 0]
            assert index.ids[rows[rows >= 0]].tolist() == found
    assert path in {problem.file for problem in verify_folder(folder).problems}


@pytest.mark.parametrize("rows", [[3, 2**40], [-1, 3], [5, 3], [3, 3], [3, N]])
def test_tombstones_from_a_stranger_are_damage(folder, rows):
    path = replace_part(folder, "dead", np.array(rows, "<i8").tobytes())
    with pytest.raises(IndexDamagedError, match=f"{path}.* is damaged"):
        VectorIndex.open(folder).search(np.ones(D), 3)
    assert not verify_folder(folder).ok
    with pytest.raises(IndexDamagedError, match=f"{path}.* is damaged"):
        VectorIndex.open(folder).compact()
    assert VectorIndex.repair(folder).ok


def with_header(text, *, keeps_length=True):
    def change(data):
        header = text.encode().ljust(117) + b"\n" if keeps_length else text.encode()
        return (
            b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data[128:]
        )

    return change


SHAPE = "'fortran_order': False, 'shape': "
VECTORS = {
    "objects": with_header(f"{{'descr': '|O', {SHAPE}({N}, {D}), }}"),
    "a shape without end": with_header(f"{{'descr': '<f4', {SHAPE}({10**15}, {D}), }}"),
    "a number of many digits": with_header(
        f"{{'descr': '<f4', {SHAPE}({'9' * 60}, {D})"
    ),
    "the other order": with_header(
        f"{{'descr': '<f4', 'fortran_order': True, 'shape': ({N}, {D}), }}"
    ),
    "brackets": with_header("(" * 117),
    "an open text": with_header("{'descr': '''"),
    "a long header": with_header(" " * 60_000 + "\n", keeps_length=False),
    "another version": lambda data: data[:6] + b"\x03" + data[7:],
}


@pytest.mark.parametrize("crafted", VECTORS)
def test_vectors_from_a_stranger_are_damage(folder, crafted):
    path = replace_part(folder, "vectors", VECTORS[crafted])
    with pytest.raises(IndexDamagedError, match=f"{path}"):
        VectorIndex.open(folder)
    assert path in {problem.file for problem in verify_folder(folder).problems}


def test_vectors_that_are_no_numbers_end_in_answers(folder):
    def change(data):
        data = bytearray(data)
        np.frombuffer(data, "<f4", offset=128)[::7] = np.nan
        np.frombuffer(data, "<f4", offset=128)[1::7] = np.inf
        return bytes(data)

    replace_part(folder, "vectors", change)
    said, _ = use(folder)
    assert "Traceback" not in said
    assert not verify_folder(folder).ok


@pytest.mark.slow
def test_two_thousand_mutations_in_short():
    script = ROOT / "scripts" / "stress" / "strangers_index.py"
    command = [sys.executable, str(script), "--mutations", "46", "--seed", "5"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    outcome = json.loads(result.stdout)
    assert outcome["mutations"] == 2 * outcome["kinds"] == 46
    assert outcome["touched_outside"] == outcome["crashes"] == outcome["hangs"] == 0
    assert outcome["tracebacks"] == 0
    assert outcome["peak_mib"] < 2 * outcome["undisturbed_mib"]
