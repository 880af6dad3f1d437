"""A thing in the shop."""

import re
import sys
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from knowingly.domain.moments import Moment
from knowingly.domain.text import MAX_TITLE_CHARS, Id, Title

MAX_PRICE = 1e12
MAX_STOCK = 1_000_000_000
MAX_VARIANTS = 2_048
MAX_IMAGE_CHARS = 2_000
MAX_NUMBER = sys.float_info.max


def no_truth(value: object) -> object:
    """Refuse true and false, which to Python are numbers: as a price they are a mistake."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "a number")
    return value


Number = BeforeValidator(no_truth)


def _without_sign(price: float) -> float:
    """A zero without a sign: one database keeps that and another does not."""
    return price + 0.0


Price = Annotated[
    float,
    Field(ge=0, le=MAX_PRICE, allow_inf_nan=False),
    Number,
    AfterValidator(_without_sign),
]

_MARKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,19}\Z")


def is_market(value: object) -> bool:
    """Whether this can be the name of a market."""
    return isinstance(value, str) and _MARKET.match(value) is not None


A_MARKET = "a market: 1 to 20 letters, digits, - and _, such as DE or eu-b2b"


def _market(value: object) -> object:
    if not is_market(value):
        raise PydanticCustomError("market", A_MARKET)
    return value


def _image(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme == "https" and bool(parts.hostname) and value.isprintable()
    except ValueError:
        good = False
    if not good or " " in value or len(value) > MAX_IMAGE_CHARS:
        raise PydanticCustomError("image", "an https URL of at most 2,000 characters")
    return value


def _attribute(value: object) -> object:
    # Rules compare numbers as real ones, which a larger integer is not.
    if isinstance(value, int | float) and -MAX_NUMBER <= value <= MAX_NUMBER:
        return value
    if isinstance(value, str) and len(value) <= MAX_TITLE_CHARS:
        return value
    raise PydanticCustomError("attribute", "text, a number, or true or false")


Market = Annotated[str, BeforeValidator(_market)]
Image = Annotated[str, Field(strict=True), AfterValidator(_image)]
Attribute = Annotated[bool | int | float | str, BeforeValidator(_attribute)]
Named = Annotated[Title, Field(min_length=1, max_length=100)]


class Variant(BaseModel, frozen=True, extra="forbid"):
    """One way to buy a product, such as a size: it stands for its product wherever it is named.

    ``options`` say what is different about it (``{"size": "M"}``). ``price`` is in the shop's own
    currency.

    Stability: stable.
    """

    id: Id
    title: Title = ""
    price: Price | None = None
    in_stock: bool = True
    options: dict[Named, Title] = Field(default_factory=dict, max_length=10)


class Item(BaseModel, frozen=True, extra="forbid"):
    """A thing in the shop.

    ``price`` is in the shop's own currency, ``prices`` are by market, in that market's own.
    ``markets`` are those it is sold in; everywhere when empty. ``published_at`` orders the
    catalogue, newest first; without it an item counts as published when it was first upserted.
    Before it, and from ``unpublished_at`` on, no page shows the item. ``stock`` are units, where
    the shop counts them: with none left, or with no variant in stock, the item is out of stock.

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
    unpublished_at: Moment | None = None
    stock: Annotated[int, Field(ge=0, le=MAX_STOCK), Number] | None = None
    prices: dict[Market, Price] = Field(default_factory=dict, max_length=250)
    markets: tuple[Market, ...] = Field(default=(), max_length=250)
    variants: tuple[Variant, ...] = Field(default=(), max_length=MAX_VARIANTS)
    images: tuple[Image, ...] = Field(default=(), max_length=250)
    tags: tuple[Title, ...] = Field(default=(), max_length=250)
    attributes: dict[Named, Attribute] = Field(default_factory=dict, max_length=100)

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        if not self.variants:
            return self
        ids = {variant.id for variant in self.variants}
        if len(ids) < len(self.variants) or self.id in ids:
            raise PydanticCustomError(
                "variants", "variants with ids of their own: no two alike, none the product's"
            )
        return self

    def can_be_bought(self) -> bool:
        """Whether any of it is in stock."""
        some = not self.variants or any(variant.in_stock for variant in self.variants)
        return self.in_stock and self.stock != 0 and some
