"""The certificate of an erasure: a signed statement that names no person."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knowingly.errors import InputError
from knowingly.ledger.signing import is_signed


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was erased, signed by the tenant; it names no person.

    ``statement`` is plain JSON; ``is_genuine`` checks the signature over it.

    Stability: stable.
    """

    statement: Mapping[str, Any]
    public_key: str
    signature: str

    def is_genuine(self) -> bool:
        """Whether the statement is what the owner of ``public_key`` signed."""
        return is_signed(self.public_key, self.signature, self.statement)

    def to_json(self) -> str:
        """The certificate as a document that can be handed over."""
        return json.dumps(
            {
                "statement": self.statement,
                "public_key": self.public_key,
                "signature": self.signature,
            },
            indent=2,
        )

    @classmethod
    def from_json(cls, document: str) -> "Certificate":
        """The certificate of ``to_json``.

        Raises:
            InputError: The document is no certificate.
        """
        try:
            value = json.loads(document)
            made = cls(value["statement"], value["public_key"], value["signature"])
        except (KeyError, TypeError, ValueError, RecursionError):
            raise InputError("certificate", "a document that to_json made") from None
        texts = isinstance(made.public_key, str) and isinstance(made.signature, str)
        if not texts or not isinstance(made.statement, Mapping):
            raise InputError("certificate", "a document that to_json made")
        return made

    def summary(self) -> str:
        """The certificate in a few lines, for a person."""
        told = self.statement
        removed = ", ".join(f"{number} {table}" for table, number in told["removed"].items())
        forgot = ", ".join(f"{name} ({how})" for name, how in told["models"].items())
        kept = "; ".join(f"{one['what']} until {one['until']}" for one in told["kept"])
        return (
            f"Erased {told['finished']} (ledger entries {told['begun_entry']} and "
            f"{told['done_entry']}).\n"
            f"Rows removed: {removed}.\n"
            f"Models that forgot: {forgot or 'none had learned'}.\n"
            f"Key: destroyed, {told['key']}.\n"
            f"Kept: {kept}."
        )
