"""``[slots]``, ``[models]``, ``[aggregates]`` and ``[plugins]``: what pages show, learned how."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import PydanticCustomError

from knowingly.policy.section import Days, Section, Slug, Switch, Whole, without_repeats

Exclusion = Literal["seen", "bought", "basket", "out_of_stock", "hidden"]
Period = Literal["year", "quarter", "month"]
Epsilon = Annotated[float, Field(strict=True, ge=0.01, allow_inf_nan=False)]


def _without_catalog(values: tuple[str, ...]) -> tuple[str, ...]:
    if "catalog" in values[:-1]:
        raise PydanticCustomError("catalog", "catalog always comes last: leave it out here")
    return values[:-1] if values[-1:] == ("catalog",) else values


class Slot(Section):
    """A place on a page: the algorithms tried in turn, and what is left out."""

    algorithms: Annotated[tuple[Slug, ...], Field(max_length=20), AfterValidator(_without_catalog)]
    """Tried in turn, each filling what the last left open; the catalogue comes last, always."""
    exclude: Annotated[tuple[Exclusion, ...], AfterValidator(without_repeats)] = (
        "basket",
        "bought",
        "hidden",
        "out_of_stock",
    )
    """What is not shown."""
    contextual: Switch = True
    """Whether the page's item and basket may be used, which takes no profile."""
    max_history_events: Annotated[Whole, Field(ge=1, le=10_000)] = 500
    """How far back a page looks."""
    k: Annotated[Whole, Field(ge=1, le=100)] = 10
    """How many items."""


def _default_algorithms() -> dict[str, dict[str, JsonValue]]:
    return {"item_item": {}, "popularity": {}}


class Models(Section):
    """What is trained, and how many people must share a thing before others see it."""

    min_subjects: Annotated[Whole, Field(ge=2)] = 5
    """A pattern shown to others is shared by at least this many people."""
    min_item_subjects: Annotated[Whole, Field(ge=2)] = 5
    """An item is in a model from this many people on; not below `min_subjects`."""
    algorithms: dict[Slug, dict[str, JsonValue]] = Field(default_factory=_default_algorithms)
    """Which are trained, each with its options."""
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 0
    """The same data and seed give the same model."""


class Aggregates(Section):
    """Differentially private bestsellers, and what they may cost."""

    top: Annotated[Whole, Field(ge=1, le=200)] = 20
    """How many bestsellers."""
    epsilon: Annotated[Epsilon, Field(le=10)] = 1.0
    """The privacy loss of one release."""
    epsilon_per_period: Annotated[Epsilon, Field(le=100)] = 2.0
    """The most one person's data may lose in a period; then releases stop."""
    period: Period = "quarter"
    """How long one period of the budget is."""
    min_people: Annotated[Whole, Field(ge=1)] | None = None
    """Release nothing below this many people; left out, a rule decides."""
    refresh_days: Days = 7
    """Renew the list this often, while the budget lasts."""


class Plugins(Section):
    """Which plugins may be loaded; ``*`` is all that are installed."""

    allow: Annotated[tuple[str, ...], AfterValidator(without_repeats)] = ("*",)
    """The names of those that are trusted; they run inside your process."""


def default_slots() -> dict[str, Slot]:
    """The three places every shop has."""
    return {
        "home": Slot(algorithms=("item_item", "popularity", "bestsellers")),
        "product": Slot(algorithms=("item_item", "popularity", "bestsellers")),
        "cart": Slot(algorithms=("item_item", "bestsellers")),
    }
