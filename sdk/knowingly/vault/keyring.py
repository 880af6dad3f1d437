"""The keyring of one tenant: the chain of its keys, and all that rests on it.

Root key -> tenant key (wraps only) -> a random key per subject and a few random secrets of the
tenant. A subject's key is never derived from another: destroying it is the end of it.
"""

import hashlib

from knowingly.store import keys as key_rows
from knowingly.store import root_versions, tenant_keys
from knowingly.store.database import Database
from knowingly.store.root_versions import RootRow
from knowingly.store.tenant_keys import TenantKeyRow
from knowingly.vault.names import Names
from knowingly.vault.seal import Cipher
from knowingly.vault.shredding import Shredding
from knowingly.vault.tenant_key import TenantKey
from knowingly.vault.tenant_secrets import TenantSecrets
from knowingly.vault.wrapping import KEY_BYTES, Wrapping


class Keyring(Names, Shredding):
    """The keys of one tenant.

    Rooms ask it for what they seal with and for what a person is called, at each event. So it is
    its parts, rather than an object that hands a score of calls on to them.
    """

    def __init__(self, database: Database, roots: Wrapping, tenant: str, *, at_us: int) -> None:
        Shredding.__init__(self, database, TenantKey(database, roots, tenant, at_us=at_us))
        self.secrets = TenantSecrets(database, self.tenant_key)
        Names.__init__(self, self.secrets["lookup"])
        self.operator = Cipher(self.secrets["operator"], tenant=tenant, key_id=b"operator")
        self.token = Cipher(self.secrets["token"], tenant=tenant, key_id=b"token")

    def __repr__(self) -> str:
        return "Keyring()"

    @property
    def tenant(self) -> str:
        """Whose keys they are."""
        return self._tenant

    @property
    def backup_seed(self) -> bytes:
        """The 32 bytes that sign backups: a key of its own, since an old backup must still verify.

        The keys that sign the log are replaced and destroyed, and with them what they could prove.
        """
        return self.secrets["backup"]

    def training_cipher(self, training: int) -> Cipher:
        """What seals the models of one training, so that nobody without keys can write them.

        It rests on the secret that a rotation keeps, so what was sealed before one opens after it.
        """
        key = hashlib.blake2b(
            training.to_bytes(8, "big"),
            digest_size=KEY_BYTES,
            key=self.secrets["lookup"],
            person=b"training",
        ).digest()
        return Cipher(key, tenant=self._tenant, key_id=b"training")

    def first_version(self, key_id: bytes) -> int:
        """The version of the tenant's key under which a person's first key was kept.

        1, the earliest there can be, where the key is lost.
        """
        with self._database.reading() as connection:
            return key_rows.first_version(connection, self._tenant, key_id) or 1

    def take_over(self, key_id: bytes, other: bytes) -> None:
        """Old copies of what was sealed under ``other`` are copies of this person from now on."""
        version = self.first_version(other)
        with self._database.writing() as connection:
            key_rows.lower_first_version(connection, self._tenant, key_id, version)

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
