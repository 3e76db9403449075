"""Vectors from a file, by a stranger too; and a whole run on each kind of embedder."""

import json
import pickle
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_openclip
from click.testing import CliRunner
from PIL import Image

import covers
from covers.catalogue.table import read_catalogue
from covers.cli import main
from covers.errors import DataError, ModelError
from covers.model.card import read_card
from covers.model.embedders.vectors_file import read_vectors
from covers.model.embedding_table import read_embeddings, read_frozen
from covers.workspace.paths import Workspace

DIM = 12


def _run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _vectors(workspace, seed=0):
    """Vectors that say something of the genre."""
    rng = np.random.default_rng(seed)
    catalogue = read_catalogue(workspace)
    column = {genre: i for i, genre in enumerate(catalogue.vocab)}
    vectors = rng.normal(size=(len(catalogue), DIM))
    for row, genres in enumerate(catalogue.genres):
        vectors[row, column[genres[0]]] += 3
    return catalogue, vectors.astype(np.float32)


def _write(path, keys, vectors, *, name="id"):
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])  # fmt: skip
    pq.write_table(pa.table({name: pa.array(keys, pa.string()), "vector": lists}), path)
    return path


def _read(path, workspace):
    return read_vectors(path, workspace, read_catalogue(workspace))


def test_parquet_and_numpy_by_id_and_by_path_say_the_same(painted_workspace, tmp_path):
    catalogue, vectors = _vectors(painted_workspace)
    paths = catalogue.column("path")
    whole = [str(tmp_path / "covers" / path) for path in paths]
    found = [
        _read(_write(tmp_path / "a.parquet", catalogue.cover_ids, vectors), painted_workspace),
        _read(_write(tmp_path / "b.parquet", paths, vectors, name="path"), painted_workspace),
        _read(_write(tmp_path / "c.parquet", whole, vectors, name="path"), painted_workspace),
    ]  # fmt: skip
    for name, array in (("d", vectors), ("e", np.asfortranarray(vectors.astype(np.float64)))):  # fmt: skip
        np.save(tmp_path / f"{name}.npy", array)
        (tmp_path / f"{name}.ids.txt").write_text("\n".join(catalogue.cover_ids) + "\n")
        found.append(_read(tmp_path / f"{name}.npy", painted_workspace))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for one in found:
        assert one.cover_ids == catalogue.cover_ids
        np.testing.assert_allclose(one.vectors / DIM**0.5, unit, atol=1e-6)
    assert len({one.fingerprint for one in found}) == 1


def test_rows_of_no_cover_are_left_out_and_counted(painted_workspace, tmp_path):
    catalogue, vectors = _vectors(painted_workspace)
    keys = [*catalogue.cover_ids[5:], "f" * 32, "no/such.png"]
    rows = np.concatenate([vectors[5:], np.full((2, DIM), np.nan, np.float32)])
    found = _read(_write(tmp_path / "v.parquet", keys, rows), painted_workspace)
    assert (len(found.cover_ids), found.foreign) == (73, 2)
    told = found.told(catalogue)
    assert told.startswith("vectors of 73 of 78 covers, 12-d; 2 rows are of no cover")
    assert catalogue.column("path")[0] in told
    assert "and 2 more" in told


class _Shell:
    def __reduce__(self):
        import os

        return os.system, ("touch hacked",)


def _numpy_header(shape, descr="<f4"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda v: v.__setitem__((3, 1), np.nan), "holds nan"),
        (lambda v: v.__setitem__((3, 1), np.inf), "holds inf"),
        (lambda v: v.__setitem__((3, 1), 1e30), r"holds 1\.0*\d*e\+30"),
        (lambda v: v.__setitem__(3, 0), "holds only zeros"),
    ],
)
def test_numbers_that_cannot_be_used_are_named(
    painted_workspace, tmp_path, change, told
):
    catalogue, vectors = _vectors(painted_workspace)
    change(vectors)
    path = _write(tmp_path / "v.parquet", catalogue.cover_ids, vectors)
    with pytest.raises(DataError, match=f"{catalogue.cover_ids[3]}.*{told}"):
        _read(path, painted_workspace)


