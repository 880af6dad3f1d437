"""Law 7: the budget is charged first, kept exactly, and never overspent."""

import threading
from datetime import UTC, datetime

import pytest

from knowingly.errors import BudgetExhaustedError
from knowingly.governance import aggregates as module
from knowingly.governance.noise import epsilon_of, from_pico_rho, rho_for, to_pico_rho

PEOPLE = 30
RHO = rho_for(1.0, module.DELTA)


def fill(shop, agree, people=range(PEOPLE), purposes=("measure",), item="tea"):
    shop.items.upsert([{"id": name} for name in ("tea", "mug", "pot")])
    for number in people:
        agree(shop, f"p{number}", purposes)
        shop.track(f"p{number}", "purchase", item)


@pytest.fixture
def counted(house, agree):
    """Opens a shop of thirty measured people, with some other rules of aggregates."""

    def open_with(**rules):
        house.with_policy(aggregates={"min_people": 20, "top": 2, "refresh_days": 1, **rules})
        shop = house.open()
        fill(shop, agree)
        house.clock.forward(minutes=1)
        return shop

    return open_with


def charges(shop):
    with shop._tenancy.read() as snapshot:
        return snapshot.connection.exec_driver_sql(
            "SELECT period, pico_rho FROM charges ORDER BY at_us"
        ).all()


def releases(shop):
    with shop._tenancy.read() as snapshot:
        return snapshot.connection.exec_driver_sql("SELECT count(*) FROM releases").scalar()


def test_a_release_is_charged_exactly_and_noted(counted):
    """In whole pico-rho; the log names charge and release, and the report says epsilon."""
    shop = counted()
    release = shop.aggregates.release_bestsellers()
    assert len(release.items) == 2
    assert (release.period, release.epsilon, release.delta) == ("2026-Q1", 1.0, 1e-6)
    assert charges(shop) == [("2026-Q1", to_pico_rho(RHO))]
    kinds = [entry.kind for entry in shop.audit.entries(limit=1_000)]
    assert kinds[-2:] == ["budget.charged", "aggregates.released"]
    report = shop.aggregates.budget()
    assert report.spent == {"2026-Q1": epsilon_of(RHO, 1e-6)}
    assert report.total <= 1.0
    assert shop.aggregates.bestsellers() == release


def test_reading_a_release_spends_nothing(counted):
    """Nor do pages, however many."""
    shop = counted()
    shop.aggregates.release_bestsellers()
    before = charges(shop)
    for _ in range(5):
        shop.aggregates.bestsellers()
        assert shop.recommend("nobody").basis == "aggregate"
    assert charges(shop) == before


def test_the_charge_stays_where_the_noise_fails(counted, monkeypatch, house):
    """A crash between the two wastes budget: nothing is released, and a restart remembers."""
    shop = counted()

    def crash(*_, **__):
        assert charges(shop) == [("2026-Q1", to_pico_rho(RHO))]
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(module, "top_k", crash)
        with pytest.raises(MemoryError):
            shop.aggregates.release_bestsellers()
    assert (releases(shop), shop.aggregates.bestsellers()) == (0, None)
    house.close()
    shop = house.open()
    assert charges(shop) == [("2026-Q1", to_pico_rho(RHO))]
    assert shop.audit.entries(limit=1_000)[-1].kind == "budget.charged"
    assert shop.aggregates.release_bestsellers() is not None
    assert len(charges(shop)) == 2


def test_no_noise_is_drawn_where_the_budget_cannot_pay(counted, monkeypatch):
    """The error says what was asked and what is left."""
    shop = counted(epsilon_per_period=0.5)
    monkeypatch.setattr(module, "top_k", None)
    with pytest.raises(BudgetExhaustedError, match="nothing was released") as caught:
        shop.aggregates.release_bestsellers()
    assert caught.value.asked == RHO
    assert caught.value.left == from_pico_rho(to_pico_rho(rho_for(0.5, module.DELTA)))
    assert caught.value.period == "2026-Q1"
    assert (charges(shop), releases(shop)) == ([], 0)


@pytest.mark.parametrize(("over", "fits"), [(0.0, True), (-1e-9, False)])
def test_a_second_release_fits_exactly_or_not_at_all(counted, over, fits, house, monkeypatch):
    """A limit of twice a release's rho pays for two; one pico-rho less does not."""
    limit = from_pico_rho(2 * to_pico_rho(RHO) + (0 if over == 0.0 else -1))
    real = module.rho_for
    monkeypatch.setattr(
        module, "rho_for", lambda epsilon, delta: limit if epsilon == 3.0 else real(epsilon, delta)
    )
    shop = counted(epsilon_per_period=3.0)
    shop.aggregates.release_bestsellers()
    house.clock.forward(days=2)
    if fits:
        assert shop.aggregates.release_bestsellers() is not None
        house.clock.forward(days=2)
    with pytest.raises(BudgetExhaustedError) as caught:
        shop.aggregates.release_bestsellers()
    assert caught.value.left == from_pico_rho(0 if fits else to_pico_rho(RHO) - 1)
    assert len(charges(shop)) == 1 + fits


