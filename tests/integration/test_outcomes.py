"""What was done after a page is kept with what its token says of the page, and goes with it."""

import base64
import json
from datetime import datetime

import pytest

import knowingly
from knowingly import Order, OrderLine, PageRef

WHO = "t000"


def last(shop, who=WHO):
    """The person's newest event; a view gives events in no order."""
    return max(shop.profiles.view(who, "personalize").events, key=lambda one: one.at_us)


def last_exported(shop):
    """The same in a copy of the person's data."""
    return max(shop.rights.export(WHO)["events"], key=lambda one: datetime.fromisoformat(one["at"]))


@pytest.fixture
def page(tea, clock):
    clock.forward(minutes=1)
    found = tea.recommend(WHO, slot="product", item="assam")
    clock.forward(minutes=1)
    return found


@pytest.mark.parametrize("order", [None, "o-1"])
def test_the_page_is_kept_with_the_event(tea, page, order):
    """Its slot and the models that made it, beside the order if there is one."""
    tea.track(WHO, "purchase", page.hits[0].item, order=order, decision=page.decision)
    event = last(tea)
    assert (event.item, event.order) == (page.hits[0].item, order)
    assert event.after == PageRef("product", 1)
    assert last_exported(tea)["after_page"] == {"slot": "product", "model_version": 1}
    tea.track(WHO, "view", "mint")
    assert [one.after for one in tea.profiles.view(WHO, "personalize").events].count(None) > 0


def test_a_page_before_any_training_has_no_version(shop, agree, clock):
    shop.items.upsert([{"id": "cup"}])
    agree(shop, "ann")
    clock.forward(minutes=1)
    shop.track("ann", "view", "cup", decision=shop.recommend("ann").decision)
    assert last(shop, "ann").after == PageRef("home", None)


def test_what_models_and_pages_see_is_the_same(tea, page, clock, gaps):
    """A page's reference changes no record: pages, training and forgetting are as without it."""
    tea.track(WHO, "purchase", "gaiwan", decision=page.decision)
    assert "gaiwan" not in {hit.item for hit in tea.recommend(WHO, k=40)}
    tea.train()
    assert not any(gaps(tea).values())
    tea.consent.withdraw(WHO, ["train"])
    assert not any(gaps(tea).values())


def test_a_token_that_is_none_is_a_bad_row(tea, page):
    """Broken, of another tenant, or no text: refused, and nothing of it is said."""
    other = tea.tenant("other")
    tokens = ("", "x", page.decision[:-4], page.decision * 9, other.recommend().decision)
    before = len(tea.profiles.view(WHO, "personalize").events)
    for bad in tokens:
        with pytest.raises(knowingly.InputError) as caught:
            tea.track(WHO, "view", "mint", decision=bad)
        assert caught.value.field == "decision"
        assert len(bad) < 2 or bad not in str(caught.value)
    rows = [
        {"subject": WHO, "kind": "view", "item": "mint", "decision": bad}
        for bad in (*tokens, 5, page.decision)
    ]
    intake = tea.track(rows)
    assert (intake.kept, [one.row for one in intake.refused]) == (1, [0, 1, 2, 3, 4, 5])
    assert {one.field for one in intake.refused} == {"decision"}
    assert len(tea.profiles.view(WHO, "personalize").events) == before + 1


def test_without_consent_nothing_is_kept(tea, page):
    """Neither the event nor the page, for who refused."""
    nobody = tea.recommend("t018")
    assert tea.track("t018", "view", "mint", decision=nobody.decision).dropped == {"refused": 1}
    tea.consent.withdraw(WHO)
    assert tea.track(WHO, "view", "mint", decision=page.decision).kept == 0


def test_it_is_erased_with_the_person(tea, page, tea_house):
    """The row goes, and the key with it."""
    tea.track(WHO, "view", "mint", decision=page.decision)
    rows = tea_house.count("events")
    gone = len(tea.rights.export(WHO)["events"])
    tea.rights.erase(WHO)
    assert tea_house.count("events") == rows - gone


def test_it_comes_along_when_a_session_is_merged(tea, agree, clock):
    """And under a new key, too."""
    agree(tea, "session")
    agree(tea, "account")
    clock.forward(minutes=1)
    page = tea.recommend("session", slot="cart")
    tea.track("session", "view", "mint", decision=page.decision)
    clock.forward(minutes=1)
    tea.profiles.merge("session", into="account")
    assert last(tea, "account").after == PageRef("cart", 1)
    tea.keys.reseal("account")
    assert last(tea, "account").after == PageRef("cart", 1)


def test_an_order_is_an_outcome_line_by_line(tea, page, clock, gaps):
    """Its newest edition says of which page; what undoes it leaves no page behind."""
    lines = [OrderLine(item="mint", price=3.0), OrderLine(item="gaiwan")]
    order = Order(subject=WHO, id="o-9", at=clock.now, lines=lines, decision=page.decision)
    assert tea.track(order).kept == 2
    assert tea.track(order.model_dump()).duplicates == 2

    def after():
        events = tea.profiles.view(WHO, "personalize").events
        return {one.item: one.after for one in events if one.order == "o-9"}

    assert after() == dict.fromkeys(("mint", "gaiwan"), PageRef("product", 1))
    tea.train()
    assert not any(gaps(tea).values())
    clock.forward(minutes=1)
    assert tea.track(order.model_copy(update={"lines": lines[:1], "decision": None})).kept == 1
    assert after() == {"mint": None}
    tea.track(order.model_copy(update={"cancelled": True, "decision": page.decision}))
    assert after() == {"": None}  # the cancel itself, which is about no item


def test_an_order_of_no_page_is_one_bad_row(tea, page, clock):
    """It is refused whole: neither a line nor its head is kept."""
    order = {"subject": WHO, "id": "o-9", "at": clock.now, "decision": page.decision[:-4]}
    row = {**order, "lines": [{"item": "mint"}, {"item": "gaiwan"}]}
    intake = tea.track([row])
    assert [(one.row, one.field) for one in intake.refused] == [(0, "decision")]
    assert tea.track([{**row, "decision": None}]).kept == 2
    events = tea.profiles.view(WHO, "personalize").events
    assert [one.after for one in events if one.order == "o-9"] == [None, None]


def test_heads_of_orders_are_told_apart(tea, clock):
    """An order has lines behind its id as well, and is no outcome where it names no page."""
    clock.forward(minutes=1)
    line = OrderLine(item="mint", price=3.0)
    order = Order(subject=WHO, id="o-9", at=clock.now, updated_at=clock.now, lines=[line])
    tea.track(order)
    tea.track(order.model_copy(update={"updated_at": clock.forward(minutes=1)}))
    found = last(tea)
    assert (found.order, found.after) == ("o-9", None)
    assert last_exported(tea)["after_page"] is None


def test_a_token_of_an_earlier_release_still_opens(tea, page):
    """It names no slot, and the event is kept with the model version alone."""
    sealed = tea._tenancy.keyring.token
    plain = json.loads(sealed.open("decision", b"", base64.urlsafe_b64decode(page.decision)))
    older = json.dumps(plain[:-1]).encode()
    token = base64.urlsafe_b64encode(sealed.seal("decision", b"", older)).decode()
    assert tea.consent.explain(token).training == 1
    tea.track(WHO, "view", "mint", decision=token)
    assert last(tea).after == PageRef("", 1)


def test_a_reference_shows_nothing_in_its_repr():
    """As with all that is kept of a person."""
    assert repr(PageRef("home", 1)) == "PageRef()"
