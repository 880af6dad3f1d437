"""Whatever is changed in a stored log, verification says so and names an entry."""

# ruff: noqa: S608 - statements are built from this file's own words, to break a log with

import sqlite3

import pytest

import knowingly
from knowingly.errors import TamperedError
from knowingly.store import ledger as rows
from knowingly.vault.root import write_root_key


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """A shop with a dozen entries, one erasure among them, and its data file."""
    folder = tmp_path_factory.mktemp("log")
    write_root_key(folder / "k.key")
    with knowingly.open(f"sqlite:///{folder}/shop.db", keys=folder / "k.key") as shop:
        grant = shop.consent.grant
        for person in ("ada", "bob", "cyd"):
            grant(person, ["personalize", "train"], notice="2026-01/en")
        shop.consent.withdraw("ada", ["train"])
        shop.consent.refuse("bob")
        shop.consent.object("cyd", ["personalize"])
        grant("dan", ["measure"], notice="2026-01/en")
        shop.rights.export("ada")
        shop.rights.erase("dan")
        grant("ada", ["train"], notice="2026-01/en")
        shop.consent.withdraw("bob")
        assert shop.audit.verify().size == 13
        shop._files.data.truncate()
        file = sqlite3.connect(folder / "shop.db", isolation_level=None)
        yield shop, file
        file.close()


