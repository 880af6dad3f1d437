"""Pages: what they rest on, what is left out, and that making one leaves no trace."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

import knowingly
from knowingly import ItemVectors, Model, Signal
from knowingly.samples import tea_shop

TRAINED = "t000"


def items(page):
    return [hit.item for hit in page]


def test_an_empty_shop_answers_every_call(shop):
    """Before there is an item, a person or a model, nothing fails."""
    for slot in shop.policy.slots:
        page = shop.recommend("ann", slot=slot, item="nothing", basket=["nothing"])
        assert (page.basis, len(page)) == ("catalog", 0)
    assert len(shop.recommend()) == 0
    assert shop.track("ann", "view", "cup").dropped == {"no_record": 1}
    assert shop.models.cards() == []
    with pytest.raises(knowingly.NotFittedError):
        shop.models.compare_with_refit()
    with pytest.raises(knowingly.NotFittedError):
        shop.evaluate()
    assert shop.train().people == 0
    assert shop.models.compare_with_refit()[0].largest_difference == 0
    assert shop.aggregates.bestsellers() is None
    assert shop.aggregates.release_bestsellers() is None
    assert shop.aggregates.budget().total == 0
    assert not shop.consent.status("ann")["train"].allowed
    assert not shop.profiles.view("ann", "train").events
    with pytest.raises(knowingly.UnknownSubjectError):
        shop.rights.erase("ann")
    with pytest.raises(knowingly.UnknownSubjectError):
        shop.rights.export("ann")
    assert shop.maintain().events_deleted == 0
    assert shop.stats()["events_waiting_for_deletion"] == 0
    assert shop.audit.verify().size == len(shop.audit.entries())
    assert len(shop.recommend("ann")) == 0


def test_who_agreed_gets_a_personal_page(tea):
    """The page rests on her history, and its reasons name what she did."""
    page = tea.recommend(TRAINED, k=4)
    assert (page.basis, page.why, len(page)) == ("personal", "granted", 4)
    assert page.hits[0].reason.startswith("because you ")
    assert page.notes == ()


def test_an_event_changes_the_very_next_page(tea, clock, agree):
    """A newcomer needs no training: what she does now is in her next page."""
    agree(tea, "new")
    clock.forward(minutes=1)
    assert tea.recommend("new", k=4).basis == "aggregate"
    tea.track("new", "purchase", "sencha")
    page = tea.recommend("new", k=4)
    assert page.basis == "personal"
    assert page.hits[0].reason == "because you bought Sencha"
    assert "sencha" not in items(page)


def test_without_consent_a_page_rests_on_its_context(tea):
    """Nobody named, or nobody who agreed: what goes with the item, and nothing of a person."""
    for subject in (None, "t017", "stranger"):
        page = tea.recommend(subject, slot="product", item="assam", k=4)
        assert page.basis == "contextual"
        assert page.hits[0].reason == "goes with Assam"
        assert "assam" not in items(page)
    by_basket = tea.recommend(slot="cart", basket=["sencha", "matcha"], k=4)
    assert by_basket.basis == "contextual"
    assert not {"sencha", "matcha"} & set(items(by_basket))


def test_context_is_the_same_for_everyone_who_did_not_agree(tea):
    """The page of somebody who refused is the page of nobody."""
    for asked in ({}, {"slot": "product", "item": "assam"}, {"slot": "cart", "basket": ["mint"]}):
        nobody = tea.recommend(None, **asked)
        assert tea.recommend("t018", **asked).hits == nobody.hits
        assert tea.recommend("t015", **asked).hits == nobody.hits


def test_the_policy_can_switch_context_off(tea_house):
    """A slot that is not contextual uses no item and no basket of people who did not agree."""
    slots = dict(tea_house.policy.slots)
    slots["product"] = {**slots["product"].model_dump(), "contextual": False}
    tea_house.policy = tea_house.policy.model_copy(update={"slots": slots})
    tea = tea_house.open()
    assert tea.recommend(slot="product", item="assam", k=4).basis == "catalog"
    assert tea.recommend(TRAINED, slot="product", item="assam", k=4).basis == "personal"


def test_the_catalogue_comes_last(tea):
    """Without consent, context or release: pinned items, then the newest, all in stock."""
    page = tea.recommend(k=5)
    assert (page.basis, page.why) == ("catalog", "no_subject")
    assert set(items(page)[:2]) == {"breakfast", "sencha"}
    assert [hit.reason for hit in page][:3] == ["chosen by the shop"] * 2 + ["new in the shop"]


def test_a_slots_k_is_the_number_of_hits(tea_house):
    """A slot's own ``k`` counts where the call names none."""
    slots = dict(tea_house.policy.slots)
    slots["home"] = {**slots["home"].model_dump(), "k": 3}
    tea_house.policy = tea_house.policy.model_copy(update={"slots": slots})
    tea = tea_house.open()
    assert len(tea.recommend(TRAINED)) == 3
    assert len(tea.recommend(TRAINED, k=5)) == 5


