"""The root key: 32 random bytes in the environment or in a file only its owner can read."""

import base64
import binascii
import os
import stat
from pathlib import Path

from knowingly.errors import RootKeyError

ENVIRONMENT = "KNOWINGLY_ROOT_KEY"
DEFAULT_FILE = Path("knowingly.key")
KEY_BYTES = 32
_CURE = f"run 'knowingly init', or set {ENVIRONMENT}; a lost root key cannot be replaced"


def load_root_key(source: str | Path | None) -> bytes:
    """The root key from ``source``.

    Args:
        source: A key file, ``"env:NAME"``, or None for the environment's ``KNOWINGLY_ROOT_KEY``
            and then ``knowingly.key`` in the working folder.

    Raises:
        RootKeyError: There is none, it is malformed, or other users can read the file.
    """
    if source is None:
        source = f"env:{ENVIRONMENT}" if ENVIRONMENT in os.environ else DEFAULT_FILE
    if isinstance(source, str) and source.startswith("env:"):
        name = source.removeprefix("env:")
        if name not in os.environ:
            raise RootKeyError(f"the environment has no {name}: {_CURE}", source=source)
        return _decoded(os.environ[name], source)
    path = Path(source)
    try:
        # The open file is what is checked, so that nobody can swap it in between.
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(4_096)
    except OSError as error:
        raise RootKeyError(
            f"no root key here ({error.strerror}): {_CURE}", source=str(path)
        ) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise RootKeyError(f"other users can read it: chmod 600 {path}", source=str(path))
    return _decoded(text.decode("ascii", "replace"), str(path))


def write_root_key(path: Path) -> None:
    """Make a new root key file, readable by its owner only; never overwrites.

    Raises:
        RootKeyError: The file exists.

    Stability: stable.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise RootKeyError(
            "exists already; a shop's key is never overwritten", source=str(path)
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.urlsafe_b64encode(os.urandom(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _decoded(text: str, source: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise RootKeyError("not a root key: expected 32 bytes in base64url", source=source)
    return key
