"""An item as the columns of its row, and back.

What a hit shows stands apart from the rest, which no page reads: the catalogue in memory holds the
one and not the other.
"""

import json
from typing import Any

from knowingly.domain.item import Item
from knowingly.domain.moments import from_us, to_us

_DETAILS = ("images", "tags", "attributes", "variants", "stock")
# One encoder for every item: ``json.dumps`` makes one for each call that says how to write.
_ENCODED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def to_row(item: Item, first_us: int) -> dict[str, Any]:
    """The columns of an item that was first upserted at ``first_us``."""
    ends = item.unpublished_at
    return {
        "item_id": item.id,
        "title": item.title,
        "categories": "\n".join(item.categories),
        "brand": item.brand,
        "price": item.price,
        "in_stock": item.can_be_bought(),
        "pinned": item.pinned,
        "published_us": to_us(item.published_at) if item.published_at else first_us,
        "unpublished_us": to_us(ends) if ends else None,
        "markets": "\n".join(sorted(set(item.markets))),
        "shown": _shown(item),
        "details": _details(item),
    }


def _shown(item: Item) -> str:
    image = item.images[0] if item.images else None
    said: dict[str, Any] = {}
    if item.price is not None:
        said["price"] = item.price
    if item.prices:
        said["prices"] = item.prices
    if image is not None:
        said["image"] = image
    return _json(said)


def _details(item: Item) -> str:
    # Most catalogues are plain, and a dump of nothing takes as long as one of much.
    some = item.images or item.tags or item.attributes or item.variants
    if not some and item.stock is None:
        return ""
    whole = item.model_dump(mode="json", include=set(_DETAILS), exclude_defaults=True)
    if item.in_stock != item.can_be_bought():
        whole["in_stock"] = item.in_stock
    return _json(whole)


def _json(said: dict[str, Any]) -> str:
    return _ENCODED(said) if said else ""


def from_row(row: Any) -> Item:  # noqa: ANN401 - a row of the database, by column name
    """The item whose columns these are."""
    shown = json.loads(row.shown) if row.shown else {}
    details = json.loads(row.details) if row.details else {}
    ends = row.unpublished_us
    return Item.model_validate(
        {
            "id": row.item_id,
            "title": row.title,
            "categories": row.categories.split("\n") if row.categories else (),
            "brand": row.brand,
            "price": row.price,
            "in_stock": row.in_stock,
            "pinned": row.pinned,
            "published_at": from_us(row.published_us),
            "unpublished_at": None if ends is None else from_us(ends),
            "markets": row.markets.split("\n") if row.markets else (),
            "prices": shown.get("prices", {}),
            **details,
        }
    )
