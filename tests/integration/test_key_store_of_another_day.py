"""Today's data with a key store from a backup: what it lacks is said, and nothing is made up."""

import pytest

from houses import Files
from knowingly.backup.creating import create
from knowingly.backup.restoring import restore_keys
from knowingly.errors import StoreError
from knowingly.means import find_means


@pytest.fixture
def shop(house, agree):
    """A shop of three."""
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    for person in ("ada", "bob", "cas"):
        agree(shop, person)
        shop.track(person, "view", "tea")
    return shop


@pytest.fixture
def keys_backup(house, shop, tmp_path):
    """The key store as it is now."""
    means = find_means(house.policy, house.key, house.clock)
    create(house.url, None, keys_to=tmp_path / "keys", means=means, clock=house.clock)
    return tmp_path / "keys"


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
