"""Rank the items first that people chose along with those of the history."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from knowingly import (
    Block,
    CorrectedNeighbours,
    CountedNeighbours,
    EventKind,
    ItemNeighbours,
    LiftNeighbours,
    hookimpl,
)

CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)
MEASURES: dict[str, type[ItemNeighbours]] = {
    "cosine": ItemNeighbours,
    "lift": LiftNeighbours,
    "corrected": CorrectedNeighbours,
}


class ItemItemOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``item_item`` algorithm."""

    kinds: tuple[EventKind, ...] = Field(
        CHOICES, min_length=1, description="The kinds of event that count as a choice."
    )
    measure: Literal["cosine", "lift", "corrected"] = Field(
        "corrected", description="What makes a neighbour strong; corrected is for heavy buyers."
    )
    neighbours: int = Field(100, ge=1, le=1000, description="Neighbours kept per item.")


class AlsoViewedOptions(ItemItemOptions, frozen=True, extra="forbid"):
    """Options of the ``also_viewed`` algorithm."""

    kinds: tuple[Literal[EventKind.VIEW]] = Field((EventKind.VIEW,), description="Views alone.")


class AlsoBoughtOptions(ItemItemOptions, frozen=True, extra="forbid"):
    """Options of the ``also_bought`` algorithm."""

    kinds: tuple[Literal[EventKind.PURCHASE]] = Field(
        (EventKind.PURCHASE,), description="Purchases alone."
    )


class ItemItem(CountedNeighbours[ItemItemOptions]):
    """Score an item by how often people chose it along with what the person chose."""

    name = "item_item"
    explains = "What people chose who also chose what you chose, or what is on the page."

    @property
    def keep(self) -> int:
        """As many as are asked for."""
        return self.options.neighbours

    @property
    def model(self) -> type[ItemNeighbours]:
        """The model of the measure."""
        return MEASURES[self.options.measure]

    def count(self, block: Block) -> Any:  # noqa: ANN401  # scipy's sparse arrays have no types
        """People who chose both items, one row per item."""
        return self.model.pairs(block.matrix(self.options.kinds))


class AlsoViewed(ItemItem):
    """What people looked at who looked at this: views apart from every other kind."""

    name = "also_viewed"
    explains = "What people looked at who also looked at what you did, or what is on the page."
    options_type = AlsoViewedOptions


class AlsoBought(ItemItem):
    """What people bought who bought this, at any time: purchases apart from every other kind."""

    name = "also_bought"
    explains = "What people bought who also bought what you bought, or what is on the page."
    options_type = AlsoBoughtOptions


@hookimpl
def knowingly_algorithms() -> list[type[ItemItem]]:
    """The algorithms of this module."""
    return [ItemItem, AlsoViewed, AlsoBought]
