"""Embedding on Ray: rows of the catalogue go to actors, which read, decode and embed; their answers become batch files.

An actor reads its pictures itself: a stage of its own for reading would take the
cores that the actors wait for, and on few of them nothing would ever move. Ray
is imported inside functions.
"""

from __future__ import annotations

import logging
import os
import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from covers.errors import DataError, refuse_missing_package
from covers.images.locations import PictureLocation, locations_of, read_first
from covers.model.batch_streams import CPU_BATCH, GPU_BATCH
from covers.model.card import WEIGHTS_NAME, read_card
from covers.model.embed import COVERS_PER_PART, EmbedReport
from covers.model.embed_bytes import EmbedBytes
from covers.model.pending import find_pending
from covers.workspace.cores import count_cores
from covers.workspace.remote import path_of_source
from indexer.files.arrow import as_numbers, as_take_indices, make_array, make_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from covers.model.pending import Pending
    from covers.model.pixels import Progress
    from covers.workspace.paths import Workspace

    Arrays = dict[str, npt.NDArray[Any]]

_LEAST_ROWS = 32
_BLOCKS_PER_ACTOR = 4
_ROWS_AT_ONCE = 1_000_000
_STORE_BYTES = 512 << 20
_LOCATION = pa.struct(
    [(name, pa.string()) for name in ("shown", "file", "member", "reason")]
)
ROWS = pa.schema([("cover_id", pa.string()), ("locations", pa.list_(_LOCATION))])
"""What an actor is given of each cover."""


@dataclass(frozen=True)
class RayCluster:
    """Where actors run.

    Parameters
    ----------
    address : str, optional
        Of a running cluster, such as ``"10.0.0.1:6379"``; by default what
        ``RAY_ADDRESS`` says, else one is started on this machine and ended.
    """

    address: str | None = None


@dataclass(frozen=True)
class ActorTask:
    """What every actor of a run is given.

    Parameters
    ----------
    device : str
        Where its network runs.
    n_covers : int
        How many it may expect: for many, the network is packed.
    max_megapixels : float
        Larger pictures are refused.
    """

    device: str
    n_covers: int
    max_megapixels: float


