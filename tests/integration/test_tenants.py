"""Two merchants with the same ids in one database: nothing of one is seen or changed by the other.

Every public call has a case here: a new one without a case fails.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from sqlalchemy import Engine, event

import knowingly
from knowingly.importing import tables
from knowingly.importing.saved import SavedProgress
from knowingly.ledger import checkpoints
from knowingly.samples import tea_shop
from knowingly.store import key_schema, notifications, schema

MARK = "theirs"
"""In everything that only the other merchant has."""
WHO = "t003"
ROOMS = (
    *("items", "consent", "signals", "profiles", "models", "slots", "aggregates", "rights"),
    *("audit", "keys"),
)
THEIRS_ONLY = f"{MARK}@example.org"
PURPOSES = ["personalize", "train", "measure"]
NOTICE = "2026-01/en"


def checkpoint_of(shop):
    """What could be signed of a log, without keeping it."""
    with shop._tenancy.read() as snapshot:
        return checkpoints.current(snapshot, shop._tenancy)


def bundle_of(shop):
    """All that a bundle says."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.jsonl"
        shop.audit.bundle(path)
        return path.read_text()


def refused(call):
    """The call must find nothing to do."""
    with pytest.raises(knowingly.KnowinglyError) as caught:
        call()
    return str(caught.value)


MAILER = {"name": "Mailer Ltd", "role": "processor", "country": "IE"}


def waiting_notifications(shop):
    """The ids of notifications that wait, looked up without an entry."""
    with shop._tenancy.read() as snapshot:
        return [row.notification for row in notifications.waiting(snapshot)]


OLD_CHOICES = """
kind = "choices"
[origin]
system = "CMP"
quality = "asserted"
[fields]
subject = "who"
action = { constant = "refuse" }
"""


def imported(shop, *lines, mapping=None):
    """A file of these lines, imported after an import of it was stopped once."""
    with TemporaryDirectory() as folder:
        path, how = Path(folder) / "file.csv", Path(folder) / "map.toml"
        path.write_text("\n".join(map(",".join, lines)))
        how.write_text(mapping or "")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tables, "ROWS_PER_BATCH", 1)
            patch.setattr(SavedProgress, "forget", stop)
            with pytest.raises(KeyboardInterrupt):
                shop.import_file(path, mapping=how if mapping else None)
        report = shop.import_file(path, mapping=how if mapping else None)
        assert report.resumed_after
        return report


def stop(*_):
    raise KeyboardInterrupt


def saved_files(shop):
    """Every byte of the models' files, as text."""
    with TemporaryDirectory() as folder:
        shop.models.save(Path(folder) / "models")
        return [path.read_bytes().decode("latin-1") for path in sorted(Path(folder).glob("*/*"))]


def saved_and_read(shop):
    """What a shop's own file says."""
    with TemporaryDirectory() as folder:
        shop.models.save(Path(folder) / "models")
        read = shop.models.read(Path(folder) / "models", "popularity")
        return [read.items, read.card, read.model.arrays()]


