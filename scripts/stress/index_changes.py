"""What strangers may change in an index; used by `strangers_index`."""

import base64
import copy
import hashlib
import io
import json
import os
import random
import shutil
import socket
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
from strange_values import GIANTS, VALUES, entries_of

N, D = 400, 16
ZEROS = "0" * 64
PARTS = ("vectors", "items", "lookup", "dead", "structure")


class Stranger:
    """Changes one index by chance; the names of its methods name the changes."""

    def __init__(self, folder, precious, seed):
        self.folder, self.precious = folder, precious
        self.rng = random.Random(seed)
        current = json.loads((folder / "CURRENT").read_text())["generation"]
        self.manifest = folder / f"gen-{current:06d}" / "manifest.json"
        self.content = json.loads(self.manifest.read_text())

    def entries(self, kind=None):
        """Entries of files in the manifest, with their kind."""
        found = []
        for segment in self.content["segments"]:
            structure = (segment["structure"] or {}).get("file")
            parts = {**segment, "structure": structure}
            found += [(name, parts[name]) for name in PARTS]
        return [e for name, e in found if e and kind in (None, name)]

    def entry(self, kind=None):
        return self.rng.choice(self.entries(kind) or self.entries())

    def seal(self):
        """Write sizes, checksums and times that are right for what lies there."""
        for entry in self.entries():
            path = self.folder / str(entry.get("path"))
            if isinstance(entry.get("path"), str) and path.is_file():
                data = path.read_bytes()
                entry["n_bytes"] = len(data)
                entry["sha256"] = hashlib.sha256(data).hexdigest()
                entry["mtime_ns"] = path.stat().st_mtime_ns
        self.seal_manifest()

    def seal_manifest(self):
        text = json.dumps({**self.content, "sha256": ZEROS})
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        data = text.replace(ZEROS, digest, 1).encode("utf-8", "surrogatepass")
        self.manifest.write_bytes(data)

    def any_path(self):
        """A file of the index, those without a checksum more often than they are."""
        named = [self.folder / entry["path"] for entry in self.entries()]
        others = [self.manifest, self.folder / "CURRENT"]
        return self.rng.choice([*named, *others])

    def overwrite(self, entry, data):
        (self.folder / entry["path"]).write_bytes(data)
        self.seal()

    def bytes_of_a_file(self, kind=None):
        entry, rng = self.entry(kind), self.rng
        data = bytearray((self.folder / entry["path"]).read_bytes())
        near = rng.choice([256, 2048, len(data)])
        for _ in range(rng.choice([1, 1, 2, 5, 50])):
            place = rng.randrange(min(near, len(data)))
            place = rng.choice([place, len(data) - 1 - place])
            data[place] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        self.overwrite(entry, bytes(data))

    def bytes_of_the_items(self):
        self.bytes_of_a_file("items")

    def bytes_of_the_structure(self):
        self.bytes_of_a_file("structure")

    def a_giant_number(self):
        entry, rng = self.entry(rng_kind(self.rng)), self.rng
        data = bytearray((self.folder / entry["path"]).read_bytes())
        width = rng.choice([4, 8])
        near = min(rng.choice([300, 1500, len(data)]), len(data) - 8)
        place = rng.choice([rng.randrange(near), len(data) - 8 - rng.randrange(near)])
        place = max(0, place & ~(width - 1) if rng.random() < 0.7 else place)
        number = rng.choice(GIANTS) & (256**width - 1)
        data[place : place + width] = number.to_bytes(width, "little")
        self.overwrite(entry, bytes(data))

    def random_bytes(self):
        entry = self.entry()
        self.overwrite(entry, self.rng.randbytes(self.rng.randrange(1, 5000)))

    def another_length(self):
        entry, rng = self.entry(), self.rng
        data = (self.folder / entry["path"]).read_bytes()
        cut = data[: rng.randrange(1, len(data))]
        longer = data + rng.choice([bytes(1), bytes(8000), data, rng.randbytes(100)])
        self.overwrite(entry, rng.choice([cut, longer]))

    def bytes_without_a_seal(self):
        path = self.any_path()
        data = bytearray(path.read_bytes())
        for _ in range(self.rng.choice([1, 3, 30])):
            data[self.rng.randrange(len(data))] = self.rng.randrange(256)
        path.write_bytes(data[: self.rng.choice([len(data), len(data) // 2, 0])])

    def another_type(self):
        path, rng = self.any_path(), self.rng
        data = path.read_bytes()
        path.unlink()
        outside = self.precious / "copy.bin"
        kind = rng.choice(
            ["pipe", "folder", "link", "device", "lost", "hard", "socket"]
        )
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "link":
            path.symlink_to(rng.choice([outside, self.precious, "/dev/zero", "."]))
        elif kind == "device":
            path.symlink_to(rng.choice(["/dev/zero", "/dev/stdin", "/proc/self/mem"]))
        elif kind == "lost":
            path.symlink_to(self.precious / "not-there")
        elif kind == "hard":
            path.hardlink_to(self.precious / "notes.txt")
        elif kind == "socket":
            server = socket.socket(socket.AF_UNIX)
            here = Path.cwd()
            os.chdir(path.parent)  # the name of a socket must be short
            server.bind(path.name)
            os.chdir(here)
            server.close()
        if kind == "hard" and rng.random() < 0.5:
            self.seal()
        return data

    def a_generation_that_is_a_link(self):
        folders = sorted(self.folder.glob("gen-*"))
        chosen = self.rng.choice(folders)
        if self.rng.random() < 0.5:
            shutil.rmtree(chosen)
            chosen.symlink_to(self.precious)
        else:
            target = self.precious / "moved"
            shutil.copytree(chosen, target)
            shutil.rmtree(chosen)
            chosen.symlink_to(target)

    def a_path_through_a_link(self):
        name = self.rng.choice(["a", "gen-000001x", "gen-000077"])
        (self.folder / name).symlink_to(self.rng.choice(["../precious", "..", "/"]))
        for entry in self.entries():
            if self.rng.random() < 0.7:
                entry["path"] = (
                    f"{name}/{self.rng.choice(['notes.txt', 'deep/er.txt'])}"
                )
        self.seal()

    def another_path(self):
        entry, rng = self.entry(), self.rng
        good = entry["path"]
        entry["path"] = rng.choice(
            [
                str(self.precious / "notes.txt"),
                "../precious/notes.txt",
                f"gen-000001/../../{self.precious.name}/notes.txt",
                good.upper(),
                f"./{good}",
                good.replace("/", "//"),
                good.replace("0", "\u0660"),
                f"{good}\n",
                f"{good}\0",
                "CURRENT",
                "writer.lock",
                good.rpartition("/")[0],
                f"gen-{'9' * 300}/000001.vectors.npy",
            ]
        )
        self.seal_manifest()

    def another_name_beside(self):
        rng = self.rng
        name = rng.choice(
            ["writer.json", "writer.lock", "writer.turn", "CURRENT.tmp", "notes.txt"]
            + [f"gen-{n:06d}{end}" for n in (2, 5, 6, 99) for end in ("", ".tmp")]
            + ["gen-999999999999", "gen-000001/extra.bin", "gen-000001/000099.dead.bin"]
        )
        path = self.folder / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        target = rng.choice(["notes.txt", ".", "gen-000001", "not-there"])
        kind = rng.choice(["link", "link", "hard", "pipe", "folder", "text"])
        if kind == "link":
            path.symlink_to(self.precious / target)
        elif kind == "hard":
            path.hardlink_to(self.precious / "notes.txt")
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
            (path / "mine.txt").symlink_to(self.precious)
        else:
            path.write_text(rng.choice(["{" * 9000, "[" * 200_000, '{"pid": "\033["}']))

    def a_value_of_the_manifest(self):
        places = list(entries_of(self.content))
        for _ in range(self.rng.choice([1, 1, 1, 2, 5])):
            holder, key = self.rng.choice(places)
            holder[key] = copy.deepcopy(self.rng.choice(VALUES))
        self.seal_manifest()

    def a_field_of_the_manifest(self):
        holders = [h for h, _ in entries_of(self.content) if isinstance(h, dict)]
        holder = self.rng.choice(holders)
        if self.rng.random() < 0.5:
            holder.pop(self.rng.choice(list(holder)))
        else:
            holder["surprise"] = copy.deepcopy(self.rng.choice(VALUES))
        self.seal_manifest()

    def another_manifest(self):
        text = self.rng.choice(
            [
                *("[" * 200_000, '{"sha256":' + "[" * 200_000, "[]", "7", "{}", "é"),
                *("9" * 6000, " " * (5 << 20), json.dumps(self.content)),
            ]
        )
        self.manifest.write_bytes(text.encode("latin-1", "replace"))

    def another_pointer(self):
        number = self.rng.choice([*VALUES, 1, 2, 3, 4, 5])
        check = hashlib.sha256(f"generation {number}"[:4000].encode("utf-8", "replace"))
        pointer = {"generation": number, "check": check.hexdigest()[:16]}
        text = self.rng.choice([json.dumps(pointer) + "\n", "[" * 100_000, ""])
        (self.folder / "CURRENT").write_text(text)

    def files_exchanged(self):
        one, other = self.rng.sample(self.entries(), 2)
        first, second = (self.folder / entry["path"] for entry in (one, other))
        data = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(data)
        self.seal()

    def manifests_exchanged(self):
        old = self.rng.choice(sorted(self.folder.glob("gen-*/manifest.json")))
        self.manifest.write_bytes(old.read_bytes())

    def other_items(self):
        entry, rng = self.entry("items"), self.rng
        with pa.ipc.open_file((self.folder / entry["path"]).read_bytes()) as reader:
            table = reader.read_all()
        n = table.num_rows
        kinds = {
            "numbers": pa.array(range(n)),
            "nulls": pa.nulls(n, pa.string()),
            "nothing": pa.nulls(n),
            "same": pa.array(["item-1"] * n),
            "empty": pa.array([""] * n),
            "large": pa.array([f"i{k}" for k in range(n)], pa.large_string()),
            "views": pa.array([f"i{k}" for k in range(n)], pa.string_view()),
            "coded": pa.array(
                ["a", "b"] * (n // 2) + ["c"] * (n % 2)
            ).dictionary_encode(),
            "lists": pa.array([[None] * 5] * n, pa.list_(pa.null())),
            "bytes": pa.array([b"\xff\xfe"] * n),
            "dates": pa.array([2**60] * n, pa.timestamp("us")),
            "structs": pa.array([{"a": k} for k in range(n)]),
        }
        name = rng.choice(table.column_names)
        kind = rng.choice(list(kinds))
        place = table.column_names.index(name)
        if rng.random() < 0.8:
            table = table.set_column(place, name, kinds[kind])
        elif rng.random() < 0.5:
            table = table.append_column(name, kinds[kind])
        else:
            table = table.drop_columns([name])
        options = pa.ipc.IpcWriteOptions(
            compression=rng.choice([None, None, "lz4", "zstd"])
        )
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=rng.choice([1, 100, 10_000]))
        self.overwrite(entry, sink.getvalue())

    def another_schema(self):
        rng = self.rng
        data = bytearray(base64.b64decode(self.content["schema"]))
        for _ in range(rng.choice([1, 3, 20])):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 255, rng.randrange(256)])
        kinds = [pa.null(), pa.binary(), pa.list_(pa.int8()), pa.timestamp("s", "x")]
        names = rng.sample(["genre", "year", "tags", "id", "more"], 3)
        other = pa.schema([(name, rng.choice(kinds)) for name in names])
        data = rng.choice([bytes(data), other.serialize().to_pybytes(), b"", b"x" * 99])
        self.content["schema"] = base64.b64encode(data).decode()
        self.seal_manifest()

    def other_vectors(self):
        entry, rng = self.entry("vectors"), self.rng
        data = (self.folder / entry["path"]).read_bytes()
        numbers = np.frombuffer(data, "<f4", offset=128).copy()
        n = len(numbers) // D
        whole = rng.choice(["f8", "f2", "O", "i4", "shape", "order", "nan", "inf"])
        if whole in {"nan", "inf"}:
            numbers[rng.randrange(len(numbers))] = float(whole)
            self.overwrite(entry, data[:128] + numbers.tobytes())
            return
        shape = rng.choice([(n, D), (10**12, D), (n, -1), (n * D,), (), (n, D, 1)])
        header = {
            "descr": "|O" if whole == "O" else "<f4" if len(whole) > 2 else f"<{whole}",
            "fortran_order": whole == "order",
            "shape": shape if whole == "shape" else (n, D),
        }
        sink = io.BytesIO()
        np.lib.format.write_array_header_1_0(sink, header)
        text = rng.choice([sink.getvalue(), b"\x93NUMPY\x01\x00v\x00" + b"(" * 118])
        self.overwrite(entry, text + numbers.tobytes())

    def another_order(self):
        entry, rng = self.entry(rng_kind(self.rng, ("lookup", "dead"))), self.rng
        data = np.frombuffer((self.folder / entry["path"]).read_bytes(), "<i8").copy()
        how = rng.choice(["same", "shuffled", "far", "negative", "reversed"])
        if how == "same":
            data[:] = data[rng.randrange(len(data))]
        elif how == "shuffled":
            rng.shuffle(data)
        elif how == "reversed":
            data = data[::-1]
        else:
            place = rng.randrange(len(data))
            data[place] = {"far": 2**40, "negative": -rng.randrange(1, 900)}[how]
        self.overwrite(entry, data.tobytes())

    def another_structure(self):
        entry, rng = self.entry("structure"), self.rng
        n, d = rng.choice([(N, D), (N, 8), (100, D), (5000, D), (N, 64)])
        keys = ["Flat", "HNSW4", "IVF2,Flat", "SQ8", "LSH", "NSG8", "PQ4x4"]
        keys += ["IVF2,PQ4x4fs", "IVF2,RaBitQ", "IVF2,RaBitQfs"]
        key = rng.choice(keys)
        metric = rng.choice([faiss.METRIC_INNER_PRODUCT, faiss.METRIC_L2])
        numbers = np.random.default_rng(0).standard_normal((n, d)).astype("f4")
        try:
            index = faiss.index_factory(d, key, metric)
            index.train(numbers)
            index.add(numbers)
        except RuntimeError:
            index = faiss.IndexFlatL2(d)
        self.overwrite(entry, faiss.serialize_index(index).tobytes())


def rng_kind(rng, kinds=("items", "structure", "items", "structure", "vectors", None)):
    return rng.choice(kinds)


CHANGES = [
    name
    for name, member in vars(Stranger).items()
    if callable(member)
    and name
    not in {"__init__", "entries", "entry", "seal", "seal_manifest", "any_path"}
    and name != "overwrite"
]
