"""The methods that tell genres: one list of names for tables, JSON, charts and sentences."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = TypeVar("Value")


class Method(StrEnum):
    """The methods that predict genres, from guessing to network and vote together."""

    CHANCE = "chance"
    FREQUENCY = "frequency"
    COLOURS = "colours"
    FROZEN = "frozen neighbours"
    PROBE = "linear probe"
    NETWORK = "network"
    VOTE = "vote"
    COMBINED = "network + vote"


TRAINED = (Method.NETWORK, Method.VOTE, Method.COMBINED)

IN_WORDS = {
    Method.CHANCE: "chance",
    Method.FREQUENCY: "the genres' frequencies",
    Method.COLOURS: "colour neighbours",
    Method.FROZEN: "neighbours on the untrained backbone",
    Method.PROBE: "a linear probe on the untrained backbone",
    Method.NETWORK: "the network",
    Method.VOTE: "the vote of neighbours",
    Method.COMBINED: "network and vote together",
}
"""As in a sentence."""

BEFORE = {
    "majority": Method.FREQUENCY,
    "colour_knn": Method.COLOURS,
    "frozen_knn": Method.FROZEN,
    "linear_probe": Method.PROBE,
    "cnn": Method.NETWORK,
    "blend": Method.COMBINED,
}
"""What version 0.1 called them on disk."""


def named_now(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return a dict whose keys are methods, with the names of version 0.1 replaced.

    Examples
    --------
    >>> named_now({"cnn": 1, "vote": 2})
    {'network': 1, 'vote': 2}
    """
    return {str(BEFORE.get(name, name)): value for name, value in values.items()}
