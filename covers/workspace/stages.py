"""How a stage makes its artefact: what is fresh is reused, and the workspace's own result stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from covers.arguments import callback, check_fields, flag, optional, seed
from covers.errors import MissingExtraError, WrongTypeError
from covers.workspace.artefacts import Stamp, add_to_summary
from covers.workspace.interrupts import stop_if_interrupted
from covers.workspace.publishing import is_whole, keep_files, publish_whole
from covers.workspace.read_artefacts import stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from covers.workspace.paths import Workspace
    from covers.workspace.publishing import Draft
    from covers.workspace.registry import Artefact

Result = TypeVar("Result")
Wanted = TypeVar("Wanted")
_FIGURES = "figures"


class State(StrEnum):
    """What can be said of an artefact."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True)
class Verdict:
    """Whether an artefact has to be made, and why.

    Parameters
    ----------
    state : State
    why : str
        In words; of what is fresh, what it is and what else there is to know.
    command : str, optional
        What makes it, if not its usual command, such as ``"index rebuild"``.
    """

    state: State
    why: str
    command: str = ""


def own_settings(artefact: Artefact, workspace: Workspace) -> dict[str, Any]:
    """Return a workspace's own settings of a stage, as its covers.toml says, with the seed."""
    settings = workspace.settings
    options = getattr(settings, artefact.name, None)
    own = {} if options is None else options.model_dump()
    return {**own, "seed": settings.seed}


