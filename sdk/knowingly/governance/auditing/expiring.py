"""Consents that run out by themselves soon: how many people must be asked again, and by when."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from knowingly.domain.consent import DEVICE, ConsentRecord
from knowingly.domain.moments import DAY_US, from_us
from knowingly.profiles.scan import Person, in_pages
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import ACTIVE
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Expiring:
    """The consents to one purpose that run out within some days.

    ``people`` have at least one; a device's own choice is a consent beside that of the account.
    ``by_day`` counts consents by the UTC day on which they run out, and ``first`` is the earliest
    moment. ``entries`` are those of the log that gave them, by moment, at most as many as were
    asked for, of ``consents`` in all.

    Stability: stable.
    """

    purpose: str
    people: int
    consents: int
    first: datetime
    by_day: Mapping[date, int]
    entries: tuple[int, ...]


@dataclass(slots=True)
class _Found:
    """What was found of one purpose so far: days and the soonest entries, and no person."""

    limit: int
    people: int = 0
    days: Counter[date] = field(default_factory=Counter)
    soonest: list[tuple[int, int]] = field(default_factory=list)

    def add(self, ends: list[tuple[int, int]]) -> None:
        self.people += 1
        self.days.update(from_us(end_us).date() for end_us, _ in ends)
        self.soonest += ends
        # Now and then, so that what is held stays within a few times what is asked for.
        if len(self.soonest) > 4 * self.limit:
            self._cut()

    def _cut(self) -> None:
        self.soonest = sorted(self.soonest)[: self.limit]

    def result(self, purpose: str) -> Expiring:
        self._cut()
        return Expiring(
            purpose,
            self.people,
            self.days.total(),
            from_us(self.soonest[0][0]),
            dict(sorted(self.days.items())),
            tuple(index for _, index in self.soonest),
        )


def expiring(tenancy: Tenancy, snapshot: Snapshot, days: int, *, limit: int) -> list[Expiring]:
    """Consents that hold now and run out within ``days``, by purpose; a few people at a time."""
    now_us = tenancy.now_us()
    until_us = now_us + days * DAY_US
    rules = tenancy.policy.rules.purposes
    found: dict[str, _Found] = {}
    for page in in_pages(snapshot):
        for person in page:
            for purpose, rule in rules.items():
                if rule.valid_us is None:
                    continue
                ends = [
                    (end_us, index)
                    for end_us, index in _ends(tenancy, person, purpose, rule.valid_us, now_us)
                    if end_us <= until_us
                ]
                if ends:
                    found.setdefault(purpose, _Found(limit)).add(ends)
    return [found[purpose].result(purpose) for purpose in rules if purpose in found]


def _ends(
    tenancy: Tenancy, person: Person, purpose: str, valid_us: int, now_us: int
) -> Iterator[tuple[int, int]]:
    """When each consent of a person to a purpose runs out, and the entry that gave it."""
    row, records = person
    if row.state != ACTIVE:
        return
    own = {record.scope for record in records if record.scope.startswith(DEVICE)}
    by_index = {record.index: record for record in records if record.purpose == purpose}
    told: set[int] = set()
    for scope in (None, *sorted(own)):
        decision = tenancy.decide(purpose, records, at_us=now_us, scope=scope)
        if decision.reason != "granted":
            continue
        entry = max(decision.rests_on)
        # Under an account's consent a device has none of its own: it rests on the same entry.
        if entry not in told:
            told.add(entry)
            yield _moment(by_index[entry]) + valid_us, entry


def _moment(record: ConsentRecord) -> int:
    """When the validity of a choice begins: no one chose after the shop had received it."""
    return min(record.at_us, record.received_us)
