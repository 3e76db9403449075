"""Data sets for `datasets.load_dataset`: Parquet with pictures inside, or a folder of pictures.

Nothing of Hugging Face is needed to write them; the features stand in the schema's metadata.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from covers.exports.parquet import write_parquet
from covers.workspace.disk.jsonable import to_jsonable
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from covers.exports.table.cover_table import CoverTable

_SPLITS = {"train": "train", "valid": "validation", "test": "test"}
_NAMES = {
    pa.string(): "string",
    pa.int32(): "int32",
    pa.float32(): "float32",
}


def write_huggingface(covers: CoverTable, out: Path) -> None:
    """Write ``data/SPLIT-00000-of-00001.parquet`` with the features ``Image`` and ``ClassLabel``.

    ``label`` is the first genre of a cover, ``labels`` are all.
    """
    features = _features(covers)
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    (out / "data").mkdir()
    for split, part in _sides(covers):
        place = out / "data" / f"{split}-00000-of-00001.parquet"
        tables = (_with_pictures(batch) for batch in part.batches())
        write_parquet(place, tables, target="huggingface", metadata=metadata)


def write_imagefolder(covers: CoverTable, out: Path) -> None:
    """Write ``SPLIT/ID.jpg`` and ``SPLIT/metadata.jsonl``; covers without a thumbnail are left out."""
    for split, part in _sides(covers):
        folder = out / split
        folder.mkdir()
        with (folder / "metadata.jsonl").open("w", encoding="utf-8") as file:
            for batch in part.batches():
                labels = _labels(batch)
                predicted = batch.probability_column().to_pylist()
                for row, values in enumerate(batch.rows.to_pylist()):
                    picture = batch.picture(row)
                    if picture is None:
                        continue
                    name = f"{values['cover_id']}.jpg"
                    (folder / name).write_bytes(picture)
                    number = labels[row]
                    label = None if number is None else covers.vocab[number]
                    line = {
                        "file_name": name,
                        "label": label,
                        **values,
                        "probabilities": predicted[row],
                    }
                    file.write(json.dumps(to_jsonable(line)) + "\n")


def _sides(covers: CoverTable) -> Iterator[tuple[str, CoverTable]]:
    """Yield each side of the split that has covers, under the name it has there."""
    splits = np.asarray(covers.column("split"), dtype=str)
    for ours, theirs in _SPLITS.items():
        rows = np.flatnonzero(splits == ours)
        if len(rows):
            yield theirs, covers.take(rows)


def _labels(covers: CoverTable) -> list[int | None]:
    """Return the number of each cover's first genre among those with enough covers."""
    return [next(iter(own), None) for own in _all_labels(covers)]


def _all_labels(covers: CoverTable) -> list[list[int]]:
    """Return the numbers of each cover's genres among those with enough covers."""
    number = {genre: i for i, genre in enumerate(covers.vocab)}
    return [
        [number[genre] for genre in genres or () if genre in number]
        for genres in covers.column("genres")
    ]


def _with_pictures(covers: CoverTable) -> pa.Table:
    """Add labels, probabilities, embedding and picture."""
    table = covers.rows.append_column("label", make_array(_labels(covers), pa.int64()))
    labels = make_array(_all_labels(covers), pa.list_(pa.int64()))
    table = table.append_column("labels", labels)
    table = table.append_column("probabilities", covers.probability_column())
    table = table.append_column("embedding", covers.embedding_column())
    return table.append_column("image", covers.image_column())


def _features(covers: CoverTable) -> dict[str, Any]:
    """Say what the columns are, in the words of `datasets`."""
    features: dict[str, Any] = {}
    for field in covers.rows.schema:
        is_list = pa.types.is_list(field.type)
        kind = field.type.value_type if is_list else field.type
        value = {"dtype": _NAMES[kind], "_type": "Value"}
        features[field.name] = (
            {"feature": value, "length": -1, "_type": "List"} if is_list else value
        )
    features["label"] = {"names": list(covers.vocab), "_type": "ClassLabel"}
    features["labels"] = {
        "feature": features["label"],
        "length": -1,
        "_type": "List",
    }
    features["probabilities"] = {
        "feature": {
            "genre": {"dtype": "string", "_type": "Value"},
            "probability": {"dtype": "float32", "_type": "Value"},
        },
        "length": -1,
        "_type": "List",
    }
    features["embedding"] = {
        "feature": {"dtype": "float32", "_type": "Value"},
        "length": int(covers.vectors.shape[1]),
        "_type": "List",
    }
    features["image"] = {"_type": "Image"}
    return features
