"""Forgetting: exactly, once, whatever runs at the same time, and whatever a plugin does."""

from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import BaseModel, Field

import knowingly
from knowingly import (
    Algorithm,
    Block,
    CorrectedNeighbours,
    CountingAlgorithm,
    ItemNeighbours,
    ItemScores,
    hookimpl,
)
from knowingly.governance import effects
from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.training import publishing as training
from knowingly.store import subjects

TRAINED = "t000"
EXACT = dict.fromkeys(("bought_together", "item_item", "popularity", "trending"), 0.0)


class RecentOptions(BaseModel, frozen=True, extra="forbid"):
    half_life_days: float = Field(7.0, gt=0)


class Recent(Algorithm[RecentOptions]):
    name = "recent"
    forgets = "refit"

    def fit(self, data):
        weight = np.exp2(-data.age_days / self.options.half_life_days)
        return ItemScores(np.bincount(data.item, weight, minlength=data.n_items))


class Raises(Algorithm):
    name = "raises"
    forgets = "refit"

    def fit(self, data):
        raise RuntimeError("secret of t000")


class Strange(ItemScores):
    """A model of a kind that cannot be stored."""

    kind = "strange"


class MakesStrange(Algorithm):
    name = "makes_strange"
    forgets = "refit"

    def fit(self, data):
        return Strange(np.ones(data.n_items))


class Shifty(CountingAlgorithm):
    """A counting plugin that an upgrade changed under a stored model."""

    name = "shifty"
    mode = "well"

    def count(self, block: Block):
        people = block.matrix(tuple(knowingly.EventKind)).sum(axis=0).reshape(-1, 1)
        if Shifty.mode == "wider":
            return np.hstack([people, people])
        if Shifty.mode == "larger":
            return people * 1_000
        if Shifty.mode == "raises":
            raise RuntimeError("secret of t000")
        if Shifty.mode == "floats":
            return people * 0.5
        return people

    def build(self, counts):
        if Shifty.mode == "build":
            raise RuntimeError("secret of t000")
        if Shifty.mode == "short":
            return ItemScores(np.ones(1))
        return ItemScores.from_counts(counts.rows(np.arange(counts.n_items))[:, 0], counts.floor)


def plugin(*classes):
    class Module:
        @staticmethod
        @hookimpl
        def knowingly_algorithms():
            return list(classes)

    return Module()


@pytest.fixture(autouse=True)
def _well():
    Shifty.mode = "well"


def with_plugin(house, *classes, first=True, **algorithms):
    """Open the tea shop with plugins trained and asked first on the home page."""
    names = tuple(one.name for one in classes)
    slots = dict(house.policy.slots)
    slots["home"] = {
        **slots["home"].model_dump(),
        "algorithms": (*names, *slots["home"].algorithms),
    }
    trained = {**house.policy.models.algorithms, **{name: {} for name in names}, **algorithms}
    house.policy = house.policy.model_copy(update={"slots": slots})
    house.with_policy(models={"algorithms": trained})
    shop = house.open()
    shop.plugins.add("test_plugin", plugin(*classes))
    return shop


def test_forgetting_is_exact(tea, clock, gaps):
    """Person after person withdrawn or erased, what is served is what a refit would give."""
    clock.forward(hours=1)
    for number, person in enumerate(("t000", "t001", "t002", "t003", "t020", "t021")):
        if number % 2:
            tea.rights.erase(person)
        else:
            tea.consent.withdraw(person, ["train"])
        assert gaps(tea) == EXACT
    assert tea.models.cards()[0].people == 134


def test_it_forgets_once(tea, clock, gaps):
    """Withdrawing again, objecting and erasing afterwards subtract nothing more."""
    clock.forward(hours=1)
    assert tea.consent.withdraw(TRAINED, ["train"]).effects["models_forgot"] == len(EXACT)
    people = tea.models.cards()[0].people
    for action in (tea.consent.withdraw, tea.consent.object, tea.consent.refuse):
        assert "models_forgot" not in action(TRAINED).effects
    certificate = tea.rights.erase(TRAINED)
    assert certificate.statement["models"] == {}
    assert tea.models.cards()[0].people == people
    assert gaps(tea) == EXACT


def test_everyone_can_be_forgotten(tea, clock, gaps):
    """When the last one has gone the models are empty, and pages still come."""
    clock.forward(hours=1)
    everyone = [f"t{n:03}" for n in range(200)]
    tea.consent.record([{"subject": one, "action": "withdraw"} for one in everyone])
    assert tea.models.cards()[0].people == 0
    assert gaps(tea) == EXACT
    with tea._tenancy.read() as snapshot:
        models = tea._registry.at(snapshot).models
    assert not models["popularity"].scores.any()
    assert not models["item_item"].count.any()
    assert len(tea.recommend(TRAINED, k=4)) == 4


