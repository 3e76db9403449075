"""The folder that ties one project together: where everything lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from covers.arguments import path
from covers.errors import DataError
from covers.workspace import registry
from covers.workspace.disk.strangers import is_plain_name, read_text

if TYPE_CHECKING:
    from covers.workspace.registry import File
    from covers.workspace.remote import AnyPath
    from covers.workspace.settings import Settings, Source


@dataclass(frozen=True)
class Workspace:
    """A workspace on disk.

    Parameters
    ----------
    root : Path
        Its folder. Nothing is made or changed by constructing this.

    Examples
    --------
    >>> workspace = covers.Workspace.open(folder / "workspace")
    >>> workspace.settings.seed, workspace.catalogue_path.name
    (0, 'catalogue.parquet')
    >>> covers.Library(workspace)
    <Library: 120 covers of 8 genres in 'workspace'>
    """

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", path("root", self.root))

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """Open an existing workspace.

        Raises
        ------
        DataError
            If `root` holds no ``covers.toml``.
        """
        workspace = cls(Path(root))
        if not workspace.config_path.is_file():
            repair = registry.CATALOGUE.repair(workspace.root, "scan SOURCE")
            message = f"no workspace in '{root}': make one with '{repair}'"
            raise DataError(message)
        return workspace

    @cached_property
    def settings(self) -> Settings:
        """The settings in force."""
        # Pydantic takes 0.15 s, which processes that only read pictures are spared.
        from covers.workspace.settings import read_settings

        return read_settings(self.root)

    @property
    def index_uri(self) -> str | None:
        """Server that the index lies on; None for within the workspace, without reading all settings."""
        if "COVERS_INDEX__URI" not in os.environ:
            try:
                if "uri" not in read_text(self.config_path):
                    return None
            except FileNotFoundError:
                return None
            except (OSError, ValueError):
                pass  # reading the settings tells what is wrong
        return self.settings.index.uri

    def path(self, file: File) -> Path:
        """Return where a file of the registry lies, whether or not it is there."""
        return file.below(self.root)

    @property
    def config_path(self) -> Path:
        """``covers.toml``: sources and parameters."""
        return self.path(registry.CONFIG)

    @property
    def catalogue_path(self) -> Path:
        """One row per distinct cover."""
        return self.path(registry.CATALOGUE_TABLE)

    @property
    def pictures_path(self) -> Path:
        """What was measured on each picture: hash, colours, brightness, sharpness."""
        return self.path(registry.PICTURES)

    @property
    def problems_path(self) -> Path:
        """Files that could not be taken in, with the reason."""
        return self.path(registry.PROBLEMS)

    @property
    def scan_records_path(self) -> Path:
        """File with the scan record of every file of every source, so that a scan reads only what changed."""
        return self.path(registry.SCAN_RECORDS)

    @property
    def tags_path(self) -> Path:
        """What the tags of every music file said at the last scan."""
        return self.path(registry.MUSIC_TAGS)

    @property
    def journal_path(self) -> Path:
        """What an interrupted scan had done already."""
        return self.path(registry.SCAN_JOURNAL)

    @property
    def model_folder(self) -> Path:
        """Weights, ``model.json``, learning curve."""
        return self.path(registry.WEIGHTS).parent

    @property
    def embeddings_folder(self) -> Path:
        """Embeddings and logits of each model, in batch files."""
        return self.path(registry.EMBEDDING_PARTS)

    @property
    def cache_folder(self) -> Path:
        """Decoded pictures for training; may be deleted at any time."""
        return self.path(registry.PIXEL_CACHE)

    @property
    def index_folder(self) -> Path:
        """The vector index."""
        return self.path(registry.INDEX_POINTER).parent

    @property
    def analysis_folder(self) -> Path:
        """Evaluation, votes, clusters, overlap, map."""
        return self.path(registry.EVALUATION_DOCUMENT).parent

    def explanation_path(self, cover_id: str) -> Path:
        """Return where the picture of what the network saw in a cover is written."""
        return self.path(registry.EXPLANATIONS) / f"{_plain(cover_id)}.png"

    @property
    def thumbnails_folder(self) -> Path:
        """One small JPEG per cover."""
        return self.path(registry.THUMBNAILS)

    def thumbnail_path(self, cover_id: str) -> Path:
        """Return where the thumbnail of a cover lies, whether or not it is there."""
        name = _plain(cover_id)
        return self.thumbnails_folder / name[:2] / f"{name}.jpg"

    def source_root(self, name: str) -> AnyPath:
        """Return the root folder of a source.

        Raises
        ------
        DataError
            If no source of that name is in ``covers.toml``, or it lies on a server
            that nothing else names.
        """
        from covers.workspace.remote import path_of_source, refuse_unnamed

        for source in self.settings.sources:
            if source.name == name:
                if source.root is not None:
                    return refuse_unnamed(path_of_source(source.root, self.root))
                root = refuse_unnamed(path_of_source(source.path, self.root))
                is_file = isinstance(root, Path) and root.is_file()
                return root.parent if source.kind == "manifest" or is_file else root
        repair = registry.CATALOGUE.repair(self.root, "scan SOURCE")
        message = f"no source {name!r} in '{self.config_path}': run '{repair}'"
        raise DataError(message)

    def missing_sources(self) -> list[Source]:
        """Return the sources that cannot be reached today."""
        from covers.workspace.source_files import is_mounted

        sources = self.settings.sources
        return [source for source in sources if not is_mounted(self.root, source)]

    def refuse_missing_sources(self) -> None:
        """Refuse to go on without pictures that lie in a source which is not there.

        Raises
        ------
        DataError
            Naming the sources.
        """
        missing = self.missing_sources()
        if missing:
            named = ", ".join(f"{s.name!r} ('{s.path}')" for s in missing)
            message = f"source {named} is not there today, and its pictures are needed: bring it back, or drop it from '{self.config_path}' and run '{registry.CATALOGUE.repair(self.root)}'"
            raise DataError(message)

    def resolve(self, source: str, path: str) -> AnyPath:
        """Return the file behind a location, refusing to leave the source's folder.

        Raises
        ------
        DataError
            If the source is unknown, lies on a server that nobody but ``covers.toml``
            names, or the path leads out of it.
        """
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            message = f"path {path!r} leads out of source {source!r}"
            raise DataError(message)
        return self.source_root(source) / path

    def resolve_here(self, source: str, path: str) -> Path:
        """Return the file of this machine behind a location, as `resolve` does.

        Raises
        ------
        DataError
            As `resolve`, and if it does not lie on this machine.
        """
        file = self.resolve(source, path)
        if isinstance(file, Path):
            return file
        message = f"'{file}' does not lie on this machine"
        raise DataError(message)

    def relative(self, path: AnyPath) -> str:
        """Return `path` as text relative to the workspace, so that both can be moved together."""
        if not isinstance(path, Path):
            return str(path)
        path, root = path.absolute(), self.root.absolute()
        found = os.path.relpath(path, root)
        if os.path.realpath(root / found) != os.path.realpath(path):
            # The workspace is a link, and ".." leads out of the folder behind it.
            found = os.path.relpath(path, os.path.realpath(root))
        return Path(found).as_posix()


def _plain(cover_id: str) -> str:
    """Return a cover id as a part of a path, unless it would lead elsewhere."""
    if not is_plain_name(cover_id):
        message = f"cover id {cover_id!r:.80} is none of this program: make the catalogue anew with 'covers scan'"
        raise DataError(message)
    return cover_id
