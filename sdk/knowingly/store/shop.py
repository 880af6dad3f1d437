"""Which data and which key store belong together."""

from sqlalchemy import Connection, insert, select, update

from knowingly.store.key_schema import key_shop
from knowingly.store.prepared import Prepared
from knowingly.store.schema import shop

_DATA_SHOP = Prepared(select(shop.c.shop_id))
RESTORING = "restoring:"
"""Before the shop id of data that are restored, and of keys copied for them, until it is done."""


def data_shop(connection: Connection) -> str | None:
    """The shop id of a data file, or None in a new one."""
    rows = _DATA_SHOP.all(connection, {})
    return rows[0][0] if rows else None


def keys_shop(connection: Connection) -> str | None:
    """The shop id of a key store, or None in a new one."""
    return connection.execute(select(key_shop.c.shop_id)).scalar()


def name_data(connection: Connection, shop_id: str) -> None:
    """Write the shop id of a new data file."""
    connection.execute(insert(shop).values(shop_id=shop_id))


def name_keys(connection: Connection, shop_id: str) -> None:
    """Write the shop id of a new key store."""
    connection.execute(insert(key_shop).values(shop_id=shop_id))


def rename_data(connection: Connection, shop_id: str) -> None:
    """Change the shop id of a data file."""
    connection.execute(update(shop).values(shop_id=shop_id))


def rename_keys(connection: Connection, shop_id: str) -> None:
    """Change the shop id of a key store."""
    connection.execute(update(key_shop).values(shop_id=shop_id))
