"""What somebody outside holds of a log, a checkpoint or a key, and whether the log fits it."""

from knowingly.errors import InputError, TamperedError
from knowingly.ledger import checkpoints, keys, verifier
from knowingly.ledger.signers import KnownKey
from knowingly.ledger.verifier import VerifierKey
from knowingly.ledger.verify import holds
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy


def read_checkpoint(text: object, field: str) -> verifier.Checkpoint:
    """A checkpoint as text, read.

    Raises:
        InputError: It is none.
    """
    try:
        return verifier.Checkpoint.parse(str(text))
    except verifier.VerificationError:
        raise InputError(field, "a signed checkpoint") from None


def known_key(snapshot: Snapshot, key: str | None) -> KnownKey | None:
    """A verifier key that somebody holds, checked to be of this log.

    Raises:
        InputError: It is none.
    """
    if key is None:
        return None
    try:
        held = VerifierKey.parse(str(key))
    except verifier.VerificationError as error:
        raise InputError("key", f"a verifier key: what was given {error.why}") from None
    if held.name != checkpoints.origin(snapshot):
        raise InputError("key", "a verifier key of this log, as audit key prints it")
    return KnownKey(held, signs_now=False)


def must_begin_with(snapshot: Snapshot, kept: verifier.Checkpoint) -> None:
    """Refuse a log that does not go on from a checkpoint; its nodes were verified before.

    Raises:
        TamperedError: It does not.
    """
    size = snapshot.head.ledger_size
    if not holds(snapshot, kept):
        raise TamperedError(
            f"the log does not begin with the {kept.size:,} entries of the checkpoint you hold",
            index=0 if kept.size <= size else size,
        )


def must_be_signed(snapshot: Snapshot, tenancy: Tenancy, kept: verifier.Checkpoint) -> None:
    """Refuse a checkpoint that the key in force at its size did not sign.

    Raises:
        InputError: It did not.
    """
    signer = keys.in_force(snapshot, tenancy, kept.size)
    try:
        kept.must_be_signed_by(VerifierKey.parse(signer))
    except verifier.VerificationError as error:
        raise InputError("since", f"a checkpoint of this log: {error.why}") from None
