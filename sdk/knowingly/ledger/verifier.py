"""Check a shop's log without the shop: this one file, Python, and ``cryptography``.

::

    knowingly-verify bundle.jsonl --key log.pub --since checkpoint-you-kept.txt
    knowingly-verify receipt.json --key log.pub         # or a .tlog-proof
    knowingly-verify receipt.json --key log.pub --keys keys.json    # after a change of keys
    python verifier.py bundle.jsonl --key log.pub       # a copy of this file is enough

It imports nothing else on purpose, so that it can be read in one sitting and run by people who do
not trust the shop's software. It repeats the tree's arithmetic rather than share it with the code
that writes the log: the two have to agree. Nothing it reads can make it use much memory.

It ends with 0 where everything fits, 2 where it was not asked properly or a file cannot be read,
and 4 where something does not fit.

Sources: RFC 9162 section 2.1; https://c2sp.org/signed-note, tlog-checkpoint and tlog-proof.
"""

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "knowingly-audit-bundle/1"
KEY_CHAIN = "knowingly-key-chain/1"
TLOG_PROOF = "c2sp.org/tlog-proof@v1"
RECEIPT_PROOF = "knowingly:hasProof"
ROTATED = "signing.rotated"
DONE, MISUSED, REFUSED = 0, 2, 4

MAX_ENTRY = 65_535
MAX_LINE = 2 * MAX_ENTRY
MAX_CHECKPOINTS = 100_000
MAX_SIGNATURES = 100
MAX_KEYS = 1_000
MAX_KEY_CHAIN = MAX_KEYS * 6_000
MAX_PATH = 64
HASH_BYTES = 32

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,17})\Z", re.ASCII)
_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,63}\Z", re.ASCII)
_HANDLE = re.compile(r"[0-9a-f]{32}\Z", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIGNATURE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)\Z")
_ENTRY_LINE = re.compile(rb'\[(0|[1-9][0-9]{0,17}),"([A-Za-z0-9+/]{43}=)",(.*)\]\n?\Z')


class VerificationError(Exception):
    """Something does not fit: ``first`` to ``last`` are the entries it can be, where it is any.

    Between two signed checkpoints nothing vouches for single entries: whoever changes one and
    every hash beside it is found at the next checkpoint, and only the stretch can be named.
    """

    def __init__(self, why: str, first: int | None = None, last: int | None = None) -> None:
        self.why, self.first = why, first
        self.last = first if last is None else last
        super().__init__(f"{self._where()}{why}")

    def _where(self) -> str:
        if self.first is None:
            return ""
        if self.first == self.last:
            return f"entry {self.first}: "
        return f"entry {self.first}, or one up to {self.last}: "


# The tree: RFC 9162 section 2.1.


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry's bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two nodes side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree, as the roots of its perfect subtrees, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append the hash of one entry."""
        size = self.size
        while size & 1:
            leaf = node_hash(self._roots.pop(), leaf)
            size >>= 1
        self._roots.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over all entries so far."""
        if not self._roots:
            return hashlib.sha256(b"").digest()
        root = self._roots[-1]
        for left in self._roots[-2::-1]:
            root = node_hash(left, root)
        return root


def is_included(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from an entry's hash at ``index`` to the root of ``size`` entries.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not _are_hashes(leaf, root, *proof) or not 0 <= index < size:
        return False
    here, last = index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            leaf = node_hash(sibling, leaf)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            leaf = node_hash(leaf, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and leaf == root


def is_consistent(
    old_root: bytes, *, old_size: int, root: bytes, size: int, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows the old tree to be the beginning of the new one.

    Of an empty tree nothing can be shown: a proof from size 0 is refused.

    Source: RFC 9162 section 2.1.4.2.
    """
    if not _are_hashes(old_root, root, *proof) or not 0 < old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    here, last = old_size - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old == old_root and new == root


def _are_hashes(*values: bytes) -> bool:
    return all(isinstance(one, bytes) and len(one) == HASH_BYTES for one in values)


# Keys, notes and checkpoints: C2SP.


