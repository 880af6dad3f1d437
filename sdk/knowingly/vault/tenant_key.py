"""A tenant's own key, in versions: it wraps the keys of people and the tenant's secrets.

Each version is wrapped under one version of the root key, and never under another: whoever destroys
that root version destroys every copy of what this version wrapped.
"""

import os
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TypeVar

from knowingly.errors import RootKeyError, SealError
from knowingly.store import root_versions, tenant_keys
from knowingly.store.database import Database
from knowingly.store.keys import KeyTx
from knowingly.store.tenant_keys import TenantKeyRow
from knowingly.vault.root import LocalRootKeys
from knowingly.vault.root import version_of as root_of
from knowingly.vault.seal import Cipher, version_of
from knowingly.vault.wrapping import KEY_BYTES, Wrapping

T = TypeVar("T")


def again(read: Callable[[], T]) -> T:
    """Do a read, and once more where a rotation ended during it: its old root key is gone by then.

    Raises:
        RootKeyError: A root key is not there, the second time too.
    """
    with suppress(RootKeyError):
        return read()
    return read()


class TenantKey:
    """The live versions of one tenant's key, opened; another process may add and remove some."""

    def __init__(self, database: Database, roots: Wrapping, tenant: str, *, at_us: int) -> None:
        self.database, self.roots, self.tenant = database, roots, tenant
        self._ciphers: dict[int, Cipher] = {}
        with database.reading() as connection:
            rows = tenant_keys.live(connection, tenant)
        if not rows or not all(row.root for row in rows):
            self._make_or_adopt(at_us)
        self.refresh()

    def __repr__(self) -> str:
        return "TenantKey()"

    @property
    def newest(self) -> Cipher:
        """What wraps new keys, as of the last look."""
        ciphers = self._ciphers
        return ciphers[max(ciphers)]

    def refresh(self) -> None:
        """Look which versions there are now."""
        again(self._look)

    def _look(self) -> None:
        with self.database.reading() as connection:
            rows = tenant_keys.live(connection, self.tenant)
        self._learn(rows)

    def opening(self, connection: KeyTx, wrapped: Collection[bytes]) -> dict[int, Cipher]:
        """What opens these wrapped keys, by version, read in the same snapshot as they were.

        Raises:
            RootKeyError: A root version is gone: the snapshot is older than a finished rotation.
            SealError: One names a version that there is not.
        """
        versions = {version_of(body) for body in wrapped}
        ciphers = self._ciphers
        if not versions <= ciphers.keys():
            ciphers = self._learn(tenant_keys.live(connection, self.tenant))
        if not versions <= ciphers.keys():
            raise SealError("a sealed value does not open")
        return ciphers

    def add(self, connection: KeyTx, version: int, *, at_us: int) -> Cipher:
        """Keep a new random version under the current root version.

        Raises:
            RootKeyError: That root version was retired.
        """
        key = os.urandom(KEY_BYTES)
        root, wrapped = self.roots.wrap(key, self.tenant, version)
        self._use(connection, root, at_us)
        tenant_keys.add(connection, self.tenant, TenantKeyRow(version, wrapped, root, at_us))
        return self._cipher(version, key)

    def _learn(self, rows: Iterable[TenantKeyRow]) -> dict[int, Cipher]:
        """Open the versions that are new, and drop those that are gone."""
        known, found = self._ciphers, {}
        for version, wrapped, root, _ in rows:
            cipher = known.get(version)
            if cipher is None and wrapped is not None:
                key = self.roots.unwrap(wrapped, root, self.tenant, version)
                cipher = self._cipher(version, key)
            if cipher is not None:
                found[version] = cipher
        self._ciphers = found
        return found

    def _cipher(self, version: int, key: bytes) -> Cipher:
        return Cipher(key, tenant=self.tenant, key_id=b"tenant", version=version)

    def _make_or_adopt(self, at_us: int) -> None:
        with self.database.writing(alone=True) as connection:
            rows = tenant_keys.live(connection, self.tenant)
            if not rows:
                # Under another root key than the shop's, a new tenant would open and no other.
                for other, row in tenant_keys.any_live(connection):
                    self._check_opens(other, row)
                self.add(connection, 1, at_us=at_us)
            for row in rows:
                if row.wrapped is not None and not row.root:
                    self._adopt(connection, row.version, row.wrapped, row.created_us or at_us)

    def _adopt(self, connection: KeyTx, version: int, wrapped: bytes, since_us: int) -> None:
        adopted = self._local().adopt(wrapped, self.tenant)
        root = root_of(adopted)
        self._use(connection, root, since_us)
        tenant_keys.adopt(connection, self.tenant, version, wrapped=adopted, root=root)

    def _check_opens(self, tenant: str, row: TenantKeyRow) -> None:
        wrapped = row.wrapped or b""
        if row.root:
            self.roots.unwrap(wrapped, row.root, tenant, row.version)
        else:
            self._local().adopt(wrapped, tenant)

    def _local(self) -> LocalRootKeys:
        if isinstance(self.roots.keys, LocalRootKeys):
            return self.roots.keys
        raise self.roots.error(
            "this key store was wrapped by a key file: open it once with that file, then rotate"
        )

    def _use(self, connection: KeyTx, root: str, at_us: int) -> None:
        if not root_versions.note(connection, root, at_us=at_us):
            raise self.roots.error(
                f"the root key {root} was retired by a rotation: give this process the newest one"
            )
