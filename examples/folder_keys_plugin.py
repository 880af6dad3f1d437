"""Root keys from somewhere else than a file or a variable: here, a folder with a file a version.

A key management service fits the same shape: ``wrap`` and ``unwrap`` call it, ``version`` names its
current key, and the ciphertext it returns leads to the key that made it. Name the module in
``pyproject.toml`` and open the shop with ``keys="folder:///run/secrets/shop"``::

    [project.entry-points.knowingly]
    folder_keys = "your_package.folder_keys"
"""

import os
import time
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from knowingly import RootKeys, hookimpl

SCHEME = "folder://"
NONCE_BYTES = 12


class FolderKeys:
    """One file of 32 random bytes for each version; the last by name is the current one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def version(self) -> str:
        """The name of the newest file."""
        return max(path.name for path in self.folder.iterdir())

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """The version's name, a nonce, and the encrypted key."""
        version, nonce = self.version, os.urandom(NONCE_BYTES)
        return version.encode() + b"\0" + nonce + self._cipher(version).encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt under the version that the wrapped bytes name."""
        version, _, body = wrapped.partition(b"\0")
        nonce, sealed = body[:NONCE_BYTES], body[NONCE_BYTES:]
        return self._cipher(version.decode()).decrypt(nonce, sealed, context)

    def renew(self) -> None:
        """Make a new version, which is the current one from now on."""
        name = f"v{time.time_ns():020d}"
        descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())

    def destroy(self, version: str) -> None:
        """Remove an old version; a real store would shred it, and its backups."""
        (self.folder / version).unlink(missing_ok=True)

    def _cipher(self, version: str) -> AESGCM:
        return AESGCM((self.folder / version).read_bytes())


@hookimpl
def knowingly_root_keys(source: str) -> RootKeys | None:
    """The keys of a ``folder://`` source; None for any other."""
    return FolderKeys(Path(source.removeprefix(SCHEME))) if source.startswith(SCHEME) else None