@dataclass(frozen=True)
class VerifierKey:
    """Whose signature is looked for: ``text`` is ``name+id+key``, as the shop gives it out."""

    text: str
    name: str
    key_id: bytes
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read a verifier key.

        Raises:
            VerificationError: It is none, or not for Ed25519, or its id is not its own.
        """
        name, _, rest = text.partition("+")
        number, _, body = rest.partition("+")
        raw = _unbase64(body)
        if not name or re.search(r"\s", name) or raw is None or len(raw) != 1 + HASH_BYTES:
            raise VerificationError("is no verifier key: name+id+key was expected")
        key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
        if raw[:1] != b"\x01" or number != key_id.hex():
            raise VerificationError("is no verifier key for Ed25519, or its id is not that of it")
        return cls(text, name, key_id, raw[1:])

    def signed(self, signature: bytes, text: bytes) -> bool:
        """Whether this key signed the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Checkpoint:
    """A log's size and root, and who signed them: ``(name, key id, signature)``."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, note: str) -> "Checkpoint":
        """Read a signed checkpoint; no signature is checked.

        Raises:
            VerificationError: It is none.
        """
        text, empty, signed = note.rpartition("\n\n")
        lines = text.split("\n")
        if len(note) > MAX_LINE or not empty or _CONTROL.search(note) or len(lines) < 3:
            raise VerificationError("is no signed checkpoint")
        root = _unbase64(lines[2])
        if not all(lines) or not _NUMBER.match(lines[1]) or root is None or not _are_hashes(root):
            raise VerificationError("is no checkpoint: origin, size and root were expected")
        return cls(lines[0], int(lines[1]), root, text + "\n", tuple(_signatures(signed)))

    def must_be_signed_by(self, key: VerifierKey) -> None:
        """Refuse it unless this key signed it; what others signed is ignored.

        Raises:
            VerificationError: It is not signed by this key.
        """
        if self.origin != key.name:
            raise VerificationError("it is of another log than the key")
        mine = [
            signature
            for name, key_id, signature in self.signatures
            if (name, key_id) == (key.name, key.key_id)
        ]
        if not mine or not all(key.signed(one, self.text.encode()) for one in mine):
            raise VerificationError("it is not signed by the key that was in force")


def _signatures(lines: str) -> Iterator[tuple[str, bytes, bytes]]:
    found = lines.split("\n")
    if found.pop() or not 0 < len(found) <= MAX_SIGNATURES:
        raise VerificationError("is no signed checkpoint: its signatures are malformed")
    for line in found:
        match = _SIGNATURE.match(line)
        raw = _unbase64(match[2]) if match else None
        if match is None or raw is None or len(raw) < 5:
            raise VerificationError("is no signed checkpoint: its signatures are malformed")
        yield match[1], raw[:4], raw[4:]


def _unbase64(text: object) -> bytes | None:
    """The bytes of base64 in its one right spelling, or None."""
    if not isinstance(text, str) or len(text) > MAX_LINE:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None


# Entries.


def read_entry(leaf: bytes) -> dict[str, Any]:
    """What an entry says.

    Raises:
        VerificationError: It is not canonical JSON with the fields that every entry has.
    """
    if not isinstance(leaf, bytes) or len(leaf) > MAX_ENTRY:
        raise VerificationError(f"it is longer than {MAX_ENTRY:,} bytes, or no bytes")
    try:
        said = _DECODER.decode(leaf.decode())
        spelled = _ENCODER.encode(said).encode()
    except (ValueError, RecursionError):
        raise VerificationError("it is not JSON without floats") from None
    if spelled != leaf:
        raise VerificationError("it is not spelled as canonical JSON")
    if not isinstance(said, dict) or not _has_every_field(said):
        raise VerificationError(
            "it lacks a field that every entry has, or holds another kind in it"
        )
    return said


def _no_float(_: str) -> NoReturn:
    raise ValueError


# Made once: with options of its own ``json.loads`` makes one for every entry.
_DECODER = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float)


def _has_every_field(said: dict[str, Any]) -> bool:
    kind, handle, commit = said.get("kind"), said.get("handle"), said.get("commit")
    return (
        _is_int(said.get("v"))
        and said["v"] == 1
        and _is_int(said.get("at"))
        and isinstance(kind, str)
        and isinstance(handle, str)
        and isinstance(commit, str)
        and bool(_KIND.match(kind) and _HANDLE.match(handle) and _COMMIT.match(commit))
    )


def _is_int(value: object) -> TypeGuard[int]:
    return type(value) is int


# The keys of a log, one after the other.


def rotation_statement(entry: dict[str, Any], index: int) -> bytes:
    """What the old key signs when it names the new one: the entry's own words, and its place."""
    said = {
        "act": ROTATED,
        "entry": index,
        "at_us": entry.get("at"),
        **{name: entry.get(name) for name in ("origin", "by", "key")},
    }
    return _ENCODER.encode(said).encode()


