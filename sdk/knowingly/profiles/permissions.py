"""What each person's choices allow to be kept, remembered while nobody chooses anything new.

A bulk import asks about the same people again and again. Every choice is a ledger entry, so the
size of the log, read under the writer's lock, says whether anything can have changed, and the
entries since say for whom. A permission that runs out by itself is remembered until then. What is
allowed on a device is asked and remembered only where the person chose something on it alone.
"""

from collections.abc import Collection, Sequence

from knowingly.profiles.alike import Alike
from knowingly.profiles.permission import Permission, permission
from knowingly.store import consents
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy

KEPT_PEOPLE = 200_000
OnDevice = tuple[int, str]
"""A person, and the scope of a device of theirs."""


class Permissions:
    """The permissions of one tenant's people; used under the writer's lock only."""

    def __init__(self) -> None:
        self._log_size = 0
        self._kept: dict[int, Permission] = {}
        self._on_device: dict[int, dict[str, Permission]] = {}
        self._alike = Alike()

    def nobody(self, tenancy: Tenancy, now_us: int) -> Permission:
        """What is allowed of who never chose anything."""
        return self._alike.nobody(tenancy, now_us)

    def of(
        self, tenancy: Tenancy, tx: Tx, people: Sequence[int], now_us: int
    ) -> dict[int, Permission]:
        """The permissions of people who were known before this transaction."""
        self._drop_changed(tx)
        found = {}
        unknown = []
        for subject in people:
            kept = self._kept.get(subject)
            if kept is not None and kept.from_us <= now_us < kept.until_us:
                found[subject] = kept
            else:
                unknown.append(subject)
        for subject, rows in consents.rows_of_many(tx, unknown).items():
            found[subject] = self._alike.permission(tenancy, rows, now_us)
        if len(self._kept) + len(unknown) > KEPT_PEOPLE:
            self._kept.clear()
        self._kept.update(found)
        return found

    def on_devices(
        self, tenancy: Tenancy, tx: Tx, asked: Collection[OnDevice], now_us: int
    ) -> dict[OnDevice, Permission]:
        """The permissions of people on devices on which they chose something."""
        self._drop_changed(tx)
        found = {}
        unknown = []
        for subject, scope in asked:
            kept = self._on_device.get(subject, {}).get(scope)
            if kept is not None and kept.from_us <= now_us < kept.until_us:
                found[subject, scope] = kept
            else:
                unknown.append((subject, scope))
        records = consents.of_many(tx, list({subject for subject, _ in unknown}))
        if len(self._on_device) + len(records) > KEPT_PEOPLE:
            self._on_device.clear()
        for subject, scope in unknown:
            fresh = permission(tenancy, records[subject], now_us, scope=scope)
            self._on_device.setdefault(subject, {})[scope] = fresh
            found[subject, scope] = fresh
        return found

    def _drop_changed(self, tx: Tx) -> None:
        size = tx.head.ledger_size
        if size < self._log_size:
            # An older copy of the data was put in place: nothing remembered can be trusted.
            self._kept.clear()
            self._on_device.clear()
        elif size > self._log_size and (self._kept or self._on_device):
            for subject in consents.changed_since(tx, self._log_size):
                self._kept.pop(subject, None)
                self._on_device.pop(subject, None)
        self._log_size = size
