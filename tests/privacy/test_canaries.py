"""Law 5: marked values planted in every field of a person, and looked for everywhere else.

A person's canaries are their ids, event ids, order ids and prices. The shop's own words (items,
titles) may be stored in clear, and may not stand in a message, a repr or a log line.
"""

import base64
import io
import json
import logging
import re
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import update

import knowingly
from knowingly import Choice, Event, Item, Signal
from knowingly.store.schema import events

MARK = "zqxjv"
"""In every canary, in whatever spelling; too long to be in a random key or a signature."""
PEOPLE = [f"zqxjvperson{number}@example.org" for number in range(8)]
STRANGER = "zqxjvstranger@example.org"
BAD_ID = " zqxjvbad-id "
TITLE = "zqxjvtitle of a thing"
ITEM = "zqxjvitem"
PRICE = 98_765.43
NOTICE = "2026-01/en"
FIELDS = {
    "nickname": {"title": "Nickname", "purposes": ["personalize", "measure"]},
    "faith": {
        "title": "Faith",
        "purposes": ["personalize"],
        "special": True,
        "explicit_consent": True,
    },
}
NAME = "zqxjvname of a person"
EMAIL = "zqxjvmail@zqxjvhost.example"
AGENT = "zqxjvagent/5.0 (a browser)"
MAILER = {"name": "Mailer Ltd", "role": "processor", "country": "IE"}
STAFF = "zqxjvstaff@shop.example"


WORDS = (
    *(b"zqxjvperson", b"zqxjvstranger", b"zqxjvevent", b"zqxjvorder", b"zqxjvbad", b"zqxjvname"),
    *(b"zqxjvmail", b"zqxjvhost", b"zqxjvcustomer", b"zqxjvorigin", b"zqxjvreason"),
    *(b"zqxjvagent", b"zqxjvfield", b"zqxjvstaff", b"zqxjvgiven", b"zqxjvreference", b"zqxjvraw"),
    *(b"zqxjvnotice", b"zqxjvdevice", b"zqxjvrecord", b"zqxjvsystem", b"zqxjvfolder"),
    *(b"zqxjvguardian",),
)


OLD_CHOICES = """
kind = "choices"
[origin]
system = "zqxjvsystem"
quality = "documented"
[fields]
subject = "who"
action = "said"
purposes = "what"
at = "when"
"""
OLD_CHOICES += "".join(f'{name} = "{name}"\n' for name in ("notice", "device", "record", "method"))
OLD_CHOICES += 'by = "by"\nguardian = "guardian"\n'


class Seen:
    """Everything that was said: reprs, messages, logs, warnings, standard output."""

    def __init__(self):
        self.said = []

    def value(self, value):
        self.said.append(repr(value))
        self.said.append(str(value))
        return value

    def failure(self, expected, call):
        """Call what must fail; keep its message, attributes and whole printed trace."""
        with pytest.raises(expected) as caught:
            call()
        error = caught.value
        while error is not None:
            self.said += [repr(error), str(error), repr(vars(error))]
            error = error.__cause__
        # The source lines of this file hold the canaries; only what errors say counts.
        trace = traceback.TracebackException.from_exception(caught.value, capture_locals=False)
        while trace is not None:
            self.said += list(trace.format_exception_only())
            trace = trace.__cause__ or (None if trace.__suppress_context__ else trace.__context__)


@pytest.fixture
def seen(caplog, capsys):
    found = Seen()
    caplog.set_level(logging.DEBUG)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield found
    logging.getLogger().removeHandler(handler)
    out = capsys.readouterr()
    for text in (*map(str, warned), stream.getvalue(), caplog.text, out.out, out.err, *found.said):
        assert MARK not in text.lower(), text[:2_000]
        assert str(PRICE) not in text, text[:2_000]


