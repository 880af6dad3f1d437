"""Choices, signals and decisions."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from knowingly.domain.signal import Signal as Signal  # noqa: PLC0414 - its first home

ACCOUNT = "account"
"""The scope of a choice made by a person who is signed in."""


class Action(StrEnum):
    """What a person chose, or what holds for them."""

    GRANT = "grant"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    OBJECT = "object"
    RESTRICT = "restrict"
    UNRESTRICT = "unrestrict"


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One choice about one purpose, as it stands in the log.

    ``at_us`` is when the person chose, ``received_us`` when the shop recorded it (both microseconds
    since 1970, UTC); ``index`` is the ledger entry. ``scope`` is ``"account"`` or ``"device:…"``.
    """

    purpose: str
    action: Action
    at_us: int
    received_us: int
    index: int
    notice: str | None = None
    scope: str = ACCOUNT


@dataclass(frozen=True, slots=True)
class Decision:
    """Allow or deny for one person, purpose and time, with the reason and what it rests on.

    ``since_us`` is the moment from which the permission has held without a break (0 where it does
    not rest on a choice): an event older than that may not be used under it. ``rests_on`` are
    ledger indices.

    Stability: stable.
    """

    purpose: str
    allowed: bool
    reason: str
    at_us: int
    since_us: int = 0
    rests_on: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a person can be handed after a choice: it names the ledger entry, and no person.

    ``leaf_hash`` is the RFC 6962 leaf hash of the entry, hex; ``handle`` the entry's random name.

    Stability: stable.
    """

    index: int
    handle: str
    leaf_hash: str
    action: Action
    purposes: tuple[str, ...]
    at: datetime
    notice: str | None = None
    effects: dict[str, int] = field(default_factory=dict)
