"""What the service sends, as types that the OpenAPI document is made from."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

EXAMPLE_ID = "3f9a02c1d4e5f60718293a4b5c6d7e8f"
_HIT: dict[str, Any] = {
    "cover_id": EXAMPLE_ID,
    "similarity": 0.82,
    "path": "Jazz/blue-note.jpg",
    "genres": ["Jazz"],
    "artist": "The Example Quartet",
    "album": "First Set",
    "year": 1961,
}


class HitAnswer(BaseModel):
    """A cover that was found."""

    model_config = ConfigDict(json_schema_extra={"examples": [_HIT]})

    cover_id: str
    similarity: float = Field(description="Cosine, -1 to 1.")
    path: str = Field(description="Below its source.")
    genres: list[str]
    artist: str | None = None
    album: str | None = None
    year: int | None = None


class IndexAnswer(BaseModel):
    """Which index answered."""

    generation: int
    model: str


class SearchAnswer(BaseModel):
    """The covers most like a picture, nearest first."""

    query: str
    index: IndexAnswer
    neighbours: list[HitAnswer]
    notes: list[str] = Field(description="Why there are fewer than asked for.")


class VoterAnswer(HitAnswer):
    """A cover that voted; the weights of all sum to one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_HIT, "weight": 0.2}]})

    weight: float | None


class FlipAnswer(BaseModel):
    """The fewest voters without whom another genre would win."""

    genre: str | None
    without: list[str]
    said: str


class ClassifyAnswer(BaseModel):
    """Which genres a picture looks like, how sure that is, and why."""

    query: str
    cover_id: str
    likeliest: str
    probabilities: dict[str, dict[str, float | None]] = Field(
        description="By method: network, vote, network + vote."
    )
    prediction_set: list[str]
    level: float
    verdict: str
    voters: list[VoterAnswer]
    flip: FlipAnswer
    labels: dict[str, float | None] | None = None
    named: list[str] | None = None


class CoverAnswer(BaseModel):
    """A cover, and those most like it."""

    cover: HitAnswer
    thumbnail: str = Field(description="Address of its thumbnail on this server.")
    neighbours: list[HitAnswer]


class PairAnswer(BaseModel):
    """How alike two genres look: 0 separable, 1 indistinguishable; null where not measured."""

    a: str
    b: str
    overlap: float | None
    overlap_ci95: tuple[float | None, float | None]
    lift_ab: float | None
    lift_ba: float | None


class OverlapAnswer(BaseModel):
    """Which genres look alike, most alike first."""

    genres: list[str]
    n_covers: int
    pairs: list[PairAnswer]


class GenreShareAnswer(BaseModel):
    """A genre's part of a kind of covers."""

    genre: str
    share: float
    lift: float | None


class ClusterAnswer(BaseModel):
    """One kind of covers."""

    id: int
    n: int
    stability: float | None
    genres: list[GenreShareAnswer]
    exemplars: list[str]
    look: list[str]


class ClustersAnswer(BaseModel):
    """Kinds of covers, largest first."""

    n_covers: int
    noise_fraction: float | None
    clusters: list[ClusterAnswer]


class HealthAnswer(BaseModel):
    """Whether it can answer."""

    status: str = Field(examples=["ok"])
    n_covers: int
    generation: int


class ProblemAnswer(BaseModel):
    """Why there is no answer."""

    detail: str
