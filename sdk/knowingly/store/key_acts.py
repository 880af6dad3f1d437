"""Statements of what was done to keys: signed, and each said once."""

from sqlalchemy import bindparam, insert, select

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.prepared import Prepared
from knowingly.store.schema import key_acts as table

_NAMES = Prepared(
    select(table.c.name).where(table.c.tenant == bindparam("t"), table.c.act == bindparam("act"))
)


def add(tx: Tx, act: str, name: str, document: str) -> None:
    """Keep the statement of one act."""
    values = {"tenant": tx.tenant, "act": act, "name": name, "document": document}
    tx.connection.execute(insert(table).values(**values))


def is_said(snapshot: Snapshot, act: str, name: str) -> bool:
    """Whether the log has an entry of this act."""
    same = (table.c.tenant == snapshot.tenant, table.c.act == act, table.c.name == name)
    return snapshot.connection.execute(select(table.c.name).where(*same)).first() is not None


def documents(snapshot: Snapshot, act: str) -> dict[str, str]:
    """The statements of every act of one kind, by name."""
    rows = select(table.c.name, table.c.document).where(
        table.c.tenant == snapshot.tenant, table.c.act == act
    )
    return {row[0]: row[1] for row in snapshot.connection.execute(rows)}


def latest(snapshot: Snapshot, act: str) -> int:
    """The highest number that names an act of one kind; 0 where there was none."""
    names = _NAMES.all(snapshot.connection, {"t": snapshot.tenant, "act": act})
    return max((int(name) for (name,) in names), default=0)