def test_crafted_numpy_files(painted_workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    catalogue, vectors = _vectors(painted_workspace)
    ids = "\n".join(catalogue.cover_ids)
    files = {
        "object": None,
        "rows": _numpy_header((10**9, 512)) + b"\0" * 4096,
        "huge": _numpy_header((10**30, 512)),
        "text": _numpy_header((3, 4), "<U9") + b"\0" * 432,
        "three": _numpy_header((2, 3, 4)) + b"\0" * 96,
        "whole": _numpy_header((78, 12), "<i4") + b"\0" * 3744,
        "wide": _numpy_header((1, 10**6)) + b"\0" * (4 * 10**6),
        "pickle": pickle.dumps(_Shell()),
        "empty": b"",
        "zip": b"PK\x03\x04",
        "header": b"\x93NUMPY\x01\x00\xff\xff{" + b"(" * 9000,
    }
    for name, content in files.items():
        path = tmp_path / f"{name}.npy"
        if content is None:
            np.save(path, np.array([_Shell()], object), allow_pickle=True)
        else:
            path.write_bytes(content)
        path.with_suffix(".ids.txt").write_text(ids)
        with pytest.raises(DataError, match="cannot use the vectors"):
            _read(path, painted_workspace)
    assert not (tmp_path / "hacked").exists()
    np.save("v.npy", vectors)
    for text in (None, b"", ids.encode() + b"\nmore", b"\xff\xfe\n" * 78, b"x" * 10**7):
        if text is not None:
            (tmp_path / "v.ids.txt").write_bytes(text)
        with pytest.raises(DataError, match=r"ids\.txt"):
            _read(tmp_path / "v.npy", painted_workspace)


def test_crafted_parquet_files(painted_workspace, tmp_path):
    catalogue, vectors = _vectors(painted_workspace)
    ids = pa.array(catalogue.cover_ids)
    good = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), DIM)
    ragged = pa.array([[1.0] * (3 + i % 2) for i in range(78)])
    gaps = pa.array([[1.0, None, 2.0]] * 78, pa.list_(pa.float32(), 3))
    nulls = pa.array([None, *good.to_pylist()[1:]], good.type)
    tables = {
        "no ids": pa.table({"vector": good}),
        "numbers as ids": pa.table({"id": range(78), "vector": good}),
        "no vectors": pa.table({"id": ids}),
        "two": pa.table({"id": ids, "a": good, "b": good}),
        "ragged": pa.table({"id": ids, "v": ragged}),
        "gaps": pa.table({"id": ids, "v": gaps}),
        "nulls": pa.table({"id": ids, "v": nulls}),
        "ids with gaps": pa.table({"id": pa.array([None, *catalogue.cover_ids[1:]]), "v": good}),
        "twice": pa.table({"id": [catalogue.cover_ids[0]] * 78, "v": good}),
        "foreign": pa.table({"id": ["f" * 32] * 78, "v": good}),
        "narrow": pa.table({"id": ids, "v": pa.array([[1.0]] * 78)}),
        "none": pa.table({"id": ids[:0], "v": good[:0]}),
    }  # fmt: skip
    for table in tables.values():
        pq.write_table(table, tmp_path / "v.parquet")
        with pytest.raises(DataError, match="cannot use the vectors"):
            _read(tmp_path / "v.parquet", painted_workspace)
    many = pa.table({"id": ["f" * 32] * 10**6, "v": pa.array([[1.0, 1.0]] * 10**6)})
    pq.write_table(many, tmp_path / "v.parquet")  # swollen: 10^6 equal rows in some kB
    with pytest.raises(DataError, match=r"it says it|none of its"):
        _read(tmp_path / "v.parquet", painted_workspace)
    whole = _write(tmp_path / "w.parquet", catalogue.cover_ids, vectors).read_bytes()
    for content in (
        b"",
        b"PAR1",
        whole[:-20],
        whole[:900] + b"\xff" * 64 + whole[964:],
    ):
        (tmp_path / "v.parquet").write_bytes(content)
        with pytest.raises(DataError, match="cannot use the vectors"):
            _read(tmp_path / "v.parquet", painted_workspace)
    with pytest.raises(DataError, match="no vectors in"):
        _read(tmp_path / "absent.parquet", painted_workspace)
    (tmp_path / "v.csv").write_text("a")
    with pytest.raises(DataError, match="neither"):
        _read(tmp_path / "v.csv", painted_workspace)


