"""An erasure done again after a restore does what the first did, and says what it cannot."""

from datetime import timedelta

import pytest

import knowingly
from houses import House
from knowingly.backup.creating import create
from knowingly.backup.restoring import restore_data
from knowingly.governance.certificate import Certificate
from knowingly.means import find_means

NOTICE = "2026-01/en"
DAYS = 30
MAILER = {"name": "Mailer Ltd", "role": "processor", "country": "IE"}


@pytest.fixture
def there(house, empty_place):
    """An empty place of the same kind, with the same root key."""
    other = House(house.folder, house.clock, empty_place)
    yield other
    other.close()


@pytest.fixture
def backed_up(house, tmp_path):
    """A shop, of which a backup was made: ada and bob have chosen, ada's address was passed on."""
    house.with_policy(evidence={"keep_days_after_erasure": DAYS})
    house.policy = house.policy.model_copy(update={"recipients": {"mailer": MAILER}})
    shop = house.open()
    for who in ("ada", "bob"):
        shop.consent.grant(who, ["marketing"], notice=NOTICE, method="button")
    house.clock.forward(minutes=1)
    shop.consent.withdraw("bob", method="letter")
    shop.rights.disclosed(
        "ada", "mailer", "e-mail", purpose="marketing", reference="canary-name@x.example"
    )
    means = find_means(house.policy, house.key, house.clock)
    create(house.url, None, data_to=tmp_path / "monday", means=means, clock=house.clock)
    shop.made = house.clock.now
    return shop


def restored(house: House, there: House, folder) -> knowingly.Shop:
    there.policy = house.policy
    house.close()
    means = find_means(house.policy, house.key, house.clock)
    restore_data(
        folder / "monday",
        means,
        to=there.url,
        key_store=house.place.keys_url,
        copy_keys_to=there.place.keys_url,
    )
    return there.open()


def lacking(certificate: Certificate) -> str:
    return "\n".join(one["what"] for one in certificate.statement["not_in_the_backup"])


def test_evidence_for_claims_is_made_again(backed_up, house, there, tmp_path, clock):
    """Which choices and when; its days end no later than the first certificate said."""
    clock.forward(days=2)
    first = backed_up.rights.erase("bob")
    clock.forward(days=3)
    shop = restored(house, there, tmp_path)
    [kept] = shop.rights.claims_evidence("bob")
    assert [one.entry.kind for one in kept.choices] == ["consent.grant", "consent.withdraw"]
    assert [one.how for one in kept.choices] == [{}, {}]
    assert kept.until == backed_up.made + timedelta(days=DAYS)
    assert kept.until.date().isoformat() <= first.statement["kept"][0]["until"]
    [again] = shop.rights.certificates()
    assert again.is_genuine()
    assert again.statement["kept"][0]["until"] == kept.until.date().isoformat()
    assert "how each choice was made" in lacking(again)
    assert "disclosures" not in lacking(again)
    assert "how each choice was made" in again.summary()
    clock.forward(days=DAYS)
    assert shop.retain(apply=True).claims == 1
    with pytest.raises(knowingly.UnknownSubjectError):
        shop.rights.claims_evidence("bob")
    assert shop.audit.verify()


def test_no_evidence_is_made_where_its_days_are_over(backed_up, house, there, tmp_path, clock):
    """Counted from the backup: the first erasure cannot have been before it."""
    backed_up.rights.erase("bob")
    clock.forward(days=DAYS)
    shop = restored(house, there, tmp_path)
    assert there.count("claims") == 0
    [again] = shop.rights.certificates()
    assert "how each choice was made" not in lacking(again)


def test_who_was_given_data_cannot_be_read_and_the_certificate_says_so(
    backed_up, house, there, tmp_path, clock
):
    """It was sealed under the key that is gone; nobody is told, and nothing says they were."""
    clock.forward(hours=1)
    first = backed_up.rights.erase("ada")
    assert [one["recipient"] for one in first.statement["recipients"]] == ["mailer"]
    shop = restored(house, there, tmp_path)
    [again] = shop.rights.certificates()
    assert again.statement["recipients"] == []
    assert "the recipients of 1 disclosures, who were not told again" in lacking(again)
    assert "Not in the backup" in again.summary()
    assert shop.rights.notifications() == ()
    assert not [name for name, raw in there.place.files().items() if b"canary-name" in raw]


