"""``shop.keys``: which keys there are, and new ones in their place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from knowingly.domain.moments import from_us
from knowingly.domain.progress import Progress
from knowingly.domain.validate import check_id
from knowingly.errors import InputError
from knowingly.governance.horizon import due, horizon, past
from knowingly.governance.reseal import Resealed, reseal
from knowingly.governance.rotation import Rotated, Rotation
from knowingly.governance.signing_key import SigningRotated, rotate_signing
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class RootVersion:
    """One version of the root key: its public name, and when what happened to it.

    Stability: stable.
    """

    name: str
    first_used: datetime
    retired: datetime | None
    destroyed: datetime | None


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """The keys of one tenant.

    ``root_keys`` are every version of the root key, oldest first; ``tenant_version`` is that of the
    tenant's key, and ``keys_by_version`` how many people's keys each version wraps. ``rotating``
    says that a rotation was interrupted, or runs: ``rotate`` finishes it. Whoever was erased before
    ``horizon`` cannot be brought back by any copy; ``due`` is when the policy promises that the
    oldest root key is destroyed.

    Stability: stable.
    """

    root_keys: tuple[RootVersion, ...]
    tenant_version: int
    keys_by_version: Mapping[int, int]
    rotating: bool
    horizon: datetime | None
    due: datetime | None


class Keys:
    """The keys that everything is sealed under; none of them ever leaves this room.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy, tenancy_of: Callable[[str], Tenancy]) -> None:
        self._tenancy = tenancy
        self._rotation = Rotation(tenancy, tenancy_of)

    def status(self) -> KeyStatus:
        """Versions and dates, how many keys each wraps, and the shred horizon."""
        keyring = self._tenancy.keyring
        known = self._tenancy.ask(partial(past, self._tenancy))
        roots = known.roots
        live = [row for row in known.versions if row.wrapped is not None]
        return KeyStatus(
            root_keys=tuple(
                RootVersion(
                    row.root, from_us(row.first_used_us), _at(row.retired_us), _at(row.destroyed_us)
                )
                for row in roots.values()
            ),
            tenant_version=live[-1].version,
            keys_by_version=keyring.count_by_version(),
            rotating=len(live) > 1 or roots[live[-1].root].retired_us is not None,
            horizon=horizon(known),
            due=due(self._tenancy, known),
        )

    def rotate(self, *, destroy_old: bool = False, progress: Progress | None = None) -> Rotated:
        """Replace the root key and every tenant's key, while pages are served; resumable.

        No profile is read: only keys are opened, and wrapped again.

        Args:
            destroy_old: Destroy the old root keys too, which moves the shred horizon: from then on
                no copy brings back whoever was erased before this rotation.
            progress: Told what is being done.

        Raises:
            RootKeyError: There is no newer root key and none can be made from here.
        """
        return self._rotation.rotate(
            destroy_old=destroy_old, progress=progress or (lambda *_: None)
        )

    def rotate_signing(self) -> SigningRotated:
        """Replace the key that signs this tenant's checkpoints, certificates and statements.

        The old key names the new one in the log, and is destroyed; what it signed stays
        verifiable, and who holds it follows the log to the new one.
        """
        return rotate_signing(self._tenancy)

    def note_destroyed(self, version: str) -> None:
        """Record that an old root key was destroyed, where only its owner can do that.

        Raises:
            InputError: It is none that was retired, or it is still where root keys come from.
        """
        waiting = self._rotation.unused()
        if version not in waiting:
            raise InputError("version", f"a retired root key: {', '.join(waiting) or 'none waits'}")
        roots = self._tenancy.keyring.tenant_key.roots
        if version in getattr(roots.keys, "versions", ()):
            raise InputError("version", "a root key that is gone: this one is still in its source")
        self._rotation.note_destroyed(version)

    def reseal(self, subject: str) -> Resealed:
        """Give one person a new key and seal everything of theirs under it.

        Raises:
            UnknownSubjectError: No such person is known.
            SealError: Their key is lost, or a row does not open; nothing was changed.
        """
        return reseal(self._tenancy, check_id(subject))


def _at(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