def test_a_rolled_back_withdrawal_leaves_the_model(tea, clock, gaps, monkeypatch):
    """When something fails after they were forgotten, nobody was, in memory as on disk."""
    clock.forward(hours=1)
    tea.recommend(TRAINED)
    real = effects.forget_many

    def fails_afterwards(*args):
        real(*args)
        raise RuntimeError

    monkeypatch.setattr(effects, "forget_many", fails_afterwards)
    with pytest.raises(RuntimeError):
        tea.consent.record(
            [{"subject": one, "action": "withdraw"} for one in ("t000", "t001", "t002")]
        )
    monkeypatch.undo()
    assert tea.models.cards()[0].people == 140
    assert gaps(tea) == EXACT
    tea.consent.withdraw("t003")
    tea.consent.withdraw("t020")
    assert tea.models.cards()[0].people == 138
    assert gaps(tea) == EXACT


MEANWHILE = {
    "withdraw": lambda shop, clock: shop.consent.withdraw(TRAINED, ["train"]),
    "withdraw all": lambda shop, clock: shop.consent.withdraw(TRAINED),
    "erase": lambda shop, clock: shop.rights.erase(TRAINED),
    "object": lambda shop, clock: shop.consent.object(TRAINED, ["train"]),
    "restrict": lambda shop, clock: shop.consent.record(
        [{"subject": TRAINED, "action": "restrict"}]
    ),
    "withdraw and regrant": lambda shop, clock: (
        shop.consent.withdraw(TRAINED),
        clock.forward(minutes=1),
        shop.consent.grant(TRAINED, ["train", "personalize"], notice="2026-01/en"),
    ),
    "erase and regrant": lambda shop, clock: (
        shop.rights.erase(TRAINED),
        clock.forward(minutes=1),
        shop.consent.grant(TRAINED, ["train", "personalize"], notice="2026-01/en"),
        clock.forward(minutes=1),
        shop.track(TRAINED, "purchase", "assam"),
    ),
}


@pytest.mark.parametrize(
    ("what", "before"), [(what, before) for what in MEANWHILE for before in (True, False)]
)
def test_a_no_during_a_fit_is_in_what_is_published(  # noqa: PLR0917 - fixtures
    tea, clock, gaps, monkeypatch, what, before
):
    """Whoever says no between the reading and the publishing is not in the published model."""
    clock.forward(hours=1)
    real, done = training.fit, []

    def fit(*args, **kwargs):
        fitted = None if before else real(*args, **kwargs)
        if not done:
            done.append(1)
            clock.forward(minutes=1)
            MEANWHILE[what](tea, clock)
            clock.forward(minutes=1)
        return fitted or real(*args, **kwargs)

    monkeypatch.setattr(training, "fit", fit)
    trained = tea.train()
    monkeypatch.undo()
    assert trained.people == 139
    assert tea.models.cards()[0].people == 139
    assert gaps(tea) == EXACT


def test_a_renewed_yes_during_a_fit_keeps_the_person(tea, clock, gaps, monkeypatch):
    """Who agrees again while a fit runs stays in it: the permission was whole all along."""
    clock.forward(hours=1)
    real = training.fit

    def fit(*args, **kwargs):
        tea.consent.grant(TRAINED, ["train"], notice="2026-01/en")
        return real(*args, **kwargs)

    monkeypatch.setattr(training, "fit", fit)
    assert tea.train().people == 140
    monkeypatch.undo()
    assert gaps(tea) == EXACT


def test_events_during_a_fit_wait_for_the_next(tea, clock, gaps, monkeypatch):
    """What comes in while a fit runs is not in the model, and can be forgotten all the same."""
    clock.forward(hours=1)
    real = training.fit

    def fit(*args, **kwargs):
        clock.forward(minutes=1)
        tea.track(TRAINED, "purchase", "scale")
        return real(*args, **kwargs)

    monkeypatch.setattr(training, "fit", fit)
    trained = tea.train()
    monkeypatch.undo()
    clock.forward(minutes=1)
    assert gaps(tea) == EXACT
    tea.consent.withdraw(TRAINED)
    assert gaps(tea) == EXACT
    clock.forward(minutes=1)
    assert tea.train().people == trained.people - 1


