"""Names, layout graphs, cards of other embedders and selections of the dashboard, and what strangers do to them; used by `strangers`."""

import contextlib
import copy
import json
import sys
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from strange_values import GIANTS, VALUES, entries_of

from covers.catalogue.table import read_catalogue
from covers.cluster import layout_graph as graphs
from covers.cluster.map.stage import read_map
from covers.cluster.words import names
from covers.errors import CoversError
from covers.index import by_embedder
from covers.index.embedded import EmbeddedCovers
from covers.index.embedder_card import KIND, card_file, index_pointer
from covers.workspace.artefacts import Stamp, fingerprint_file, write_json
from covers.workspace.paths import Workspace
from covers.workspace.registry import (
    CLUSTER_TABLE,
    LAYOUT_GRAPH,
    MAP_TABLE,
    NAMES_DOCUMENT,
)
from covers.workspace.settings import write_settings
from dashboard.data.selection import name_covers
from indexer import VectorIndex

EMBEDDER = "clip:ViT-B-32"
CARD = card_file(EMBEDDER).path
FILES = (NAMES_DOCUMENT.path, LAYOUT_GRAPH.path, CARD)
OTHER_INDEX = index_pointer(EMBEDDER).path.rpartition("/")[0]


def add_files(root):
    """Make them as the program does, with vectors and words by chance."""
    graphs.STORED_FROM = 0  # of large libraries only, by itself
    workspace = Workspace(root)
    catalogue, rng = read_catalogue(workspace), np.random.default_rng(0)
    _add_names(workspace, len(catalogue))
    graphs.layout_graph(workspace, EmbeddedCovers.read(workspace), 15)
    card = {"name": EMBEDDER, "dim": 8, "fingerprint": "a" * 16}
    card["text_fingerprint"] = "b" * 16
    made_from = {"embedder": EMBEDDER, "model": "a" * 16}
    VectorIndex.build(
        root / OTHER_INDEX,
        catalogue.cover_ids,
        rng.standard_normal((len(catalogue), 8)),
        fingerprints=made_from | {"catalogue": catalogue.fingerprint()},
    )
    write_json(root / CARD, card, Stamp(kind=KIND, made_from={"model": "a" * 16}))
    write_settings(root, {"embedders": {EMBEDDER: "pretrained"}})


def _add_names(workspace, n_covers):
    """Write words for the clusters and the map at hand."""
    word = {"word": "a piano", "effect": 0.8, "low": 0.4}
    x, y = (read_map(workspace).column(axis)[0].as_py() for axis in ("x", "y"))
    document = {
        "embedder": EMBEDDER,
        "n_words": 9,
        "margin": 0.25,
        "n_covers": n_covers,
        "clusters": [{"name": "0", "n": 20, "words": [word]}],
        "genres": [{"name": "Jazz", "n": 20, "words": [word]}],
        "regions": [{"x": x, "y": y, "n": 20, "words": [word]}],
    }
    parts = {"clusters": CLUSTER_TABLE, "map": MAP_TABLE}
    made_from = {
        part: fingerprint_file(workspace.path(file)) for part, file in parts.items()
    }
    path = workspace.path(NAMES_DOCUMENT)
    write_json(path, document, Stamp(kind="names", made_from=made_from))


def read_files(root, texts):
    """Read them as clusters, map, searches and the dashboard do; refusals are fine."""
    from dashboard import loaders

    workspace = Workspace(root)
    sys.argv[1:] = [str(root)]
    for read in (
        names.read_names,
        names.words_on_map,
        read_graph,
        lambda here: by_embedder.judge_other_index(here, EMBEDDER, None),
        lambda here: by_embedder.open_other_index(here, EMBEDDER).info(),
        lambda here: by_embedder.open_embedder(here, EMBEDDER),
        lambda _: loaders.regions(),
        *(lambda _, text=text: loaders.selection(text) for text in texts),
    ):
        with contextlib.suppress(CoversError):
            read(workspace)


def read_graph(workspace):
    """Read the graph as a layout does; compiled code goes by its rows without looking."""
    covers = EmbeddedCovers.read(workspace)
    rows, distances = graphs.layout_graph(workspace, covers, 15)
    fits = rows.shape == distances.shape and rows.shape[0] == len(covers)
    if not fits or rows.min() < 0 or rows.max() >= len(covers):
        message = "a graph that leads out of its table"
        raise RuntimeError(message)
    if not np.isfinite(distances).all():
        message = "a graph with distances that are none"
        raise RuntimeError(message)


