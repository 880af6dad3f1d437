"""A destroyed key's bytes are in no file of the key store; where they may be, it is said."""

import sqlite3

import pytest

from knowingly.ledger import log

pytestmark = pytest.mark.only_sqlite("only there are a key's bytes overwritten; it reads files")


def wrapped_keys(house):
    with sqlite3.connect(house.keys) as file:
        rows = file.execute("SELECT key_id, wrapped FROM subject_keys").fetchall()
    file.close()
    return dict(rows)


def key_of(shop, subject):
    lookup = shop._tenancy.keyring.lookup(subject)
    with shop._tenancy.read() as snapshot:
        return snapshot.connection.exec_driver_sql(
            "SELECT key_id FROM subjects WHERE lookup=?", (lookup,)
        ).scalar_one()


def stored_bytes(house):
    """Everything in the key store's files, its logs included."""
    files = [path for path in house.folder.iterdir() if path.name.startswith(house.keys.name)]
    assert house.keys in files
    return b"".join(path.read_bytes() for path in files)


@pytest.fixture
def crowd(house):
    """A shop with 1,000 keys, made a few at a time so that pages split between them."""
    shop = house.open()
    people = [f"p{number}" for number in range(1_000)]
    for start in range(0, 1_000, 25):
        shop.consent.record(
            {"subject": one, "action": "grant", "purposes": ["train"], "notice": "2026-01/en"}
            for one in people[start : start + 25]
        )
    return shop


def test_an_erased_key_is_in_no_file(house, crowd):
    """Forty of a thousand, one by one: neither the key's bytes nor its name are found again."""
    before = wrapped_keys(house)
    assert len(before) == 1_000
    for number in range(0, 1_000, 25):
        key_id = key_of(crowd, f"p{number}")
        certificate = crowd.rights.erase(f"p{number}")
        assert "overwritten" in certificate.statement["key"]
        assert "not yet" not in certificate.statement["key"]
        stored = stored_bytes(house)
        assert before[key_id] not in stored
        assert before[key_id][-32:] not in stored
        assert key_id not in stored
    assert len(wrapped_keys(house)) == 960


def test_the_bytes_would_be_found_if_they_were_there(house, crowd):
    """The test above can fail: keys that are not erased are found by the same search."""
    crowd._files.keys.truncate()
    stored = stored_bytes(house)
    assert all(wrapped in stored for wrapped in wrapped_keys(house).values())


def test_a_key_store_that_is_being_read_is_said_and_finished_later(house, crowd):
    """The certificate says not yet; maintain finishes, and the log says so."""
    key_id = key_of(crowd, "p7")
    wrapped = wrapped_keys(house)[key_id]
    crowd._files.keys.truncate()
    reader = sqlite3.connect(house.keys, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM subject_keys").fetchone()
    certificate = crowd.rights.erase("p7")
    assert "not yet overwritten" in certificate.statement["key"]
    assert certificate.is_genuine()
    assert wrapped in stored_bytes(house)
    skip = ("train", "release", "retention", "sweep")
    assert crowd.maintain(skip=skip).erasures_finished == 1
    assert wrapped in stored_bytes(house)
    assert crowd.audit.entries(since=0, limit=5_000)[-1].kind == "erasure.done"
    reader.execute("COMMIT")
    reader.close()
    assert crowd.maintain(skip=skip).erasures_finished == 1
    assert wrapped not in stored_bytes(house)
    last = crowd.audit.entries(since=0, limit=5_000)[-1]
    assert last.kind == "erasure.truncated"
    assert last.facts["erasure"] == certificate.statement["erasure"]
    assert crowd.maintain(skip=skip).erasures_finished == 0
    assert crowd.audit.verify().size == last.index + 1


def test_a_destroyed_key_cannot_open_what_it_sealed(house, crowd):
    """Not even with the rows as they were: there is nothing left to open them with."""
    tenancy = crowd._tenancy
    with sqlite3.connect(house.data) as file:
        [(index, body)] = file.execute(
            "SELECT idx, body FROM ledger_details WHERE subject=3"
        ).fetchall()
        [(key_id,)] = file.execute("SELECT key_id FROM subjects WHERE subject=3").fetchall()
    file.close()
    tenancy.keyring.cipher(key_id).open(log.DETAILS, log.row_name(index), body)
    crowd.rights.erase("p2")
    with pytest.raises(Exception, match="not in the key store"):
        tenancy.keyring.cipher(key_id)
