"""Statements of the sealed bodies of one person, whatever table they are in."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, bindparam, select, update

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.identities import of
from knowingly.store.schema import events, holds, identities, ledger_details, manifests, traits

_NAMES: dict[str, Column[Any]] = {
    "events": events.c.event,
    "ledger_details": ledger_details.c.idx,
    "manifests": manifests.c.training,
    "traits": traits.c.trait,
    "identities": identities.c.identity,
    "holds": holds.c.subject,
}
"""What tells one sealed body of a person from another, in each table that has some."""


def bodies(snapshot: Snapshot, table_name: str, subject: int) -> list[tuple[Any, bytes]]:
    """``(name, sealed body)`` of a person's rows in one table."""
    if table_name == identities.name:
        return [(row.identity, row.body) for row in of(snapshot, subject)]
    name = _NAMES[table_name]
    table = name.table
    mine = select(name, table.c.body).where(
        table.c.tenant == snapshot.tenant, table.c.subject == subject
    )
    return [(row[0], row[1]) for row in snapshot.connection.execute(mine)]


def replace_bodies(
    tx: Tx, table_name: str, subject: int, rows: Sequence[tuple[Any, bytes]]
) -> None:
    """Replace the sealed bodies of a person's rows in one table, by name."""
    name = _NAMES[table_name]
    table = name.table
    statement = (
        update(table)
        .where(
            table.c.tenant == tx.tenant,
            table.c.subject == subject,
            name == bindparam("at_name"),
        )
        .values(body=bindparam("new_body"))
    )
    values = [{"at_name": one, "new_body": body} for one, body in rows]
    if values:
        tx.connection.execute(statement, values)