@pytest.fixture
def busy(house, seen):
    """A shop in which every public call was made, those that fail among them."""
    house.with_policy(aggregates={"min_people": 5}, evidence={"keep_days_after_erasure": 30})
    house.policy = house.policy.model_copy(
        update={"data": FIELDS, "recipients": {"mailer": MAILER}}
    )
    shop = house.open()
    house.clock.forward(minutes=1)
    seen.value(shop.items.upsert([{"id": ITEM, "title": TITLE}, {"id": f"{ITEM}2"}], strict=True))
    for person in PEOPLE:
        seen.value(shop.consent.grant(person, ["personalize", "train", "measure"], notice=NOTICE))
        for item in (ITEM, f"{ITEM}2"):
            seen.value(
                shop.track(
                    person,
                    "purchase",
                    item,
                    event_id=f"zqxjvevent-{person}-{item}",
                    order=f"zqxjvorder-{person}",
                    price=PRICE,
                    quantity=3,
                    agent=AGENT,
                    device=f"zqxjvdevice-{person}",
                )
            )
        told = shop.profiles.set(
            person, {"nickname": NAME, "faith": f"{NAME} too"}, origin="zqxjvorigin"
        )
        assert seen.value(told).kept == 2
        seen.value(shop.profiles.link(person, "email", f"{person[:12]}{EMAIL}"))
        seen.value(shop.profiles.link(person, "customer_id", f"zqxjvcustomer-{person}"))
    seen.value(shop.train())
    seen.value(shop.models.cards())
    seen.value(shop.models.compare_with_refit())
    seen.value(shop.train())
    seen.value(shop.models.versions())
    seen.value(shop.models.rollback())
    seen.value([card.to_markdown() + card.to_json() for card in shop.models.cards()])
    seen.value(shop.models.rollback(to=2))
    assert len(shop.aggregates.release_bestsellers().items) == 2
    return shop


def public_calls(shop, seen, clock):
    """Every public call with canaries in it, in ways that work and in ways that fail."""
    one, two = PEOPLE[:2]
    shop = seen.value(shop.acting_as(STAFF))
    signals = [Signal("gpc", refuses=frozenset({"share"}))]
    page = seen.value(shop.recommend(one, item=ITEM, basket=[f"{ITEM}2"], signals=signals))
    for hit in page:
        seen.said.append(repr(hit))
    seen.value(shop.consent.explain(page.decision))
    read = seen.value(
        shop.signals.read(tcf="zqxjvraw.tc", gpp="zqxjvraw~gpp", shopify={"zqxjvraw": "yes"})
    )
    seen.value(shop.consent.signal(one, [*signals, *read], device="zqxjvdevice"))
    seen.value(shop.consent.signal("zqxjvperson of a signal", read))
    seen.value(shop.recommend(STRANGER))
    seen.value(shop.profiles.view(one, "personalize"))
    seen.said += map(repr, shop.profiles.view(one, "personalize").events)
    seen.said += map(repr, shop.profiles.view(one, "personalize").traits.values())
    seen.value(shop.profiles.set(one, {"nickname": f"{NAME} set"}))
    seen.value(shop.profiles.rectify(one, {"nickname": f"{NAME} right"}, origin="zqxjvorigin"))
    seen.value(shop.profiles.remove(two, ["nickname", "zqxjvfield"]))
    assert shop.profiles.find("customer_id", f"zqxjvcustomer-{one}") == one
    seen.value(shop.profiles.find("email", f"zqxjvnobody{EMAIL}"))
    seen.value(shop.profiles.unlink(two, "customer_id", f"zqxjvcustomer-{two}"))
    seen.value(shop.profiles.merge(PEOPLE[5], into=PEOPLE[6]))
    seen.value(shop.rights.restrict(PEOPLE[7]))
    seen.value(shop.rights.lift_restriction(PEOPLE[7]))
    seen.value(shop.rights.hold(PEOPLE[7], reason="zqxjvreason of a suit"))
    seen.said += map(repr, shop.rights.holds())
    seen.value(shop.retain())
    page = shop.recommend(one, agent=AGENT)
    seen.value(page)
    seen.value(shop.recommend_many(one, slots=["home", "cart"]))
    seen.value(shop.explain(one, page.hits[0]) if page.hits else None)
    seen.value(shop.track(one, "view", ITEM, decision=page.decision))
    seen.value(shop.consent.status(one))
    seen.value(shop.consent.explain(one, "train"))
    seen.value(shop.consent.explain(STRANGER, "train", device="zqxjvdevice"))
    assert seen.value(shop.consent.log(one))[-1].who == STAFF
    seen.value(shop.audit.search(subject=one))
    seen.value(shop.audit.search(actor=STAFF))
    seen.value(shop.audit.who_saw(NOTICE))
    seen.value(shop.audit.choices())
    seen.value(shop.audit.expiring(3_650))
    seen.value(shop.audit.withdrawal_latency())
    seen.value(shop.audit.unfounded())
    seen.value(shop.consent.withdraw(two, ["train"]))
    seen.value(shop.consent.refuse(STRANGER, notice=NOTICE))
    seen.value(shop.consent.object(PEOPLE[2], ["personalize"]))
    seen.value(
        shop.consent.record([Choice(subject=PEOPLE[3], action="withdraw", purposes=("measure",))])
    )
    seen.value(shop.track([{"subject": STRANGER, "kind": "view", "item": ITEM}]))
    seen.value(shop.track([{"subject": BAD_ID, "kind": "view", "item": ITEM, "order": "zqxjv\n"}]))
    imports(shop, seen)
    seen.value(shop.knows(one))
    seen.value(shop.stats())
    seen.value(shop.audit.verify())
    seen.value(shop.audit.entries(limit=1_000))
    shop.audit.note_read("profile", one)
    shop.rights.export(one)
    seen.value(shop.aggregates.budget())
    seen.value(shop.keys.reseal(one))
    seen.value(shop.keys.rotate(destroy_old=True))
    seen.value(shop.keys.status())
    receipt = seen.value(shop.consent.refuse(one, ["share"], method="button"))
    seen.said += [json.dumps(receipt.document()), receipt.proof()]
    assert seen.value(shop.consent.receipt(one, receipt.index)) == receipt
    for person in (two, PEOPLE[4]):
        given = {"purpose": "measure", "reference": f"zqxjvreference-{person}"}
        seen.value(shop.rights.disclosed(person, "mailer", "zqxjvgiven to them", **given))
    seen.said += map(repr, seen.value(shop.rights.recipients(two)))
    seen.value(shop.consent.withdraw(two, ["measure"]))
    certificate = seen.value(shop.rights.erase(PEOPLE[4]))
    notifications = seen.value(shop.rights.notifications())
    assert sorted(one.kind for one in notifications) == ["erasure", "withdrawal"]
    seen.said += map(repr, notifications)
    assert shop.rights.tell_recipients() == 0
    seen.value(shop.rights.note_told(notifications[0].id))
    seen.said += [certificate.summary(), certificate.to_json()]
    evidence = seen.value(shop.rights.claims_evidence(PEOPLE[4]))
    seen.said += map(repr, evidence[0].choices)
    seen.value(shop.rights.hold(PEOPLE[4], reason="zqxjvreason of a claim"))
    clock.forward(days=1)
    seen.value(shop.maintain())
    for value in (shop, shop.items, shop.consent, shop.profiles, shop.rights, shop.plugins):
        seen.value(value)
    seen.value(shop._tenancy)
    seen.said += saved_models(shop)


