"""``ease`` in a shop: pages, and forgetting that equals a refit, here and in another process."""

import pytest

from knowingly.governance import effects
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


@pytest.mark.parametrize("way", ["erase", "withdraw"])
def test_others_need_not_wait_while_it_gets_ready(shop_of_ease, clock, monkeypatch, way):
    """A process that forgets for the first time inverts before the writer's turn, and once."""
    clock.forward(hours=1)
    where = []

    class Noted(ease.Inverse):
        def __init__(self, counts, ridge):
            where.append(isinstance(counts._snapshot, Tx))
            super().__init__(counts, ridge)

    monkeypatch.setattr(ease, "KEPT", ease.Kept())
    monkeypatch.setattr(ease, "Inverse", Noted)
    shop_of_ease.consent.withdraw("t019")  # who taught nothing: not worth a minute
    assert where == []
    if way == "erase":
        shop_of_ease.rights.erase("t000")
    else:
        shop_of_ease.consent.withdraw("t000", ["train"])
    assert where == [False]
    monkeypatch.undo()
    assert near(shop_of_ease)


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
    forget = effects.forget

    def fails_afterwards(*arguments):
        forget(*arguments)
        raise RuntimeError("power cut")

    monkeypatch.setattr(effects, "forget", fails_afterwards)
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
