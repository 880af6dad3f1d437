"""A no counts whatever the clocks, the batch, the plugins or the keys do."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

import knowingly
from knowingly.store import kept, subjects

NOTICE = "2026-01/en"


@pytest.mark.parametrize("action", ["withdraw", "refuse", "object", "restrict"])
def test_a_no_counts_on_a_clock_that_is_behind(shop, clock, agree, action):
    """Two servers, one of them five seconds late: the no is recorded last, and is last."""
    agree(shop, "ada", ["personalize", "train"])
    clock.forward(seconds=-5)
    shop.consent.record([{"subject": "ada", "action": action}])
    assert not any(decision.allowed for decision in shop.consent.status("ada").values())
    clock.forward(seconds=10)
    assert not shop.consent.status("ada")["train"].allowed


def test_a_yes_counts_again_once_the_clock_has_passed_the_no(shop, clock, agree):
    """Denied while in doubt, and not for good."""
    agree(shop, "ada", ["personalize"])
    clock.forward(seconds=-5)
    shop.consent.withdraw("ada")
    clock.forward(minutes=1)
    agree(shop, "ada", ["personalize"])
    assert shop.consent.status("ada")["personalize"].allowed


def test_a_withdrawal_inside_a_batch_is_unlearned(tea, clock, gaps):
    """Whatever else is in the batch, and even if a new yes follows in it."""
    people = tea.models.cards()[0].people
    at = clock()
    clock.forward(seconds=10)
    tea.consent.record(
        [
            {
                "subject": "t001",
                "action": "withdraw",
                "purposes": ("train",),
                "at": at + timedelta(seconds=1),
            },
            {
                "subject": "t001",
                "action": "grant",
                "purposes": ("train",),
                "notice": NOTICE,
                "at": at + timedelta(seconds=2),
            },
            {"subject": "t001", "action": "refuse", "purposes": ("measure",)},
        ]
    )
    assert tea.models.cards()[0].people == people - 1
    assert set(gaps(tea).values()) == {0.0}


def test_a_model_out_of_service_keeps_no_counts(tea, tea_house):
    """What it learned from somebody who is gone must not lie about until the next training."""
    tea.plugins.algorithms.pop("item_item")
    assert tea.rights.erase("t000").statement["models"]["item_item"] == "out of service"
    for table in ("model_counts", "model_rows"):
        held = f"SELECT count(*) FROM {table} WHERE algorithm = 'item_item'"  # noqa: S608
        assert tea_house.rows(held) == [(0,)]


@pytest.fixture
def keyless(tea, tea_house):
    """A shop in which the key of one person, t000, is lost."""
    lookup = tea._tenancy.keyring.lookup("t000")
    with tea._tenancy.read() as snapshot:
        lost = subjects.find(snapshot, lookup).key_id
    tea_house.run("DELETE FROM subject_keys WHERE key_id = ?", lost, store="keys")
    tea._tenancy.keyring.forget()
    return tea


def test_one_lost_key_stops_nobody_else(keyless, clock, caplog):
    """Training and retention go on without that person, and the log says so without saying who."""
    clock.forward(minutes=1)
    people = keyless.models.cards()[0].people
    done = keyless.maintain()
    assert done.trained.people == people - 1
    assert "keys of 1 people are not in the key store" in caplog.text
    page = keyless.recommend("t000")
    assert (page.basis, page.why) == ("catalog", "key_lost")


def test_one_event_that_does_not_open_stops_nobody_else(tea, tea_house, clock, caplog):
    """That person is left out and counted; their page says why, and a damaged disk is no secret."""
    lookup = tea._tenancy.keyring.lookup("t000")
    with tea._tenancy.read() as snapshot:
        whose = subjects.find(snapshot, lookup).subject
    before = tea.train()
    assert before.unreadable == 0
    tea_house.run(
        "UPDATE events SET body = ? WHERE subject = ? AND event = "
        "(SELECT event FROM events WHERE subject = ? ORDER BY event LIMIT 1)",
        *(bytes(60), whose, whose),
    )
    clock.forward(minutes=1)
    done = tea.maintain()
    assert (done.trained.people, done.trained.unreadable) == (before.people - 1, 1)
    assert any("1 people cannot be read" in note for note in done.notes)
    assert tea.stats()["people_unreadable"] == 1
    assert "an event of 1 people does not open" in caplog.text
    assert "t000" not in caplog.text
    page = tea.recommend("t000")
    assert (page.basis, page.why) == ("catalog", "key_lost")
    assert tea.stats()["decisions"]["key_lost"] == 1
    with pytest.raises(knowingly.StoreError):
        tea.profiles.view("t000", "personalize")
    assert tea.rights.erase("t000").is_genuine()
    assert tea.train().unreadable == 0
    assert tea.stats()["people_unreadable"] == 0


def test_a_person_whose_key_is_lost_can_still_say_no(keyless, clock):
    """The no is recorded, and has its effects."""
    clock.forward(minutes=1)
    keyless.consent.withdraw("t000")
    assert not keyless.consent.status("t000")["train"].allowed
    assert keyless.models.cards()[0].people == 0 or keyless.recommend("t001").notes
    keyless.audit.verify()
    with pytest.raises(knowingly.SealError):
        keyless.consent.grant("t000", ["train"], notice=NOTICE)


def test_retention_logs_what_it_strips_in_the_same_transaction(tea, clock, monkeypatch):
    """A crash before the deletion leaves an entry for every chunk that was stripped."""

    def fail(*_):
        raise RuntimeError

    clock.forward(days=400)
    monkeypatch.setattr(kept, "delete_unusable", fail)
    with pytest.raises(RuntimeError):
        tea.maintain(skip=("train", "release"))
    lapsed = [one for one in tea.audit.entries(limit=10_000) if one.kind == "retention.lapsed"]
    assert sum(one.facts["people"] for one in lapsed) == 170
    assert sum(one.facts["models_forgot"] for one in lapsed) == 4 * 140
    assert tea.models.cards()[0].people == 0


def test_another_period_gets_no_fresh_budget(tea_house):
    """A year, its quarter and its month hold the same events."""
    rules = {"min_people": 5, "epsilon": 1.0, "epsilon_per_period": 1.0}
    for period, released in (("year", True), ("quarter", False), ("month", False)):
        tea_house.with_policy(aggregates={**rules, "period": period})
        tea = tea_house.open()
        monkey_fresh(tea)
        if released:
            assert tea.aggregates.release_bestsellers() is not None
        else:
            with pytest.raises(knowingly.BudgetExhaustedError):
                tea.aggregates.release_bestsellers()
        tea_house.close()


def monkey_fresh(tea) -> None:
    """Ask for a release although the newest is recent."""
    tea.aggregates._is_fresh = lambda _period, _now_us: False


def test_a_page_is_as_personal_as_its_most_personal_hit(tea_house, clock):
    """An app that keeps aggregate pages for everyone must not keep this one."""
    home = {"algorithms": ["popularity", "item_item"]}
    policy = tea_house.policy.model_copy(update={"slots": {"home": home}})
    tea = tea_house.open(policy=policy)
    page = tea.recommend("t000", k=40)
    assert page.hits[0].source == "popularity"
    assert page.basis == "personal"


def test_explaining_a_page_is_logged(tea):
    """It is a staff read."""
    page = tea.recommend("t000")
    tea.consent.explain(page.decision)
    (newest,) = tea.audit.entries(since=tea.audit.verify().size - 1)
    assert newest.kind == "read.explain"


@pytest.mark.only_sqlite("a server overwrites nothing, and its certificate says so")
def test_a_truncation_that_comes_later_renews_the_certificate(tea, tea_house):
    """The certificate that is kept says what is true by then."""
    with closing(sqlite3.connect(tea_house.keys)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subject_keys").fetchone()
        assert "not yet overwritten" in tea.rights.erase("t000").statement["key"]
    tea.maintain(skip=("train", "release"))
    (certificate,) = tea.rights.certificates()
    assert certificate.statement["key"] == "its bytes overwritten in the key store"
    assert certificate.is_genuine()


def test_a_swept_fresh_key_opens_nobody(shop, clock, monkeypatch):
    """A server whose clock runs ahead sweeps a key between its making and its row."""
    ring = shop._tenancy.keyring
    make = ring.create

    def swept(count: int, *, at_us: int) -> list[bytes]:
        key_ids = make(count, at_us=at_us)
        if not seen:
            seen.append(1)
            ring.sweep(lambda *_: [], before_us=at_us + 1)
        return key_ids

    seen: list[int] = []
    monkeypatch.setattr(ring, "create", swept)
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    ring.forget()
    assert shop.rights.export("ada")["about"] == "ada"


def test_a_tenant_is_opened_once(shop):
    """A request handler may ask for its merchant on every page."""
    assert shop.tenant("acme") is shop.tenant("acme")
    assert shop.tenant("acme").tenant("default") is shop
