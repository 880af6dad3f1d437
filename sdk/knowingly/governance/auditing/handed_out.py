"""What leaves the shop, so that others can check the log without it."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path

from knowingly.errors import InputError, TamperedError
from knowingly.governance.auditing.bounds import check_int
from knowingly.ledger import bundle, checkpoints, proofs
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Consistency:
    """That a log only grew: ``proof`` leads from the old root to that of ``checkpoint``.

    Hashes are base64, as RFC 9162 section 2.1.4 orders them.

    Stability: stable.
    """

    old_size: int
    size: int
    proof: tuple[str, ...]
    checkpoint: str


def consistency(snapshot: Snapshot, tenancy: Tenancy, old_size: int) -> Consistency:
    """Show that the log of an earlier size is the beginning of that of now.

    Raises:
        InputError: ``old_size`` is not from 1 to the size of now.
        TamperedError: A stored node is missing.
    """
    size = snapshot.head.ledger_size
    check_int(old_size, "old_size", 1, size)
    note = checkpoints.current(snapshot, tenancy)
    try:
        hashes = proofs.consistency(snapshot, old_size, size)
    except LookupError:
        raise TamperedError("a node above it is missing", index=old_size - 1) from None
    spelled = tuple(base64.b64encode(one).decode() for one in hashes)
    return Consistency(old_size, size, spelled, note)


def write_bundle(tenancy: Tenancy, path: str | Path) -> int:
    """Write the whole log into a new file; how many entries it has.

    Raises:
        InputError: The file is there already.
        TamperedError: The log does not hold what its checkpoints were made of.
        OSError: The file cannot be written.
    """
    try:
        path = Path(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except (FileExistsError, IsADirectoryError, TypeError, ValueError):
        raise InputError("path", "a file that is not there yet") from None
    try:
        with os.fdopen(descriptor, "wb") as file, tenancy.read() as snapshot:
            file.writelines(bundle.lines(snapshot, tenancy))
            file.flush()
            os.fsync(file.fileno())
            return snapshot.head.ledger_size
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, LookupError | ValueError) and not isinstance(error, OSError):
            raise TamperedError("a checkpoint is not of this log", index=0) from None
        raise