def saved_models(shop):
    """What stands in the files of models, but for the ids of items, which are the shop's words."""
    with TemporaryDirectory() as folder:
        digests = shop.models.save(Path(folder) / "models").digests
        assert digests
        paths = sorted(Path(folder).glob("models/*"))
        return [path.read_bytes().decode("latin-1").replace(ITEM, "item") for path in paths]


def imports(shop, seen):
    """Files whose every personal cell is a canary, good rows and bad ones."""
    with TemporaryDirectory(prefix="zqxjvfolder") as folder:
        events = Path(folder) / "zqxjvevents.jsonl"
        good = {"subject": PEOPLE[0], "kind": "view", "item": ITEM, "event_id": "zqxjvevent-file"}
        rows = [
            good,
            {**good, "zqxjvfield": 1},
            {**good, "subject": BAD_ID},
            {**good, "at": "zqxjv"},
        ]
        events.write_text("\n".join(map(json.dumps, rows)))
        report = shop.import_file(events)
        assert (report.kept, len(report.refused)) == (1, 3)
        seen.said += map(repr, report.refused)
        mapping = Path(folder) / "choices.toml"
        mapping.write_text(OLD_CHOICES)
        choices = Path(folder) / "choices.csv"
        header = "who,said,what,notice,device,record,method,when,by,guardian"
        cells = ["zqxjvnotice", "zqxjvdevice", "zqxjvrecord", "button", "2026-01-01T00:00:00Z"]
        cells += ["guardian", "zqxjvguardian"]
        people = (PEOPLE[1], "zqxjvperson99@example.org", "zqxjvbad\x07")
        lines = [",".join([who, "grant", "train", *cells]) for who in people]
        lines += [",".join([PEOPLE[1], "refuse", "measure", "zqxjv\x07", *cells[1:]])]
        choices.write_text("\n".join([header, *lines]))
        report = shop.import_file(choices, mapping=mapping)
        assert (report.kept, len(report.refused)) == (3, 1)
        seen.said += map(repr, report.refused)