def test_a_first_certificate_has_nothing_to_say_of_backups(backed_up):
    """Nor has its summary."""
    certificate = backed_up.rights.erase("ada")
    assert "not_in_the_backup" not in certificate.statement
    assert "backup" not in certificate.summary()


def test_root_keys_that_were_destroyed_since_are_said_to_be_again(house, there, tmp_path, agree):
    """A certificate in the backup names them, and would say for ever that they open old copies."""
    shop = house.open()
    agree(shop, "ada")
    shop.rights.erase("ada")
    means = find_means(house.policy, house.key, house.clock)
    create(house.url, None, data_to=tmp_path / "monday", means=means, clock=house.clock)
    house.clock.forward(days=1)
    shop.keys.rotate(destroy_old=True)
    shop = restored(house, there, tmp_path)
    [certificate] = shop.rights.certificates()
    assert certificate.is_genuine()
    assert certificate.horizon == shop.now().isoformat()
    shop.audit.verify()


def test_a_certificate_stays_genuine_where_its_signer_is_lost(house, there, tmp_path, agree):
    """Restored from before a new signing key, nothing leads from its signer to today's."""
    shop = house.open()
    agree(shop, "ada")
    agree(shop, "bob")
    shop.rights.erase("ada")
    means = find_means(house.policy, house.key, house.clock)
    create(house.url, None, data_to=tmp_path / "monday", means=means, clock=house.clock)
    shop.keys.rotate_signing()
    shop = restored(house, there, tmp_path)
    shop.keys.rotate(destroy_old=True)
    shop.rights.erase("bob")
    shop.keys.rotate_signing()
    shop.keys.rotate(destroy_old=True)
    old, new = shop.rights.certificates()
    assert old.is_genuine()
    assert new.is_genuine()
    assert (old.horizon, new.horizon) == (None, shop.now().isoformat())


def test_who_was_told_since_the_backup_is_not_said_to_wait(house, there, tmp_path, clock):
    """An erasure before the backup, whose recipient was told after it."""
    house.policy = house.policy.model_copy(update={"recipients": {"mailer": MAILER}})
    shop = house.open()
    shop.consent.grant("ada", ["marketing"], notice=NOTICE)
    shop.rights.disclosed("ada", "mailer", "e-mail", purpose="marketing")
    waiting = shop.rights.erase("ada").statement["recipients"][0]
    means = find_means(house.policy, house.key, house.clock)
    create(house.url, None, data_to=tmp_path / "monday", means=means, clock=clock)
    shop.rights.note_told(waiting["notification"])
    again = restored(house, there, tmp_path)
    [certificate] = again.rights.certificates()
    assert certificate.is_genuine()
    assert certificate.statement["recipients"] == [
        {**waiting, "told": "after the backup that this data is from"}
    ]
    assert again.rights.notifications() == ()


def test_no_version_of_a_model_comes_back_with_who_was_erased(
    tea, tea_house, empty_place, tmp_path, clock
):
    """What cannot be subtracted, for want of a key, is out of service in every version for good."""
    clock.forward(hours=1)
    tea.train()
    means = find_means(tea_house.policy, tea_house.key, clock)
    create(tea_house.url, None, data_to=tmp_path / "monday", means=means, clock=clock)
    clock.forward(hours=1)
    tea.rights.erase("t000")
    there = House(tea_house.folder, clock, empty_place)
    back = restored(tea_house, there, tmp_path)
    found = back.models.versions()
    assert [one.version for one in found] == [2, 1]
    assert {one.out_of_service for one in found} == {
        ("bought_together", "item_item", "popularity", "trending")
    }
    assert back.models.rollback().algorithms == ()
    assert "item_item is not in service" in back.recommend("t001").notes
    clock.forward(hours=1)
    back.train()
    assert back.recommend("t001").notes == ()
    there.close()
