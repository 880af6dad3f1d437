"""Whoever rewrites a whole log, tree and head included, meets the checkpoints that were kept.

The other file breaks one thing at a time. Here every entry is edited, dropped, moved, and
everything beside it is made right again, as only somebody who knows the format would.
"""

import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import changed

import knowingly
from knowingly.errors import InputError, TamperedError
from knowingly.ledger import merkle
from knowingly.vault.root import write_root_key

TABLES = (
    "tenants",
    "ledger_entries",
    "ledger_nodes",
    "ledger_details",
    "consent_records",
    "checkpoints",
)


class Log:
    """A log whose database is rewritten, and put back."""

    def __init__(self, folder):
        write_root_key(folder / "k.key")
        self.shop = knowingly.open(f"sqlite:///{folder}/shop.db", keys=folder / "k.key")
        for number in range(8):
            # Staff acts: entries that no consent state rests on, so that only the tree holds them.
            self.shop.rights.export(self._person(number))
        self.old = self.shop.audit.checkpoint()
        for number in range(8):
            self.shop.rights.export(f"p{number}")
        self.shop._files.data.truncate()
        self.file = sqlite3.connect(folder / "shop.db", isolation_level=None)
        self.kept = {name: self.file.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}  # noqa: S608
        self.leaves = [row[2] for row in self.kept["ledger_entries"]]

    def _person(self, number):
        self.shop.consent.grant(f"p{number}", ["personalize"], notice="2026-01/en")
        return f"p{number}"

    def rewrite(self, leaves, *, checkpoints):
        """Everything of the log, as if these had been its entries; details as many as entries."""
        frontier = []
        nodes = merkle.grow(0, frontier, map(merkle.leaf_hash, leaves))
        self.file.execute("BEGIN IMMEDIATE")
        for table in ("ledger_entries", "ledger_nodes", "ledger_details"):
            self.file.execute(f"DELETE FROM {table}")  # noqa: S608
        numbered = [(1, index, leaf) for index, leaf in enumerate(leaves)]
        self.file.executemany("INSERT INTO ledger_entries VALUES (?,?,?)", numbered)
        self.file.executemany("INSERT INTO ledger_nodes VALUES (1,?,?,?)", nodes)
        details = self.kept["ledger_details"]
        whose = [details[min(index, len(details) - 1)][2:] for index in range(len(leaves))]
        self.file.executemany(
            "INSERT INTO ledger_details VALUES (1,?,?,?)",
            [(index, *rest) for index, rest in enumerate(whose)],
        )
        self.file.execute(
            "UPDATE tenants SET ledger_size=?, ledger_frontier=?",
            (len(leaves), merkle.pack(frontier)),
        )
        if not checkpoints:
            self.file.execute("DELETE FROM checkpoints")
        self.file.execute("COMMIT")

    def restore(self):
        self.file.execute("BEGIN IMMEDIATE")
        for name, rows in self.kept.items():
            self.file.execute(f"DELETE FROM {name}")  # noqa: S608
            marks = ",".join("?" * len(rows[0]))
            self.file.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608
        self.file.execute("COMMIT")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    made = Log(tmp_path_factory.mktemp("rewritten"))
    yield made
    made.file.close()
    made.shop.close()


def mutations(leaves, index):
    after = leaves[index + 1 :]
    yield "edited", [*leaves[:index], changed(leaves[index]), *after]
    yield "dropped", leaves[:index] + after
    yield "inserted", [*leaves[:index], changed(leaves[index]), *leaves[index:]]
    if index:
        yield "cut off", leaves[:index]
    if after:
        yield "swapped", [*leaves[:index], after[0], leaves[index], *after[1:]]
    yield "rewritten", [changed(leaf) for leaf in leaves]


def caught(log, leaves, *, checkpoints):
    log.rewrite(leaves, checkpoints=checkpoints)
    try:
        with pytest.raises(TamperedError) as error:
            log.shop.audit.verify(since=None if checkpoints else log.old.text)
    finally:
        log.restore()
    return error.value


@pytest.mark.parametrize("checkpoints", [True, False], ids=["kept here", "kept outside"])
def test_every_mutation_of_every_entry_that_a_checkpoint_covers_is_caught(log, checkpoints):
    """By the checkpoints in the database; where those went too, by the one kept outside."""
    assert log.shop.audit.verify(strict=True, since=log.old.text).size == len(log.leaves)
    for index in range(log.old.size):
        for what, leaves in mutations(log.leaves, index):
            assert caught(log, leaves, checkpoints=checkpoints), what


@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_random_rewritings_are_caught(log, data):
    """Any order, any edits, any number of entries left out, as long as something is another."""
    order = data.draw(st.permutations(range(len(log.leaves))))
    order = order[: data.draw(st.integers(1, len(order)))]
    edited = data.draw(st.sets(st.sampled_from(order)))
    leaves = [changed(log.leaves[at]) if at in edited else log.leaves[at] for at in order]
    if leaves[: log.old.size] != log.leaves[: log.old.size]:
        assert caught(log, leaves, checkpoints=False)


def test_what_no_checkpoint_covers_can_be_rewritten(log):
    """The limit of it, which limits.md states: entries that no consent state rests on."""
    made = [*log.leaves[:-1], changed(log.leaves[-1])]
    log.rewrite(made, checkpoints=True)
    try:
        assert log.shop.audit.verify(since=log.old.text).size == len(made)
    finally:
        log.restore()


def test_strict_reads_every_entry(log):
    """One that is spelled another way, with a tree that fits it, passes only without."""
    said = json.loads(log.leaves[-1])
    for leaf in (json.dumps(said).encode(), b'{"at":1,"kind":"x","v":1}'):
        log.rewrite([*log.leaves[:-1], leaf], checkpoints=True)
        try:
            assert log.shop.audit.verify().size == len(log.leaves)
            with pytest.raises(TamperedError) as error:
                log.shop.audit.verify(strict=True)
        finally:
            log.restore()
        assert error.value.index == len(log.leaves) - 1


def test_a_checkpoint_of_another_log_or_none_is_refused(log, tmp_path):
    """Text that is none; one of another shop; one whose signature is not the key's."""
    with pytest.raises(InputError, match="a signed checkpoint"):
        log.shop.audit.verify(since="nothing")
    forged = log.old.text.replace("— knowingly", "— knowinglx")
    with pytest.raises(InputError, match="not signed"):
        log.shop.audit.verify(since=forged)


@pytest.mark.parametrize(
    "leaf",
    [b'"kind":"consent.', b'["kind":"erasure.done"]', b'{"kind":"policy.activated"', b"\xff"],
    ids=["choice", "erasure", "policy", "bytes"],
)
def test_an_entry_that_is_none_is_named(log, leaf):
    """Also without reading every entry, where its words are those of one that has to be read."""
    words = b'"kind":"consent.' if leaf == b"\xff" else b""
    log.rewrite([*log.leaves[:-1], leaf + words], checkpoints=True)
    try:
        with pytest.raises(TamperedError) as error:
            log.shop.audit.verify()
    finally:
        log.restore()
    assert error.value.index == len(log.leaves) - 1
