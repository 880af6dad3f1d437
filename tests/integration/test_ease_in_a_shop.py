"""``ease`` in a shop: pages, and forgetting that equals a refit, here and in another process."""

import gc
import weakref

import pytest

from knowingly.governance import effects
from knowingly.recommend.training.forgetting import StoredCounts
from knowingly.store.doors import Tx
from knowingly_plugins import ease


@pytest.fixture
def shop_of_ease(tea_house):
    """The tea shop, trained anew; its home page asks ``ease`` first."""
    home = tea_house.policy.slots["home"]
    slots = {
        **tea_house.policy.slots,
        "home": {**home.model_dump(), "algorithms": ("ease", *home.algorithms)},
    }
    tea_house.policy = tea_house.policy.model_copy(update={"slots": slots})
    tea_house.with_policy(models={"algorithms": {"ease": {"neighbours": 8, "l2": 20}}})
    shop = tea_house.open()
    shop.train()
    return shop


def near(shop):
    """It is in service, and as a refit to a millionth."""
    (found,) = shop.models.compare_with_refit()  # none where it is out of service
    assert (found.algorithm, found.tolerance) == ("ease", 1e-6)
    return found.largest_difference <= found.tolerance


def test_pages_come_from_it_with_reasons(shop_of_ease):
    """Somebody who agreed sees what their own choices say, and because of which."""
    page = shop_of_ease.recommend("t000", k=5)
    assert page.basis == "personal"
    told = [hit for hit in page if hit.source == "ease"]
    assert told
    assert all("because" in hit.reason.lower() for hit in told), told


def test_its_card_says_what_the_floor_counts(shop_of_ease):
    """Pairs where a pair is shown, items for the rest."""
    (card,) = shop_of_ease.models.cards()
    assert (card.algorithm, card.forgets, card.floor) == ("ease", "exact", 5)
    assert "both items of a listed pair" in card.floor_of


def test_it_forgets_as_a_refit_would(shop_of_ease, clock):
    """Withdrawn or erased, one after the other, and after a new training."""
    clock.forward(hours=1)
    for number, person in enumerate(("t000", "t001", "t002", "t003", "t020", "t021")):
        if number % 2:
            shop_of_ease.rights.erase(person)
        else:
            shop_of_ease.consent.withdraw(person, ["train"])
        assert near(shop_of_ease)
    shop_of_ease.train()
    shop_of_ease.rights.erase("t022")
    assert near(shop_of_ease)


@pytest.fixture
def inversions(monkeypatch):
    """Of each inversion of stored counts by this process, which has forgotten nobody yet, where.

    True is in a writer's turn.
    """
    where = []

    class Noted(ease.Inverse):
        def __init__(self, counts, ridge):
            if isinstance(counts, StoredCounts):
                where.append(isinstance(counts._snapshot, Tx))
            super().__init__(counts, ridge)

    monkeypatch.setattr(ease, "KEPT", ease.Kept())
    monkeypatch.setattr(ease, "Inverse", Noted)
    return where


@pytest.fixture
def lapsed(house, agree, clock):
    """A small shop, trained twice; since then the yes of one of its people grew too old."""
    house.with_policy(
        models={
            "min_subjects": 2,
            "min_item_subjects": 2,
            "algorithms": {"ease": {"neighbours": 8, "l2": 20}},
        }
    )
    shop = house.open()
    shop.items.upsert([{"id": item} for item in ("cup", "pot", "tin")], strict=True)
    agree(shop, "early")
    clock.forward(days=300)
    for person in ("ann", "bob", "cay"):
        agree(shop, person)
    clock.forward(hours=1)
    for person in ("early", "ann", "bob", "cay"):
        for item in ("cup", "pot") if person == "bob" else ("cup", "pot", "tin"):
            shop.track(person, "purchase", item)
    for _ in range(2):
        clock.forward(hours=1)
        shop.train()
    clock.forward(days=100)
    return shop


WAYS = {
    "erase": lambda shop: shop.rights.erase("t000"),
    "withdraw": lambda shop: shop.consent.withdraw("t000", ["train"]),
    "merge": lambda shop: shop.profiles.merge("t000", into="t001"),
    "merge a no": lambda shop: shop.profiles.merge("t019", into="t000"),
}


