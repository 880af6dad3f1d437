"""Whoever is in a version and allows ``train`` no more, because a permission ran out by itself.

Retention makes models forget them in its own time. A version that comes back must not have them.
"""

from collections.abc import Iterator
from functools import partial

from knowingly.ledger import log
from knowingly.profiles.scan import PEOPLE_AT_ONCE, page_after
from knowingly.recommend.registry.serving import Registry
from knowingly.recommend.training.forgetting import Algorithms, forget_many
from knowingly.recommend.training.gather import PURPOSE
from knowingly.recommend.training.preparing import prepare_for
from knowingly.recommend.training.turns import at_once
from knowingly.store import consents, subjects
from knowingly.store import models as stored
from knowingly.store.batches import parts
from knowingly.store.doors import Tx
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

_PEOPLE_AT_ONCE = 200


def forget_lapsed(tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
    """Make every version forget the people whose permission does not hold any more."""
    for people in parts(_lapsed(tenancy), _PEOPLE_AT_ONCE):
        for some in tenancy.ask(partial(at_once, people=people)):
            prepare_for(tenancy, registry, algorithms, [one.subject for one in some])
            with tenancy.write() as tx:
                _forget(tenancy, registry, algorithms, tx, some)


def _forget(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, tx: Tx, people: list[SubjectRow]
) -> None:
    now_us = tenancy.now_us()
    known = consents.of_many(tx, [one.subject for one in people])
    lapsed = [
        person
        for person in subjects.numbered(tx, list(known))
        if not tenancy.decide(PURPOSE, known[person.subject], at_us=now_us).allowed
    ]
    outcomes = forget_many(tenancy, registry, algorithms, tx, lapsed)
    forgot = sum(map(len, outcomes.values()))
    if forgot:
        log.append(
            tx,
            "retention.lapsed",
            at_us=now_us,
            seal=tenancy.keyring.operator.seal,
            facts={"people": len(people), "models_forgot": forgot},
        )


def _lapsed(tenancy: Tenancy) -> Iterator[SubjectRow]:
    last, now_us = 0, tenancy.now_us()
    while True:
        with tenancy.read() as snapshot:
            page = page_after(snapshot, last, PEOPLE_AT_ONCE)
            if not page:
                return
            first, last = page[0][0].subject, page[-1][0].subject
            learned = {one for one, _ in stored.manifests_between(snapshot, first, last)}
        for person, records in page:
            is_in_one = person.subject in learned
            if is_in_one and not tenancy.decide(PURPOSE, records, at_us=now_us).allowed:
                yield person
