"""Whoever is in a version and allows ``train`` no more, because a permission ran out by itself.

Retention makes models forget them in its own time. A version that comes back must not have them.
"""

from collections.abc import Iterator

from knowingly.ledger import log
from knowingly.profiles.scan import page_after
from knowingly.recommend.registry.serving import Registry
from knowingly.recommend.training.forgetting import Algorithms, forget
from knowingly.recommend.training.gather import PURPOSE
from knowingly.recommend.training.preparing import prepare_for
from knowingly.store import consents, subjects
from knowingly.store import models as stored
from knowingly.store.batches import parts
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy

_PEOPLE_PER_TRANSACTION = 200


def forget_lapsed(tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
    """Make every version forget the people whose permission does not hold any more."""
    for people in parts(_lapsed(tenancy), _PEOPLE_PER_TRANSACTION):
        prepare_for(tenancy, registry, algorithms, people)
        with tenancy.write() as tx:
            _forget(tenancy, registry, algorithms, tx, people)


def _forget(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, tx: Tx, people: list[int]
) -> None:
    forgot = 0
    now_us = tenancy.now_us()
    for subject, known in consents.of_many(tx, people).items():
        person = subjects.number(tx, subject)
        if person is not None and not tenancy.decide(PURPOSE, known, at_us=now_us).allowed:
            forgot += len(forget(tenancy, registry, algorithms, tx, person))
    if forgot:
        log.append(
            tx,
            "retention.lapsed",
            at_us=now_us,
            seal=tenancy.keyring.operator.seal,
            facts={"people": len(people), "models_forgot": forgot},
        )


def _lapsed(tenancy: Tenancy) -> Iterator[int]:
    last, now_us = 0, tenancy.now_us()
    while True:
        with tenancy.read() as snapshot:
            page = page_after(snapshot, last)
            if not page:
                return
            first, last = page[0][0].subject, page[-1][0].subject
            learned = {one for one, _ in stored.manifests_between(snapshot, first, last)}
        for person, records in page:
            is_in_one = person.subject in learned
            if is_in_one and not tenancy.decide(PURPOSE, records, at_us=now_us).allowed:
                yield person.subject