def test_what_she_bought_is_left_out(tea, clock):
    """Bought items do not come back, until they are all returned."""
    clock.forward(hours=1)
    first = tea.recommend(TRAINED, k=40)
    best = items(first)[0]
    tea.track(TRAINED, "purchase", best, quantity=2)
    assert best not in items(tea.recommend(TRAINED, k=40))
    tea.track(TRAINED, "return", best, quantity=1)
    assert best not in items(tea.recommend(TRAINED, k=40))
    tea.track(TRAINED, "return", best, quantity=1)
    assert best in items(tea.recommend(TRAINED, k=40))


def test_what_she_hid_is_left_out(tea, clock):
    """Hidden items are not on any of her pages, whatever source they would come from."""
    clock.forward(hours=1)
    best = items(tea.recommend(TRAINED, k=40))[0]
    tea.track(TRAINED, "hide", best)
    for asked in ({}, {"slot": "product", "item": "assam"}, {"slot": "cart", "basket": ["mint"]}):
        assert best not in items(tea.recommend(TRAINED, k=40, **asked))


def test_a_large_basket_is_asked_about_at_once(tea_house, monkeypatch):
    """Each item once, and the hits are those of its items one by one."""
    slots = {**tea_house.policy.slots, "alike": {"algorithms": ["content"]}}
    tea_house.policy = tea_house.policy.model_copy(update={"slots": slots})
    tea = tea_house.open()
    basket = ["sencha", "matcha", "mint", "assam", "chai"]
    once = tea.recommend(slot="product", basket=basket)
    assert tea.recommend(slot="product", basket=basket * 100).hits == once.hits
    asked = []
    similar = ItemVectors.similar
    monkeypatch.setattr(
        ItemVectors, "similar", lambda self, item: asked.append(item) or similar(self, item)
    )
    page = tea.recommend(slot="alike", basket=basket)
    assert page.basis == "contextual"
    assert "goes with" in page.hits[0].reason
    assert not asked
    # As every model does that has no quicker way.
    monkeypatch.setattr(ItemVectors, "company", Model.company)
    monkeypatch.setattr(ItemVectors, "closest", Model.closest)
    slowly = tea.recommend(slot="alike", basket=basket)
    assert [(hit.item, hit.reason) for hit in slowly] == [(hit.item, hit.reason) for hit in page]
    assert [hit.score for hit in slowly] == pytest.approx([hit.score for hit in page])
    assert asked


def test_basket_stock_and_the_pages_item_are_left_out(tea):
    """What lies in the basket, is sold out, or is on the page already is not recommended."""
    every = [f"{one}" for one in tea.items.view().ids]
    for subject in (TRAINED, None):
        page = tea.recommend(subject, slot="product", item="assam", basket=["chai"], k=100)
        assert not {"assam", "chai"} & set(items(page))
        assert len(set(items(page))) == len(page)
    for one in ("breakfast", "sencha"):
        tea.items.upsert([{"id": one, "in_stock": False, "pinned": True}])
        for subject in (TRAINED, None):
            for slot in tea.policy.slots:
                assert one not in items(tea.recommend(subject, slot=slot, k=100))
    assert len(tea.recommend(k=100)) == len(every) - 2


def test_no_page_has_an_item_twice(tea):
    """Sources fill what the last left open, each item once, until the shop is empty."""
    for subject in (TRAINED, "t001", None):
        page = tea.recommend(subject, k=100)
        assert len(set(items(page))) == len(page)


