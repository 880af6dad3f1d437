"""What ``recommend`` returns."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Basis(StrEnum):
    """What a page stands on, from most to least personal."""

    PERSONAL = "personal"
    CONTEXTUAL = "contextual"
    AGGREGATE = "aggregate"
    CATALOG = "catalog"


_ORDER = tuple(Basis)


def most_personal(bases: Collection[Basis]) -> Basis:
    """What a page stands on that has parts of these: the most personal of them."""
    for basis in _ORDER:
        if basis in bases:
            return basis
    return Basis.CATALOG


@dataclass(frozen=True, slots=True, repr=False)
class PageRef:
    """The page after which something was done, as far as it is kept: its slot and model version.

    ``training`` is None where nothing was trained.

    Stability: stable.
    """

    slot: str
    training: int | None

    def __repr__(self) -> str:
        return "PageRef()"


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """One recommended item.

    ``score`` compares the hits of one ``source`` (an algorithm, several of a blend joined by ``+``,
    ``buy_again``, ``bestsellers``, ``catalog``, or ``pinned``) and compares with nothing else.
    ``title``, ``price`` (that of the request's market, where the item has one there) and the first
    ``image`` are the item's, for the page to show.

    Privacy: on a personal page ``reason`` can name something the person did; show it to them only.
    Stability: stable.
    """

    item: str
    score: float
    reason: str
    source: str
    title: str = ""
    price: float | None = None
    image: str | None = None

    def __repr__(self) -> str:
        return f"Hit(source={self.source!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """The hits of one slot, with the basis they stand on.

    ``decision`` is an opaque token to pass back with outcomes and to ``consent.explain``. ``why``
    is the reason code of the consent decision (``no_subject`` where nobody was named). ``notes``
    say what was degraded, such as an algorithm that failed.

    Stability: stable.
    """

    slot: str
    basis: Basis
    hits: tuple[Hit, ...]
    decision: str
    why: str
    notes: tuple[str, ...] = field(default=())

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __repr__(self) -> str:
        return f"Page(slot={self.slot!r}, basis={self.basis.value!r}, hits={len(self.hits)})"
