"""Campaigns that are played in pieces: what is known so far lies in a file, and the next call goes on."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_MOST_FAILURES = 20


@dataclass
class Tally:
    """What the rounds of a campaign came to.

    Parameters
    ----------
    wanted : int
        Rounds of the whole campaign.
    seed : int
        Decides, with its number, all that is done in a round.
    played : int
        Rounds until now.
    counts : dict of str to int
        How often a round ended so.
    failures : list of dict
        The first of those that failed.
    most : dict of str to float
        The largest values of all rounds.
    seconds : float
        Of all pieces together.
    """

    wanted: int
    seed: int
    played: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    most: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def note(self, outcome: str, failure: dict[str, Any] | None = None) -> None:
        """Count a round, and keep what went wrong in it."""
        self.played += 1
        self.counts[outcome] += 1
        if failure is not None and len(self.failures) < _MOST_FAILURES:
            self.failures.append(failure)

    def raise_to(self, name: str, value: float) -> None:
        """Keep the largest value."""
        self.most[name] = max(self.most.get(name, value), value)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a campaign in pieces."""
    parser.add_argument(
        "--keep", type=Path, help="a file to go on from and to write what is known into"
    )
    parser.add_argument(
        "--seconds", type=float, help="of this piece; by default all is played at once"
    )


def begin(given: argparse.Namespace, wanted: int) -> Tally:
    """Return what is known of a campaign; nothing yet where no file is, or one of another."""
    if given.keep is None or not given.keep.is_file():
        return Tally(wanted, given.seed)
    known = json.loads(given.keep.read_text(encoding="utf-8"))
    if (known["wanted"], known["seed"]) != (wanted, given.seed):
        message = f"'{given.keep}' is of another campaign: {known['wanted']} rounds, seed {known['seed']}"
        raise SystemExit(message)
    return Tally(**{**known, "counts": Counter(known["counts"])})


def rounds(
    tally: Tally, given: argparse.Namespace, at_once: int = 1
) -> Iterator[range]:
    """Yield the numbers of the rounds to play next; what is known is kept after each."""
    begun, before = time.monotonic(), tally.seconds
    while tally.played < tally.wanted:
        yield range(tally.played, min(tally.played + at_once, tally.wanted))
        tally.seconds = round(before + time.monotonic() - begun, 1)
        if given.keep is not None:
            given.keep.write_text(json.dumps(vars(tally)), encoding="utf-8")
        if given.seconds is not None and time.monotonic() - begun > given.seconds:
            return