def test_two_processes_cannot_overspend_together(counted, house):
    """Eight threads over two shops at once; as many are paid for as the period allows."""
    allowed = 2
    shop = counted(epsilon_per_period=1.6)
    limit = to_pico_rho(rho_for(1.6, module.DELTA))
    assert limit // to_pico_rho(RHO) == allowed
    other = house.open()
    failed = []

    def release(one):
        counts = one.aggregates._count(
            module.period_at(one._tenancy.now_us(), "quarter"), one._tenancy.now_us(), None
        )
        try:
            one.aggregates._release(
                module.period_at(one._tenancy.now_us(), "quarter"), counts, one._tenancy.now_us()
            )
        except BudgetExhaustedError as error:
            failed.append(error)

    threads = [threading.Thread(target=release, args=(one,)) for one in (shop, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 8 - allowed
    assert sum(pico for _, pico in charges(shop)) <= limit
    assert releases(shop) == allowed


def test_below_the_least_people_nothing_is_charged(house, agree):
    """Those who agreed to other purposes only do not count."""
    house.with_policy(aggregates={"min_people": 20})
    shop = house.open()
    fill(shop, agree, range(19))
    fill(shop, agree, range(100, 150), ("personalize", "train"))
    assert shop.aggregates.release_bestsellers() is None
    assert charges(shop) == []
    fill(shop, agree, range(19, 20))
    assert shop.aggregates.release_bestsellers() is not None


def test_the_rule_of_size_decides_where_the_policy_does_not(house, agree):
    """Thirty people are too few for a list of twenty at epsilon 1."""
    shop = house.open()
    fill(shop, agree)
    assert shop.aggregates.release_bestsellers() is None
    assert charges(shop) == []


def test_a_recent_release_is_not_made_again(counted, house):
    """Until refresh_days have passed."""
    shop = counted(refresh_days=7)
    assert shop.aggregates.release_bestsellers() is not None
    house.clock.forward(days=6)
    assert shop.aggregates.release_bestsellers() is None
    house.clock.forward(days=1)
    assert shop.aggregates.release_bestsellers() is not None


@pytest.fixture
def counts_seen(monkeypatch):
    """What each release was about to count, before noise."""
    seen = []
    real = module.top_k

    def look(counts, **options):
        seen.append(counts.tolist())
        return real(counts, **options)

    monkeypatch.setattr(module, "top_k", look)
    return seen


def test_only_events_of_the_period_are_counted(house, agree, counts_seen):
    """A purchase of the old quarter is not paid for by the new one's budget."""
    house.with_policy(aggregates={"min_people": 20, "refresh_days": 1})
    house.clock.now = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
    shop = house.open()
    fill(shop, agree)
    house.clock.now = datetime(2026, 4, 1, 0, 30, tzinfo=UTC)
    for number in range(25):
        shop.track(f"p{number}", "purchase", "mug")
        shop.track(f"p{number}", "purchase", "mug")
        shop.track(f"p{number}", "view", "pot")
    release = shop.aggregates.release_bestsellers()
    assert release.period == "2026-Q2"
    assert counts_seen == [[0, 25, 0]]


def test_a_period_that_ended_without_a_release_is_made_up_for_once(house, agree, counts_seen):
    """While the new one has too few people, from the old one's budget."""
    house.with_policy(aggregates={"min_people": 20, "refresh_days": 1})
    house.clock.now = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
    shop = house.open()
    fill(shop, agree)
    house.clock.now = datetime(2026, 4, 2, tzinfo=UTC)
    assert shop.aggregates.release_bestsellers().period == "2026-Q1"
    house.clock.forward(days=3)
    assert shop.aggregates.release_bestsellers() is None
    assert counts_seen == [[30, 0, 0]]
    assert [period for period, _ in charges(shop)] == ["2026-Q1"]


def test_only_people_who_allow_it_now_are_counted(counted, agree, house, counts_seen):
    """Withdrawn, erased, refused, restricted, and those who agreed to something else, are not."""
    shop = counted()
    shop.consent.withdraw("p0", ["measure"])
    shop.rights.erase("p1")
    shop.consent.refuse("p2")
    shop.consent.object("p3", ["measure"])
    shop.consent.record([{"subject": "p4", "action": "restrict"}])
    fill(shop, agree, range(200, 205), ("personalize",))
    house.clock.forward(minutes=1)
    shop.aggregates.release_bestsellers()
    assert counts_seen == [[PEOPLE - 5, 0, 0]]


def test_one_person_adds_at_most_one_to_each_count(counted, house, counts_seen):
    """However often they buy: that is what the noise is for."""
    shop = counted()
    for _ in range(50):
        shop.track("p0", "purchase", "tea", quantity=9)
        shop.track("p0", "purchase", "mug")
    house.clock.forward(minutes=1)
    shop.aggregates.release_bestsellers()
    assert counts_seen == [[PEOPLE, 1, 0]]


def test_maintain_says_that_the_budget_is_spent(counted, house):
    """It does not fail: the other steps go on."""
    shop = counted(epsilon_per_period=0.5)
    done = shop.maintain()
    assert not done.released
    assert any(note.startswith("not released: ") for note in done.notes)
    assert done.trained is not None
