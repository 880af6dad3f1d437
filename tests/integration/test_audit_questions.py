"""What an auditor asks, each in one call: who saw, how often, what runs out, how long, on what."""

from datetime import date, timedelta

import pytest

from knowingly.errors import InputError, UnknownSubjectError
from knowingly.ledger import log
from knowingly.store import releases, subjects
from knowingly.store.releases import ReleaseRow

NOTICE = "2026-01/en"
DPO = "dpo@shop.example"
EVERYTHING = ("personalize", "train", "measure")


@pytest.fixture
def asked(shop, clock):
    """Four people on three days, on two surfaces, under two laws."""
    for number, (who, where, law) in enumerate(
        [("ada", "banner", "DE"), ("bob", "banner", "US-CA"), ("cay", "account", "DE")]
    ):
        if number == 2:
            clock.forward(days=1)
        shop.consent.grant(who, EVERYTHING, notice=NOTICE, surface=where, jurisdiction=law)
    clock.forward(days=1)
    shop.consent.refuse("dan", notice=NOTICE, surface="banner", jurisdiction="DE")
    shop.consent.withdraw("ada", ["train"], surface="account", jurisdiction="DE")
    return shop


def test_who_saw_a_notice_names_entries_and_nobody(asked):
    """And counts people once, whatever they chose."""
    asked.consent.grant("ada", ["train"], notice=NOTICE)
    seen = asked.audit.who_saw(NOTICE)
    assert (seen.people, seen.choices) == (4, {"grant": 4, "refuse": 1})
    kinds = [asked.audit.entries(since=one, limit=1)[0].kind for one in seen.entries]
    assert kinds == ["consent.grant"] * 3 + ["consent.refuse", "consent.grant"]
    assert seen.digest == asked.policy.notice(NOTICE).digest
    part = asked.audit.who_saw(NOTICE, limit=2)
    assert (part.entries, part.next_since) == (seen.entries[:2], seen.entries[2])
    assert asked.audit.who_saw(NOTICE, since=part.next_since).entries == seen.entries[2:]
    with pytest.raises(InputError, match="notice"):
        asked.audit.who_saw("2025-01/xx")


def test_choices_are_counted_by_day_surface_and_jurisdiction(asked):
    """Entries and not purposes: one click that names three is one choice."""
    found = {
        (one.day, one.surface, one.jurisdiction, one.action): (one.choices, one.people)
        for one in asked.audit.choices()
    }
    first = date(2026, 3, 1)
    assert found == {
        (first, "banner", "DE", "grant"): (1, 1),
        (first, "banner", "US-CA", "grant"): (1, 1),
        (first + timedelta(days=1), "account", "DE", "grant"): (1, 1),
        (first + timedelta(days=2), "banner", "DE", "refuse"): (1, 1),
        (first + timedelta(days=2), "account", "DE", "withdraw"): (1, 1),
    }


def test_choices_can_be_counted_by_less_and_for_a_time(asked, clock):
    """Nothing but the action, one purpose, one day."""
    whole = {one.action: one.choices for one in asked.audit.choices(by=())}
    assert whole == {"grant": 3, "refuse": 1, "withdraw": 1}
    late = asked.audit.choices(by=("surface",), since=clock.ago(hours=1))
    assert [(one.surface, one.action) for one in late] == [
        ("account", "withdraw"),
        ("banner", "refuse"),
    ]
    assert asked.audit.choices(until=clock.ago(days=9)) == []
    by_purpose = {(one.purpose, one.action): one.choices for one in asked.audit.choices("purpose")}
    assert by_purpose["train", "grant"] == 3
    assert by_purpose["train", "withdraw"] == 1
    with pytest.raises(InputError, match="some of day"):
        asked.audit.choices(by=("person",))
    with pytest.raises(InputError, match="until"):
        asked.audit.choices(since=clock.now, until=clock.ago(days=1))


