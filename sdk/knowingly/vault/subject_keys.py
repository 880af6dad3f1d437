"""The keys of people: made, opened, and kept open for a while.

Opening a key costs a read and a decryption, so ciphers are kept, bounded. Whether a person may
still be read is never asked here but of the data's own snapshot; ``forget`` drops what is kept when
a key was destroyed, in whichever process.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence

from knowingly.errors import SealError, StoreError
from knowingly.store import keys as key_rows
from knowingly.store import tenant_keys
from knowingly.store.database import Database
from knowingly.store.keys import NewKey
from knowingly.vault.seal import Cipher, version_of
from knowingly.vault.tenant_key import TenantKey, again
from knowingly.vault.wrapping import KEY_BYTES

KEPT_CIPHERS = 65_536
KEY_LOST = "key is not in the key store: restore a newer backup of it, or erase whose key is lost"
_TRIES = 5


class SubjectKeys:
    """The keys of one tenant's people. Each is random and follows from no other."""

    def __init__(self, database: Database, tenant_key: TenantKey) -> None:
        self._database, self._tenant = database, tenant_key.tenant
        self.tenant_key = tenant_key
        self._ciphers: OrderedDict[bytes, Cipher] = OrderedDict()
        self._kept = threading.Lock()
        self._epoch = 0

    def create(self, count: int, *, at_us: int, first_version: int | None = None) -> list[bytes]:
        """Make ``count`` subject keys and commit them; their random ids, 16 bytes each.

        ``first_version`` is that of the key whose place a new one takes.

        They are committed before any row that needs them: a crash in between leaves a key that
        nothing uses, which the sweep removes, and never a row without its key.
        """
        fresh = [(os.urandom(16), os.urandom(KEY_BYTES)) for _ in range(count)]
        for _ in range(_TRIES):
            wrapping = self.tenant_key.newest
            version = wrapping.version
            rows = [
                NewKey(key_id, at_us, sealed, version, first_version or version)
                for (key_id, _), sealed in zip(
                    fresh, wrapping.seal_all("subject_keys", fresh), strict=True
                )
            ]
            with self._database.writing() as connection:
                # A rotation may have replaced the version since this process last looked.
                if tenant_keys.newest(connection, self._tenant) == version:
                    key_rows.add_subject_keys(connection, self._tenant, rows)
                    break
            self.tenant_key.refresh()
        else:
            raise StoreError("the tenant's key changes all the time; nothing was written")
        for key_id, key in fresh:
            self._keep(Cipher(key, tenant=self._tenant, key_id=key_id))
        return [key_id for key_id, _ in fresh]

    def cipher(self, key_id: bytes) -> Cipher:
        """The cipher of one subject key.

        Raises:
            SealError: The key was destroyed, or does not open.
        """
        kept = self._ciphers.get(key_id)
        return kept if kept is not None else self.ciphers([key_id])[key_id]

    def ciphers(self, key_ids: Sequence[bytes]) -> dict[bytes, Cipher]:
        """The ciphers of many subject keys.

        Raises:
            SealError: A key was destroyed, or does not open.
        """
        found = self.present(key_ids)
        if len(found) < len(set(key_ids)):
            raise SealError(f"a subject's {KEY_LOST}")
        return found

    def present(self, key_ids: Sequence[bytes]) -> dict[bytes, Cipher]:
        """The ciphers of those subject keys that there are."""
        # One look each: another thread may empty the cache in between.
        found = {key_id: kept for key_id in key_ids if (kept := self._ciphers.get(key_id))}
        missing = [key_id for key_id in key_ids if key_id not in found]
        if missing:
            for key_id, key in again(lambda: self._opened(missing)).items():
                found[key_id] = self._keep(Cipher(key, tenant=self._tenant, key_id=key_id))
        return found

    def are_stored(self, key_ids: Sequence[bytes]) -> bool:
        """Whether all these keys are in the key store, whatever is kept here.

        Asked under the writer's lock before rows rest on fresh keys: the sweep of a server whose
        clock runs ahead could have taken them.
        """
        return not self.missing(key_ids)

    def missing(self, key_ids: Sequence[bytes]) -> set[bytes]:
        """Those of these keys that are not in the key store, whatever is kept here."""
        if not key_ids:
            return set()
        with self._database.reading() as connection:
            return set(key_ids) - key_rows.subject_keys(connection, self._tenant, key_ids).keys()

    def watch(self, shred_epoch: int) -> None:
        """Drop every kept cipher when some process has destroyed a key since the last look."""
        if shred_epoch != self._epoch:
            self.forget()
            self._epoch = shred_epoch

    def forget(self) -> None:
        """Drop every kept cipher."""
        with self._kept:
            self._ciphers.clear()

    def _opened(self, key_ids: Sequence[bytes]) -> dict[bytes, bytes]:
        with self._database.reading() as connection:
            wrapped = key_rows.subject_keys(connection, self._tenant, key_ids)
            opening = self.tenant_key.opening(connection, wrapped.values())
        of_version: dict[int, list[tuple[bytes, bytes]]] = {}
        for row in wrapped.items():
            of_version.setdefault(version_of(row[1]), []).append(row)
        opened: dict[bytes, bytes] = {}
        for version, rows in of_version.items():
            keys = opening[version].open_all("subject_keys", rows)
            opened.update(zip([key_id for key_id, _ in rows], keys, strict=True))
        return opened

    def _keep(self, cipher: Cipher) -> Cipher:
        with self._kept:
            self._ciphers[cipher.key_id] = cipher
            if len(self._ciphers) > KEPT_CIPHERS:
                self._ciphers.popitem(last=False)
        return cipher