@dataclass
class Keys:
    """The keys that signed a log, oldest first: each names the next in an entry it signs."""

    chain: list[VerifierKey]

    @property
    def now(self) -> VerifierKey:
        """The key in force after the entries so far."""
        return self.chain[-1]

    def follow(self, entry: dict[str, Any], index: int) -> None:
        """Take the new key that an entry names.

        Raises:
            VerificationError: The key in force did not sign it, or it is none of this log.
        """
        signature = _unbase64(entry.get("signature"))
        new = VerifierKey.parse(str(entry.get("key")))
        if (
            signature is None
            or entry.get("by") != self.now.text
            or entry.get("origin") != self.now.name
            or new.name != self.now.name
            or not self.now.signed(signature, rotation_statement(entry, index))
        ):
            raise VerificationError("it names a new signing key, and the old one did not sign it")
        self.chain.append(new)
        if len(self.chain) > MAX_KEYS:
            raise VerificationError(f"there are over {MAX_KEYS:,} signing keys")


@dataclass(frozen=True)
class KeyChain:
    """The keys of a log by the size from which each signs; the first from the start."""

    keys: tuple[VerifierKey, ...]
    sizes: tuple[int, ...]

    @classmethod
    def parse(cls, document: bytes, held: VerifierKey) -> "KeyChain":
        """Read a chain, and check that the key the reader holds vouches for all of it.

        An earlier key does by its signature under the entry that names the next one, and so on; a
        later one by the newest key's checkpoint, whose log has these entries.

        Raises:
            VerificationError: It is none, something in it does not fit, or the key is not in it.
        """
        said = _object(document)
        rotations = said.get("rotations")
        if (
            said.get("format") != KEY_CHAIN
            or not isinstance(said.get("checkpoint"), str)
            or not isinstance(rotations, list)
            or len(rotations) >= MAX_KEYS
        ):
            raise VerificationError(f"is no chain of keys of the format {KEY_CHAIN}")
        checkpoint = Checkpoint.parse(said["checkpoint"])
        keys = Keys([held] if not rotations else [])
        sizes = [0]
        for rotation in rotations:
            sizes.append(_follow(rotation, keys, checkpoint, after=sizes[-1]))
        if held.text not in [one.text for one in keys.chain]:
            raise VerificationError("the key you hold is none of the chain's")
        checkpoint.must_be_signed_by(keys.now)
        return cls(tuple(keys.chain), tuple(sizes))

    def in_force(self, size: int) -> VerifierKey:
        """The key that signs a checkpoint of this size."""
        return self.keys[sum(1 for start in self.sizes if start <= size) - 1]


def _follow(rotation: object, keys: Keys, checkpoint: Checkpoint, *, after: int) -> int:
    """Take the key that an entry of a chain names; the size from which it signs."""
    said = rotation if isinstance(rotation, dict) else {}
    index, entry = said.get("index"), said.get("entry")
    if not _is_int(index) or index < after or not isinstance(entry, str):
        raise VerificationError("holds a change of keys that is malformed, or out of order")
    leaf, proof = entry.encode(errors="replace"), _hashes(said.get("inclusion"))
    try:
        _take(leaf, index, keys)
    except VerificationError as error:
        raise VerificationError(error.why, index) from None
    size, root = checkpoint.size, checkpoint.root
    if not is_included(leaf_hash(leaf), index=index, size=size, proof=proof, root=root):
        raise VerificationError("its proof does not lead to the root of the checkpoint", index)
    return index + 1