def test_expiring_says_how_many_when_and_which(house, clock):
    """Of what holds now; what was taken back or is not over soon is not in it."""
    house.with_purpose("train", valid_days=30).with_purpose("measure", valid_days="never")
    shop = house.open()
    for who, wait in (("ada", 3), ("bob", 0), ("cay", 20)):
        shop.consent.grant(who, ["train", "measure"], notice=NOTICE)
        clock.forward(days=wait)
    shop.consent.withdraw("bob", ["train"])
    shop.consent.grant("ada", ["train"], notice=NOTICE, device="phone")
    [soon] = shop.audit.expiring(days=7)
    assert (soon.purpose, soon.people, soon.consents) == ("train", 1, 1)
    assert soon.first == clock.ago(days=23) + timedelta(days=30)
    assert soon.by_day == {soon.first.date(): 1}
    assert [shop.audit.entries(since=one, limit=1)[0].kind for one in soon.entries] == [
        "consent.grant"
    ]
    [later] = shop.audit.expiring(days=365)
    assert (later.people, later.consents) == (2, 2)
    assert len(shop.audit.expiring(days=365, limit=1)[0].entries) == 1
    clock.forward(days=400)
    assert shop.audit.expiring(days=365) == []


def test_a_device_has_consents_that_run_out_too(house, clock):
    """Beside the account's own no, none of which it is; a person counts once."""
    shop = house.with_purpose("train", valid_days=30).open()
    shop.consent.grant("ada", ["train"], notice=NOTICE, device="phone")
    shop.consent.grant("ada", ["train"], notice=NOTICE, device="laptop")
    [soon] = shop.audit.expiring(days=31)
    assert (soon.people, soon.consents) == (1, 2)


def test_latency_is_from_the_record_to_what_it_did(asked, house, clock):
    """What a transaction took stands in the choice; a yes is no no."""
    assert asked.audit.withdrawal_latency()["profiles_and_models"].noes == 2
    took = range(1, 21)
    for number in took:
        asked.consent.refuse(f"p{number}")
    with asked._tenancy.write() as tx:
        tx.connection.exec_driver_sql(
            "UPDATE consent_records SET applied_us = received_us + 1000000 * "
            "(subject - (SELECT max(subject) FROM consent_records) + 20) WHERE action = 'refuse' "
            "AND surface IS NULL"
        )
    found = asked.audit.withdrawal_latency(since=clock.now)["profiles_and_models"]
    assert found.noes == 22
    assert (found.p50_seconds, found.p95_seconds, found.max_seconds) == (9.0, 19.0, 20.0)
    nothing = asked.audit.withdrawal_latency(until=clock.ago(days=9))["profiles_and_models"]
    assert nothing.noes == 0


class Moving:
    """A clock that moves by a second at each look."""

    def __init__(self, clock):
        self.clock = clock

    def __call__(self):
        return self.clock.forward(seconds=1)


def test_what_is_measured_is_the_work_of_the_transaction(house, clock):
    """The clock is read again when events and models are done."""
    shop = house.open(clock=Moving(clock))
    shop.consent.grant("ada", ["train"], notice=NOTICE)
    shop.consent.withdraw("ada", ["train"])
    assert shop.audit.withdrawal_latency()["profiles_and_models"].max_seconds >= 1.0


def test_recipients_are_part_of_how_long_it_took(kept_up, clock):
    """From the record of the no until they had been told, in seconds; who waits is counted."""
    shop = kept_up
    assert shop.audit.withdrawal_latency()["destinations"].noes == 0
    shop.consent.withdraw("ada", ["personalize"])
    clock.forward(seconds=90)
    assert shop.audit.withdrawal_latency()["destinations"].waiting == 1
    [notification] = shop.rights.notifications()
    shop.rights.note_told(notification.id)
    took = shop.audit.withdrawal_latency()["destinations"]
    assert (took.noes, took.p50_seconds, took.max_seconds, took.waiting) == (1, 90.0, 90.0, 0)
    assert shop.audit.withdrawal_latency(until=clock.ago(days=1))["destinations"].noes == 0


def test_what_a_session_was_given_for_stands_after_its_merge(kept_up, clock):
    """By the choices it had then, which are the account's history now."""
    kept_up.consent.grant("session", ["marketing"], notice=NOTICE)
    clock.forward(minutes=1)
    kept_up.rights.disclosed("session", "mailer", "e-mail", purpose="marketing")
    clock.forward(minutes=1)
    kept_up.profiles.merge("session", into="bob")
    assert "refused" not in found_by(kept_up).get("disclosures", {})
    assert "no_record" not in found_by(kept_up).get("disclosures", {})


