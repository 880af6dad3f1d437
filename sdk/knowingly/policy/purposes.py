"""``[purposes.<id>]`` and ``[age]``: what data is used for, and from which age people may agree."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from knowingly.policy.data import Category
from knowingly.policy.section import (
    MAX_DAYS,
    Days,
    Line,
    Section,
    Slug,
    Switch,
    Whole,
    without_repeats,
)

MAX_PURPOSES = 60
"""The purposes of an event are stored as the bits of one 64-bit integer."""

DPV: Mapping[str, tuple[str, ...]] = {
    "personalize": ("ProvideProductRecommendations", "ServicePersonalisation"),
    "train": ("ServiceOptimisation",),
    "measure": ("ServiceOptimisation",),
    "marketing": ("DirectMarketing", "ProvidePersonalisedRecommendations"),
    "share": ("SellDataToThirdParties", "TargetedAdvertising"),
}
"""The terms of the five purposes in the W3C's Data Privacy Vocabulary, 2.3."""

AGES: Mapping[str, int] = {
    "default": 16,
    **dict.fromkeys(("BE", "FI", "GB", "SE", "US"), 13),
    **dict.fromkeys(("AT", "ES", "IT"), 14),
    **dict.fromkeys(("CZ", "FR"), 15),
    **dict.fromkeys(("DE", "IE", "NL", "SK"), 16),
}
"""From which age people may agree by themselves (GDPR art. 8, COPPA); the default is the strictest.

Source: Bird & Bird, GDPR tracker, "Children online"; a country it leaves open stands at 16.
"""

Basis = Literal["consent", "contract", "legitimate_interest", "legal_obligation"]


def _never(value: object) -> object:
    # TOML has no null, and leaving the key out means the default.
    return None if value == "never" else value


def _over_the_shipped(value: object) -> object:
    return {**AGES, **value} if isinstance(value, Mapping) else value


DaysOrNever = Annotated[
    Days | None,
    BeforeValidator(_never),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_DAYS},
                {"const": "never"},
            ]
        }
    ),
]
DpvTerm = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]{1,79}$")]
Years = Annotated[int, Field(strict=True, ge=0, le=99)]
AgeKey = Annotated[str, StringConstraints(pattern=r"^(default|[A-Z]{2}(-[A-Z0-9]{1,3})?)$")]
Ages = Annotated[dict[AgeKey, Years], BeforeValidator(_over_the_shipped)]
"""A shop's own lines stand over those that ship, so that leaving one out never lowers an age."""


class Purpose(Section):
    """What data may be used for, on what basis, whose it becomes, and for how long."""

    title: Line
    """What it is called."""
    description: Line
    """What is done, in a sentence a customer understands."""
    version: Annotated[Whole, Field(ge=1, le=1_000_000)] = 1
    """Raise it when the purpose widens in a way that no other line here says."""
    basis: Basis = "consent"
    """The lawful basis (GDPR art. 6)."""
    dpv: Annotated[tuple[DpvTerm, ...], Field(max_length=10), AfterValidator(without_repeats)] = ()
    """Its terms in the W3C's Data Privacy Vocabulary; the five purposes have theirs."""
    data: Annotated[
        tuple[Category, ...], Field(min_length=1, max_length=7), AfterValidator(without_repeats)
    ] = ("behaviour", "purchase")
    """The categories of data it uses; those of the fields that name it in `[data]` count too."""
    recipients: Annotated[
        tuple[Slug, ...], Field(max_length=60), AfterValidator(without_repeats)
    ] = ()
    """Who else is given the data: ids of `[recipients]`."""
    valid_days: DaysOrNever = 395
    """A yes is asked for again after this long; `"never"` if it does not age."""
    keep_days: Days = 730
    """Events older than this are deleted."""
    minimum_age: Years | None = None
    """The age a person needs to agree by themselves, where it is above that of `[age]`."""
    enabled: Switch = True
    """`false` prohibits the purpose, whatever anybody agreed to."""


def with_terms(purposes: object) -> object:
    """The purposes as written, the five with their terms where none are given."""
    if not isinstance(purposes, Mapping):
        return purposes
    return {
        name: {"dpv": DPV[name], **said} if name in DPV and isinstance(said, Mapping) else said
        for name, said in purposes.items()
    }


def age_in(ages: Mapping[str, int], jurisdiction: str | None) -> int:
    """The age of a jurisdiction, or of the country it is a part of, or the default."""
    country = (jurisdiction or "").partition("-")[0]
    return ages.get(jurisdiction or "", ages.get(country, ages["default"]))
