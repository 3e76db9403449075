"""What a library hands on: genres for albums without one, and covers for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.arguments import (
    checked,
    cover_ids,
    filters,
    flag,
    optional,
    path,
    share,
    text,
)
from covers.library.searchable import SearchableLibrary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from covers.exports.export import Export
    from covers.index.hits import Hit
    from covers.suggest.result import Suggestions


class SharedLibrary(SearchableLibrary):
    """A collection of covers that suggests genres and is exported; see `covers.Library`."""

    @checked(min_certainty=share, doubtful=flag)
    def suggest(
        self, *, min_certainty: float = 0.8, doubtful: bool = True
    ) -> Suggestions:
        """Suggest genres for albums without one, or with a doubtful one; no tag is written.

        Parameters
        ----------
        min_certainty : float, default=0.8
            Albums whose likeliest genre is less certain are left open.
        doubtful : bool, default=True
            Also look at albums whose genre the last audit found doubtful.

        Returns
        -------
        Suggestions
            With how often such suggestions were right on held-out albums.

        Raises
        ------
        CoversError, IndexerError
            If there is no model, index or fresh evaluation.

        Examples
        --------
        >>> found = library.suggest(min_certainty=0.9)
        >>> all(one.certainty >= 0.9 for one in found.made)
        True
        """
        from covers.suggest.suggest import suggest_workspace

        return suggest_workspace(
            self.workspace, min_certainty=min_certainty, doubtful=doubtful
        )

    @checked(
        target=text,
        out=path,
        where=optional(filters),
        force=flag,
        pictures=flag,
    )
    def export(
        self,
        target: str,
        out: str | Path,
        *,
        covers: str | Hit | Iterable[str | Hit] | None = None,
        where: Mapping[str, Any] | None = None,
        force: bool = False,
        pictures: bool = True,
    ) -> Export:
        """Write covers, and what is known of them, for another program.

        Parameters
        ----------
        target : str
            Such as ``"csv"``; the error about a wrong one lists all.
        out : str or Path
            The file or folder to make.
        covers : str or Hit, or an iterable of them, optional
            Only these, in this order: ids, or what a search found.
        where : mapping, optional
            Only covers with these values, as in `search`; also by ``prediction``,
            ``verdict``, ``certainty``, ``cluster`` and ``split``.
        force : bool, default=False
            Replace an export of the same kind. Anything else is never replaced.
        pictures : bool, default=True
            False leaves pictures of covers out, since they belong to others.

        Raises
        ------
        DataError
            If there is no such target, no cover has one of the ids, `out` exists or
            cannot be written, or no cover is left.
        CoversError, IndexerError
            If something that the target needs is missing or stale.

        Examples
        --------
        >>> made = library.export("csv", folder / "jazz.csv", where={"genre": "jazz"})
        >>> made.n_covers == len(library.covers(where={"genre": "jazz"}))
        True
        """
        from covers.exports.export import Wanted, export_workspace

        ids = None
        if covers is not None:
            ids = tuple(self._whole_ids(cover_ids("covers", covers)))
        wanted = Wanted(cover_ids=ids, where=where, force=force, pictures=pictures)
        return export_workspace(self.workspace, target, Path(out), wanted)
