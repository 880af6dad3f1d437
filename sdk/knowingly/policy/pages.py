"""``[models]``, ``[aggregates]`` and ``[plugins]``: what is learned, how, and by which code."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from knowingly.policy.section import Days, Section, Slug, Whole, without_repeats

Period = Literal["year", "quarter", "month"]
Epsilon = Annotated[float, Field(strict=True, ge=0.01, allow_inf_nan=False)]


def _default_algorithms() -> dict[str, dict[str, JsonValue]]:
    names = ("item_item", "popularity", "bought_together", "trending", "content")
    return {name: {} for name in names}


class Models(Section):
    """What is trained, and how many people must share a thing before others see it."""

    min_subjects: Annotated[Whole, Field(ge=2)] = 5
    """A pattern shown to others is shared by at least this many people. Models of a training under
    a lower number are not served."""
    min_item_subjects: Annotated[Whole, Field(ge=2)] = 5
    """An item is in a model from this many people on; not below `min_subjects`."""
    algorithms: dict[Slug, dict[str, JsonValue]] = Field(default_factory=_default_algorithms)
    """Which are trained, each with its options."""
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 0
    """The same data and seed give the same model."""
    keep: Annotated[Whole, Field(ge=1, le=10)] = 2
    """How many versions are kept, with the one in service: what a rollback can go back to."""
    forget: Literal["deadline", "strict"] = "deadline"
    """Of models that forget by a refit alone, once somebody is to be forgotten: `"deadline"` serves
    them for `refit_within_days` more, or until they were fitted again; `"strict"`, not at all."""
    refit_within_days: Annotated[Whole, Field(ge=1, le=30)] = 7
    """After so many days such a model is out of service until the next training."""


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
