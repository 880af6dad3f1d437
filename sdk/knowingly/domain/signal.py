"""Signals: what a banner or browser said, in its standard's words and then in the shop's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

DEVICE = "device"
"""The scope of what a browser says: it speaks for itself, and not for an account."""

MAX_RAW_CHARS = 16_384
"""The longest raw value that is read or kept; browsers send no cookie longer than a quarter."""

Answer = Literal["yes", "no", ""]
"""What a standard says of one of its terms; ``""`` is that it says nothing."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What a banner or browser said, normalised to purposes: evidence, not a choice.

    ``source`` names the decoder (``"gpc"``, ``"shopify"`` …), ``decoder`` that with its version.
    A purpose in none of ``allows``, ``refuses`` and ``objects`` is silent. ``objects`` are purposes
    of which this is an opt-out, as GPC is of ``share``: each is refused too. ``problem`` is set
    when the raw value could not be understood: such a signal allows nothing. ``scope`` is
    ``"device"`` or ``"account"``. ``raw`` is the value as it came, shortened to
    ``MAX_RAW_CHARS``; it can identify a browser, so it is shown nowhere and stored only sealed.

    Stability: stable.
    """

    source: str
    allows: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    at: datetime | None = None
    problem: str | None = None
    objects: frozenset[str] = frozenset()
    scope: str = DEVICE
    decoder: str = ""
    raw: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a decoder may know of the request beside the raw value.

    ``now`` is the shop's clock. ``jurisdiction`` is where the person is, such as ``"DE"`` or
    ``"US-CA"``; None where nobody knows. ``vendors`` are the IAB vendor ids of those the shop
    shares data with.

    Stability: plugin.
    """

    now: datetime
    jurisdiction: str | None = None
    vendors: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Said:
    """What a raw value says, in the words of its own standard.

    ``answers`` has each term with its answer; a term that is missing says nothing. ``at`` is when
    the person decided, if the value tells. ``parts`` are values of other standards found inside,
    by the source that decodes them.

    Stability: plugin.
    """

    answers: Mapping[str, Answer]
    at: datetime | None = None
    parts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
