"""One life of a small shop, act by act, and what has to be true of it after each of them.

Beside the shop runs a model of law 3 in a few lines: what each purpose may see of each person, and
which items each version has learned to go together in their orders, and not forgotten. Of guests,
whose sessions are merged into an account, it knows nothing: for them stands what the models say.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import knowingly
from houses import Databases, Files, House
from knowingly.backup.creating import create
from knowingly.backup.restoring import restore_data
from knowingly.means import find_means
from knowingly.store import models as stored
from known import KEEP, PURPOSES, VALID, Known, lines, together

NOTICE = "2026-01/en"
PEOPLE = ("ann", "bob", "cay", "dan")
CROWD = tuple(f"crowd{n}" for n in range(3))
GUESTS = ("eve", "fay")
ACCOUNT = "gus"
ALGORITHMS: dict[str, dict[str, Any]] = {
    "also_bought": {"measure": "lift"},
    "also_viewed": {"measure": "cosine"},
    "bought_together": {},
    "ease": {"l2": 20.0},
    "item_item": {},
    "popular_in_category": {},
    "popularity": {"half_life_days": 10},
    "trending": {},
}
EXACT = set(ALGORITHMS)
FLOOR = 2
ITEMS = ("cup", "pot", "tin")
MINUTE = timedelta(minutes=1)


class Crash(Exception):  # noqa: N818 - no error of anybody's
    """The power is cut."""


def cut(*_: object) -> None:
    raise Crash


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
                    "min_subjects": FLOOR,
                    "min_item_subjects": FLOOR,
                    "keep": 3,
                    "algorithms": ALGORITHMS,
                },
            }
        )
        self.saved: Saved | None = None
        self.restored = 0
        self.waited: datetime | None = None
        self.is_due = False
        self.learned: dict[int, dict[str, set[tuple[str, str]]]] = {}
        self.sent: list[Mapping[str, Any]] = []
        self.orders: list[Mapping[str, Any]] = []
        self.shop = self.open()
        self.shop.items.upsert([{"id": item} for item in ITEMS], strict=True)
        for person in CROWD:
            self.grant(person, PURPOSES)
        self.pass_time(timedelta(hours=1))
        for number, person in enumerate(CROWD):
            self.order(person, [(item, 1) for item in ITEMS[: 2 + number % 2]], 0)

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
        self.pass_time(MINUTE)
        if name in {"refuse", "withdraw", "object"}:
            self.deny(name, *given_)
        else:
            getattr(self, name)(*given_)
        self.keep_what_stands()

    def keep_what_stands(self) -> None:
        """Of each version what was learned, less what does not stand any more."""
        kept = {one.version for one in self.shop.models.versions()}
        now = {who: lines(known.held("train", self.now)) for who, known in self.people.items()}
        for version in kept - self.learned.keys():
            self.learned[version] = {
                who: lines(known.seen("train", self.now)) for who, known in self.people.items()
            }
        self.learned = {
            version: {who: had & now.get(who, set()) for who, had in of.items()}
            for version, of in self.learned.items()
            if version in kept
        }

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
        self.send({"subject": person, "kind": kind, "item": item, "at": at})

    def order(self, person, lines, days_ago) -> None:
        """Place an order, of now or in a till that is heard of later."""
        at = self.now - timedelta(days=days_ago)
        self.orders.append({"subject": person, "id": f"order {len(self.orders)}", "at": at})
        self.send({**self.orders[-1], "updated_at": at, "lines": as_lines(lines)})

    def amend(self, which, lines, is_late) -> None:
        """Send another edition of an order, or one that was on its way while others came in."""
        if which < len(self.orders):
            updated_at = self.now - timedelta(seconds=90 if is_late else 0)
            order = self.orders[-1 - which]
            self.send({**order, "updated_at": updated_at, "lines": as_lines(lines)})

    def undo(self, which, kind, item, quantity) -> None:
        """Cancel or return units of an order, or cancel all of it."""
        if which >= len(self.orders) or (item is None and kind == "return"):
            return
        order = self.orders[-1 - which]
        row = {"subject": order["subject"], "kind": kind, "order": order["id"], "at": self.now}
        more = {} if item is None else {"item": item, "quantity": quantity}
        self.send({**row, **more, "event_id": f"undo {len(self.sent)}"})

    def again(self, which) -> None:
        """Send what has been sent with a name once more, as an app does that was not answered."""
        named = [row for row in self.sent if "lines" in row or "event_id" in row]
        if which < len(named):
            self.send(named[-1 - which])

    def send(self, row) -> None:
        """Let an event or an order come in."""
        intake = self.shop.track([row])
        assert not intake.refused
        self.sent.append(row)
        person, at = row["subject"], row["at"]
        known, erased = self.people.get(person), self.erased.get(person)
        wanted = known is not None and (erased is None or at > erased)
        if wanted:
            known.take(row, self.now)
        if not (wanted and known.keeps(at, self.now)):
            assert intake.kept == 0
        elif "lines" not in row and "event_id" not in row:
            assert intake.kept == 1

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
        """What runs out by itself is there until somebody looks."""
        self.pass_time(timedelta(days=days))
        self.waited, self.is_due = self.now, True

    def train(self) -> None:
        self.shop.train()
        self.is_due = False
        self.keep_what_stands()
        # A minute, so that what comes next is not of the training's own moment.
        self.pass_time(MINUTE)

    def rollback(self) -> None:
        try:
            self.shop.models.rollback()
        except (knowingly.NotFittedError, knowingly.InputError):
            return  # none is kept, or it learned from what is too old by now

    def visit(self, guest, item) -> None:
        self.shop.consent.grant(guest, PURPOSES, notice=NOTICE)
        self.pass_time(MINUTE)
        self.shop.track(guest, "view", item)

    def merge(self, guest) -> None:
        if not self.shop.knows(guest):
            return
        self.shop.consent.grant(ACCOUNT, PURPOSES, notice=NOTICE)
        self.pass_time(MINUTE)
        self.shop.profiles.merge(guest, into=ACCOUNT)
        self.saved = None

    def crash(self, operation) -> None:
        """The power is cut where models have changed, and nothing of it is committed."""
        with pytest.MonkeyPatch.context() as patch:
            for name in (
                "delete_manifests",
                "add_training",
                "change_manifests",
                "add_serving_rows",
            ):
                patch.setattr(stored, name, cut)
            with suppress(Crash):
                self.run(operation)
        self.reopen()

    def save(self) -> None:
        """Back the data up, without the keys."""
        folder = self.house.folder / f"saved at {self.now:%j %H %M}"
        create(self.house.url, None, data_to=folder, means=self.means(), clock=self.clock)
        people, learned = deepcopy((self.people, self.learned))
        self.saved = Saved(folder, self.now, people, learned, self.is_due)

    def restore(self) -> None:
        """Go back to the data of then with the keys of now: who was erased since stays erased."""
        if self.saved is None:
            return
        saved, before, place = self.saved, self.house.place, self.empty_place()
        self.shop.close()
        restore_data(
            saved.folder,
            self.means(),
            to=place.url,
            key_store=before.keys_url,
            copy_keys_to=place.keys_url,
        )
        before.remove()
        self.house.place, self.people, self.learned = place, saved.people, saved.learned
        self.is_due = saved.is_due or (self.waited is not None and self.waited > saved.at)
        for person, erased_at in self.erased.items():
            if erased_at > saved.at and self.people.pop(person, None) is not None:
                self.erased[person] = self.now
        self.saved = None
        self.shop = self.open()

    def empty_place(self) -> Files | Databases:
        """Where nothing is yet, of the same kind as the shop."""
        self.restored += 1
        if isinstance(self.house.place, Databases):
            server = self.house.place.server
            return Databases(server, server.migrated_pair())
        there = self.house.folder / f"restored {self.restored}"
        there.mkdir()
        return Files(there)

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
        self.is_due = False
        self.keep_what_stands()

    def upkeep(self) -> None:
        self.shop.maintain(skip=("train",))
        self.is_due = False

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
                    (us(one.at_us), one.kind.value, one.item, one.quantity, one.order or "")
                    for one in view.events
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
        if cards and not self.is_due:
            for one in self.shop.models.compare_with_refit():
                assert one.largest_difference <= one.tolerance, one
                assert one.tolerance == (1e-6 if one.algorithm == "ease" else 0.0)
            self.check_together()

    def check_together(self) -> None:
        """Counted by hand: which items go into one order, of those whom the shop learns from."""
        if any(map(self.shop.knows, (*GUESTS, ACCOUNT))):
            return
        with self.shop._tenancy.read() as snapshot:
            serving = self.shop.models._registry.at(snapshot)
            ids = self.shop._tenancy.catalogue.at(snapshot).ids
        if serving is None or "bought_together" not in serving.models:
            return
        items = [ids[row] for row in serving.items]
        people = Counter(
            pair
            for learned in self.learned[serving.training].values()
            for pair in together(learned)
            if set(pair) <= set(items)
        )
        model = serving.models["bought_together"]
        shown = {
            (items[row], items[other]): int(number)
            for row, (others, numbers) in enumerate(zip(model.neighbour, model.count, strict=True))
            for other, number in zip(others, numbers, strict=True)
            if other >= 0
        }
        assert shown == {pair: number for pair, number in people.items() if number >= FLOOR}


class Saved(NamedTuple):
    """A backup, from when it is, and what should be in it."""

    folder: Path
    at: datetime
    people: dict[str, Known]
    learned: dict[int, dict[str, set[tuple[str, str]]]]
    is_due: bool


def as_lines(lines: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """Lines of an order; of every second one a part of the price is taken off."""
    return [
        {"item": item, "quantity": quantity, "price": 5.0, "discount": float(number % 2)}
        for number, (item, quantity) in enumerate(lines)
    ]


def us(moment: int) -> datetime:
    return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(microseconds=moment)
