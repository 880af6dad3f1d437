"""What is done to every merchant at once leaves each under their own policy."""

import pytest

import knowingly
from houses import House
from knowingly.backup.creating import create
from knowingly.backup.drill import drill
from knowingly.backup.restoring import restore_data
from knowingly.means import find_means


@pytest.fixture
def theirs(house):
    """Another controller's policy."""
    mine = knowingly.load_policy()
    controller = mine.controller.model_copy(update={"name": "Acme Ltd"})
    notices = [one.model_copy(update={"text": f"{one.text} By Acme."}) for one in mine.notices]
    return mine.model_copy(update={"controller": controller, "notices": notices})


@pytest.fixture
def two(house, theirs, agree):
    """A shop of two merchants, each opened with a policy of their own, and closed."""
    for shop in (house.open(), house.open(tenant="acme", policy=theirs)):
        agree(shop, "ada")
        agree(shop, "bob")
    house.close()
    return house


@pytest.fixture
def there(house, empty_place):
    """An empty place of the same kind."""
    elsewhere = House(house.folder, house.clock, empty_place)
    yield elsewhere
    elsewhere.close()


def activated(shop):
    """How often a policy came into force."""
    return [entry.kind for entry in shop.audit.entries(limit=1_000)].count("policy.activated")


def test_a_rotation_puts_no_policy_into_force(two, theirs):
    """It is called on one merchant's shop and rotates the keys of all."""
    two.open().acting_as("kim").keys.rotate(destroy_old=True)
    two.close()
    acme = two.open(tenant="acme", policy=theirs)
    kinds = [entry.kind for entry in acme.audit.entries(limit=1_000)]
    assert (kinds.count("keys.rotated"), kinds.count("root.destroyed")) == (1, 1)
    assert activated(acme) == 1
    assert activated(two.open()) == 1


def test_a_restore_puts_no_policy_into_force(two, theirs, there, tmp_path):
    """Each is restored, and erased from, under the policy in force there."""
    means = find_means(two.policy, two.key, two.clock)
    create(two.url, None, data_to=tmp_path / "data", means=means, clock=two.clock)
    acme = two.open(tenant="acme", policy=theirs)
    acme.rights.erase("ada")
    two.close()
    places = {"key_store": two.place.keys_url, "copy_keys_to": there.place.keys_url}
    assert drill(tmp_path / "data", means, url=two.url).passed
    restore_data(tmp_path / "data", means, to=there.url, **places)
    acme = there.open(tenant="acme", policy=theirs)
    assert activated(acme) == 1
    [certificate] = acme.rights.certificates()
    assert certificate.statement["shop"] == "Acme Ltd"
    assert activated(there.open(policy=two.policy)) == 1
