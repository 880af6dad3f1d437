"""``maintain``: what a cron line should do, in an order that keeps the laws.

Unfinished erasures first; then training, which leaves expired events out; then the release; then
retention, which deletes only what no model still holds; last the keys that nothing uses.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from knowingly.domain.consent import ConsentRecord
from knowingly.domain.moments import DAY_US, day_of
from knowingly.errors import BudgetExhaustedError, PluginError
from knowingly.governance.aggregates import Aggregates
from knowingly.governance.erasure import Erasures
from knowingly.ledger import log
from knowingly.recommend.forgetting import Algorithms, forget
from knowingly.recommend.gather import PURPOSE as TRAIN
from knowingly.recommend.registry import Registry
from knowingly.recommend.training import Progress, Trained, train
from knowingly.store import consents, events, models, subjects
from knowingly.store.batches import batched
from knowingly.store.doors import Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

STEPS = ("erasures", "train", "release", "retention", "sweep")
LAPSED = frozenset({"expired", "reconsent", "prohibited"})
"""Reasons that come about without a new choice: by time, or by a new policy."""

_SWEEP_AFTER_US = 3_600_000_000
_EVER = 10_000_000
_PEOPLE_PER_TRANSACTION = 200


@dataclass(slots=True)
class Maintained:
    """What ``maintain`` did. ``notes`` say what was left alone and why.

    Stability: stable.
    """

    erasures_finished: int = 0
    trained: Trained | None = None
    released: bool = False
    events_expired: int = 0
    events_deleted: int = 0
    tombstones_dropped: int = 0
    keys_swept: int = 0
    notes: tuple[str, ...] = ()


class Upkeep:
    """The upkeep of one tenant."""

    def __init__(
        self,
        tenancy: Tenancy,
        registry: Registry,
        algorithms: Algorithms,
        erasures: Erasures,
        aggregates: Aggregates,
    ) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms
        self._erasures = erasures
        self._aggregates = aggregates

    def run(self, *, skip: Collection[str] = (), progress: Progress | None = None) -> Maintained:
        """Do every step but those in ``skip``; a plugin that fails to train stops no deletion."""
        done = Maintained()
        if "erasures" not in skip:
            done.erasures_finished = self._erasures.resume()
        if "train" not in skip:
            try:
                done.trained = train(self._tenancy, self._algorithms, progress=progress)
            except PluginError as error:
                done.notes += (f"not trained: {error}",)
        if "release" not in skip:
            self._release(done)
        if "retention" not in skip:
            self._retain(done)
        if "sweep" not in skip:
            done.keys_swept = self._sweep()
        return done

    def _release(self, done: Maintained) -> None:
        try:
            done.released = self._aggregates.release_bestsellers() is not None
        except BudgetExhaustedError as error:
            done.notes += (f"not released: {error}",)

    def _retain(self, done: Maintained) -> None:
        now_us = self._tenancy.now_us()
        done.events_expired += self._lapse(now_us)
        with self._tenancy.write() as tx:
            done.events_expired += self._expire(tx, now_us, done)
            done.events_deleted = events.delete_unusable(tx)
            done.tombstones_dropped = subjects.drop_tombstones(tx, now_us)
            if done.events_expired or done.events_deleted or done.tombstones_dropped:
                log.append(
                    tx,
                    "retention.run",
                    at_us=now_us,
                    seal=self._tenancy.keyring.operator.seal,
                    facts={
                        "events_expired": done.events_expired,
                        "events_deleted": done.events_deleted,
                        "tombstones_dropped": done.tombstones_dropped,
                    },
                )

    def _expire(self, tx: Tx, now_us: int, done: Maintained) -> int:
        """Take from old events the purposes whose retention is over, and those retired."""
        expired = 0
        for name, purpose in self._tenancy.policy.purposes.items():
            before_day = day_of(now_us - purpose.keep_days * DAY_US)
            if name == TRAIN and not self._models_left(tx, before_day):
                done.notes += (
                    "train: expired events wait for the next training to leave them out",
                )
                continue
            expired += events.strip_old(tx, self._tenancy.masks[name], before_day=before_day)
        for name, mask in events.bits(tx).items():
            if name not in self._tenancy.policy.purposes:
                expired += events.strip_old(tx, mask, before_day=_EVER)
        return expired

    def _models_left(self, tx: Tx, before_day: int) -> bool:
        """Whether no model has learned from events older than a day."""
        training = models.training(tx)
        return training is None or training.oldest_day >= before_day

    def _lapse(self, now_us: int) -> int:
        """Take purposes from people whose permission ran out by time or by a new policy."""
        with self._tenancy.read() as snapshot:
            known = consents.everyone(snapshot)
            people = [row for row in subjects.everyone(snapshot) if row.state == ACTIVE]
        lapsed = [
            (person, purposes)
            for person in people
            if (purposes := self._lapsed(known.get(person.subject, ()), now_us))
        ]
        stripped = 0
        for chunk in batched(lapsed, _PEOPLE_PER_TRANSACTION):
            with self._tenancy.write() as tx:
                for person, _ in chunk:
                    stripped += self._lapse_one(tx, person, now_us)
        return stripped

    def _lapsed(self, records: Sequence[ConsentRecord], now_us: int) -> list[str]:
        names = self._tenancy.policy.purposes
        decisions = [self._tenancy.decide(name, records, at_us=now_us) for name in names]
        return [one.purpose for one in decisions if one.reason in LAPSED]

    def _lapse_one(self, tx: Tx, person: SubjectRow, now_us: int) -> int:
        current = subjects.number(tx, person.subject)
        if current is None or current.state != ACTIVE:
            return 0
        purposes = self._lapsed(consents.of(tx, person.subject), now_us)
        mask = 0
        for name in purposes:
            mask |= self._tenancy.masks[name]
        if TRAIN in purposes:
            forget(self._tenancy, self._registry, self._algorithms, tx, current)
        return events.strip(tx, person.subject, mask) if mask else 0

    def _sweep(self) -> int:
        with self._tenancy.read() as snapshot:
            used = [row.key_id for row in subjects.everyone(snapshot)]
        before_us = self._tenancy.now_us() - _SWEEP_AFTER_US
        return self._tenancy.keyring.sweep(used, before_us=before_us)
