"""An algorithm that forgets by a refit: served until its deadline, and not a moment longer."""

import importlib.util
from datetime import timedelta
from pathlib import Path

import pytest

from knowingly.recommend.training import publishing

PLUGIN = Path(__file__).parents[2] / "examples" / "recent_plugin.py"
DAYS = timedelta(days=7)
NOT_SERVED = ("recent is not in service",)


def recent_plugin():
    spec = importlib.util.spec_from_file_location("recent_plugin", PLUGIN)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def opened(house, **models):
    """The tea shop, with the plugin trained and asked first."""
    algorithms = {**house.policy.models.algorithms, "recent": {}}
    house.with_policy(models={"algorithms": algorithms, **models})
    slots = dict(house.policy.slots)
    slots["home"] = {**slots["home"].model_dump(), "algorithms": ("recent", "popularity")}
    house.policy = house.policy.model_copy(update={"slots": slots})
    shop = house.open()
    shop.plugins.add("recent", recent_plugin())
    return shop


@pytest.fixture
def tea(tea_house, clock):
    """The tea shop, with the plugin in service."""
    shop = opened(tea_house)
    clock.forward(hours=1)
    shop.train()
    return shop


def served(shop):
    return {hit.source for hit in shop.recommend("t001", k=4)} == {"recent"}


def card(shop):
    return next(card for card in shop.models.cards() if card.algorithm == "recent")


RIGHTS = {
    "erase": lambda shop: shop.rights.erase("t000"),
    "withdraw": lambda shop: shop.consent.withdraw("t000", ["train"]),
    "object": lambda shop: shop.consent.object("t000", ["train"]),
    "restrict": lambda shop: shop.rights.restrict("t000"),
}


@pytest.mark.parametrize("what", RIGHTS)
def test_it_is_served_until_its_deadline(tea, tea_house, clock, what):
    """And then not, whoever looks; reading pages writes nothing."""
    before, manifests = clock.now, tea_house.count("manifests")
    assert card(tea).refit_by is None
    assert tea.stats()["model_refit_due_seconds"] == {}
    RIGHTS[what](tea)
    assert tea_house.count("manifests") == manifests - 2, "one of each version that is kept"
    assert card(tea).refit_by == before + DAYS
    assert tea.stats()["model_refit_due_seconds"] == {"recent": DAYS.total_seconds()}
    clock.forward(days=7, microseconds=-1)
    assert served(tea)
    assert tea.stats()["models_out_of_service"] == []
    assert served(tea_house.open())
    clock.forward(microseconds=1)
    for shop in (tea, tea_house.open()):
        page = shop.recommend("t001", k=4)
        assert page.notes == NOT_SERVED
        assert {hit.source for hit in page} == {"popularity"}
        assert not card(shop).in_service
        assert "recent" not in shop.stats()["model_age_seconds"]
        assert shop.stats()["models_out_of_service"] == ["recent"]
        assert shop.stats()["model_refit_due_seconds"] == {"recent": 0}
    assert tea_house.rows("SELECT refit_by_us IS NULL FROM models WHERE algorithm = 'recent'") == [
        (False,)
    ]


def test_the_earliest_deadline_stands(tea, clock):
    """However many are forgotten until then; one who is forgotten after it finds it gone."""
    first = clock.now
    tea.rights.erase("t000")
    clock.forward(days=6)
    assert tea.rights.erase("t001").statement["models"]["recent"] == "refit by 2026-03-08"
    assert card(tea).refit_by == first + DAYS
    clock.forward(days=1)
    assert tea.rights.erase("t002").statement["models"]["recent"] == "out of service"
    assert not card(tea).in_service


def test_a_refit_in_time_has_forgotten_them(tea, tea_house, clock):
    """The next training is what a shop would have trained that never learned from them."""
    clock.forward(days=1)
    tea.consent.withdraw("t000", ["train"])
    tea.rights.erase("t002")
    clock.forward(days=1)
    assert tea.maintain(skip=["release", "retention", "sweep", "checkpoint"]).notes == ()
    assert card(tea).refit_by is None
    assert card(tea).people == 138
    clock.forward(days=30)
    assert {one.algorithm: one.largest_difference for one in tea.models.compare_with_refit()}[
        "recent"
    ] == pytest.approx(0, abs=1e-9)
    assert served(tea)


