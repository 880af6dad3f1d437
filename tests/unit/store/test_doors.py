"""One snapshot to read, one transaction to write, and errors that hold no values."""

import ast
import re
import sqlite3
import threading
import traceback
from pathlib import Path

import pytest
from sqlalchemy import event, insert

import knowingly
from knowingly.errors import StoreError
from knowingly.store.database import Database
from knowingly.store.doors import Store
from knowingly.store.schema import items

CANARY = "canary-value-7781"


def count_items(snapshot):
    return snapshot.connection.exec_driver_sql("SELECT count(*) FROM items").scalar()


def test_a_reader_keeps_its_snapshot_while_another_writes(shop):
    """Every statement sees the same state, and the next reader the new one."""
    tenancy = shop._tenancy
    with tenancy.read() as snapshot:
        before = count_items(snapshot), snapshot.head.item_epoch
        shop.items.upsert([{"id": "a"}, {"id": "b"}])
        assert (count_items(snapshot), snapshot.head.item_epoch) == before == (0, 0)
    with tenancy.read() as snapshot:
        assert (count_items(snapshot), snapshot.head.item_epoch) == (2, 1)


def test_a_reader_cannot_be_blocked_by_a_writer(shop):
    """A page is read while a transaction is open."""
    with shop._tenancy.write():
        assert shop.recommend("ada").basis == "catalog"


def test_a_failing_writer_leaves_nothing(shop):
    """Neither rows nor head."""

    def half():
        with shop._tenancy.write() as tx:
            tx.connection.exec_driver_sql("DELETE FROM ledger_entries")
            tx.head.next_subject = 99
            tx.connection.exec_driver_sql("UPDATE tenants SET next_item=7")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    with shop._tenancy.read() as snapshot:
        assert (snapshot.head.next_subject, snapshot.head.next_item) == (1, 0)
    assert shop.audit.verify().size == 1


def test_the_head_is_saved_with_the_rest(shop):
    """Only what changed of it, when the block ends."""
    with shop._tenancy.write() as tx:
        tx.head.item_epoch += 5
    with shop._tenancy.read() as snapshot:
        assert snapshot.head.item_epoch == 5


def test_two_writers_take_turns(shop):
    """Threads of one process queue; nothing is lost."""

    def bump():
        for _ in range(20):
            with shop._tenancy.write() as tx:
                tx.head.item_epoch += 1

    threads = [threading.Thread(target=bump) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with shop._tenancy.read() as snapshot:
        assert snapshot.head.item_epoch == 80


def quick(connection, _record):
    connection.execute("PRAGMA busy_timeout = 20")


def test_a_database_that_stays_locked_is_a_clear_error(house, monkeypatch):
    """Nothing was written, and the next call works."""
    shop = house.open()
    shop.consent.grant("ada", ["train"], notice="2026-01/en")
    shop._files.data.close()
    event.listen(shop._files.data.engine, "connect", quick)
    other = sqlite3.connect(house.data, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"locked.*nothing was written") as caught:
        shop.consent.withdraw("ada")
    assert "ada" not in str(caught.value)
    other.execute("COMMIT")
    other.close()
    shop.consent.withdraw("ada")
    assert shop.audit.verify().size == 3


def test_a_database_error_shows_no_values(shop):
    """Not in the message, nor in the trace that a log would show."""
    row = {
        "tenant": 1,
        "row": 1,
        "item_id": CANARY,
        "title": CANARY,
        "categories": "",
        "brand": "",
        "in_stock": True,
        "pinned": False,
        "published_us": 0,
        "epoch": 1,
    }
    with pytest.raises(StoreError, match="IntegrityError") as caught, shop._tenancy.write() as tx:
        tx.connection.execute(insert(items), [row, row])
    text = "".join(traceback.format_exception(caught.value))
    assert CANARY not in text
    assert caught.value.__cause__ is None
    assert CANARY not in str(caught.value.__context__)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not a database URL"),
        ("sqlite://", "lives in a file"),
        ("sqlite:///:memory:", "lives in a file"),
        ("sqlite:////no/such/folder/shop.db", "does not exist"),
        ("oracle+nosuch://host/db", "SQLite or PostgreSQL"),
        ("postgresql+psycopg2://host/db", "SQLite or PostgreSQL"),
        ("postgresql+psycopg://host", "name one"),
    ],
)
def test_a_url_that_cannot_be_used_says_what_to_write(url, says):
    """Before anything is made."""
    with pytest.raises(StoreError, match=says):
        Database(url)


