"""``[intake]`` and ``[identities]``: what is believed of what comes in, and who can be found."""

from typing import Annotated

from pydantic import AfterValidator, Field

from knowingly.domain.consent import Quality
from knowingly.policy.purposes import Basis
from knowingly.policy.section import Section, Slug, Whole, not_blank, without_repeats

BotWord = Annotated[str, Field(min_length=3, max_length=100), AfterValidator(not_blank)]
"""Part of a user agent, in any case: plain text, so that no pattern can be slow."""


class PastOrders(Section):
    """On which basis orders from before a person's first choice are kept, and for what.

    They are used only while the purpose is allowed: where it rests on consent, by consent.
    """

    purposes: Annotated[tuple[Slug, ...], AfterValidator(without_repeats)] = ()
    """Kept for these, and used only while the person allows them."""
    basis: Basis | None = None
    """On which they are kept; never `"consent"`, which came later."""


class PastChoices(Section):
    """Which evidence an imported yes must have to count; a no counts whatever it has."""

    accept: Annotated[tuple[Quality, ...], AfterValidator(without_repeats)] = ("documented",)
    """A yes from another system counts with this evidence: `"documented"` has the notice, the time
    and the method; or also `"partial"`, `"asserted"`."""


class Intake(Section):
    """What is believed of what others send: clocks, who is no person, orders and choices of old."""

    clock_skew_seconds: Annotated[Whole, Field(ge=0, le=86_400)] = 300
    """How far ahead other clocks may be."""
    bots: Annotated[tuple[BotWord, ...], Field(max_length=100)] = ()
    """Parts of user agents that are no people, beside the known crawlers."""
    past_orders: PastOrders = PastOrders()
    """Orders dated before a person's first choice are dropped, unless named here."""
    past_choices: PastChoices = PastChoices()
    """Choices that are imported from another system."""


class Identities(Section):
    """The kinds of identity by which a person can be found."""

    kinds: Annotated[tuple[Slug, ...], Field(max_length=20), AfterValidator(without_repeats)] = (
        "customer_id",
        "email",
        "phone",
    )
    """Stored as keyed hashes."""
