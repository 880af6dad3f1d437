"""The two doors to the data: ``write(tenant)`` and ``read(tenant)``.

Both hand out the tenant's head row with the connection. A writer's changes to the head are saved
when its block ends, in the same transaction as everything else it did.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update

from knowingly.domain.actor import Actor
from knowingly.domain.intake import Intake
from knowingly.errors import StoreError
from knowingly.store.batches import BulkUpdate
from knowingly.store.database import Database
from knowingly.store.failures import LOST
from knowingly.store.prepared import Prepared
from knowingly.store.schema import tenants

T = TypeVar("T")


@dataclass(slots=True)
class Head:
    """One tenant's head row: the counters and epochs that say what has changed."""

    tenant: int
    name: str
    policy_digest: str
    next_subject: int
    next_item: int
    next_training: int
    ledger_size: int
    ledger_frontier: bytes
    item_epoch: int
    model_epoch: int
    release_epoch: int
    shred_epoch: int
    training: int | None


@dataclass(slots=True)
class Snapshot:
    """One consistent view of one tenant's data."""

    connection: Connection
    tenant: int
    head: Head


@dataclass(slots=True)
class Tx(Snapshot):
    """A snapshot that may write; only one exists per tenant at a time.

    ``actor`` is who writes, where somebody is named: every entry of the log says so, sealed.
    ``committed`` is called once it is, and never otherwise.
    """

    actor: Actor | None = None
    committed: list[Callable[[], None]] = field(default_factory=list)


Then = Callable[[Tx, Intake], None]
"""What a caller of many rows does with them in the transaction that takes them in."""


_SELECT = select(tenants).where(tenants.c.tenant == bindparam("t"))
_HEAD = Prepared(_SELECT)
_LOCKED_HEAD = Prepared(_SELECT.with_for_update())
_COUNTERS = [one.name for one in fields(Head) if one.name not in {"tenant", "name"}]
_SAVE = BulkUpdate(
    update(tenants)
    .where(tenants.c.tenant == bindparam("tenant"))
    .values({name: bindparam(name) for name in _COUNTERS})
)


class Store:
    """The data of every tenant, behind two doors."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @contextmanager
    def read(self, tenant: int) -> Iterator[Snapshot]:
        """One snapshot of one tenant; writes nothing."""
        find = partial(_head, tenant=tenant, locked=False)
        with self.database.reading_from(find) as (connection, head):
            yield Snapshot(connection, tenant, head)

    def ask(self, tenant: int, question: Callable[[Snapshot], T]) -> T:
        """What a question that writes nothing finds in one snapshot.

        It is asked once more, from the start, when the connection was lost under it.
        """
        try:
            with self.read(tenant) as snapshot:
                return question(snapshot)
        except StoreError as error:
            if error.reason != LOST.reason:
                raise
        with self.read(tenant) as snapshot:
            return question(snapshot)

    @contextmanager
    def write(self, tenant: int, actor: Actor | None = None) -> Iterator[Tx]:
        """One transaction of one tenant: all of it is kept, or nothing."""
        lock = partial(_head, tenant=tenant, locked=True)
        with self.database.writing_from(lock) as (connection, head):
            tx = Tx(connection, tenant, head, actor)
            before = replace(head)
            yield tx
            if head != before:
                _SAVE(connection, [{name: getattr(head, name) for name in ("tenant", *_COUNTERS)}])
        for call in tx.committed:
            call()

    def known_tenant(self, name: str) -> int | None:
        """The number of a tenant that is there."""
        find = select(tenants.c.tenant).where(tenants.c.name == name)
        with self.database.reading() as connection:
            number = connection.execute(find).scalar()
        return None if number is None else int(number)

    def tenant(self, name: str) -> int:
        """The number of a tenant, opened on first use."""
        find = select(tenants.c.tenant).where(tenants.c.name == name)
        number = self.known_tenant(name)
        if number is None:
            with self.database.writing(alone=True) as connection:
                number = connection.execute(find).scalar()
                if number is None:
                    done = connection.execute(insert(tenants).values(name=name))
                    number = done.inserted_primary_key[0]  # type: ignore[index]
        return int(number)


def every_tenant(connection: Connection) -> list[Snapshot]:
    """Each tenant as one transaction or snapshot of the whole database sees it."""
    rows = connection.execute(select(tenants).order_by(tenants.c.tenant)).all()
    return [Snapshot(connection, row[0], Head(*row)) for row in rows]


def _head(connection: Connection, tenant: int, *, locked: bool) -> Head:
    rows = (_LOCKED_HEAD if locked else _HEAD).all(connection, {"t": tenant})
    if not rows:
        raise StoreError("this tenant is not in the database any more")
    return Head(*rows[0])