def failing_calls(shop, seen):
    person, fail = PEOPLE[0], seen.failure
    fail(knowingly.UnknownSubjectError, lambda: shop.keys.reseal(STRANGER))
    fail(knowingly.InputError, lambda: shop.keys.reseal(BAD_ID))
    fail(knowingly.InputError, lambda: shop.keys.note_destroyed(person))
    late = datetime(2099, 1, 1, tzinfo=UTC)
    bad = knowingly.InputError
    fail(bad, lambda: shop.track(BAD_ID, "view", ITEM))
    fail(bad, lambda: shop.track(person, "zqxjvkind", ITEM))
    fail(bad, lambda: shop.track(person, "view", "zqxjvunknown"))
    fail(bad, lambda: shop.track(person, "view", ITEM, at=late))
    fail(bad, lambda: shop.track(person, "view", ITEM, at=datetime(2026, 1, 1)))  # noqa: DTZ001
    fail(bad, lambda: shop.track(person, "view", ITEM, order="zqxjv" * 100))
    fail(bad, lambda: shop.track(person, "view", ITEM, event_id="zqxjv\x00"))
    fail(bad, lambda: shop.track(person, "view", ITEM, price="zqxjvprice"))
    fail(bad, lambda: shop.track(person, "view", ITEM, quantity=-1))
    fail(bad, lambda: shop.track([{"subject": person, "kind": "view"}], strict=True))
    fail(bad, lambda: shop.recommend(BAD_ID))
    fail(bad, lambda: shop.recommend("zqxjv\ud800"))
    fail(bad, lambda: shop.recommend(person, slot="zqxjvslot"))
    fail(bad, lambda: shop.recommend(person, k=0))
    fail(bad, lambda: shop.consent.explain("zqxjvtoken"))
    fail(bad, lambda: shop.consent.explain(BAD_ID, "train"))
    fail(bad, lambda: shop.consent.explain(person, "train", at=late))
    fail(bad, lambda: shop.consent.explain(person, "train", device=BAD_ID))
    fail(knowingly.UnknownSubjectError, lambda: shop.consent.log("zqxjvperson nobody knows"))
    fail(bad, lambda: shop.audit.search(actor=BAD_ID))
    fail(bad, lambda: shop.audit.who_saw("zqxjvnotice"))
    fail(bad, lambda: shop.audit.choices(by=("zqxjvpart",)))
    fail(bad, lambda: shop.consent.grant(BAD_ID, ["train"], notice=NOTICE))
    fail(bad, lambda: shop.consent.grant(person, ["train"], notice=NOTICE, at=late))
    fail(bad, lambda: shop.consent.record([{"subject": person, "action": "zqxjvaction"}]))
    fail(bad, lambda: shop.consent.signal(BAD_ID, Signal("gpc")))
    fail(bad, lambda: shop.consent.signal(person, Signal("zqxjvraw@host")))
    fail(bad, lambda: shop.consent.signal(person, Signal("gpc", raw="zqxjvraw" * 9_999)))
    fail(bad, lambda: shop.signals.read(others="zqxjvraw"))
    fail(knowingly.PluginError, lambda: shop.signals.read(others={"other": "zqxjvraw"}))
    fail(bad, lambda: shop.tenant("zqxjv/person"))
    fail(bad, lambda: shop.acting_as("zqxjv\n"))
    fail(bad, lambda: shop.acting_as(STAFF, kind="zqxjvking"))
    fail(bad, lambda: shop.maintain(skip=["zqxjvstep"]))
    refused = knowingly.ConsentError
    fail(refused, lambda: shop.consent.grant(person, ["zqxjvpurpose"], notice=NOTICE))
    fail(refused, lambda: shop.consent.grant(person, ["train"], notice="zqxjvnotice"))
    fail(refused, lambda: shop.consent.grant(person, [], notice=NOTICE))
    profiles = shop.profiles
    fail(bad, lambda: profiles.set(person, {"zqxjvfield": NAME}))
    fail(bad, lambda: profiles.set(person, {"nickname": NAME * 100}))
    fail(bad, lambda: profiles.set(person, {"nickname": NAME}, source="zqxjvsource"))
    fail(bad, lambda: profiles.set(person, {"nickname": NAME}, origin="zqxjv\n"))
    fail(bad, lambda: profiles.set(BAD_ID, {"nickname": NAME}))
    fail(bad, lambda: profiles.rectify(person, {"faith": 3}))
    fail(bad, lambda: profiles.link(person, "email", "zqxjvno-address"))
    fail(bad, lambda: profiles.link(person, "zqxjvkind", EMAIL))
    fail(bad, lambda: profiles.link(person, "email", f"{PEOPLE[1][:12]}{EMAIL}"))
    fail(bad, lambda: profiles.find("phone", "zqxjvphone"))
    fail(bad, lambda: profiles.merge(person, into=person))
    fail(bad, lambda: shop.recommend(person, agent=["zqxjv"]))
    fail(bad, lambda: shop.track(person, "view", ITEM, agent=["zqxjv"]))
    fail(bad, lambda: shop.track(person, "view", ITEM, decision="zqxjv"))
    fail(bad, lambda: shop.rights.hold(person, reason="zqxjv" * 1_000))
    unknown = knowingly.UnknownSubjectError
    fail(unknown, lambda: shop.rights.export("zqxjvnobody"))
    fail(unknown, lambda: shop.rights.erase("zqxjvnobody"))
    fail(unknown, lambda: profiles.rectify("zqxjvnobody", {"nickname": NAME}))
    fail(unknown, lambda: profiles.remove("zqxjvnobody", ["zqxjvfield"]))
    fail(unknown, lambda: profiles.link("zqxjvnobody", "email", EMAIL))
    fail(unknown, lambda: profiles.merge("zqxjvnobody", into=person))
    fail(unknown, lambda: shop.rights.hold("zqxjvnobody", reason="zqxjv"))
    fail(unknown, lambda: shop.rights.restrict("zqxjvnobody"))
    fail(unknown, lambda: shop.rights.claims_evidence("zqxjvnobody"))
    fail(unknown, lambda: shop.consent.receipt("zqxjvnobody", 1))
    fail(bad, lambda: shop.consent.receipt(person, "zqxjv"))
    fail(unknown, lambda: shop.rights.recipients("zqxjvnobody"))
    fail(unknown, lambda: shop.rights.disclosed("zqxjvnobody", "mailer", "zqxjv", purpose="train"))
    fail(bad, lambda: shop.rights.disclosed(person, "zqxjvwho", "zqxjv", purpose="train"))
    fail(bad, lambda: shop.rights.disclosed(person, "mailer", "zqxjv", purpose="zqxjvwhy"))
    fail(bad, lambda: shop.rights.disclosed(person, "mailer", "zqxjv" * 999, purpose="train"))
    fail(bad, lambda: shop.rights.note_told("zqxjvnotice"))
    fail(bad, lambda: shop.rights.claims_evidence(BAD_ID))
    shop.rights.hold(person, reason="zqxjvreason of a suit")
    fail(knowingly.HoldError, lambda: shop.rights.erase(person))
    fail(knowingly.HoldError, lambda: profiles.rectify(person, {"nickname": NAME}))
    shop.rights.release_hold(person)
    fail(ValueError, lambda: Event(subject=BAD_ID, kind="view", item=ITEM))
    fail(ValueError, lambda: Event(subject=person, kind="zqxjvkind", item=ITEM))
    fail(ValueError, lambda: Event(subject=person, kind="view", item=ITEM, order="zqxjv\x07"))
    fail(ValueError, lambda: Choice(subject=BAD_ID, action="grant"))
    fail(ValueError, lambda: Choice(subject=person, action="zqxjvaction"))


