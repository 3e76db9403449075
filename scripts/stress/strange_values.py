"""Wrong values to put into documents, and the fields to put them in; used by `index_changes` and `strangers`."""

GIANTS = (-1, 0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1)
VALUES = (
    *GIANTS,
    10**30,
    -(10**9),
    10**4000,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    True,
    None,
    "",
    "x",
    "../../precious/notes.txt",
    "/etc/hostname",
    "\0",
    "\ud800",
    "IVF999999999,Flat",
    "HNSW100000000",
    "9" * 5000,
    [],
    {},
    [[]],
    {"a": {"b": []}},
    list(range(1000)),
)


def entries_of(content):
    """Every entry in nested dicts and lists: what holds it, and its key."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(pairs):
        if key != "sha256" or content.get("format") is None:
            yield content, key
        if isinstance(value, dict | list):
            yield from entries_of(value)
