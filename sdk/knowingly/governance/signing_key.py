"""A new key to sign with: the old one names it in the log, and is destroyed.

1. A new seed is kept in the key store, unless one is waiting there.
2. The log says so, signed by the old key; in the same transaction the new one is in force, and
   signs a checkpoint: whoever knows only the new one can tell that the old one was before it.
3. The old seed is destroyed: who gets hold of the key store later cannot sign for earlier days.

Each step can be repeated. A rotation that stopped after the first is taken on by the next call,
and what the second leaves undone by that or by ``maintain``.
"""

from dataclasses import dataclass

from knowingly.errors import StoreError
from knowingly.ledger import checkpoints, keys
from knowingly.ledger.notes import NoteKey
from knowingly.ledger.signing import SIGNING_ROTATED
from knowingly.store import key_acts
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class SigningRotated:
    """The verifier key in force now, the one it replaced, and the entry that says so.

    Stability: stable.
    """

    key: str
    replaced: str
    entry: int


def rotate_signing(tenancy: Tenancy) -> SigningRotated:
    """Replace the key of one tenant that signs checkpoints, certificates and statements.

    Raises:
        StoreError: Another process did so at the same time, or the key store, from a backup, lacks
            the key in force.
    """
    keyring = tenancy.keyring
    with tenancy.read() as snapshot:
        named = key_acts.latest(snapshot, SIGNING_ROTATED) or 1
        present = keyring.secrets.signing_version(named)
        old = NoteKey(checkpoints.origin(snapshot), keyring.secrets.signing_seed(present))
    if present < named:
        # An older key cannot vouch for who follows the one that is lost.
        raise StoreError(
            "the key store is older than the signing key that the log names, and lacks it: restore "
            "a newer backup of the key store; nothing was replaced"
        )
    version = present + 1
    new = NoteKey(old.name, keyring.secrets.new_signing_seed(version))
    with tenancy.write() as tx:
        if key_acts.latest(tx, SIGNING_ROTATED) >= version:
            raise StoreError("another process replaced the signing key just now")
        entry = keys.announce(
            tx, old, new, version=version, at_us=tenancy.now_us(), seal=keyring.operator.seal
        )
        checkpoints.make(tx, tenancy, at_us=tenancy.now_us())
    sweep_signing(tenancy)
    return SigningRotated(new.verifier_key, old.verifier_key, entry.index)


def sweep_signing(tenancy: Tenancy) -> None:
    """Destroy the seeds of keys that the log says were replaced."""
    with tenancy.read() as snapshot:
        version = key_acts.latest(snapshot, SIGNING_ROTATED)
    if tenancy.keyring.secrets.destroy_signing_seeds(before=version):
        tenancy.keyring.overwrite()
