"""Recorded signals: evidence that every later decision hears, sealed, and gone with the person."""

import json

import pytest

import knowingly
from knowingly import Action, Signal
from knowingly.store import consents, subjects

NOTICE = "2026-01/en"
ACCEPTED = ("personalize", "train", "measure")
RAW = '{"analytics":"yes","preferences":"yes"}'
YES = Signal("shopify", frozenset(ACCEPTED), decoder="shopify 1", raw=RAW)
NO = Signal("shopify", refuses=frozenset(ACCEPTED), decoder="shopify 1", raw="zqx-no")
SILENT = Signal("shopify", decoder="shopify 1", raw="zqx-silent")
BROKEN = Signal("shopify", problem="is no object", decoder="shopify 1", raw="zqx-broken")
SHARE = frozenset({"share"})
GPC = Signal("gpc", refuses=SHARE, objects=SHARE, decoder="gpc 1", raw="1")


@pytest.fixture
def shop(house):
    """A shop that accepts what Shopify's banner says."""
    return house.with_policy(signals={"accept": {"shopify": ACCEPTED}}).open()


def why(shop, subject="ada", **options):
    return {name: one.reason for name, one in shop.consent.status(subject, **options).items()}


def rows(shop, subject="ada"):
    """What the history says of somebody: purpose, action, source, flaw."""
    with shop._tenancy.read() as snapshot:
        person = subjects.find(snapshot, shop._tenancy.keyring.lookup(subject))
        found = consents.of(snapshot, person.subject)
    return [(one.purpose, one.action, one.source, one.flaw, one.scope) for one in found]


def test_an_accepted_yes_is_heard_by_every_reader(shop):
    """Intake keeps what it allows, the page is personal, and nobody was asked in the shop."""
    shop.items.upsert([{"id": "tea"}])
    (receipt,) = shop.consent.signal("ada", YES)
    assert receipt.action is Action.SIGNAL_ALLOW
    assert receipt.purposes == ACCEPTED
    assert why(shop)["personalize"] == "signal"
    assert shop.track("ada", "view", "tea").kept == 1
    assert shop.recommend("ada").why == "signal"
    assert shop.profiles.view("ada", "personalize").events


def test_the_entry_names_source_and_decoder_and_the_raw_value_is_sealed(shop, house):
    """The leaf holds no more; the details open with the person's key, and an export shows them."""
    shop.consent.signal("ada", [YES, GPC])
    entry = shop.audit.entries(since=1)[0]
    assert entry.kind == "consent.signal_allow"
    assert (entry.facts["source"], entry.facts["decoder"]) == ("shopify", "shopify 1")
    assert RAW not in repr(shop.audit.entries())
    for table in ("ledger_entries", "ledger_details", "consent_records"):
        assert RAW.encode() not in repr(house.rows(f"SELECT * FROM {table}")).encode()  # noqa: S608
    assert json.dumps(RAW) in json.dumps(shop.rights.export("ada"), default=str)
    assert shop.audit.verify()


def test_the_raw_value_goes_with_the_person(shop):
    """The log still verifies."""
    shop.consent.signal("ada", YES)
    shop.rights.erase("ada")
    assert shop.audit.verify()
    assert why(shop)["personalize"] != "signal"


def test_of_one_source_the_last_word_holds(shop, clock):
    """A no takes back what was kept; silence takes the yes back, and refuses nothing."""
    shop.items.upsert([{"id": "tea"}])
    shop.consent.signal("ada", YES)
    shop.track("ada", "view", "tea")
    clock.forward(hours=1)
    shop.consent.signal("ada", NO)
    assert why(shop)["personalize"] == "signal_refused"
    clock.forward(hours=1)
    shop.consent.signal("ada", YES)
    assert why(shop)["personalize"] == "signal"
    assert not shop.profiles.view("ada", "personalize").events
    clock.forward(hours=1)
    (receipt,) = shop.consent.signal("ada", SILENT)
    assert receipt.action is Action.SIGNAL_SILENT
    assert why(shop)["personalize"] == "no_record"
    assert shop.consent.signal("ada", SILENT) == []
    assert shop.audit.verify()


def test_what_cannot_be_understood_takes_the_yes_back(shop, clock):
    """Until the source says something that can."""
    shop.consent.signal("ada", YES)
    clock.forward(hours=1)
    (receipt,) = shop.consent.signal("ada", BROKEN)
    assert receipt.purposes == ("*",)
    assert set(why(shop).values()) == {"invalid_signal"}
    clock.forward(hours=1)
    shop.consent.signal("ada", SILENT)
    assert set(why(shop).values()) == {"no_record"}
    clock.forward(hours=1)
    shop.consent.signal("ada", BROKEN)
    clock.forward(hours=1)
    shop.consent.signal("ada", YES)
    assert why(shop)["personalize"] == "signal"
    assert why(shop)["share"] == "no_record"


def test_a_yes_from_before_reaches_no_event_older_than_it(shop, clock):
    """A recorded signal reaches no further back than a grant would."""
    shop.items.upsert([{"id": "tea"}])
    shop.consent.signal("ada", YES)
    old = {"subject": "ada", "kind": "view", "item": "tea", "at": clock.ago(days=3)}
    assert shop.track([old]).dropped == {"before_consent": 1}
    clock.forward(days=2)
    shop.consent.signal("ada", YES)
    late = {"subject": "ada", "kind": "view", "item": "tea", "at": clock.ago(days=1)}
    assert shop.track([late]).kept == 1


def test_a_recorded_yes_grows_stale(shop, clock):
    """Also for intake, which remembers what people allow."""
    shop.items.upsert([{"id": "tea"}])
    shop.consent.signal("ada", YES)
    assert shop.track("ada", "view", "tea").kept == 1
    clock.forward(days=396)
    assert why(shop)["personalize"] == "stale_signal"
    assert shop.track("ada", "view", "tea").dropped == {"stale_signal": 1}


