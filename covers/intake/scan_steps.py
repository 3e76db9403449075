"""The steps of a scan: list the files, find candidates, read pictures, publish."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from covers.catalogue.corrections import Overlay
from covers.catalogue.genre_tree import GenreTree
from covers.catalogue.table import read_catalogue
from covers.errors import DataError
from covers.images.audio.audio_tags import READER
from covers.images.measured import MeasuredPictures, list_thumbnails
from covers.images.thumbnail_shards import pack_thumbnails
from covers.intake.candidates import (
    CandidateLister,
    SourceOffer,
    decide_kind,
    walk_source,
)
from covers.intake.genre_survey import genre_table_path
from covers.intake.labels.texts import cut_genre_texts
from covers.intake.merge import RecordsByCover, count_split_conflicts
from covers.intake.music.tag_cache import TagCache
from covers.intake.new_catalogue import NewCatalogue
from covers.intake.pictures.choose import Chooser
from covers.intake.pictures.read_one import PictureLoader
from covers.intake.record_table import (
    covers_in,
    join_records,
    of_sources,
    read_records,
    table_of,
    write_records,
)
from covers.intake.repeat import hash_walks, recall_report
from covers.intake.scan_options import ScanOptions
from covers.intake.scan_record import SCHEMA, Journal, records_stamp
from covers.intake.source_kinds import find_nested, join_sources
from covers.intake.summary import (
    ScanCourse,
    ScanReport,
    explain_nothing,
    sum_up,
    write_problems,
)
from covers.render.numbers import count
from covers.workspace.registry import CATALOGUE
from covers.workspace.settings import change_intake, write_settings
from covers.workspace.source_files import is_mounted
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from covers.intake.sources import Walk
    from covers.workspace.paths import Workspace
    from covers.workspace.remote import AnyPath
    from covers.workspace.settings import Source


class ScanSteps:
    """One scan of a workspace: `look`, `find`, `read` and `publish`, in this order.

    Parameters
    ----------
    workspace : Workspace
    intake : mapping
        Changes to the settings of the workspace, which are remembered.
    options : ScanOptions, optional
    progress : callable, optional
        Called with the number of files read and the number to read.
    """

    def __init__(
        self,
        workspace: Workspace,
        intake: Mapping[str, object],
        options: ScanOptions | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.workspace = workspace
        self.settings = workspace.settings
        self.intake_changes = dict(intake)
        self.intake = change_intake(self.settings.intake, self.intake_changes)
        self.genre_table = GenreTree.read(genre_table_path(workspace.root, self.intake))
        self.options = options or ScanOptions()
        seed = self.options.seed
        self.seed = self.settings.seed if seed is None else seed
        self.progress = progress
        self.sources: list[Source] = []
        self.states: dict[str, str] = {}
        self.walks: dict[str, Walk] = {}
        self.offers: dict[str, SourceOffer] = {}
        self.records: pa.Table = pa.Table.from_batches([], SCHEMA)
        self.notes: list[str] = []
        self.n_read = 0
        self.overlay = Overlay.read(workspace)

    @property
    def new_catalogue(self) -> NewCatalogue:
        """What the catalogue is made with, beside the records."""
        return NewCatalogue(
            workspace=self.workspace,
            sources=self.sources,
            intake=self.intake,
            genre_table=self.genre_table,
            overlay=self.overlay,
            seed=self.seed,
            split_anew=self.options.split_anew,
        )

    @cached_property
    def old(self) -> pa.Table:
        """Records of the last scan."""
        return read_records(self.workspace)

    @cached_property
    def tag_cache(self) -> TagCache:
        """Tags of music files as the last scan read them."""
        n_workers = self.options.n_workers
        return TagCache.open(self.workspace.tags_path, n_workers)

    @cached_property
    def journal(self) -> Journal:
        """Journal of an interrupted scan: the pictures that it read."""
        return Journal(self.workspace.journal_path)

    @cached_property
    def pictures(self) -> MeasuredPictures:
        """Measures of the pictures that were read before."""
        return MeasuredPictures(self.workspace.pictures_path)

    def look(self, given: Sequence[AnyPath]) -> None:
        """Join the sources and list the files in their folders."""
        self.sources, chosen = join_sources(
            self.workspace,
            self.settings.sources,
            given,
            kind=self.options.kind,
            root=self.options.root,
        )
        self.notes += find_nested(self.workspace.root, self.sources)
        for i, source in enumerate(self.sources):
            if source.kind == "auto" and is_mounted(self.workspace.root, source):
                kind = decide_kind(self.workspace, source).value
                self.sources[i] = source.model_copy(update={"kind": kind})
        for source in self.sources:
            if source.name not in chosen:
                self.states[source.name] = "not scanned"
            elif not is_mounted(self.workspace.root, source):
                self.states[source.name] = "not mounted"
            else:
                self.states[source.name] = "scanned"
                self.walks[source.name] = walk_source(self.workspace, source)

    def seen(self) -> str:
        """Hash all that the scan depends on."""
        return hash_walks(
            self.walks,
            {
                "parameters": self.new_catalogue.parameters(),
                "limits": self._limits(),
                "sources": [source.model_dump() for source in self.sources],
                "states": self.states,
                "notes": self.notes,
                "workspace": str(self.workspace.root),
            },
        )

    def recall(self, seen: str) -> ScanReport | None:
        """Return the last scan's report, if this one would find the same."""
        if tuple(self.sources) != self.settings.sources or self.intake_changes:
            return None
        return recall_report(self.workspace, seen)

    def find(self) -> None:
        """Look at what is in the sources, without reading pictures."""
        lister = CandidateLister(
            workspace=self.workspace,
            settings=self.intake,
            tag_cache=self.tag_cache,
            progress=self.progress,
        )
        for source in self.sources:
            if self.states[source.name] == "scanned":
                offer = lister.list(source, self.walks.get(source.name))
                self.offers[source.name] = cut_genre_texts(
                    offer,
                    source.name,
                    self.intake.genre_separators,
                    self.genre_table.protected,
                )

    def read(self) -> None:
        """Read the pictures that are not known from the last scan."""
        pictured = list_thumbnails(
            self.workspace, look_inside=bool(self.journal.contents)
        )
        thumbnails = make_array(sorted(pictured), pa.string())

        def are_trusted(ids: pa.ChunkedArray) -> pa.ChunkedArray:
            measured = pc.is_in(ids, value_set=self.pictures.cover_ids)
            return pc.and_(measured, pc.is_in(ids, value_set=thumbnails))

        def make_loader() -> PictureLoader:
            measured = set(self.pictures.cover_ids.to_pylist())
            measured.update(self.journal.measures)
            limit = self.intake.max_megapixels
            return PictureLoader(self.workspace, measured, pictured, limit)

        chooser = Chooser(
            {name: offer.root for name, offer in self.offers.items()},
            self._known(),
            self.journal,
            are_trusted,
            make_loader,
        )
        self.records = chooser.choose(
            {name: offer.choices for name, offer in self.offers.items()},
            n_workers=self.options.n_workers,
            progress=self.progress,
        )
        self.n_read = chooser.n_read
        for name, offer in self.offers.items():  # what publishing does not need
            self.offers[name] = replace(offer, choices=[])
        self.walks = {}
        if self.n_read and hasattr(os, "sync"):
            os.sync()  # all thumbnails at once, before the journal is given up

    def _known(self) -> pa.Table:
        """Return what the last scan knew; with other limits, its bad files count anew.

        Pictures inside music files count anew where tags were read otherwise.
        """
        if self._limits_before == self._limits():
            return self.old
        good = covers_in(self.old)
        if self._limits_before.get("tag_reader") == READER:
            return good
        none = make_array([""], pa.string())
        return good.filter(pc.is_in(good.column("member"), value_set=none))

    @cached_property
    def _limits_before(self) -> Mapping[str, object]:
        """What the last scan judged pictures by; empty where there is none."""
        stamp = records_stamp(self.workspace)
        return {} if stamp is None else stamp.parameters

    def _limits(self) -> dict[str, object]:
        """Return what decides whether a picture is good, and which bytes it has."""
        return {"max_megapixels": self.intake.max_megapixels, "tag_reader": READER}

    def publish(self) -> ScanReport:
        """Make the catalogue and publish everything."""
        workspace = self.workspace
        self._refuse_vanished()
        self._collect()
        good = covers_in(self.records)
        if not good.num_rows:
            raise DataError(explain_nothing(self.sources, self.records))
        new = self.new_catalogue
        by_cover = RecordsByCover(good, new.kinds)
        dropped = self.overlay.dropped.intersection(by_cover.cover_ids.to_pylist())
        if dropped:
            self.notes.append(
                f"left out as decided: {count(len(dropped), 'cover')}; 'covers audit --revert all' "
                "takes all decisions back"
            )
        self.pictures.update(by_cover.cover_ids, self.journal.measures)
        is_same = new.is_published() and self.old.equals(self.records)
        if is_same:
            catalogue = read_catalogue(workspace)
        else:
            catalogue = new.assemble(by_cover, self.pictures)
        self._publish_settings()
        if not is_same:
            catalogue.write(workspace.catalogue_path, new.stamp())
        # After the catalogue: where only one of them was published before the scan was
        # ended, the next must not take the old catalogue for the one of these records.
        if not is_same or self._limits_before != self._limits():
            write_records(workspace, self.records, self._limits())
        write_problems(workspace.problems_path, self.records)
        self.tag_cache.keep({source.name for source in self.sources})
        self.journal.remove()
        pack_thumbnails(workspace, len(catalogue))
        return sum_up(
            workspace,
            catalogue,
            ScanCourse(
                sources=self.sources,
                states=self.states,
                before=self.old,
                after=self.records,
                n_conflicts=count_split_conflicts(by_cover),
                notes=self.notes,
                n_read=self.n_read,
            ),
        )

    def _refuse_vanished(self) -> None:
        """Refuse to publish half of a source that went away while it was scanned."""
        for source in self.sources:
            if self.states[source.name] != "scanned":
                continue
            if not is_mounted(self.workspace.root, source):
                message = (
                    f"source {source.name!r} ('{source.path}') went away while it was scanned, and nothing was "
                    f"changed: bring it back and run '{CATALOGUE.repair(self.workspace.root)}'"
                )
                raise DataError(message)

    def _collect(self) -> None:
        """Add the records of sources that are not scanned, and put all in order."""
        absent = [
            name
            for name, state in self.states.items()
            if state in {"not scanned", "not mounted"}
        ]
        for offer in self.offers.values():
            self.notes += offer.notes
        self.records = join_records(
            pa.concat_tables(
                [
                    self.records,
                    of_sources(self.old, absent),
                    *(table_of(offer.problems) for offer in self.offers.values()),
                ]
            ),
            [source.name for source in self.sources],
        )

    def _publish_settings(self) -> None:
        """Publish ``covers.toml`` when sources or parameters changed."""
        changes: dict[str, object] = {}
        if tuple(self.sources) != self.settings.sources:
            changes["sources"] = [
                source.model_dump(exclude_none=True) for source in self.sources
            ]
        if self.intake_changes:
            changes["intake"] = {
                name: list(value) if isinstance(value, tuple) else value
                for name in self.intake_changes
                if (value := getattr(self.intake, name)) is not None
            }
        if changes or not self.workspace.config_path.exists():
            write_settings(self.workspace.root, changes)
