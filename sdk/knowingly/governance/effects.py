"""What a choice does: a no takes effect in the transaction that records it.

The person's stored events and traits lose the purposes that are denied, so that a later grant does
not reach back to them, and the models forget what they learned. There is no queue of forgets.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from knowingly.domain.consent import ConsentRecord
from knowingly.domain.moments import day_of
from knowingly.domain.notification import NotificationKind
from knowingly.governance.recipients import Recipients
from knowingly.recommend.forgetting import Algorithms, forget
from knowingly.recommend.gather import PURPOSE as TRAIN
from knowingly.recommend.registry import Registry
from knowingly.store import consents, kept
from knowingly.store.doors import Tx
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

KEPT_UNUSED = frozenset({"restricted"})
"""Reasons that stop the use of data and do not delete it (GDPR art. 18)."""


class ChoiceEffects:
    """Applies what a person's choices now mean to what is kept of them and to the models."""

    def __init__(self, tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms
        self._recipients = Recipients(tenancy)

    def __call__(
        self,
        tx: Tx,
        person: SubjectRow,
        purposes: Sequence[str],
        *,
        at_us: int,
        first_entry: int,
    ) -> Mapping[str, int]:
        """Strip and forget; the numbers of events and traits stripped and of models that forgot."""
        records = consents.of(tx, person.subject)
        earlier = [record for record in records if record.index < first_entry]
        stripped: Counter[str] = Counter()
        denied, unlearn = 0, False
        ended: dict[NotificationKind, list[str]] = {"withdrawal": [], "restriction": []}
        for purpose in purposes:
            mask = self._tenancy.masks.get(purpose, 0)
            decision = self._tenancy.decide(purpose, records, at_us=at_us)
            if decision.allowed:
                # A choice that arrives late can shorten a permission that still stands, and a new
                # one can follow a gap. Events of the day itself are left out when they are read.
                day = day_of(decision.since_us)
                for table in kept.TABLES:
                    stripped[table] += kept.strip(tx, table, person.subject, mask, before_day=day)
                before = self._tenancy.decide(purpose, earlier, at_us=at_us)
                whole = before.allowed and before.since_us >= decision.since_us
                unlearn |= purpose == TRAIN and not whole
            else:
                unlearn |= purpose == TRAIN
                every = self._tenancy.every_mask(purpose)
                denied |= 0 if decision.reason in KEPT_UNUSED else every
                if self._was_allowed(purpose, earlier, at_us):
                    kind: NotificationKind = (
                        "restriction" if decision.reason in KEPT_UNUSED else "withdrawal"
                    )
                    ended[kind].append(purpose)
        if denied:
            for table in kept.TABLES:
                stripped[table] += kept.strip(tx, table, person.subject, denied)
        forgot = (
            forget(self._tenancy, self._registry, self._algorithms, tx, person) if unlearn else {}
        )
        effects = {f"{table}_stripped": number for table, number in stripped.items()}
        effects["models_forgot"] = len(forgot)
        effects["recipients_to_tell"] = sum(
            len(self._recipients.queue(tx, person, kind, purposes=names))
            for kind, names in ended.items()
            if names
        )
        return {name: number for name, number in effects.items() if number}

    def _was_allowed(self, purpose: str, earlier: Sequence[ConsentRecord], at_us: int) -> bool:
        """Whether a purpose that is denied now was allowed before; asked where somebody was told.

        Only a shop whose policy has recipients has anybody to tell.
        """
        if not self._tenancy.policy.recipients:
            return False
        return self._tenancy.decide(purpose, earlier, at_us=at_us).allowed