@pytest.mark.parametrize("way", WAYS)
def test_others_need_not_wait_while_it_gets_ready(shop_of_ease, clock, agree, inversions, way):
    """A process that forgets for the first time inverts before the writer's turn, and once."""
    clock.forward(hours=1)
    agree(shop_of_ease, "t039")
    shop_of_ease.consent.withdraw("t019")  # who taught nothing: not worth a minute
    shop_of_ease.profiles.merge("t039", into="t002")
    assert inversions == []
    WAYS[way](shop_of_ease)
    assert inversions == [False]
    # After a merge a refit would learn from what the account was handed.
    assert way == "merge" or near(shop_of_ease)


def test_nor_while_retention_does(lapsed, inversions):
    """Where a permission ran out. A rehearsal, which changes nothing, makes no model."""
    assert lapsed.retain().models_forgot == 1
    assert inversions == []
    assert lapsed.retain(apply=True).models_forgot == 1
    assert inversions == [False]
    assert near(lapsed)


def test_nor_while_a_rollback_leaves_somebody_out(lapsed, inversions):
    """Whose permission ran out; the version that comes back is then made from its counts."""
    lapsed.models.rollback()
    assert inversions == [False, False]
    assert near(lapsed)


def test_a_version_comes_back_without_who_was_forgotten(shop_of_ease, clock):
    """From its integer counts, and it goes on forgetting from there."""
    clock.forward(hours=1)
    shop_of_ease.train()
    shop_of_ease.rights.erase("t000")
    assert shop_of_ease.models.rollback().algorithms == ("ease",)
    assert near(shop_of_ease)
    shop_of_ease.consent.withdraw("t001", ["train"])
    assert near(shop_of_ease)


def test_a_rolled_back_forget_leaves_it_right(shop_of_ease, clock, monkeypatch):
    """What was subtracted in memory alone is found out, and counted from the database again."""
    clock.forward(hours=1)
    shop_of_ease.rights.erase("t000")
    forget = effects.forget_many

    def fails_afterwards(*arguments):
        forget(*arguments)
        raise RuntimeError("power cut")

    monkeypatch.setattr(effects, "forget_many", fails_afterwards)
    with pytest.raises(RuntimeError, match="power cut"):
        shop_of_ease.consent.withdraw("t001", ["train"])
    monkeypatch.undo()
    assert near(shop_of_ease)
    shop_of_ease.consent.withdraw("t002", ["train"])
    assert near(shop_of_ease)


def test_another_process_forgets_from_where_this_one_was(
    shop_of_ease, tea_house, clock, child, wait
):
    """Turn by turn, each finds that the model has moved on without it."""
    clock.forward(hours=1)
    shop_of_ease.rights.erase("t000")

    def elsewhere():
        with tea_house.open() as other:
            other.rights.erase("t001")
            assert near(other)

    assert wait(child(elsewhere)) == 0
    assert near(shop_of_ease)
    shop_of_ease.rights.erase("t002")
    assert near(shop_of_ease)


def test_what_another_process_made_it_forget_leaves_this_ones_memory(
    shop_of_ease, tea_house, clock, child, wait
):
    """The inverse that was kept to forget from goes with the model it belongs to."""
    clock.forward(hours=1)
    shop_of_ease.rights.erase("t000")
    kept = weakref.ref(ease.KEPT._last[1].inverse)

    def elsewhere():
        with tea_house.open() as other:
            other.rights.erase("t001")

    assert wait(child(elsewhere)) == 0
    assert kept() is not None
    shop_of_ease.recommend("t002", k=5)
    gc.collect()
    assert kept() is None


def test_it_stays_at_hand_beside_a_model_that_waits_for_its_refit(tea_house, clock, inversions):
    """What is served after a forget is what was forgotten from, whatever became of the others."""
    algorithms = {"ease": {"neighbours": 8, "l2": 20}, "spectral": {"factors": 4}}
    tea_house.with_policy(models={"algorithms": algorithms})
    shop = tea_house.open()
    shop.train()
    clock.forward(hours=1)
    for person in ("t000", "t001", "t002"):
        told = shop.rights.erase(person).statement["models"]
        assert told["ease"] == "exact"
        assert told["spectral"].startswith("refit by ")
    assert inversions == [False]
