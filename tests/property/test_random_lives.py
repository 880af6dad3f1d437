"""Random lives of small shops: after each one the log is whole and every model equals a refit.

Beside the shop runs a model of law 3 in a few lines: what each purpose may see of each person.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import knowingly
from houses import House

NOTICE = "2026-01/en"
PURPOSES = ("personalize", "train", "measure")
PEOPLE = ("ann", "bob", "cay", "dan")
CROWD = tuple(f"crowd{n}" for n in range(3))
ITEMS = ("cup", "pot", "tin")
KINDS = ("view", "purchase", "return", "hide", "like")
VALID = timedelta(days=100)
KEEP = timedelta(days=60)

people = st.sampled_from(PEOPLE)
purposes = st.sets(st.sampled_from(PURPOSES), min_size=1).map(sorted)
OPERATIONS = st.one_of(
    st.tuples(st.just("grant"), people, purposes),
    st.tuples(st.sampled_from(["refuse", "withdraw", "object"]), people, purposes),
    st.tuples(
        st.just("track"),
        people,
        st.sampled_from(KINDS),
        st.sampled_from(ITEMS),
        st.integers(0, 90),
    ),
    st.tuples(st.sampled_from(["erase", "reseal"]), people),
    st.tuples(st.just("wait"), st.integers(1, 70)),
    st.tuples(st.sampled_from(["train", "maintain", "upkeep", "reopen", "rotate"])),
)


@dataclass
class Known:
    """One person, as law 3 has them: since when each purpose is allowed, and what was kept."""

    since: dict[str, datetime] = field(default_factory=dict)
    renewed: dict[str, datetime] = field(default_factory=dict)
    events: list[tuple[datetime, str, str, set[str]]] = field(default_factory=list)

    def allowed(self, purpose: str, now: datetime) -> bool:
        return purpose in self.since and now - self.renewed[purpose] <= VALID

    def grant(self, purpose: str, now: datetime) -> None:
        if not self.allowed(purpose, now):
            self.since[purpose] = now
            for event in self.events:
                event[3].discard(purpose)
        self.renewed[purpose] = now

    def deny(self, purpose: str) -> None:
        self.since.pop(purpose, None)
        for event in self.events:
            event[3].discard(purpose)

    def track(self, at: datetime, now: datetime, kind: str, item: str) -> bool:
        kept = {one for one in PURPOSES if self.allowed(one, now) and at >= self.since[one]}
        if kept:
            self.events.append((at, kind, item, kept))
        return bool(kept)

    def seen(self, purpose: str, now: datetime) -> list[tuple[datetime, str, str]]:
        if not self.allowed(purpose, now):
            return []
        return sorted(
            (at, kind, item)
            for at, kind, item, kept in self.events
            if purpose in kept and at >= max(self.since[purpose], now - KEEP)
        )


class Life:
    """A shop, its clock, and what law 3 says should be in it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.now = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
        self.people: dict[str, Known] = {}
        self.erased: dict[str, datetime] = {}
        shipped = knowingly.load_policy()
        changed = {"valid_days": VALID.days, "keep_days": KEEP.days}
        self.policy = shipped.model_copy(
            update={
                "purposes": {
                    name: {**shipped.purposes[name].model_dump(), **changed} for name in PURPOSES
                },
                "notices": [
                    {**shipped.notices[0].model_dump(), "covers": dict.fromkeys(PURPOSES, 1)}
                ],
                "models": {"min_subjects": 2, "min_item_subjects": 2},
            }
        )
        self.shop = self.open()
        self.shop.items.upsert([{"id": item} for item in ITEMS], strict=True)
        for person in CROWD:
            self.grant(person, PURPOSES)
        self.pass_time(timedelta(hours=1))
        for number, person in enumerate(CROWD):
            for item in ITEMS[: 2 + number % 2]:
                self.track(person, "purchase", item, 0)

    def open(self) -> knowingly.Shop:
        return knowingly.open(
            self.house.url,
            policy=self.policy,
            keys=self.house.key,
            clock=lambda: self.now,
        )

    def pass_time(self, by: timedelta) -> None:
        self.now += by

    def run(self, operation: tuple) -> None:
        name, *given_ = operation
        self.pass_time(timedelta(minutes=1))
        if name in {"refuse", "withdraw", "object"}:
            self.deny(name, *given_)
        else:
            getattr(self, name)(*given_)

    def grant(self, person, given_) -> None:
        self.shop.consent.grant(person, given_, notice=NOTICE)
        known = self.people.setdefault(person, Known())
        for purpose in given_:
            known.grant(purpose, self.now)

    def deny(self, verb, person, given_) -> None:
        getattr(self.shop.consent, verb)(person, given_)
        known = self.people.setdefault(person, Known())
        for purpose in given_:
            known.deny(purpose)

    def track(self, person, kind, item, days_ago) -> None:
        at = self.now - timedelta(days=days_ago)
        intake = self.shop.track(person, kind, item, at=at)
        known = self.people.get(person)
        kept = False
        erased = self.erased.get(person)
        if known is not None and (erased is None or at > erased):
            kept = known.track(at, self.now, kind, item)
        assert intake.kept == int(kept)

    def erase(self, person) -> None:
        if person not in self.people:
            try:
                self.shop.rights.erase(person)
            except knowingly.UnknownSubjectError:
                return
            raise AssertionError("somebody unknown was erased")
        assert self.shop.rights.erase(person).is_genuine()
        del self.people[person]
        self.erased[person] = self.now

    def reseal(self, person) -> None:
        if person in self.people:
            self.shop.keys.reseal(person)

    def rotate(self) -> None:
        done = self.shop.keys.rotate(destroy_old=True)
        assert (done.keys, done.left) == (len(self.people), ())
        assert all(one.horizon for one in self.shop.rights.certificates())

    def wait(self, days) -> None:
        self.pass_time(timedelta(days=days))

    def train(self) -> None:
        self.shop.train()
        # A minute, so that what comes next is not of the training's own moment.
        self.pass_time(timedelta(minutes=1))

    def maintain(self) -> None:
        self.shop.maintain()

    def upkeep(self) -> None:
        self.shop.maintain(skip=("train",))

    def reopen(self) -> None:
        self.shop.close()
        self.shop = self.open()

    def check(self, *, exact: bool) -> None:
        self.shop.audit.verify()
        for person in (*PEOPLE, *CROWD):
            known = self.people.get(person, Known())
            for purpose in PURPOSES:
                view = self.shop.profiles.view(person, purpose)
                found = sorted(
                    (us(event.at_us), event.kind.value, event.item) for event in view.events
                )
                assert found == known.seen(purpose, self.now), (person, purpose)
                assert view.decision.allowed == known.allowed(purpose, self.now)
            personal = self.shop.recommend(person).basis == "personal"
            assert not personal or known.seen("personalize", self.now)
        if exact and self.shop.models.cards():
            for one in self.shop.models.compare_with_refit():
                assert one.largest_difference == 0, one
        rows = set(self.house.rows("SELECT subject FROM subjects"))
        assert len(rows) == len(self.people)
        for table in ("events", "consent_records", "manifests"):
            assert set(self.house.rows(f"SELECT DISTINCT subject FROM {table}")) <= rows  # noqa: S608
        mine = "SELECT DISTINCT subject FROM ledger_details WHERE subject IS NOT NULL"
        assert set(self.house.rows(mine)) <= rows
        assert self.house.count("subject_keys", store="keys") == len(self.people)


