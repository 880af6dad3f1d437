"""Statements of the policies that were in force: only ever added to."""

from typing import NamedTuple

from sqlalchemy import insert, select

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import policies, policy_activations


class ActivationRow(NamedTuple):
    """One coming into force: the entry of the log, which policy, and when."""

    idx: int
    digest: str
    at_us: int


def bodies(snapshot: Snapshot) -> dict[str, str]:
    """Every policy that was ever in force, as it was written, by digest."""
    rows = select(policies.c.digest, policies.c.body).where(policies.c.tenant == snapshot.tenant)
    return {row[0]: row[1] for row in snapshot.connection.execute(rows)}


def activations(snapshot: Snapshot) -> list[ActivationRow]:
    """Every coming into force, in the order of the log."""
    columns = (policy_activations.c.idx, policy_activations.c.digest, policy_activations.c.at_us)
    rows = (
        select(*columns)
        .where(policy_activations.c.tenant == snapshot.tenant)
        .order_by(policy_activations.c.idx)
    )
    return [ActivationRow(*row) for row in snapshot.connection.execute(rows)]


def keep(tx: Tx, digest: str, body: str) -> None:
    """Keep the body of a policy that is not there yet."""
    values = {"tenant": tx.tenant, "digest": digest, "body": body}
    tx.connection.execute(insert(policies).values(**values))


def add_activation(tx: Tx, row: ActivationRow) -> None:
    """Record that a policy came into force with an entry of the log."""
    tx.connection.execute(insert(policy_activations).values(tenant=tx.tenant, **row._asdict()))
