"""What each person's choices allow to be kept, remembered while nobody chooses anything new.

A bulk import asks about the same people again and again. Every choice is a ledger entry, so the
size of the log, read under the writer's lock, says whether anything can have changed, and the
entries since say for whom. A permission that runs out by itself is remembered until then. What is
allowed on a device is asked and remembered only where the person chose something on it alone.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from knowingly.domain.consent import DEVICE, Action, ConsentRecord
from knowingly.store import consents
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy

KEPT_PEOPLE = 200_000
OnDevice = tuple[int, str]
"""A person, and the scope of a device of theirs."""
_EVER_US = 2**63 - 1


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
    until_us = min(_ends(tenancy, records, now_us), default=_EVER_US)
    return Permission(
        tuple(allowed),
        reason if not allowed else "before_consent",
        now_us,
        until_us,
        newest_us=max((since_us for _, since_us in allowed), default=0),
        full_mask=sum(mask for mask, _ in allowed),
        past_mask=past_mask,
        first_us=min((min(one.at_us, one.received_us) for one in records), default=_EVER_US),
        devices=frozenset(one.scope for one in records if one.scope.startswith(DEVICE)),
    )


def _ends(tenancy: Tenancy, records: Iterable[ConsentRecord], now_us: int) -> Iterable[int]:
    """The moments still to come at which a grant or a signal runs out, or a signal's date comes."""
    rules, stale_us = tenancy.policy.rules.purposes, tenancy.policy.rules.stale_us
    for record in records:
        rule = rules.get(record.purpose)
        if record.action is Action.SIGNAL_ALLOW:
            turns = (record.at_us - tenancy.skew_us, record.at_us + stale_us)
            yield from (turn_us for turn_us in turns if turn_us >= now_us)
        if record.action is Action.GRANT and rule is not None and rule.valid_us is not None:
            end_us = min(record.at_us, record.received_us) + rule.valid_us
            if end_us >= now_us:
                yield end_us


class Permissions:
    """The permissions of one tenant's people; used under the writer's lock only."""

    def __init__(self) -> None:
        self._log_size = 0
        self._kept: dict[int, Permission] = {}
        self._on_device: dict[int, dict[str, Permission]] = {}

    def of(
        self, tenancy: Tenancy, tx: Tx, people: Sequence[int], now_us: int
    ) -> dict[int, Permission]:
        """The permissions of people who were known before this transaction."""
        self._drop_changed(tx)
        found = {}
        unknown = []
        for subject in people:
            kept = self._kept.get(subject)
            if kept is not None and kept.from_us <= now_us < kept.until_us:
                found[subject] = kept
            else:
                unknown.append(subject)
        for subject, records in consents.of_many(tx, unknown).items():
            found[subject] = permission(tenancy, records, now_us)
        if len(self._kept) + len(unknown) > KEPT_PEOPLE:
            self._kept.clear()
        self._kept.update(found)
        return found

    def on_devices(
        self, tenancy: Tenancy, tx: Tx, asked: Collection[OnDevice], now_us: int
    ) -> dict[OnDevice, Permission]:
        """The permissions of people on devices on which they chose something."""
        self._drop_changed(tx)
        found = {}
        unknown = []
        for subject, scope in asked:
            kept = self._on_device.get(subject, {}).get(scope)
            if kept is not None and kept.from_us <= now_us < kept.until_us:
                found[subject, scope] = kept
            else:
                unknown.append((subject, scope))
        records = consents.of_many(tx, list({subject for subject, _ in unknown}))
        if len(self._on_device) + len(records) > KEPT_PEOPLE:
            self._on_device.clear()
        for subject, scope in unknown:
            fresh = permission(tenancy, records[subject], now_us, scope=scope)
            self._on_device.setdefault(subject, {})[scope] = fresh
            found[subject, scope] = fresh
        return found

    def _drop_changed(self, tx: Tx) -> None:
        size = tx.head.ledger_size
        if size < self._log_size:
            # An older copy of the data was put in place: nothing remembered can be trusted.
            self._kept.clear()
            self._on_device.clear()
        elif size > self._log_size and (self._kept or self._on_device):
            for subject in consents.changed_since(tx, self._log_size):
                self._kept.pop(subject, None)
                self._on_device.pop(subject, None)
        self._log_size = size
