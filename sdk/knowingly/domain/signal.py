"""Signals: what a banner or browser said, in its standard's words and then in the shop's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from knowingly.errors import InputError

DEVICE = "device"
"""The scope of what a browser says: it speaks for itself, and not for an account."""

MAX_RAW_CHARS = 16_384
"""The longest raw value that is read or kept; browsers send no cookie longer than a quarter."""

MAX_PROBLEM_CHARS = 200
"""The longest reason why a value could not be understood."""

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


def check_signal(signal: object) -> Signal:
    """A signal whose parts are of the kinds they should be, as an app can make one itself.

    Raises:
        InputError: It is none.
    """
    if not isinstance(signal, Signal):
        raise InputError("signals", "a list of signals")
    if not isinstance(signal.source, str):
        raise InputError("signals", "a source that is text")
    for purposes in (signal.allows, signal.refuses, signal.objects):
        if not isinstance(purposes, (frozenset, set)):
            raise InputError("signals", "sets of purposes that are allowed and refused")
        for purpose in purposes:
            if not isinstance(purpose, str):
                raise InputError("signals", "names of purposes that are allowed and refused")
    return signal


@dataclass(frozen=True, slots=True)
class SignalContext:
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

    ``answers`` has each term with its answer, ``"yes"``, ``"no"`` or ``""``; a term that is missing
    says nothing either. ``at`` is when the person decided, if the value tells. ``parts`` are values
    of other standards found inside, by the source that decodes them.

    Stability: plugin.
    """

    answers: Mapping[str, str]
    at: datetime | None = None
    parts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
