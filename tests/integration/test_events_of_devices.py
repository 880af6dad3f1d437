"""A choice made on one device alone settles what the events of that device may be kept for."""

from itertools import product

import pytest

import knowingly
from houses import Clock, House

NOTICE = "2026-01/en"
CHOICES = (None, "grant", "refuse", "withdraw", "object")


@pytest.fixture
def shop(house: House) -> knowingly.Shop:
    """A shop with two items."""
    shop = house.open()
    shop.items.upsert([{"id": "sencha", "title": "Sencha"}, {"id": "assam", "title": "Assam"}])
    return shop


def choose(shop: knowingly.Shop, action: str, **where: str) -> None:
    """Let ada choose about being personalized."""
    said = {"subject": "ada", "action": action, "purposes": ("personalize",), **where}
    shop.consent.record([said | ({"notice": NOTICE} if action == "grant" else {})])


def events_kept(house: House) -> int:
    """The events that some purpose may still use."""
    return house.rows("SELECT count(*) FROM events WHERE purposes <> 0")[0][0]


@pytest.mark.parametrize(
    ("account", "device"), list(product(CHOICES, CHOICES)), ids=lambda one: one or "nothing"
)
@pytest.mark.parametrize("device_first", [True, False], ids=["device-first", "account-first"])
def test_what_is_kept_is_what_the_page_of_the_device_may_use(
    shop, clock, account, device, device_first
):
    """Whatever the account and the device said, in whichever order."""
    said = [(account, {}), (device, {"device": "tablet"})]
    for action, where in reversed(said) if device_first else said:
        if action is not None:
            clock.forward(seconds=1)
            choose(shop, action, **where)
    clock.forward(seconds=1)
    for where in ({"device": "tablet"}, {"device": "phone"}, {}):
        decision = shop.consent.status("ada", **where)["personalize"]
        intake = shop.track("ada", "view", "sencha", **where)
        assert (intake.kept, dict(intake.dropped)) == (
            (1, {}) if decision.allowed else (0, {decision.reason: 1})
        )


def test_a_batch_is_settled_row_by_row(shop):
    """Rows of one person from two devices and from none, and of somebody without devices."""
    choose(shop, "grant", device="tablet")
    choose(shop, "object", device="phone")
    shop.consent.grant("bob", ["personalize"], notice=NOTICE)
    rows = [
        {"subject": who, "kind": "view", "item": "sencha"} | ({"device": on} if on else {})
        for who, on in product(("ada", "bob"), ("tablet", None, "phone", "watch"))
    ]
    intake = shop.track(rows)
    assert (intake.kept, intake.dropped) == (5, {"no_record": 2, "objected": 1})


def test_an_order_comes_from_a_device_too(shop, clock):
    """All of its lines."""
    choose(shop, "grant", device="tablet")
    order = {"subject": "ada", "at": clock(), "lines": [{"item": "sencha"}, {"item": "assam"}]}
    assert shop.track(order | {"id": "o1"}).kept == 0
    assert shop.track(knowingly.Order(id="o2", device="tablet", **order)).kept == 2


def test_what_was_remembered_is_asked_again_after_a_choice_on_the_device(shop, clock):
    """The permissions that intake remembers end with the choices they rest on."""
    choose(shop, "grant", device="tablet")
    assert shop.track("ada", "view", "sencha", device="tablet").kept == 1
    clock.forward(seconds=1)
    choose(shop, "withdraw", device="tablet")
    assert shop.track("ada", "view", "sencha", device="tablet").dropped == {"withdrawn": 1}
    clock.forward(seconds=1)
    choose(shop, "grant", device="tablet")
    assert shop.track("ada", "view", "sencha", device="tablet").kept == 1


def test_a_grant_on_a_device_runs_out_on_it(house: House, clock: Clock):
    """Also where it was remembered, and retention then takes what it allowed."""
    shop = house.with_purpose("personalize", valid_days=30).open()
    shop.items.upsert([{"id": "sencha", "title": "Sencha"}])
    choose(shop, "grant", device="tablet")
    assert shop.track("ada", "view", "sencha", device="tablet").kept == 1
    clock.forward(days=29)
    shop.retain(apply=True)
    assert events_kept(house) == 1
    clock.forward(days=2)
    assert shop.track("ada", "view", "sencha", device="tablet").dropped == {"expired": 1}
    shop.retain(apply=True)
    assert house.count("events") == 0