def us(moment: int) -> datetime:
    return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(microseconds=moment)


lives = given(st.lists(OPERATIONS, min_size=1, max_size=25))
slowly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.only_sqlite("fifty lives here, ten on a server, where each takes longer")
@settings(slowly, max_examples=50)
@lives
def test_any_life_keeps_the_laws(build: Callable[..., House], operations):
    """Whatever happens in whatever order, consent, forgetting and the log hold."""
    live(build, operations)


@pytest.mark.only_postgresql
@settings(slowly, max_examples=10)
@lives
def test_any_life_keeps_the_laws_on_a_server(build: Callable[..., House], operations):
    """The same, on PostgreSQL."""
    live(build, operations)


def live(build: Callable[..., House], operations: list[tuple]) -> None:
    """Live one life, checking the laws after each step."""
    with tempfile.TemporaryDirectory() as folder:
        life = Life(build(Path(folder) / "house"))
        life.train()
        try:
            last_training = life.now
            late = False
            for operation in operations:
                life.run(operation)
                if operation[0] in {"train", "maintain"}:
                    last_training, late = life.now, False
                # Events dated before the training that arrive after it, and time that runs out
                # since, are no part of what was learned: the comparison waits for a training.
                late |= operation[0] == "wait" or (operation[0] == "track" and operation[4] > 0)
                life.check(exact=not late)
            life.pass_time(timedelta(minutes=1))
            life.maintain()
            life.pass_time(timedelta(minutes=1))
            life.check(exact=True)
            assert not [one for one in life.shop.audit.unfounded() if one.found]
            assert last_training <= life.now
        finally:
            life.shop.close()
            life.house.remove()
