"""Events that grow too old for ``train`` leave the models in the transaction that says so."""

from typing import NamedTuple

from knowingly.domain.moments import DAY_US, day_of
from knowingly.ledger import log
from knowingly.recommend.registry.serving import Registry
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import PURPOSE
from knowingly.recommend.training.preparing import prepare_for
from knowingly.recommend.training.refitting import was_put_off
from knowingly.recommend.training.turns import at_once
from knowingly.recommend.training.undoing import forget_undone
from knowingly.store import kept, subjects
from knowingly.store import models as stored
from knowingly.store.doors import Snapshot
from knowingly.store.kept import Span
from knowingly.tenancy import Tenancy

EVERYBODY: Span = (0, 2**62)


class Expired(NamedTuple):
    """How many events lost ``train``, and how often a model forgot some of them."""

    events: int
    models_forgot: int


def losing(tenancy: Tenancy, snapshot: Snapshot, people: Span, now_us: int) -> list[int]:
    """Those of these people whom models have learned from and who have events that are too old."""
    if PURPOSE not in tenancy.policy.purposes:
        return []
    old = kept.people_with_old(
        snapshot,
        "events",
        tenancy.every_mask(PURPOSE),
        people,
        before_day=first_day(tenancy, now_us),
    )
    taught = {subject for subject, _ in stored.manifests_between(snapshot, *people)}
    return [subject for subject in old if subject in taught]


def first_day(tenancy: Tenancy, now_us: int) -> int:
    """The first day whose events may still be learned from."""
    return day_of(now_us - tenancy.policy.purposes[PURPOSE].keep_days * DAY_US)


def forget_expired(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, people: Span, now_us: int
) -> Expired:
    """Make every version forget what is too old of these people, and take ``train`` from it.

    In turns, so that others who write need not wait for all of it.
    """
    with tenancy.read() as snapshot:
        waiting = subjects.numbered(snapshot, losing(tenancy, snapshot, people, now_us))
        turns = at_once(snapshot, waiting)
    mask, events, models = tenancy.every_mask(PURPOSE), 0, 0
    for some in turns:
        own = [person.subject for person in some]
        prepare_for(tenancy, registry, algorithms, own)
        with tenancy.write() as tx:
            day = first_day(tenancy, now_us)
            stripped = sum(kept.strip(tx, "events", one, mask, before_day=day) for one in own)
            outcome = forget_undone(tenancy, registry, algorithms, tx, own)
            forgot = len(outcome) - was_put_off(outcome.values())
            if stripped:
                log.append(
                    tx,
                    "retention.expired",
                    at_us=now_us,
                    seal=tenancy.keyring.operator.seal,
                    facts={
                        "people": len(own),
                        "events_expired": stripped,
                        "models_forgot": forgot,
                    },
                )
        events, models = events + stripped, models + forgot
    return Expired(events, models)