def test_an_unknown_slot_names_those_there_are(tea):
    """The error lists the slots of the policy."""
    with pytest.raises(
        knowingly.UnknownSlotError, match="home, product, cart, bought-together, trending"
    ) as caught:
        tea.recommend(slot="hoem")
    assert caught.value.known == tuple(tea.policy.slots)


@pytest.mark.parametrize("k", [0, -1, 101, 10**9])
def test_k_has_bounds(tea, k):
    """1 to 100 hits."""
    with pytest.raises(knowingly.InputError, match="1 to 100"):
        tea.recommend(k=k)


def test_a_basket_has_a_bound(tea):
    """More than 500 items in a basket are refused."""
    with pytest.raises(knowingly.InputError, match="500"):
        tea.recommend(basket=["assam"] * 501)
    assert len(tea.recommend(basket=["assam"] * 500)) == 10


def test_an_item_that_is_not_in_the_shop_is_noted(tea):
    """The page comes all the same, and says so."""
    page = tea.recommend(TRAINED, slot="product", item="samovar", k=4)
    assert len(page) == 4
    assert "the page's item is not in the shop" in page.notes


def test_an_item_that_no_model_knows_still_makes_a_page(tea):
    """A new item is no context yet: the page rests on something else."""
    tea.items.upsert([{"id": "brand-new"}])
    page = tea.recommend(slot="product", item="brand-new", k=4)
    assert (page.basis, len(page)) == ("catalog", 4)
    assert "brand-new" not in items(page)
    assert tea.recommend(TRAINED, slot="product", item="brand-new", k=4).basis == "personal"


def test_a_signal_can_refuse_only_where_nothing_was_chosen(tea_house):
    """An explicit choice outranks a signal; a refusing signal denies where there is no choice."""
    tea_house.policy = tea_house.policy.model_copy(
        update={"signals": {"accept": {"banner": ("personalize",)}}}
    )
    tea = tea_house.open()
    refuses = Signal("gpc", refuses=frozenset({"personalize"}))
    allows = Signal("banner", allows=frozenset({"personalize"}))
    assert tea.recommend(TRAINED, signals=[refuses]).why == "granted"
    assert tea.recommend("t018", signals=[allows]).why == "refused"
    assert tea.recommend("stranger", signals=[refuses]).why == "signal_refused"
    page = tea.recommend("stranger", signals=[allows], k=4)
    assert page.why == "signal"
    assert tea.consent.explain(page.decision).signals == ("banner",)


def fingerprint(house):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(house.folder.iterdir())
        if path.suffix != ".db-shm" and not path.name.endswith("-shm")
    }


@pytest.mark.only_sqlite("it compares the bytes of files; a server's change by themselves")
def test_pages_write_nothing(tea, tea_house, clock):
    """Thousands of pages later the files are the same, byte for byte, and so is the log."""
    tea.recommend(TRAINED)
    size = tea.audit.verify().size
    before = fingerprint(tea_house)
    with closing(sqlite3.connect(tea_house.data)) as connection:
        version = connection.execute("PRAGMA data_version").fetchone()
        for number in range(40):
            clock.forward(seconds=1)
            person = f"t{number:03}"
            tea.recommend(person)
            tea.recommend(person, slot="product", item="assam")
            tea.recommend(f"stranger{number}", slot="cart", basket=["mint"])
            tea.recommend(None)
            tea.consent.status(person)
            tea.stats()
        assert connection.execute("PRAGMA data_version").fetchone() == version
    assert fingerprint(tea_house) == before
    assert tea.audit.verify().size == size


def test_a_decision_token_tells_what_the_page_rested_on(tea, clock):
    """Opened with explain, the token says purpose, outcome, reason, time and what it saw."""
    page = tea.recommend(TRAINED)
    size = tea.audit.verify().size
    asked = clock.now
    clock.forward(days=1)
    tea.consent.withdraw(TRAINED)
    told = tea.consent.explain(page.decision)
    assert (told.decision.purpose, told.decision.allowed) == ("personalize", True)
    assert told.decision.reason == "granted"
    assert told.at == asked
    assert (told.log_size, told.training) == (size, 1)
    assert tea.policy.digest.startswith(told.policy_digest)
    rests_on = tea.audit.entries(since=told.decision.rests_on[0], limit=1)[0]
    assert rests_on.kind == "consent.grant"