def _take(leaf: bytes, index: int, keys: Keys) -> None:
    """Take the key that an entry names; the first entry says which key was there before."""
    told = read_entry(leaf)
    if told["kind"] != ROTATED:
        raise VerificationError("it names no signing key")
    if not keys.chain:
        keys.chain.append(VerifierKey.parse(str(told.get("by"))))
    keys.follow(told, index)


# A bundle: the whole log in a file.


@dataclass(frozen=True)
class Verified:
    """What was found to fit.

    ``since`` is the size of the checkpoint that was held against it; ``says`` are the words of the
    one entry that was asked for.
    """

    origin: str
    size: int
    root: str
    key: str
    checkpoints: int = 1
    keys: int = 1
    since: int | None = None
    entry: int | None = None
    says: str | None = None


@dataclass
class _Bundle:
    """A bundle while it goes by: what was promised at its head, and the tree so far."""

    size: int
    keys: Keys
    promised: list[str]
    checkpoints: list[Checkpoint] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    good: int = 0

    def read_checkpoint(self, line: bytes) -> None:
        """One line of a checkpoint: it follows from the one before by its consistency proof."""
        said = _object(line)
        if not isinstance(said.get("checkpoint"), str):
            raise VerificationError("holds fewer checkpoints than it says")
        new = Checkpoint.parse(said["checkpoint"])
        proof = _hashes(said.get("consistency"))
        before = self.checkpoints[-1] if self.checkpoints else None
        if new.size < 1 or (before is None and proof):
            raise VerificationError("its first checkpoint is of no entries, or comes with a proof")
        if before is not None and not (
            before.size < new.size
            and is_consistent(
                before.root, old_size=before.size, root=new.root, size=new.size, proof=proof
            )
        ):
            raise VerificationError(
                f"the checkpoint of size {new.size} does not follow from that of {before.size}",
                min(before.size, new.size),
                max(before.size, new.size) - 1,
            )
        self.checkpoints.append(new)

    def read_entry(self, line: bytes) -> None:
        """One line of an entry."""
        index = self.tree.size
        try:
            leaf, said = _entry_of(line, index)
            if said["kind"] == ROTATED:
                self.keys.follow(said, index)
        except VerificationError as error:
            raise VerificationError(error.why, index) from None
        self.tree.add(leaf)

    def must_give(self, checkpoint: Checkpoint, whose: str) -> None:
        """Refuse the entries so far unless they are those of a checkpoint."""
        last = self.tree.size - 1
        if checkpoint.root != self.tree.root():
            raise VerificationError(f"the entries do not give the root of {whose}", self.good, last)
        try:
            checkpoint.must_be_signed_by(self.keys.now)
        except VerificationError as error:
            raise VerificationError(f"{whose}: {error.why}", last) from None
        self.good = self.tree.size


def verify_bundle(file: BinaryIO, key: VerifierKey, since: Checkpoint | None = None) -> Verified:
    """Check a whole log: every entry, hash, proof and signature, read once from start to end.

    Args:
        file: The bundle.
        key: A key of this log that the reader has from elsewhere.
        since: A checkpoint that the reader kept: the log must still begin with it.

    Raises:
        VerificationError: Something does not fit; it names the first entry.
    """
    bundle = _head(file)
    due = {one.size: one for one in bundle.checkpoints}
    if since is not None and not 0 < since.size <= bundle.size:
        raise VerificationError(
            "the checkpoint you hold is of no entries, or the log ends before its size", bundle.size
        )
    for index in range(bundle.size):
        bundle.read_entry(_line(file, index))
        size = index + 1
        if size in due:
            bundle.must_give(due[size], f"its checkpoint of size {size}")
        if since is not None and size == since.size:
            bundle.must_give(since, "the checkpoint you hold")
    if file.read(1):
        raise VerificationError("something stands after the last entry", bundle.size)
    chain = [one.text for one in bundle.keys.chain]
    if chain != bundle.promised:
        raise VerificationError("its keys are not those that its entries name")
    if key.text not in chain:
        raise VerificationError("the key you hold is none of this log's keys")
    return Verified(
        bundle.keys.now.name,
        bundle.size,
        bundle.tree.root().hex(),
        chain[-1],
        checkpoints=len(bundle.checkpoints),
        keys=len(chain),
        since=None if since is None else since.size,
    )