SMALL = ["--no-analysis", "--device", "cpu"]


@pytest.fixture
def ran(painted_workspace, tmp_path):
    catalogue, vectors = _vectors(painted_workspace)
    file = _write(tmp_path / "vectors.parquet", catalogue.cover_ids, vectors)
    done = _run(
        "run", "-w", painted_workspace.root, "--embedder", f"file:{file}", *SMALL
    )
    assert done.exit_code == 0, done.output
    assert "vectors of 78 of 78 covers, 12-d" in done.output
    return Workspace.open(painted_workspace.root), file


def test_a_run_on_vectors_from_a_file(ran, tmp_path):
    workspace, _ = ran
    card = read_card(workspace.model_folder)
    assert card.arch == "file:vectors.parquet#12"
    assert workspace.settings.train["arch"] == "file:../vectors.parquet"
    assert str(tmp_path) not in (workspace.model_folder / "model.json").read_text()
    library = covers.open(workspace.root)
    cover_id = library.catalogue.cover_ids[0]
    hits = library.search(cover_id, k=5)
    own = set(library.catalogue.genres[0])
    assert sum(set(hit.genres) == own for hit in hits) >= 4
    assert hits.embedder == "file:vectors.parquet"
    assert library.classify([cover_id])[0].likeliest == library.catalogue.genres[0][0]
    assert library.evaluate().methods["vote"].macro_f1.value > 0.8
    # A file of the library is known by its content; another picture is not.
    path = next((tmp_path / "covers" / "Jazz").iterdir())
    assert library.classify([path])[0].likeliest == "Jazz"
    Image.new("RGB", (40, 40)).save(tmp_path / "other.png")
    with pytest.raises(
        ModelError, match=r"come from the file 'vectors.parquet'.*embedder='cnn'"
    ):
        library.search(tmp_path / "other.png")
    again = _run("run", "-w", workspace.root, *SMALL)
    assert again.exit_code == 0, again.output
    assert "train:" not in again.output
    verified = _run("index", "verify", "-w", workspace.root)
    assert verified.exit_code == 0, verified.output


def test_covers_that_come_later_take_their_vectors_from_the_same_file(ran, tmp_path):
    workspace, file = ran
    rng = np.random.default_rng(5)
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(
        tmp_path / "covers" / "Jazz" / "later.png"
    )
    _run("scan", "-w", workspace.root)
    update = _run("index", "update", "-w", workspace.root, "--json")
    assert json.loads(update.stdout)["failed"][0]["reason"] == "the file of vectors does not name it"  # fmt: skip
    old, vectors = _vectors(workspace)
    first = pq.read_table(file)
    known = dict(zip(first["id"].to_pylist(), first["vector"].to_pylist(), strict=True))
    rows = np.array([known.get(c, v) for c, v in zip(old.cover_ids, vectors, strict=True)], np.float32)  # fmt: skip
    _write(file, old.cover_ids, rows)
    update = _run("index", "update", "-w", workspace.root, "--json")
    assert update.exit_code == 0, update.output
    assert len(read_embeddings(workspace).cover_ids) == 79
    _write(file, old.cover_ids, rows + 1)
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(
        tmp_path / "covers" / "Jazz" / "last.png"
    )
    refused = _run("index", "update", "-w", workspace.root)
    assert refused.exit_code == 1
    assert "are others than the model was trained with" in refused.output


