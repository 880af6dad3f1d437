"""Retention: what is kept loses the purposes that may not use it any more; rows with none go.

Purposes end without a new choice when a permission runs out or a new policy asks for another one,
when a purpose's or a field's days are over, and when either is not declared any more. Models forget
first. A person under a legal hold loses purposes like anybody, and no row.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from knowingly.domain.consent import ACCOUNT, DEVICE, Action, ConsentRecord, Decision
from knowingly.domain.moments import DAY_US, day_of
from knowingly.governance.claims import Claims
from knowingly.ledger import log
from knowingly.policy import DataField
from knowingly.profiles.fields import Fields, mask_of
from knowingly.profiles.scan import PEOPLE_AT_ONCE, Person, page_after
from knowingly.recommend.registry.serving import Registry, Unmade
from knowingly.recommend.training.expiring import forget_expired, losing
from knowingly.recommend.training.forgetting import Algorithms, forget_many
from knowingly.recommend.training.gather import PURPOSE as TRAIN
from knowingly.recommend.training.preparing import prepare_for
from knowingly.recommend.training.refitting import was_put_off
from knowingly.recommend.training.turns import at_once
from knowingly.recommend.training.undoing import forget_undone
from knowingly.store import claims, consents, events, holds, kept, models, subjects, traits
from knowingly.store.batches import batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy, past_name

LAPSED = frozenset({"expired", "reconsent", "prohibited", "stale_signal"})
"""Reasons that come about without a new choice, for people who made one."""

_EVER = 10_000_000
_EVERYBODY = 2**62
_PEOPLE_PER_TRANSACTION = 200


@dataclass(frozen=True, slots=True)
class Retained:
    """What a retention run did, or would do.

    ``expired`` counts rows that lost a purpose, by what they are (``events``, ``traits``, or
    ``traits.<field>``) and why: ``lapsed`` permission, ``never_asked``, ``too_old``, ``retired``
    purpose, ``undeclared`` field. ``deleted`` counts the rows that no purpose was left for.
    ``claims`` are pieces of evidence whose days after an erasure are over. ``held`` people are
    under a legal hold: nothing of theirs is deleted. ``late`` people's rows stayed longer than the
    policy's deadline.

    Stability: stable.
    """

    expired: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    deleted: Mapping[str, int] = field(default_factory=dict)
    models_forgot: int = 0
    tombstones: int = 0
    claims: int = 0
    held: int = 0
    late: int = 0


class _Tally:
    """What has been done so far."""

    def __init__(self) -> None:
        self.expired: Counter[tuple[str, str]] = Counter()
        self.deleted: Counter[str] = Counter()
        self.models_forgot = self.tombstones = self.claims = self.held = self.late = 0

    def result(self) -> Retained:
        expired: dict[str, dict[str, int]] = {}
        for (what, why), number in self.expired.items():
            if number:
                expired.setdefault(what, {})[why] = number
        return Retained(
            expired,
            {table: number for table, number in self.deleted.items() if number},
            self.models_forgot,
            self.tombstones,
            self.claims,
            self.held,
            self.late,
        )


class _NotMeant(Exception):  # noqa: N818 - no error: it takes a rehearsal back
    """Ends a turn of a rehearsal, so that its transaction is rolled back."""


class Retention:
    """The retention job of one tenant."""

    def __init__(self, tenancy: Tenancy, algorithms: Algorithms, fields: Fields) -> None:
        self._tenancy = tenancy
        self._algorithms = algorithms
        self._fields = fields
        self._claims = Claims(tenancy)

    def run(self, registry: Registry) -> Retained:
        """Take purposes away, delete what has none, and drop old tombstones."""
        now_us, tally = self._tenancy.now_us(), _Tally()
        for span, lapsed in self._pages(now_us):
            for some in self._turns(lapsed):
                self._prepare(some, registry, now_us)
                with self._tenancy.write() as tx:
                    self._lapse(tx, some, registry, now_us, tally)
            self._expire(span, registry, now_us, tally)
            with self._tenancy.write() as tx:
                self._sweep(tx, span, registry, now_us, tally)
        tally.claims = self._claims.end_due()
        return tally.result()

    def rehearse(self) -> Retained:
        """What ``run`` would do: the same work, each turn of which is then taken back."""
        now_us, tally = self._tenancy.now_us(), _Tally()
        registry = Unmade(self._tenancy.keyring)
        for span, lapsed in self._pages(now_us):
            first = span[0]
            turns = list(self._turns(lapsed)) or [[]]
            for place, some in enumerate(turns, 1):
                last = span[1] if place == len(turns) else some[-1][0].subject
                with suppress(_NotMeant), self._tenancy.write() as tx:
                    self._lapse(tx, some, registry, now_us, tally)
                    self._sweep(tx, (first, last), registry, now_us, tally)
                    raise _NotMeant
                first = last + 1
        tally.claims = self._tenancy.ask(lambda snapshot: len(claims.due(snapshot, now_us)))
        return tally.result()

    def _turns(self, people: Sequence[Person]) -> Iterator[list[Person]]:
        """Parts of these people who can be forgotten while others wait to write."""
        for many in batched(people, _PEOPLE_PER_TRANSACTION):
            rows = [person for person, _ in many]
            rest = iter(many)
            for some in self._tenancy.ask(partial(at_once, people=rows)):
                yield list(islice(rest, len(some)))

    def _pages(self, now_us: int) -> Iterator[tuple[kept.Span, list[Person]]]:
        """Everybody, some thousand at a time, and whose permission ran out of them.

        That is: or of whom models have learned on none. The last has no end, so that there is one
        where there are no people either.
        """
        first = 0
        while True:
            # Each look is a snapshot of its own: one that is held while rows are rewritten keeps
            # all of what they were.
            with self._tenancy.read() as snapshot:
                page = page_after(snapshot, first - 1, PEOPLE_AT_ONCE)
                learned = self._learned_from(snapshot, page)
            lapsed = [
                (person, records)
                for person, records in page
                if person.state == ACTIVE and self._is_lapsed(person, records, learned, now_us)
            ]
            if len(page) < PEOPLE_AT_ONCE:
                yield (first, _EVERYBODY), lapsed
                return
            last = page[-1][0].subject
            yield (first, last), lapsed
            first = last + 1

    def _expire(self, people: kept.Span, registry: Registry, now_us: int, tally: _Tally) -> None:
        """Let models forget what is too old of these people; the sweep finds what is left of it."""
        done = forget_expired(self._tenancy, registry, self._algorithms, people, now_us)
        tally.expired["events", "too_old"] += done.events
        tally.models_forgot += done.models_forgot

    def _sweep(
        self, tx: Tx, people: kept.Span, registry: Registry, now_us: int, tally: _Tally
    ) -> None:
        before = _counted(tally)
        unlearn = losing(self._tenancy, tx, people, now_us)
        for table in kept.TABLES:
            tally.expired[table, "never_asked"] += self._never_asked(tx, table, people)
            tally.expired[table, "too_old"] += self._too_old(tx, table, people, now_us)
            tally.expired[table, "retired"] += self._retired(tx, table, people)
        forgot = forget_undone(self._tenancy, registry, self._algorithms, tx, unlearn)
        tally.models_forgot += len(forgot) - was_put_off(forgot.values())
        self._fields_over(tx, people, now_us, tally)
        tally.held = holds.count(tx)
        tally.late += self._late(tx, people, now_us)
        for table in kept.TABLES:
            tally.deleted[table] += kept.delete_unusable(tx, table, people)
        if people[1] == _EVERYBODY:
            tally.tombstones = subjects.drop_tombstones(tx, now_us)
        done = _counted(tally)
        if done != before:
            facts = {name: number - before[name] for name, number in done.items()}
            seal = self._tenancy.keyring.operator.seal
            facts["held"] = tally.held
            log.append(tx, "retention.run", at_us=now_us, seal=seal, facts=facts)

    def _prepare(self, people: Sequence[Person], registry: Registry, now_us: int) -> None:
        """Let models get ready to forget those of these people that they may not hold any more."""
        unlearn = [
            person.subject
            for person, records in people
            if not self._tenancy.decide(TRAIN, records, at_us=now_us).allowed
        ]
        prepare_for(self._tenancy, registry, self._algorithms, unlearn)

    def _lapse(
        self,
        tx: Tx,
        people: Sequence[Person],
        registry: Registry,
        now_us: int,
        tally: _Tally,
    ) -> None:
        before = Counter(tally.expired)
        current = subjects.numbered(tx, [person.subject for person, _ in people])
        active = [person for person in current if person.state == ACTIVE]
        records = consents.of_many(tx, [person.subject for person in active])
        unlearn = [
            person
            for person in active
            if not self._tenancy.decide(
                TRAIN, records.get(person.subject, ()), at_us=now_us
            ).allowed
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

    def _learned_from(self, snapshot: Snapshot, page: Sequence[Person]) -> set[int]:
        if not page:
            return set()
        first, last = page[0][0].subject, page[-1][0].subject
        return {subject for subject, _ in models.manifests_between(snapshot, first, last)}

    def _is_lapsed(
        self,
        person: SubjectRow,
        records: Sequence[ConsentRecord],
        learned: set[int],
        now_us: int,
    ) -> bool:
        if self._lapsed(records, now_us) or any(self._shortened(records, now_us)):
            return True
        taught = person.subject in learned
        return taught and not self._tenancy.decide(TRAIN, records, at_us=now_us).allowed

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
        tally: _Tally,
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

    def _never_asked(self, tx: Tx, table: str, people: kept.Span) -> int:
        """Rows kept on another basis, of a purpose that needs consent by now."""
        return sum(
            kept.strip_unasked(tx, table, self._tenancy.masks[name], people, name)
            for name, purpose in self._tenancy.policy.purposes.items()
            if purpose.basis == "consent"
        )

    def _too_old(self, tx: Tx, table: str, people: kept.Span, now_us: int) -> int:
        return sum(
            kept.strip_old(
                tx,
                table,
                self._tenancy.every_mask(name),
                people,
                before_day=day_of(now_us - purpose.keep_days * DAY_US),
            )
            for name, purpose in self._tenancy.policy.purposes.items()
        )

    def _retired(self, tx: Tx, table: str, people: kept.Span) -> int:
        """Purposes that the policy does not declare any more, also those of past orders."""
        policy = self._tenancy.policy
        declared = {*policy.purposes, *map(past_name, policy.intake.past_orders.purposes)}
        return sum(
            kept.strip_old(tx, table, mask, people, before_day=_EVER)
            for name, mask in events.bits(tx).items()
            if name not in declared
        )

    def _fields_over(self, tx: Tx, people: kept.Span, now_us: int, tally: _Tally) -> None:
        """Traits whose field is past its days, is not declared any more, or lost a purpose."""
        declared = self._fields.all()
        trait_name = self._tenancy.keyring.trait_name
        whose = b""
        name_of: dict[bytes, str] = {}
        for subject, salt, trait, day, purposes in traits.usable(tx, people):
            if salt != whose:
                whose, name_of = salt, {trait_name(salt, name): name for name in declared}
            name = name_of.get(trait)
            if name is None:
                left, what, why = 0, "traits", "undeclared"
            elif _is_over(declared[name], day, now_us):
                left, what, why = 0, f"traits.{name}", "too_old"
            else:
                left = purposes & mask_of(self._tenancy, declared[name])
                what, why = f"traits.{name}", "retired"
            if left != purposes:
                traits.limit(tx, subject, trait, left)
                tally.expired[what, why] += 1

    def _late(self, tx: Tx, people: kept.Span, now_us: int) -> int:
        """Those who said no so long ago that their rows should be gone by now."""
        days = self._tenancy.policy.erasure.delete_within_days
        late = 0
        waiting = kept.people_with_unusable(tx, people)
        for subject, records in consents.of_many(tx, waiting).items():
            refused = [one.received_us for one in records if one.action is not Action.GRANT]
            over = now_us - max(refused, default=now_us) > days * DAY_US
            late += over and holds.of(tx, subject) is None
        return late


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


def _is_over(field: DataField, day: int, now_us: int) -> bool:
    return field.keep_days is not None and day < day_of(now_us - field.keep_days * DAY_US)


def _counted(tally: _Tally) -> dict[str, int]:
    """What the log says of a sweep."""
    return {
        "events_expired": _of(tally, "events"),
        "events_deleted": tally.deleted["events"],
        "traits_expired": _of(tally, "traits"),
        "traits_deleted": tally.deleted["traits"],
        "tombstones_dropped": tally.tombstones,
    }


def _of(tally: _Tally, table: str) -> int:
    """Rows of a table that lost a purpose in the sweep, whatever the reason."""
    return sum(
        number
        for (what, why), number in tally.expired.items()
        if what.partition(".")[0] == table and why != "lapsed"
    )
