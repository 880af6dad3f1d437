"""Who signed the checkpoints that are kept, as far as one key that is known vouches for it.

Whoever can write to the database can name keys of their own in a log of their own. So what the log
names counts only where it leads to a key that is known from elsewhere: the shop's own, or one that
was handed out. A known key vouches for every key that it named as the next one, and, by a
checkpoint that it or one of those signed, for whatever the log of that size says, also of the keys
before it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from knowingly.errors import TamperedError
from knowingly.ledger import keys, verifier
from knowingly.ledger.verifier import Checkpoint, VerificationError, VerifierKey
from knowingly.store import checkpoints
from knowingly.store import ledger as rows
from knowingly.store.doors import Snapshot


class KnownKey(NamedTuple):
    """A key that is known from elsewhere; ``signs_now`` where it is the shop's own of today.

    One of today signs whatever the log names: data or key store may come from a backup.
    """

    key: VerifierKey
    signs_now: bool


class _Rotation(NamedTuple):
    """An entry that names the next key, signed by the one before; ``size`` is the log's with it."""

    size: int
    by: VerifierKey
    key: VerifierKey


def check(snapshot: Snapshot, known: KnownKey) -> None:
    """Refuse checkpoints that the known key does not vouch for; their roots were compared before.

    Raises:
        TamperedError: One is signed by none of the log's keys, or by keys that the known one does
            not vouch for.
    """
    rotations = list(_rotations(snapshot))
    vouched = {known.key.text}
    for one in rotations:
        if one.by.text in vouched:
            vouched.add(one.key.text)
    good, doubtful, named_by = 0, 0, 0
    for row in checkpoints.every(snapshot):
        checkpoint = Checkpoint.parse(row.note)
        signed_by = list(_signers(checkpoint, known, rotations))
        if not signed_by:
            raise TamperedError(
                f"the checkpoint of size {row.size} is not signed by the key that was in force",
                index=good,
            )
        if any(key.text in vouched for key, _ in signed_by):
            doubtful = 0 if row.size >= named_by else doubtful
        else:
            doubtful = doubtful or row.size
            named_by = max(named_by, row.size, min(size for _, size in signed_by))
        good = row.size
    if doubtful:
        raise TamperedError(
            f"the checkpoint of size {doubtful} is signed by a key that yours does not vouch for",
            index=doubtful - 1,
        )


def _signers(
    checkpoint: Checkpoint, known: KnownKey, rotations: Sequence[_Rotation]
) -> Iterator[tuple[VerifierKey, int]]:
    """The keys that may have signed a checkpoint and did, each with the size that names it."""
    if known.signs_now or not any(one.by.text == known.key.text for one in rotations):
        yield from _if_signed(checkpoint, known.key, 0)
    before = [one for one in rotations if one.size <= checkpoint.size]
    if before:
        yield from _if_signed(checkpoint, before[-1].key, before[-1].size)
    if len(before) < len(rotations):
        following = rotations[len(before)]
        # After a restore a newer key may have signed than the log had named by then.
        yield from _if_signed(checkpoint, following.by, following.size)


def _if_signed(
    checkpoint: Checkpoint, key: VerifierKey, size: int
) -> Iterator[tuple[VerifierKey, int]]:
    try:
        checkpoint.must_be_signed_by(key)
    except VerificationError:
        return
    yield key, size


def _rotations(snapshot: Snapshot) -> Iterator[_Rotation]:
    """What the log says of its keys, in order.

    Raises:
        TamperedError: An entry that should name a key does not, or is not signed by its own.
    """
    try:
        indices = keys.announced(snapshot)
    except (ValueError, TypeError, LookupError):
        raise TamperedError("what names the signing keys cannot be read", index=0) from None
    if indices and not 0 <= indices[0] <= indices[-1] < snapshot.head.ledger_size:
        raise TamperedError("it should name a signing key", index=snapshot.head.ledger_size)
    leaves = rows.leaves_of(snapshot, indices)
    for index in indices:
        try:
            said = verifier.read_entry(leaves.get(index, b""))
            chain = verifier.Keys([VerifierKey.parse(str(said.get("by")))])
            chain.follow(said, index)
        except VerificationError as error:
            raise TamperedError(error.why, index=index) from None
        yield _Rotation(index + 1, *chain.chain)