def test_one_who_leaves_during_a_fit_marks_what_it_publishes(tea, clock, monkeypatch):
    """It has learned from them, so it waits for a refit, by a day counted from the reading."""
    real, done, began = publishing.fit, [], clock.now

    def fit(*args, **kwargs):
        fitted = real(*args, **kwargs)
        if not done:
            clock.forward(hours=2)
            done.append(tea.consent.withdraw("t000", ["train"]))
        return fitted

    monkeypatch.setattr(publishing, "fit", fit)
    assert tea.train().people == 139
    monkeypatch.undo()
    assert card(tea).refit_by == began + DAYS
    assert served(tea)
    clock.forward(days=7)
    assert not served(tea)


def test_maintain_takes_out_what_is_overdue(tea, tea_house, clock):
    """Where it cannot train; it says so, and the stored parameters are gone."""
    tea.rights.erase("t000")
    clock.forward(days=8)
    before = tea.stats()["ledger_entries"]
    done = tea.maintain(skip=["train", "release", "retention", "sweep", "checkpoint"])
    (note,) = done.notes
    assert "recent was not fitted again by its deadline" in note
    assert tea_house.rows("SELECT 1 FROM model_rows WHERE algorithm = 'recent'") == []
    assert [one.kind for one in tea.audit.entries(since=before)] == ["models.overdue"]
    assert tea.maintain(skip=["train", "release", "retention", "sweep", "checkpoint"]).notes == ()
    tea.train()
    assert served(tea)


def test_a_failed_training_lets_the_deadline_pass(tea, clock, monkeypatch):
    """A plugin that cannot be fitted again does not serve on for that."""
    monkeypatch.setattr(tea.plugins.algorithms["recent"], "fit", None)
    tea.rights.erase("t000")
    clock.forward(days=8)
    notes = tea.maintain(skip=["release", "retention", "sweep", "checkpoint"]).notes
    assert [note.partition(":")[0] for note in notes] == ["not trained", "models"]
    assert not served(tea)


def test_what_is_said_of_it(tea):
    """The certificate and the receipt's effects name the day, in place of a forgetting."""
    receipt = tea.consent.withdraw("t000", ["train"])
    assert receipt.effects["models_forgot"] == 4
    assert receipt.effects["models_to_refit"] == 1
    certificate = tea.rights.erase("t001")
    assert certificate.is_genuine()
    assert certificate.statement["models"]["recent"] == "refit by 2026-03-08"
    assert "item_item (exact)" in certificate.summary()
    assert "recent (refit by 2026-03-08)" in certificate.summary()


def test_a_policy_can_shorten_the_days(tea_house, clock):
    """A whole number of them."""
    shop = opened(tea_house, refit_within_days=1)
    clock.forward(hours=1)
    shop.train()
    shop.rights.erase("t000")
    assert card(shop).refit_by == clock.now + timedelta(days=1)


def test_a_later_yes_does_not_bring_the_past_back_by_the_refit(tea, clock):
    """Who withdrew and agreed again is learned from anew only from then on."""
    tea.consent.withdraw("t000", ["train"])
    clock.forward(minutes=1)
    tea.consent.grant("t000", ["train"], notice="2026-01/en")
    clock.forward(minutes=1)
    assert tea.train().people == 139
    assert card(tea).refit_by is None


def test_what_waits_for_a_refit_is_not_saved(tea, tmp_path):
    """A copy in files would never forget; the others are there."""
    tea.rights.erase("t000")
    saved = tea.models.save(tmp_path / "models")
    assert saved.left_out == ("recent",)
    assert saved.digests.keys() == {"bought_together", "item_item", "popularity", "trending"}
    assert not list((tmp_path / "models").glob("recent*"))