def test_the_same_signal_is_not_recorded_on_every_page(shop, clock):
    """Once a day at most; an opt-out that stands, once."""
    assert len(shop.consent.signal("ada", [YES, GPC])) == 2
    clock.forward(hours=23)
    assert shop.consent.signal("ada", [YES, GPC]) == []
    clock.forward(hours=2)
    (receipt,) = shop.consent.signal("ada", [YES, GPC])
    assert receipt.action is Action.SIGNAL_ALLOW
    shop.consent.signal("ada", BROKEN)
    assert shop.consent.signal("ada", BROKEN) == []


def test_a_choice_of_the_person_outranks_a_recorded_signal(shop, clock):
    """Either way, and whichever came later."""
    shop.consent.refuse("ada", ["personalize"])
    clock.forward(hours=1)
    shop.consent.signal("ada", YES)
    assert why(shop)["personalize"] == "refused"
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    clock.forward(hours=1)
    shop.consent.signal("ada", NO)
    assert why(shop)["personalize"] == "granted"


def test_gpc_outranks_what_was_agreed_to_before(shop, clock):
    """It is an objection of the account; every other purpose is as it was."""
    shop.consent.grant("ada", ["share", "personalize"], notice=NOTICE)
    clock.forward(hours=1)
    (receipt,) = shop.consent.signal("ada", GPC, device="phone")
    assert (receipt.action, receipt.purposes) == (Action.OBJECT, ("share",))
    assert why(shop)["share"] == "objected"
    assert why(shop, device="laptop")["share"] == "objected"
    assert why(shop)["personalize"] == "granted"


def test_a_grant_over_gpc_is_a_confirmed_conflict(shop, clock):
    """It counts, the entry says so, and the browser's standing signal does not undo it."""
    shop.consent.signal("ada", GPC)
    clock.forward(hours=1)
    receipt = shop.consent.grant("ada", ["share", "personalize"], notice=NOTICE)
    (entry,) = shop.audit.entries(since=receipt.index, limit=1)
    assert entry.facts["confirmed"] == ["share"]
    clock.forward(hours=1)
    assert shop.consent.signal("ada", GPC) == []
    assert why(shop)["share"] == "granted"
    clock.forward(hours=1)
    shop.consent.withdraw("ada", ["share"])
    assert why(shop)["share"] == "withdrawn"
    assert shop.audit.verify()


def test_gpc_reaches_the_account_a_session_is_merged_into(shop, clock):
    """With its source: who agrees afterwards does so in the knowledge of it."""
    shop.consent.grant("account", ["share", "personalize"], notice=NOTICE)
    clock.forward(hours=1)
    shop.consent.signal("session", GPC)
    assert shop.profiles.merge("session", into="account").refused == ("share",)
    assert why(shop, "account")["share"] == "objected"
    assert ("share", Action.OBJECT, "gpc", None, "account") in rows(shop, "account")
    clock.forward(hours=1)
    receipt = shop.consent.grant("account", ["share"], notice=NOTICE)
    assert shop.audit.entries(since=receipt.index)[0].facts["confirmed"] == ["share"]
    assert why(shop, "account")["share"] == "granted"
    assert shop.audit.verify()


def test_a_broken_signal_of_a_session_refuses_nothing_of_the_account(shop, clock):
    """Nobody said no; it stays the session's own flaw."""
    shop.consent.grant("account", ["personalize"], notice=NOTICE)
    shop.consent.signal("session", BROKEN)
    clock.forward(hours=1)
    assert shop.profiles.merge("session", into="account").refused == ()
    assert why(shop, "account")["personalize"] == "granted"


def test_a_device_speaks_for_itself(shop):
    """A banner's answer on one device is not the account's, unless the signal is of the account."""
    shop.consent.signal("ada", YES, device="phone")
    assert why(shop)["personalize"] == "no_record"
    assert why(shop, device="laptop")["personalize"] == "no_record"
    assert why(shop, device="phone")["personalize"] == "signal"
    mail = Signal("shopify_email", refuses=frozenset({"marketing"}), scope="account")
    shop.consent.signal("ada", mail, device="phone")
    assert why(shop, device="laptop")["marketing"] == "signal_refused"


def test_a_yes_from_before_an_erasure_does_not_bring_anybody_back(shop, clock):
    """As for choices."""
    said = Signal("shopify", frozenset(ACCEPTED), at=clock.now)
    shop.consent.signal("ada", said)
    clock.forward(hours=1)
    shop.rights.erase("ada")
    clock.forward(hours=1)
    with pytest.raises(knowingly.ConsentError, match="dated before an erasure"):
        shop.consent.signal("ada", said)


@pytest.mark.parametrize(
    "bad",
    [
        5,
        "gpc",
        [5],
        [None],
        Signal("Not A Source"),
        Signal("x" * 41),
        Signal("gpc\n"),
        Signal("gpc", decoder="zqx@example.org"),
        Signal("gpc", decoder=5),
        Signal("gpc", raw="A" * 16_385),
        Signal("gpc", raw=b"1"),
        Signal("gpc", problem=5),
        Signal("gpc", problem="x" * 201),
        Signal("gpc", objects=["share"]),
        Signal("gpc", at="now"),
        [GPC] * 21,
    ],
    ids=range(16),
)
def test_what_is_no_signal_is_refused(shop, bad):
    """Nothing is written, and what a leaf names is a name."""
    before = len(shop.audit.entries())
    with pytest.raises(knowingly.InputError) as caught:
        shop.consent.signal("ada", bad)
    assert "zqx" not in str(caught.value)
    assert len(shop.audit.entries()) == before
