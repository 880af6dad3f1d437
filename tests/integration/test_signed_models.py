"""Models that somebody with access to the database changed: never served, and never in the way."""

import pytest

import knowingly
from knowingly.recommend.registry.signed import Signed
from knowingly.store import models as stored

ROW = "SELECT body FROM model_rows WHERE algorithm = 'item_item' AND row = 3"
TRAINED = ("bought_together", "item_item", "popularity", "trending")
OTHERS = tuple(name for name in TRAINED if name != "item_item")


def body_changed(house):
    """One bit of it."""
    [(body,)] = house.rows(ROW)
    forged = bytes(body[:-1]) + bytes([body[-1] ^ 1])
    house.run("UPDATE model_rows SET body = ? WHERE algorithm = 'item_item' AND row = 3", forged)


def body_unsealed(house):
    """As an earlier release would have written it."""
    [(body,)] = house.rows(ROW)
    bare = bytes(len(body) - 31)
    house.run("UPDATE model_rows SET body = ? WHERE algorithm = 'item_item' AND row = 3", bare)


def row_moved(house):
    """Another item's row, as it was sealed."""
    [(body,)] = house.rows(ROW)
    body = bytes(body)
    house.run("UPDATE model_rows SET body = ? WHERE algorithm = 'item_item' AND row = 4", body)


def by_statement(statement):
    return lambda house: house.run(statement)


ITEM_ITEM = {
    "a bit of a row": body_changed,
    "a row that is not sealed": body_unsealed,
    "a row in another's place": row_moved,
    "a row taken away": by_statement(
        "DELETE FROM model_rows WHERE algorithm = 'item_item' AND row = 3"
    ),
    "the model's kind": by_statement(
        "UPDATE models SET kind = 'lift_neighbours' WHERE algorithm = 'item_item'"
    ),
}
TRAINING = {
    "the training's floor": by_statement("UPDATE trainings SET floor = 2"),
    "the training": by_statement("DELETE FROM trainings"),
}


@pytest.mark.parametrize("what", [*ITEM_ITEM, *TRAINING])
def test_what_was_changed_outside_is_not_served(tea_house, what, caplog):
    """The page is there with a note, the cards say why, the other models serve; training mends."""
    forge = {**ITEM_ITEM, **TRAINING}[what]
    tea_house.open().close()
    forge(tea_house)
    tea = tea_house.open()
    page = tea.recommend("t001", k=4)
    assert len(page) == 4
    assert page.basis == "personal"
    assert "item_item is not in service" in page.notes
    whole = {**dict.fromkeys(OTHERS, what in ITEM_ITEM), "item_item": False}
    if what == "the training":
        with pytest.raises(knowingly.StoreError, match="train again"):
            tea.models.cards()
    else:
        cards = {card.algorithm: card for card in tea.models.cards()}
        assert {name: card.in_service for name, card in cards.items()} == whole
        assert "train again" in cards["item_item"].fault
    assert "train again" in caplog.text
    told = tea.stats()
    assert told["model_age_seconds"].keys() == {name for name in whole if whole[name]}
    assert set(told["models_out_of_service"]) == {name for name in whole if not whole[name]}
    tea.train()
    assert {card.algorithm: card.in_service for card in tea.models.cards()} == dict.fromkeys(
        TRAINED, True
    )
    assert not tea.recommend("t001", k=4).notes


def test_a_process_that_serves_notices_a_changed_row(tea_house):
    """Rows that it reads anew have to open like all others."""
    serving, other = tea_house.open(), tea_house.open()
    assert not serving.recommend("t001", k=4).notes
    other.rights.erase("t000")
    [(row,)] = tea_house.rows(
        "SELECT min(row) FROM model_rows WHERE algorithm = 'item_item' AND epoch > 1 AND row <> 3"
    )
    [(body,)] = tea_house.rows(ROW)
    tea_house.run(
        "UPDATE model_rows SET body = ? WHERE algorithm = 'item_item' AND row = ?", bytes(body), row
    )
    assert serving.recommend("t001", k=4).notes == ("item_item is not in service",)


COUNTS_MOVED = """
UPDATE model_counts SET body = (SELECT body FROM model_counts AS other
                                WHERE other.algorithm = 'item_item' AND other.row = 20)
WHERE algorithm = 'item_item' AND row < 20
"""


