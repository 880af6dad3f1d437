"""What a choice does: a no takes effect in the transaction that records it.

The person's stored events and traits lose the purposes that are denied, so that a later grant does
not reach back to them, and the models forget what they learned. There is no queue of forgets.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from knowingly.domain.consent import DEVICE, ConsentRecord
from knowingly.domain.moments import day_of
from knowingly.governance.recipients import Recipients
from knowingly.recommend.registry.serving import Registry
from knowingly.recommend.training.forgetting import Algorithms, forget
from knowingly.recommend.training.gather import PURPOSE as TRAIN
from knowingly.recommend.training.preparing import prepare
from knowingly.recommend.training.refitting import was_put_off
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

    def prepare(self, lookups: Sequence[bytes]) -> None:
        """Let models get ready to forget these people, before the transaction of their no."""
        prepare(self._tenancy, self._registry, self._algorithms, lookups)

    def __call__(
        self,
        tx: Tx,
        person: SubjectRow,
        purposes: Sequence[str],
        *,
        at_us: int,
        first_entry: int,
    ) -> Mapping[str, int]:
        """Strip and forget; how many events and traits were stripped, and models forgot.

        ``models_to_refit`` are those that can only forget by a refit, and wait for it.
        """
        records = consents.of(tx, person.subject)
        earlier = [record for record in records if record.index < first_entry]
        stripped: Counter[str] = Counter()
        denied, unlearn, restricted = 0, False, False
        ended: list[str] = []
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
                kept_on = decision.reason in KEPT_UNUSED or self._stands_on_devices(
                    purpose, earlier, records, at_us
                )
                denied |= 0 if kept_on else self._tenancy.every_mask(purpose)
                if self._tenancy.policy.recipients:
                    # Only such a shop has anybody to tell.
                    before = self._tenancy.decide(purpose, earlier, at_us=at_us)
                    if decision.reason in KEPT_UNUSED:
                        restricted |= before.reason not in KEPT_UNUSED
                    elif before.allowed:
                        ended.append(purpose)
        if denied:
            for table in kept.TABLES:
                stripped[table] += kept.strip(tx, table, person.subject, denied)
        forgot = (
            forget(self._tenancy, self._registry, self._algorithms, tx, person) if unlearn else {}
        )
        effects = {f"{table}_stripped": number for table, number in stripped.items()}
        effects["models_to_refit"] = was_put_off(forgot.values())
        effects["models_forgot"] = len(forgot) - effects["models_to_refit"]
        told = self._recipients.queue(tx, person, "withdrawal", purposes=ended) if ended else []
        if restricted:
            # Everybody who was given anything, also what had run out: they may have it still.
            told += self._recipients.queue(tx, person, "restriction")
        effects["recipients_to_tell"] = len(told)
        return {name: number for name, number in effects.items() if number}

    def _stands_on_devices(
        self,
        purpose: str,
        earlier: Sequence[ConsentRecord],
        records: Sequence[ConsentRecord],
        at_us: int,
    ) -> bool:
        """Whether some device allows what the account does not, and none has just taken it back.

        Events are not told apart by device: those of one that takes its yes back go with all
        others that rest on a device.
        """
        decide, anywhere = self._tenancy.decide, False
        for scope in {one.scope for one in records if one.scope.startswith(DEVICE)}:
            before = decide(purpose, earlier, at_us=at_us, scope=scope)
            now = decide(purpose, records, at_us=at_us, scope=scope)
            if before.allowed and not (now.allowed and now.since_us <= before.since_us):
                return False
            anywhere |= now.allowed
        return anywhere