def test_a_password_in_a_url_is_not_repeated():
    """Neither where the kind is unknown nor where the server is."""
    for url in (f"oracle://user:{CANARY}@host/db", f"postgresql://:{CANARY}@localhost:1/{CANARY}"):
        with pytest.raises(StoreError) as caught:
            Database(url).identity()
        assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_tenant_that_is_gone_is_a_clear_error(shop):
    """Rather than an empty shop."""
    store = Store(shop._files.data)
    with pytest.raises(StoreError, match="tenant"), store.read(99):
        pass


def test_sqlite_keeps_what_was_promised(shop):
    """Deleted bytes overwritten, a log ahead of the file, every commit on disk, keys checked."""
    expected = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    for database in (shop._files.data, shop._files.keys):
        with database.reading() as connection:
            for name, value in expected.items():
                assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value


def test_database_files_are_their_owners_only(bare_house):
    """SQLite gives its logs the same rights."""
    bare_house.open().items.upsert({"id": "cup"})
    found = list(bare_house.folder.iterdir())
    assert len(found) > 3
    for path in found:
        assert path.stat().st_mode & 0o077 == 0, path


def test_no_statement_is_built_from_values():
    """SQL text in the store has no f-string, %, + or format in it, but for an own table name.

    And for a list of as many places for values as there are values.
    """
    folder = Path(knowingly.__file__).parent / "store"
    built = []
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else None
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name in {"text", "exec_driver_sql", "literal_column", "execute"}:
                for value in node.args[:1]:
                    parts = ast.walk(value) if name != "execute" else [value]
                    if any(isinstance(part, ast.JoinedStr | ast.BinOp) for part in parts):
                        built.append(f"{path.name}: {ast.unparse(value)}")
    assert [line for line in built if "PRAGMA" not in line] == [
        "ledger.py: _NODES.format(places=', '.join((f'(:l{n}, :p{n})' for n in range(count))))",
        "migrate.py: f'SELECT version_num FROM {table}'",
    ]


def test_only_the_store_speaks_sql():
    """No other room has a statement in it; the demo plays an outsider with a copy of the file."""
    root = Path(knowingly.__file__).parent
    words = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b [a-z*]")
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] not in {"store", "demo"}:
            assert not words.search(path.read_text(encoding="utf-8")), path


def test_ids_that_look_like_sql_are_only_ids(shop, agree):
    """Quotes, percent signs and colons come back as they went in."""
    names = ["x'; DROP TABLE items; --", "%s", ":name", '"', "a\\b", "100%"]
    shop.items.upsert([{"id": name, "title": name} for name in names], strict=True)
    for name in names:
        agree(shop, name)
        shop.track(name, "purchase", name, event_id=name, order=name)
        [event] = shop.profiles.view(name, "personalize").events
        assert (event.item, event.title, event.order) == (name, name, name)
        assert shop.rights.erase(name).is_genuine()
    assert len(shop.items) == len(names)


def test_tenants_do_not_see_each_other(shop, agree):
    """Neither items, people, choices, events nor the log."""
    other = shop.tenant("acme")
    shop.items.upsert([{"id": "tea"}])
    agree(shop, "ada")
    shop.track("ada", "view", "tea")
    assert len(other.items) == 0
    assert not other.knows("ada")
    assert not any(decision.allowed for decision in other.consent.status("ada").values())
    agree(other, "ada", ["measure"])
    with pytest.raises(knowingly.UnknownItemError):
        other.track("ada", "view", "tea")
    assert other.profiles.view("ada", "personalize").events == ()
    other.rights.erase("ada")
    assert len(shop.profiles.view("ada", "personalize").events) == 1
    assert {entry.kind for entry in shop.audit.entries()} == {"policy.activated", "consent.grant"}
    assert other.audit.verify().size == 4
