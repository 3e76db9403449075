"""Taking covers in: sources looked through, and genres named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.arguments import (
    callback,
    checked,
    flag,
    one_of,
    optional,
    seed,
    source,
    whole,
)
from covers.arguments import sources as several
from covers.errors import WrongValueError
from covers.library.sharing import SharedLibrary

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.intake.genre_survey import GenreSurvey
    from covers.intake.summary import ScanReport


class ScannedLibrary(SharedLibrary):
    """A collection of covers that is taken in from its sources; see `covers.Library`."""

    @checked(
        kind=one_of("auto", "folders", "manifest", "music"),
        root=optional(source),
        seed=seed,
        split_anew=flag,
        n_workers=optional(whole(at_least=1)),
        progress=optional(callback),
    )
    def scan(
        self,
        *sources: str | Path,
        kind: str = "auto",
        root: str | Path | None = None,
        seed: int | None = None,
        split_anew: bool = False,
        n_workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> ScanReport:
        """Look through the sources again, and through new ones.

        Parameters
        ----------
        *sources : str or Path
            More folders, music libraries or manifests, or addresses of folders and
            manifests such as ``"s3://bucket/by-genre"``; they are remembered.
        kind : {"auto", "folders", "manifest", "music"}, default="auto"
            What these sources are; by default it is found out.
        root : str or Path, optional
            Folder or address that the paths in a manifest begin in, by default its own.
        seed : int, optional
            Of the split; by default the workspace's own.
        split_anew : bool, default=False
            Forget which side covers are on and split all of them again. Without it
            known covers keep their side, whatever shares and seed are given; the
            report's warnings say so.
        n_workers : int, optional
            Pictures read at the same time; by default as many as cores.
        progress : callable, optional
            Called with (pictures read, pictures in all).
        **settings
            Of the intake that change, such as ``genre_minimum=20``.

        Returns
        -------
        ScanReport
            What was found, and what stands in the way of training.

        Raises
        ------
        DataError
            If a source is missing, empty or of no known kind.
        WrongTypeError, WrongValueError
            If a setting is unknown or wrong, or ``kind`` or ``root`` is given
            without sources.

        Examples
        --------
        >>> library.scan().n_covers
        120
        """
        from covers.intake.scan import ScanOptions, scan_workspace
        from covers.workspace.remote import path_of_source

        given = several("sources", sources)
        if not given and (kind != "auto" or root is not None):
            name = "root" if kind == "auto" else "kind"
            message = f"{name} must be left out where no sources are given"
            raise WrongValueError(message)
        options = ScanOptions(
            kind=kind,
            root=None if root is None else path_of_source(str(root), Path()),
            seed=seed,
            split_anew=split_anew,
            n_workers=n_workers,
        )
        return scan_workspace(
            self._root,
            [path_of_source(str(one), Path()) for one in given],
            intake=settings,
            options=options,
            progress=progress,
        )

    def genres(self, **settings: Any) -> GenreSurvey:
        """Show which genre each name in the sources becomes; nothing is changed.

        Parameters
        ----------
        **settings
            Of the intake, as in `scan`: shown is what they would change, such as
            ``genre_level="broad"``.

        Returns
        -------
        GenreSurvey
            Each name with the genre that it is and the one that it would become.

        Raises
        ------
        DataError
            If nothing was scanned yet.
        WrongTypeError, WrongValueError
            If a setting is unknown or wrong.

        Examples
        --------
        >>> found = library.genres(genre_minimum=1000)
        >>> len(found.names) == len(found.genres) == len(found.kept_out) == 8
        True
        """
        from covers.intake.genre_survey import survey_genres

        return survey_genres(self.workspace, settings)