def found_by(shop):
    """What stands on nothing, by kind."""
    return {one.kind: dict(one.reasons) for one in shop.audit.unfounded() if one.found}


def test_nothing_stands_on_nothing_in_a_shop_that_is_kept_up(tea, tea_house):
    """All kinds are looked at, in a shop where there is something of each."""
    tea_house.close()
    tea = tea_house.with_policy(aggregates={"min_people": 20, "top": 5}).open()
    tea_house.clock.forward(hours=1)
    tea.rights.export("t001")
    tea.maintain()
    looked_at = {one.kind: one.looked_at for one in tea.audit.unfounded()}
    assert found_by(tea) == {}
    assert looked_at["events"] > 500
    assert looked_at["models"] > 100
    assert looked_at["releases"] == 1
    assert looked_at["exports"] == 1
    assert all(one.checked for one in tea.audit.unfounded())


def plant_event(shop, house):
    house.run("UPDATE consent_records SET action = 'refuse' WHERE subject = 1")


def plant_orphan(shop, house):
    house.run("DELETE FROM subjects WHERE subject = 1")


def plant_old_event(shop, house):
    house.run("UPDATE events SET day = 1 WHERE subject = 1")


def plant_unknown_bit(shop, house):
    house.run("UPDATE events SET purposes = purposes | 1073741824 WHERE subject = 1")


def plant_release(shop, house):
    row = ReleaseRow("bestsellers", "2026-Q1", shop._tenancy.now_us(), 1.0, 1e-6, "[]")
    with shop._tenancy.write() as tx:
        releases.add(tx, "never paid", row)


def plant_cheap_release(shop, house):
    plant_release(shop, house)
    house.run(
        "INSERT INTO charges (tenant, charge, period, pico_rho, start_us, end_us, what, at_us) "
        "VALUES (1, 'never paid', '2026-Q1', 1, 0, 1, 'bestsellers', 1)"
    )


def plant_disclosure(shop, house):
    shop.consent.refuse("bob", ["marketing"])
    house.clock.forward(minutes=1)
    shop.rights.disclosed("bob", "mailer", "e-mail", purpose="marketing")


def plant_unknown_recipient(shop, house):
    with shop._tenancy.write() as tx:
        [person] = subjects.after(tx, 0, 1)
        said = {"recipient": "a stranger", "what": "e-mail", "purpose": "personalize"}
        log.append(
            tx,
            "disclosure.made",
            at_us=shop._tenancy.now_us(),
            seal=shop._tenancy.keyring.cipher(person.key_id).seal,
            details={**said, "reference": "1"},
            subject=person.subject,
        )


def plant_notice(shop, house):
    shop.rights.disclosed("bob", "mailer", "a name", purpose="personalize")
    shop.consent.withdraw("bob", ["personalize"])


def plant_export(shop, house):
    with shop._tenancy.write() as tx:
        seal = shop._tenancy.keyring.operator.seal
        log.append(tx, "read.export", at_us=shop._tenancy.now_us(), seal=seal)


def plant_restriction(shop, house):
    house.run("UPDATE consent_records SET action = 'restrict', purpose = '*' WHERE idx = 3")


PLANTED = {
    "a stored event of somebody who refuses": (
        plant_event,
        {name: {"refused"} for name in ("events", "traits", "models", "disclosures")},
    ),
    "rows of nobody": (
        plant_orphan,
        {
            **{name: {"erased"} for name in ("events", "traits", "models")},
            "disclosures": {"of_nobody"},
        },
    ),
    "an event that is over": (plant_old_event, {"events": {"too_old"}}),
    "a purpose that nobody declares": (plant_unknown_bit, {"events": {"retired"}}),
    "a release that nobody paid for": (plant_release, {"releases": {"not_charged"}}),
    "a release that cost too little": (plant_cheap_release, {"releases": {"charged_too_little"}}),
    "data given to somebody the policy does not name": (
        plant_unknown_recipient,
        {"disclosures": {"unknown_recipient"}},
    ),
    "data given without being allowed": (plant_disclosure, {"disclosures": {"refused"}}),
    "a recipient who was not told": (plant_notice, {"disclosures": {"not_told"}}),
    "an export of nobody": (plant_export, {"exports": {"of_nobody"}}),
}


