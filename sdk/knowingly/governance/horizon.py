"""The shred horizon: when no copy of anything can bring an erased person back.

A person's key is wrapped under one version of the tenant's key after another, and each of those
under one version of the root key. Copies of the key store hold what was wrapped when they were
made. Once every root version that ever stood above a person's key is destroyed, no copy opens it.

A key store that came from a backup has forgotten the rotations since. The log has not: what it says
counts as well.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from knowingly.domain.moments import DAY_US, from_us, to_us
from knowingly.store import key_acts
from knowingly.store.doors import Snapshot
from knowingly.store.root_versions import RootRow
from knowingly.store.tenant_keys import TenantKeyRow
from knowingly.tenancy import Tenancy

ROTATED, DESTROYED = "keys.rotated", "root.destroyed"
"""The acts of a rotation, as the log names them."""
_SAYS = (
    "A copy of the data made before cannot be opened with today's key store. A copy of the key "
    "store made before still holds this person's key, wrapped; with it, a copy of the data and "
    "the root keys named here they could be read again, until every copy of these is destroyed."
)


class Past(NamedTuple):
    """Every version of a tenant's key there was, oldest first, and of the root key, by name."""

    versions: list[TenantKeyRow]
    roots: dict[str, RootRow]

    @property
    def alive(self) -> list[TenantKeyRow]:
        """The versions that copies were wrapped by and whose root version is not destroyed."""
        return [row for row in self.versions if self.roots[row.root].destroyed_us is None]


def past(tenancy: Tenancy, snapshot: Snapshot) -> Past:
    """What the key store and the log know of the keys there were.

    Raises:
        StoreError: The key store cannot be read.
    """
    versions, roots = tenancy.keyring.history()
    known = {(row.version, row.root) for row in versions}
    destroyed = _said(snapshot, DESTROYED)
    for name, (root, at_us) in _said(snapshot, ROTATED).items():
        version = int(name)
        if (version, root) in known:
            continue
        # When it came into use is forgotten too; certainly not before the one it replaced.
        since_us = max((row.created_us for row in versions if row.version < version), default=0)
        versions.append(TenantKeyRow(version, None, root, since_us))
        if root not in roots:
            _, destroyed_us = destroyed.get(root, (root, None))
            roots[root] = RootRow(root, at_us, destroyed_us, destroyed_us)
    by_first_use = sorted(roots.items(), key=lambda item: item[1].first_used_us)
    return Past(sorted(versions, key=lambda row: row.version), dict(by_first_use))


def _said(snapshot: Snapshot, act: str) -> Mapping[str, tuple[str, int]]:
    """The root version that each act of a kind speaks of, and when it was, by the act's name."""
    statements = {
        name: json.loads(document)["statement"]
        for name, document in key_acts.documents(snapshot, act).items()
    }
    return {
        name: (said["root"], to_us(datetime.fromisoformat(said["at"])))
        for name, said in statements.items()
    }


def old_copies(tenancy: Tenancy, snapshot: Snapshot, first_version: int) -> dict[str, Any]:
    """What a certificate says of copies made before the erasure."""
    known = past(tenancy, snapshot)
    above = dict.fromkeys(row.root for row in known.alive if row.version >= first_version)
    days = tenancy.policy.keys.rotate_days
    until = None
    if days is not None:
        until = from_us(max(_due_us(known.roots[root], days) for root in above)).date().isoformat()
    return {"says": _SAYS, "root_keys": list(above), "until": until}


def due(tenancy: Tenancy, known: Past) -> datetime | None:
    """When the policy promises that the oldest root version alive is destroyed."""
    days = tenancy.policy.keys.rotate_days
    if days is None:
        return None
    alive = [_due_us(root, days) for root in known.roots.values() if root.destroyed_us is None]
    return from_us(min(alive)) if alive else None


def horizon(known: Past) -> datetime | None:
    """Whoever was erased before this moment cannot be brought back by any copy; None for nobody."""
    oldest = known.alive[0]
    return from_us(oldest.created_us) if oldest.version > 1 else None


def _due_us(root: RootRow, days: int) -> int:
    return root.first_used_us + days * DAY_US
