"""``[erasure]``, ``[evidence]`` and ``[keys]``: what goes by when, and what stays how long."""

from typing import Annotated

from pydantic import Field

from knowingly.policy.section import MAX_DAYS, Days, Section, Whole


class Erasure(Section):
    """The deadlines of deletion."""

    delete_within_days: Annotated[Whole, Field(ge=0, le=365)] = 7
    """What no purpose allows any more is unreadable at once, and deleted by then."""
    tombstone_days: Days = 1_095
    """How long a keyed hash keeps an erased person from coming back by an import."""


class Evidence(Section):
    """What is kept of choices, so that the shop can answer for them."""

    keep_days_after_erasure: Annotated[Whole, Field(ge=0, le=MAX_DAYS)] = 0
    """How long evidence of a person's choices may outlive their erasure, for claims; 0 for none."""


class Keys(Section):
    """What is promised of root keys."""

    rotate_days: Days | None = None
    """Each root key is replaced and destroyed within this many days; left out, nothing is said."""
