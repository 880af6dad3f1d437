"""A shop that never chose a policy goes by the one that ships, and by the next release's."""

import pytest

import knowingly
from knowingly.policy import file


@pytest.fixture(autouse=True)
def _nowhere(tmp_path, monkeypatch):
    """A folder without a policy file."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def next_release(monkeypatch):
    """From now on another default ships."""

    def ship():
        text = knowingly.default_policy_text().replace("refresh_days = 7 ", "refresh_days = 9 ")
        assert text != knowingly.default_policy_text()
        monkeypatch.setattr(file, "default_policy_text", lambda: text)

    return ship


def test_the_next_release_may_ship_another_policy(house, next_release):
    """Nobody chose the one before, so nobody is asked to name its file."""
    house.open(policy=None).close()
    next_release()
    shop = house.open(policy=None)
    assert shop.policy.aggregates.refresh_days == 9
    said = [entry.facts for entry in shop.audit.entries() if entry.kind == "policy.activated"]
    assert [one["shipped"] for one in said] == [True, True]
    assert shop.audit.verify(strict=True).size == 2


def test_a_policy_that_was_chosen_is_not_replaced(house, next_release):
    """Left out by a command in another folder, it stays in force."""
    house.open().close()
    next_release()
    with pytest.raises(knowingly.PolicyError, match="a policy of its own"):
        house.open(policy=None)
    assert house.count("policy_activations") == 1


def test_whoever_chose_after_a_shipped_one_has_chosen(house, next_release):
    """What counts is the policy in force."""
    house.open(policy=None).close()
    own = house.policy.model_copy(update={"aggregates": {"refresh_days": 3}})
    house.open(policy=own).close()
    next_release()
    with pytest.raises(knowingly.PolicyError, match="a policy of its own"):
        house.open(policy=None)


def test_a_tenant_beside_keeps_its_own(house, next_release):
    """The shop's other merchants are asked each for themselves."""
    house.open(tenant="acme").close()
    house.open(policy=None, tenant="default").close()
    next_release()
    house.open(policy=None, tenant="default").close()
    with pytest.raises(knowingly.PolicyError, match="a policy of its own"):
        house.open(policy=None, tenant="acme")


def test_a_tenant_of_a_shop_that_chose_none_keeps_its_own(house, next_release):
    """Asked for by the shop that is open, as when it is opened by name."""
    house.open(tenant="acme").close()
    next_release()
    shop = house.open(policy=None)
    with pytest.raises(knowingly.PolicyError, match="a policy of its own"):
        shop.tenant("acme")
    assert shop.tenant("new").audit.entries()[0].facts["shipped"]