def test_a_token_is_opaque(tea):
    """Two pages for one person have nothing in common to read, and the id is not in them."""
    first, second = tea.recommend(TRAINED).decision, tea.recommend(TRAINED).decision
    assert first != second
    assert first[8:40] != second[8:40]
    assert TRAINED not in first
    assert len(first) < 1_000


def test_a_token_that_was_changed_is_refused(tea):
    """A changed character, a cut, another alphabet or nothing at all: no token."""
    token = tea.recommend(TRAINED).decision
    for place in range(0, len(token) - 2, 7):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(knowingly.InputError):
            tea.consent.explain(token[:place] + other + token[place + 1 :])
    for bad in ("", "x", token[:-4], token[4:], token + token, "\u00e9" * 80, "A" * 5_000, "=" * 8):
        with pytest.raises(knowingly.InputError):
            tea.consent.explain(bad)


def test_a_token_of_another_tenant_is_refused(tea):
    """What one merchant's page rested on is nothing to another."""
    other = tea.tenant("other")
    with pytest.raises(knowingly.InputError):
        other.consent.explain(tea.recommend(TRAINED).decision)
    with pytest.raises(knowingly.InputError):
        tea.consent.explain(other.recommend(TRAINED).decision)


def test_tenants_never_see_each_other(tea_house, clock):
    """Whatever one tenant is asked, the other one's items, people, models and log are not there."""
    tea_house.with_policy(aggregates={"min_people": 20})
    tea = tea_house.open()
    assert tea.aggregates.release_bestsellers() is not None
    other = tea.tenant("other")
    policy_only = ["policy.activated"]
    assert [one.kind for one in other.audit.entries()] == policy_only
    assert len(other.items) == 0
    assert "assam" not in other.items
    page = other.recommend(TRAINED, slot="product", item="assam", basket=["chai"])
    assert (page.basis, len(page), page.why) == ("catalog", 0, "no_record")
    assert not any(one.allowed for one in other.consent.status(TRAINED).values())
    for purpose in other.policy.purposes:
        view = other.profiles.view(TRAINED, purpose)
        assert (view.events, view.withheld) == ((), {})
    assert other.models.cards() == []
    assert other.aggregates.bestsellers() is None
    assert other.aggregates.budget().spent == {}
    for call in (other.rights.erase, other.rights.export):
        with pytest.raises(knowingly.UnknownSubjectError) as caught:
            call(TRAINED)
        assert caught.value.known == 0
    assert other.track(TRAINED, "view", "assam").dropped == {"no_record": 1}
    other.audit.note_read("view", TRAINED)
    assert len(other.audit.entries()) == 1
    before = tea.audit.verify()
    people = tea.models.cards()[0].people
    history = tea.profiles.view(TRAINED, "train").events
    other.items.upsert([{"id": "assam", "title": "Not tea"}, {"id": "bolt"}])
    other.consent.grant(TRAINED, ["personalize", "train"], notice="2026-01/en")
    clock.forward(hours=1)
    assert other.track(TRAINED, "view", "assam").kept == 1
    other.train()
    other.maintain()
    other.consent.withdraw(TRAINED)
    other.rights.erase(TRAINED)
    clock.forward(days=5_000)
    other.maintain()
    clock.now = clock.ago(days=5_000)
    assert tea.audit.verify() == before
    assert tea.models.cards()[0].people == people
    assert tea.profiles.view(TRAINED, "train").events == history
    assert "bolt" not in tea.items
    assert tea.items.view().titles[tea.items.view().row_of["assam"]] == "Assam"
    assert tea.recommend(TRAINED).basis == "personal"


def test_two_tenants_of_one_customer_are_two_people(tea, tmp_path):
    """The same app id is stored under other hashes and other keys in each tenant."""
    other = tea.tenant("other")
    tea_shop(other)
    assert tea._tenancy.keyring.lookup(TRAINED) != other._tenancy.keyring.lookup(TRAINED)
    assert other.rights.erase(TRAINED).statement["tenant"] == "other"
    assert tea.profiles.view(TRAINED, "train").events
    assert not other.profiles.view(TRAINED, "train").events


@pytest.mark.parametrize("name", ["", "Acme", "a b", "../x", "-a", "a" * 65, "caf\u00e9"])
def test_tenant_names_are_plain(tea, name):
    """A tenant's name is a short slug."""
    with pytest.raises(knowingly.InputError, match="tenant"):
        tea.tenant(name)
