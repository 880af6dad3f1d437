"""Rows of everybody that no purpose may use: too old, of nothing declared, never asked for."""

from knowingly.domain.consent import Action
from knowingly.domain.moments import DAY_US, day_of
from knowingly.governance.retention.tally import Tally
from knowingly.ledger import log
from knowingly.policy import DataField
from knowingly.profiles.fields import Fields, mask_of
from knowingly.recommend.registry.serving import Registry
from knowingly.recommend.training.expiring import losing
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.refitting import was_put_off
from knowingly.recommend.training.undoing import forget_undone
from knowingly.store import consents, events, holds, kept, subjects, traits
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy, past_name

EVERYBODY = 2**62
"""The end of a span that has no end."""

_EVER = 10_000_000


class Sweeping:
    """Goes over rows as they lie, without asking what each person chose."""

    def __init__(self, tenancy: Tenancy, algorithms: Algorithms, fields: Fields) -> None:
        self._tenancy = tenancy
        self._algorithms = algorithms
        self._fields = fields

    def sweep(
        self, tx: Tx, people: kept.Span, registry: Registry, now_us: int, tally: Tally
    ) -> None:
        """Take purposes from the rows of these people, then delete the rows that have none left."""
        before = tally.swept()
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
        if people[1] == EVERYBODY:
            tally.tombstones = subjects.drop_tombstones(tx, now_us)
        done = tally.swept()
        if done != before:
            facts = {name: number - before[name] for name, number in done.items()}
            seal = self._tenancy.keyring.operator.seal
            facts["held"] = tally.held
            log.append(tx, "retention.run", at_us=now_us, seal=seal, facts=facts)

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

    def _fields_over(self, tx: Tx, people: kept.Span, now_us: int, tally: Tally) -> None:
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


def _is_over(field: DataField, day: int, now_us: int) -> bool:
    return field.keep_days is not None and day < day_of(now_us - field.keep_days * DAY_US)