def wanted_settings(
    artefact: Artefact, workspace: Workspace, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a workspace's own settings of a stage, some of them changed; None changes nothing.

    Raises
    ------
    WrongTypeError, WrongValueError
        If a name is unknown or a value is wrong.
    """
    from covers.workspace.settings import check_options

    own = own_settings(artefact, workspace)
    given = {name: value for name, value in changes.items() if value is not None}
    if "seed" in given:
        given["seed"] = seed("seed", given["seed"])
    known = {*own, *artefact.additions}
    if unknown := sorted(set(given) - known):
        near = get_close_matches(unknown[0], known, 1, 0.6)
        meant = f"did you mean {near[0]!r}? There" if near else "there"
        message = f"{artefact.name} has no setting {unknown[0]!r}: {meant} are {', '.join(sorted(known))}"
        raise WrongTypeError(message)
    options = getattr(workspace.settings, artefact.name, None)
    if options is None:
        return {**own, **given}
    wanted = {**own, **given}
    first = wanted.pop("seed")
    return {**check_options(options, wanted).model_dump(), "seed": first}


def has_settings(artefact: Artefact, stamp: Stamp, settings: Mapping[str, Any]) -> bool:
    """Say whether a published result was made with some settings, or more."""
    made_with = _settings_in(stamp)
    for name, value in settings.items():
        if name in artefact.additions and (name == "seed" or not value):
            continue
        if name == "seed":
            if stamp.seed != value:
                return False
        elif made_with is None and value is None:
            continue  # an older version wrote what was chosen, not what was wanted
        elif (stamp.parameters if made_with is None else made_with).get(name) != value:
            return False
    return True


def _settings_in(stamp: Stamp) -> Mapping[str, Any] | None:
    """Return the settings that a result was made with; None where a stamp is older than this."""
    parameters = stamp.parameters
    found: Mapping[str, Any] | None = parameters.get(
        "settings", parameters.get("asked")
    )
    return found


def remark_on(artefact: Artefact, workspace: Workspace, stamp: Stamp) -> str:
    """Return what there is to know of a published result: other settings, no figures."""
    own = own_settings(artefact, workspace)
    made_with = _settings_in(stamp)
    made_with = stamp.parameters if made_with is None else made_with
    others = [
        f"{name} {made_with.get(name)} instead of {value}"
        for name, value in own.items()
        if name != "seed" and not has_settings(artefact, stamp, {name: value})
    ]
    remarks = [f"made with {', '.join(others)}"] if others else []
    if stamp.summary.get(_FIGURES) == "left out":
        remarks.append("without figures")
    return "; ".join(remarks)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a stage is run: callbacks, and whether to make it again or replace a result.

    Parameters
    ----------
    progress : callable, optional
        Called with steps done and steps in all.
    say : callable, optional
        Called with messages for a person.
    again : bool, default=False
        Make it even if it is fresh.
    replace : bool, default=False
        Let a result made with other settings replace the workspace's own.
    figures : bool, default=True
        Draw the figures too.

    Examples
    --------
    >>> told = []
    >>> quick = covers.Manner(figures=False, progress=lambda done, total: told.append(done))
    >>> library.overlap(quick).k == library.overlap().k
    True
    """

    progress: Callable[[int, int], None] | None = None
    say: Callable[[str], None] | None = None
    again: bool = False
    replace: bool = False
    figures: bool = True

    def __post_init__(self) -> None:
        check_fields(
            self,
            **dict.fromkeys(("progress", "say"), optional(callback)),
            **dict.fromkeys(("again", "replace", "figures"), flag),
        )

    def interruptible(self) -> Manner:
        """Return the same, stopping at a step if Ctrl-C was pressed and swallowed since."""

        def step(done: int, total: int) -> None:
            stop_if_interrupted()
            if self.progress is not None:
                self.progress(done, total)

        return replace(self, progress=step)

    def tell(self, text: str) -> None:
        """Send a line of text to the `say` callback, if there is one."""
        if self.say is not None:
            self.say(text)


@dataclass(frozen=True, kw_only=True)
class Made(Generic[Result]):
    """A stage's new result, and how to write it.

    Parameters
    ----------
    result : object
        For the caller.
    write : callable
        Writes all its files but the figures, with the stamp of the first.
    parameters : dict
        What goes into the stamp beside the settings.
    """

    result: Result
    write: Callable[[Draft, Stamp], None]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Maker(Generic[Wanted, Result]):
    """One stage: its artefact, what it is made from, and how.

    Parameters
    ----------
    artefact : Artefact
    made_from : callable
        Fingerprints of the ingredients at hand.
    wanted : callable
        Gives the settings of the stage their types; called with each by its name, and
        with ``seed``.
    make : callable
        Finds it, with what `wanted` returned.
    read : callable
        Reads what is published, fresh or not.
    draw : callable, optional
        Draws the figures of what lies in a draft.
    """

    artefact: Artefact
    made_from: Callable[[Workspace], dict[str, str]]
    wanted: Callable[..., Wanted]
    make: Callable[[Workspace, Wanted, Manner], Made[Result]]
    read: Callable[[Workspace], Result]
    draw: Callable[[Draft], object] | None = None

    def run(self, workspace: Workspace, manner: Manner, **changes: Any) -> Result:
        """Make the artefact with the workspace's own settings, some of them changed.

        What is fresh and made with these settings is read instead. A result made
        with other settings than the workspace's own is returned, but does not
        replace one that was made with them, unless `manner` says so.

        Parameters
        ----------
        workspace : Workspace
        manner : Manner
        **changes
            Settings; None leaves the workspace's own.

        Raises
        ------
        CoversError
            If an ingredient is missing, a setting is wrong, or the disk is full.
        """
        own = own_settings(self.artefact, workspace)
        settings = wanted_settings(self.artefact, workspace, changes)
        published = stamp_of(workspace, self.artefact.file)
        if not manner.again and self.is_fresh(workspace, **changes):
            if manner.figures and self._lacks_figures(workspace):
                self._draw_again(workspace, manner)
            return self.read(workspace)
        made_from = self.made_from(workspace)
        wanted = self.wanted(**settings)
        made = self.make(workspace, wanted, manner.interruptible())
        stop_if_interrupted()
        others = [
            name
            for name, value in settings.items()
            if name not in self.artefact.additions and value != own[name]
        ]
        if others and not manner.replace and self._stays(published, own, manner):
            said = ", ".join(f"{name} {settings[name]}" for name in others)
            manner.tell(
                f"not published, because this was made with {said} and the workspace has "
                "its own result: '--replace' puts this one in its place"
            )
            return made.result
        made_with = {k: value for k, value in settings.items() if k != "seed"}
        stamp = Stamp(
            kind=self.artefact.file.kind,
            made_from=made_from,
            parameters={**made_with, **made.parameters, "settings": made_with},
            seed=settings.get("seed"),
        )

        def write(draft: Draft) -> None:
            made.write(draft, stamp)
            self._draw(draft, manner)

        publish_whole(workspace, self.artefact, write)
        return made.result

    def is_fresh(self, workspace: Workspace, **changes: Any) -> bool:
        """Say whether `run` would read what is published.

        Raises
        ------
        CoversError
            If an ingredient is missing.
        """
        settings = wanted_settings(self.artefact, workspace, changes)
        stamp = stamp_of(workspace, self.artefact.file)
        return (
            stamp is not None
            and has_settings(self.artefact, stamp, settings)
            and stamp.made_from == self.made_from(workspace)
            and is_whole(workspace, stamp)
        )

    def _stays(
        self, published: Stamp | None, own: Mapping[str, Any], manner: Manner
    ) -> bool:
        """Say whether what is published is better than a result with other settings.

        It is where it was made with the workspace's own settings, or has figures
        that would be lost.
        """
        if published is None:
            return False
        is_drawn = published.summary.get(_FIGURES) == "drawn"
        loses_figures = is_drawn and not manner.figures
        return loses_figures or has_settings(self.artefact, published, own)

    def _lacks_figures(self, workspace: Workspace) -> bool:
        """Say whether figures were left out, or never drawn by an older version."""
        stamp = stamp_of(workspace, self.artefact.file)
        if self.draw is None or stamp is None:
            return False
        if _FIGURES in stamp.summary:
            return stamp.summary[_FIGURES] == "left out"
        return not any(workspace.path(file).exists() for file in self.artefact.drawn)

    def _draw(self, draft: Draft, manner: Manner) -> None:
        """Draw the figures into a draft, and note in the stamp whether that was done."""
        if self.draw is None:
            return
        done = "left out"
        if manner.figures:
            try:
                self.draw(draft)
                done = "drawn"
            except MissingExtraError as error:
                manner.tell(f"without figures: {error}")
        add_to_summary(draft.new_path(self.artefact.file), {_FIGURES: done})

    def _draw_again(self, workspace: Workspace, manner: Manner) -> None:
        """Draw the figures of a result that was published without them."""

        def write(draft: Draft) -> None:
            keep_files(workspace, draft, self.artefact)
            self._draw(draft, manner)

        publish_whole(workspace, self.artefact, write)
