"""A rehearsed retention says what the real one does, and changes nothing."""

import pytest

from knowingly.governance.retention import job, sweeping

FIELDS = {
    "size": {"title": "Size", "purposes": ["personalize"], "keep_days": 20},
    "tone": {"title": "Tone", "purposes": ["measure"]},
}


@pytest.fixture
def aged(house, agree, gaps):
    """A trained shop in which something of every kind is past its time."""
    house.policy = house.policy.model_copy(update={"data": FIELDS})
    house.with_purpose("measure", keep_days=20).with_purpose("personalize", valid_days=25)
    shop = house.open()
    shop.items.upsert([{"id": f"i{n}"} for n in range(4)])
    for n in range(8):
        agree(shop, f"p{n}")
        for k in range(3):
            shop.track(f"p{n}", "purchase", f"i{(n + k) % 4}")
        shop.profiles.set(f"p{n}", {"size": "m", "tone": "x"})
    shop.train()
    house.clock.forward(days=10)
    shop.consent.withdraw("p0")
    shop.rights.erase("p1")
    house.clock.forward(days=16)
    return shop


def state(shop):
    with shop._files.data.reading() as connection:
        tables = ("events", "traits", "manifests", "ledger_entries", "tombstones", "model_counts")
        return [
            connection.exec_driver_sql(f"SELECT * FROM {table}").all()  # noqa: S608
            for table in tables
        ]


def test_a_rehearsal_changes_nothing_and_says_what_would_go(aged):
    """Row by row the same before and after; the real run then does exactly that."""
    before = state(aged)
    told = aged.retain()
    assert state(aged) == before
    # Seven people said yes to personalize and are past its 25 days; one of them said no since.
    assert told.expired == {
        "events": {"lapsed": 18, "too_old": 18},
        "traits": {"lapsed": 6, "too_old": 6},
    }
    assert told.deleted == {"events": 3, "traits": 14}
    assert aged.retain(apply=True) == told
    assert state(aged) != before
    again = aged.retain(apply=True)
    assert (again.expired, again.deleted) == ({}, {})


def test_it_goes_through_people_some_at_a_time(aged, monkeypatch):
    """With the same outcome, and never in the way of who writes for longer than some take."""
    told = aged.retain()
    monkeypatch.setattr(job, "PEOPLE_AT_ONCE", 3)
    sweep, seen = sweeping.Sweeping.sweep, []

    def swept(self, tx, people, *more):
        sweep(self, tx, people, *more)
        seen.append((people, tx.head.ledger_size))

    monkeypatch.setattr(sweeping.Sweeping, "sweep", swept)
    assert aged.retain() == told
    assert len(seen) == 3
    seen.clear()
    assert aged.retain(apply=True) == told
    spans = [people for people, _ in seen]
    assert len(spans) == 3
    assert [first for first, _ in spans] == [0, *(last + 1 for _, last in spans[:-1])]
    runs = [one for one in aged.audit.entries(limit=1_000) if one.kind == "retention.run"]
    assert len(runs) == len({size for _, size in seen}) == 3


def test_a_rehearsal_lets_others_write_between(aged, monkeypatch):
    """Each of its turns is a transaction that is taken back before the next one."""
    monkeypatch.setattr(job, "_PEOPLE_PER_TRANSACTION", 2)
    told = aged.retain()
    sweep, spans, turns = sweeping.Sweeping.sweep, [], []

    def swept(self, tx, people, *more):
        sweep(self, tx, people, *more)
        spans.append(people)
        turns.append(tx)

    monkeypatch.setattr(sweeping.Sweeping, "sweep", swept)
    assert aged.retain() == told
    assert len(spans) == len({id(tx) for tx in turns}) == 3
    assert [first for first, _ in spans] == [0, *(last + 1 for _, last in spans[:-1])]


def test_models_stay_whole_after_a_rehearsal(aged, house, gaps, clock):
    """A rehearsal forgets in a transaction that is taken back: the served models do not notice."""
    house.with_purpose("train", valid_days=1)
    shop = house.open()
    told = shop.retain()
    assert told.models_forgot > 0
    people = shop.models.cards()[0].people
    page = [(hit.item, hit.score) for hit in shop.recommend(item="i1", slot="product")]
    assert people == 6
    assert page == [(hit.item, hit.score) for hit in aged.recommend(item="i1", slot="product")]
    assert shop.retain(apply=True).models_forgot == told.models_forgot
    assert shop.models.cards()[0].people == 0
