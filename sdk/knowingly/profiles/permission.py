"""What the choices of one person allow to be kept, until when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowingly.domain.consent import DEVICE, Action, ConsentRecord
from knowingly.tenancy import Tenancy

EVER_US = 2**63 - 1
_DATED = (Action.SIGNAL_ALLOW, Action.SIGNAL_REFUSE)
"""Signals that are heard for a while; one that refuses says no after that for another reason."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What one person's choices allow to be kept: ``(mask, since)`` for each purpose allowed.

    It holds for ``[from_us, until_us)``. An event since ``newest_us`` may be kept for all of
    ``full_mask``. ``reason`` is why an event that no purpose may keep is dropped. An order before
    ``first_us``, the person's first choice, may be kept for ``past_mask``. ``devices`` are
    the scopes of those for which they have chosen something apart.
    """

    allowed: tuple[tuple[int, int], ...]
    reason: str
    from_us: int
    until_us: int
    newest_us: int
    full_mask: int
    past_mask: int
    first_us: int
    devices: frozenset[str]

    def mask(self, at_us: int) -> int:
        """The purposes that an event of this time may be kept for."""
        if at_us >= self.newest_us:
            return self.full_mask
        mask = 0
        for bit, since_us in self.allowed:
            if at_us >= since_us:
                mask |= bit
        return mask

    def later(self, by_us: int) -> "Permission":
        """That of somebody who chose the same so much later, in one act as this one did."""
        allowed = tuple((mask, since_us and since_us + by_us) for mask, since_us in self.allowed)
        return Permission(
            allowed,
            self.reason,
            self.from_us + by_us,
            self.until_us if self.until_us == EVER_US else self.until_us + by_us,
            self.newest_us and self.newest_us + by_us,
            self.full_mask,
            self.past_mask,
            self.first_us + by_us,
            self.devices,
        )


def permission(
    tenancy: Tenancy,
    records: Sequence[ConsentRecord],
    now_us: int,
    *,
    scope: str | None = None,
) -> Permission:
    """What these choices of one person allow now; with ``scope``, on that device."""
    allowed = []
    reason = ""
    past_mask = 0
    for purpose, mask in tenancy.masks.items():
        decision = tenancy.decide(purpose, records, at_us=now_us, scope=scope)
        if decision.allowed:
            allowed.append((mask, decision.since_us))
        elif not reason:
            reason = decision.reason
        if decision.since_us or decision.reason == "no_record":
            past_mask |= tenancy.past_mask(purpose)
    until_us = min(_ends(tenancy, records, now_us), default=EVER_US)
    return Permission(
        tuple(allowed),
        reason if not allowed else "before_consent",
        now_us,
        until_us,
        newest_us=max((since_us for _, since_us in allowed), default=0),
        full_mask=sum(mask for mask, _ in allowed),
        past_mask=past_mask,
        first_us=min((min(one.at_us, one.received_us) for one in records), default=EVER_US),
        devices=frozenset(one.scope for one in records if one.scope.startswith(DEVICE)),
    )


def _ends(tenancy: Tenancy, records: Iterable[ConsentRecord], now_us: int) -> Iterable[int]:
    """The moments still to come at which a grant or a signal runs out, or a signal's date comes."""
    rules, stale_us = tenancy.policy.rules.purposes, tenancy.policy.rules.stale_us
    for record in records:
        rule = rules.get(record.purpose)
        if record.action in _DATED:
            turns = (record.at_us - tenancy.skew_us, record.at_us + stale_us)
            yield from (turn_us for turn_us in turns if turn_us >= now_us)
        if record.action is Action.GRANT and rule is not None and rule.valid_us is not None:
            end_us = min(record.at_us, record.received_us) + rule.valid_us
            if end_us >= now_us:
                yield end_us
