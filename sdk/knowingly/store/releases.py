"""Statements of the privacy budget and of what it paid for."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import and_, func, insert, select

from knowingly.store.batches import STREAMING
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import charges
from knowingly.store.schema import releases as table


class ReleaseRow(NamedTuple):
    """One release: what, of which period, when, at what privacy loss, and its item rows (JSON)."""

    what: str
    period: str
    at_us: int
    epsilon: float
    delta: float
    item_rows: str


_COLUMNS = (
    table.c.what,
    table.c.period,
    table.c.at_us,
    table.c.epsilon,
    table.c.delta,
    table.c.item_rows,
)


def spent(snapshot: Snapshot, start_us: int, end_us: int) -> int:
    """The budget spent on any period that overlaps ``[start_us, end_us)``, in pico-rho.

    By time and not by name: a policy that cuts time into other periods gets no fresh budget.
    """
    total = select(func.coalesce(func.sum(charges.c.pico_rho), 0)).where(
        charges.c.tenant == snapshot.tenant,
        charges.c.start_us < end_us,
        charges.c.end_us > start_us,
    )
    return int(snapshot.connection.execute(total).scalar_one())


def spent_by_period(snapshot: Snapshot) -> dict[str, int]:
    """The budget spent, in pico-rho, by period."""
    rows = (
        select(charges.c.period, func.sum(charges.c.pico_rho))
        .where(charges.c.tenant == snapshot.tenant)
        .group_by(charges.c.period)
    )
    # Sorted here: how a server sorts text depends on its locale.
    return {row[0]: int(row[1]) for row in sorted(snapshot.connection.execute(rows).all())}


class ChargeRow(NamedTuple):
    """One debit: of which period, ``[start_us, end_us)``, how much, for what, when."""

    period: str
    start_us: int
    end_us: int
    pico_rho: int
    what: str
    at_us: int


def charge(tx: Tx, charge_id: str, row: ChargeRow) -> None:
    """Debit the budget. Committed before any noise is drawn."""
    tx.connection.execute(
        insert(charges).values(tenant=tx.tenant, charge=charge_id, **row._asdict())
    )


def add(tx: Tx, charge_id: str, release: ReleaseRow) -> None:
    """Store a release that has been paid for."""
    tx.connection.execute(
        insert(table).values(tenant=tx.tenant, charge=charge_id, **release._asdict())
    )


class PaidRelease(NamedTuple):
    """One release with the debit of its name; None where there is no such debit."""

    what: str
    at_us: int
    epsilon: float
    delta: float
    paid_for: str | None
    pico_rho: int | None
    paid_us: int | None


def with_charges(snapshot: Snapshot) -> Iterator[PaidRelease]:
    """Every release with what paid for it, streaming."""
    same = and_(charges.c.tenant == table.c.tenant, charges.c.charge == table.c.charge)
    rows = (
        select(
            *(table.c.what, table.c.at_us, table.c.epsilon, table.c.delta),
            *(charges.c.what, charges.c.pico_rho, charges.c.at_us),
        )
        .select_from(table.outerjoin(charges, same))
        .where(table.c.tenant == snapshot.tenant)
    )
    for row in snapshot.connection.execute(rows, execution_options=STREAMING):
        yield PaidRelease(*row)


def newest(snapshot: Snapshot, what: str) -> ReleaseRow | None:
    """The newest release of a kind."""
    row = snapshot.connection.execute(
        select(*_COLUMNS)
        .where(table.c.tenant == snapshot.tenant, table.c.what == what)
        .order_by(table.c.at_us.desc())
        .limit(1)
    ).one_or_none()
    return ReleaseRow(*row) if row else None
