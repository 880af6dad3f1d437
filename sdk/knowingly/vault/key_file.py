"""The key file: one root key a line, newest first, for its owner's eyes only.

A changed file takes the place of the old one whole: written beside it, synced, and renamed. The old
file is kept under another name until then, overwritten, and removed, so that a key taken out of the
file is in none. Whatever a crash leaves beside the file, the next change overwrites first.
"""

import base64
import binascii
import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from knowingly.errors import RootKeyError
from knowingly.folders import sync

KEY_BYTES = 32
MAX_FILE_BYTES = 65_536


def read(path: Path, cure: str) -> list[bytes]:
    """The keys of a file, newest first.

    Raises:
        RootKeyError: There is no such file, other users can read it, or it holds something else.
    """
    try:
        # The open file is what is checked, so that nobody can swap it in between.
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise RootKeyError(
            f"no root key here ({error.strerror}): {cure}", source=str(path)
        ) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise RootKeyError(f"other users can read it: chmod 600 {path}", source=str(path))
    return decoded(text.decode("ascii", "replace"), str(path))


def decoded(text: str, source: str) -> list[bytes]:
    """The keys of a text, with white space between them.

    Raises:
        RootKeyError: One of them is no key, or there is none.
    """
    keys = [_key(word) for word in text.split()]
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise RootKeyError("not a root key: expected 32 bytes in base64url", source=source)
    return keys


def _key(word: str) -> bytes:
    try:
        return base64.b64decode(word, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def create(path: Path, key: bytes) -> None:
    """Make a key file that only its owner can read; never overwrites."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    _write(descriptor, [key])


def change(path: Path, changed: Callable[[list[bytes]], Sequence[bytes]], *, by_hand: str) -> None:
    """Replace the keys of a file by what ``changed`` makes of them; one process at a time.

    Args:
        path: The file.
        changed: Given the keys, newest first, and gives those there should be.
        by_hand: What its owner can do instead, where this program may not write there.

    Raises:
        RootKeyError: The file cannot be read or replaced; it is as it was.
    """
    path = Path(os.path.realpath(path))
    fresh, old = (path.with_name(f"{path.name}.{suffix}") for suffix in ("new", "old"))
    try:
        with _alone(path.parent):
            _clear(fresh)
            _clear(old, same=path)
            keys = changed(read(path, "put it back"))
            _write(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), keys)
            os.link(path, old)
            fresh.replace(path)
            sync(path.parent)
            _clear(old)
            sync(path.parent)
    except OSError as error:
        raise RootKeyError(
            f"the key file cannot be replaced ({error.strerror}): let this program write in its "
            f"folder, or {by_hand}",
            source=str(path),
        ) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two processes that change the file at once would lose a key, and all that it wraps."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(descriptor: int, keys: Sequence[bytes]) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(base64.urlsafe_b64encode(key) + b"\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())


def _clear(path: Path, *, same: Path | None = None) -> None:
    """Overwrite a file and remove it; only its name goes while it is still the ``same`` file."""
    if not path.exists():
        return
    if same is None or not path.samefile(same):
        with path.open("r+b") as file:
            file.write(bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
    path.unlink()
