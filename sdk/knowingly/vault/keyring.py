"""The keys of one tenant: made, wrapped, kept for a while, and destroyed.

Root key -> tenant key (wraps only) -> a random key per subject and a few random secrets of the
tenant. A subject's key is never derived from another: destroying it is the end of it.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from knowingly.errors import SealError, StoreError
from knowingly.store import keys as key_rows
from knowingly.store.database import Database
from knowingly.vault.seal import Cipher, place

KEPT_CIPHERS = 65_536
SECRETS = ("lookup", "operator", "token", "signing")


class Keyring:
    """The keys of one tenant.

    Opening a key costs a read and a decryption, so ciphers are kept, bounded. Whether a person may
    still be read is never asked here but of the data's own snapshot; ``forget`` empties the cache
    when a key was destroyed, in whichever process.
    """

    def __init__(self, database: Database, root: bytes, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._wrapping = self._tenant_key(root)
        self._secrets = self._tenant_secrets()
        self.operator = Cipher(self._secrets["operator"], tenant=tenant, key_id=b"operator")
        self.token = Cipher(self._secrets["token"], tenant=tenant, key_id=b"token")
        self._ciphers: OrderedDict[bytes, Cipher] = OrderedDict()
        self._kept = threading.Lock()
        self._epoch = 0

    def __repr__(self) -> str:
        return "Keyring()"

    @property
    def signing_seed(self) -> bytes:
        """The 32 bytes that the tenant's Ed25519 key is made of."""
        return self._secrets["signing"]

    def lookup(self, app_id: str) -> bytes:
        """The keyed hash, 32 bytes, under which a person's row is found."""
        secret = self._secrets["lookup"]
        return hashlib.blake2b(
            app_id.encode(), digest_size=32, key=secret, person=b"subject"
        ).digest()

    def event_name(self, key_id: bytes, event_id: str) -> bytes:
        """The keyed hash, 16 bytes, that makes an event of one person unique."""
        return hashlib.blake2b(
            key_id + event_id.encode(),
            digest_size=16,
            key=self._secrets["lookup"],
            person=b"event",
        ).digest()

    def trait_name(self, key_id: bytes, field: str) -> bytes:
        """The keyed hash, 16 bytes, of a field's name for one person."""
        return hashlib.blake2b(
            key_id + field.encode(),
            digest_size=16,
            key=self._secrets["lookup"],
            person=b"trait",
        ).digest()

    def identity(self, kind: str, value: str) -> bytes:
        """The keyed hash, 32 bytes, that leads from an identity to the person it is of."""
        return hashlib.blake2b(
            place(kind.encode(), value.encode()),
            digest_size=32,
            key=self._secrets["lookup"],
            person=b"identity",
        ).digest()

    def create(self, count: int, *, at_us: int) -> list[bytes]:
        """Make ``count`` subject keys and commit them; their random ids, 16 bytes each.

        They are committed before any row that needs them: a crash in between leaves a key that
        nothing uses, which the sweep removes, and never a row without its key.
        """
        fresh = [(os.urandom(16), os.urandom(32)) for _ in range(count)]
        with self._database.writing() as connection:
            key_rows.add_subject_keys(
                connection,
                self._tenant,
                [
                    (key_id, at_us, self._wrapping.seal("subject_keys", key_id, key))
                    for key_id, key in fresh
                ],
            )
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
            raise SealError("a subject's key is not in the key store")
        return found

    def present(self, key_ids: Sequence[bytes]) -> dict[bytes, Cipher]:
        """The ciphers of those subject keys that there are."""
        # One look each: another thread may empty the cache in between.
        found = {key_id: kept for key_id in key_ids if (kept := self._ciphers.get(key_id))}
        missing = [key_id for key_id in key_ids if key_id not in found]
        if missing:
            with self._database.reading() as connection:
                wrapped = key_rows.subject_keys(connection, self._tenant, missing)
            for key_id, body in wrapped.items():
                key = self._wrapping.open("subject_keys", key_id, body)
                found[key_id] = self._keep(Cipher(key, tenant=self._tenant, key_id=key_id))
        return found

    def are_stored(self, key_ids: Sequence[bytes]) -> bool:
        """Whether all these keys are in the key store, whatever the cache says.

        Asked under the writer's lock before rows rest on fresh keys: the sweep of a server whose
        clock runs ahead could have taken them.
        """
        if not key_ids:
            return True
        with self._database.reading() as connection:
            return len(key_rows.subject_keys(connection, self._tenant, key_ids)) == len(key_ids)

    def destroy(self, key_id: bytes) -> None:
        """Delete one subject key; its bytes are gone from the files once ``truncate`` is true."""
        with self._database.writing() as connection:
            key_rows.delete_subject_keys(connection, self._tenant, [key_id])
        self.forget()

    @property
    def overwrites(self) -> bool:
        """Whether deleted bytes are overwritten in the file: so on SQLite, not on a server."""
        return self._database.is_sqlite

    def truncate(self) -> bool:
        """Empty the key store's write-ahead log; false while another connection reads."""
        return self._database.truncate()

    def sweep(self, used: Iterable[bytes], *, before_us: int) -> int:
        """Delete keys that no subject uses and that were made before ``before_us``."""
        alive = set(used)
        with self._database.writing() as connection:
            old = key_rows.subject_keys_before(connection, self._tenant, before_us)
            orphans = [key_id for key_id in old if key_id not in alive]
            key_rows.delete_subject_keys(connection, self._tenant, orphans)
        if orphans:
            self.forget()
        return len(orphans)

    def watch(self, shred_epoch: int) -> None:
        """Drop every kept cipher when some process has destroyed a key since the last look."""
        if shred_epoch != self._epoch:
            self.forget()
            self._epoch = shred_epoch

    def forget(self) -> None:
        """Drop every kept cipher."""
        with self._kept:
            self._ciphers.clear()

    def _keep(self, cipher: Cipher) -> Cipher:
        with self._kept:
            self._ciphers[cipher.key_id] = cipher
            if len(self._ciphers) > KEPT_CIPHERS:
                self._ciphers.popitem(last=False)
        return cipher

    def _tenant_key(self, root: bytes) -> Cipher:
        outer = _outer(root, self._tenant)
        with self._database.writing() as connection:
            wrapped = key_rows.tenant_key(connection, self._tenant)
            if wrapped is None:
                # Under another root key than the shop's, a new tenant would open and no other.
                for other, body in key_rows.any_tenant_key(connection):
                    _open_tenant_key(_outer(root, other), body)
                wrapped = outer.seal("tenant_keys", b"1", os.urandom(32))
                key_rows.add_tenant_key(connection, self._tenant, wrapped)
        key = _open_tenant_key(outer, wrapped)
        return Cipher(key, tenant=self._tenant, key_id=b"tenant")

    def _tenant_secrets(self) -> dict[str, bytes]:
        with self._database.writing() as connection:
            wrapped = key_rows.tenant_secrets(connection, self._tenant)
            for name in SECRETS:
                if name not in wrapped:
                    wrapped[name] = self._wrapping.seal(
                        "tenant_secrets", name.encode(), os.urandom(32)
                    )
                    key_rows.add_tenant_secret(connection, self._tenant, name, wrapped[name])
        return {
            name: self._wrapping.open("tenant_secrets", name.encode(), body)
            for name, body in wrapped.items()
        }


def _outer(root: bytes, tenant: str) -> Cipher:
    """What wraps the key of one tenant, derived from the root key."""
    info = b"knowingly/tenant-key/" + tenant.encode()
    derived = HKDF(SHA256(), 32, salt=None, info=info).derive(root)
    return Cipher(derived, tenant=tenant, key_id=b"root")


def _open_tenant_key(outer: Cipher, wrapped: bytes) -> bytes:
    try:
        return outer.open("tenant_keys", b"1", wrapped)
    except SealError:
        raise SealError("this root key does not open this shop's key store") from None


def same_shop(data: str | None, keys: str | None) -> None:
    """Refuse data and a key store that do not belong together.

    Raises:
        StoreError: They belong to different shops, or the key store of existing data is gone.
    """
    if data is not None and keys is None:
        raise StoreError(
            "the key store of this shop is missing: restore it from its own backup, "
            "or pass key_store=; without it nothing that is sealed can be read"
        )
    if data is not None and data != keys:
        raise StoreError("this key store belongs to another shop: pass the right key_store=")
