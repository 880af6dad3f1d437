"""A new key for one person: nothing they did changes, and the old key is gone."""

import sqlite3
from contextlib import closing

import pytest

from knowingly.errors import SealError, StoreError, UnknownSubjectError
from knowingly.governance import reseal as module
from knowingly.profiles import views
from knowingly.profiles.datamap import FIELDS
from knowingly.recommend.training import publishing as training
from knowingly.vault.keyring import Keyring


def person_row(shop, subject):
    with shop._tenancy.read() as snapshot:
        lookup = shop._tenancy.keyring.lookup(subject)
        return snapshot.connection.exec_driver_sql(
            "SELECT subject, key_id, name_salt FROM subjects WHERE lookup=?", (lookup,)
        ).one()


def sealed_rows(house, subject):
    with closing(sqlite3.connect(house.data)) as connection:
        statement = "SELECT body FROM {} WHERE subject=?"
        return {
            table: {row[0] for row in connection.execute(statement.format(table), (subject,))}
            for table in module.PLACES
        }


def test_every_table_with_something_sealed_of_a_person_is_resealed():
    """The data map says which they are; what outlives an erasure is under keys of its own."""
    sealed = {
        field.table
        for field in FIELDS
        if field.personal and field.form == "sealed" and field.erase == "deleted"
    }
    assert set(module.PLACES) == sealed


SIZE = {
    "title": "Size",
    "purposes": ["personalize"],
    "kind": "number",
    "category": "purchase",
}


def test_nothing_changes_but_the_key(tea_house):
    """Page, profile and export are as before; every sealed row is another; the log says so."""
    tea_house.policy = tea_house.policy.model_copy(update={"data": {"size": SIZE}})
    tea = tea_house.open()
    tea.profiles.set("t000", {"size": 42})
    tea.profiles.link("t000", "email", "t000@example.org")
    tea.rights.hold("t000", reason="a dispute")
    before = tea.recommend("t000"), tea.profiles.view("t000", "personalize")
    exported = tea.rights.export("t000")
    row = person_row(tea, "t000")
    bodies = sealed_rows(tea_house, row.subject)
    done = tea.keys.reseal("t000")
    after = person_row(tea, "t000")
    assert after.key_id != row.key_id
    assert after.name_salt == row.name_salt
    assert done.overwritten
    new = sealed_rows(tea_house, row.subject)
    for table, old in bodies.items():
        assert old
        assert done.rows[table] == len(old)
        assert not old & new[table]
    page = tea.recommend("t000")
    assert [(hit.item, hit.score) for hit in page] == [(hit.item, hit.score) for hit in before[0]]
    assert tea.profiles.view("t000", "personalize") == before[1]
    assert tea.profiles.find("email", "t000@example.org") == "t000"
    again = tea.rights.export("t000")
    for section in ("events", "consent_records", "manifests", "identities", "holds"):
        assert again[section] == exported[section]
    kinds = [entry["kind"] for entry in again["ledger_details"]]
    assert "subject.resealed" in kinds
    tea.rights.release_hold("t000")
    tea.profiles.set("t000", {"size": 43})
    assert tea.profiles.view("t000", "personalize").traits["size"].value == 43
    tea.audit.verify()


def test_retention_knows_the_fields_of_someone_with_a_new_key(tea_house):
    """Their names outlive the key, or every trait would seem undeclared."""
    tea_house.policy = tea_house.policy.model_copy(update={"data": {"size": SIZE}})
    tea = tea_house.open()
    tea.profiles.set("t000", {"size": 42})
    tea.keys.reseal("t000")
    assert tea.maintain(skip=["train", "release"]).traits_expired == 0
    assert tea.profiles.view("t000", "personalize").traits["size"].value == 42


def test_an_order_is_found_again_under_a_new_key(tea):
    """Sent again it changes nothing, and edited it is replaced: its rows keep their names."""
    order = {
        "subject": "t000",
        "id": "o-1",
        "at": tea.now(),
        "lines": [{"item": "assam", "quantity": 2}],
    }
    assert tea.track([order]).kept == 1
    tea.keys.reseal("t000")
    assert tea.track([order]).duplicates == 1
    assert tea.track([{**order, "lines": [{"item": "oolong"}]}]).kept == 1
    seen = tea.profiles.view("t000", "personalize").events
    assert [event.item for event in seen if event.order == "o-1"] == ["oolong"]


def test_the_old_key_is_in_no_file_and_opens_nothing(tea, tea_house):
    """In the key store nor in its log."""
    row = person_row(tea, "t000")
    with closing(sqlite3.connect(tea_house.keys)) as connection:
        [(wrapped,)] = connection.execute(
            "SELECT wrapped FROM subject_keys WHERE key_id=?", (row.key_id,)
        ).fetchall()
    tea.keys.reseal("t000")
    stored = b"".join(path.read_bytes() for path in tea_house.folder.glob("shop.keys.db*"))
    assert wrapped not in stored
    assert row.key_id not in stored
    with pytest.raises(SealError):
        tea._tenancy.keyring.cipher(row.key_id)


