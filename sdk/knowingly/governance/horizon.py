"""The shred horizon: when no copy of anything can bring an erased person back.

A person's key is wrapped under one version of the tenant's key after another, and each of those
under one version of the root key. Copies of the key store hold what was wrapped when they were
made. Once every root version that ever stood above a person's key is destroyed, no copy opens it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from knowingly.domain.moments import DAY_US, from_us
from knowingly.store.root_versions import RootRow
from knowingly.store.tenant_keys import TenantKeyRow
from knowingly.tenancy import Tenancy

_SAYS = (
    "A copy of the data made before cannot be opened with today's key store. A copy of the key "
    "store made before still holds this person's key, wrapped; with it, a copy of the data and "
    "the root keys named here they could be read again, until every copy of these is destroyed."
)


def roots_above(tenancy: Tenancy, first_version: int) -> list[RootRow]:
    """The root versions that stood above a key since this version of the tenant's, and are alive.

    Raises:
        StoreError: The key store cannot be read.
    """
    versions, roots = tenancy.keyring.history()
    names = dict.fromkeys(row.root for row in versions if row.version >= first_version)
    return [roots[name] for name in names if roots[name].destroyed_us is None]


def old_copies(tenancy: Tenancy, first_version: int) -> dict[str, Any]:
    """What a certificate says of copies made before the erasure."""
    above = roots_above(tenancy, first_version)
    days = tenancy.policy.keys.rotate_days
    until = None
    if days is not None:
        until = from_us(max(_due_us(root, days) for root in above)).date().isoformat()
    return {"says": _SAYS, "root_keys": [root.root for root in above], "until": until}


def due(tenancy: Tenancy) -> datetime | None:
    """When the policy promises that the oldest root version alive is destroyed."""
    days = tenancy.policy.keys.rotate_days
    _, roots = tenancy.keyring.history()
    if days is None:
        return None
    alive = [_due_us(root, days) for root in roots.values() if root.destroyed_us is None]
    return from_us(min(alive)) if alive else None


def horizon(versions: Iterable[TenantKeyRow], roots: dict[str, RootRow]) -> datetime | None:
    """Whoever was erased before this moment cannot be brought back by any copy; None for nobody."""
    alive = [row for row in versions if roots[row.root].destroyed_us is None]
    oldest = min(alive, key=lambda row: row.version)
    return from_us(oldest.created_us) if oldest.version > 1 else None


def _due_us(root: RootRow, days: int) -> int:
    return root.first_used_us + days * DAY_US
