"""Law 8: nobody's taste shows alone, on no page and in no stored row of a model."""

import numpy as np
import pytest

import knowingly
from knowingly.recommend.registry import rows as model_rows
from knowingly.recommend.registry.signed import Signed
from knowingly.store import models as stored

FLOOR = 5


@pytest.fixture
def small(house, agree):
    """Twelve people buy the same three teas; ``rare`` teas are bought by fewer than the floor.

    ``secret-n`` is bought by n people; ``left`` and ``right`` are each bought by six, together by
    four.
    """
    shop = house.open()
    common = ["green", "black", "white"]
    rare = [f"secret-{number}" for number in range(1, 7)]
    shop.items.upsert(
        [{"id": name} for name in [*common, *rare, "left", "right", "unsold"]], strict=True
    )
    for number in range(12):
        agree(shop, f"p{number}")
    at = house.clock.ago(days=1)
    house.clock.forward(minutes=1)
    bought = [(number, name) for number in range(12) for name in common]
    bought += [(who, f"secret-{few}") for few in range(1, 7) for who in range(few)]
    bought += [(who, "left") for who in (0, 1, 2, 3, 4, 5)]
    bought += [(who, "right") for who in (0, 1, 2, 3, 10, 11)]
    for number, name in bought:
        shop.track(f"p{number}", "purchase", name)
    assert at < house.clock()
    shop.train()
    return shop


def everything_shown(shop, subject, **more):
    return {hit.item for hit in shop.recommend(subject, k=100, **more) if hit.source != "catalog"}


def neighbours(shop):
    """Pairs of item ids that the stored item-item model joins, from its rows in the database."""
    with shop._tenancy.read() as snapshot:
        training = stored.training(snapshot, snapshot.head.training)
        ids = shop.items.view().ids
        names = [ids[row] for row in np.frombuffer(training.item_rows, "<i4")]
        found = {}
        for row in stored.models_of(snapshot, training.training):
            dtype = model_rows.described(row.arrays)
            stored_rows = stored.serving_rows(snapshot, training.training, row.algorithm)
            signed = Signed(shop._tenancy.keyring, training.training)
            rows = signed.open_parameters(row.algorithm, stored_rows)
            found[row.algorithm] = model_rows.from_rows(dtype, rows, len(names))
    arrays = found["item_item"]
    model = knowingly.CorrectedNeighbours.from_arrays(arrays)
    pairs = {
        (names[one], names[other])
        for one in range(len(names))
        for other in np.flatnonzero(model.similar(one) != 0)
    }
    return names, pairs, found


def test_an_item_of_too_few_people_is_in_no_model(small):
    """From the floor on it is, and not one person before."""
    names, _, _ = neighbours(small)
    assert {f"secret-{number}" for number in range(FLOOR, 7)} <= set(names)
    assert not {f"secret-{number}" for number in range(1, FLOOR)} & set(names)
    assert "unsold" not in names


def test_a_pair_of_too_few_people_is_in_no_stored_row(small):
    """Six bought each of the two and four both: nothing joins them."""
    _, pairs, _ = neighbours(small)
    assert ("left", "black") in pairs
    assert ("left", "right") not in pairs
    assert ("right", "left") not in pairs


def test_what_few_bought_is_on_nobody_elses_page(small, agree):
    """Whatever the visitor bought, and on whatever page."""
    agree(small, "eve")
    few = {f"secret-{number}" for number in range(1, FLOOR)}
    for bought in ("green", "left", "secret-1", "secret-4", "right"):
        small.track("eve", "purchase", bought)
        for slot in ("home", "product", "cart"):
            shown = everything_shown(small, "eve", slot=slot, item="white", basket=["black"])
            assert not shown & few
    for item in ("secret-1", "secret-4", "green"):
        assert not everything_shown(small, None, slot="product", item=item, basket=[item]) & few


def test_no_reason_joins_a_pair_of_too_few_people(small, agree):
    """A page may show what six people bought as popular, and not because of the other."""
    agree(small, "eve")
    small.track("eve", "purchase", "left")
    for hit in small.recommend("eve", k=100):
        if hit.item == "right":
            assert hit.source != "item_item"
    page = small.recommend(None, slot="product", item="left", k=100)
    assert "right" not in {hit.item for hit in page if hit.source == "item_item"}


@pytest.mark.parametrize("how", ["erase", "withdraw"])
def test_what_falls_below_the_floor_is_gone_at_once(small, agree, how):
    """Five people less one: no page and no stored row has it any more."""
    names, pairs, _ = neighbours(small)
    assert any("secret-5" in pair for pair in pairs)
    if how == "erase":
        small.rights.erase("p0")
    else:
        small.consent.withdraw("p0", ["train"])
    names, pairs, arrays = neighbours(small)
    assert not any("secret-5" in pair for pair in pairs)
    assert arrays["popularity"]["score"][names.index("secret-5")] == 0
    agree(small, "eve")
    small.track("eve", "purchase", "green")
    assert "secret-5" not in everything_shown(small, "eve")


def test_a_higher_floor_of_the_policy_holds(house, small):
    """Of seven, what six people share is not shown."""
    house.with_policy(models={"min_subjects": 7, "min_item_subjects": 7})
    shop = house.open()
    shop.train()
    names, pairs, _ = neighbours(shop)
    assert set(names) == {"green", "black", "white"}
    assert {name for pair in pairs for name in pair} == {"green", "black", "white"}
