"""Forgetting many people at once: as one after the other, and never so many that others wait."""

from types import SimpleNamespace

import numpy as np
import pytest

import knowingly
from knowingly import Algorithm, CountingAlgorithm, ItemScores, hookimpl
from knowingly.consent.past import PastChoices
from knowingly.importing import tables
from knowingly.recommend.registry.serving import unserved
from knowingly.recommend.registry.signed import Signed
from knowingly.recommend.training import turns
from knowingly.recommend.training.forgetting import forget_many
from knowingly.store import models as stored
from knowingly.store import subjects

EXACT = dict.fromkeys(("bought_together", "item_item", "popularity", "trending"), 0.0)
MODELS = len(EXACT)
LEAVING = [f"t{n:03}" for n in range(12)]


class Refits(Algorithm):
    """Learns from people, and can forget nobody."""

    name = "refits"
    forgets = "refit"

    def fit(self, data):
        people = data.whole().matrix(tuple(knowingly.EventKind)).sum(axis=0)
        return ItemScores(people.astype(float))


class Shifty(CountingAlgorithm):
    """Counts more than it did when it was trained, once it is told to."""

    name = "shifty"
    times = 1

    def count(self, block):
        people = block.matrix(tuple(knowingly.EventKind)).sum(axis=0).reshape(-1, 1)
        return people * Shifty.times

    def build(self, counts):
        return ItemScores(counts.rows(np.arange(counts.n_items))[:, 0] * 1.0)


@pytest.fixture
def small_turns(monkeypatch):
    """A turn of the writer has room for so many events."""
    return lambda room: monkeypatch.setattr(turns, "_RECORDS", room)


def with_plugin(house, algorithm):
    """Open the tea shop with a plugin among those that are trained."""
    algorithms = {**house.policy.models.algorithms, algorithm.name: {}}
    shop = house.with_policy(models={"algorithms": algorithms}).open()
    shop.plugins.add("own", SimpleNamespace(knowingly_algorithms=hookimpl(lambda: [algorithm])))
    return shop


def forgot(receipts) -> list[int]:
    return [one.effects.get("models_forgot", 0) for one in receipts]


def refused(shop, people, *, together: bool) -> list[knowingly.Receipt]:
    choices = [{"subject": one, "action": "refuse"} for one in people]
    calls = [choices] if together else [[one] for one in choices]
    return [receipt for call in calls for receipt in shop.consent.record(call)]


def learned(shop) -> dict:
    """What every version has in its counts and in what it serves, and from how many people."""
    found = {}
    with shop._tenancy.read() as snapshot:
        for version in (row.training for row in stored.kept(snapshot)):
            signed = Signed(shop._tenancy.keyring, version)
            serving = unserved(shop._tenancy.keyring, snapshot, version)
            every = list(range(len(serving.items)))
            found[version] = stored.learned_size(snapshot, version)
            for name, row in serving.known.items():
                counts = stored.count_rows(snapshot, version, name, every)
                served = stored.serving_rows(snapshot, version, name)
                found[version, name] = (
                    (row.in_service, row.refit_by_us),
                    signed.open_counts(name, counts),
                    signed.open_parameters(name, served),
                )
    return found


@pytest.mark.parametrize("forget", ["deadline", "strict"])
def test_it_comes_to_the_same_as_one_after_the_other(tea_house, tmp_path, clock, gaps, forget):
    """Bit for bit in every version, and for each person in the receipt."""
    tea_house.with_policy(models={"forget": forget})
    shop = with_plugin(tea_house, Refits)
    shop.train()
    clock.forward(hours=1)
    shop.train()
    clock.forward(hours=1)
    other = tea_house.copy(tmp_path / "other")
    singly = with_plugin(other, Refits)
    shop = with_plugin(tea_house, Refits)
    # One of them twice, one whom no model knows, and a stranger.
    people = [*LEAVING, LEAVING[0], "t150", "stranger"]
    one_by_one = refused(singly, people, together=False)
    at_once = refused(shop, people, together=True)
    assert [one.effects for one in at_once] == [one.effects for one in one_by_one]
    assert sum(forgot(at_once)) >= MODELS * len(LEAVING)
    assert learned(shop) == learned(singly)
    assert {name: gap for name, gap in gaps(shop).items() if name != "refits"} == EXACT
    other.remove()


