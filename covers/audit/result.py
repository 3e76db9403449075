"""What an audit says: its findings, how many of which kind, and how far to trust them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from covers.audit.findings import Finding, FindingKind
from covers.audit.labels import LabelCheck  # noqa: TC001 - read by Document
from covers.render.gallery import cover_tiles, gallery_html, with_galleries
from covers.render.text import text_table
from covers.workspace.disk.outputs import output_file
from covers.workspace.documents import Document

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

_MOST_OF_A_KIND, _MOST_COVERS = 3, 6


@dataclass(frozen=True, kw_only=True, repr=False)
class Audit(Document):
    """What an audit found.

    Parameters
    ----------
    findings : tuple of Finding
        By kind, most confident first.
    n_covers : int
        Covers in the catalogue.
    n_reviewed : int
        Findings left out, because a person kept every cover in them.
    not_checked : dict of str to str
        Kinds that could not be looked for, with the reason.
    label_check : LabelCheck or None
        How far doubtful labels can be trusted.

    Examples
    --------
    >>> found = library.audit()
    >>> found.n_covers
    120
    """

    what: ClassVar[str] = "audit"
    findings: tuple[Finding, ...]
    n_covers: int
    n_reviewed: int
    not_checked: dict[str, str] = field(default_factory=dict)
    label_check: LabelCheck | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings of each kind, those without any left out."""
        counted = Counter(finding.kind for finding in self.findings)
        return {kind.value: counted[kind] for kind in FindingKind if counted[kind]}

    def arrange(self, written: dict[str, Any]) -> dict[str, Any]:
        """Add the number of findings of each kind."""
        return {**written, "counts": self.counts}

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per finding, most urgent kind first."""
        import pandas as pd

        names = ("kind", "confidence", "reason", "cover_ids", "paths", "suggestion")
        return pd.DataFrame(
            [[getattr(finding, name) for name in names] for finding in self.findings],
            columns=list(names),
        )

    def write_page(self, path: str | Path) -> Path:
        """Write a page with pictures, all in one file, and return its path.

        Parameters
        ----------
        path : str or Path
            Ends in .html or .htm; an older file of this name is replaced.

        Raises
        ------
        DataError
            If it ends otherwise, is a folder, or cannot be written.
        """
        from covers.audit.page import write_page

        target = output_file("path", path, ".html", ".htm")
        write_page(target, self, self._workspace)
        return target

    def write_review(self, path: str | Path) -> Path:
        """Write a table to be reviewed, one line per cover, and return its path.

        A person fills in its column ``action``: ``drop``, ``keep``, or ``relabel``
        with ``new_genres``. `covers.Library.accept_review` puts that in force.

        Parameters
        ----------
        path : str or Path
            Ends in .csv; an older file of this name is replaced.

        Raises
        ------
        DataError
            If it ends otherwise, is a folder, or cannot be written.
        """
        from covers.audit.review import write_review
        from covers.catalogue.table import read_catalogue

        target = output_file("path", path, ".csv")
        catalogue = read_catalogue(self._workspace)
        columns = (catalogue.column("path"), catalogue.genres)
        rows = {
            cover_id: {"path": where, "genres": genres}
            for cover_id, where, genres in zip(
                catalogue.cover_ids, *columns, strict=True
            )
        }
        write_review(target, self.findings, rows)
        return target

    def __repr__(self) -> str:
        rows = [
            [kind.replace("_", " "), f"{n:,}", self._first(kind)]
            for kind, n in self.counts.items()
        ]
        said = f"{len(self.findings):,} findings in {self.n_covers:,} covers"
        if not rows:
            return said
        return "\n".join([said, text_table(["kind", "n", "such as"], rows, right=[1])])

    def _repr_html_(self) -> str:
        kinds = {
            kind: [f for f in self.findings if f.kind == kind] for kind in self.counts
        }
        return with_galleries(
            repr(self),
            *(
                gallery_html(
                    cover_tiles(self._workspace, one.cover_ids[:_MOST_COVERS]),
                    title=f"{kind.replace('_', ' ')}: {one.reason}",
                )
                for kind, found in kinds.items()
                for one in found[:_MOST_OF_A_KIND]
                if one.cover_ids
            ),
        )

    def _first(self, kind: str) -> str:
        """Return the reason of the first finding of a kind."""
        return next(one.reason for one in self.findings if one.kind == kind)