@pytest.mark.parametrize(
    "forge",
    [
        COUNTS_MOVED,
        "DELETE FROM model_counts WHERE algorithm = 'item_item'",
        "UPDATE models SET forgets = 'stateless' WHERE algorithm = 'item_item'",
    ],
)
def test_a_right_does_not_wait_for_what_was_changed_outside(tea_house, forge, gaps):
    """Nothing is subtracted from what somebody else wrote: it leaves service, with its rows."""
    tea_house.open().close()
    tea_house.run(forge)
    tea = tea_house.open()
    told = tea.rights.erase("t000").statement["models"]
    assert told == {**dict.fromkeys(OTHERS, "exact"), "item_item": "out of service"}
    for table in ("model_rows", "model_counts"):
        held = f"SELECT count(*) FROM {table} WHERE algorithm = 'item_item'"  # noqa: S608
        assert tea_house.rows(held) == [(0,)]
    assert gaps(tea) == dict.fromkeys(OTHERS, 0.0)
    assert tea.recommend("t001", k=4).notes == ("item_item is not in service",)


def test_a_training_that_was_changed_forgets_all_of_it(tea_house):
    """Nobody can tell what its models learned: none of their rows stays."""
    tea_house.run("UPDATE trainings SET floor = 1")
    tea = tea_house.open()
    told = tea.rights.erase("t000").statement["models"]
    assert told == dict.fromkeys(TRAINED, "out of service")
    assert tea_house.count("model_rows") == tea_house.count("model_counts") == 0


def test_every_fact_is_signed(tea):
    """Of a model and of a training: one changed, and it is refused."""
    with tea._tenancy.read() as snapshot:
        training, rows = stored.training(snapshot, 1), stored.models_of(snapshot, 1)
    signed, facts = Signed(tea._tenancy.keyring, 1), training._asdict()
    signed.check_training(facts)
    other = {int: 10**15, str: "other", bytes: b"other" * 4, bool: False, type(None): 10**15}
    for name, value in facts.items():
        if name not in {"tenant", "training"}:
            with pytest.raises(knowingly.StoreError, match="training was changed outside"):
                signed.check_training({**facts, name: other[type(value)]})
    for row in rows:
        signed.check_model(row)
        for name, value in row._asdict().items():
            with pytest.raises(knowingly.StoreError, match="changed outside"):
                signed.check_model(row._replace(**{name: other[type(value)]}))
        with pytest.raises(knowingly.StoreError, match="changed outside"):
            Signed(tea._tenancy.keyring, 2).check_model(row)


def test_a_row_opens_in_its_own_place_only(tea_house):
    """Not of another tenant, training, model, row, epoch or table."""
    tea = tea_house.open()
    own = Signed(tea._tenancy.keyring, 1)
    other = Signed(tea.tenant("acme")._tenancy.keyring, 1)
    [(row, sealed)] = own.parameters("item_item", 7, [(3, b"body")])
    assert own.open_parameters("item_item", [(row, 7, sealed)]) == [(3, b"body")]
    for signed, name, moved in (
        (other, "item_item", (3, 7, sealed)),
        (Signed(tea._tenancy.keyring, 2), "item_item", (3, 7, sealed)),
        (own, "popularity", (3, 7, sealed)),
        (own, "item_item", (4, 7, sealed)),
        (own, "item_item", (3, 8, sealed)),
        (own, "item_item", (3, 7, sealed[:-1])),
        (own, "item_item", (3, 7, b"")),
    ):
        with pytest.raises(knowingly.StoreError, match="changed outside knowingly"):
            signed.open_parameters(name, [moved])
    with pytest.raises(knowingly.StoreError, match="row 3 of item_item was changed"):
        own.open_counts("item_item", {3: sealed})


def test_a_rotation_of_the_keys_leaves_models_in_service(tea_house):
    """What was sealed before it opens afterwards, in a process that knows the new keys alone."""
    tea = tea_house.open()
    tea.keys.rotate(destroy_old=True)
    tea.keys.rotate_signing()
    tea_house.close()
    tea = tea_house.open()
    assert {card.algorithm: card.in_service for card in tea.models.cards()} == dict.fromkeys(
        TRAINED, True
    )
    assert not tea.recommend("t001", k=4).notes