@pytest.mark.parametrize("kind", ["timm", "clip"])
def test_a_run_on_a_network_as_published(painted_workspace, tmp_path, kind):
    weights = tmp_path / "tiny.safetensors"
    if kind == "clip":
        tiny_openclip.write_weights(weights)
        name = f"clip:{tiny_openclip.NAME}"
    else:
        import timm
        from safetensors.torch import save_file

        save_file(
            dict(timm.create_model("test_vit", num_classes=0).state_dict()), weights
        )
        name = "timm:test_vit"
    root = painted_workspace.root
    done = _run("run", "-w", root, "--embedder", name, "--weights", weights, *SMALL)
    assert done.exit_code == 0, done.output
    library = covers.open(root)
    assert library.search(library.catalogue.cover_ids[0], k=1).embedder == name
    # Nothing of the network was trained, and the baseline is its own vector.
    from covers.model.embedders.embedder import PublishedEmbedder
    from covers.model.network.embedder_names import arch_of_embedder

    embedder = PublishedEmbedder(arch_of_embedder(name, ""), str(weights), "cpu")
    table = read_frozen(library.workspace)
    pictures = [library.picture_of(one) for one in table.cover_ids[:5]]
    cosines = (embedder.embed(pictures) * table.embeddings[:5]).sum(axis=1)
    np.testing.assert_allclose(cosines, 1, atol=1e-3)
    assert table.fingerprint == embedder.fingerprint
    assert library.card.stamp.parameters["epochs"] == 0
    path = next((tmp_path / "covers" / "Jazz").iterdir())
    assert library.classify([path])[0].probabilities
    again = _run("run", "-w", root, *SMALL)
    assert "train:" not in again.output
    weights.unlink()  # the model holds all it needs
    assert covers.open(root).classify([path])[0].probabilities
    if (
        kind == "clip"
    ):  # its vectors are there already: an index for words embeds nothing
        tiny_openclip.write_weights(weights)
        done = _run(
            "index", "build", "--embedder", name, "--weights", weights, "-w", root
        )
        assert done.exit_code == 0, done.output
        assert len(covers.open(root).search("a desert", k=3)) == 3
    back = _run("status", "-w", root)
    assert "fresh" in back.output


def test_the_trained_network_and_one_as_published_make_one_model(
    painted_workspace, tmp_path
):
    from painted import TINY_ARCH

    tiny_openclip.register()
    root, name = painted_workspace.root, f"cnn+clip:{tiny_openclip.NAME}"
    done = _run("run", "-w", root, "--embedder", name, "--arch", TINY_ARCH, "--weights", "none", "--image-size", 48, "--epochs", 1, *SMALL)  # fmt: skip
    assert done.exit_code == 0, done.output
    library = covers.open(root)
    assert library.card.arch == f"{TINY_ARCH},clip:{tiny_openclip.NAME}"
    assert library.search(library.catalogue.cover_ids[0], k=1).embedder == name
    path = next((tmp_path / "covers" / "Jazz").iterdir())
    assert library.classify([path])[0].probabilities
    again = _run("run", "-w", root, *SMALL)
    assert "train:" not in again.output, again.output
    # New covers: the baseline of the last part is completed from the model itself.
    rng = np.random.default_rng(5)
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(
        tmp_path / "covers" / "Jazz" / "later.png"
    )
    again = _run("run", "-w", root, *SMALL)
    assert again.exit_code == 0, again.output
    assert len(read_frozen(library.workspace).cover_ids) == 79


def test_a_wrong_embedder_is_told_before_anything_heavy(painted_workspace, tmp_path):
    root = painted_workspace.root
    for name, code, told in (
        ("clip", 1, "there are 'cnn'"),
        ("timm:no_such_network", 1, "no architecture"),
        (f"file:{tmp_path / 'absent.parquet'}", 1, "no vectors in"),
        ("cnn+file:v.npy", 1, "cannot be joined"),
    ):
        done = _run("train", "-w", root, "--embedder", name)
        assert (done.exit_code, told in done.output) == (code, True), done.output
    assert "arch" not in Workspace.open(root).settings.train