def test_it_comes_to_the_same_in_several_parts(tea, clock, gaps, small_turns):
    """One transaction that forgets more people than there is room for at once does so in turn."""
    small_turns(15)
    clock.forward(hours=1)
    assert forgot(refused(tea, LEAVING, together=True)) == [MODELS] * len(LEAVING)
    assert tea.models.cards()[0].people == 140 - len(LEAVING)
    assert gaps(tea) == EXACT


def test_a_lost_key_takes_nobody_elses_outcome_with_it(tea, tea_house, clock):
    """The models leave service, and whose manifest opened was subtracted from them before."""
    clock.forward(hours=1)
    with tea._tenancy.read() as snapshot:
        lookups = map(tea._tenancy.keyring.lookup, LEAVING[:3])
        people = [subjects.find(snapshot, lookup) for lookup in lookups]
    lost = people[1].key_id
    tea_house.run("DELETE FROM subject_keys WHERE key_id = ?", lost, store="keys")
    tea._tenancy.keyring.forget()
    with tea._tenancy.write() as tx:
        found = forget_many(tea._tenancy, tea._registry, tea.plugins.algorithms, tx, people)
    assert [set(found[one.subject].values()) for one in people] == [
        {"exact"},
        {"out of service"},
        {"exact"},
    ]
    assert tea.models.cards()[0].people == 137
    assert not any(card.in_service for card in tea.models.cards())


def test_a_plugin_that_fails_takes_only_its_model_with_it(tea_house, clock, gaps, monkeypatch):
    """The others forget all of them exactly."""
    shop = with_plugin(tea_house, Shifty)
    shop.train()
    clock.forward(hours=1)
    monkeypatch.setattr(Shifty, "times", 1_000)
    assert forgot(refused(shop, LEAVING, together=True)) == [MODELS + 1, *[MODELS] * 11]
    assert gaps(shop) == EXACT


def test_retention_lets_others_write_between_those_it_forgets(tea, clock, gaps, small_turns):
    """Whose permission ran out is forgotten in several transactions, each with its entry."""
    small_turns(250)
    clock.forward(days=400)
    assert tea.retain().models_forgot == MODELS * 140
    assert tea.retain(apply=True).models_forgot == MODELS * 140
    entries = [one for one in tea.audit.entries(limit=10_000) if one.kind == "retention.lapsed"]
    assert len(entries) > 3
    assert sum(one.facts["people"] for one in entries) == 170
    assert sum(one.facts["models_forgot"] for one in entries) == MODELS * 140
    assert tea.models.cards()[0].people == 0


def test_going_back_lets_others_write_too(tea, clock, gaps, small_turns):
    """Before a rollback, whose permission ran out is forgotten in several transactions."""
    small_turns(250)
    clock.forward(minutes=1)
    tea.train()
    clock.forward(days=368)
    tea.models.rollback()
    entries = [one for one in tea.audit.entries(limit=10_000) if one.kind == "retention.lapsed"]
    assert len(entries) > 3
    assert sum(one.facts["models_forgot"] for one in entries) == MODELS * 140
    assert gaps(tea) == EXACT


def test_an_import_lets_others_write_between_its_refusals(
    tea, gaps, small_turns, tmp_path, monkeypatch
):
    """Old refusals of people whom models know; stopped in between, it goes on behind them."""
    small_turns(15)
    monkeypatch.setattr(tables, "ROWS_PER_STEP", 2)
    mapping, path = tmp_path / "choices.toml", tmp_path / "choices.csv"
    mapping.write_text(
        'kind = "choices"\n[origin]\nsystem = "CMP"\nquality = "documented"\n'
        '[fields]\nsubject = "subject"\naction = "action"\nat = "at"\n'
    )
    at = tea.now().isoformat()
    path.write_text("subject,action,at\n" + "".join(f"{one},refuse,{at}\n" for one in LEAVING))
    real, taken = PastChoices.take_in, []

    def stops(self, rows, *given, **options):
        if len(taken) == 2:
            raise KeyboardInterrupt
        taken.append(len(rows))
        return real(self, rows, *given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(PastChoices, "take_in", stops)
        with pytest.raises(KeyboardInterrupt):
            tea.import_file(path, mapping=mapping)
    assert taken == [2, 2]
    assert tea.models.cards()[0].people == 140 - 4
    report = tea.import_file(path, mapping=mapping)
    assert (report.resumed_after, report.kept, report.duplicates) == (5, len(LEAVING), 0)
    assert tea.models.cards()[0].people == 140 - len(LEAVING)
    assert gaps(tea) == EXACT
