"""Modules by the names that they had in version 0.1, for scripts that import them.

The old name gives the module that stands in its place, with a warning that
names it. What such a module holds may have changed with it.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOVED = {
    "analysis.answers": "classify.answers",
    "analysis.baselines": "evaluate.baselines",
    "analysis.blending": "classify.blend",
    "analysis.bootstrap": "stats.bootstrap",
    "analysis.calibration": "stats.calibration.temperature",
    "analysis.classification": "classify.classify",
    "analysis.clustering": "cluster.clustering",
    "analysis.clustering_profile": "cluster.profile",
    "analysis.clustering_projection": "cluster.projection",
    "analysis.clustering_report": "cluster.describe",
    "analysis.clustering_workspace": "cluster.stage",
    "analysis.conclusions": "evaluate.words.conclusions",
    "analysis.conformal": "stats.conformal",
    "analysis.confusion_chance": "overlap.confusion",
    "analysis.curves": "evaluate.curves",
    "analysis.decision": "classify.decision",
    "analysis.embedded": "index.embedded",
    "analysis.evaluation": "evaluate.evaluate",
    "analysis.evaluation_inputs": "evaluate.inputs",
    "analysis.evaluation_workspace": "evaluate.stage",
    "analysis.exemplars": "overlap.exemplars",
    "analysis.figures": "overlap.figures.draw",
    "analysis.figures_clusters": "cluster.figures",
    "analysis.figures_frame": "render.frame",
    "analysis.figures_tree": "overlap.figures.tree",
    "analysis.figures_trends": "overlap.figures.trends",
    "analysis.heldout": "evaluate.cross_fit",
    "analysis.hierarchy": "overlap.tree",
    "analysis.label_errors": "audit.label_errors",
    "analysis.layout_graph": "cluster.layout_graph",
    "analysis.leakage": "evaluate.leakage",
    "analysis.mapping": "cluster.map.stage",
    "analysis.measures": "stats.metrics",
    "analysis.multilabel": "classify.labels",
    "analysis.neighbours": "stats.neighbours",
    "analysis.overlap": "overlap.overlap",
    "analysis.overlap_correction": "overlap.finite_sample",
    "analysis.overlap_ladder": "overlap.by_k",
    "analysis.overlap_mixing": "overlap.mixing",
    "analysis.overlap_truth": "overlap.simulation",
    "analysis.overlap_votes": "overlap.pair_votes",
    "analysis.overlap_workspace": "overlap.stage",
    "analysis.paths": "overlap.path",
    "analysis.queries": "classify.query",
    "analysis.report": "evaluate.page.page",
    "analysis.report_charts": "render.charts.bars",
    "analysis.report_covers": "evaluate.page.page_covers",
    "analysis.report_tables": "evaluate.page.csv_tables",
    "analysis.selfcheck": "evaluate.checks.figures",
    "analysis.stability": "cluster.stability",
    "analysis.voting": "classify.voting",
    "artefact": "workspace.artefacts",
    "catalogue.assemble": "intake.merge",
    "catalogue.audio_bytes": "images.audio.audio_bytes",
    "catalogue.audit": "audit.stage",
    "catalogue.audit_decisions": "audit.decisions",
    "catalogue.audit_duplicates": "audit.duplicates",
    "catalogue.audit_findings": "audit.findings",
    "catalogue.audit_labels": "audit.labels",
    "catalogue.audit_music": "audit.music",
    "catalogue.audit_page": "audit.page",
    "catalogue.audit_pictures": "audit.pictures",
    "catalogue.audit_review": "audit.review",
    "catalogue.choosing": "intake.pictures.choose",
    "catalogue.colours": "images.colours",
    "catalogue.demo": "demo",
    "catalogue.duplicates": "images.duplicates.near_duplicates",
    "catalogue.finding": "intake.candidates",
    "catalogue.folders": "intake.folders",
    "catalogue.holding": "workspace.disk.locks",
    "catalogue.kept": "intake.previous_split",
    "catalogue.manifest": "intake.tables.manifest",
    "catalogue.manifest_table": "intake.tables.manifest_table",
    "catalogue.measure": "images.measures",
    "catalogue.measured": "images.measured",
    "catalogue.music": "intake.music.albums",
    "catalogue.overlay": "catalogue.corrections",
    "catalogue.pictures": "images.decode",
    "catalogue.places": "intake.scan_record",
    "catalogue.reader": "intake.pictures.read_one",
    "catalogue.reading": "intake.pictures.read_many",
    "catalogue.reading_processes": "intake.pictures.read_processes",
    "catalogue.repeat": "intake.repeat",
    "catalogue.scan": "intake.scan",
    "catalogue.schema": "catalogue.table",
    "catalogue.settling": "intake.source_kinds",
    "catalogue.sources": "intake.sources",
    "catalogue.summary": "intake.summary",
    "catalogue.survey": "intake.genre_survey",
    "catalogue.tags": "images.audio.audio_tags",
    "catalogue.thumbnails": "images.thumbnails",
    "cli.progress": "cli.terminal.progress",
    "cli.tables": "cli.terminal.tables",
    "indexing": "index.build",
    "jsonable": "workspace.disk.jsonable",
    "model.backbone": "model.network.backbone",
    "model.checkpoint": "model.training.checkpoint",
    "model.curve": "render.charts.curves",
    "model.device": "model.network.device",
    "model.exchange": "model.import_export",
    "model.extractor": "model.network.extractor",
    "model.fitting": "model.training.finetune",
    "model.folding": "model.network.faster.folding",
    "model.learner": "model.training.fastai_adapter",
    "model.packing": "model.network.faster.packing",
    "model.parts": "model.vector_parts",
    "model.probe": "model.training.heads.fit",
    "model.recipe": "model.training.recipe",
    "model.saved": "model.weights",
    "model.streams": "model.batch_streams",
    "model.vision": "model.network.vision",
    "palette": "render.palette",
    "proof": "stats.significance",
    "settings": "workspace.settings",
}
_GONE_ROOMS = ("analysis",)


class _Moved:
    """Import hook for the module names of version 0.1, used where no module of that name is found."""

    def __init__(self) -> None:
        self._own_specs: dict[int, ModuleSpec | None] = {}

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the import spec of an old name."""
        package, _, rest = name.partition(".")
        if package != "covers" or rest not in {*_MOVED, *_GONE_ROOMS}:
            return None
        return ModuleSpec(name, self, is_package=rest in _GONE_ROOMS)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module that an old name means today."""
        rest = spec.name.partition(".")[2]
        if rest in _GONE_ROOMS:
            return ModuleType(spec.name)
        new = f"covers.{_MOVED[rest]}"
        warnings.warn(
            f"module {spec.name!r} is now {new!r}", DeprecationWarning, stacklevel=2
        )
        module = importlib.import_module(new)
        self._own_specs[id(module)] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own description back; it has run under its own name."""
        if id(module) in self._own_specs:
            module.__spec__ = self._own_specs.pop(id(module))


def find_moved_modules() -> None:
    """Install the import hook for old names."""
    sys.meta_path.append(_Moved())  # type: ignore[arg-type]
