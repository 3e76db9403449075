"""The answer to "which genres does this cover look like?", with the evidence behind it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from covers.classify.methods import TRAINED, Method
from covers.errors import needs_extra
from covers.index.hits import Hit, hits_html, known_hits, show_hits
from covers.render.short_repr import ShortRepr
from covers.render.text import WIDTH, text_table
from covers.stats.conformal import says_nothing
from covers.workspace.disk.read_only import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from PIL import Image

    from covers.classify.classify import Answer, Evidence
    from covers.workspace.paths import Workspace
    from indexer import VectorStore

COMBINED = str(Method.COMBINED)
METHODS = tuple(str(method) for method in TRAINED)

PICTURE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""What the picture of an explanation may be written as, by the ending of its name."""

MOST_VOTERS = 10
_MOST_GENRES = 6


@dataclass(frozen=True, kw_only=True, repr=False)
class Voter(Hit):
    """A cover that voted.

    Parameters
    ----------
    weight : float
        Its share of the vote; those of all voters sum to one.

    Examples
    --------
    >>> voters = library.classify([cover_id])[0].voters
    >>> round(sum(voter.weight for voter in voters), 6)
    1.0
    """

    weight: float


@dataclass(frozen=True, kw_only=True, repr=False)
class VoteFlip(ShortRepr):
    """The least that would change a vote.

    Parameters
    ----------
    genre : str or None
        What would win then; None where leaving voters out makes nothing else win.
    without : tuple of str
        Ids of the voters that would have to be left out.
    """

    genre: str | None
    without: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, repr=False)