def test_a_model_that_cannot_subtract_is_taken_out_of_service(tea_house, clock):
    """Under a strict policy a refit plugin serves until someone is forgotten."""
    tea = with_plugin(tea_house.with_policy(models={"forget": "strict"}), Recent)
    clock.forward(hours=1)
    tea.train()
    page = tea.recommend("t001", k=4)
    assert {hit.source for hit in page} == {"recent"}
    # What she bought is left out, so the page is hers, whoever filled it.
    assert page.basis == "personal"
    certificate = tea.rights.erase(TRAINED)
    assert certificate.statement["models"]["recent"] == "out of service"
    page = tea.recommend("t001", k=4)
    assert page.basis == "personal"
    assert page.notes == ("recent is not in service",)
    in_service = {card.algorithm: card.in_service for card in tea.models.cards()}
    assert in_service == {**dict.fromkeys(EXACT, True), "recent": False}
    assert tea_house.rows("SELECT 1 FROM model_rows WHERE algorithm = 'recent'") == []
    clock.forward(hours=1)
    tea.train()
    assert {hit.source for hit in tea.recommend("t001", k=4)} == {"recent"}


def test_a_refit_model_is_not_served_when_someone_left_during_its_fit(
    tea_house, clock, monkeypatch
):
    """Under a strict policy a fit that cannot subtract them is published out of service."""
    tea = with_plugin(tea_house.with_policy(models={"forget": "strict"}), Recent)
    clock.forward(hours=1)
    real, done = training.fit, []

    def fit(*args, **kwargs):
        fitted = real(*args, **kwargs)
        if not done:
            done.append(tea.consent.withdraw(TRAINED))
        return fitted

    monkeypatch.setattr(training, "fit", fit)
    tea.train()
    assert {card.algorithm: card.in_service for card in tea.models.cards()}["recent"] is False
    assert "recent is not in service" in tea.recommend("t001").notes


def test_a_plugin_that_fails_in_training_is_named(tea_house, clock):
    """Training raises with the plugin's name and without its message; the old training stays."""
    tea = with_plugin(tea_house, Raises)
    clock.forward(hours=1)
    before = tea.models.cards()
    with pytest.raises(knowingly.PluginError, match="'raises'") as caught:
        tea.train()
    assert caught.value.plugin == "raises"
    assert "secret" not in str(caught.value)
    assert tea.models.cards() == before
    page = tea.recommend(TRAINED, k=4)
    assert page.basis == "personal"
    done = tea.maintain()
    assert done.trained is None
    assert [note for note in done.notes if "raises" in note]


def test_a_plugin_the_policy_names_and_nobody_has_is_an_error(tea_house, clock):
    """A missing plugin is named together with those that there are."""
    tea_house.with_policy(models={"algorithms": {"item_item": {}, "nowhere": {}}})
    tea = tea_house.open()
    with pytest.raises(knowingly.PluginLoadError, match="ease, item_item, popular") as caught:
        tea.train()
    assert caught.value.plugin == "nowhere"


def test_wrong_options_name_the_option(tea_house):
    """An option the plugin does not have is refused before anything is fitted."""
    tea_house.with_policy(models={"algorithms": {"item_item": {"neighbors": 3}}})
    with pytest.raises(knowingly.PluginError, match=r"option neighbors.*which are: .*neighbours"):
        tea_house.open().train()


def test_a_model_that_cannot_be_stored_is_refused_in_training(tea_house, clock):
    """A model of a kind that cannot be read again never gets published."""
    tea = with_plugin(tea_house, MakesStrange)
    clock.forward(hours=1)
    with pytest.raises(knowingly.PluginError) as caught:
        tea.train()
    assert caught.value.plugin == "makes_strange"
    assert len(tea.recommend(TRAINED, k=4)) == 4


