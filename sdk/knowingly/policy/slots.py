"""``[slots]``: what a place on a page shows, in which order."""

from datetime import date
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from knowingly.policy.expression import MAX_CHARS, checked
from knowingly.policy.section import Days, Section, Slug, Switch, Whole, without_repeats

Exclusion = Literal["seen", "bought", "basket", "out_of_stock", "hidden"]
Weight = Annotated[float, Field(strict=True, gt=0, le=1_000_000, allow_inf_nan=False)]
Where = Annotated[str, Field(min_length=1, max_length=MAX_CHARS), AfterValidator(checked)]
"""An expression over what an item is, such as ``price <= 30 and "vegan" in tags``."""
WITHOUT_SCORES = frozenset({"bestsellers", "catalog"})
"""Sources that give an order and no scores, so that nothing can be blended with them."""
BUILT_IN = WITHOUT_SCORES | {"buy_again"}
"""Sources that are no algorithms: nothing is trained for them, and no plugin may take their names.
"""


def _without_catalog(values: tuple["Step", ...]) -> tuple["Step", ...]:
    if "catalog" in values[:-1]:
        raise PydanticCustomError("catalog", "catalog always comes last: leave it out here")
    return values[:-1] if values[-1:] == ("catalog",) else values


def _with_scores(members: dict[str, float]) -> dict[str, float]:
    for name in WITHOUT_SCORES & members.keys():
        raise PydanticCustomError(
            "blend", f"{name} has an order and no scores: write it as a step of its own"
        )
    return members


class Blend(Section):
    """Several algorithms asked together, as one step of a slot."""

    blend: Annotated[
        dict[Slug, Weight], Field(min_length=1, max_length=10), AfterValidator(_with_scores)
    ]
    """The algorithms, each with its weight."""
    by: Literal["score", "rank"] = "score"
    """What is added up: each algorithm's scores, made comparable for the person, or its ranks."""
    candidates: Annotated[Whole, Field(ge=1, le=10_000)] = 200
    """How many items each algorithm puts forward."""


class Boost(Section):
    """Items whose scores are multiplied."""

    where: Where
    """Which items: an expression like that of the slot."""
    factor: Annotated[float, Field(strict=True, gt=0, le=1_000, allow_inf_nan=False)]
    """Above 1 they come sooner, below 1 later."""


class Pin(Section):
    """An item that the shop puts in a place by itself."""

    item: Annotated[str, Field(min_length=1, max_length=200)]
    """Its id, or that of a variant."""
    position: Annotated[Whole, Field(ge=1, le=100)] = 1
    """Its place on the page, from 1; the next free one where two want the same."""
    first_day: date | None = None
    """From this day on (UTC); left out, at once."""
    last_day: date | None = None
    """To the end of this day (UTC); left out, for ever."""

    @model_validator(mode="after")
    def _has_a_day(self) -> Self:
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise PydanticCustomError(
                "misfit",
                "last_day is before first_day: write {day} or later, or leave one out",
                {"day": self.first_day.isoformat()},
            )
        return self


class Diversity(Section):
    """What keeps a page from being all of one kind."""

    by: Literal["items", "person"]
    """`"items"`: unlike each other; `"person"`: in the mix of categories they chose before."""
    strength: Annotated[float, Field(strict=True, gt=0, lt=1, allow_inf_nan=False)] = 0.3
    """How much that counts against the score, between 0 and 1."""
    pool: Annotated[Whole, Field(ge=2, le=500)] = 100
    """Among how many of the best items it chooses."""


STEP_KINDS = ("{name}", "{blend}")
"""What pydantic calls the two kinds of step where it says which of them was wrong."""


def _step_kind(value: object) -> str:
    return STEP_KINDS[isinstance(value, dict | Blend)]


Step = Annotated[
    Annotated[Slug, Tag(STEP_KINDS[0])] | Annotated[Blend, Tag(STEP_KINDS[1])],
    Discriminator(_step_kind),
]


class Slot(Section):
    """A place on a page: the algorithms tried in turn, and what is left out."""

    algorithms: Annotated[tuple[Step, ...], Field(max_length=20), AfterValidator(_without_catalog)]
    """Tried in turn, each filling what the last left open; a table of `blend` is several asked
    together. The catalogue comes last, always."""
    exclude: Annotated[tuple[Exclusion, ...], AfterValidator(without_repeats)] = (
        "basket",
        "bought",
        "hidden",
        "out_of_stock",
    )
    """What is not shown."""
    bought_within_days: Days | None = None
    """Where bought items are left out: only those bought within so many days; left out, all."""
    where: Where | None = None
    """Only items of which this is true, such as `'price <= 30 and "vegan" in tags'`."""
    boosts: Annotated[tuple[Boost, ...], Field(max_length=20)] = ()
    """Items whose scores are multiplied; each a table of `where` and `factor`."""
    pins: Annotated[tuple[Pin, ...], Field(max_length=50)] = ()
    """Items put in a place by themselves; each a table of `item`, and `position` and days."""
    max_per_brand: Annotated[Whole, Field(ge=1, le=100)] | None = None
    """At most so many items of one brand, pins counted; left out, any number."""
    max_per_category: Annotated[Whole, Field(ge=1, le=100)] | None = None
    """At most so many items that share a category, pins counted; left out, any number."""
    diversify: Diversity | None = None
    """What keeps the page from being all of one kind: a table of `by`, `strength` and `pool`."""
    contextual: Switch = True
    """Whether the page's item and basket may be used for people without a profile; for those who
    agreed, they are."""
    max_history_events: Annotated[Whole, Field(ge=1, le=10_000)] = 500
    """How far back a page looks."""
    k: Annotated[Whole, Field(ge=1, le=100)] = 10
    """How many items."""

    @cached_property
    def looks_at_items(self) -> bool:
        """Whether any rule asks what an item is, beyond what the catalogue in memory holds."""
        capped = self.max_per_brand is not None or self.max_per_category is not None
        return bool(self.where or self.boosts or self.diversify or capped)

    @property
    def algorithm_names(self) -> list[str]:
        """Every algorithm it asks, in order."""
        return [
            name
            for step in self.algorithms
            for name in ([step] if isinstance(step, str) else step.blend)
        ]


def default_slots() -> dict[str, Slot]:
    """The places every shop has.

    The blend of ``home`` names more than a shop trains by itself: it is of those that are there,
    and of ``item_item`` alone until another is named in ``[models.algorithms]``.
    """
    best = Blend(
        blend={
            "ease": 1.0,
            "item_item": 0.5,
            "spectral": 0.5,
            "lightfm_hybrid": 0.5,
            "popular_in_category": 0.2,
        }
    )
    return {
        "home": Slot(algorithms=(best, "popularity", "bestsellers")),
        "product": Slot(algorithms=("item_item", "content", "popularity", "bestsellers")),
        "cart": Slot(algorithms=("item_item", "bestsellers")),
        "bought-together": Slot(algorithms=("bought_together", "item_item", "bestsellers"), k=4),
        "trending": Slot(algorithms=("trending", "popularity", "bestsellers")),
    }