@pytest.fixture
def kept_up(house, clock):
    """A small shop with an event, a trait and a model of somebody, and nothing unfounded."""
    size = {"title": "Size", "purposes": ["personalize"], "kind": "number"}
    house.with_policy(models={"min_subjects": 2, "min_item_subjects": 2})
    mailer = {"name": "Mailer Ltd", "role": "processor", "country": "IE"}
    house.policy = house.policy.model_copy(
        update={"data": {"size": size}, "recipients": {"mailer": mailer}}
    )
    shop = house.open()
    shop.items.upsert([{"id": "cup"}, {"id": "pot"}], strict=True)
    for person in ("ada", "bob", "cay"):
        shop.consent.grant(person, EVERYTHING, notice=NOTICE)
    clock.forward(hours=1)
    for person in ("ada", "bob", "cay"):
        shop.track(person, "purchase", "cup")
        shop.track(person, "purchase", "pot")
        shop.profiles.set(person, {"size": 42})
    clock.forward(hours=1)
    shop.rights.disclosed("ada", "mailer", "e-mail", purpose="personalize")
    shop.maintain()
    assert found_by(shop) == {}
    return shop


@pytest.mark.parametrize("name", list(PLANTED))
def test_what_stands_on_nothing_is_found(kept_up, house, name):
    """One of each kind, put there behind the shop's back."""
    plant, expected = PLANTED[name]
    plant(kept_up, house)
    found = {kind: set(reasons) for kind, reasons in found_by(kept_up).items()}
    assert found == expected
    total = {one.kind: one.found for one in kept_up.audit.unfounded()}
    assert all(total[kind] > 0 for kind in expected)


def test_what_a_restriction_stops_is_stored_and_not_learned(kept_up, house, clock):
    """Article 18: storing goes on, and is no use; a model that still knew would be one."""
    kept_up.rights.restrict("ada")
    assert found_by(kept_up) == {"disclosures": {"not_told": 1}}
    [notification] = kept_up.rights.notifications()
    kept_up.rights.note_told(notification.id)
    assert found_by(kept_up) == {}
    [row] = house.rows("SELECT min(idx) FROM consent_records WHERE action = 'restrict'")
    house.run("DELETE FROM consent_records WHERE idx = ?", *row)
    kept_up.train()
    entry = kept_up.rights.restrict("bob")
    assert entry
    manifest = house.rows("SELECT subject, training, body FROM manifests WHERE subject = 1")
    assert manifest
    house.run("UPDATE consent_records SET subject = 1 WHERE action = 'restrict'")
    assert found_by(kept_up) == {"models": {"restricted": 1}}


def test_a_basis_that_runs_out_is_found_until_the_shop_is_kept_up(kept_up, house, clock):
    """Nothing reads those rows meanwhile; ``maintain`` takes the purposes away."""
    kept_up.close()
    house.with_purpose("personalize", valid_days=1)
    clock.forward(days=3)
    shop = house.open()
    assert found_by(shop) == {"events": {"expired": 6}, "traits": {"expired": 3}}
    shop.maintain()
    assert found_by(shop) == {}


@pytest.fixture
def searched(asked, clock):
    clock.forward(days=1)
    asked.acting_as(DPO).consent.withdraw("bob", by="operator")
    clock.forward(minutes=1)
    return asked


def kinds(found):
    return [one.kind for one in found]


def test_a_search_keeps_what_is_all_of_it(searched, clock):
    """By kind or its beginning, purpose and time; bounded, and to be gone on with."""
    audit = searched.audit
    assert kinds(audit.search(kind="consent.withdraw")) == ["consent.withdraw"] * 2
    assert kinds(audit.search(kind="consent")) == [
        *["consent.grant"] * 3,
        "consent.refuse",
        *["consent.withdraw"] * 2,
    ]
    assert kinds(audit.search(kind="consent", purpose="share")) == [
        "consent.refuse",
        "consent.withdraw",
    ]
    assert kinds(audit.search(kind="consent", since=clock.ago(hours=1))) == ["consent.withdraw"]
    assert kinds(audit.search(until=clock.ago(days=9))) == []
    first = audit.search(kind="consent", limit=2)
    rest = audit.search(kind="consent", start=first[-1].index + 1)
    assert len(first) + len(rest) == 6
    assert not [one for one in audit.search() if hasattr(one, "details")]


