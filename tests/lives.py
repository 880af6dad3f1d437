"""Random lives of a shop, as plain acts that can be done to two shops, and what each then shows."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import knowingly
from houses import Clock, House

NOTICE = "2026-01/en"
PURPOSES = ("personalize", "train", "measure")
ACCOUNTS = tuple(f"account{n}" for n in range(6))
SESSIONS = tuple(f"session{n}" for n in range(4))
CROWD = tuple(f"crowd{n}" for n in range(4))
EVERYONE = (*ACCOUNTS, *SESSIONS, *CROWD)
ITEMS = tuple(f"item{n}" for n in range(6))
KINDS = ("view", "cart", "purchase", "like", "return", "hide")
SIZE = {"title": "Size", "purposes": ["personalize"], "kind": "number"}

BY_STEPS = frozenset({"maintain", "retain", "rotate"})
"""Several transactions, after any of which they can end: begun again, they do what is left."""
WITH_SAGA = frozenset({"erase", "merge", "reseal"})
"""Once their first transaction is there, the rest follows whatever happens."""

WEIGHTS = {
    "one": 6,
    "many": 6,
    "order": 5,
    "again": 4,
    "grant": 6,
    "refuse": 2,
    "withdraw": 3,
    "object": 1,
    "restrict": 1,
    "unrestrict": 1,
    "set": 2,
    "link": 2,
    "hold": 1,
    "release": 1,
    "upsert": 2,
    "train": 3,
    "erase": 3,
    "merge": 3,
    "reseal": 2,
    "rotate": 2,
    "retain": 1,
    "maintain": 2,
}


@dataclass(frozen=True)
class Act:
    """One call of a shop, at a moment of its clock."""

    verb: str
    at: datetime
    given: tuple[Any, ...] = ()


def grown(house: House) -> knowingly.Shop:
    """A new shop with a crowd that has taught its models."""
    house.policy = house.policy.model_copy(update={"data": {"size": SIZE}})
    house.with_policy(
        models={"min_subjects": 2, "min_item_subjects": 2},
        intake={
            "past_orders": {"purposes": ["personalize"], "basis": "legitimate_interest"},
        },
    )
    shop = house.open()
    shop.items.upsert([{"id": item, "title": item.title()} for item in ITEMS], strict=True)
    for number, person in enumerate(CROWD):
        shop.consent.grant(person, PURPOSES, notice=NOTICE)
        for item in ITEMS[number % 2 : 4]:
            shop.track(person, "purchase", item, event_id=f"{person} {item}")
    house.clock.forward(minutes=1)
    shop.train()
    return shop


class Planner:
    """Draws acts; sends some of what was sent again, as an app does that was not answered."""

    def __init__(self, random: Random, clock: Clock) -> None:
        self._random, self._clock = random, clock
        self._sent: list[dict[str, Any]] = []
        self._number = 0

    def acts(self, count: int) -> list[Act]:
        """The next acts, each a minute or some days after the one before it."""
        verbs = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
        at, acts = self._clock.now, []
        for verb in verbs:
            waits = self._random.random() < 0.05
            at += timedelta(days=self._random.randint(1, 40)) if waits else timedelta(minutes=1)
            acts.append(Act(verb, at, self._given(verb, at)))
        return acts

    def _given(self, verb: str, at: datetime) -> tuple[Any, ...]:
        pick, some = self._random.choice, self._random.randint
        match verb:
            case "train" | "rotate" | "retain" | "maintain":
                given: tuple[Any, ...] = ()
            case "one":
                given = (self._event(at),)
            case "many":
                given = ([self._event(at) for _ in range(some(2, 12))],)
            case "order":
                given = (self._order(at),)
            case "again":
                known = self._sent[-40:]
                given = (self._random.sample(known, min(4, len(known))),)
            case "upsert":
                given = (pick(ITEMS), f"Title {some(0, 1_000_000)}")
            case "merge":
                given = (pick(SESSIONS), pick(ACCOUNTS))
            case _:
                given = (pick((*ACCOUNTS, *SESSIONS)), *self._chosen(verb))
        return given

    def _chosen(self, verb: str) -> tuple[Any, ...]:
        match verb:
            case "grant" | "refuse" | "withdraw" | "object":
                return (self._random.sample(PURPOSES, self._random.randint(1, 3)),)
            case "set":
                return (self._random.randint(30, 50),)
            case "link":
                return (f"{self._random.choice(EVERYONE)}@example.org",)
            case _:
                return ()

    def _event(self, at: datetime) -> dict[str, Any]:
        self._number += 1
        event = {
            "subject": self._random.choice((*ACCOUNTS, *SESSIONS)),
            "kind": self._random.choice(KINDS),
            "item": self._random.choice(ITEMS),
            "event_id": f"e{self._number}",
            "at": at,
        }
        self._sent.append(event)
        return event

    def _order(self, at: datetime) -> dict[str, Any]:
        self._number += 1
        lines = self._random.sample(ITEMS, self._random.randint(1, 3))
        order = {
            "subject": self._random.choice((*ACCOUNTS, *SESSIONS)),
            "id": f"o{self._random.randint(0, self._number // 4)}",
            "at": at - timedelta(days=self._random.choice((0, 0, 20))),
            "updated_at": at,
            "lines": [{"item": item} for item in lines],
        }
        self._sent.append(order)
        return order


def _intake(found: knowingly.Intake) -> dict[str, Any]:
    return asdict(found)


VERBS: dict[str, Callable[..., Any]] = {
    "one": lambda shop, event: _intake(shop.track(**event)),
    "many": lambda shop, events: _intake(shop.track(events)),
    "order": lambda shop, order: _intake(shop.track(order)),
    "again": lambda shop, rows: _intake(shop.track(rows)),
    "grant": lambda shop, who, purposes: shop.consent.grant(who, purposes, notice=NOTICE) and None,
    "refuse": lambda shop, who, purposes: shop.consent.refuse(who, purposes) and None,
    "withdraw": lambda shop, who, purposes: shop.consent.withdraw(who, purposes) and None,
    "object": lambda shop, who, purposes: shop.consent.object(who, purposes) and None,
    "restrict": lambda shop, who: shop.rights.restrict(who) and None,
    "unrestrict": lambda shop, who: shop.rights.lift_restriction(who) and None,
    "set": lambda shop, who, size: _intake(shop.profiles.set(who, {"size": size})),
    "link": lambda shop, who, email: shop.profiles.link(who, "email", email),
    "hold": lambda shop, who: shop.rights.hold(who, reason="a dispute") and None,
    "release": lambda shop, who: shop.rights.release_hold(who) and None,
    "upsert": lambda shop, item, title: shop.items.upsert({"id": item, "title": title}) and None,
    "train": lambda shop: shop.train().people,
    "erase": lambda shop, who: shop.rights.erase(who).is_genuine(),
    "merge": lambda shop, session, into: asdict(shop.profiles.merge(session, into=into)),
    # Of manifests there can be one more: a training that was killed left it to the next.
    "reseal": lambda shop, who: {
        table: rows for table, rows in shop.keys.reseal(who).rows.items() if table != "manifests"
    },
    "rotate": lambda shop: shop.keys.rotate(destroy_old=True) and None,
    "retain": lambda shop: shop.retain(apply=True) and None,
    "maintain": lambda shop: shop.maintain(skip=("release",)) and None,
}


def perform(shop: knowingly.Shop, clock: Clock, act: Act) -> Any:
    """Do it; what it said, or the name of its error. Only a failing database is raised."""
    clock.now = act.at
    try:
        return VERBS[act.verb](shop, *act.given)
    except knowingly.StoreError:
        raise
    except knowingly.KnowinglyError as error:
        return type(error).__name__


TOLD = ("consent.", "erasure.begun", "erasure.done", "hold.", "profile.", "subject.")
"""Entries of the log that one act leaves once, however often its process was killed."""
COUNTED = ("subjects", "consent_records", "events", "traits", "identities", "holds", "tombstones")


def shown(house: House, shop: knowingly.Shop) -> dict[str, Any]:
    """All that a shop lets one see, and what only its tables and its log tell."""
    seen: dict[str, Any] = {
        "items": [(item, shop.items.get(item).title) for item in ITEMS],
        "rows": {table: house.count(table) for table in COUNTED},
        "kept for": house.rows("SELECT coalesce(sum(purposes), 0) FROM events"),
        "models": [(one.algorithm, one.people, one.trained_at) for one in shop.models.cards()],
    }
    for person in EVERYONE:
        page = shop.recommend(person)
        seen[person] = {
            "known": shop.knows(person),
            "status": {
                purpose: (one.allowed, one.reason)
                for purpose, one in shop.consent.status(person).items()
            },
            "views": {purpose: _view(shop, person, purpose) for purpose in PURPOSES},
            # Of events of one moment, any may be the reason.
            "page": (page.basis, [hit.item for hit in page.hits]),
        }
    kinds = Counter(entry.kind for entry in _entries(shop) if entry.kind.startswith(TOLD))
    return {**seen, "log": kinds}


def _view(shop: knowingly.Shop, person: str, purpose: str) -> Any:
    view = shop.profiles.view(person, purpose)
    events = [(one.at_us, one.kind, one.item, one.quantity, one.order) for one in view.events]
    traits = {name: (one.value, one.at_us) for name, one in view.traits.items()}
    return sorted(map(str, events)), traits


def _entries(shop: knowingly.Shop) -> list[knowingly.Entry]:
    found: list[knowingly.Entry] = []
    while page := shop.audit.entries(since=len(found), limit=1_000):
        found += page
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Where two shops differ."""
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}
