"""Whatever is changed in a bundle, the verifier says so; with an old checkpoint, whoever did it."""

import ast
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import changed, entry_line, forged, head_of, joined, leaves_of, renumbered

import knowingly
from knowingly.ledger import verifier
from knowingly.ledger.verifier import Checkpoint, VerificationError, VerifierKey, verify_bundle
from knowingly.vault.root import write_root_key

NOTICE = "2026-01/en"


class Evidence:
    """A log of some dozens of entries, its bundle, and checkpoints from before its end."""

    def __init__(self, folder: Path) -> None:
        write_root_key(folder / "k.key")
        with knowingly.open(f"sqlite:///{folder}/shop.db", keys=folder / "k.key") as shop:
            self.first_key = shop.audit.key()
            self.old = []
            for part in range(3):
                for person in range(4):
                    who = f"p{part}-{person}"
                    shop.consent.grant(who, ["personalize", "train"], notice=NOTICE)
                    shop.consent.withdraw(who, ["train"])
                self.old.append(shop.audit.checkpoint())
            self.plain = self._bundle(shop, folder / "plain.jsonl")
            tenancy = shop._tenancy
            with tenancy.read() as snapshot:
                self.owner = tenancy.note_key(snapshot)
            shop.rights.erase("p0-0")
            self.rotated_at = shop.keys.rotate_signing().entry
            shop.consent.withdraw("p1-1")
            shop.audit.checkpoint()
            shop.keys.rotate_signing()
            shop.consent.withdraw("p1-2")
            self.last_key = shop.audit.key()
            self.bundle = self._bundle(shop, folder / "bundle.jsonl")
            self.proof = shop.audit.prove(5)
        self.folder = folder
        self.leaves = leaves_of(self.bundle)
        self.head = head_of(self.bundle)

    def _bundle(self, shop, path):
        shop.audit.bundle(path)
        return path.read_bytes()


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    return Evidence(tmp_path_factory.mktemp("bundle"))


def check(bundle, key, since=None):
    kept = None if since is None else Checkpoint.parse(since.text)
    return verify_bundle(io.BytesIO(bundle), VerifierKey.parse(key), kept)


def refused(bundle, key, since=None):
    with pytest.raises(VerificationError) as caught:
        check(bundle, key, since)
    return caught.value


def test_a_whole_log_verifies_from_any_of_its_keys(evidence):
    """With each old checkpoint, or none; the first key leads to the last by two entries."""
    for key in (evidence.first_key, evidence.last_key):
        for since in (None, *evidence.old):
            found = check(evidence.bundle, key, since)
            assert (found.size, found.keys) == (len(evidence.leaves), 3)
            assert found.key == evidence.last_key
            assert found.since == (since and since.size)
    assert found.checkpoints == 7, "each new key signed one at once"


def test_every_flipped_byte_of_every_entry_is_named(evidence):
    """As an accident, or someone in a hurry, would leave it: the very entry is named."""
    lines = evidence.bundle.splitlines()
    for index in range(len(evidence.leaves)):
        at = len(evidence.head) + index
        line = lines[at]
        for place in sorted({0, 1, 5, len(line) - 1, *range(0, len(line), 13)}):
            bad = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
            mutated = b"\n".join([*lines[:at], bad, *lines[at + 1 :]]) + b"\n"
            assert refused(mutated, evidence.first_key).first == index


def careless(leaves, index):
    """Lines as they are, moved about: ``(what, lines, entry to be named)``."""
    lines = [entry_line(n, leaf) for n, leaf in enumerate(leaves)]
    after = lines[index + 1 :]
    yield "dropped", lines[:index] + after, index
    yield "doubled", [*lines[: index + 1], *lines[index:]], index + 1
    yield "cut off", lines[:index], index
    if after:
        yield "swapped", [*lines[:index], after[0], lines[index], *after[1:]], index
    other = entry_line(index, changed(leaves[index]))
    yield "changed", [*lines[:index], other, *after], None


def careful(leaves, index):
    """The same with every line made right by itself; only signatures can find it."""
    after = leaves[index + 1 :]
    yield "dropped", leaves[:index] + after
    yield "inserted", [*leaves[:index], changed(leaves[index]), *leaves[index:]]
    yield "changed", [*leaves[:index], changed(leaves[index]), *after]
    if index:
        yield "cut off", leaves[:index]
    if after:
        yield "swapped", [*leaves[:index], after[0], leaves[index], *after[1:]]
    yield "rewritten", [changed(leaf) for leaf in leaves]


def test_every_careless_mutation_of_every_entry_is_named(evidence):
    """Every entry, dropped, doubled, cut off, swapped with the next, or changed."""
    for index in range(len(evidence.leaves)):
        for what, lines, named in careless(evidence.leaves, index):
            error = refused(joined(evidence.head, lines), evidence.first_key)
            if named is None:
                assert error.first <= index <= error.last, what
            else:
                assert error.first == named, what


