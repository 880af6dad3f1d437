"""The sealed body of an event: a fixed record, then the order's id as text.

An event about an order as a whole has no item. The head of an order, which says which edition of
it is kept, has that edition behind the order's id. An event that was done after a page has the
page's slot and model version there.

Fixed so that a person's history becomes arrays in one step.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KINDS, EventKind
from knowingly.domain.order import Edition
from knowingly.domain.page import PageRef
from knowingly.errors import SealError

TABLE = "events"
RECORD = np.dtype(
    [
        ("kind", "u1"),
        ("at_us", "<i8"),
        ("item", "<i4"),
        ("quantity", "<u4"),
        ("price", "<f8"),
        ("order", "<i8"),
    ]
)
_SIZE = RECORD.itemsize
NO_ITEM = -1
_OF_A_PAGE = 2
"""Lines behind the order's id of an event done after a page; an order's head has three."""


class StoredEvent(NamedTuple):
    """One event as it was kept; ``item`` is the item's row, or ``NO_ITEM``."""

    kind: EventKind
    at_us: int
    item: int
    quantity: int
    price: float | None
    order: str | None
    after: PageRef | None

    @property
    def is_mark(self) -> bool:
        """Whether it only marks that an order is kept, and is nothing the person did."""
        return self.item == NO_ITEM and self.kind is EventKind.PURCHASE


def order_code(order: str | None) -> int:
    """A number that is the same for the lines of one order; 0 for none."""
    if order is None:
        return 0
    digest = hashlib.blake2b(order.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True) or 1


def to_records(bodies: Sequence[bytes]) -> NDArray[np.void]:
    """Opened bodies as one structured array of ``RECORD``.

    Raises:
        SealError: A body is shorter than a record, or names no kind.
    """
    if not bodies:
        return np.zeros(0, RECORD)
    if set(map(len, bodies)) == {_SIZE}:  # as all are that name no order and no page
        joined = b"".join(bodies)
    else:
        joined = b"".join([body[:_SIZE] for body in bodies])
    if len(joined) != len(bodies) * _SIZE:
        raise SealError("a sealed event has an unknown form")
    records = np.frombuffer(joined, RECORD)
    if int(records["kind"].max()) >= len(KINDS):
        raise SealError("a sealed event has an unknown form")
    return records


def to_event(body: bytes) -> StoredEvent:
    """One opened body, with its order's id."""
    record = to_records([body])[0]
    price = float(record["price"])
    order, *more = body[_SIZE:].decode().split("\n")
    return StoredEvent(
        KINDS[int(record["kind"])],
        int(record["at_us"]),
        int(record["item"]),
        int(record["quantity"]),
        None if np.isnan(price) else price,
        order or None,
        _page(more) if len(more) == _OF_A_PAGE else None,
    )


def with_page(order: str | None, page: PageRef) -> bytes:
    """What follows the record of an event that was done after a page."""
    training = "" if page.training is None else str(page.training)
    return f"{order or ''}\n{page.slot}\n{training}".encode()


def _page(said: Sequence[str]) -> PageRef:
    slot, training = said
    try:
        return PageRef(slot, int(training) if training else None)
    except ValueError:
        raise SealError("a sealed event has an unknown form") from None


def with_edition(order: str, edition: Edition) -> bytes:
    """What follows the record of an order's head."""
    return f"{order}\n{edition.version_us}\n{edition.digest}\n{edition.lines}".encode()


def edition_of(body: bytes) -> Edition:
    """The edition in an order's head.

    Raises:
        SealError: There is none.
    """
    try:
        _, version, digest, lines = body[_SIZE:].decode().split("\n")
        return Edition(int(version), digest, int(lines))
    except ValueError:
        raise SealError("a sealed order has an unknown form") from None
