"""Orders: lines that were bought together, and what they are as events.

An order is kept as one event for each line and one for the order itself, its head, which says how
new this edition of the order is. All have ids that follow from the order's, so that an order that
is sent again is the same events again.
"""

import hashlib
import json
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from knowingly.domain.event import MAX_QUANTITY, MAX_TOKEN_CHARS, EventKind
from knowingly.domain.item import Number, Price
from knowingly.domain.moments import Moment, to_us
from knowingly.domain.text import Id

MAX_LINES = 1_000
HEAD = -1


class OrderLine(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """One line of an order.

    ``item`` is an item's id or a variant's, ``price`` one unit's, ``discount`` what is taken off
    the whole line.

    Stability: stable.
    """

    item: Id = Field(repr=False)
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, repr=False), Number] = 1
    price: Price | None = Field(default=None, repr=False)
    discount: Price | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _pays_something(self) -> Self:
        off = self.discount or 0.0
        if self.price is not None and off > self.price * self.quantity + 0.005:
            raise PydanticCustomError("discount", "a discount of at most what the line costs")
        return self

    def paid_for_one(self) -> float | None:
        """One unit's price after the discount."""
        if self.price is None:
            return None
        return max(self.price - (self.discount or 0.0) / self.quantity, 0.0)


class Order(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """What a person bought at one time.

    ``id`` is the app's own id of the order, ``at`` when it was placed. An order that is sent again
    replaces what was sent before if its ``updated_at`` is not older; without one, the time it
    comes in counts. It is never in the future: no later edition could take its place. One without
    lines, or one that is ``cancelled``, undoes them all.
    ``device`` and ``decision`` are what they are of an ``Event``; the page is kept with each line,
    and like the lines it is that of the edition that stays.

    Stability: stable.
    """

    subject: Id = Field(repr=False)
    id: Id = Field(repr=False)
    at: Moment = Field(repr=False)
    lines: tuple[OrderLine, ...] = Field(max_length=MAX_LINES, repr=False)
    updated_at: Moment | None = Field(default=None, repr=False)
    cancelled: bool = False
    device: Id | None = Field(default=None, repr=False)
    decision: str | None = Field(default=None, repr=False, strict=True, max_length=MAX_TOKEN_CHARS)


class Edition(NamedTuple):
    """Which state of an order this is; the greater of two ``(version, digest)`` counts."""

    version_us: int | None
    digest: str
    lines: int


class Part(NamedTuple):
    """What an event is of its order: a line by place, or the ``HEAD``."""

    edition: Edition
    place: int

    @property
    def counts(self) -> bool:
        """Whether it is one of the events that callers are told of."""
        return self.place != HEAD or not self.edition.lines


def event_id(order: str, place: int) -> str:
    """The id of an order's event; an app's own id has no line break, so none is like it."""
    return f"order\n{order}\n{place}"


def events_of(order: Order) -> list[dict[str, Any]]:
    """The fields of an order's events, the head first; ``part`` says which of them each is."""
    lines = () if order.cancelled else order.lines
    edition = Edition(
        None if order.updated_at is None else to_us(order.updated_at),
        _digest(order, lines),
        len(lines),
    )
    common: dict[str, Any] = {"subject": order.subject, "at": order.at, "order": order.id}
    if order.device is not None:
        common["device"] = order.device
    if order.decision is not None:
        common["decision"] = order.decision
    head = {
        **common,
        "kind": EventKind.PURCHASE if lines else EventKind.CANCEL,
        "item": None,
        "event_id": event_id(order.id, HEAD),
        "part": Part(edition, HEAD),
    }
    return [head] + [
        {
            **common,
            "kind": EventKind.PURCHASE,
            "item": line.item,
            "quantity": line.quantity,
            "price": line.paid_for_one(),
            "event_id": event_id(order.id, place),
            "part": Part(edition, place),
        }
        for place, line in enumerate(lines)
    ]


def _digest(order: Order, lines: tuple[OrderLine, ...]) -> str:
    said = [to_us(order.at), [(one.item, one.quantity, one.paid_for_one()) for one in lines]]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
