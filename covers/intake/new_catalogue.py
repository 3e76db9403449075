"""Making the catalogue of a scan: genres mapped, near-duplicates grouped, covers split."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from covers.catalogue.table import KIND, Catalogue
from covers.intake.labels.table import make_mapper
from covers.intake.merge import AssemblyRules, RecordsByCover, assemble
from covers.intake.previous_split import (
    SPLIT_MADE_WITH,
    PreviousSplit,
    SplitSettings,
    note_kept_sides,
    split_made_with,
)
from covers.workspace.artefacts import Stamp, read_stamp
from covers.workspace.source_files import SourceKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.catalogue.corrections import Overlay
    from covers.catalogue.genre_tree import GenreTree
    from covers.images.measured import MeasuredPictures
    from covers.workspace.paths import Workspace
    from covers.workspace.settings import IntakeSettings, Source


@dataclass(frozen=True, kw_only=True)
class NewCatalogue:
    """What a catalogue is made with, beside the records of its covers.

    Parameters
    ----------
    workspace : Workspace
        With the catalogue of the last scan, if there was one.
    sources : sequence of Source
    intake : IntakeSettings
    genre_table : GenreTree
    overlay : Overlay
        A person's decisions.
    seed : int
        Of the split and the folds.
    split_anew : bool
        Whether covers lose the side of the split that they have.
    """

    workspace: Workspace
    sources: Sequence[Source]
    intake: IntakeSettings
    genre_table: GenreTree
    overlay: Overlay
    seed: int
    split_anew: bool

    @property
    def kinds(self) -> dict[str, SourceKind]:
        """The kind of each source by its name."""
        return {
            source.name: SourceKind.FOLDERS
            if source.kind == "auto"
            else SourceKind(source.kind)
            for source in self.sources
        }

    def parameters(self) -> dict[str, object]:
        """Return everything but the records, as JSON values."""
        return {
            **self.intake.model_dump(mode="json"),
            "sources": [[source.name, str(source.kind)] for source in self.sources],
            "table": self.genre_table.fingerprint,
            "decisions": self.overlay.fingerprint(),
        }

    def is_published(self) -> bool:
        """Say whether the last catalogue was made with the same, from whatever records."""
        stamp = self._stamp_before()
        if self.split_anew or stamp is None or stamp.kind != KIND:
            return False
        made_with = {k: v for k, v in stamp.parameters.items() if k != SPLIT_MADE_WITH}
        return made_with == self.parameters()

    def assemble(
        self, by_cover: RecordsByCover, pictures: MeasuredPictures
    ) -> Catalogue:
        """Make the catalogue from the records of covers and the measures of their pictures."""
        before = (
            PreviousSplit() if self.split_anew else PreviousSplit.read(self.workspace)
        )
        mapper = make_mapper(by_cover.distinct_labels, self.genre_table, self.intake)
        left = by_cover.without(self.overlay.dropped)
        table = assemble(
            left,
            AssemblyRules(
                mapper=mapper,
                near_duplicates=pictures.group(self.workspace, left.cover_ids),
                shares=self._shares(),
                seed=self.seed,
                previous=before.splits(left.cover_ids),
                corrections=self.overlay.genres,
            ),
        )
        if self.intake.n_folds:
            table = before.add_folds(table, self.intake.n_folds, self.seed)
        return Catalogue(table, self.intake.genre_minimum)

    def stamp(self) -> Stamp:
        """Return the stamp of the new catalogue; to be called before that is published."""
        before = None if self.split_anew else split_made_with(self._stamp_before())
        split = before or self._split_settings()
        parameters = {**self.parameters(), SPLIT_MADE_WITH: asdict(split)}
        return Stamp(kind=KIND, parameters=parameters, seed=self.seed)

    def note_kept_sides(self, *, is_seed_given: bool) -> list[str]:
        """Say which shares, or which seed, would need all covers to be split again."""
        wanted = self._split_settings()
        if not is_seed_given:
            wanted = replace(wanted, seed=None)
        before = None if self.split_anew else self._stamp_before()
        return note_kept_sides(before, wanted)

    def _stamp_before(self) -> Stamp | None:
        """Return the stamp of the last catalogue."""
        return read_stamp(self.workspace.catalogue_path)

    def _split_settings(self) -> SplitSettings:
        """Return shares and seed that covers without a side are split with."""
        valid, test = self.intake.valid_share, self.intake.test_share
        return SplitSettings(valid, test, self.seed)

    def _shares(self) -> dict[str, float]:
        """Return the share of each side."""
        valid, test = self.intake.valid_share, self.intake.test_share
        shares = {"train": 1 - valid - test, "valid": valid, "test": test}
        return {side: share for side, share in shares.items() if share > 0}