SIZE = {
    "title": "Size",
    "purposes": ["personalize"],
    "kind": "number",
    "category": "purchase",
}
CASES = {
    "name": lambda shop, _: shop.name,
    "now": lambda shop, _: shop.now(),
    "policy": lambda shop, _: shop.policy.digest,
    "plugins": lambda shop, _: sorted(shop.plugins.algorithms),
    "tenant": lambda shop, _: shop.tenant(shop.name) is shop,
    "acting_as": lambda shop, _: [
        shop.acting_as("dpo").name,
        shop.acting_as("dpo").audit.note_read("view", WHO),
    ],
    "knows": lambda shop, _: [shop.knows(WHO), not shop.knows(f"{MARK}-person")],
    "track": lambda shop, theirs: [
        shop.track(WHO, "purchase", "assam", event_id="1-1"),
        refused(lambda: shop.track(WHO, "view", f"{MARK}-item")),
    ],
    "explain": lambda shop, theirs: [
        shop.explain(WHO, shop.recommend(WHO, k=3).hits[0], k=3),
        shop.explain(WHO, shop.recommend(WHO, k=40).hits[-1].item, k=40, basket=[f"{MARK}-item"]),
        refused(lambda: shop.explain(WHO, f"{MARK}-item")),
        shop.explain(WHO, shop.recommend(WHO, k=3).hits[0], slot=["home", "trending"], k=3),
    ],
    "slots.parameters": lambda shop, _: shop.slots.parameters("home"),
    "train": lambda shop, _: shop.train(),
    "recommend_many": lambda shop, theirs: [
        shop.recommend_many(WHO, slots=["home", "cart"], basket=[f"{MARK}-item"], k=20),
        shop.recommend_many(f"{MARK}-person", slots=["home", "product"], item=f"{MARK}-item"),
    ],
    "recommend": lambda shop, theirs: [
        shop.recommend(WHO, k=40),
        shop.recommend(f"{MARK}-person", k=40),
        shop.recommend(WHO, slot="product", item=f"{MARK}-item", k=40).hits,
        shop.recommend(slot="cart", basket=[f"{MARK}-item"], k=40),
    ],
    "evaluate": lambda shop, _: [
        shop.evaluate(k=40, consent_rates=()).as_dict(),
        refused(lambda: shop.evaluate(served=True)),
    ],
    "maintain": lambda shop, _: shop.maintain(),
    "stats": lambda shop, _: shop.stats(),
    "close": None,  # for every merchant of the databases: its docstring says so
    "retain": lambda shop, _: [shop.retain(), shop.retain(apply=True)],
    "import_file": lambda shop, _: [
        imported(shop, ["subject", "kind", "item"], [WHO, "view", "assam"], [WHO, "view", MARK]),
        imported(shop, ["id", "title"], ["assam", "Ours"]),
        imported(shop, ["who"], ["t014"], ["t015"], mapping=OLD_CHOICES),
    ],
    "items.get": lambda shop, _: [
        shop.items.get("assam"),
        shop.items.get(f"{MARK}-item") is None,
    ],
    "items.upsert": lambda shop, _: shop.items.upsert([{"id": "assam", "title": "Ours"}]),
    "items.view": lambda shop, _: list(shop.items.view().titles),
    "consent.grant": lambda shop, _: shop.consent.grant(WHO, PURPOSES, notice=NOTICE),
    "consent.refuse": lambda shop, _: shop.consent.refuse("t005", ["measure"]),
    "consent.withdraw": lambda shop, _: shop.consent.withdraw("t006"),
    "consent.object": lambda shop, _: shop.consent.object("t007", ["train"]),
    "consent.record": lambda shop, _: shop.consent.record(
        [{"subject": "t008", "action": "withdraw"}]
    ),
    "consent.signal": lambda shop, _: [
        shop.consent.signal("t009", knowingly.Signal("gpc", objects=frozenset({"share"}))),
        shop.consent.signal("t012", shop.signals.read(shopify={"analytics": "no"})),
    ],
    "signals.read": lambda shop, _: shop.signals.read(
        headers={"Sec-GPC": "1"}, gpp="DBABTA~1YYN", shopify={"preferences": "yes"}
    ),
    "signals.gpc_support": lambda shop, _: shop.signals.gpc_support('{"gpc": true}'),
    "consent.status": lambda shop, _: [
        shop.consent.status(WHO),
        not any(one.allowed for one in shop.consent.status(f"{MARK}-person").values()),
    ],
    "consent.receipt": lambda shop, theirs: [
        shop.consent.receipt(WHO, shop.consent.refuse(WHO, ["share"]).index).document(),
        refused(lambda: shop.consent.receipt(f"{MARK}-person", 1)),
    ],
    "consent.explain": lambda shop, theirs: [
        shop.consent.explain(shop.recommend(WHO).decision),
        refused(lambda: shop.consent.explain(theirs.recommend(WHO).decision)),
        shop.consent.explain(WHO, "train"),
        shop.consent.explain(f"{MARK}-person", "train").entries == (),
    ],
    "consent.log": lambda shop, _: [
        shop.consent.log(WHO),
        refused(lambda: shop.consent.log(f"{MARK}-person")),
    ],
    "profiles.view": lambda shop, _: [
        shop.profiles.view(WHO, "personalize"),
        shop.profiles.view(f"{MARK}-person", "personalize"),
    ],
    "profiles.set": lambda shop, _: [
        shop.profiles.set(WHO, {"size": 42}),
        shop.profiles.set(f"{MARK}-person", {"size": 42}),
    ],
    "profiles.rectify": lambda shop, _: [
        shop.profiles.rectify(WHO, {"size": 43}),
        refused(lambda: shop.profiles.rectify(f"{MARK}-person", {"size": 43})),
    ],
    "profiles.remove": lambda shop, _: [
        shop.profiles.remove(WHO, ["size"]),
        refused(lambda: shop.profiles.remove(f"{MARK}-person", ["size"])),
    ],
    "profiles.link": lambda shop, _: shop.profiles.link(WHO, "email", THEIRS_ONLY),
    "profiles.unlink": lambda shop, _: [shop.profiles.unlink(WHO, "email", THEIRS_ONLY)],
    "profiles.find": lambda shop, _: [shop.profiles.find("email", THEIRS_ONLY) is None],
    "profiles.merge": lambda shop, _: [
        shop.profiles.merge("t010", into=WHO),
        refused(lambda: shop.profiles.merge(f"{MARK}-person", into=WHO)),
    ],
    "models.cards": lambda shop, _: shop.models.cards(),
    "models.versions": lambda shop, _: shop.models.versions(),
    "models.rollback": lambda shop, _: [shop.train(), shop.models.rollback()],
    "models.prune": lambda shop, _: [shop.train(), shop.models.prune()],
    "models.record": lambda shop, _: shop.models.record(shop.evaluate(k=40, consent_rates=())),
    "models.save": lambda shop, _: saved_files(shop),
    "models.read": lambda shop, theirs: saved_and_read(shop),
    "models.compare_with_refit": lambda shop, _: shop.models.compare_with_refit(),
    "aggregates.bestsellers": lambda shop, _: shop.aggregates.bestsellers(),
    "aggregates.release_bestsellers": lambda shop, _: shop.aggregates.release_bestsellers(),
    "aggregates.budget": lambda shop, _: shop.aggregates.budget(),
    "rights.export": lambda shop, _: [
        shop.rights.export(WHO),
        refused(lambda: shop.rights.export(f"{MARK}-person")),
    ],
    "rights.erase": lambda shop, _: [
        shop.rights.erase("t009").statement,
        refused(lambda: shop.rights.erase(f"{MARK}-person")),
    ],
    "rights.restrict": lambda shop, _: [
        shop.rights.restrict("t011"),
        refused(lambda: shop.rights.restrict(f"{MARK}-person")),
    ],
    "rights.lift_restriction": lambda shop, _: [
        shop.rights.lift_restriction("t011"),
        refused(lambda: shop.rights.lift_restriction(f"{MARK}-person")),
    ],
    "rights.hold": lambda shop, _: [
        shop.rights.hold("t012", reason="a dispute"),
        refused(lambda: shop.rights.hold(f"{MARK}-person", reason="a dispute")),
    ],
    "rights.holds": lambda shop, _: [
        shop.rights.hold("t001", reason="a dispute"),
        shop.rights.holds(),
    ],
    "rights.release_hold": lambda shop, _: refused(lambda: shop.rights.release_hold(WHO)),
    "rights.disclosed": lambda shop, _: [
        shop.rights.disclosed(WHO, "mailer", "an address", purpose="marketing"),
        refused(lambda: shop.rights.disclosed(f"{MARK}-person", "mailer", "x", purpose="train")),
    ],
    "rights.recipients": lambda shop, _: [
        shop.rights.recipients(WHO),
        refused(lambda: shop.rights.recipients(f"{MARK}-person")),
    ],
    "rights.tell_recipients": lambda shop, _: [shop.rights.tell_recipients()],
    "rights.notifications": lambda shop, _: [
        shop.rights.disclosed("t017", "mailer", "an address", purpose="marketing"),
        shop.rights.erase("t017").statement,
        shop.rights.notifications(),
    ],
    "rights.note_told": lambda shop, theirs: [
        refused(lambda name=name: shop.rights.note_told(name))
        for name in waiting_notifications(theirs)
    ],
    "rights.claims_evidence": lambda shop, _: [
        shop.rights.erase("t016").statement,
        shop.rights.claims_evidence("t016"),
        refused(lambda: shop.rights.claims_evidence("t000")),
    ],
    "rights.certificates": lambda shop, _: {"all": shop.rights.certificates()},
    "keys.status": lambda shop, _: shop.keys.status(),
    "keys.rotate": None,  # for every merchant of the databases: its docstring says so
    "keys.note_destroyed": None,  # as above
    "keys.reseal": lambda shop, _: [
        shop.keys.reseal("t013"),
        refused(lambda: shop.keys.reseal(f"{MARK}-person")),
    ],
    "audit.policies": lambda shop, _: shop.audit.policies(),
    "audit.policy": lambda shop, _: shop.audit.policy().digest,
    "keys.rotate_signing": lambda shop, _: shop.keys.rotate_signing(),
    "audit.verify": lambda shop, theirs: [
        shop.audit.verify(strict=True),
        refused(lambda: shop.audit.verify(since=checkpoint_of(theirs))),
    ],
    "audit.key": lambda shop, _: shop.audit.key(),
    "audit.keys": lambda shop, _: shop.audit.keys(),
    "audit.checkpoint": lambda shop, _: shop.audit.checkpoint(),
    "audit.prove": lambda shop, _: shop.audit.prove(3),
    "audit.consistency": lambda shop, _: shop.audit.consistency(3),
    "audit.bundle": lambda shop, _: bundle_of(shop),
    "audit.entries": lambda shop, _: shop.audit.entries(limit=10_000),
    "audit.search": lambda shop, _: [
        shop.audit.search(limit=10_000),
        shop.audit.search(subject=WHO),
        shop.audit.search(actor="staff"),
        refused(lambda: shop.audit.search(subject=f"{MARK}-person")),
    ],
    "audit.who_saw": lambda shop, _: shop.audit.who_saw(NOTICE, limit=10_000),
    "audit.choices": lambda shop, _: shop.audit.choices(by=("day", "purpose", "notice")),
    "audit.expiring": lambda shop, _: shop.audit.expiring(3_650),
    "audit.withdrawal_latency": lambda shop, _: shop.audit.withdrawal_latency(),
    "audit.unfounded": lambda shop, _: shop.audit.unfounded(),
    "audit.note_read": lambda shop, _: [
        shop.audit.note_read("view", WHO),
        shop.audit.note_read("view", f"{MARK}-person"),
    ],
}


