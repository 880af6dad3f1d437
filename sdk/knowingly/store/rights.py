"""Statements of export and erasure, driven by the data map's table names."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, delete, func, insert, select, update

from knowingly.errors import InternalError
from knowingly.store.batches import BulkUpdate
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import erasures as table
from knowingly.store.schema import metadata


class ErasureRow(NamedTuple):
    """An erasure under way: whose rows, which key, which step is done, what has been counted."""

    erasure: str
    subject: int | None
    key_id: bytes | None
    step: str
    progress: dict[str, Any]


def _named(name: str) -> Table:
    found = metadata.tables.get(name)
    if found is None or "subject" not in found.c:
        raise InternalError(f"the data map names {name}, which holds no person's rows")
    return found


def tables_of_people() -> list[str]:
    """Every table with a person's number in it, by the schema itself."""
    return sorted(name for name, one in metadata.tables.items() if "subject" in one.c)


def delete_rows(tx: Tx, table_name: str, subject: int) -> int:
    """Delete a person's rows of one table; how many there were."""
    return _deletion(table_name)(tx.connection, [{"t": tx.tenant, "s": subject}])


@cache
def _deletion(table_name: str) -> BulkUpdate:
    rows = _named(table_name)
    mine = (rows.c.tenant == bindparam("t"), rows.c.subject == bindparam("s"))
    return BulkUpdate(delete(rows).where(*mine))


def count_rows(snapshot: Snapshot, table_name: str, subject: int) -> int:
    """How many rows of one table are a person's."""
    rows = _named(table_name)
    mine = (
        select(func.count())
        .select_from(rows)
        .where(rows.c.tenant == snapshot.tenant, rows.c.subject == subject)
    )
    return int(snapshot.connection.execute(mine).scalar_one())


def begin(tx: Tx, row: ErasureRow) -> None:
    """Note that an erasure has begun, so that it is resumed whatever happens."""
    tx.connection.execute(
        insert(table).values(
            tenant=tx.tenant, **{**row._asdict(), "progress": json.dumps(row.progress)}
        )
    )


def advance(
    tx: Tx, erasure: str, step: str, *, progress: dict[str, Any], certificate: str | None = None
) -> None:
    """Note the step that is done; the last one forgets whose erasure it was."""
    values: dict[str, Any] = {"step": step, "progress": json.dumps(progress)}
    if certificate is not None:
        values |= {"subject": None, "key_id": None, "certificate": certificate}
    same = (table.c.tenant == tx.tenant, table.c.erasure == erasure)
    tx.connection.execute(update(table).where(*same).values(**values))


def renew_certificate(tx: Tx, erasure: str, certificate: str) -> None:
    """Replace the certificate of an erasure that is done, which says more now."""
    same = (table.c.tenant == tx.tenant, table.c.erasure == erasure)
    tx.connection.execute(update(table).where(*same).values(certificate=certificate))


def at_steps(snapshot: Snapshot, steps: Sequence[str]) -> list[ErasureRow]:
    """The erasures of which one of these steps was the last that is done."""
    rows = select(
        table.c.erasure, table.c.subject, table.c.key_id, table.c.step, table.c.progress
    ).where(table.c.tenant == snapshot.tenant, table.c.step.in_(steps))
    return [ErasureRow(*row[:4], json.loads(row[4])) for row in snapshot.connection.execute(rows)]


def certificate(snapshot: Snapshot, erasure: str) -> str | None:
    """The certificate of a finished erasure, as a document."""
    same = (table.c.tenant == snapshot.tenant, table.c.erasure == erasure)
    return snapshot.connection.execute(select(table.c.certificate).where(*same)).scalar()


def certificates(snapshot: Snapshot) -> list[str]:
    """The certificates of all finished erasures, in the order they were finished."""
    finished = select(table.c.certificate).where(
        table.c.tenant == snapshot.tenant, table.c.certificate.is_not(None)
    )
    documents = [text for text in snapshot.connection.execute(finished).scalars() if text]
    return sorted(documents, key=lambda text: json.loads(text)["statement"]["done_entry"])
