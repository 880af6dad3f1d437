"""What one person costs does not grow with how many others there are.

Every statement of every call about one person is asked how SQLite would find its rows: by more than
the tenant alone, in each table that grows with people, their events or their choices. What waits
for deletion is found without a look at the rest.
"""

import re
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import Engine, event

pytestmark = pytest.mark.only_sqlite("its query plans are read")

WHO = "t000"
NOTICE = "2026-01/en"
OF_THE_SHOP = {
    *("aggregate_releases", "budget", "imports", "import_refusals", "items", "variants", "kept"),
    *("key_acts", "models", "model_rows", "model_counts", "policies", "purpose_bits", "releases"),
    *("root_versions", "shop", "sqlite_master", "tenant_keys", "tenant_secrets", "tenants"),
    *("trainings", "checkpoints"),
}
"""What is there as often as the shop has items, models or keys of its own."""
BY_INDEX = re.compile(r"USING (?:COVERING )?INDEX (events|traits)_unusable")
STEP = re.compile(r"(?:SCAN|SEARCH) (?P<table>(?!CONSTANT)\w+)(?:.*\((?P<by>.*)\))?")

SIZE = {"title": "Size", "purposes": ["personalize"], "kind": "number", "category": "purchase"}
MAILER = {"name": "Mailer Ltd", "role": "processor", "country": "IE"}

CALLS = {
    "recommend": lambda shop: shop.recommend(WHO),
    "explain": lambda shop: shop.explain(WHO, shop.recommend(WHO).hits[0].item),
    "track": lambda shop: shop.track(WHO, "purchase", "assam", event_id="new"),
    "track, an order": lambda shop: shop.track(
        [{"subject": WHO, "id": "o-1", "at": shop.now(), "lines": [{"item": "assam"}]}], strict=True
    ),
    "consent.grant": lambda shop: shop.consent.grant(WHO, ["train"], notice=NOTICE),
    "consent.withdraw": lambda shop: shop.consent.withdraw(WHO, ["train"]),
    "consent.object": lambda shop: shop.consent.object(WHO, ["train"]),
    "consent.status": lambda shop: shop.consent.status(WHO),
    "consent.explain": lambda shop: shop.consent.explain(WHO, "train"),
    "consent.log": lambda shop: shop.consent.log(WHO),
    "profiles.view": lambda shop: shop.profiles.view(WHO, "train"),
    "profiles.set": lambda shop: shop.profiles.set(WHO, {"size": 42}),
    "profiles.rectify": lambda shop: shop.profiles.rectify(WHO, {"size": 43}),
    "profiles.remove": lambda shop: shop.profiles.remove(WHO, ["size"]),
    "profiles.link": lambda shop: shop.profiles.link(WHO, "email", "a@example.org"),
    "profiles.find": lambda shop: shop.profiles.find("email", "a@example.org"),
    "profiles.merge": lambda shop: shop.profiles.merge("t001", into=WHO),
    "rights.export": lambda shop: shop.rights.export(WHO),
    "rights.erase, of somebody with identities": lambda shop: [
        shop.profiles.link(WHO, "email", "a@example.org"),
        shop.rights.erase(WHO),
    ],
    "rights.restrict": lambda shop: shop.rights.restrict(WHO),
    "rights.hold": lambda shop: shop.rights.hold(WHO, reason="a dispute"),
    "rights.recipients": lambda shop: shop.rights.recipients(WHO),
    "rights.disclosed": lambda shop: shop.rights.disclosed(
        WHO, "mailer", "an address", purpose="train"
    ),
    "rights.erase": lambda shop: shop.rights.erase(WHO),
    "rights.claims_evidence": lambda shop: [
        shop.rights.erase(WHO),
        shop.rights.claims_evidence(WHO),
    ],
    "keys.reseal": lambda shop: shop.keys.reseal(WHO),
}


@pytest.fixture
def asked():
    """Every statement on a connection that is made from here on, with its values."""
    statements: list[str] = []

    def listen(connection, _record):
        connection.set_trace_callback(statements.append)

    event.listen(Engine, "connect", listen)
    yield statements
    event.remove(Engine, "connect", listen)


def unbounded(statement: str, files: list[sqlite3.Connection]) -> list[str]:
    """The steps that would go through a table that grows with people."""
    for file in files:
        try:
            plan = file.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        except sqlite3.OperationalError:
            continue
        steps = [found for *_, step in plan if (found := STEP.match(step))]
        return [
            f"{step[0]} in {statement}"
            for step in steps
            if step["table"] not in OF_THE_SHOP and (step["by"] or "tenant=?") == "tenant=?"
        ]
    raise AssertionError(statement)


@pytest.mark.parametrize("call", CALLS)
def test_a_call_about_one_person_reads_what_is_theirs(tea_house, asked, call):
    """By the subject, the keyed hash or the number that it is after."""
    tea_house.with_policy(evidence={"keep_days_after_erasure": 30})
    tea_house.policy = tea_house.policy.model_copy(
        update={"data": {"size": SIZE}, "recipients": {"mailer": MAILER}}
    )
    shop = tea_house.open()
    shop.recommend(WHO)
    shop.profiles.set(WHO, {"size": 41})
    shop.rights.disclosed(WHO, "mailer", "a name", purpose="personalize")
    asked.clear()
    CALLS[call](shop)
    own = {one for one in asked if one.split(None, 1)[0] in {"SELECT", "UPDATE", "DELETE", "WITH"}}
    assert own
    with (
        closing(sqlite3.connect(tea_house.data)) as data,
        closing(sqlite3.connect(tea_house.keys)) as keys,
    ):
        assert [found for one in sorted(own) for found in unbounded(one, [data, keys])] == []


@pytest.mark.parametrize("call", ["maintain", "stats"])
def test_what_waits_for_deletion_is_found_by_its_own_index(tea_house, asked, call):
    """However many events there are that some purpose still allows."""
    shop = tea_house.open()
    asked.clear()
    getattr(shop, call)()
    waiting = {one for one in asked if "purposes = 0" in one and not one.startswith("CREATE")}
    assert {table for table in ("events", "traits") for one in waiting if table in one}
    with closing(sqlite3.connect(tea_house.data)) as data:
        for one in waiting:
            plan = " ".join(step for *_, step in data.execute(f"EXPLAIN QUERY PLAN {one}"))
            assert BY_INDEX.search(plan), (one, plan)


def test_a_page_after_a_change_reads_the_items_that_changed(tea_house, asked):
    """For pages as for what they are told by: all others are in memory."""
    shop = tea_house.open()
    shop.recommend(WHO, slot="product", item="assam")
    asked.clear()
    shop.items.upsert({"id": "assam", "title": "Assam", "stock": 3})
    shop.recommend(WHO, slot="product", item="assam")
    newer = [one for one in asked if one.startswith("SELECT") and "items.epoch > " in one]
    assert len(newer) > 1
    with closing(sqlite3.connect(tea_house.data)) as data:
        for one in newer:
            plan = [step for *_, step in data.execute(f"EXPLAIN QUERY PLAN {one}")]
            assert plan == ["SEARCH items USING INDEX items_by_epoch (tenant=? AND epoch>?)"]