def test_every_careful_mutation_of_every_entry_is_caught_by_the_next_signature(evidence):
    """Numbers and hashes made right again: the stretch up to the next checkpoint is named."""
    for index in range(len(evidence.leaves)):
        for what, leaves in careful(evidence.leaves, index):
            error = refused(renumbered(evidence.head, leaves), evidence.first_key)
            if what in {"changed", "swapped"}:
                moved = index + (what == "swapped")
                assert error.first <= moved, what
                assert index <= error.last, what


def test_what_the_owner_rewrites_is_caught_by_an_old_checkpoint(evidence):
    """Everything signed anew by the right key: every mutation of every entry it covers."""
    leaves, key = leaves_of(evidence.plain), evidence.owner
    since = evidence.old[1]
    assert check(forged(leaves, key), evidence.first_key, since).since == since.size
    for index in range(since.size):
        for what, made in careful(leaves, index):
            bundle = forged(made, key)
            assert check(bundle, evidence.first_key), "nothing inside it shows the change"
            error = refused(bundle, evidence.first_key, since)
            assert error.first == (0 if len(made) >= since.size else len(made)), what


def test_what_came_after_the_checkpoint_one_holds_can_be_rewritten(evidence):
    """The limit of it, which limits.md states: hold a newer checkpoint."""
    leaves, since = leaves_of(evidence.plain), evidence.old[1]
    made = [*leaves[: since.size], *map(changed, leaves[since.size :])]
    assert check(forged(made, evidence.owner), evidence.first_key, since)
    refused(forged(made, evidence.owner), evidence.first_key, evidence.old[2])


@given(st.data())
@settings(deadline=None)
def test_random_bytes_anywhere_are_caught(evidence, data):
    """One to three bytes replaced, removed or put in, anywhere in the file."""
    bundle = bytearray(evidence.bundle)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(bundle) - 1))
        what = data.draw(st.sampled_from(["put", "remove", "replace"]))
        byte = data.draw(st.integers(0, 255))
        bundle[at : at + (what != "put")] = b"" if what == "remove" else bytes([byte])
    if bytes(bundle).split() != evidence.bundle.split():
        refused(same_spelling(bytes(bundle), evidence), evidence.first_key)


def same_spelling(bundle, evidence):
    """Spaces between the values of the first lines change nothing: spell those as they were."""
    lines = bundle.split(b"\n")
    for place, line in enumerate(lines[: len(evidence.head)]):
        try:
            same = json.loads(line) == json.loads(evidence.head[place])
        except ValueError:
            same = False
        if same:
            lines[place] = evidence.head[place]
    changed_bundle = b"\n".join(lines)
    return changed_bundle if changed_bundle != evidence.bundle else b"nothing is left of it"


def test_every_change_of_a_checkpoint_or_the_head_is_caught(evidence):
    """A byte of each line before the entries, at every place; or a line less."""
    for place, line in enumerate(evidence.head):
        rest = evidence.bundle.splitlines()[len(evidence.head) :]
        for at in range(0, len(line), 3):
            bad = line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]
            head = [*evidence.head[:place], bad, *evidence.head[place + 1 :]]
            refused(joined(head, rest), evidence.first_key)
        refused(joined(evidence.head[:place] + evidence.head[place + 1 :], rest), evidence.last_key)


def test_entries_behind_the_last_checkpoint_are_refused(evidence):
    """Nothing signed covers them, however well the rest fits."""
    said = json.loads(evidence.head[0])
    said["checkpoints"] -= 1
    head = [json.dumps(said).encode(), *evidence.head[1:-1]]
    rest = evidence.bundle.splitlines()[len(evidence.head) :]
    assert "last checkpoint" in refused(joined(head, rest), evidence.first_key).why


def test_a_key_of_another_log_is_refused(evidence, tmp_path):
    """Even where everything else fits."""
    other = Evidence(tmp_path)
    assert "none of this log's keys" in refused(evidence.bundle, other.first_key).why
    assert (
        "the checkpoint you hold" in refused(evidence.bundle, evidence.first_key, other.old[0]).why
    )


def test_a_new_key_that_the_old_one_did_not_sign_is_named(evidence):
    """Every field of the entry that names it."""
    index = evidence.rotated_at
    for name in ("key", "by", "origin", "signature"):
        said = json.loads(evidence.leaves[index])
        said[name] = json.loads(evidence.leaves[-3])["handle"]
        leaf = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
        leaves = [*evidence.leaves[:index], leaf, *evidence.leaves[index + 1 :]]
        assert refused(renumbered(evidence.head, leaves), evidence.first_key).first == index


