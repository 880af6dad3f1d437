"""A tenant's own random secrets, made once and kept; of what signs there are versions.

They are wrapped by the tenant's key and by no subject's, so they outlive every person.
"""

import os
from collections.abc import Collection, Sequence

from knowingly.errors import StoreError
from knowingly.store import keys as key_rows
from knowingly.store import tenant_keys
from knowingly.store.database import Database
from knowingly.store.keys import KeyTx
from knowingly.vault.seal import Cipher, version_of
from knowingly.vault.tenant_key import TenantKey, again
from knowingly.vault.wrapping import KEY_BYTES

SIGNING = "signing"
LOOKUP = "lookup"
SECRETS = (LOOKUP, "operator", "token", "backup")
"""Made once and kept; beside them is at least one version of what signs."""


class TenantSecrets:
    """The secrets of one tenant; those that it lacks are made."""

    def __init__(self, database: Database, tenant_key: TenantKey) -> None:
        self._database, self._tenant_key = database, tenant_key
        self._known = self._found_or_made()

    def __repr__(self) -> str:
        return "TenantSecrets()"

    def __getitem__(self, name: str) -> bytes:
        """One of ``SECRETS``, 32 bytes."""
        return self._known[name]

    def signing_version(self, version: int) -> int:
        """This version of what signs, or the newest there is where it is not in the key store.

        So it is where data and key store are not of the same day: one of them was restored.
        """
        if _signing(version) not in self._known:
            self._known = again(self._stored)
        versions = [found for found in map(_signing_version, self._known) if found]
        return version if version in versions else max(versions)

    def signing_seed(self, version: int) -> bytes:
        """The 32 bytes that a version of the tenant's Ed25519 key is made of."""
        there = self.signing_version(version)
        return self._known[_signing(there)]

    def new_signing_seed(self, version: int) -> bytes:
        """Keep a new random seed under this version, unless one is kept already; that one."""
        name = _signing(version)
        with self._database.writing(alone=True) as connection:
            secrets = open_secrets(connection, self._tenant_key)
            if name not in secrets:
                self._add(connection, secrets, [name])
        self._known = secrets
        return secrets[name]

    def destroy_signing_seeds(self, *, before: int) -> bool:
        """Delete the seeds of versions before this one, where it is there; whether any was."""
        old = [name for name in self._known if 0 < _signing_version(name) < before]
        if not old or _signing(before) not in self._known:
            return False
        with self._database.writing() as connection:
            for name in old:
                key_rows.delete_tenant_secret(connection, self._tenant_key.tenant, name)
        self._known = again(self._stored)
        return True

    def _found_or_made(self) -> dict[str, bytes]:
        secrets = again(self._stored)
        if not _lacking(secrets):
            return secrets
        with self._database.writing(alone=True) as connection:
            secrets = open_secrets(connection, self._tenant_key)
            if LOOKUP not in secrets and self._has_people(connection):
                # A new one would find nobody, and no tombstone of who was erased.
                raise StoreError(
                    "the key store has lost a secret of this shop, by which people are found: "
                    "restore it from its own backup"
                )
            self._add(connection, secrets, _lacking(secrets))
        return secrets

    def _has_people(self, connection: KeyTx) -> bool:
        return bool(key_rows.count_by_version(connection, self._tenant_key.tenant))

    def _stored(self) -> dict[str, bytes]:
        with self._database.reading() as connection:
            return open_secrets(connection, self._tenant_key)

    def _add(self, connection: KeyTx, secrets: dict[str, bytes], names: Sequence[str]) -> None:
        tenant, wrapping = self._tenant_key.tenant, self._tenant_key.newest
        if wrapping.version != tenant_keys.newest(connection, tenant):
            raise StoreError("the tenant's key was replaced while the shop was opened; try again")
        for name in names:
            secrets[name] = os.urandom(KEY_BYTES)
            sealed = seal_secret(wrapping, name, secrets[name])
            key_rows.add_tenant_secret(connection, tenant, name, sealed)


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
