"""Identities: an e-mail address, a phone number or a customer's number that leads to a person.

Stored is a keyed hash of the value; the value, and the app's id it leads to, are sealed under the
person's key. Values are made alike before they are hashed, and no more than is safe: a match that
is missed can be linked again, a false one shows one person's data to another.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from knowingly.domain.validate import check_id
from knowingly.errors import InputError, UnknownSubjectError
from knowingly.ledger import log
from knowingly.profiles.traits import changeable
from knowingly.store import identities as stored
from knowingly.store import subjects
from knowingly.store.doors import Tx
from knowingly.store.identities import IdentityRow
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher

TABLE = "identities"
MAX_CHARS = 320
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\Z")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_PHONE_MARKS = str.maketrans("", "", " -.()/\u00a0")


class Identity(NamedTuple):
    """What an identity's sealed body says."""

    kind: str
    value: str
    subject: str


def link(tenancy: Tenancy, subject: str, kind: str, value: str) -> None:
    """Let a person be found by an identity; linking the same again changes nothing."""
    plain = normal(tenancy, kind, value)
    name = tenancy.keyring.identity(kind, plain)
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        person = subjects.find(tx, tenancy.keyring.lookup(check_id(subject)))
        if person is None or person.state != ACTIVE:
            raise UnknownSubjectError(subjects.count(tx))
        found = stored.find(tx, name)
        if found is not None and found.subject != person.subject:
            raise InputError(kind, "one that is not linked to another person: unlink it there")
        if found is None:
            cipher = tenancy.keyring.cipher(person.key_id)
            body = seal(cipher, name, Identity(kind, plain, subject))
            stored.add(tx, IdentityRow(name, person.subject, body))
            _note(tenancy, tx, person, "identity.linked", kind)


def unlink(tenancy: Tenancy, subject: str, kind: str, value: str) -> bool:
    """Take an identity of a person away; whether it was theirs."""
    name = tenancy.keyring.identity(kind, normal(tenancy, kind, value))
    with tenancy.write() as tx:
        person = changeable(tenancy, tx, check_id(subject))
        found = stored.find(tx, name)
        if found is None or found.subject != person.subject:
            return False
        stored.remove(tx, name)
        _note(tenancy, tx, person, "identity.unlinked", kind)
    return True


def find(tenancy: Tenancy, kind: str, value: str) -> str | None:
    """The app's id of the person with an identity; a staff read, and so a ledger entry."""
    name = tenancy.keyring.identity(kind, normal(tenancy, kind, value))
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        row = stored.find(tx, name)
        person = None if row is None else subjects.number(tx, row.subject)
        if row is None or person is None or person.state != ACTIVE:
            _note(tenancy, tx, None, "read.identity", kind)
            return None
        _note(tenancy, tx, person, "read.identity", kind)
        return unseal(tenancy.keyring.cipher(person.key_id), row).subject


def seal(cipher: Cipher, name: bytes, identity: Identity) -> bytes:
    """An identity as it is stored."""
    return cipher.seal(TABLE, name, json.dumps(identity._asdict()).encode())


def unseal(cipher: Cipher, row: IdentityRow) -> Identity:
    """The identity of a stored row."""
    return Identity(**json.loads(cipher.open(TABLE, row.identity, row.body)))


def normal(tenancy: Tenancy, kind: str, value: str) -> str:
    """A value in the one form that is hashed.

    E-mail: no spaces around, the domain in small letters. What stands before the @ keeps its case:
    whether two spellings are one mailbox is for its owner's server to say. Phone: international,
    with a +, without the marks people write between digits; a number without its country could be
    two people's. Every other kind: as it is, like an app's id.

    Raises:
        InputError: The policy does not name the kind, or the value is none; never repeats it.
    """
    kinds = tenancy.policy.identities.kinds
    if not isinstance(kind, str) or kind not in kinds:
        raise InputError("kind", f"one of {', '.join(kinds) or 'none: see [identities]'}")
    if not isinstance(value, str) or len(value) > MAX_CHARS:
        raise InputError(kind, f"text of at most {MAX_CHARS} characters")
    return _NORMAL.get(kind, _as_id)(unicodedata.normalize("NFC", value))


def _email(value: str) -> str:
    local, _, domain = value.strip().rpartition("@")
    plain = f"{local}@{domain.lower()}"
    if not _EMAIL.match(plain) or not plain.isprintable():
        raise InputError("email", "an address such as name@example.org")
    return plain


def _phone(value: str) -> str:
    plain = value.strip().translate(_PHONE_MARKS)
    if not _PHONE.match(plain):
        raise InputError("phone", "a number with its country, such as +44 20 7946 0000")
    return plain


def _as_id(value: str) -> str:
    return check_id(value)


_NORMAL: dict[str, Callable[[str], str]] = {"email": _email, "phone": _phone}


def _note(tenancy: Tenancy, tx: Tx, person: SubjectRow | None, kind: str, of: str) -> None:
    keyring = tenancy.keyring
    log.append(
        tx,
        kind,
        at_us=tenancy.now_us(),
        seal=keyring.operator.seal if person is None else keyring.cipher(person.key_id).seal,
        facts={"identity": of},
        details={"by": "staff"},
        subject=None if person is None else person.subject,
    )
