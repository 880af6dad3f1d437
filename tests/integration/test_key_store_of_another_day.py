"""Today's data with a key store from a backup: what it lacks is said, and nothing is made up."""

from contextlib import closing
from datetime import datetime

import pytest

from houses import Files
from knowingly.backup.creating import create
from knowingly.backup.restoring import restore_keys
from knowingly.backup.signing import keyrings
from knowingly.errors import RootKeyError, SealError, StoreError
from knowingly.means import find_means
from knowingly.store.database import Database
from knowingly.vault.shredding import Shredding


@pytest.fixture
def shop(house, agree):
    """A shop of three."""
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    for person in ("ada", "bob", "cas"):
        agree(shop, person)
        shop.track(person, "view", "tea")
    return shop


def backed_up(house, folder):
    """A backup of the key store as it is now."""
    means = find_means(house.policy, house.key, house.clock)
    create(house.url, None, keys_to=folder, means=means, clock=house.clock)
    return folder


@pytest.fixture
def keys_backup(house, shop, tmp_path):
    """The key store as it is now."""
    return backed_up(house, tmp_path / "keys")


def opens(house, folder):
    """Whether today's root keys open a backup of the key store."""
    means = find_means(house.policy, house.key, house.clock)
    with closing(Database(f"sqlite:///{folder / 'keys.db'}")) as keys:
        try:
            return bool(list(keyrings(means, keys)))
        except RootKeyError:
            return False


def brought_back(house, folder):
    """Lose the key store and restore this one in its place; the shop, opened again."""
    house.close()
    if isinstance(house.place, Files):
        house.keys.unlink()
    else:
        for table in ("subject_keys", "tenant_secrets", "tenant_keys", "root_versions", "key_shop"):
            house.run(f"DELETE FROM {table}", store="keys")  # noqa: S608
    means = find_means(house.policy, house.key, house.clock)
    restore_keys(folder, means, to=house.place.keys_url)
    return house.open()


def test_a_merchant_whose_keys_are_lost_is_not_given_new_ones(house, shop, keys_backup, agree):
    """Under another secret nobody of theirs would be found, and the erased could come back."""
    acme = shop.tenant("acme")
    agree(acme, "zoe")
    agree(acme, "yan")
    acme.rights.erase("yan")
    shop = brought_back(house, keys_backup)
    assert len(shop.profiles.view("ada", "personalize").events) == 1
    before = house.count("tenant_keys", "keys")
    for opening in (lambda: shop.tenant("acme"), lambda: house.open(tenant="acme")):
        with pytest.raises(StoreError, match="no keys of acme, whose data are here"):
            opening()
    assert house.count("tenant_keys", "keys") == before
    assert shop.tenant("new").name == "new"


def test_a_signing_key_that_is_lost_is_not_replaced_by_an_older_one(house, shop, keys_backup):
    """The older one cannot vouch for its follower: no bundle would ever be believed again."""
    shop.keys.rotate_signing()
    shop = brought_back(house, keys_backup)
    before = house.count("tenant_secrets", "keys"), shop.audit.verify().size
    for _ in range(2):
        with pytest.raises(StoreError, match="older than the signing key that the log names"):
            shop.keys.rotate_signing()
    assert (house.count("tenant_secrets", "keys"), shop.audit.verify().size) == before


def test_a_batch_goes_in_without_who_came_after_the_backup(  # noqa: PLR0917 - fixtures
    house, shop, keys_backup, agree, tmp_path, clock
):
    """Their rows are refused, each as a row; a single event of theirs is an error."""
    agree(shop, "late")
    shop = brought_back(house, keys_backup)
    order = {"subject": "late", "id": "o1", "at": clock.now, "lines": [{"item": "tea"}] * 2}
    rows = [
        {"subject": "late", "kind": "view", "item": "tea"},
        {"subject": "ada", "kind": "view", "item": "tea"},
        order,
        {"subject": "nobody", "kind": "view", "item": "tea"},
    ]
    intake = shop.track(rows)
    assert (intake.kept, intake.dropped) == (1, {"no_record": 1})
    assert [(one.row, one.field) for one in intake.refused] == [(0, "subject"), (2, "subject")]
    assert "restore a newer backup of it" in intake.refused[0].expected
    assert "late" not in repr(intake)
    for strict in (
        lambda: shop.track("late", "view", "tea"),
        lambda: shop.track(rows, strict=True),
    ):
        with pytest.raises(SealError, match="key is not in the key store"):
            strict()
    (tmp_path / "events.csv").write_text("subject,kind,item\nlate,view,tea\nbob,view,tea\n")
    report = shop.import_file(tmp_path / "events.csv")
    assert report.kept == 1
    assert len(shop.profiles.view("ada", "personalize").events) == 2


def test_a_certificate_claims_no_key_that_was_not_there(
    house, shop, keys_backup, agree, monkeypatch
):
    """Who came after the backup has none: nothing is left to destroy or to overwrite."""
    agree(shop, "late")
    shop = brought_back(house, keys_backup)
    with pytest.raises(SealError, match="restore a newer backup of it, or erase"):
        shop.rights.export("late")
    with monkeypatch.context() as busy:
        busy.setattr(Shredding, "overwrite", lambda _: False)
        shop.rights.erase("late")
    shop.maintain()
    [certificate] = shop.rights.certificates()
    assert certificate.statement["removed"]["subject_keys"] == 0
    assert certificate.statement["key"] == "before this erasure: it was not in the key store"
    assert shop.rights.erase("ada").statement["removed"]["subject_keys"] == 1


def test_a_rotation_that_the_key_store_has_forgotten_still_counts(house, shop, tmp_path):
    """Copies made after it open as long as its root key lives, whatever the key store knows."""
    backup = backed_up(house, tmp_path / "first")
    house.clock.forward(days=10)
    shop.keys.rotate()
    shop.keys.rotate()
    later = backed_up(house, tmp_path / "later")
    house.clock.forward(days=1)
    shop = brought_back(house, backup)
    certificate = shop.rights.erase("cas")
    assert certificate.root_keys == [one.name for one in shop.keys.status().root_keys]
    assert opens(house, later)
    house.clock.forward(days=1)
    done = shop.keys.rotate()
    assert set(done.left) == set(certificate.root_keys) - {done.root}
    assert shop.keys.status().tenant_version == 4
    house.clock.forward(days=1)
    assert set(shop.keys.rotate(destroy_old=True).destroyed) == set(certificate.root_keys)
    assert not opens(house, later)
    [certificate] = shop.rights.certificates()
    assert certificate.horizon == shop.now().isoformat()
    assert shop.keys.status().horizon == shop.now()
    kinds = [entry.kind for entry in shop.audit.entries(limit=100)]
    assert kinds.count("keys.rotated") == 4
    shop.audit.verify()


def test_no_horizon_is_told_that_a_forgotten_root_key_undoes(house, shop, tmp_path):
    """The oldest root key alive is one that the key store knows nothing of."""
    backup = backed_up(house, tmp_path / "first")
    house.clock.forward(days=10)
    shop.keys.rotate()
    later = backed_up(house, tmp_path / "later")
    house.clock.forward(days=1)
    shop = brought_back(house, backup)
    shop.rights.erase("cas")
    house.clock.forward(days=1)
    shop.keys.rotate(destroy_old=True)
    [certificate] = shop.rights.certificates()
    assert opens(house, later)
    assert certificate.horizon is None
    told = shop.keys.status().horizon
    assert told is None or told <= datetime.fromisoformat(certificate.statement["begun"])