def test_a_search_of_a_person_opens_their_entries_and_is_one(searched):
    """With details, and the next who looks sees that staff searched."""
    [no] = searched.audit.search(subject="ada", kind="consent.withdraw")
    assert (no.detail("surface"), no.detail("by")) == ("account", "subject")
    assert kinds(searched.consent.log("ada"))[-1] == "read.search"
    with pytest.raises(UnknownSubjectError):
        searched.audit.search(subject="nobody")


def test_a_search_by_actor_finds_what_they_did(searched):
    """By name and by kind of actor; without the name of anybody in what it gives."""
    [no] = searched.audit.search(actor=DPO)
    assert (no.kind, hasattr(no, "details")) == ("consent.withdraw", False)
    assert no in searched.audit.search(actor="operator")
    assert "consent.grant" in kinds(searched.audit.search(actor="subject"))
    assert searched.audit.search(actor="somebody else") == []
    assert kinds(searched.audit.search(kind="read")) == ["read.search"] * 4
    with searched._tenancy.read() as snapshot:
        assert subjects.count(snapshot) == 4
    assert searched.audit.search(actor=DPO, subject="bob")[0].who == DPO


@pytest.mark.parametrize(
    "bad",
    [
        {"limit": 0},
        {"limit": 10_001},
        {"start": -1},
        {"kind": "Consent"},
        {"kind": "%"},
        {"purpose": ""},
        {"actor": "x" * 201},
        {"since": "2026-03-01"},
    ],
)
def test_a_search_out_of_bounds_is_refused(shop, bad):
    """Before anything is read."""
    with pytest.raises(InputError):
        shop.audit.search(**bad)


def only_track(shop, house):
    """An event of somebody, an hour on."""
    house.clock.forward(hours=1)
    assert shop.track("ada", "view", "cup").kept == 1
    house.clock.forward(hours=1)
    return shop


def signal_gone_stale(house):
    accept = {"accept": {"banner": ("personalize",)}, "stale_after_days": 30}
    house.with_policy(signals=accept)
    shop = house.open()
    shop.items.upsert([{"id": "cup"}], strict=True)
    choice = {"subject": "ada", "action": "request", "purposes": ["personalize"]}
    shop.consent.record([choice])
    house.run("UPDATE consent_records SET action = 'signal_allow', source = 'banner'")
    only_track(shop, house)
    house.clock.forward(days=60)
    return shop, "stale_signal"


def consent_asked_where_none_was_needed(house):
    house.with_purpose("personalize", basis="legitimate_interest")
    shop = house.open()
    shop.items.upsert([{"id": "cup"}], strict=True)
    choice = {"subject": "ada", "action": "request", "purposes": ["personalize"]}
    shop.consent.record([choice])
    only_track(shop, house)
    shop.close()
    house.with_purpose("personalize", basis="consent")
    house.clock.forward(days=1)
    return house.open(), "no_record"


def permission_that_begins_later(house):
    shop = house.open()
    shop.items.upsert([{"id": "cup"}], strict=True)
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    only_track(shop, house)
    house.clock.forward(days=20)
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    shop.close()
    house.with_purpose("personalize", valid_days=10)
    house.clock.forward(days=1)
    return house.open(), "before_consent"


GAPS = [signal_gone_stale, consent_asked_where_none_was_needed, permission_that_begins_later]


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.__name__)
def test_a_basis_that_went_without_a_choice_goes_from_what_is_kept(house, gap):
    """Time and new policies take bases away as choices do; the next upkeep follows them."""
    shop, reason = gap(house)
    assert found_by(shop) == {"events": {reason: 1}}
    shop.maintain()
    assert found_by(shop) == {}
    size = shop.audit.verify().size if reason != "stale_signal" else None
    shop.maintain(skip=("train",))
    if size is not None:
        assert shop.audit.verify().size == size