def _head(file: BinaryIO) -> _Bundle:
    """Read a bundle up to its first entry."""
    said = _object(_line(file))
    size, keys, count = said.get("size"), said.get("keys"), said.get("checkpoints")
    if said.get("format") != FORMAT:
        raise VerificationError(f"is no bundle of the format {FORMAT}")
    if (
        not _is_int(size)
        or not _is_int(count)
        or not 0 < count <= min(size, MAX_CHECKPOINTS)
        or not isinstance(keys, list)
        or not 0 < len(keys) <= MAX_KEYS
        or not all(isinstance(one, str) for one in keys)
    ):
        raise VerificationError("its first line does not say size, checkpoints and keys")
    bundle = _Bundle(size, Keys([VerifierKey.parse(keys[0])]), keys)
    for _ in range(count):
        bundle.read_checkpoint(_line(file))
    if bundle.checkpoints[-1].size != size:
        raise VerificationError("its last checkpoint is not of its size", size - 1)
    return bundle


def _line(file: BinaryIO, entry: int | None = None) -> bytes:
    line = file.readline(MAX_LINE)
    if not line.endswith(b"\n"):
        raise VerificationError("the file ends in it, or it is too long", entry)
    return line


def _entry_of(line: bytes, index: int) -> tuple[bytes, dict[str, Any]]:
    """The hash of a line's entry, which has to be that of this number, and what it says."""
    match = _ENTRY_LINE.match(line)
    if match is None:
        raise VerificationError("its line is malformed, or not there")
    if int(match[1]) != index:
        raise VerificationError(f"entry {int(match[1])} stands in its place")
    leaf = leaf_hash(match[3])
    if base64.b64encode(leaf) != match[2]:
        raise VerificationError("its bytes do not match its hash")
    return leaf, read_entry(match[3])


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise VerificationError("holds a line that is no JSON object")
    return said


def _hashes(values: object) -> list[bytes]:
    found = [_unbase64(one) for one in values] if isinstance(values, list) else [None]
    hashes = [one for one in found if one is not None and _are_hashes(one)]
    if len(hashes) != len(found) or len(hashes) > MAX_PATH:
        raise VerificationError("holds a proof that is no list of hashes")
    return hashes


# A proof of one entry.


@dataclass(frozen=True)
class TlogProof:
    """That one entry is in a log; ``extra`` is what came along, for which nothing vouches."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint
    extra: bytes

    @classmethod
    def parse(cls, text: str) -> "TlogProof":
        """Read a proof; nothing in it is checked.

        Raises:
            VerificationError: It is none.
        """
        head, empty, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        if first != TLOG_PROOF or not empty:
            raise VerificationError(f"is no proof of the format {TLOG_PROOF}")
        extra: bytes | None = b""
        if lines and lines[0].startswith("extra "):
            extra = _unbase64(lines.pop(0).removeprefix("extra "))
        word, _, number = lines.pop(0).partition(" ") if lines else ("", "", "")
        if extra is None or word != "index" or not _NUMBER.match(number):
            raise VerificationError("is no proof: the number of the entry was expected")
        return cls(int(number), tuple(_hashes(lines)), Checkpoint.parse(note), extra)


def verify_proof(proof: TlogProof, key: VerifierKey, entry: bytes) -> Verified:
    """Check that an entry is in the log, by a checkpoint that the key signed.

    Raises:
        VerificationError: It is not shown to be.
    """
    read_entry(entry)
    checkpoint = proof.checkpoint
    checkpoint.must_be_signed_by(key)
    if not is_included(
        leaf_hash(entry),
        index=proof.index,
        size=checkpoint.size,
        proof=proof.hashes,
        root=checkpoint.root,
    ):
        raise VerificationError(
            "the proof does not lead to the root of its checkpoint", proof.index
        )
    return Verified(
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root.hex(),
        key.text,
        entry=proof.index,
        says=entry.decode(),
    )


# The command.


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a file; the exit code."""
    parser = argparse.ArgumentParser(
        prog="knowingly-verify",
        description="Check a shop's log, or the proof of one entry, without the shop.",
        epilog="Ends with 0 where all fits, 2 where a file cannot be read, 4 where it does not.",
    )
    parser.add_argument("file", type=Path, help="a bundle, a proof, or a receipt")
    parser.add_argument("--key", required=True, help="the verifier key you hold, or its file")
    parser.add_argument(
        "--keys", type=Path, help="how the keys followed one another, for a proof of another key"
    )
    parser.add_argument("--since", type=Path, help="a checkpoint you kept: the log begins with it")
    parser.add_argument("--entry", type=Path, help="the entry, where a proof does not bring it")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    asked = parser.parse_args(arguments)
    try:
        found = _checked(asked)
    except OSError as error:
        sys.stderr.write(f"cannot be read: {error.strerror or type(error).__name__}\n")
        return MISUSED
    except VerificationError as error:
        _say(asked, {"fits": False, "why": error.why, "first": error.first, "last": error.last})
        sys.stderr.write(f"does not fit: {error}\n")
        return REFUSED
    _say(asked, {"fits": True, **asdict(found)})
    if not asked.json:
        sys.stdout.write(_words(found))
    return DONE


