"""Checkpoints leave the shop: what never left it shows an outsider nothing."""

import os
from collections.abc import Callable
from pathlib import Path

from knowingly.ledger import checkpoints
from knowingly.ledger.checkpoints import Checkpoint
from knowingly.store import checkpoints as rows
from knowingly.tenancy import Tenancy

HandOn = Callable[[str, str], list[str]]
"""Gives ``(tenant, checkpoint)`` to every plugin that wants it; the names of those that failed."""


class Checkpoints:
    """Makes the checkpoints of one tenant, and hands them on."""

    def __init__(self, tenancy: Tenancy, hand_on: HandOn) -> None:
        self._tenancy = tenancy
        self._hand_on = hand_on

    def make(self) -> Checkpoint:
        """The checkpoint of the present size, kept."""
        with self._tenancy.write() as tx:
            return checkpoints.make(tx, self._tenancy, at_us=self._tenancy.now_us())

    def hand_on(self) -> tuple[Checkpoint, list[str]]:
        """Make one where the log grew, and give it to whoever has not got it; what failed."""
        with self._tenancy.write() as tx:
            made = checkpoints.make(tx, self._tenancy, at_us=self._tenancy.now_us())
            kept = rows.of_size(tx, made.size)
        if kept is not None and kept.handed_on:
            return made, []
        failed = [
            f"plugin {name!r} did not take it"
            for name in self._hand_on(self._tenancy.name, made.text)
        ]
        folder = self._tenancy.policy.audit.folder
        if folder:
            failed += put_into(Path(folder), made)
        if not failed:
            with self._tenancy.write() as tx:
                rows.mark_handed_on(tx, made.size)
        return made, failed


def put_into(folder: Path, checkpoint: Checkpoint) -> list[str]:
    """Write a checkpoint into a folder, whole or not at all; what went wrong.

    One that is there is never replaced: another of the same size means that the log was.
    """
    path = folder / f"{checkpoint.origin.replace('/', '-')}-{checkpoint.size:012d}.txt"
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    try:
        if path.exists():
            same = path.read_text(encoding="utf-8") == checkpoint.text
            return [] if same else [f"{path.name} is there and is of another log"]
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                file.write(checkpoint.text)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        return [f"the folder of the policy ({getattr(error, 'strerror', None) or 'no text'})"]
    return []