class Classification(ReadOnly):
    """Which genres a cover looks like, how sure that is, and why.

    Parameters
    ----------
    query : str
        What was asked about: a file, or the id of a cover.
    cover_id : str
        Content id of the picture, whether or not it is in the library.
    by_method : dict of str to dict of str to float
        Calibrated probability of each genre by ``"network"``, ``"vote"`` and
        ``"network + vote"``.
    prediction_set : tuple of str
        Genres it may belong to, likeliest first: such sets hold the truth at
        the rate `level`.
    level : float
    verdict : str
        ``"sure"``, ``"unsure"``, or ``"unfamiliar"``: unlike anything in the
        library. Where genres are independent also ``"sure of the broad genre
        only"``: that it is Rock is certain, which kind is not.
    voters : tuple of Voter
        Nearest first.
    flip : VoteFlip
        The fewest voters without whom another genre would win.
    labels : dict of str to float, or None
        Where genres are independent: the probability of each by itself.
    named : tuple of str
        Where genres are independent: those above their threshold, likeliest first.

    Examples
    --------
    >>> answer = library.classify([cover_id])[0]
    >>> answer.likeliest in answer.probabilities
    True
    >>> answer.verdict in {"sure", "unsure", "unfamiliar"}
    True
    """

    query: str
    cover_id: str
    by_method: dict[str, dict[str, float]]
    prediction_set: tuple[str, ...]
    level: float
    verdict: str
    voters: tuple[Voter, ...]
    flip: VoteFlip
    labels: dict[str, float] | None = None
    named: tuple[str, ...] = ()
    _workspace: Workspace | None = field(default=None, compare=False)

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each genre by network and vote together."""
        return self.by_method[COMBINED]

    @property
    def likeliest(self) -> str:
        """The genre with the highest probability."""
        return max(self.probabilities, key=lambda genre: self.probabilities[genre])

    @property
    def says_nothing(self) -> bool:
        """Whether the prediction set holds nearly all genres, so that the likeliest with its probability is the answer."""
        return self.labels is None and says_nothing(
            len(self.prediction_set), len(self.probabilities)
        )

    @property
    def headline(self) -> str:
        """The answer in a few words, such as ``"Rock, 52 %; could also be Pop"``."""
        likeliest = self.likeliest
        said = f"{likeliest}, {100 * self.probabilities[likeliest]:.0f} %"
        if self.verdict == "unfamiliar":
            return f"unlike anything in this library; perhaps {said}"
        return f"{said}; {self.also}" if self.also else said

    @property
    def also(self) -> str:
        """What else it could be, such as ``"could also be Pop or Jazz"``; empty if nothing."""
        others = [genre for genre in self.prediction_set if genre != self.likeliest]
        if not others:
            return ""
        if self.says_nothing:
            return "but it could be almost any genre"
        if len(others) > _MOST_GENRES - 1:
            return f"could be any of {len(others) + 1} genres"
        *first, last = others
        return f"could also be {' or '.join([', '.join(first), last] if first else [last])}"

    @property
    def said(self) -> str:
        """What the prediction set promises, as a sentence; where genres are independent, which ones the cover has."""
        often = f"{100 * self.level:g} %"
        if self.labels is not None:
            return self._said_of_several(often)
        if self.verdict == "unfamiliar":
            return "Its nearest covers are farther away than those of almost any cover of the library."
        if self.says_nothing:
            likeliest = self.likeliest
            n, of = len(self.prediction_set), len(self.probabilities)
            return (
                f"A set that holds the true genre {often} of the time would name {n} of {of} genres, which says nothing. "
                f"The likeliest is {likeliest}; of covers told so, about {100 * self.probabilities[likeliest]:.0f} % are."
            )
        if self.prediction_set:
            names = ", ".join(self.prediction_set)
            text = f"One of {names}: {often} of such sets hold the true genre."
        else:
            text = f"No genre fits well enough for a set that is right {often} of the time."
        return text

    def _said_of_several(self, often: str) -> str:
        """Say what a cover has where genres are independent."""
        labels = self.labels or {}
        named = (f"{genre} {100 * labels[genre]:.0f} %" for genre in self.named)
        text = f"Best guess at its genres: {', '.join(named) or 'none for sure'}."
        if self.verdict == "unfamiliar":
            return f"Its nearest covers are farther away than those of almost any cover of the library. {text}"
        if self.verdict == "sure of the broad genre only":
            broad = max(labels, key=lambda genre: labels[genre])
            text = f"{broad}, surely; which kind, not. {text}"
        return f"{text} Sets of {len(self.prediction_set)} like this hold {often} of a cover's genres."

    @property
    def flip_in_words(self) -> str:
        """What would change the vote, as a sentence."""
        if self.flip.genre is None:
            return "Leaving voters out would not make another genre win."
        n, of = len(self.flip.without), len(self.voters)
        if self.labels is not None:
            # Calibrated each by itself, other genres may be likelier than what weighs most.
            return f"Most of the weight is for {self._weightiest}; without {n} of the {of} voters it would be for {self.flip.genre}."
        vote = self.by_method.get(Method.VOTE, {})
        now = max(vote, key=lambda genre: vote[genre], default=self.flip.genre)
        if now == self.flip.genre:
            return f"Without {n} of its {of} voters the vote would go to {now}."
        return f"The vote is for {now}; without {n} of its {of} voters it would be for {self.flip.genre}."

    @property
    def _weightiest(self) -> str:
        """The genre that voters with most of the weight have."""
        weight = dict.fromkeys(self.probabilities, 0.0)
        for voter in self.voters:
            for genre in weight.keys() & set(voter.genres):
                weight[genre] += voter.weight
        return max(weight, key=lambda genre: weight[genre])

    @needs_extra("a data frame")
    def to_frame(self) -> pd.DataFrame:
        """Return the probabilities as a data frame: a row per genre, a column per method."""
        import pandas as pd

        frame = pd.DataFrame(self.by_method)
        frame.index.name = "genre"
        return frame.sort_values(COMBINED, ascending=False)

    def to_json(self) -> dict[str, Any]:
        """Return what ``covers classify --json`` prints."""
        labels = {"labels": self.labels, "named": list(self.named)}
        return {
            "query": self.query,
            "cover_id": self.cover_id,
            "likeliest": self.likeliest,
            "probabilities": self.by_method,
            "prediction_set": list(self.prediction_set),
            "level": self.level,
            "verdict": self.verdict,
            **(labels if self.labels is not None else {}),
            "voters": [voter.to_json() for voter in self.voters],
            "flip": {**asdict(self.flip), "said": self.flip_in_words},
        }

    def __repr__(self) -> str:
        ranked = sorted(self.probabilities, key=lambda g: -self.probabilities[g])
        rows = [
            [genre, *(f"{100 * self.by_method[name][genre]:.1f} %" for name in METHODS)]
            for genre in ranked[:_MOST_GENRES]
        ]
        lines = [self.query, *wrap(self.headline, WIDTH), *wrap(self.said, WIDTH)]
        lines += ["", text_table(["genre", *METHODS], rows, right=(1, 2, 3))]
        shown = self.voters[:MOST_VOTERS]
        lines += ["", f"{len(shown)} of {len(self.voters)} voters, nearest first"]
        return "\n".join([*lines, show_hits(shown)])

    def _repr_html_(self) -> str:
        return hits_html(
            self.voters[:MOST_VOTERS], self._workspace, title=self.headline
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class Explanation:
    """A classification, and a picture of where the network looked.

    Parameters
    ----------
    answer : Classification
    genre : str
        What it looked for.
    picture : PIL.Image.Image
        RGB; yellow parts speak most for the genre, grey ones hardly.

    Examples
    --------
    >>> explained = library.explain(cover_id)
    >>> explained.save(folder / "where.png").name
    'where.png'
    """

    answer: Classification
    genre: str
    picture: Image.Image = field(repr=False)

    def save(self, path: str | Path) -> Path:
        """Write the picture, replacing one that is there, and return its path.

        Parameters
        ----------
        path : str or Path
            Ends in .png, .jpg, .jpeg or .webp.

        Raises
        ------
        DataError
            If it ends otherwise, is a folder, or cannot be written.
        """
        from covers.workspace.disk.outputs import output_file
        from covers.workspace.disk.publish import publish

        target = output_file("path", path, *PICTURE_FORMATS)
        with publish(target, "wb") as file:
            self.picture.save(file, PICTURE_FORMATS[target.suffix.lower()])
        return target

    def __repr__(self) -> str:
        return f"{self.answer!r}\nlooked for: {self.genre}; .save('where.png') writes where"

    def _repr_png_(self) -> bytes:
        import io

        content = io.BytesIO()
        self.picture.save(content, "PNG")
        return content.getvalue()


def put_together(
    names: Sequence[tuple[str, str]],
    answer: Answer,
    index: VectorStore,
    workspace: Workspace | None = None,
) -> list[Classification]:
    """Turn arrays of answers into one `Classification` for each picture.

    Parameters
    ----------
    names : sequence of (str, str), length n_pictures
        What each picture is called, and its content id.
    answer : Answer
    index : VectorStore
        The one that voted.
    workspace : Workspace, optional
        Where thumbnails are.
    """
    vocab, found = answer.vocab, []
    for number, (name, cover_id) in enumerate(names):
        by_method = {
            method: dict(zip(vocab, p[number].tolist(), strict=True))
            for method, p in answer.classified.probabilities.by_method().items()
        }
        combined = by_method[COMBINED]
        inside = [
            g
            for g, is_in in zip(vocab, answer.classified.inside[number], strict=True)
            if is_in
        ]
        evidence = answer.evidence[number]
        labels, named = _labels(answer, number)
        found.append(
            Classification(
                query=name,
                cover_id=cover_id,
                by_method=by_method,
                prediction_set=tuple(sorted(inside, key=lambda g: -combined[g])),
                level=answer.level,
                verdict=str(answer.classified.verdicts[number]),
                voters=tuple(_voters(index, evidence, workspace)),
                flip=_flip(evidence, vocab),
                labels=labels,
                named=named,
                _workspace=workspace,
            )
        )
    return found


def _labels(
    answer: Answer, number: int
) -> tuple[dict[str, float] | None, tuple[str, ...]]:
    """Return the probability of each independent genre, and those that are named."""
    if answer.labels is None:
        return None, ()
    vocab = answer.vocab
    p = dict(zip(vocab, answer.labels.probabilities[number].tolist(), strict=True))
    named = [
        g for g, is_in in zip(vocab, answer.labels.named[number], strict=True) if is_in
    ]
    return p, tuple(sorted(named, key=lambda g: -p[g]))


def _voters(
    index: VectorStore, evidence: Evidence, workspace: Workspace | None
) -> list[Voter]:
    similarities = evidence.similarities.tolist()
    hits = known_hits(index, evidence.cover_ids, similarities, workspace)
    return [
        Voter(
            **{name: getattr(hit, name) for name in hit.__dataclass_fields__},
            weight=float(weight),
        )
        for hit, weight in zip(hits, evidence.weights, strict=True)
    ]


def _flip(evidence: Evidence, vocab: Sequence[str]) -> VoteFlip:
    flip = evidence.flip
    if flip.genre_id < 0:
        return VoteFlip(genre=None, without=())
    ids = tuple(evidence.cover_ids[slot] for slot in flip.slots)
    return VoteFlip(genre=vocab[flip.genre_id], without=ids)
