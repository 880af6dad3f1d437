"""The keys of one tenant: made, wrapped, kept for a while, and destroyed.

Root key -> tenant key (wraps only) -> a random key per subject and a few random secrets of the
tenant. A subject's key is never derived from another: destroying it is the end of it.
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence

from knowingly.errors import SealError, StoreError
from knowingly.store import keys as key_rows
from knowingly.store import root_versions, tenant_keys
from knowingly.store.database import Database
from knowingly.store.keys import KeyTx, NewKey
from knowingly.store.root_versions import RootRow
from knowingly.store.shop import RESTORING
from knowingly.store.tenant_keys import TenantKeyRow
from knowingly.vault.seal import Cipher, place, version_of
from knowingly.vault.tenant_key import TenantKey, again
from knowingly.vault.wrapping import KEY_BYTES, Wrapping

KEPT_CIPHERS = 65_536
SWEPT_AT_ONCE = 100_000
"""Keys compared with those in use at a time; each time the people are looked through once."""
SIGNING = "signing"
SECRETS = ("lookup", "operator", "token", "backup")
"""Made once and kept; beside them is at least one version of what signs."""
_TRIES = 5
_TRUNCATE_TRIES = 10


class Keyring:
    """The keys of one tenant.

    Opening a key costs a read and a decryption, so ciphers are kept, bounded. Whether a person may
    still be read is never asked here but of the data's own snapshot; ``forget`` empties the cache
    when a key was destroyed, in whichever process.
    """

    def __init__(self, database: Database, roots: Wrapping, tenant: str, *, at_us: int) -> None:
        self._database = database
        self._tenant = tenant
        self.tenant_key = TenantKey(database, roots, tenant, at_us=at_us)
        self._secrets = self._tenant_secrets()
        self.operator = Cipher(self._secrets["operator"], tenant=tenant, key_id=b"operator")
        self.token = Cipher(self._secrets["token"], tenant=tenant, key_id=b"token")
        self._ciphers: OrderedDict[bytes, Cipher] = OrderedDict()
        self._kept = threading.Lock()
        self._epoch = 0

    def __repr__(self) -> str:
        return "Keyring()"

    @property
    def tenant(self) -> str:
        """Whose keys they are."""
        return self._tenant

    def signing_version(self, version: int) -> int:
        """This version of what signs, or the newest there is where it is not in the key store.

        So it is where data and key store are not of the same day: one of them was restored.
        """
        if _signing(version) not in self._secrets:
            self._secrets = again(self._stored_secrets)
        versions = [found for found in map(_signing_version, self._secrets) if found]
        return version if version in versions else max(versions)

    def signing_seed(self, version: int) -> bytes:
        """The 32 bytes that a version of the tenant's Ed25519 key is made of."""
        there = self.signing_version(version)
        return self._secrets[_signing(there)]

    def new_signing_seed(self, version: int) -> bytes:
        """Keep a new random seed under this version, unless one is kept already; that one."""
        name = _signing(version)
        with self._database.writing(alone=True) as connection:
            secrets = open_secrets(connection, self.tenant_key)
            if name not in secrets:
                self._add_secrets(connection, secrets, [name])
        self._secrets = secrets
        return secrets[name]

    def destroy_signing_seeds(self, *, before: int) -> bool:
        """Delete the seeds of versions before this one, where it is there; whether any was."""
        old = [name for name in self._secrets if 0 < _signing_version(name) < before]
        if not old or _signing(before) not in self._secrets:
            return False
        with self._database.writing() as connection:
            for name in old:
                key_rows.delete_tenant_secret(connection, self._tenant, name)
        self._secrets = again(self._stored_secrets)
        return True

    @property
    def backup_seed(self) -> bytes:
        """The 32 bytes that sign backups: a key of its own, since an old backup must still verify.

        The keys that sign the log are replaced and destroyed, and with them what they could prove.
        """
        return self._secrets["backup"]

    def lookup(self, app_id: str) -> bytes:
        """The keyed hash, 32 bytes, under which a person's row is found."""
        secret = self._secrets["lookup"]
        return hashlib.blake2b(
            app_id.encode(), digest_size=32, key=secret, person=b"subject"
        ).digest()

    def claim(self, lookup: bytes) -> bytes:
        """The keyed hash, 32 bytes, under which evidence of somebody erased is found.

        Another one than ``lookup`` itself, so that no row of it matches the tombstone's.
        """
        secret = self._secrets["lookup"]
        return hashlib.blake2b(lookup, digest_size=32, key=secret, person=b"claim").digest()

    def event_name(self, salt: bytes, event_id: str) -> bytes:
        """The keyed hash, 16 bytes, that makes an event of one person unique."""
        return hashlib.blake2b(
            salt + event_id.encode(),
            digest_size=16,
            key=self._secrets["lookup"],
            person=b"event",
        ).digest()

    def trait_name(self, name_salt: bytes, field: str) -> bytes:
        """The keyed hash, 16 bytes, of a field's name for one person."""
        return hashlib.blake2b(
            name_salt + field.encode(),
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

    def import_name(self, *parts: str) -> bytes:
        """The keyed hash, 32 bytes, of what tells one import of a file from any other."""
        return hashlib.blake2b(
            place(*(part.encode("utf-8", "surrogateescape") for part in parts)),
            digest_size=32,
            key=self._secrets["lookup"],
            person=b"import",
        ).digest()

    def training_cipher(self, training: int) -> Cipher:
        """What seals the models of one training, so that nobody without keys can write them.

        It rests on the secret that a rotation keeps, so what was sealed before one opens after it.
        """
        secret = self._secrets["lookup"]
        key = hashlib.blake2b(
            training.to_bytes(8, "big"), digest_size=KEY_BYTES, key=secret, person=b"training"
        ).digest()
        return Cipher(key, tenant=self._tenant, key_id=b"training")

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
            raise SealError("a subject's key is not in the key store")
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

    def _opened(self, key_ids: Sequence[bytes]) -> dict[bytes, bytes]:
        with self._database.reading() as connection:
            wrapped = key_rows.subject_keys(connection, self._tenant, key_ids)
            opening = self.tenant_key.opening(connection, wrapped.values())
        return {
            key_id: opening[version_of(body)].open("subject_keys", key_id, body)
            for key_id, body in wrapped.items()
        }

    def are_stored(self, key_ids: Sequence[bytes]) -> bool:
        """Whether all these keys are in the key store, whatever the cache says.

        Asked under the writer's lock before rows rest on fresh keys: the sweep of a server whose
        clock runs ahead could have taken them.
        """
        return not self.missing(key_ids)

    def missing(self, key_ids: Sequence[bytes]) -> set[bytes]:
        """Those of these keys that are not in the key store, whatever the cache says."""
        if not key_ids:
            return set()
        with self._database.reading() as connection:
            return set(key_ids) - key_rows.subject_keys(connection, self._tenant, key_ids).keys()

    def first_version(self, key_id: bytes) -> int:
        """The version of the tenant's key under which a person's first key was kept.

        1, the earliest there can be, where the key is lost.
        """
        with self._database.reading() as connection:
            return key_rows.first_version(connection, self._tenant, key_id) or 1

    def destroy(self, key_id: bytes) -> None:
        """Delete one subject key; its bytes are gone from the files once ``overwrite`` is true."""
        with self._database.writing() as connection:
            key_rows.delete_subject_keys(connection, self._tenant, [key_id])
        self.forget()

    @property
    def overwrites(self) -> bool:
        """Whether deleted bytes are overwritten in the file: so on SQLite, not on a server."""
        return self._database.is_sqlite

    def overwrite(self) -> bool:
        """Empty the key store's write-ahead log, and so end what was deleted there.

        False when another connection reads for too long.
        """
        for _ in range(_TRUNCATE_TRIES):
            if self._database.truncate():
                return True
            time.sleep(0.05)
        return False

    def sweep(self, used: Callable[[bytes, bytes], Iterable[bytes]], *, before_us: int) -> int:
        """Delete keys that no subject uses and that were made before ``before_us``.

        ``used`` gives the keys that subjects use, from one id to another.
        """
        swept, last = 0, b""
        with self._database.writing() as connection:
            while old := key_rows.subject_keys_before(
                connection, self._tenant, before_us, after=last, limit=SWEPT_AT_ONCE
            ):
                last = old[-1]
                orphans = set(old)
                orphans.difference_update(used(old[0], last))
                key_rows.delete_subject_keys(connection, self._tenant, sorted(orphans))
                swept += len(orphans)
        if swept:
            self.forget()
        return swept

    def watch(self, shred_epoch: int) -> None:
        """Drop every kept cipher when some process has destroyed a key since the last look."""
        if shred_epoch != self._epoch:
            self.forget()
            self._epoch = shred_epoch

    def forget(self) -> None:
        """Drop every kept cipher."""
        with self._kept:
            self._ciphers.clear()

    def history(self) -> tuple[list[TenantKeyRow], dict[str, RootRow]]:
        """Every version of the tenant's key there was, and of the root key."""
        with self._database.reading() as connection:
            return (
                tenant_keys.history(connection, self._tenant),
                root_versions.every(connection),
            )

    def count_by_version(self) -> dict[int, int]:
        """How many subject keys each version of the tenant's key wraps."""
        with self._database.reading() as connection:
            return key_rows.count_by_version(connection, self._tenant)

    def _keep(self, cipher: Cipher) -> Cipher:
        with self._kept:
            self._ciphers[cipher.key_id] = cipher
            if len(self._ciphers) > KEPT_CIPHERS:
                self._ciphers.popitem(last=False)
        return cipher

    def _tenant_secrets(self) -> dict[str, bytes]:
        secrets = again(self._stored_secrets)
        if not _lacking(secrets):
            return secrets
        with self._database.writing(alone=True) as connection:
            secrets = open_secrets(connection, self.tenant_key)
            self._add_secrets(connection, secrets, _lacking(secrets))
        return secrets

    def _stored_secrets(self) -> dict[str, bytes]:
        with self._database.reading() as connection:
            return open_secrets(connection, self.tenant_key)

    def _add_secrets(
        self, connection: KeyTx, secrets: dict[str, bytes], names: Sequence[str]
    ) -> None:
        newest = tenant_keys.newest(connection, self._tenant)
        if self.tenant_key.newest.version != newest:
            raise StoreError("the tenant's key was replaced while the shop was opened; try again")
        for name in names:
            secrets[name] = os.urandom(KEY_BYTES)
            sealed = seal_secret(self.tenant_key.newest, name, secrets[name])
            key_rows.add_tenant_secret(connection, self._tenant, name, sealed)


def _lacking(secrets: Collection[str]) -> list[str]:
    """The secrets that a new tenant still needs."""
    signs = any(_signing_version(name) for name in secrets)
    return [name for name in (*SECRETS, *([] if signs else [SIGNING])) if name not in secrets]


def _signing(version: int) -> str:
    """What a version of the signing seed is kept under; the first was there before versions."""
    return SIGNING if version == 1 else f"{SIGNING}-{version}"


def _signing_version(name: str) -> int:
    """The version that a secret's name says; 0 for another secret."""
    if name == SIGNING:
        return 1
    word, _, number = name.partition("-")
    return int(number) if word == SIGNING and number.isdecimal() else 0


def open_secrets(connection: KeyTx, tenant_key: TenantKey) -> dict[str, bytes]:
    """The tenant's secrets that there are, opened."""
    wrapped = key_rows.tenant_secrets(connection, tenant_key.tenant)
    opening = tenant_key.opening(connection, wrapped.values())
    return {
        name: opening[version_of(body)].open("tenant_secrets", name.encode(), body)
        for name, body in wrapped.items()
    }


def seal_secret(wrapping: Cipher, name: str, secret: bytes) -> bytes:
    """One of the tenant's secrets, wrapped."""
    return wrapping.seal("tenant_secrets", name.encode(), secret)


def same_shop(data: str | None, keys: str | None) -> None:
    """Refuse data and a key store that do not belong together.

    Raises:
        StoreError: They belong to different shops, the key store of existing data is gone, or
            the data are being restored.
    """
    if data is not None and data.startswith(RESTORING):
        raise StoreError(
            "a backup was restored here and the erasures since it are not done: run "
            "'knowingly backup restore' again, to the same place"
        )
    if data is not None and keys is None:
        raise StoreError(
            "the key store of this shop is missing: restore it from its own backup, "
            "or pass key_store=; without it nothing that is sealed can be read"
        )
    if data is not None and data != keys:
        raise StoreError("this key store belongs to another shop: pass the right key_store=")