def selections(root):
    """Return a text of each kind that an address of the dashboard may hold."""
    found = sorted(path.stem for path in (root / "thumbnails").glob("*/*.jpg"))
    ids = (found or ["0" * 32])[:3]
    return [
        "filter:genres=Jazz&years=1960&years=1979&text=blue&sort=year",
        "filter:sides=train&bands=dark&verdicts=sure&sources=covers",
        "cluster:0.1",
        "cluster:-1",
        "area:-9_-9_9_-9_9_9_-9_9!genre_1_2",
        "area:-9_-9_9_-9_9_9!cluster_0",
        "cell:vote:Jazz~Rock",
        "cell:network:Jazz~Jazz",
        "pair:Jazz~Rock",
        f"like:20:{ids[0]}.{ids[1 % len(ids)]}-{ids[-1]}",
        "finding:near_duplicates",
        name_covers(ids),
        "tag:sleeves to see",
    ]


class LaterChanges:
    """Changes to later files of a workspace, as methods that `Stranger` inherits."""

    def bytes_of_a_later_file(self):
        path, rng = self.root / self.rng.choice(FILES), self.rng
        data = bytearray(path.read_bytes())
        for _ in range(rng.choice([1, 3, 30])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice([len(data), len(data) // 2])])

    def a_value_of_a_later_document(self):
        path, rng = self.root / self.rng.choice([NAMES_DOCUMENT.path, CARD]), self.rng
        content = json.loads(path.read_text())
        for _ in range(rng.choice([1, 1, 5])):
            holder, key = rng.choice(list(entries_of(content)))
            holder[key] = copy.deepcopy(rng.choice(VALUES))
        path.write_bytes(json.dumps(content).encode("utf-8", "surrogatepass"))

    def numbers_of_a_layout_graph(self):
        """Other rows, distances, types, columns and widths, under the right stamp."""
        path, rng = self.root / LAYOUT_GRAPH.path, self.rng
        table = pq.read_table(path)
        name = rng.choice(table.column_names)
        n, width = table.num_rows, table.column(name).type.list_size
        kind = rng.choice([pa.int32(), pa.float32(), pa.int64(), pa.float64()])
        low = rng.choice([0, -1, -5, 2**31 - 1])
        numbers = (
            np.full(n * width, low) if rng.random() < 0.5 else np.arange(n * width)
        )
        values = pa.array(numbers).cast(kind, safe=False)
        other = rng.choice(["whole", "none", "text", "fewer", "wider", "lost"])
        column = pa.FixedSizeListArray.from_arrays(values, width)
        if other == "none":
            column = pa.nulls(n, column.type)
        elif other == "text":
            column = pa.array(["x"] * n)
        elif other == "wider":
            column = pa.array([[0] * rng.choice([0, 1, width + 1])] * n)
        at = table.column_names.index(name)
        table = table.set_column(at, name, column)
        if other == "fewer":
            table = table.slice(0, n // 2)
        elif other == "lost":
            table = table.remove_column(at)
        pq.write_table(table, path)

    def the_stamp_of_a_layout_graph(self):
        path, rng = self.root / LAYOUT_GRAPH.path, self.rng
        table = pq.read_table(path)
        texts = dict(table.schema.metadata)
        key = next(key for key, text in texts.items() if b"n_components" in text)
        stamp = json.loads(texts[key])
        holder, entry = rng.choice(
            [*entries_of(stamp["parameters"]), (stamp["parameters"], "k")]
        )
        holder[entry] = copy.deepcopy(rng.choice(VALUES))
        texts[key] = json.dumps(stamp).encode("utf-8", "surrogatepass")
        pq.write_table(table.replace_schema_metadata(texts), path)

    def letters_of_selections(self):
        for _ in range(20):
            letters = list(self.rng.choice(selections(self.root)))
            for _ in range(self.rng.choice([1, 1, 3])):
                at = self.rng.randrange(len(letters))
                letters[at] = self.rng.choice(
                    ["", "-", "0", "~", ".", "\0", "²", "é", "_"]
                )
            self.texts.append("".join(letters))

    def values_of_selections(self):
        """The value of a kind put after another, and giants for numbers."""
        rng, known = self.rng, selections(self.root)
        strange = [*map(str, GIANTS), "1e400", "nan", "9" * 5000, "²", "--5", "%00"]
        for _ in range(20):
            kind, _, value = rng.choice(known).partition(":")
            other = rng.choice([*strange, rng.choice(known).partition(":")[2]])
            parts = rng.choice([".", "_", ":", "=", "&"])
            split = value.split(parts)
            split[rng.randrange(len(split))] = rng.choice([other, quote(other)])
            self.texts.append(f"{kind}:{parts.join(split)}")