def test_nothing_that_is_said_holds_a_canary(busy, seen, clock):
    """Reprs and messages of every public value and error, logs at DEBUG, warnings, output."""
    failing_calls(busy, seen)
    public_calls(busy, seen, clock)
    event = Event(
        subject=PEOPLE[0], kind="view", item=ITEM, event_id="zqxjv1", order="zqxjv2", price=PRICE
    )
    seen.value(event)
    seen.value(Choice(subject=PEOPLE[0], action="withdraw"))
    assert len(seen.said) > 200


def test_a_failing_database_or_key_says_no_canary(busy, seen, house):
    """A key that is gone, a body that was moved, a disk that is full."""
    person = PEOPLE[0]
    with busy._files.data.writing() as connection:
        connection.execute(update(events).where(events.c.subject == 1).values(body=bytes(60)))
    assert seen.value(busy.recommend(person)).why == "key_lost"
    seen.failure(knowingly.SealError, lambda: busy.rights.export(person))
    with busy._files.data.writing() as connection:
        connection.exec_driver_sql("DROP TABLE events")
    seen.failure(knowingly.StoreError, lambda: busy.track(person, "view", ITEM))
    seen.failure(knowingly.StoreError, lambda: busy.profiles.view(person, "train"))
    with busy._files.keys.writing() as connection:
        connection.exec_driver_sql("DROP TABLE subject_keys")
    busy._tenancy.keyring.forget()
    seen.failure(knowingly.StoreError, lambda: busy.rights.export(PEOPLE[1]))
    seen.failure(knowingly.StoreError, lambda: busy.consent.refuse(STRANGER))


