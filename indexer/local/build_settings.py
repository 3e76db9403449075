"""How an index is made: its structure, how numbers are stored, what stays of its past."""

from dataclasses import dataclass

from indexer.files.manifest import StructureRequest

__all__ = ["BuildSettings"]


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """The keywords of `VectorIndex.build` that say how an index is made.

    Parameters
    ----------
    structure : str, default="auto"
        ``"auto"`` chooses by size, ``"exact"`` searches exactly, anything
        else is a FAISS factory key such as ``"IVF1024,SQ8"``.
    target_recall : float, default=0.99
        Share of the true ten nearest that searches must find, in (0, 1].
        Towards 1 searches cost more.
    memory_mib : int, optional
        Upper bound of the structure chosen by ``"auto"``, in MiB.
    prefer : {"fast", "small", "quick-search"}, default="fast"
        What ``"auto"`` chooses by among structures that reach the recall, by
        measuring on a sample: the quickest search of those that are built
        fast; the smallest; the quickest search, graphs too, whose build takes
        several times as long.
    store : {"float32", "float16", "int8"}, default="float32"
        How numbers are stored, also those added later. Of 512 dimensions half of
        the bytes move a similarity by up to 0.0005, a quarter by up to 0.003.
    keep_generations : int, default=2
        Older generations that stay for `rollback`; 0 keeps none.
    lock_timeout_s : float, default=10
        How long to wait for another writer.

    Raises
    ------
    ValueError
        If one is out of range.
    """

    structure: str = "auto"
    target_recall: float = 0.99
    memory_mib: int | None = None
    prefer: str = "fast"
    store: str = "float32"
    keep_generations: int = 2
    lock_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if self.keep_generations < 0:
            message = (
                f"keep_generations must not be negative, got {self.keep_generations}"
            )
            raise ValueError(message)
        self.request()

    def request(self) -> StructureRequest:
        """Return the wanted structure.

        Raises
        ------
        ValueError
            If the recall is no share, the bound below 1, or a word unknown.
        """
        return StructureRequest(
            key=self.structure,
            target_recall=self.target_recall,
            memory_mib=self.memory_mib,
            prefer=self.prefer,
            store=self.store,
        )