def test_retention_keeps_what_a_device_allows(shop, house, clock):
    """Neither upkeep, a yes on another device nor the same yes again takes it away."""
    choose(shop, "grant", device="tablet")
    shop.track("ada", "view", "sencha", device="tablet")
    clock.forward(days=1)
    shop.maintain()
    choose(shop, "grant", device="phone")
    choose(shop, "grant", device="tablet")
    shop.retain(apply=True)
    assert events_kept(house) == 1
    assert all(one.found == 0 for one in shop.audit.unfounded())


@pytest.mark.parametrize("action", ["withdraw", "refuse", "object"])
@pytest.mark.parametrize("where", [{"device": "tablet"}, {}], ids=["device", "account"])
def test_a_no_takes_what_the_device_allowed(shop, house, clock, action, where):
    """One on the device, or one of the account, which its devices follow."""
    choose(shop, "grant", device="tablet")
    shop.track("ada", "view", "sencha", device="tablet")
    clock.forward(seconds=1)
    choose(shop, action, **where)
    assert events_kept(house) == 0
    assert all(one.found == 0 for one in shop.audit.unfounded())
    shop.retain(apply=True)
    assert house.count("events") == 0


def test_a_device_that_takes_its_yes_back_takes_all_that_rests_on_devices(shop, house, clock):
    """Events do not say which device they came from, so none may stay that may be of this one."""
    choose(shop, "grant", device="tablet")
    choose(shop, "grant", device="phone")
    for device in ("tablet", "phone"):
        shop.track("ada", "view", "sencha", device=device)
    clock.forward(seconds=1)
    choose(shop, "withdraw", device="tablet")
    assert events_kept(house) == 0
    assert shop.track("ada", "view", "sencha", device="phone").kept == 1
    choose(shop, "refuse", device="watch")
    assert events_kept(house) == 1, "it allowed nothing before"


def test_a_no_on_a_device_leaves_what_the_account_allows(shop, house, clock):
    """A device's own setting is its own."""
    choose(shop, "grant")
    shop.track("ada", "view", "sencha")
    clock.forward(seconds=1)
    choose(shop, "refuse", device="tablet")
    shop.retain(apply=True)
    assert events_kept(house) == 1


def test_the_devices_page_uses_what_it_allowed(tea):
    """And no other page of the person does."""
    tea.consent.grant("t014", ["personalize"], notice=NOTICE, device="tablet")
    tea.track("t014", "purchase", "sencha", device="tablet")
    assert tea.recommend("t014", device="tablet").basis == "personal"
    assert tea.recommend("t014", device="phone").basis != "personal"
    assert tea.recommend("t014").basis != "personal"


def test_a_file_names_the_device(shop, tmp_path):
    """By a column of that name, or one that a mapping names."""
    choose(shop, "grant", device="tablet")
    plain, mapped = tmp_path / "events.csv", tmp_path / "theirs.csv"
    plain.write_text("subject,kind,item,device\nada,view,sencha,tablet\nada,view,assam,\n")
    mapped.write_text("who,what,browser\nada,sencha,tablet\nada,assam,phone\n")
    mapping = tmp_path / "theirs.toml"
    mapping.write_text(
        'kind = "events"\n[fields]\nsubject = "who"\nitem = "what"\ndevice = "browser"\n'
        'kind = { constant = "view" }\n'
    )
    assert shop.import_file(plain).kept == 1
    assert shop.import_file(mapped, mapping=mapping).kept == 1


def test_the_device_is_stored_nowhere_in_clear(shop, house):
    """Its keyed hash stands beside the choice, and nothing of it beside the event."""
    choose(shop, "grant", device="zqxtablet")
    assert shop.track("ada", "view", "sencha", device="zqxtablet").kept == 1
    event = knowingly.Event(subject="ada", kind="view", item="sencha", device="zqxtablet")
    assert "zqx" not in repr(event)
    house.close()
    assert not [name for name, raw in house.place.files().items() if b"zqxtablet" in raw]


@pytest.mark.parametrize("bad", ["", " x", "x" * 300, 7, ["tablet"]], ids=repr)
def test_what_is_no_id_of_a_device_is_refused(shop, bad):
    """And not repeated."""
    with pytest.raises(knowingly.InputError) as error:
        shop.track("ada", "view", "sencha", device=bad)
    assert error.value.field == "device"