def test_no_file_holds_a_canary_of_a_person(busy, seen, house, clock, backend):
    """Data, key store and their logs, byte by byte, while open and after closing."""
    public_calls(busy, seen, clock)
    for moment in ("open", "closed"):
        files = house.place.files()
        if backend == "sqlite" and moment == "open":
            assert {"shop.db", "shop.keys.db", "shop.db-wal", "shop.keys.db-wal"} <= set(files)
        for name, stored in files.items():
            for word in WORDS:
                assert not re.search(word, stored, re.IGNORECASE), (name, word)
                assert word.decode().encode("utf-16-le") not in stored, (name, word)
        assert any(b"zqxjvtitle" in stored for stored in files.values())
        house.close()


def test_no_leaf_holds_a_canary_or_a_number_of_a_person(busy, seen, clock):
    """Nor any field but those that are known to say nothing about anybody."""
    public_calls(busy, seen, clock)
    known = {
        *("v", "kind", "at", "handle", "commit", "purposes", "scope", "chosen", "policy"),
        *("notice", "notice_digest", "training", "people", "items", "algorithms", "until"),
        *("recipient", "delivery", "what", "period", "charge", "pico_rho", "erasure", "removed"),
        *("events_expired", "events_deleted", "tombstones_dropped", "version", "root"),
        *("flaw", "kept", "from", "to", "versions"),
        *("traits_expired", "traits_deleted", "held", "fields", "identity", "choices"),
        *("source", "decoder", "waited_seconds", "sha256"),
        *("models", "out_of_service", "to_refit", "microseconds"),
    }
    with busy._tenancy.read() as snapshot:
        rows = snapshot.connection.exec_driver_sql("SELECT leaf FROM ledger_entries").all()
        people = snapshot.connection.exec_driver_sql("SELECT lookup, key_id FROM subjects").all()
    assert len(rows) > 15
    for (leaf,) in rows:
        assert MARK.encode() not in leaf.lower()
        assert set(json.loads(leaf)) <= known
        for lookup, key_id in people:
            assert lookup.hex().encode() not in leaf
            assert key_id.hex().encode() not in leaf


def test_the_export_holds_what_was_planted(busy):
    """The canaries are really there: the person they are about is given all of them."""
    document = json.dumps(busy.rights.export(PEOPLE[0]))
    for word in (PEOPLE[0], "zqxjvorder", ITEM, TITLE, str(PRICE), NAME, EMAIL, "zqxjvcustomer"):
        assert word in document
    assert PEOPLE[1] not in document


def test_a_decision_token_is_opaque(busy):
    """Neither the id, nor the key's name, nor a reason can be read from it."""
    token = busy.recommend(PEOPLE[0]).decision
    plain = base64.urlsafe_b64decode(token)
    for word in (b"zqxjv", b"granted", b"personalize"):
        assert word not in plain


def test_items_say_no_title_in_a_repr_of_a_page(busy):
    """A hit names an item a person did something with: its repr does not."""
    page = busy.recommend(PEOPLE[0], item=ITEM)
    assert MARK not in repr(page)
    assert Item(id="a").id == "a"
