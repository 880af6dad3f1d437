"""Signed notes against the known example of the format, and what is no note."""

import base64

import pytest

from knowingly.ledger.notes import NoteKey
from knowingly.ledger.proofs import tlog_proof
from knowingly.ledger.verifier import Checkpoint, TlogProof, VerificationError, VerifierKey

# The example of golang.org/x/mod/sumdb/note, whose format this is.
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
)
ROOT = base64.b64encode(b"r" * 32).decode()
KEY_OF_LOG = NoteKey("example.com/log", b"s" * 32)
BODY = f"example.com/log\n7\n{ROOT}\n"
NOTE = KEY_OF_LOG.signed(BODY)


def test_the_known_example_is_signed_byte_for_byte():
    """Key, id and signature; and nothing of the seed is in its repr."""
    key = NoteKey("PeterNeumann", SEED)
    assert key.verifier_key == KEY
    assert key.signed(TEXT) == f"{TEXT}\n{SIGNED}"
    assert repr(key) == "NoteKey('PeterNeumann')"


def test_a_checkpoint_is_read_back():
    """Who else signed is kept and not asked."""
    read = Checkpoint.parse(NOTE + SIGNED)
    assert (read.origin, read.size, read.root) == ("example.com/log", 7, b"r" * 32)
    read.must_be_signed_by(VerifierKey.parse(KEY_OF_LOG.verifier_key))
    assert len(read.signatures) == 2
    Checkpoint.parse(NOTE + SIGNED * 16)


def test_a_line_of_extension_is_allowed():
    """Nothing in it is read."""
    extended = KEY_OF_LOG.signed(f"{BODY}something else\n")
    Checkpoint.parse(extended).must_be_signed_by(VerifierKey.parse(KEY_OF_LOG.verifier_key))


@pytest.mark.parametrize(
    "note",
    [
        "",
        BODY,
        f"{BODY}\n",
        NOTE.replace("\n7\n", "\n07\n"),
        NOTE.replace("\n7\n", "\n-7\n"),
        NOTE.replace("\n7\n", "\n\u0667\n"),
        NOTE.replace("\n7\n", f"\n{'7' * 30}\n"),
        NOTE.replace(ROOT, ROOT[:-4]),
        NOTE.replace(ROOT, f"{ROOT[:-2]}y="),
        NOTE.replace("example.com/log\n", "\n", 1),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—  "),
        NOTE.removesuffix("\n"),
        NOTE.replace("\n", "\r\n"),
        NOTE + "\x00",
        NOTE + SIGNED * 200,
        f"{NOTE}— name AAAA\n",
        "x" * 200_000,
    ],
)
def test_what_is_no_checkpoint_is_refused(note):
    """Another spelling of a number or a root, a control character, too much of anything."""
    with pytest.raises(VerificationError, match="no "):
        Checkpoint.parse(note)


@pytest.mark.parametrize("change", [("log\n7", "log\n8"), ("log\n", "lot\n"), ("— e", "— f")])
def test_a_changed_checkpoint_is_not_signed(change):
    """Its size, its origin, or the name of who signed."""
    read = Checkpoint.parse(NOTE.replace(*change, 1))
    with pytest.raises(VerificationError):
        read.must_be_signed_by(VerifierKey.parse(KEY_OF_LOG.verifier_key))


def test_a_checkpoint_of_another_log_is_refused_whoever_signed_it():
    """The key's owner may sign notes of other origins: they say nothing of this log."""
    read = Checkpoint.parse(KEY_OF_LOG.signed(BODY.replace("example.com/log", "example.com/other")))
    with pytest.raises(VerificationError, match="of another log"):
        read.must_be_signed_by(VerifierKey.parse(KEY_OF_LOG.verifier_key))


def test_a_second_key_signs_what_the_first_did():
    """Each by itself is enough for who knows it."""
    second = NoteKey("example.com/log", b"t" * 32)
    read = Checkpoint.parse(second.cosigned(NOTE))
    assert read.text == BODY
    for key in (KEY_OF_LOG, second):
        read.must_be_signed_by(VerifierKey.parse(key.verifier_key))


def test_one_bad_signature_by_the_key_refuses_the_note():
    """A second line of the same key that does not verify."""
    bad = base64.b64encode(base64.b64decode(NOTE.split(" ")[-1])[:4] + b"x" * 64).decode()
    read = Checkpoint.parse(f"{NOTE}— example.com/log {bad}\n")
    with pytest.raises(VerificationError, match="not signed"):
        read.must_be_signed_by(VerifierKey.parse(KEY_OF_LOG.verifier_key))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        KEY.replace("c74f20a3", "c74f20a4"),
        KEY.replace("c74f20a3", "C74F20A3"),
        KEY.replace("PeterNeumann", "Peter Neumann"),
        KEY.replace("+AR", "+Ah"),
        f"{KEY}+",
        KEY[:-4],
    ],
)
def test_what_is_no_verifier_key_is_refused(text):
    """Another name, id, kind or length."""
    with pytest.raises(VerificationError, match="no verifier key"):
        VerifierKey.parse(text)


def test_a_proof_is_written_and_read_as_the_format_says():
    """With and without what comes along."""
    proof = tlog_proof(5, [b"a" * 32, b"b" * 32], NOTE)
    first, second = (base64.b64encode(one * 32).decode() for one in (b"a", b"b"))
    assert proof == f"c2sp.org/tlog-proof@v1\nindex 5\n{first}\n{second}\n\n{NOTE}"
    read = TlogProof.parse(tlog_proof(0, [], NOTE, extra=b"{}"))
    assert (read.index, read.hashes, read.extra) == (0, (), b"{}")
    assert read.checkpoint.size == 7


@pytest.mark.parametrize(
    "head",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 0",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\nindex",
        "c2sp.org/tlog-proof@v1\nindex 01",
        "c2sp.org/tlog-proof@v1\nextra !\nindex 0",
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + "\n".join([ROOT] * 65),
    ],
)
def test_what_is_no_proof_is_refused(head):
    """Another version, number, hash, or more hashes than any tree has levels."""
    with pytest.raises(VerificationError, match="proof"):
        TlogProof.parse(f"{head}\n\n{NOTE}")
