"""Retention: events lose the purposes that may not use them any more; those left with none go.

Purposes end in three ways without a new choice: a permission runs out or a new policy asks for
another one, a purpose's days are over, a purpose is retired. Models forget first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowingly.domain.consent import Action, ConsentRecord
from knowingly.domain.moments import DAY_US, day_of
from knowingly.ledger import log
from knowingly.recommend.forgetting import Algorithms, forget
from knowingly.recommend.gather import PURPOSE as TRAIN
from knowingly.recommend.registry import Registry
from knowingly.store import consents, events, models, subjects
from knowingly.store.batches import batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy, past_name

LAPSED = frozenset({"expired", "reconsent", "prohibited"})
"""Reasons that come about without a new choice, for people who made one."""

_EVER = 10_000_000
_PEOPLE_PER_TRANSACTION = 200


@dataclass(frozen=True, slots=True)
class Retained:
    """What one run did. ``late`` people's events stayed longer than the policy's deadline."""

    expired: int
    deleted: int
    tombstones: int
    late: int
    models_hold_expired: bool


class Retention:
    """The retention job of one tenant."""

    def __init__(self, tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms

    def run(self) -> Retained:
        """Take purposes away, delete what has none, and drop old tombstones."""
        now_us = self._tenancy.now_us()
        expired = self._lapse(now_us)
        with self._tenancy.write() as tx:
            expired += self._never_asked(tx)
            held = not self._models_left(tx, now_us)
            expired += self._too_old(tx, now_us, but=TRAIN if held else None)
            expired += self._retired(tx)
            late = self._late(tx, now_us)
            deleted = events.delete_unusable(tx)
            tombstones = subjects.drop_tombstones(tx, now_us)
            if expired or deleted or tombstones:
                facts = {
                    "events_expired": expired,
                    "events_deleted": deleted,
                    "tombstones_dropped": tombstones,
                }
                seal = self._tenancy.keyring.operator.seal
                log.append(tx, "retention.run", at_us=now_us, seal=seal, facts=facts)
        return Retained(expired, deleted, tombstones, late, held)

    def _lapse(self, now_us: int) -> int:
        """People whose permission ran out, or whom models have learned from on none."""
        with self._tenancy.read() as snapshot:
            known = consents.everyone(snapshot)
            learned = self._learned_from(snapshot)
            lapsed = [
                person
                for person in subjects.everyone(snapshot)
                if person.state == ACTIVE
                and self._is_lapsed(person, known.get(person.subject, ()), learned, now_us)
            ]
        stripped = 0
        for chunk in batched(lapsed, _PEOPLE_PER_TRANSACTION):
            with self._tenancy.write() as tx:
                done = [self._lapse_one(tx, person, now_us) for person in chunk]
                facts = {
                    "people": len(done),
                    "events_expired": sum(events for events, _ in done),
                    "models_forgot": sum(forgot for _, forgot in done),
                }
                seal = self._tenancy.keyring.operator.seal
                log.append(tx, "retention.lapsed", at_us=now_us, seal=seal, facts=facts)
            stripped += facts["events_expired"]
        return stripped

    def _learned_from(self, snapshot: Snapshot) -> set[int]:
        training = snapshot.head.training
        return models.learned_from(snapshot, training) if training is not None else set()

    def _is_lapsed(
        self,
        person: SubjectRow,
        records: Sequence[ConsentRecord],
        learned: set[int],
        now_us: int,
    ) -> bool:
        if self._lapsed(records, now_us):
            return True
        taught = person.subject in learned
        return taught and not self._tenancy.decide(TRAIN, records, at_us=now_us).allowed

    def _lapsed(self, records: Iterable[ConsentRecord], now_us: int) -> int:
        """The purposes, as a mask, that this person's choices allowed and now do not."""
        mask, choices = 0, list(records)
        for name in self._tenancy.policy.purposes:
            decision = self._tenancy.decide(name, choices, at_us=now_us)
            mask |= self._tenancy.every_mask(name) if decision.reason in LAPSED else 0
        return mask

    def _lapse_one(self, tx: Tx, person: SubjectRow, now_us: int) -> tuple[int, int]:
        """How many events lost a purpose, and how many models forgot."""
        current = subjects.number(tx, person.subject)
        if current is None or current.state != ACTIVE:
            return 0, 0
        records = consents.of(tx, person.subject)
        forgot: dict[str, str] = {}
        if not self._tenancy.decide(TRAIN, records, at_us=now_us).allowed:
            forgot = forget(self._tenancy, self._registry, self._algorithms, tx, current)
        mask = self._lapsed(records, now_us)
        return events.strip(tx, person.subject, mask) if mask else 0, len(forgot)

    def _never_asked(self, tx: Tx) -> int:
        """Events kept on another basis, of a purpose that needs consent by now."""
        return sum(
            events.strip_unasked(tx, self._tenancy.masks[name], name)
            for name, purpose in self._tenancy.policy.purposes.items()
            if purpose.basis == "consent"
        )

    def _models_left(self, tx: Tx, now_us: int) -> bool:
        """Whether no model has learned from events that are too old by now."""
        training, purpose = models.training(tx), self._tenancy.policy.purposes.get(TRAIN)
        if training is None or purpose is None:
            return True
        return bool(training.oldest_day >= day_of(now_us - purpose.keep_days * DAY_US))

    def _too_old(self, tx: Tx, now_us: int, *, but: str | None) -> int:
        return sum(
            events.strip_old(
                tx,
                self._tenancy.every_mask(name),
                before_day=day_of(now_us - purpose.keep_days * DAY_US),
            )
            for name, purpose in self._tenancy.policy.purposes.items()
            if name != but
        )

    def _retired(self, tx: Tx) -> int:
        """Purposes that the policy does not declare any more, also those of past orders."""
        policy = self._tenancy.policy
        declared = {*policy.purposes, *map(past_name, policy.intake.past_orders.purposes)}
        return sum(
            events.strip_old(tx, mask, before_day=_EVER)
            for name, mask in events.bits(tx).items()
            if name not in declared
        )

    def _late(self, tx: Tx, now_us: int) -> int:
        """People who said no so long ago that their events should be gone by now."""
        days = self._tenancy.policy.erasure.delete_within_days
        records = consents.of_many(tx, events.people_with_unusable(tx))
        refusals = (
            [one.received_us for one in known if one.action is not Action.GRANT]
            for known in records.values()
        )
        return sum(now_us - max(moments, default=now_us) > days * DAY_US for moments in refusals)