BROKEN = {
    "raises": lambda self, query: 1 / 0,
    "NaN": lambda self, query: np.full(query.n_items, np.nan),
    "infinite": lambda self, query: np.full(query.n_items, np.inf),
    "short": lambda self, query: np.zeros(3),
    "two axes": lambda self, query: np.zeros((query.n_items, 2)),
    "a list": lambda self, query: [1.0] * query.n_items,
    "None": lambda self, query: None,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_failing_score_degrades_the_page(tea, monkeypatch, how):
    """A model that breaks its contract is passed over, with a note that names it."""
    monkeypatch.setattr(ItemNeighbours, "score", BROKEN[how])
    page = tea.recommend(TRAINED, k=4)
    assert len(page) == 4
    assert {hit.source for hit in page} == {"popularity"}
    assert [note for note in page.notes if note.startswith("item_item")]


@pytest.mark.parametrize("how", ["raises", "NaN", "short"])
def test_failing_company_degrades_the_page(tea, monkeypatch, how):
    """The same holds for a page without consent that asks for what goes with an item."""
    broken = BROKEN[how]
    monkeypatch.setattr(
        CorrectedNeighbours,
        "similar",
        lambda self, item: broken(self, SimpleNamespace(n_items=self.n_items)),
    )
    page = tea.recommend(slot="product", item="assam", k=4)
    assert (page.basis, {hit.source for hit in page}) == ("contextual", {"content"})
    assert [note for note in page.notes if note.startswith("item_item")]


def test_a_failing_reason_degrades_the_page(tea, monkeypatch):
    """Reasons that point nowhere are refused like scores."""
    monkeypatch.setattr(
        ItemNeighbours, "because_many", lambda self, query, items: np.full(len(items), 10_000)
    )
    page = tea.recommend(TRAINED, k=4)
    assert len(page) == 4
    assert [note for note in page.notes if note.startswith("item_item")]


@pytest.mark.parametrize("mode", ["wider", "larger", "raises", "floats", "build", "short"])
@pytest.mark.parametrize("right", ["withdraw", "erase"])
def test_a_right_does_not_wait_for_a_plugin(tea_house, clock, mode, right, gaps):
    """Whatever a plugin does when it should forget, the person is forgotten: it leaves service."""
    tea = with_plugin(tea_house, Shifty)
    clock.forward(hours=1)
    tea.train()
    Shifty.mode = mode
    if right == "withdraw":
        tea.consent.withdraw(TRAINED)
    else:
        tea.rights.erase(TRAINED)
    assert tea.models.cards()[0].people == 139
    in_service = {card.algorithm: card.in_service for card in tea.models.cards()}
    assert in_service == {**dict.fromkeys(EXACT, True), "shifty": False}
    assert gaps(tea) == EXACT
    assert tea.recommend("t001", k=4).notes == ("shifty is not in service",)


def test_an_uninstalled_plugin_leaves_service_when_someone_is_forgotten(tea_house, clock, gaps):
    """Its model serves from what is stored; it cannot forget without its code, so it leaves."""
    tea = with_plugin(tea_house, Shifty)
    clock.forward(hours=1)
    tea.train()
    tea_house.close()
    tea = tea_house.open()
    assert "shifty" not in tea.plugins.algorithms
    assert {hit.source for hit in tea.recommend("t001", k=4)} == {"shifty"}
    tea.consent.withdraw(TRAINED)
    assert "shifty is not in service" in tea.recommend("t001", k=4).notes
    assert gaps(tea) == EXACT


def test_a_policy_changed_since_does_not_change_the_comparison(tea_house, gaps):
    """The refit is made under the rules of the training, not under those of today's policy."""
    tea_house.with_policy(models={"min_subjects": 9, "min_item_subjects": 9})
    tea = tea_house.open()
    assert gaps(tea) == EXACT
    tea.consent.withdraw(TRAINED)
    assert gaps(tea) == EXACT


def test_models_are_bytes_of_items_only(tea, tea_house, clock):
    """Erased, she is in no table of the models: not by number, and not as a count."""
    [(subject,)] = tea_house.rows("SELECT min(subject) FROM subjects")
    before = tea_house.count("manifests")
    tea.rights.erase(TRAINED)
    assert tea_house.rows("SELECT 1 FROM manifests WHERE subject = ?", subject) == []
    assert tea_house.count("manifests") == before - 1


def test_no_model_has_items_of_too_few(tea, clock):
    """An item that fewer than the floor chose has no score and no neighbours."""
    tea.items.upsert([{"id": "rare"}])
    clock.forward(hours=1)
    for person in ("t000", "t001", "t002", "t003"):
        tea.track(person, "purchase", "rare")
    clock.forward(hours=1)
    tea.train()
    with tea._tenancy.read() as snapshot:
        serving = tea._registry.at(snapshot)
        row = tea._tenancy.catalogue.at(snapshot).row_of["rare"]
    assert row not in serving.items.tolist()
    assert isinstance(serving.models["popularity"], Model)


def test_a_person_whose_key_is_lost_can_still_be_erased(tea, tea_house):
    """Nobody can say what was learned from them, so the models stop until the next training."""
    lookup = tea._tenancy.keyring.lookup("t000")
    with tea._tenancy.read() as snapshot:
        lost = subjects.find(snapshot, lookup).key_id
    tea_house.run("DELETE FROM subject_keys WHERE key_id = ?", lost, store="keys")
    tea._tenancy.keyring.forget()
    told = tea.rights.erase("t000").statement
    assert set(told["models"].values()) == {"out of service"}
    assert "item_item is not in service" in tea.recommend("t001").notes
    assert not tea.knows("t000")
    tea.train()
    assert tea.recommend("t001").basis == "personal"