def calls_of(shop: knowingly.Shop) -> set[str]:
    """The public methods and properties of a shop and its rooms, by name."""
    found = {name for name in vars(knowingly.Shop) if not name.startswith("_")}
    for room in ROOMS:
        methods = vars(type(getattr(shop, room)))
        found |= {f"{room}.{name}" for name in methods if not name.startswith("_")}
    return found


def words(value: object) -> Iterable[str]:
    """Every word and number in a value, whatever its ``repr`` keeps to itself."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from words(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from words(key)
            yield from words(one)
    elif isinstance(value, list | tuple | set | frozenset | np.ndarray):
        for one in value:
            yield from words(one)
    else:
        yield str(value)


@pytest.fixture(scope="module")
def market(tea_files, tmp_path_factory):
    """The tea shop, and another one in the same databases that has the same ids, and more."""
    house = tea_files.copy(tmp_path_factory.mktemp("market") / "house")
    house.with_policy(
        aggregates={"min_people": 20, "top": 5}, evidence={"keep_days_after_erasure": 30}
    )
    house.policy = house.policy.model_copy(
        update={"data": {"size": SIZE}, "recipients": {"mailer": MAILER}}
    )
    ours = house.open()
    theirs = ours.tenant("acme")
    tea_shop(theirs)
    titles = [{"id": one, "title": f"{MARK} {one}"} for one in (*theirs.items.view().ids,)]
    theirs.items.upsert([*titles, {"id": f"{MARK}-item", "title": MARK}], strict=True)
    theirs.consent.grant(f"{MARK}-person", PURPOSES, notice=NOTICE)
    theirs.profiles.set(f"{MARK}-person", {"size": 40})
    theirs.profiles.link(f"{MARK}-person", "email", THEIRS_ONLY)
    theirs.rights.hold(f"{MARK}-person", reason=MARK)
    theirs.track(f"{MARK}-person", "purchase", f"{MARK}-item", order=f"{MARK}-order")
    house.clock.forward(hours=1)
    theirs.train()
    theirs.rights.disclosed("t000", "mailer", MARK, purpose="marketing")
    theirs.rights.erase("t000")
    theirs.aggregates.release_bestsellers()
    house.clock.forward(hours=1)
    yield house
    house.remove()


@pytest.fixture
def two(market, tmp_path):
    """A copy of the two, open: the house, ours and theirs."""
    house = market.copy(tmp_path / "market")
    ours = house.open()
    yield house, ours, ours.tenant("acme")
    house.remove()


def everything_of(house, number: int, name: str) -> dict[str, list]:
    """All rows of one merchant, in both stores."""
    found = {}
    for store, metadata, own in (
        ("data", schema.metadata, number),
        ("keys", key_schema.metadata, name),
    ):
        for table in metadata.tables.values():
            if "tenant" in table.c:
                mine = f"SELECT * FROM {table.name} WHERE tenant = ?"  # noqa: S608
                found[table.name] = sorted(map(repr, house.rows(mine, own, store=store)))
    return found


def test_every_public_call_has_a_case(shop):
    """Whoever adds a call says here how it keeps two merchants apart."""
    assert set(CASES) == calls_of(shop)
    rooms = [name for name, value in vars(shop).items() if not name.startswith("_")]
    assert sorted(rooms) == sorted(ROOMS)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case is not None])
def test_nothing_of_another_merchant_is_seen_or_changed(two, name):
    """What a call gives names nothing of theirs, and all their rows are as before."""
    house, ours, theirs = two
    number = theirs._tenancy.number
    before = everything_of(house, number, "acme")
    assert len(before["events"]) > 500
    assert before["subject_keys"]
    shown = list(words(CASES[name](ours, theirs)))
    assert shown
    assert "False" not in shown or name not in {"knows", "tenant"}
    assert not [one for one in shown if MARK in one.lower()]
    assert everything_of(house, number, "acme") == before


STATEMENT = re.compile(r"^\s*(SELECT|UPDATE|DELETE|INSERT)\b", re.IGNORECASE)
TABLE = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)", re.IGNORECASE)
OWNED = {
    table.name
    for metadata in (schema.metadata, key_schema.metadata)
    for table in metadata.tables.values()
    if "tenant" in table.c
}
ACROSS = {
    # A new merchant's root key is held against those there are; it reads one merchant's name.
    "SELECT tenant_keys.tenant FROM tenant_keys WHERE tenant_keys.wrapped IS NOT NULL LIMIT",
    # A merchant is found by name, once, when opened.
    "SELECT tenants.tenant FROM tenants WHERE tenants.name =",
}


def names_its_tenant(statement: str) -> bool:
    """Whether a statement keeps to one merchant in every table it reads or changes."""
    if statement.startswith(tuple(ACROSS)) or not STATEMENT.match(statement):
        return True
    tables = set(TABLE.findall(statement)) & OWNED
    if statement.upper().startswith("INSERT"):
        columns = statement.partition("(")[2].partition(")")[0]
        return tables == {"tenants"} or "tenant" in columns.replace(",", " ").split()
    where = f"{statement.partition(' ON ')[2]} {statement.partition('WHERE')[2]}"
    bound = not tables or re.search(r"\.tenant = [?%]", where)
    named = [re.search(rf"\b{one}\.tenant = |= {one}\.tenant\b", where) for one in tables]
    return bool(bound) and all(named)


def test_every_statement_names_the_tenant(tea_house, backend):
    """Whatever the public calls do, each statement keeps to one merchant's rows."""
    seen = set()

    def look(_connection, _cursor, statement, *_):
        seen.add(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", look)
    try:
        tea_house.policy = tea_house.policy.model_copy(
            update={"data": {"size": SIZE}, "recipients": {"mailer": MAILER}}
        )
        tea_house.with_policy(evidence={"keep_days_after_erasure": 30})
        ours = tea_house.open()
        theirs = ours.tenant("acme")
        tea_shop(theirs)
        for case in CASES.values():
            if case is not None:
                tea_house.clock.now += timedelta(minutes=1)
                case(ours, theirs)
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    assert len(seen) > 60
    used = {name for statement in seen for name in TABLE.findall(statement)}
    assert used >= OWNED, OWNED - used
    assert [one for one in sorted(seen) if not names_its_tenant(one)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT events.body FROM events WHERE events.subject = ?",
        "DELETE FROM events WHERE events.day < ?",
        "UPDATE events SET purposes=? WHERE events.subject = ?",
        "SELECT 1 FROM events JOIN subjects ON events.day = 1 WHERE events.tenant = ?",
        "INSERT INTO events (subject, body) VALUES (?, ?)",
    ],
)
def test_a_statement_without_a_tenant_would_be_found(statement):
    """The look above can fail."""
    assert not names_its_tenant(statement)
