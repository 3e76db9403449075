"""The manifest of a generation: what it is made of, and how to check it.

A manifest names immutable files with their size and SHA-256. It guards itself:
its first field is the SHA-256 of its own bytes with that field set to zeros, a
scheme that later formats keep, so that a newer format is told from damage.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field

from indexer.errors import IndexWriteError
from indexer.vectors import STORES

__all__ = [
    "FORMAT",
    "MOST_BYTES",
    "PREFERENCES",
    "FileEntry",
    "Manifest",
    "PastGeneration",
    "SegmentEntry",
    "StructureEntry",
    "StructureRequest",
    "TriedStructure",
    "write_manifest",
]

# Formats 1 and 2 are read: 2 says what was tried, and how vectors are stored.
FORMAT = 2
# Of a manifest; thousands of columns take a tenth of it.
MOST_BYTES = 4 << 20
_ZEROS = "0" * 64
PREFERENCES = ("fast", "small", "quick-search")


@dataclass(frozen=True)
class FileEntry:
    """One immutable file, its path relative to the index.

    `mtime_ns` is when it was written, by the clock of its file system: a file
    that still says so has not been written to since.
    """

    path: str
    n_bytes: int
    sha256: str
    mtime_ns: int | None = None


@dataclass(frozen=True, kw_only=True)
class StructureRequest:
    """The structure that the owner of the index wants, stored for the next compaction.

    Attributes
    ----------
    key : str
        ``"auto"``, ``"exact"`` or a FAISS factory key such as ``"IVF1024,SQ8"``.
    target_recall : float
        Share of the true `k` nearest that a search must find, in (0, 1].
    k : int
        The k of `target_recall`.
    memory_mib : int or None
        Upper bound of the structure's size, without the vectors.
    prefer : str
        What ``"auto"`` looks for among structures that reach the recall:
        ``"fast"``, the quickest search of those that are built fast; ``"small"``,
        the smallest; ``"quick-search"``, the quickest search, graphs too, which take
        long to build.
    store : str
        How new segments store vectors: ``"float32"``, ``"float16"`` or ``"int8"``.

    Raises
    ------
    ValueError
        If the recall is no share, the bound below 1, or a word unknown.
    """

    key: str = "auto"
    target_recall: float = 0.99
    k: int = 10
    memory_mib: int | None = None
    prefer: str = "fast"
    store: str = "float32"

    def __post_init__(self) -> None:
        if not 0 < self.target_recall <= 1:
            message = f"target_recall must lie in (0, 1], got {self.target_recall}"
            raise ValueError(message)
        if self.memory_mib is not None and self.memory_mib < 1:
            message = f"memory_mib must be at least 1, got {self.memory_mib}"
            raise ValueError(message)
        if self.prefer not in PREFERENCES:
            message = f"prefer must be one of {PREFERENCES}, got {self.prefer!r:.40}"
            raise ValueError(message)
        if self.store not in STORES:
            message = f"store must be one of {(*STORES,)}, got {self.store!r:.40}"
            raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class TriedStructure:
    """What a structure did on a sample of the vectors when one had to be chosen.

    Attributes
    ----------
    key : str
        FAISS factory key, for all vectors.
    n_bytes : float
        Size per vector.
    query_ms : float
        Time of one query that compares every code of the sample.
    recall_at_k : float
        Of such searches.
    refine : int
        Candidates fetched per neighbour.
    n_rows : int
        Size of the sample.
    seconds : float
        What the trial took.
    read_bytes : float
        What such a query reads: codes, and the vectors of the candidates.
    """

    key: str
    n_bytes: float
    query_ms: float
    recall_at_k: float
    refine: int
    n_rows: int
    seconds: float
    read_bytes: float = 0.0


@dataclass(frozen=True, kw_only=True)
class StructureEntry:
    """A FAISS structure over one segment, with the recall that was measured.

    Attributes
    ----------
    key : str
        FAISS factory key.
    effort : dict of str to int
        ``refine`` (candidates fetched per neighbour) and FAISS's own
        ``nprobe`` or ``efSearch``.
    recall_at_k : float
        Mean over `n_queries` stored vectors, each without itself.
    recall_low : float
        Lower end of its one-sided 95 % interval.
    is_target_met : bool
        Whether `recall_low` reaches `target_recall`.
    tried : tuple of TriedStructure
        What the choice was made from; empty where there was none.
    n_trained : int
        Rows of the segment when its quantisers were trained.
    trained_fit, cell_fit : float or None
        Mean similarity of vectors to the centre of their inverted list: when the
        lists were made, and now. They part when the vectors drift.
    """

    file: FileEntry
    key: str
    effort: dict[str, int]
    recall_at_k: float
    recall_low: float
    k: int
    n_queries: int
    target_recall: float
    is_target_met: bool
    tried: tuple[TriedStructure, ...] = ()
    n_trained: int = 0
    trained_fit: float | None = None
    cell_fit: float | None = None


@dataclass(frozen=True, kw_only=True)
class SegmentEntry:
    """Rows that were written together; only their tombstones change.

    `store` says how the numbers of the vectors are stored.
    """

    name: str
    n_rows: int
    vectors: FileEntry
    items: FileEntry
    lookup: FileEntry
    structure: StructureEntry | None = None
    dead: FileEntry | None = None
    n_dead: int = 0
    store: str = "float32"

    @property
    def n_live(self) -> int:
        """Rows that are not tombstones."""
        return self.n_rows - self.n_dead

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file of the segment."""
        structure = self.structure.file if self.structure else None
        parts = (self.vectors, self.items, self.lookup, structure, self.dead)
        return tuple(part for part in parts if part is not None)


@dataclass(frozen=True, kw_only=True)
class PastGeneration:
    """An older generation that is kept for `rollback`."""

    generation: int
    content: int
    n_items: int
    created: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One published state of the index.

    Attributes
    ----------
    generation : int
        Grows by one with every published change, also with a rollback.
    content : int
        The generation that first had this content: differs from `generation`
        only after a rollback.
    parent : int or None
        The content that this one was made from, where `rollback` leads.
    operation : str
        What made it: ``build``, ``add``, ``rollback``, …
    schema : str
        Arrow schema of the columns, serialised, in base64.
    """

    generation: int
    content: int
    operation: str
    created: str
    dimension: int
    n_items: int
    schema: str
    next_segment: int
    keep_generations: int
    request: StructureRequest
    fingerprints: dict[str, str] = field(default_factory=dict)
    segments: tuple[SegmentEntry, ...] = ()
    history: tuple[PastGeneration, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    parent: int | None = None

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file of every segment."""
        return tuple(file for segment in self.segments for file in segment.files)

    @property
    def n_dead(self) -> int:
        """Tombstones over all segments."""
        return sum(segment.n_dead for segment in self.segments)


def write_manifest(manifest: Manifest) -> str:
    """Serialise a manifest with its own checksum in the first field.

    Raises
    ------
    IndexWriteError
        If it is larger than a manifest is read.
    """
    content = {"sha256": _ZEROS, "format": FORMAT, **dataclasses.asdict(manifest)}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    if len(text.encode()) > MOST_BYTES:
        message = (
            f"the manifest would take more than {MOST_BYTES >> 20} MiB: give fewer "
            f"columns, or shorter names and fingerprints"
        )
        raise IndexWriteError(message)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text.replace(_ZEROS, digest, 1)