def test_a_duplicate_is_found_after_it(shop, agree):
    """The name of an event does not hang on the key."""
    agree(shop, "ada")
    shop.items.upsert([{"id": "tea"}])
    assert shop.track("ada", "view", "tea", event_id="e1").kept == 1
    shop.keys.reseal("ada")
    assert shop.track("ada", "view", "tea", event_id="e1").duplicates == 1
    assert shop.track("ada", "view", "tea", event_id="e2").kept == 1


def test_models_forget_a_resealed_person_exactly(tea, gaps):
    """The manifest went with them."""
    tea.keys.reseal("t000")
    assert tea.rights.erase("t000").statement["models"] == dict.fromkeys(
        ("bought_together", "item_item", "popularity", "trending"), "exact"
    )
    assert set(gaps(tea).values()) == {0.0}


def test_another_process_drops_the_old_key(tea, tea_house):
    """At its next look at the data."""
    other = tea_house.open()
    other.recommend("t000")
    old = person_row(tea, "t000").key_id
    assert old in other._tenancy.keyring._ciphers
    tea.keys.reseal("t000")
    assert other.recommend("t000").basis == "personal"
    assert old not in other._tenancy.keyring._ciphers


@pytest.mark.parametrize("call", ["page", "view", "train"])
def test_a_reseal_in_the_middle_of_a_read_is_no_error(tea, tea_house, monkeypatch, call, gaps):
    """Whoever was given a new key after a read began is read again, with the new one."""
    other = tea_house.open()
    real, done = Keyring.present, []

    def resealed_in_between(self, key_ids):
        if not done:
            done.append("t000")
            other.keys.reseal("t000")
        return real(self, key_ids)

    monkeypatch.setattr(Keyring, "present", resealed_in_between)
    if call == "page":
        assert tea.recommend("t000").basis == "personal"
    elif call == "view":
        assert tea.profiles.view("t000", "personalize").events
    else:
        # Left out of this training; what is published is exact all the same.
        assert tea.train().people == 139
        assert set(gaps(tea).values()) == {0.0}
    assert done


def test_a_reseal_during_a_fit_seals_manifests_under_the_new_key(tea, tea_house, monkeypatch, gaps):
    """The keys of the day of publishing count, not those of the reading."""
    other = tea_house.open()
    real, done = training.fit, []

    def resealed_in_between(*args, **kwargs):
        if not done:
            done.append(other.keys.reseal("t000"))
        return real(*args, **kwargs)

    monkeypatch.setattr(training, "fit", resealed_in_between)
    assert tea.train().people == 140
    assert tea.rights.export("t000")["manifests"][0]["events"]
    assert tea.rights.erase("t000").statement["models"]["item_item"] == "exact"
    assert set(gaps(tea).values()) == {0.0}


def test_a_lost_key_cannot_be_replaced(tea, tea_house):
    """It says so, and changes nothing; the key made for it is swept."""
    row = person_row(tea, "t000")
    with closing(sqlite3.connect(tea_house.keys)) as connection, connection:
        connection.execute("DELETE FROM subject_keys WHERE key_id=?", (row.key_id,))
    bodies = sealed_rows(tea_house, row.subject)
    with pytest.raises(SealError):
        tea.keys.reseal("t000")
    assert sealed_rows(tea_house, row.subject) == bodies
    assert person_row(tea, "t000") == row
    tea_house.clock.forward(hours=2)
    assert tea.maintain(skip=("train", "release", "retention")).keys_swept == 1


def test_what_was_recorded_without_the_key_stays(tea, tea_house):
    """A no that was recorded while the key was lost is under the tenant's own key."""
    row = person_row(tea, "t000")
    with closing(sqlite3.connect(tea_house.keys)) as connection, connection:
        kept = connection.execute(
            "SELECT * FROM subject_keys WHERE key_id=?", (row.key_id,)
        ).fetchone()
        connection.execute("DELETE FROM subject_keys WHERE key_id=?", (row.key_id,))
    tea.consent.withdraw("t000", ["measure"])
    with closing(sqlite3.connect(tea_house.keys)) as connection, connection:
        marks = ",".join("?" * len(kept))
        connection.execute(f"INSERT INTO subject_keys VALUES ({marks})", kept)  # noqa: S608
    before = sealed_rows(tea_house, row.subject)["ledger_details"]
    assert tea.keys.reseal("t000").rows["ledger_details"] == len(before) - 1
    assert len(before & sealed_rows(tea_house, row.subject)["ledger_details"]) == 1


def test_two_reseals_at_once_keep_one_key(tea, tea_house, monkeypatch):
    """The second one says that it came too late."""
    other = tea_house.open()
    real = module.find
    done = []

    def resealed_in_between(*args):
        found = real(*args)
        if not done:
            done.append(True)
            other.keys.reseal("t000")
        return found

    monkeypatch.setattr(module, "find", resealed_in_between)
    with pytest.raises(StoreError, match="try again"):
        tea.keys.reseal("t000")
    assert tea.profiles.view("t000", "personalize").events


def test_nobody_else_is_resealed(shop):
    """An unknown person is an error that does not repeat the id."""
    with pytest.raises(UnknownSubjectError) as caught:
        shop.keys.reseal("zqx-nobody")
    assert "zqx" not in str(caught.value)


def test_a_replaced_key_is_an_error_of_the_tree():
    """Whoever does not know it sees that a sealed value did not open."""
    assert issubclass(views.KeyReplacedError, SealError)
