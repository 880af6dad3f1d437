"""Random lives of small shops: after each one the log is whole and every model equals a refit.

Beside the shop runs a model of law 3 in a few lines: what each purpose may see of each person. Of
guests, whose sessions are merged into an account, it knows nothing: for them stands what the models
have learned, and forgotten.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import knowingly
from houses import Files, House
from knowingly.backup.creating import create
from knowingly.backup.restoring import restore_data
from knowingly.means import find_means
from knowingly.store import models as stored

NOTICE = "2026-01/en"
PURPOSES = ("personalize", "train", "measure")
PEOPLE = ("ann", "bob", "cay", "dan")
CROWD = tuple(f"crowd{n}" for n in range(3))
GUESTS = ("eve", "fay")
ACCOUNT = "gus"
EXACT = {"ease", "item_item", "popularity"}
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
    st.tuples(st.sampled_from(["rollback", "rollback", "train", "save", "restore"])),
    st.tuples(st.just("visit"), st.sampled_from(GUESTS), st.sampled_from(ITEMS)),
    st.tuples(st.just("merge"), st.sampled_from(GUESTS)),
    st.tuples(
        st.just("crash"),
        st.one_of(
            st.tuples(st.just("train")),
            st.tuples(st.just("erase"), people),
            st.tuples(st.just("withdraw"), people, purposes),
        ),
    ),
)


class Crash(Exception):  # noqa: N818 - no error of anybody's
    """The power is cut."""


def cut(*_: object) -> None:
    raise Crash


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
                "models": {
                    "min_subjects": 2,
                    "min_item_subjects": 2,
                    "keep": 3,
                    "algorithms": {name: {} for name in EXACT} | {"ease": {"l2": 20.0}},
                },
            }
        )
        self.saved: tuple[Path, datetime, dict[str, Known]] | None = None
        self.restored = 0
        self.late: set[int] = set()
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
            clock=self.clock,
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
        # Events dated before a training that arrive after it, and time that runs out since, are no
        # part of what was learned: those versions are not compared.
        if name in {"wait", "merge"} or (name == "track" and given_[-1] > 0):
            self.late |= {one.version for one in self.shop.models.versions()}

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
            self.saved = None

    def rotate(self) -> None:
        done = self.shop.keys.rotate(destroy_old=True)
        assert done.left == ()
        assert done.keys == self.size or self.restored
        self.saved = None
        assert all(one.horizon for one in self.shop.rights.certificates())

    def wait(self, days) -> None:
        self.pass_time(timedelta(days=days))

    def train(self) -> None:
        self.shop.train()
        # A minute, so that what comes next is not of the training's own moment.
        self.pass_time(timedelta(minutes=1))

    def rollback(self) -> None:
        try:
            self.shop.models.rollback()
        except (knowingly.NotFittedError, knowingly.InputError):
            return  # none is kept, or it learned from what is too old by now

    def visit(self, guest, item) -> None:
        self.shop.consent.grant(guest, PURPOSES, notice=NOTICE)
        self.pass_time(timedelta(minutes=1))
        self.shop.track(guest, "view", item)

    def merge(self, guest) -> None:
        if not self.shop.knows(guest):
            return
        self.shop.consent.grant(ACCOUNT, PURPOSES, notice=NOTICE)
        self.pass_time(timedelta(minutes=1))
        self.shop.profiles.merge(guest, into=ACCOUNT)
        self.saved = None

    def crash(self, operation) -> None:
        """The power is cut where models have changed, and nothing of it is committed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stored, "delete_manifest", cut)
            patch.setattr(stored, "add_manifests", cut)
            with suppress(Crash):
                self.run(operation)
        self.reopen()

    def save(self) -> None:
        """Back the data up, without the keys."""
        folder = self.house.folder / f"saved at {self.now:%j %H %M}"
        create(self.house.url, None, data_to=folder, means=self.means(), clock=self.clock)
        self.saved = folder, self.now, deepcopy(self.people)

    def restore(self) -> None:
        """Go back to the data of then with the keys of now: who was erased since stays erased."""
        if self.saved is None or not isinstance(self.house.place, Files):
            return
        folder, saved_at, people_then = self.saved
        self.shop.close()
        self.restored += 1
        there = self.house.folder / f"restored {self.restored}"
        there.mkdir()
        keys, place = self.house.place.keys_url, Files(there)
        restore_data(
            folder, self.means(), to=place.url, key_store=keys, copy_keys_to=place.keys_url
        )
        self.house.place, self.people = place, people_then
        for person, erased_at in self.erased.items():
            if erased_at > saved_at and self.people.pop(person, None) is not None:
                self.erased[person] = self.now
        self.saved = None
        self.shop = self.open()

    def means(self):
        return find_means(self.policy, self.house.key, self.clock)

    def clock(self) -> datetime:
        return self.now

    @property
    def size(self) -> int:
        """How many people the shop knows."""
        return len(self.people) + sum(map(self.shop.knows, (*GUESTS, ACCOUNT)))

    def maintain(self) -> None:
        self.shop.maintain()

    def upkeep(self) -> None:
        self.shop.maintain(skip=("train",))

    def reopen(self) -> None:
        self.shop.close()
        self.shop = self.open()

    def check(self) -> None:
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
        self.check_models()
        rows = set(self.house.rows("SELECT subject FROM subjects"))
        assert len(rows) == self.size
        for table in ("events", "consent_records", "manifests"):
            assert set(self.house.rows(f"SELECT DISTINCT subject FROM {table}")) <= rows  # noqa: S608
        mine = "SELECT DISTINCT subject FROM ledger_details WHERE subject IS NOT NULL"
        assert set(self.house.rows(mine)) <= rows
        keys = self.house.count("subject_keys", store="keys")
        # Of a copy that is older than its keys, some keys are nobody's until they are swept.
        assert keys == self.size or (self.restored and keys > self.size)

    def check_models(self) -> None:
        cards = self.shop.models.cards()
        in_service = {one.algorithm for one in cards if one.in_service}
        assert in_service == EXACT or (self.restored and not in_service)
        if cards and cards[0].training not in self.late:
            for one in self.shop.models.compare_with_refit():
                assert one.largest_difference <= one.tolerance, one
                assert one.tolerance == (1e-6 if one.algorithm == "ease" else 0.0)


def us(moment: int) -> datetime:
    return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(microseconds=moment)


lives = given(st.lists(OPERATIONS, min_size=1, max_size=25))
slowly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.only_sqlite("thirty lives here, six on a server, where each takes longer")
@settings(slowly, max_examples=30)
@lives
def test_any_life_keeps_the_laws(build: Callable[..., House], operations):
    """Whatever happens in whatever order, consent, forgetting and the log hold."""
    live(build, operations)


@pytest.mark.only_postgresql
@settings(slowly, max_examples=6)
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
            for operation in operations:
                life.run(operation)
                life.check()
            life.pass_time(timedelta(minutes=1))
            life.maintain()
            life.pass_time(timedelta(minutes=1))
            assert not life.late & {
                one.version for one in life.shop.models.versions() if one.active
            }
            life.check()
            assert not [one for one in life.shop.audit.unfounded() if one.found]
        finally:
            life.shop.close()
            life.house.remove()
