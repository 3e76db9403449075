"""Going back to an older generation of a store on Milvus."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.errors import IndexHistoryError
from indexer.remote.milvus.about import (
    MilvusAbout,
    Past,
    now,
    publish_about,
    read_about_of,
)
from indexer.remote.milvus.client import CollectionGoneError
from indexer.remote.milvus.fields import Row
from indexer.remote.milvus.searching import Session
from indexer.remote.milvus.writing import Written, swing, write_change

__all__ = ["Back", "find_way_back", "go_back"]


@dataclass(frozen=True, kw_only=True)
class Back:
    """How to go back: rows that come again and that go, or another collection.

    Attributes
    ----------
    n_items, n_added, n_updated, n_removed : int
    coming, going : sequence of Row
    past : Past, optional
        The generation within the collection.
    other : MilvusAbout, optional
        What the collection says that was current before this one was built.
    """

    n_items: int
    n_added: int
    n_updated: int
    n_removed: int
    coming: Sequence[Row] = ()
    going: Sequence[Row] = ()
    past: Past | None = None
    other: MilvusAbout | None = None


def find_way_back(session: Session, to: int | None) -> Back:
    """Say what going back to a generation takes.

    Raises
    ------
    IndexHistoryError
        If it is not kept; names those that are.
    """
    about = session.about
    other = _collection_before(session)
    known = {past.generation: past for past in about.pasts}
    if to is None:
        to = max(known, default=other.generation if other else None)
    if to in known:
        return _within(session, known[to])
    if other is not None and to == other.generation:
        return Back(
            n_items=other.n_items,
            n_added=other.n_items,
            n_updated=0,
            n_removed=about.n_items,
            other=other,
        )
    kept = sorted([*known, *([other.generation] if other else [])])
    those = ", ".join(map(str, kept)) or "none"
    message = (
        f"store {str(session.client.address)!r} cannot go back{'' if to is None else f' to generation {to}'}: "
        f"kept are {those}; build it again from what it was made of"
    )
    raise IndexHistoryError(message)


def go_back(session: Session, back: Back) -> MilvusAbout:
    """Publish what an older generation held as the next one."""
    about = session.about
    if back.other is not None:
        again = replace(
            back.other,
            generation=about.generation + 1,
            changed=now(),
            before=about.collection,
        )
        publish_about(session.client, again)
        swing(session.client, again, replace(about, before=again.collection))
        return again
    past = back.past
    if past is None:
        return about
    about = about.following(n_items=past.n_items, fingerprints=past.fingerprints)
    return write_change(session, Written(back.coming, back.going, about))


def _collection_before(session: Session) -> MilvusAbout | None:
    """Return the description of the collection that was current before this one."""
    name = session.about.before
    if not name:
        return None
    try:
        session.client.load(name)
        return read_about_of(session.client, name)
    except CollectionGoneError:
        return None


def _within(session: Session, past: Past) -> Back:
    """Find the rows that differ between a generation and the current one."""
    now_, then = session.about.generation, past.generation
    fields = ["id", "embedding", "born", "died", *session.columns]
    was = f"born <= {then} and died > {then} and died <= {now_}"
    came = f"born > {then} and born <= {now_} and died > {now_}"
    coming = [row for page in session.scan(was, fields) for row in page]
    going = [row for page in session.scan(came, fields) for row in page]
    both = {row["id"] for row in coming} & {row["id"] for row in going}
    return Back(
        n_items=past.n_items,
        n_added=len(coming) - len(both),
        n_updated=len(both),
        n_removed=len(going) - len(both),
        coming=coming,
        going=going,
        past=past,
    )
