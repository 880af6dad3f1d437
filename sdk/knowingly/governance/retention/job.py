"""The job: everybody some thousand at a time, in turns, so that others can write between."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice

from knowingly.governance.claims import Claims
from knowingly.governance.retention.lapsing import Lapsing
from knowingly.governance.retention.sweeping import EVERYBODY, Sweeping
from knowingly.governance.retention.tally import Retained, Tally
from knowingly.profiles.fields import Fields
from knowingly.profiles.scan import PEOPLE_AT_ONCE, Person, page_after
from knowingly.recommend.registry.serving import Registry, Unmade
from knowingly.recommend.training.expiring import forget_expired
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.turns import at_once
from knowingly.store import claims, kept, models
from knowingly.store.batches import batched
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy

_PEOPLE_PER_TRANSACTION = 200


class _NotMeant(Exception):  # noqa: N818 - no error: it takes a rehearsal back
    """Ends a turn of a rehearsal, so that its transaction is rolled back."""


class Retention:
    """The retention job of one tenant."""

    def __init__(self, tenancy: Tenancy, algorithms: Algorithms, fields: Fields) -> None:
        self._tenancy = tenancy
        self._algorithms = algorithms
        self._lapsing = Lapsing(tenancy, algorithms)
        self._sweeping = Sweeping(tenancy, algorithms, fields)
        self._claims = Claims(tenancy)

    def run(self, registry: Registry) -> Retained:
        """Take purposes away, delete what has none, and drop old tombstones."""
        now_us, tally = self._tenancy.now_us(), Tally()
        for span, lapsed in self._pages(now_us):
            for some in self._turns(lapsed):
                self._lapsing.prepare(some, registry, now_us)
                with self._tenancy.write() as tx:
                    self._lapsing.lapse(tx, some, registry, now_us, tally)
            self._expire(span, registry, now_us, tally)
            with self._tenancy.write() as tx:
                self._sweeping.sweep(tx, span, registry, now_us, tally)
        tally.claims = self._claims.end_due()
        return tally.result()

    def rehearse(self) -> Retained:
        """What ``run`` would do: the same work, each turn of which is then taken back."""
        now_us, tally = self._tenancy.now_us(), Tally()
        registry = Unmade(self._tenancy.keyring)
        for span, lapsed in self._pages(now_us):
            first = span[0]
            turns = list(self._turns(lapsed)) or [[]]
            for place, some in enumerate(turns, 1):
                last = span[1] if place == len(turns) else some[-1][0].subject
                with suppress(_NotMeant), self._tenancy.write() as tx:
                    self._lapsing.lapse(tx, some, registry, now_us, tally)
                    self._sweeping.sweep(tx, (first, last), registry, now_us, tally)
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
                taught = _taught(snapshot, page)
            lapsed = [
                (person, records)
                for person, records in page
                if self._lapsing.has_lapsed(person, records, taught, now_us)
            ]
            if len(page) < PEOPLE_AT_ONCE:
                yield (first, EVERYBODY), lapsed
                return
            last = page[-1][0].subject
            yield (first, last), lapsed
            first = last + 1

    def _expire(self, people: kept.Span, registry: Registry, now_us: int, tally: Tally) -> None:
        """Let models forget what is too old of these people; the sweep finds what is left of it."""
        done = forget_expired(self._tenancy, registry, self._algorithms, people, now_us)
        tally.expired["events", "too_old"] += done.events
        tally.models_forgot += done.models_forgot


def _taught(snapshot: Snapshot, page: Sequence[Person]) -> set[int]:
    """Those of these people whom models have learned from."""
    if not page:
        return set()
    first, last = page[0][0].subject, page[-1][0].subject
    return {subject for subject, _ in models.manifests_between(snapshot, first, last)}