class RowEmbedder:
    """An actor: reads the pictures of some rows and says what the network makes of them.

    Parameters
    ----------
    weights : bytes, or a reference to them in Ray's store
        The model's file.
    task : ActorTask
    """

    def __init__(self, weights: Any, task: ActorTask) -> None:
        from covers.model.weights import SavedModel

        if not isinstance(weights, bytes):
            import ray

            weights = ray.get(weights)
        with tempfile.TemporaryDirectory(prefix="covers-") as folder:
            (Path(folder) / WEIGHTS_NAME).write_bytes(weights)
            model = SavedModel.open(Path(folder), task.device)
        model.extractor.prepare(task.n_covers)
        on_gpu = model.device.type == "cuda"
        self._at_once = GPU_BATCH if on_gpu else model.extractor.batch_size or CPU_BATCH
        size_px = model.extractor.size_px
        self._embed = EmbedBytes(model.embed_library, size_px, task.max_megapixels)
        blank = np.zeros((1, size_px, size_px, 3), np.uint8)
        self._like = self._embed.answer(blank)

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Turn a table of `ROWS` into one with ``cover_id``, ``reason`` and the vectors.

        Vectors are lists of a fixed size, zero where ``reason`` says why there are none.
        """
        covers = list(
            zip(*(rows.column(n).to_pylist() for n in ROWS.names), strict=True)
        )
        reasons: list[str | None] = [None] * len(covers)
        arrays = {
            name: np.zeros((len(covers), like.shape[1]), like.dtype)
            for name, like in self._like.items()
        }
        for start in range(0, len(covers), self._at_once):
            found = self._embed(_contents(covers[start : start + self._at_once]))
            for name, values in found.arrays.items():
                arrays[name][start + found.positions] = values
            for position, reason in found.failed:
                reasons[start + position] = reason
        columns = {
            "cover_id": make_array([cover_id for cover_id, _ in covers], pa.string()),
            "reason": make_array(reasons, pa.string()),
        }
        for name, values in arrays.items():
            flat = make_array(values.reshape(-1))
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        return pa.table(columns)


def _contents(
    covers: Sequence[tuple[str, list[dict[str, str]]]],
) -> Iterator[bytes | DataError]:
    """Read pictures one after the other; where one cannot be read, say why."""
    for cover_id, written in covers:
        locations = [
            PictureLocation(
                location["shown"],
                path_of_source(location["file"], Path()) if location["file"] else None,
                location["member"],
                location["reason"],
            )
            for location in written
        ]
        try:
            yield read_first(cover_id, locations)
        except DataError as error:
            yield error


def embed_on_ray(
    workspace: Workspace,
    cluster: RayCluster,
    *,
    device: str = "auto",
    progress: Progress | None = None,
) -> EmbedReport:
    """Embed on Ray the covers that have no embedding by the current model yet.

    What an actor answers is published at once, so that an actor or this process
    that is killed costs at most one batch file of each actor; the next run does what
    is missing. The nodes must see the files of the sources under the same paths,
    or the sources lie in object stores.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue and a model.
    cluster : RayCluster
    device : {"auto", "cpu", "cuda"}, default="auto"
        With ``"cuda"`` an actor has a GPU of its own; otherwise it has a core.
    progress : callable, optional
        Called with covers done and covers in all.

    Raises
    ------
    ModelError, DataError
        If there is no model or no catalogue, or Ray gives up.
    MissingExtraError
        If Ray is not installed.
    """
    refuse_missing_package("ray", "embedding on Ray")
    fingerprint = read_card(workspace.model_folder).fingerprint
    pending = find_pending(workspace, fingerprint)
    if not pending.rows:
        return EmbedReport(0, pending.n_known, {})
    failed: dict[str, str] = {}
    n_done, total = pending.n_known, pending.n_known + len(pending.rows)
    with _session(cluster):
        for answer in _answers(workspace, pending, device):
            failed |= _publish(answer, pending)
            n_done += answer.num_rows
            if progress:
                progress(n_done, total)
    return EmbedReport(len(pending.rows) - len(failed), pending.n_known, failed)


def count_actors(resources: dict[str, float], device: str) -> int:
    """Say how many actors a cluster takes: a core is left for what feeds them.

    Examples
    --------
    >>> count_actors({"CPU": 2.0}, "auto"), count_actors({"CPU": 1.0}, "auto")
    (1, 1)
    >>> count_actors({"CPU": 64.0, "GPU": 4.0}, "cuda")
    4
    """
    if device == "cuda":
        return max(1, int(resources.get("GPU", 0)))
    return max(1, int(resources.get("CPU", 0)) - 1)


def _answers(workspace: Workspace, pending: Pending, device: str) -> Iterator[pa.Table]:
    """Yield what the actors answer, block by block, in no order."""
    import ray
    import ray.data

    n_actors = count_actors(ray.cluster_resources(), device)
    weights = ray.put((workspace.model_folder / WEIGHTS_NAME).read_bytes())
    megapixels = workspace.settings.intake.max_megapixels
    task = ActorTask(device, -(-len(pending.rows) // n_actors), megapixels)
    n_rows = -(-len(pending.rows) // (_BLOCKS_PER_ACTOR * n_actors))
    n_rows = min(COVERS_PER_PART, max(_LEAST_ROWS, n_rows))
    for start in range(0, len(pending.rows), _ROWS_AT_ONCE):
        some = pending.rows[start : start + _ROWS_AT_ONCE]
        blocks = [
            _rows(workspace, pending, some[i : i + n_rows])
            for i in range(0, len(some), n_rows)
        ]
        answers = ray.data.from_arrow(blocks).map_batches(
            RowEmbedder,
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(
                size=min(n_actors, len(blocks)), max_tasks_in_flight_per_actor=2
            ),
            num_cpus=1,
            num_gpus=1 if device == "cuda" else 0,
            fn_constructor_args=(weights, task),
        )
        yield from answers.iter_batches(batch_size=None, batch_format="pyarrow")


def _rows(workspace: Workspace, pending: Pending, rows: Sequence[int]) -> pa.Table:
    """Say of some rows of the catalogue where their pictures lie."""
    some = pending.catalogue.table.select(["cover_id", "locations"]).take(
        as_take_indices(np.asarray(rows, np.int64))
    )
    located = [
        [
            {
                "shown": picture.shown,
                "file": "" if picture.file is None else _whole(picture.file),
                "member": picture.member,
                "reason": picture.reason,
            }
            for picture in locations_of(workspace, locations)
        ]
        for locations in some.column("locations").to_pylist()
    ]
    ids = some.column("cover_id").combine_chunks()
    return make_table({"cover_id": ids, "locations": located}, ROWS)


def _whole(file: object) -> str:
    """Return a path as an absolute one, because other nodes have other working directories."""
    return os.path.abspath(file) if isinstance(file, Path) else str(file)  # noqa: PTH100  no link is followed


def _publish(answer: pa.Table, pending: Pending) -> dict[str, str]:
    """Publish the vectors of a block as a batch file; return the reasons by path of those without."""
    ids = answer.column("cover_id").to_pylist()
    reasons = answer.column("reason").to_pylist()
    good = np.flatnonzero([reason is None for reason in reasons])
    arrays: Arrays = {}
    for name in answer.column_names[2:]:
        values = as_numbers(answer.column(name).combine_chunks().flatten())
        arrays[name] = values.reshape(len(ids), -1)[good]
    if len(good):
        pending.parts.append([ids[row] for row in good], arrays, pending.stamp)
    return {
        pending.path_of(cover_id): reason
        for cover_id, reason in zip(ids, reasons, strict=True)
        if reason is not None
    }


@contextmanager
def _session(cluster: RayCluster) -> Iterator[None]:
    """Connect to a cluster for a while; end one that was started for it."""
    address = cluster.address or os.environ.get("RAY_ADDRESS")
    _be_discreet(is_own=not address)
    import ray
    import ray.data
    from ray.exceptions import RayError

    if ray.is_initialized():
        yield
        return
    try:
        _connect(address)
        logging.getLogger("ray.data").setLevel(
            logging.ERROR
        )  # which its import has set
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield
    except RayError as error:
        message = (
            f"Ray gave up ({_last_line(error)}): what was embedded is kept, and the same "
            "command goes on; 'ray status' says what its cluster lacks"
        )
        raise DataError(message) from error
    finally:
        ray.shutdown()


def _last_line(error: Exception) -> str:
    """Return what an error ends with, which of Ray's is what happened in the actor."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{lines[-1].strip():.300}"


def _be_discreet(*, is_own: bool) -> None:
    """Switch off Ray's reports, messages and temporary files, unless its own settings want them.

    A cluster that is started here listens to this machine only, which Ray does where
    it was told that there are no others, and is guarded by a token that only this
    process and its children know, instead of one in a file of the user's.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if is_own:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    if is_own and not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN"} & os.environ.keys():
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _connect(address: str | None) -> None:
    """Connect to a cluster, or start one on this machine that nobody else reaches."""
    import ray

    how: dict[str, object] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if not address:
        how |= {
            "num_cpus": count_cores(),
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
        }
    try:
        ray.init(address=address, **how)
    except (ConnectionError, RuntimeError, ValueError) as error:
        place = f"at '{address}'" if address else "on this machine"
        message = (
            f"no Ray cluster {place} ({_last_line(error)}): start one with 'ray start --head', "
            "or leave '--ray-address' out"
        )
        raise DataError(message) from error