def _checked(asked: argparse.Namespace) -> Verified:
    key = VerifierKey.parse(_key_text(asked.key))
    since = None if asked.since is None else Checkpoint.parse(_text(asked.since))
    with asked.file.open("rb") as file:
        proof = _proof_in(file.read(2 * MAX_LINE))
        file.seek(0)
        if proof is None:
            if asked.keys is not None:
                raise VerificationError("a bundle brings its keys: leave out --keys")
            return verify_bundle(file, key, since)
    if asked.keys is not None:
        chain = KeyChain.parse(_read(asked.keys, MAX_KEY_CHAIN), key)
        key = chain.in_force(proof.checkpoint.size)
    entry = proof.extra if asked.entry is None else _read(asked.entry).removesuffix(b"\n")
    if not entry:
        raise VerificationError("the proof does not bring its entry: give it with --entry")
    found = verify_proof(proof, key, entry)
    if since is not None and (since.size, since.root) == (found.size, bytes.fromhex(found.root)):
        return found
    if since is not None:
        raise VerificationError("one proof cannot be held against --since: ask for a bundle")
    return found


def _proof_in(start: bytes) -> TlogProof | None:
    """The proof that a file is, or that a receipt holds; None where it begins neither."""
    if start.startswith(TLOG_PROOF.encode()):
        return TlogProof.parse(start.decode(errors="replace"))
    if RECEIPT_PROOF.encode() not in start:
        return None
    try:
        said = json.loads(start)[RECEIPT_PROOF]
        text, entry, leaf = (said[f"knowingly:{one}"] for one in ("proof", "entry", "leafHash"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    proof = TlogProof.parse(str(text))
    if (entry, leaf) != (proof.index, leaf_hash(proof.extra).hex()):
        raise VerificationError("the receipt is of another entry than its proof")
    return proof


def _key_text(given: str) -> str:
    """The key itself, or what its file says."""
    return given if given.count("+") >= 2 else _text(Path(given)).strip()


def _text(path: Path) -> str:
    try:
        return _read(path).decode()
    except UnicodeDecodeError:
        raise VerificationError("is not UTF-8 text") from None


def _read(path: Path, most: int = 2 * MAX_LINE) -> bytes:
    with path.open("rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise VerificationError("is longer than any of its kind")
    return found


def _say(asked: argparse.Namespace, document: dict[str, Any]) -> None:
    if asked.json:
        sys.stdout.write(json.dumps(document) + "\n")


def _words(found: Verified) -> str:
    if found.entry is not None:
        return (
            f"Entry {found.entry} is in the log {found.origin} of {found.size:,} entries.\n"
            f"It says: {found.says}\n"
            f"Root: {found.root}\n"
        )
    kept = "No checkpoint was held against it: pass --since with one that you kept.\n"
    if found.since is not None:
        kept = f"It begins with the {found.since:,} entries of the checkpoint you hold.\n"
    return (
        f"{found.size:,} entries of {found.origin}: each as it was when it was signed.\n"
        f"{kept}"
        f"Checkpoints: {found.checkpoints:,}. Signing keys: {found.keys:,}, now {found.key}\n"
        f"Root: {found.root}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
