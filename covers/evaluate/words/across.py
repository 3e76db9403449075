"""Sentences about the figures of every labelled cover, each predicted without its own group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.classify.methods import IN_WORDS, Method
from covers.evaluate.measures import IN_WORDS as MEASURES

if TYPE_CHECKING:
    from covers.evaluate.document import Split
    from covers.evaluate.measures import Estimate
    from covers.evaluate.result import Evaluation

_CLEAREST = ("artist", "release group")
"""Names of groups that a sentence can count: a group of near-duplicates is mostly one cover."""


def own_group(split: Split) -> str:
    """Name the group that is left out when a cover is predicted, such as ``"its artist"``.

    Examples
    --------
    >>> from covers.evaluate.document import Split
    >>> sides = {"n_train": 9, "n_valid": 3, "measured": "valid", "n_groups": 3}
    >>> own_group(Split(grouped_by="artist, near-duplicates", **sides))
    'its artist'
    """
    return f"its {_first_name(split)}"


def counted_groups(n_groups: int, split: Split) -> str:
    """Say of how many artists covers are, or of how many groups where no artists are known."""
    name = _first_name(split)
    noun = name if name in _CLEAREST else "group"
    return f"{n_groups:,} {noun}{'' if n_groups == 1 else 's'}"


def held_in_words(split: Split) -> str:
    """Name the covers that the network was not trained on."""
    return "test covers" if split.measured == "test" else "held-out covers"


def describe_across(found: Evaluation) -> list[str]:
    """Say how the figures of every labelled cover differ from those of the held-out ones, and what each is good for."""
    across = found.across_folds
    if across is None:
        return []
    split, method = found.split, Method.COMBINED
    every, alone = across.methods[method], found.methods[method]
    group = own_group(split)
    held = held_in_words(split)
    return [
        (
            f"every labelled cover once, by heads fitted without {group}: {MEASURES[found.measure]} of {IN_WORDS[method]} "
            f"{_with_ends(every.macro_f1)}, {across.n:,} covers of {counted_groups(across.n_groups, split)}; "
            f"the {held} alone: {_with_ends(alone.macro_f1)}, {alone.n:,} covers of {counted_groups(split.n_groups, split)}."
        ),
        (
            "trust the first figure for how well such a model reads what is new to it, because chance has less part in which covers "
            f"were asked about, and the second for the model at hand: no penalty was chosen with its {held}. What follows is said of the first."
        ),
    ]


def _first_name(split: Split) -> str:
    return split.grouped_by.split(",")[0].strip() or "group"


def _with_ends(measured: Estimate) -> str:
    low, high = measured.ci95
    return f"{measured.value:.2f} ({low:.2f} to {high:.2f})"
