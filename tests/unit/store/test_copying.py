"""Sums say the same of the same rows, and something else of any others."""

import pytest
from sqlalchemy import create_mock_engine
from sqlalchemy.dialects import postgresql

from knowingly.store import copying, migrate
from knowingly.store.database import Database
from knowingly.store.schema import items, metadata, model_rows, tenants

ROW = (1, 0, "tea", "Thé ☕", "a|b", "", 1.1, True, False, 5, 0)


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path / 'one.db'}")
    migrate.prepare(made, "data")
    yield made
    made.close()


def sum_of(database, *rows):
    with database.writing() as connection:
        connection.execute(items.delete())
        for row in rows:
            connection.execute(items.insert().values(row))
        return copying.sums(connection, "data", lambda *_: None)["items"]


def test_any_change_changes_the_sum(database):
    """A value, a missing value, a boolean, the order of equal text, a row more or less."""
    second = (1, 1, "cup", *ROW[3:])
    whole = sum_of(database, ROW, second)
    assert whole == sum_of(database, second, ROW)
    assert whole.rows == 2
    others = [
        sum_of(database, ROW),
        sum_of(database, ROW, (*second[:6], 1.1000000000000003, *second[7:])),
        sum_of(database, ROW, (*second[:6], None, *second[7:])),
        sum_of(database, ROW, (*second[:7], False, *second[8:])),
        sum_of(database, (*ROW[:2], "cup", *ROW[3:]), (*second[:2], "tea", *second[3:])),
    ]
    assert len({whole.digest, *(one.digest for one in others)}) == 6


def test_a_table_with_text_in_its_key_is_read_by_its_bytes_on_a_server():
    """A server's locale may sort it in another way than SQLite does."""
    server = create_mock_engine("postgresql+psycopg://", lambda *_: None)
    said = str(copying._in_order(model_rows, server).compile(dialect=postgresql.dialect()))
    assert 'model_rows.algorithm COLLATE "C"' in said.partition("ORDER BY")[2]
    assert "COLLATE" not in str(copying._in_order(items, server))


def test_every_table_is_copied_and_cleared(database, tmp_path):
    """Whatever tables there are: the schema says so, and nothing else."""
    other = Database(f"sqlite:///{tmp_path / 'two.db'}")
    migrate.prepare(other, "data")
    with database.writing() as connection:
        connection.execute(tenants.insert().values(tenant=1, name="one"))
        connection.execute(items.insert().values(ROW))
    with database.reading() as old, other.writing() as new:
        told = []
        copied = copying.copy(old, new, "data", lambda done, total: told.append((done, total)))
        assert copied.keys() == metadata.tables.keys()
        assert copied == copying.sums(new, "data", lambda *_: None)
        assert told[-1] == (2, 2)
        assert copying.different(copied, {**copied, "items": copied["tenants"]}) == ["items"]
        copying.clear(new, "data")
        assert copying.count(new, "data") == 0
    other.close()
