"""Root keys of one's own: 32 random bytes each, in the environment or in a private file."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from knowingly.errors import RootKeyError, SealError
from knowingly.vault import key_file
from knowingly.vault.seal import Cipher
from knowingly.vault.wrapping import KEY_BYTES, tenant_context

ENVIRONMENT = "KNOWINGLY_ROOT_KEY"
DEFAULT_FILE = Path("knowingly.key")
_CURE = f"run 'knowingly init', or set {ENVIRONMENT}; a lost root key cannot be replaced"
_NAME_BYTES = 8
_FORMAT = b"\x02"
_SEALED_AT = len(_FORMAT) + _NAME_BYTES


class LocalRootKeys:
    """Root keys in a variable, white space between them, newest first.

    A version's name is a fingerprint of its key that helps nobody to find the key. The source is
    read again whenever another key could be in it, so that processes follow a rotation.

    Stability: internal.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._keys = self._read()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def version(self) -> str:
        """The name of the first key, as the source is now."""
        return self.versions[0]

    @property
    def versions(self) -> list[str]:
        """The names of every key, newest first, as the source is now."""
        self._keys = self._read()
        return list(self._keys)

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """Encrypt under the first key."""
        name, root = next(iter(self._read().items()))
        return _wrapped(name, root, key, context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt under the key that the wrapped bytes name.

        Raises:
            RootKeyError: That key is not in the source.
            SealError: The bytes were changed, or belong elsewhere.
        """
        name = version_of(wrapped)
        root = self._keys.get(name)
        if root is None:
            self._keys = self._read()
            root = self._keys.get(name)
        if root is None:
            raise RootKeyError(
                f"the root key {name}, which wrapped this shop's keys, is not here; here are "
                f"{', '.join(self._keys)}: put it back from its backup, below the newest",
                source=self.source,
            )
        return _cipher(root).open("root", context, wrapped[_SEALED_AT:])

    def adopt(self, wrapped: bytes, tenant: str) -> bytes:
        """Wrap again, under the same key, what was wrapped before root keys had versions.

        Raises:
            RootKeyError: No key of the source opens it.
        """
        for name, root in self._keys.items():
            info = b"knowingly/tenant-key/" + tenant.encode()
            outer = Cipher(_derived(root, info), tenant=tenant, key_id=b"root")
            try:
                key = outer.open("tenant_keys", b"1", wrapped)
            except SealError:
                continue
            return _wrapped(name, root, key, tenant_context(tenant, 1))
        raise RootKeyError("this root key does not open this shop's key store", source=self.source)

    def _read(self) -> dict[str, bytes]:
        return {fingerprint(key): key for key in self._source_keys()}

    def _source_keys(self) -> list[bytes]:
        name = self.source.removeprefix("env:")
        if name not in os.environ:
            raise RootKeyError(f"the environment has no {name}: {_CURE}", source=self.source)
        return key_file.decoded(os.environ[name], self.source)


class FileRootKeys(LocalRootKeys):
    """Root keys in a file, one a line; this one can be given new keys, and rid of old ones.

    Stability: internal.
    """

    def renew(self) -> None:
        """Put a new random key on the first line.

        Raises:
            RootKeyError: The file cannot be replaced.
        """
        fresh = os.urandom(KEY_BYTES)
        key_file.change(
            Path(self.source),
            lambda keys: [fresh, *keys],
            by_hand="put a new key on its first line yourself and rotate again",
        )

    def destroy(self, version: str) -> None:
        """Take a key out of the file, and overwrite what the file was.

        Raises:
            RootKeyError: It is the newest, or the file cannot be replaced.
        """

        def without(keys: list[bytes]) -> list[bytes]:
            if fingerprint(keys[0]) == version:
                raise RootKeyError("its first key is in use", source=self.source)
            return [key for key in keys if fingerprint(key) != version]

        key_file.change(
            Path(self.source),
            without,
            by_hand=f"take {version} out yourself, then run knowingly keys destroyed {version}",
        )
        self._keys = self._read()

    def _source_keys(self) -> list[bytes]:
        return key_file.read(Path(self.source), _CURE)


def local_root_keys(source: str | Path | None = None) -> LocalRootKeys:
    """The root keys of a file or a variable.

    Args:
        source: A key file, ``"env:NAME"``, or None for the environment's ``KNOWINGLY_ROOT_KEY``
            and then ``knowingly.key`` in the working folder.

    Raises:
        RootKeyError: There is none, it is malformed, or other users can read the file.

    Stability: stable.
    """
    if source is None:
        source = f"env:{ENVIRONMENT}" if ENVIRONMENT in os.environ else DEFAULT_FILE
    text = str(source)
    return LocalRootKeys(text) if text.startswith("env:") else FileRootKeys(text)


def write_root_key(path: Path) -> None:
    """Make a new root key file, readable by its owner only; never overwrites.

    Raises:
        RootKeyError: The file exists.

    Stability: stable.
    """
    try:
        key_file.create(path, os.urandom(KEY_BYTES))
    except FileExistsError:
        raise RootKeyError(
            "exists already; a shop's key is never overwritten", source=str(path)
        ) from None


def fingerprint(root: bytes) -> str:
    """A root key's public name, 16 hex digits: derived, so that it says nothing of the key."""
    return _derived(root, b"knowingly/root-name", _NAME_BYTES).hex()


def version_of(wrapped: bytes) -> str:
    """The name of the root key that wrapped these bytes.

    Raises:
        SealError: They are of an unknown form.
    """
    if wrapped[:1] != _FORMAT:
        raise SealError("what wraps a tenant's key is of an unknown form")
    return wrapped[len(_FORMAT) : _SEALED_AT].hex()


def _wrapped(name: str, root: bytes, key: bytes, context: bytes) -> bytes:
    return _FORMAT + bytes.fromhex(name) + _cipher(root).seal("root", context, key)


def _cipher(root: bytes) -> Cipher:
    return Cipher(_derived(root, b"knowingly/wrap"), tenant="", key_id=b"root")


def _derived(root: bytes, info: bytes, size: int = KEY_BYTES) -> bytes:
    return HKDF(SHA256(), size, salt=None, info=info).derive(root)