@pytest.fixture(params=[4, rows.BLOCK], ids=["several blocks", "one block"])
def tampered(evidence, request, monkeypatch):
    """Runs statements, verifies, and puts everything back; the index that was named."""
    shop, file = evidence
    monkeypatch.setattr(rows, "BLOCK", request.param)

    def run(*statements):
        file.execute("BEGIN IMMEDIATE")
        tables = ("tenants", "ledger_entries", "ledger_nodes", "ledger_details", "consent_records")
        kept = {name: file.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
        for statement in statements:
            sql, values = statement if isinstance(statement, tuple) else (statement, ())
            assert file.execute(sql, values).rowcount, f"changed nothing: {sql}"
        file.execute("COMMIT")
        try:
            with pytest.raises(TamperedError) as caught:
                shop.audit.verify()
        finally:
            file.execute("BEGIN IMMEDIATE")
            for name, rows in kept.items():
                file.execute(f"DELETE FROM {name}")
                marks = ",".join("?" * len(rows[0]))
                file.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
            file.execute("COMMIT")
        assert str(caught.value).startswith(f"entry {caught.value.index}: ")
        return caught.value.index

    run.file = file
    return run


SIZE = 13


def flipped(blob, at):
    changed = bytearray(blob)
    changed[at] ^= 1
    return bytes(changed)


def test_an_untouched_log_verifies(evidence):
    """The sweep below starts from a log that is whole."""
    shop, _ = evidence
    assert shop.audit.verify().size == SIZE


def test_every_flipped_byte_of_every_leaf_is_named(tampered):
    """One byte in each entry's bytes, at its ends and at every seventeenth place."""
    for index, leaf in tampered.file.execute("SELECT idx, leaf FROM ledger_entries").fetchall():
        for at in sorted({0, len(leaf) - 1, *range(0, len(leaf), 17)}):
            change = ("UPDATE ledger_entries SET leaf=? WHERE idx=?", (flipped(leaf, at), index))
            assert tampered(change) == index


def test_every_flipped_or_deleted_node_is_named(tampered):
    """A node above entries is checked where the last of them completes it."""
    nodes = tampered.file.execute("SELECT level, pos, hash FROM ledger_nodes").fetchall()
    assert {level for level, _, _ in nodes} == {0, 1, 2, 3}
    for level, pos, node in nodes:
        last = ((pos + 1) << level) - 1
        where = "WHERE level=? AND pos=?"
        for at in (0, 15, 31):
            change = f"UPDATE ledger_nodes SET hash=? {where}"
            assert tampered((change, (flipped(node, at), level, pos))) == last
        assert tampered((f"DELETE FROM ledger_nodes {where}", (level, pos))) == last


def test_every_deleted_entry_is_named(tampered):
    """In the middle or at the end."""
    for index in range(SIZE):
        assert tampered(("DELETE FROM ledger_entries WHERE idx=?", (index,))) == index


def test_a_truncated_log_is_named(tampered):
    """Also where leaf, hash and details are cut off together."""
    for keep in range(SIZE):
        cut = [
            (f"DELETE FROM {table} WHERE {column}>=?", (keep,))
            for table, column in (("ledger_entries", "idx"), ("ledger_details", "idx"))
        ]
        cut.append(("DELETE FROM ledger_nodes WHERE level=0 AND pos>=?", (keep,)))
        assert tampered(*cut) == keep


def test_a_truncated_log_with_a_shortened_head_is_named(tampered):
    """The size in the head goes with its frontier."""
    assert tampered(
        f"DELETE FROM ledger_entries WHERE idx={SIZE - 1}",
        f"UPDATE tenants SET ledger_size={SIZE - 1}",
    ) in {SIZE - 2, SIZE - 1}


def test_two_entries_that_change_places_are_named(tampered):
    """The earlier of the two."""
    for first, second in ((0, 1), (3, 4), (2, 9), (11, 12)):
        swap = [
            ("UPDATE ledger_entries SET idx=-1 WHERE idx=?", (first,)),
            ("UPDATE ledger_entries SET idx=? WHERE idx=?", (first, second)),
            ("UPDATE ledger_entries SET idx=? WHERE idx=-1", (second,)),
        ]
        assert tampered(*swap) == first


def test_an_inserted_entry_is_named(tampered):
    """After the end, before the start, or as a copy of another."""
    copy = "INSERT INTO ledger_entries SELECT tenant, {}, leaf FROM ledger_entries WHERE idx=4"
    assert tampered(copy.format(SIZE)) == SIZE
    assert tampered(copy.format(-1)) == 0
    node = f"INSERT INTO ledger_nodes SELECT tenant, 0, {SIZE}, hash FROM ledger_nodes LIMIT 1"
    assert tampered(copy.format(SIZE), node) == SIZE


def test_a_leaf_stored_as_text_is_named(tampered):
    """SQLite takes any type in any column."""
    assert tampered("UPDATE ledger_entries SET leaf=CAST(leaf AS TEXT) WHERE idx=5") == 5


def test_an_index_that_is_no_whole_number_is_named(tampered):
    """Between the one before and the one after, as many rows as ever."""
    assert tampered("UPDATE ledger_entries SET idx=5.5 WHERE idx=6") == 6


def test_a_node_that_is_kept_between_two_places_is_named(tampered):
    """Even one that the bytes of its neighbours give there."""
    nodes = dict(tampered.file.execute("SELECT pos, hash FROM ledger_nodes WHERE level=0"))
    between = nodes[4][16:] + nodes[5][:16]
    move = "UPDATE ledger_nodes SET pos=4.5, hash=? WHERE level=0 AND pos=5"
    assert tampered((move, (between,))) == 5


def test_a_node_stored_as_text_is_named(tampered):
    """The same bytes, which are no hash then."""
    change = "UPDATE ledger_nodes SET hash=CAST(hash AS TEXT) WHERE level=0 AND pos=5"
    assert tampered(change) == 5


def test_an_edited_head_is_named(tampered):
    """Its size up or down, and every byte of its frontier."""
    for size in (0, SIZE - 1, SIZE + 1, 10**6):
        tampered(("UPDATE tenants SET ledger_size=?", (size,)))
    [(frontier,)] = tampered.file.execute("SELECT ledger_frontier FROM tenants").fetchall()
    for at in range(len(frontier)):
        tampered(("UPDATE tenants SET ledger_frontier=?", (flipped(frontier, at),)))
    tampered("UPDATE tenants SET ledger_frontier=x''")


@pytest.mark.parametrize(
    "change",
    [
        "action='grant'",
        "purpose='marketing'",
        "scope='device:x'",
        "at_us=at_us+1",
        "received_us=received_us-1",
        "notice='other'",
        "idx=idx-1",
        "idx=999",
        "subject=77",
    ],
)
def test_an_edited_consent_record_is_named(tampered, change):
    """State cannot be edited on its own: it has to say what its entry says, of the same person."""
    [(index,)] = tampered.file.execute(
        "SELECT idx FROM consent_records WHERE action='withdraw' LIMIT 1"
    ).fetchall()
    named = tampered((f"UPDATE consent_records SET {change} WHERE idx=?", (index,)))
    assert named in {index, index - 1, 999}


def test_every_deleted_consent_record_is_named(tampered):
    """A no that is deleted would bring an earlier yes back."""
    stored = tampered.file.execute("SELECT idx, purpose FROM consent_records").fetchall()
    assert len(stored) > 12
    for index, purpose in stored:
        change = "DELETE FROM consent_records WHERE idx=? AND purpose=?"
        assert tampered((change, (index, purpose))) == index


def test_a_choice_that_is_deleted_with_its_details_is_noticed(tampered):
    """Only an erasure removes details, and it says how many."""
    for hidden in ("DELETE FROM ledger_details", "UPDATE ledger_details SET subject=NULL"):
        [(index,)] = tampered.file.execute(
            "SELECT idx FROM consent_records WHERE action='withdraw' LIMIT 1"
        ).fetchall()
        tampered(
            ("DELETE FROM consent_records WHERE idx=?", (index,)),
            (f"{hidden} WHERE idx=?", (index,)),
        )


def test_an_added_consent_record_is_named(tampered):
    """A grant that nobody recorded points at an entry that does not state it."""
    copied = (
        "INSERT INTO consent_records SELECT tenant, subject, {idx}, {purpose}, action, scope, "
        "at_us, received_us, notice, source, flaw, confirmed, surface, jurisdiction, applied_us "
        "FROM consent_records WHERE action='grant' LIMIT 1"
    )
    tampered(copied.format(idx="idx", purpose="'marketing'"))
    tampered(copied.format(idx="500", purpose="purpose"))
