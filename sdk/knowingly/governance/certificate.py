"""The certificate of an erasure: a signed statement that names no person."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from knowingly.errors import InputError
from knowingly.ledger.signing import SIGNING_ROTATED, is_signed
from knowingly.ledger.verifier import VerificationError, VerifierKey


@dataclass(frozen=True, slots=True)
class Addendum:
    """What came after a certificate: a root key it names was destroyed, or a new key signs; signed.

    Stability: stable.
    """

    statement: Mapping[str, Any]
    public_key: str
    signature: str

    def is_genuine(self) -> bool:
        """Whether the statement is what the owner of ``public_key`` signed."""
        return is_signed(self.public_key, self.signature, self.statement)

    def names_keys(self) -> set[str]:
        """The public key, base64, that the signer names as the one that follows its own."""
        if self.statement.get("act") != SIGNING_ROTATED:
            return set()
        try:
            named = VerifierKey.parse(str(self.statement.get("key")))
        except VerificationError:
            return set()
        return {base64.b64encode(named.public).decode()}

    def to_json(self) -> str:
        """The addendum as a document."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, document: str) -> "Addendum":
        """The addendum of ``to_json``.

        Raises:
            InputError: The document is no addendum.
        """
        return _signed(cls, _read(document))


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was erased, signed by the tenant; it names no person.

    ``statement`` is plain JSON; ``is_genuine`` checks the signature over it, and over the
    ``addenda``: what was signed later of the root keys that it names.

    Stability: stable.
    """

    statement: Mapping[str, Any]
    public_key: str
    signature: str
    addenda: tuple[Addendum, ...] = ()

    def is_genuine(self) -> bool:
        """Whether everything it says is what the owner of ``public_key`` signed.

        Of what was signed later by another key: whether that key was named by one before it.
        """
        # First, because a document can hold anything in the place of a key.
        if not is_signed(self.public_key, self.signature, self.statement):
            return False
        trusted = {self.public_key}
        for one in self.addenda:
            if not one.is_genuine() or one.public_key not in trusted:
                return False
            trusted |= one.names_keys()
        return True

    @property
    def horizon(self) -> str | None:
        """When the last root key was destroyed that opened an old copy; None while one does."""
        destroyed = {one.statement.get("root"): one.statement.get("at") for one in self.addenda}
        dates = [destroyed.get(root) for root in self.root_keys]
        known = [date for date in dates if isinstance(date, str)]
        return max(known) if known and len(known) == len(dates) else None

    @property
    def root_keys(self) -> list[str]:
        """The root keys that opened copies of the key store made before the erasure."""
        told = self.statement.get("old_copies")
        return list(told.get("root_keys", ())) if isinstance(told, Mapping) else []

    def to_json(self) -> str:
        """The certificate as a document that can be handed over."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, document: str) -> "Certificate":
        """The certificate of ``to_json``.

        Raises:
            InputError: The document is no certificate.
        """
        value = _read(document)
        made = _signed(cls, value)
        addenda = value.get("addenda", [])
        if not isinstance(addenda, list):
            raise _no_document()
        return cls(
            made.statement,
            made.public_key,
            made.signature,
            tuple(_signed(Addendum, one) for one in addenda),
        )

    def summary(self) -> str:
        """The certificate in a few lines, for a person."""
        told = self.statement
        removed = ", ".join(f"{number} {table}" for table, number in told["removed"].items())
        models = ", ".join(f"{name} ({how})" for name, how in told["models"].items())
        kept = "; ".join(f"{one['what']} until {one['until']}" for one in told["kept"])
        return (
            f"Erased {told['finished']} (ledger entries {told['begun_entry']} and "
            f"{told['done_entry']}).\n"
            f"Rows removed: {removed}.\n"
            f"Models that had learned: {models or 'none'}.\n"
            f"Key: destroyed, {told['key']}.\n"
            f"Old copies of the key store: {self._old_copies()}.\n"
            f"Recipients: {self._recipients()}.\n"
            f"Kept: {kept}."
            f"{self._not_in_the_backup()}"
        )

    def _not_in_the_backup(self) -> str:
        """What an erasure that was done again in restored data could not read; a line, or none."""
        lacking = self.statement.get("not_in_the_backup", ())
        told = "; ".join(f"{one['what']}: {one['why']}" for one in lacking)
        return f"\nNot in the backup that this data is from: {told}." if told else ""

    def _recipients(self) -> str:
        told = [
            f"{one['recipient']} {'told ' + one['told'] if one['told'] else 'not told yet'}"
            for one in self.statement.get("recipients", ())
        ]
        return "; ".join(told) or "none on record"

    def _old_copies(self) -> str:
        told = self.statement.get("old_copies")
        if not isinstance(told, Mapping):
            return "what the statement says of them"
        if self.horizon is not None:
            return f"open nothing of this person since {self.horizon}"
        named = f"opened by root key {', '.join(self.root_keys)}"
        until = told["until"]
        if until is None:
            return f"{named}; no date for its destruction is promised"
        return f"{named}, whose destruction is promised by {until}"


Signed = TypeVar("Signed", Addendum, Certificate)


def _read(document: str) -> dict[str, Any]:
    try:
        value = json.loads(document)
    except (TypeError, ValueError, RecursionError):
        raise _no_document() from None
    if not isinstance(value, dict):
        raise _no_document()
    return value


def _signed(kind: type[Signed], value: object) -> Signed:
    if isinstance(value, Mapping):
        statement = value.get("statement")
        public_key, signature = value.get("public_key"), value.get("signature")
        if (
            isinstance(public_key, str)
            and isinstance(signature, str)
            and isinstance(statement, Mapping)
        ):
            return kind(statement, public_key, signature)
    raise _no_document()


def _no_document() -> InputError:
    return InputError("certificate", "a document that to_json made")
