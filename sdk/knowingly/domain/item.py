"""A thing in the shop."""

from typing import Annotated

from pydantic import BaseModel, Field

from knowingly.domain.moments import Moment
from knowingly.domain.text import Id, Title

MAX_PRICE = 1e12
Price = Annotated[float, Field(ge=0, le=MAX_PRICE, allow_inf_nan=False)]


class Item(BaseModel, frozen=True, extra="forbid"):
    """A thing in the shop.

    ``price`` is in the shop's own currency. ``published_at`` orders the catalogue, newest first;
    without it an item counts as published when it was first upserted.

    Stability: stable.
    """

    id: Id
    title: Title = ""
    categories: tuple[Title, ...] = Field(default=(), max_length=50)
    brand: Title = ""
    price: Price | None = None
    in_stock: bool = True
    pinned: bool = Field(default=False, description="Shown first where only the catalogue is left.")
    published_at: Moment | None = None
