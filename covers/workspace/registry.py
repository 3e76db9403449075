"""What lies in a workspace: one row per artefact, with its files, its command and its ingredients.

Nothing else names these files. `covers status` and `covers run`
(`covers.pipeline.status`), reading (`covers.workspace.read_artefacts`) and the dashboard's
caches all go by this table.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """One file, or one folder, of an artefact.

    Parameters
    ----------
    path : str
        Below the workspace, as a POSIX path.
    kind : str, default=""
        What its stamp says that it is, such as ``"votes"``; empty where it
        carries no stamp.
    """

    path: str
    kind: str = ""

    @property
    def name(self) -> str:
        """Its name without the folders before it."""
        return self.path.rpartition("/")[2]

    def below(self, root: Path) -> Path:
        """Return where it lies in the workspace `root`, whether or not it is there."""
        return root / self.path


@dataclass(frozen=True)
class Artefact:
    """What one command makes.

    Parameters
    ----------
    name : str
        What it is called in ``covers status``.
    command : str
        What follows ``covers`` to make it.
    files : tuple of File
        The first is published last: where it is up to date, so is the whole.
    made_from : tuple of str
        Names of the artefacts whose change makes it stale.
    drawn : tuple of File
        Its figures, which are drawn from the files and published with them.
    additions : tuple of str
        Settings that only add to a result, such as a row more: with them it may
        stand in for the workspace's own, and for one without. A seed among them
        does not count for what is made already.
    """

    name: str
    command: str
    files: tuple[File, ...]
    made_from: tuple[str, ...] = ()
    drawn: tuple[File, ...] = ()
    additions: tuple[str, ...] = ()

    @property
    def file(self) -> File:
        """The file that stands for the whole."""
        return self.files[0]

    def repair(self, root: Path, command: str = "") -> str:
        """Return the command that makes it, with ``-w`` as the user gave it.

        Parameters
        ----------
        root : Path
            The workspace, as it was named.
        command : str, optional
            Another command than its usual one, such as ``"index rebuild"``.

        Examples
        --------
        >>> from pathlib import Path
        >>> OVERLAP.repair(Path("my music"))
        'covers overlap -w "my music"'
        """
        return f"covers {command or self.command} -w {quote(root)}"


def complete_commands(text: str, workspace: Path) -> str:
    """Complete the commands that a text names in quotes with a workspace.

    A hint that is obeyed as it stands shall not act on another workspace.

    Examples
    --------
    >>> from pathlib import Path
    >>> complete_commands("no index: run 'covers index build'", Path("music"))
    "no index: run 'covers index build -w music'"
    """
    if workspace == DEFAULT_WORKSPACE:
        return text

    def complete(match: re.Match[str]) -> str:
        return f"'{match[1]} -w {quote(workspace)}'"

    return re.sub(r"'(covers [a-z](?:(?! -w )[^'])*)'", complete, text)


def quote(path: Path) -> str:
    """Return a path as a shell takes it; in double quotes where those do, because messages use single ones."""
    text = str(path)
    is_plain = re.search(r'["$`\\\\!]', text) is None
    quoted = shlex.quote(text)
    return f'"{text}"' if quoted != text and is_plain else quoted


DEFAULT_WORKSPACE = Path("covers-workspace")
"""Where commands look, and what is not said in hints."""

CONFIG = File("covers.toml")
DECISIONS = File("decisions.json", "decisions")
TAGS = File("tags.json", "tags")
"""Words that a person gave to covers; nothing is made from them."""

CATALOGUE_TABLE = File("catalogue.parquet", "catalogue")
PICTURES = File("pictures.parquet", "picture measures")
NEAR_HASHES = File("near-hashes.parquet", "near hashes")
"""Of large libraries only."""
PROBLEMS = File("problems.csv")
SCAN_RECORDS = File("scan-records.parquet", "scan records")
SCAN_RECORDS_BEFORE = File("places.parquet", "scanned places")
"""What version 0.1 wrote in the place of `SCAN_RECORDS`; read, and replaced by the next scan."""
MUSIC_TAGS = File("tags.parquet", "music tags")
SCAN_JOURNAL = File("scan.journal")
SCAN_REPORT = File("scan.json", "scan")
THUMBNAILS = File("thumbnails")
THUMBNAIL_SHARDS = File("thumbnails/shards", "thumbnails")
"""Of large libraries only."""

WEIGHTS = File("model/weights.safetensors", "model")
MODEL_CARD = File("model/model.json", "model")
FROZEN_WEIGHTS = File("model/backbone.safetensors")
CHECKPOINT = File("model/checkpoint.safetensors")
HISTORY = File("model/history.csv")
TRAINED_COVERS = File("model/trained-on.parquet", "trained covers")
LEARNING_CURVE = File("model/learning_curve.svg")
PIXEL_CACHE = File("cache")

EMBEDDING_PARTS = File("embeddings", "embeddings")
INDEX_POINTER = File("index/CURRENT")
OTHER_INDEXES = File("indexes")

BASELINE_FEATURES = "baseline features"
"""What an evaluation is made from beside the embeddings: features of the untrained backbone."""
EVALUATION_DOCUMENT = File("analysis/evaluation.json", "evaluation")
VOTES = File("analysis/votes.parquet", "votes")
DECISION = File("analysis/decision.json", "decision")
EVALUATION_PAGE = File("analysis/evaluation.html")
EVALUATION_METHODS = File("analysis/evaluation-methods.csv")
EVALUATION_GENRES = File("analysis/evaluation-genres.csv")
EVALUATION_CONFUSION = File("analysis/evaluation-confusion.csv")
EVALUATION_DIFFERENCES = File("analysis/evaluation-differences.csv")
EVALUATION_ACROSS = File("analysis/evaluation-across-folds.csv")
EVALUATION_ACROSS_GENRES = File("analysis/evaluation-across-folds-genres.csv")

OVERLAP_DOCUMENT = File("analysis/overlap.json", "overlap")
CLUSTER_DOCUMENT = File("analysis/clusters.json", "clusters")
CLUSTER_TABLE = File("analysis/clusters.parquet", "cluster table")
MAP_TABLE = File("analysis/map.parquet", "map")
NAMES_DOCUMENT = File("analysis/names.json", "names")
LAYOUT_GRAPH = File("analysis/layout-graph.parquet", "layout graph")
AUDIT_DOCUMENT = File("analysis/audit.json", "audit")
AUDIT_PAGE = File("analysis/audit.html")


def _figures(*names: str) -> tuple[File, ...]:
    """Return the files of some figures; each lies there as SVG and as PNG."""
    return tuple(
        File(f"analysis/figures/{name}.{suffix}")
        for name in names
        for suffix in ("svg", "png")
    )


EXPLANATIONS = File("analysis/explanations")

FOLDERS = frozenset(
    file.path.partition("/")[0]
    for file in list(globals().values())
    if isinstance(file, File) and ("/" in file.path or "." not in file.path)
)
"""The names of all folders of a workspace."""

SETTINGS = Artefact("settings", "scan SOURCE", (CONFIG,))
CORRECTIONS = Artefact("decisions", "audit --accept FILE", (DECISIONS,))
CATALOGUE = Artefact(
    "catalogue",
    "scan",
    (
        CATALOGUE_TABLE,
        PICTURES,
        NEAR_HASHES,
        PROBLEMS,
        SCAN_RECORDS,
        SCAN_RECORDS_BEFORE,
        MUSIC_TAGS,
        SCAN_JOURNAL,
        SCAN_REPORT,
        THUMBNAILS,
        THUMBNAIL_SHARDS,
    ),
    ("settings", "decisions"),
)
MODEL = Artefact(
    "model",
    "train",
    (
        WEIGHTS,
        MODEL_CARD,
        FROZEN_WEIGHTS,
        CHECKPOINT,
        HISTORY,
        TRAINED_COVERS,
        LEARNING_CURVE,
        PIXEL_CACHE,
    ),
    ("catalogue",),
)
EMBEDDINGS = Artefact("embeddings", "embed", (EMBEDDING_PARTS,), ("catalogue", "model"))
INDEX = Artefact(
    "index", "index update", (INDEX_POINTER,), ("catalogue", "model", "embeddings")
)
OTHERS = Artefact(
    "other indexes",
    "index build --embedder NAME",
    (OTHER_INDEXES,),
    ("settings", "catalogue"),
)
EVALUATION = Artefact(
    "evaluation",
    "evaluate",
    (
        EVALUATION_DOCUMENT,
        VOTES,
        DECISION,
        EVALUATION_PAGE,
        EVALUATION_METHODS,
        EVALUATION_GENRES,
        EVALUATION_DIFFERENCES,
    ),
    ("catalogue", "model", "embeddings"),
    (EVALUATION_CONFUSION, EVALUATION_ACROSS, EVALUATION_ACROSS_GENRES),
    additions=("leakage",),
)
OVERLAP = Artefact(
    "overlap",
    "overlap",
    (OVERLAP_DOCUMENT,),
    ("catalogue", "model", "embeddings"),
    _figures("overlap-matrix", "overlap-graph", "overlap-tree", "overlap-trends"),
    additions=("by",),
)
CLUSTERS = Artefact(
    "clusters",
    "cluster",
    (CLUSTER_DOCUMENT, CLUSTER_TABLE),
    ("catalogue", "model", "embeddings"),
    _figures("cluster-profiles", "cluster-sheets"),
    additions=("assign",),
)
MAP = Artefact(
    "map",
    "map",
    (MAP_TABLE,),
    ("catalogue", "model", "embeddings"),
    _figures("map"),
    additions=("refit", "seed"),
)
NAMES = Artefact(
    "names",
    "name",
    (NAMES_DOCUMENT,),
    ("catalogue", "other indexes", "clusters", "map"),
)
LAYOUT = Artefact("layout graph", "cluster", (LAYOUT_GRAPH,), ("model", "embeddings"))
AUDIT = Artefact("audit", "audit", (AUDIT_DOCUMENT, AUDIT_PAGE), ("catalogue",))

CHAIN = (CATALOGUE, MODEL, EMBEDDINGS, INDEX, EVALUATION, OVERLAP, CLUSTERS, MAP)
"""What ``covers run`` makes, in the order in which one is made from another."""

ARTEFACTS = (SETTINGS, CORRECTIONS, *CHAIN, OTHERS, NAMES, LAYOUT, AUDIT)
_MAKER = {
    file: artefact
    for artefact in ARTEFACTS
    for file in (*artefact.files, *artefact.drawn)
}


def maker_of(file: File) -> Artefact:
    """Return the artefact that a file belongs to."""
    return _MAKER[file]
