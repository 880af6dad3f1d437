"""What a root key does, whoever keeps it: wrap and unwrap the keys of tenants.

A plugin or an app gives an object of this shape; only ``Wrapping`` calls it, so that nothing it
says, and no key, gets into a message of ours.
"""

import hmac
import re
from collections.abc import Callable
from inspect import getattr_static
from typing import Protocol, TypeVar, runtime_checkable

from knowingly.errors import KnowinglyError, RootKeyError
from knowingly.vault.seal import place

T = TypeVar("T")

KEY_BYTES = 32
MAX_WRAPPED_BYTES = 65_536
_NAME = re.compile(r"[!-~]{1,200}\Z")
_TRIES = 3


@runtime_checkable
class RootKeys(Protocol):
    """The root key, in versions: a file's, or those of a key management service.

    Two more methods are optional. ``renew()`` makes a new version and makes it the current one.
    ``destroy(version)`` destroys an old one for good, and is content where it is gone already.
    Every method can be called by any thread, and none while a page is made, except when a process
    first meets a version.

    Stability: plugin.
    """

    @property
    def version(self) -> str:
        """The public name of the current version; it gets into the log and onto certificates."""

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """Encrypt a key of 32 bytes under the current version.

        ``context`` is public and must be authenticated with it: what was wrapped for one context
        must not open in another. The result has to lead to the version that made it.
        """

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt what ``wrap`` gave, also under an earlier version that is not destroyed."""


def is_root_keys(found: object) -> bool:
    """Whether this has the shape of ``RootKeys``."""
    try:
        return (
            callable(getattr(found, "wrap", None))
            and callable(getattr(found, "unwrap", None))
            # A property may ask a service that is away now: it says so when it is needed.
            and (
                isinstance(getattr_static(found, "version", None), property)
                or isinstance(getattr(found, "version", None), str)
            )
        )
    except Exception:
        # Somebody else's property can raise anything.
        return False


def tenant_context(tenant: str, version: int) -> bytes:
    """What a tenant's key is wrapped for: it opens for no other tenant and no other version."""
    return place(b"tenant_keys", tenant.encode(), str(version).encode())


class Wrapping:
    """The one caller of root keys: checks what they give, and repeats nothing they say."""

    def __init__(self, keys: RootKeys, source: str) -> None:
        self.keys = keys
        self._source = source

    def __repr__(self) -> str:
        return "Wrapping()"

    @property
    def version(self) -> str:
        """The name of the current version.

        Raises:
            RootKeyError: It cannot be had, or is no name.
        """
        name = self._guarded("version", lambda: self.keys.version)
        if not isinstance(name, str) or not _NAME.match(name):
            raise self.error("its version is no name: 1 to 200 printable characters, no spaces")
        return name

    def wrap(self, key: bytes, tenant: str, version: int) -> tuple[str, bytes]:
        """``(root version, wrapped)`` of one version of a tenant's key, which opens again.

        Raises:
            RootKeyError: It cannot be wrapped, or not be unwrapped again.
        """
        context = tenant_context(tenant, version)
        for _ in range(_TRIES):
            root = self.version
            wrapped = self._guarded("wrap", lambda: self.keys.wrap(key, context=context))
            if not isinstance(wrapped, bytes) or not 0 < len(wrapped) <= MAX_WRAPPED_BYTES:
                raise self.error("wrap gave no bytes, or too many")
            self._check_opens(wrapped, key, context)
            # Another process may have made a new version in between: whose is this?
            if root == self.version:
                return root, wrapped
        raise self.error("its version changes all the time")

    def unwrap(self, wrapped: bytes, root: str, tenant: str, version: int) -> bytes:
        """One version of a tenant's key, which ``root`` wrapped.

        Raises:
            RootKeyError: That version is not there, or does not open it.
        """
        cure = f": give back root key version {root}, which wrapped this shop's keys"
        context = tenant_context(tenant, version)
        return self._unwrapped(wrapped, context, f"unwrap, of version {root}", cure)

    def renew(self) -> bool:
        """Make a new version where these root keys can do that; whether they can."""
        return self._optional("renew")

    def destroy(self, root: str) -> bool:
        """Destroy an old version where these root keys can do that; whether they can."""
        return self._optional("destroy", root)

    def error(self, message: str) -> RootKeyError:
        """An error that says where the root key is."""
        return RootKeyError(message, source=self._source)

    def _check_opens(self, wrapped: bytes, key: bytes, context: bytes) -> None:
        """Before anything rests on what was wrapped: afterwards there would be no way back."""
        found = self._unwrapped(wrapped, context, "unwrap", ", of what wrap had just given")
        if not hmac.compare_digest(found, key):
            raise self.error("unwrap does not give back what wrap was given; nothing was kept")

    def _unwrapped(self, wrapped: bytes, context: bytes, what: str, cure: str) -> bytes:
        key = self._guarded(what, lambda: self.keys.unwrap(wrapped, context=context), cure=cure)
        if not isinstance(key, bytes) or len(key) != KEY_BYTES:
            raise self.error("unwrap gave no key of 32 bytes")
        return key

    def _optional(self, name: str, *values: str) -> bool:
        method = getattr(self.keys, name, None)
        if method is None:
            return False
        self._guarded(name, lambda: method(*values))
        return True

    def _guarded(self, what: str, call: Callable[[], T], *, cure: str = "") -> T:
        try:
            return call()
        except KnowinglyError:
            raise
        except Exception as error:
            failed = f"failed in {what} ({type(error).__name__}){cure}"
        # Raised here, outside, so that not even the chain of errors has what it said.
        raise self.error(failed)
