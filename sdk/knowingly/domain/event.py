"""What someone did with an item."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from knowingly.domain.item import Number, Price
from knowingly.domain.moments import Moment
from knowingly.domain.text import Id


class EventKind(StrEnum):
    """What was done. The order is the order of the codes in stored rows: only append."""

    VIEW = "view"
    CART = "cart"
    PURCHASE = "purchase"
    RETURN = "return"
    LIKE = "like"
    HIDE = "hide"
    CANCEL = "cancel"

    @property
    def code(self) -> int:
        """What it is in the arrays of a block or a history. Stability: plugin."""
        return KIND_CODE[self]


KINDS: tuple[EventKind, ...] = tuple(EventKind)
KIND_CODE: dict[str, int] = {kind: code for code, kind in enumerate(KINDS)}
MAX_QUANTITY = 1_000_000
MAX_TOKEN_CHARS = 4_000


class Event(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """What someone did with an item.

    ``event_id`` is the app's own id of the event: a second event of the same person with the same
    id is ignored, so that a batch can be sent again. ``at`` is now when left out. ``price`` is one
    unit's price in the shop's currency; ``order`` groups the lines of one order. ``agent`` is the
    browser's user agent: the event of a known bot is dropped, and the agent never stored.
    ``device`` is the app's id of the device: choices made on it alone count when it is settled what
    the event may be kept for. It is not stored with the event.
    ``decision`` is that of the page after which it was done: the page's slot and model version are
    kept with the event, and the token is not.

    A ``cancel`` undoes a purchase as if it had not been made; it names the order, and without an
    ``item`` it is about all of it. A ``return`` says that units came back; with an ``order`` it
    counts against that order only. Either may come in before the purchase does.

    Stability: stable.
    """

    subject: Id = Field(repr=False)
    kind: EventKind
    item: Id | None = Field(default=None, repr=False, validate_default=True)
    at: Moment | None = Field(default=None, repr=False)
    event_id: Id | None = Field(default=None, repr=False)
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, repr=False), Number] = 1
    price: Price | None = Field(default=None, repr=False)
    order: Id | None = Field(default=None, repr=False, validate_default=True)
    agent: str | None = Field(default=None, repr=False, strict=True)
    device: Id | None = Field(default=None, repr=False)
    decision: str | None = Field(default=None, repr=False, strict=True, max_length=MAX_TOKEN_CHARS)

    @field_validator("item")
    @classmethod
    def _names_its_item(cls, item: str | None, info: ValidationInfo) -> str | None:
        if item is None and info.data.get("kind", EventKind.CANCEL) is not EventKind.CANCEL:
            raise PydanticCustomError("no_item", "a value; it is missing")
        return item

    @field_validator("order")
    @classmethod
    def _names_its_order(cls, order: str | None, info: ValidationInfo) -> str | None:
        if order is None and info.data.get("kind") is EventKind.CANCEL:
            raise PydanticCustomError("no_order", "the order that is cancelled; it is missing")
        return order


_VERBS = {
    EventKind.VIEW: "looked at",
    EventKind.CART: "put in your basket",
    EventKind.PURCHASE: "bought",
    EventKind.RETURN: "returned",
    EventKind.LIKE: "liked",
    EventKind.HIDE: "hid",
    EventKind.CANCEL: "cancelled",
}


def describe_kind(kind: EventKind) -> str:
    """The verb of a reason: ``because you <verb> …``."""
    return _VERBS[kind]
