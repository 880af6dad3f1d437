"""A prepared read gives what SQLAlchemy gives, and fails in the same words."""

import pytest
from sqlalchemy import bindparam, select

from knowingly.errors import StoreError
from knowingly.store.database import Database
from knowingly.store.prepared import Prepared
from knowingly.store.schema import metadata, tenants

NAMED = (
    select(tenants.c.tenant, tenants.c.name, tenants.c.ledger_frontier)
    .where(tenants.c.name != "b", tenants.c.tenant >= bindparam("least"))
    .order_by(tenants.c.tenant)
    .limit(bindparam("n"))
)


@pytest.fixture
def database(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'a.db'}")
    with opened.writing() as connection:
        metadata.create_all(connection)
        connection.execute(tenants.insert(), [{"name": name} for name in "abcd"])
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "values", [{"least": 1, "n": 9}, {"least": 3, "n": 1}, {"least": 9, "n": 9}]
)
def test_rows_are_those_of_the_statement(database, values):
    """In its order, with constants of its own beside the values given, again and again."""
    prepared = Prepared(NAMED)
    with database.reading() as connection:
        expected = [tuple(row) for row in connection.execute(NAMED, values)]
        assert [prepared.all(connection, values) for _ in range(2)] == [expected, expected]
        assert all(type(row) is tuple for row in expected)


def test_a_failing_read_is_a_store_error(database):
    """As every other read is, and without the values it was asked with."""
    with database.writing() as connection:
        tenants.drop(connection)
    with pytest.raises(StoreError, match=r"no such table") as caught, database.reading() as reader:
        Prepared(NAMED).all(reader, {"least": 424_242, "n": 1})
    assert "424242" not in str(caught.value)