def test_an_old_key_signs_nothing_more(evidence):
    """A checkpoint after the rotation, signed with the key it replaced, is refused."""
    made = forged(evidence.leaves, evidence.owner)
    last = len(evidence.leaves) - 1
    error = refused(made, evidence.first_key)
    assert (error.first, "in force" in error.why) == (last, True)


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        (b'{"at": 1}', "canonical"),
        (b'{"b":1,"a":2}', "canonical"),
        (b'{"a":1,"a":1}', "canonical"),
        ('{"a":"é"}'.encode(), "canonical"),
        (b'{"a":1.0}', "floats"),
        (b'{"a":NaN}', "floats"),
        (b"{" * 5_000, "JSON"),
        (b"\xff", "JSON"),
        (b"1" * 5_000, "JSON"),
        (b"[]", "field"),
        (b'{"at":1,"kind":"a","v":1}', "field"),
        (b"1" * 70_000, "longer"),
    ],
)
def test_an_entry_that_is_no_entry_is_refused(leaf, words):
    """Spelled another way, with a float, nested, or lacking what every entry has."""
    with pytest.raises(VerificationError, match=words):
        verifier.read_entry(leaf)


def test_a_line_without_end_is_refused_before_it_is_read(evidence):
    """A gigabyte in one line takes no memory."""

    class Endless(io.RawIOBase):
        asked = 0

        def readline(self, size=-1):
            assert 0 < size <= verifier.MAX_LINE
            self.asked += 1
            return b"x" * size

    endless = Endless()
    with pytest.raises(VerificationError, match="too long"):
        verify_bundle(endless, VerifierKey.parse(evidence.first_key))
    assert endless.asked == 1


RUN = "import runpy, sys; sys.modules['knowingly'] = None; sys.argv = sys.argv[1:]; "
RUN += "runpy.run_path(sys.argv[0], run_name='__main__')"


def alone(folder, *arguments):
    """Run a copy of the one file where ``knowingly`` cannot be imported."""
    copied = folder / "verifier.py"
    copied.write_bytes(Path(verifier.__file__).read_bytes())
    return subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", RUN, copied, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_file_runs_alone(evidence, tmp_path):
    """Copied out, without the package: a bundle, a proof, and what each ends with."""
    folder, key = evidence.folder, tmp_path / "log.pub"
    key.write_text(evidence.first_key + "\n")
    kept = tmp_path / "old.txt"
    kept.write_text(evidence.old[0].text)
    done = alone(tmp_path, folder / "bundle.jsonl", "--key", key, "--since", kept)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"It begins with the {evidence.old[0].size} entries" in done.stdout
    done = alone(tmp_path, folder / "bundle.jsonl", "--key", evidence.last_key, "--json")
    assert json.loads(done.stdout)["fits"] is True
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(evidence.bundle.replace(b'"kind":"consent.withdraw"', b'"kind":"x"', 1))
    done = alone(tmp_path, bad, "--key", key, "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["fits"], said["first"]) == (4, False, 2)
    assert "entry 2: its bytes do not match its hash" in done.stderr
    assert alone(tmp_path, tmp_path / "none", "--key", key).returncode == 2
    assert alone(tmp_path, bad).returncode == 2


def test_the_file_imports_nothing_of_ours(evidence):
    """The standard library and cryptography."""
    tree = ast.parse(Path(verifier.__file__).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(node.module.partition(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography"}


def test_a_receipt_is_checked_by_its_proof(evidence, tmp_path, capsys):
    """Of its own entry, and not of another; what the entry says is printed."""
    key = tmp_path / "k.key"
    write_root_key(key)
    with knowingly.open(f"sqlite:///{tmp_path}/shop.db", keys=key) as shop:
        receipt = shop.consent.grant("ada", ["train"], notice=NOTICE)
        document, public = receipt.document(), shop.audit.key()
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(document, indent=2))
    assert verifier.main([str(path), "--key", public]) == 0
    assert '"kind":"consent.grant"' in capsys.readouterr().out
    assert verifier.main([str(path), "--key", evidence.first_key]) == 4
    document["knowingly:hasProof"]["knowingly:entry"] += 1
    path.write_text(json.dumps(document))
    assert verifier.main([str(path), "--key", public]) == 4
    assert "another entry" in capsys.readouterr().err
    path.write_text('{"knowingly:hasProof": {}}')
    assert verifier.main([str(path), "--key", public]) == 4


def test_one_proof_is_checked_by_itself(evidence, tmp_path):
    """With the entry it brings, or another file's; not for another key, entry or checkpoint."""
    proof = tmp_path / "five.tlog-proof"
    proof.write_text(evidence.proof)
    done = alone(tmp_path, proof, "--key", evidence.last_key)
    assert done.returncode == 0
    assert "Entry 5 is in the log" in done.stdout
    assert alone(tmp_path, proof, "--key", evidence.first_key).returncode == 4
    entry = tmp_path / "entry.json"
    for index, code in ((5, 0), (4, 4)):
        entry.write_bytes(evidence.leaves[index] + b"\n")
        asked = (proof, "--key", evidence.last_key, "--entry", entry)
        assert alone(tmp_path, *asked).returncode == code
    for old, new in (("index 5", "index 4"), ("index 5", "index 05"), ("@v1", "@v2")):
        proof.write_text(evidence.proof.replace(old, new))
        assert alone(tmp_path, proof, "--key", evidence.last_key).returncode == 4
