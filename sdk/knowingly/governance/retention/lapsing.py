"""People whose permission ran out: their rows lose the purpose, and models what they taught."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from knowingly.domain.consent import ACCOUNT, DEVICE, Action, ConsentRecord, Decision
from knowingly.domain.moments import day_of
from knowingly.governance.retention.tally import Tally
from knowingly.ledger import log
from knowingly.profiles.scan import Person
from knowingly.recommend.registry.serving import Registry
from knowingly.recommend.training.forgetting import Algorithms, forget_many
from knowingly.recommend.training.gather import PURPOSE as TRAIN
from knowingly.recommend.training.preparing import prepare_for
from knowingly.recommend.training.refitting import was_put_off
from knowingly.recommend.training.undoing import forget_undone
from knowingly.store import consents, kept, subjects
from knowingly.store.doors import Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

LAPSED = frozenset({"expired", "reconsent", "prohibited", "stale_signal"})
"""Reasons that come about without a new choice, for people who made one."""


class Lapsing:
    """Takes from people what their choices allowed once and do not any more."""

    def __init__(self, tenancy: Tenancy, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._algorithms = algorithms

    def has_lapsed(
        self,
        person: SubjectRow,
        records: Sequence[ConsentRecord],
        taught: Collection[int],
        now_us: int,
    ) -> bool:
        """Whether a person's permission ran out, or models learned from them on none.

        ``taught`` are those whom models have learned from.
        """
        if person.state != ACTIVE:
            return False
        if self._lapsed(records, now_us) or any(self._shortened(records, now_us)):
            return True
        return person.subject in taught and not self._may_teach(records, now_us)

    def prepare(self, people: Sequence[Person], registry: Registry, now_us: int) -> None:
        """Let models get ready to forget those of these people that they may not hold any more."""
        unlearn = [
            person.subject for person, records in people if not self._may_teach(records, now_us)
        ]
        prepare_for(self._tenancy, registry, self._algorithms, unlearn)

    def lapse(
        self,
        tx: Tx,
        people: Sequence[Person],
        registry: Registry,
        now_us: int,
        tally: Tally,
    ) -> None:
        """Take it from these people, whatever became of them since they were looked at."""
        before = Counter(tally.expired)
        current = subjects.numbered(tx, [person.subject for person, _ in people])
        active = [person for person in current if person.state == ACTIVE]
        records = consents.of_many(tx, [person.subject for person in active])
        unlearn = [
            person
            for person in active
            if not self._may_teach(records.get(person.subject, ()), now_us)
        ]
        outcomes = forget_many(self._tenancy, registry, self._algorithms, tx, unlearn)
        shorter = [
            person.subject
            for person in active
            if self._strip(tx, person, records.get(person.subject, ()), now_us, tally)
        ]
        undone = forget_undone(self._tenancy, registry, self._algorithms, tx, shorter)
        became = [*outcomes.values(), undone]
        forgot = sum(len(one) - was_put_off(one.values()) for one in became)
        tally.models_forgot += forgot
        facts = {
            "people": len(people),
            "events_expired": tally.expired["events", "lapsed"] - before["events", "lapsed"],
            "traits_expired": tally.expired["traits", "lapsed"] - before["traits", "lapsed"],
            "models_forgot": forgot,
        }
        # Those whose permission ran out long ago are looked at each time, and lose nothing more.
        if any(number for name, number in facts.items() if name != "people"):
            seal = self._tenancy.keyring.operator.seal
            log.append(tx, "retention.lapsed", at_us=now_us, seal=seal, facts=facts)

    def _may_teach(self, records: Sequence[ConsentRecord], now_us: int) -> bool:
        return self._tenancy.decide(TRAIN, records, at_us=now_us).allowed

    def _lapsed(self, records: Iterable[ConsentRecord], now_us: int) -> int:
        """The purposes, as a mask, that this person's choices allowed and now do not."""
        mask, choices = 0, list(records)
        for name in self._tenancy.policy.purposes:
            decision = self._tenancy.decide_anywhere(name, choices, at_us=now_us)
            if decision.reason in LAPSED:
                mask |= self._tenancy.every_mask(name)
            elif decision.reason == "no_record" and any(one.purpose == name for one in choices):
                # What is on record no longer allows it. A past order waits for the person's answer.
                mask |= self._tenancy.masks[name]
        return mask

    def _shortened(self, records: Sequence[ConsentRecord], now_us: int) -> Iterator[Decision]:
        """The permissions that hold, but begin later than an earlier yes did."""
        for name in self._tenancy.policy.purposes:
            decision = self._tenancy.decide_anywhere(name, records, at_us=now_us)
            if decision.since_us and _follows_another(decision, records):
                yield decision

    def _strip(
        self,
        tx: Tx,
        person: SubjectRow,
        records: Sequence[ConsentRecord],
        now_us: int,
        tally: Tally,
    ) -> bool:
        """Take from one person's rows the purposes that lapsed; whether ``train`` began later."""
        shortened = False
        if mask := self._lapsed(records, now_us):
            for table in kept.TABLES:
                tally.expired[table, "lapsed"] += kept.strip(tx, table, person.subject, mask)
        for decision in self._shortened(records, now_us):
            own, day = self._tenancy.masks[decision.purpose], day_of(decision.since_us)
            for table in kept.TABLES:
                stripped = kept.strip(tx, table, person.subject, own, before_day=day)
                tally.expired[table, "lapsed"] += stripped
            shortened |= decision.purpose == TRAIN
        return shortened


def _follows_another(decision: Decision, records: Sequence[ConsentRecord]) -> bool:
    """Whether a yes came last before the one a permission begins with: it no longer counts.

    As where a purpose was widened after both. After a no, what was kept had lost the purpose then.
    A device's permission may follow one of the account's that grew stale.
    """
    where = {one.scope for one in records if one.index in decision.rests_on}
    if any(scope.startswith(DEVICE) for scope in where):
        return True
    earlier = [
        (min(one.at_us, one.received_us), one.action is Action.GRANT)
        for one in records
        if one.purpose == decision.purpose and one.scope == ACCOUNT
    ]
    before = [one for one in earlier if one[0] < decision.since_us]
    return bool(before) and max(before)[1]
