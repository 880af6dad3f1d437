"""New folders that only their owner can read, written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knowingly.errors import StoreError

UNFINISHED = ".unfinished"


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A private folder under another name, which gets its own once it is whole, and on the disk.

    Raises:
        StoreError: The folder has something in it, or there is no folder around it.
    """
    parent = folder.absolute().parent
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} exists already; nothing was done, name another folder")
    if not parent.is_dir():
        raise StoreError(f"the folder {parent} does not exist: create it first")
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=UNFINISHED, dir=parent))
    try:
        yield unfinished
        sync(unfinished)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    sync(parent)


def write_private(path: Path, content: bytes) -> None:
    """A new file that only its owner can read, on the disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """What was written there, or named there, survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
