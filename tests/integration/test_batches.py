"""Rows in bulk: the same rows come out on both databases, however many go in at once."""

import pytest
from sqlalchemy import func, select

import knowingly
from knowingly.store import batches
from knowingly.store.batches import BulkInsert
from knowingly.store.prepared import Among
from knowingly.store.schema import consent_records, events

ADD = BulkInsert(events, existing="skip")
CHOICES = [column.name for column in consent_records.columns]


def event(number: int, body: bytes = b"body") -> tuple:
    return 1, 7, number.to_bytes(16, "big"), 20_000, 1, body


@pytest.fixture
def tx(house):
    with house.open() as shop, shop._tenancy.write() as tx:
        yield tx


def stored(tx, table) -> int:
    return tx.connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_only_new_rows_are_counted_across_statements(tx, monkeypatch):
    """A row that is there already, or twice in one batch, is kept once and counted once."""
    monkeypatch.setattr(batches, "ROWS_AT_ONCE", 3)
    rows = [event(number) for number in (0, 1, 2, 2, 3, 4, 0, 5)]
    assert ADD(tx.connection, rows) == 6
    assert ADD(tx.connection, [event(6), *rows]) == 1
    assert stored(tx, events) == 7


def test_bytes_come_back_as_they_went_in(tx):
    """Whatever bytes a body has, none is read as text on the way."""
    bodies = {number: bytes([number, 0, 92, 255]) for number in range(256)}
    ADD(tx.connection, [event(number, body) for number, body in bodies.items()])
    rows = tx.connection.execute(select(events.c.event, events.c.body)).all()
    assert {int.from_bytes(row.event, "big"): row.body for row in rows} == bodies


def test_a_column_may_be_empty_in_some_rows_or_in_all(tx):
    """Nothing stays nothing, and a truth stays one."""
    made = {"tenant": 1, "purpose": "train", "action": "grant", "scope": "account", "at_us": 2**62}
    made |= {"received_us": 0, "applied_us": 0, "confirmed": True}
    rows = [
        tuple({**made, "subject": number, "idx": number, "notice": notice}.get(c) for c in CHOICES)
        for number, notice in enumerate(["n\"'{},", None, "NULL"])
    ]
    assert BulkInsert(consent_records)(tx.connection, rows) == 3
    found = tx.connection.execute(select(consent_records).order_by(consent_records.c.subject)).all()
    assert [tuple(row) for row in found] == rows


def test_a_row_that_is_there_is_an_error_where_it_must_not_be(house):
    """And nothing of its batch is kept."""
    with house.open() as shop:
        twice = [event(0), event(1), event(0)]
        with pytest.raises(knowingly.StoreError), shop._tenancy.write() as tx:
            BulkInsert(events)(tx.connection, twice)
        with shop._tenancy.read() as snapshot:
            assert stored(snapshot, events) == 0


@pytest.mark.parametrize("asked", [0, 1, 2, 11, 101, 500, 1_203])
def test_a_read_of_many_finds_each_once(tx, asked):
    """However many are asked for, and whether or not they are there."""
    among = Among(select(events.c.event, events.c.body).where(events.c.tenant == 1), events.c.event)
    ADD(tx.connection, [event(number, b"%d" % number) for number in range(600)])
    names = [number.to_bytes(16, "big") for number in range(asked)]
    found = among.all(tx.connection, {}, names)
    assert sorted(found) == [(name, b"%d" % place) for place, name in enumerate(names[:600])]
