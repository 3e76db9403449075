"""Invented artists, album titles and record labels.

Artist and label names do not depend on genre or style, and titles depend on
the style only, so that the lettering gives no genre away beyond the style.
"""

from types import MappingProxyType

import numpy as np

__all__ = ["album_title", "artist_names", "label_name"]

_FIRST = [
    "Ada",
    "Tobias",
    "Ines",
    "Marlo",
    "Odile",
    "Casper",
    "Juno",
    "Viktor",
    "Lene",
    "Otis",
    "Priya",
    "Anselm",
    "Mirthe",
    "Roscoe",
    "Yara",
    "Emeric",
    "Salome",
    "Lucan",
    "Thea",
    "Bruno",
    "Nadja",
    "Ezra",
    "Coralie",
    "Amos",
    "Ilse",
    "Dario",
    "Maeve",
    "Konrad",
    "Zora",
    "Florian",
]
_LAST = [
    "Kestrel",
    "Marrow",
    "Venn",
    "Lindqvist",
    "Okoro",
    "Halloway",
    "Brandt",
    "Castellan",
    "Vey",
    "Moreau",
    "Tamsin",
    "Oyelaran",
    "Fenwick",
    "Sorrel",
    "Aldous",
    "Petrakis",
    "Rook",
    "Delacroix",
    "Wren",
    "Ostrander",
    "Quill",
    "Sato",
    "Haverford",
    "Nim",
    "Bellweather",
    "Corso",
    "Thorne",
    "Umbra",
    "Zeller",
    "Montclair",
]
_ADJECTIVE = [
    "Black",
    "Quiet",
    "Iron",
    "Velvet",
    "Paper",
    "Hollow",
    "Golden",
    "Broken",
    "Electric",
    "Salt",
    "Silver",
    "Crooked",
    "Distant",
    "Wild",
    "Marble",
    "Crimson",
    "Second",
    "Northern",
    "Burning",
    "Hidden",
    "Copper",
    "Pale",
    "Wooden",
    "Glass",
    "Feral",
    "Neon",
    "Sunken",
    "Holy",
    "Restless",
    "Idle",
]
_NOUN = [
    "Lantern",
    "Engine",
    "Orchard",
    "Meadow",
    "Ferry",
    "Parade",
    "Harbor",
    "Choir",
    "Machine",
    "Saint",
    "Cathedral",
    "Satellite",
    "Sparrow",
    "Kingdom",
    "Mirror",
    "Ritual",
    "Circuit",
    "Garden",
    "Wolf",
    "Empire",
    "Compass",
    "Signal",
    "Riot",
    "Teeth",
    "Furnace",
    "Avenue",
    "Monument",
    "Tide",
    "Carnival",
    "Archive",
]
_PLACE = [
    "Ostrel",
    "Varnholm",
    "Quillon",
    "Marisk",
    "Tolvane",
    "Edenrow",
    "Sankt-Orin",
    "Halvard",
    "Miremont",
    "Kaspervik",
]
_LABELS = [
    "Meridian",
    "Kolibri",
    "Tonhalle-West",
    "Basalt",
    "Sundial",
    "Nightjar",
    "Plum-Street",
    "Aurelia",
    "Ninepin",
    "Lighthouse",
    "Cobalt",
    "Halcyon",
    "Gramercy-Row",
    "Paperboat",
    "Vesper",
    "Orbit-9",
]

_TITLES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "formal": (
            "Symphony No. {n}",
            "String Quartets, Op. {o}",
            "Nocturnes, Op. {o}",
            "The {noun} Variations",
            "Piano Sonatas {n} & {m}",
            "Concerto in {key}",
            "Requiem for {place}",
            "The {noun} Suite",
        ),
        "loud": (
            "{adjective} {noun}",
            "No {noun}",
            "Death to the {noun}",
            "{noun} of {noun2}",
            "Burn {place}",
            "Hate the {noun}",
            "{adjective} {adjective2}",
            "Under the {adjective} {noun}",
        ),
        "cool": (
            "Blue {noun}",
            "{place} After Dark",
            "Live at the {noun}",
            "Round {n}",
            "{adjective} & {adjective2}",
            "The {noun} Sessions",
            "Walking {place}",
            "Minor {noun}s",
        ),
        "street": (
            "{place} Nights",
            "Block {o}",
            "{noun} Money",
            "{adjective} Season",
            "Kings of {place}",
            "Volume {n}",
            "Corner {noun}",
            "Loud {noun}",
        ),
        "still": (
            "{adjective} {noun}",
            "Drift {n}",
            "{noun} / {noun2}",
            "Hours of {noun}",
            "Slow {noun}",
            "Field Notes {n}",
            "Tidal",
            "Sleep in {place}",
        ),
        "earth": (
            "Songs of the {noun}",
            "{place} Road",
            "The {adjective} {noun}",
            "Leaves of {place}",
            "Home to {place}",
            "{noun} & {noun2}",
            "{adjective} Water",
            "My Father's {noun}",
        ),
    }
)


def artist_names(rng: np.random.Generator, count: int) -> list[str]:
    """Invent `count` distinct artist names.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    count : int
        How many; up to about a thousand distinct names exist before Roman
        numerals are added.

    Returns
    -------
    list of str
        Persons and bands, in random order, without repetition.
    """
    persons = [f"{first} {last}" for first in _FIRST for last in _LAST]
    bands = [
        f"The {adjective} {noun}s"
        if i % 3 == 0 and noun[-1] not in "hsyf"
        else f"{adjective} {noun}"
        for i, (adjective, noun) in enumerate((a, n) for a in _ADJECTIVE for n in _NOUN)
    ]
    pool = [str(name) for name in rng.permutation(persons)]
    other = [str(name) for name in rng.permutation(bands)]
    mixed = [name for pair in zip(pool, other, strict=False) for name in pair]
    names = mixed[:count]
    generation = 2
    while len(names) < count:
        names += [f"{name} {generation}" for name in mixed[: count - len(names)]]
        generation += 1
    return names


def album_title(rng: np.random.Generator, tone: str) -> str:
    """Invent an album title.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    tone : {'formal', 'loud', 'cool', 'street', 'still', 'earth'}
        The kind of title, which a style decides.

    Returns
    -------
    str
        A title such as ``"Hours of Lantern"``.
    """
    template = _TITLES[tone][int(rng.integers(len(_TITLES[tone])))]
    noun, noun2 = (str(word) for word in rng.choice(_NOUN, 2, replace=False))
    adjective, adjective2 = (
        str(word) for word in rng.choice(_ADJECTIVE, 2, replace=False)
    )
    keys = ("D minor", "E-flat", "G major", "C-sharp minor", "F major")
    return template.format(
        noun=noun,
        noun2=noun2,
        adjective=adjective,
        adjective2=adjective2,
        place=_PLACE[int(rng.integers(len(_PLACE)))],
        key=keys[int(rng.integers(len(keys)))],
        n=int(rng.integers(1, 10)),
        m=int(rng.integers(10, 24)),
        o=int(rng.integers(11, 99)),
    )


def label_name(rng: np.random.Generator) -> str:
    """Invent (draw from a fixed list of invented) a record label's name."""
    return _LABELS[int(rng.integers(len(_LABELS)))].replace("-", " ")
