"""A restored backup forgets whom it has to, before anybody can open it."""

import json
import shutil

import pytest
from typer.testing import CliRunner

import knowingly
from houses import House
from knowingly.backup import restoring
from knowingly.backup.creating import create
from knowingly.backup.restoring import restore_data, restore_keys
from knowingly.cli.app import app
from knowingly.means import find_means

QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}
LEARNED, PLAIN, BACK = "t000", "t015", "t001"
"""Somebody whom models learned from, somebody who never agreed, and one who comes back."""


@pytest.fixture
def monday(tea_house, tmp_path, agree):
    """A backup of Monday; since then three were erased, and one of them came back."""
    shop = tea_house.open()
    agree(shop, PLAIN, ["personalize"])
    shop.track(PLAIN, "view", "oolong")
    shop.tenant("acme").items.upsert([{"id": "cup"}])
    agree(shop.tenant("acme"), "a1")
    shop.tenant("acme").track("a1", "view", "cup")
    tea_house.clock.forward(hours=2)
    means = find_means(tea_house.policy, tea_house.key, tea_house.clock)
    folder = tmp_path / "monday"
    create(tea_house.url, None, data_to=folder, means=means, clock=tea_house.clock)
    tea_house.clock.forward(days=1)
    for who in (LEARNED, PLAIN, BACK):
        shop.rights.erase(who)
    tea_house.clock.forward(hours=1)
    agree(shop, BACK)
    shop.track(BACK, "purchase", "oolong")
    tea_house.close()
    return tmp_path / "monday"


@pytest.fixture
def there(tea_house, empty_place):
    """An empty place of the same kind, with the same root key."""
    house = House(tea_house.folder, tea_house.clock, empty_place)
    house.policy = tea_house.policy
    yield house
    house.close()


def restored(folder, house, there, **options):
    means = find_means(house.policy, house.key, house.clock)
    given = {"key_store": house.place.keys_url, "copy_keys_to": there.place.keys_url, **options}
    return restore_data(folder, means, to=there.url, **given)


def test_the_erasures_since_are_done_again(monday, tea_house, there):
    """Rows and keys gone, a tombstone, a certificate, entries in the log; models say nothing."""
    before = tea_house.count("subject_keys", "keys")
    done = restored(monday, tea_house, there)
    by_tenant = {one.tenant: one for one in done.tenants}
    assert (by_tenant["default"].erased, by_tenant["acme"].erased) == (3, 0)
    assert set(by_tenant["default"].models) == {
        "bought_together",
        "item_item",
        "popularity",
        "trending",
    }
    assert by_tenant["acme"].models == ()
    shop = there.open()
    for who in (LEARNED, PLAIN, BACK):
        assert not shop.knows(who)
        old = shop.track(who, "view", "oolong", at=there.clock.ago(days=1))
        assert old.kept == 0
    assert there.rows("SELECT count(*) FROM models WHERE in_service")[0][0] == 0
    assert there.count("model_counts") == there.count("model_rows") == 0
    assert there.count("tombstones") == 3
    certificates = shop.rights.certificates()
    assert len(certificates) == 3
    assert all(one.is_genuine() for one in certificates)
    assert {one.statement["key"] for one in certificates} == {
        "destroyed before this data was restored from a backup"
    }
    assert {one.statement["removed"]["subject_keys"] for one in certificates} == {0}
    kinds = [entry.kind for entry in shop.audit.entries(limit=10_000)]
    assert (kinds.count("erasure.begun"), kinds.count("erasure.done")) == (3, 3)
    assert kinds[-1] == "backup.restored"
    assert shop.audit.verify().size == len(kinds)
    assert tea_house.count("subject_keys", "keys") == before


def test_no_budget_is_spent_twice(monday, tea_house, there):
    """What was released since the backup is not known to it: open periods pay no more."""
    restored(monday, tea_house, there)
    there.with_policy(aggregates={"min_people": 1})
    shop = there.open()
    budget = shop.aggregates.budget()
    assert len(budget.spent) == 2
    assert all(one == pytest.approx(budget.per_period) for one in budget.spent.values())
    with pytest.raises(knowingly.BudgetExhaustedError):
        shop.aggregates.release_bestsellers()


def test_the_living_are_served_again(monday, tea_house, there, gaps):
    """Their history opens, and after a training so do their pages."""
    restored(monday, tea_house, there)
    shop = there.open()
    assert shop.profiles.view("t002", "personalize").events
    assert shop.tenant("acme").profiles.view("a1", "personalize").events
    shop.train()
    assert shop.recommend("t002").basis == "personal"
    assert set(gaps(shop).values()) == {0.0}


def test_todays_key_store_can_be_used_as_it_is(monday, tea_house, there):
    """Where the data alone were lost."""
    restored(monday, tea_house, there, copy_keys_to=None)
    shop = there.open(key_store=tea_house.place.keys_url)
    assert shop.profiles.view("t002", "personalize").events
    assert not shop.knows(LEARNED)


def test_a_restore_that_is_cut_short_cannot_be_opened(monday, tea_house, there, monkeypatch):
    """Until the erasures are done; the next restore begins again."""

    def killed(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "replay", killed)
    with pytest.raises(KeyboardInterrupt):
        restored(monday, tea_house, there)
    assert there.count("events") > 0
    with pytest.raises(knowingly.StoreError, match="erasures since it are not done"):
        there.open()
    monkeypatch.undo()
    restored(monday, tea_house, there)
    assert not there.open().knows(LEARNED)


def test_a_copy_of_the_keys_that_was_cut_short_is_made_anew(
    monday, tea_house, there, monkeypatch, agree
):
    """Whatever the erasures put into it, and whoever came to today's shop meanwhile."""
    tea_house.with_policy(evidence={"keep_days_after_erasure": 30})
    real = restoring.replay

    def killed(tenancy, erasures, *, backup_us):
        real(tenancy, erasures, backup_us=backup_us)
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "replay", killed)
    with pytest.raises(KeyboardInterrupt):
        restored(monday, tea_house, there)
    monkeypatch.undo()
    with pytest.raises(knowingly.StoreError, match="erasures since it are not done"):
        there.open()
    agree(tea_house.open(), "newcomer")
    tea_house.close()
    restored(monday, tea_house, there)
    shop = there.open()
    assert shop.profiles.view("t002", "personalize").events
    assert there.count("subject_keys", "keys") == tea_house.count("subject_keys", "keys") + 3
    with pytest.raises(knowingly.StoreError, match="not empty"):
        restored(monday, tea_house, there)
    assert shop.profiles.view("t002", "personalize").events


def test_a_copy_of_the_keys_alone_opens_as_no_shop(monday, tea_house, there, monkeypatch):
    """Cut short before the data were kept: a new shop must not begin with somebody's keys."""
    real = restoring._copy_keys

    def killed(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "_copy_keys", killed)
    with pytest.raises(KeyboardInterrupt):
        restored(monday, tea_house, there)
    monkeypatch.undo()
    assert there.count("subject_keys", "keys") > 0
    with pytest.raises(knowingly.StoreError, match="run 'knowingly backup restore' again"):
        there.open()
    restored(monday, tea_house, there)
    assert not there.open().knows(LEARNED)


def test_nothing_is_restored_over_anything(monday, tea_house, there):
    """Nor into the shop itself, nor with another shop's keys."""
    with pytest.raises(knowingly.StoreError, match="not empty"):
        restored(monday, tea_house, tea_house, copy_keys_to=None)
    there.open()
    there.close()
    with pytest.raises(knowingly.StoreError, match="another shop"):
        restored(monday, tea_house, there, key_store=there.place.keys_url, copy_keys_to=None)


def test_keys_of_people_erased_since_go_with_the_next_maintenance(tea_house, there, tmp_path):
    """A restored key store brings them back; today's data does not use them."""
    shop = tea_house.open()
    means = find_means(tea_house.policy, tea_house.key, tea_house.clock)
    create(tea_house.url, None, keys_to=tmp_path / "keys", means=means, clock=tea_house.clock)
    shop.rights.erase(LEARNED)
    known = shop.stats()["people"]
    tea_house.close()
    restore_keys(tmp_path / "keys", means, to=there.place.keys_url)
    with pytest.raises(knowingly.StoreError, match="not empty"):
        restore_keys(tmp_path / "keys", means, to=there.place.keys_url)
    assert there.count("subject_keys", "keys") == known + 1
    tea_house.clock.forward(hours=2)
    shop = tea_house.open(key_store=there.place.keys_url)
    assert shop.recommend("t002").basis == "personal"
    assert shop.maintain(skip=["train", "release"]).keys_swept == 1
    tea_house.close()


def test_the_command_asks_about_lost_choices(monday, tea_house, there):
    """Nothing happens before that; then it says what was erased again."""
    options = ["--key-store", tea_house.place.keys_url, "--copy-keys-to", there.place.keys_url]
    options += ["--to", there.url, "--keys", str(tea_house.key), "--json"]
    arguments = ["backup", "restore", str(monday), *options]
    runner = CliRunner(env=QUIET)
    result = runner.invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 1, result.output
    assert "--accept-lost-choices" in json.loads(result.stdout)["error"]["message"]
    result = runner.invoke(app, [*arguments, "--accept-lost-choices"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert {one["tenant"]: one["erased"] for one in told["tenants"]} == {"default": 3, "acme": 0}
    assert "record every choice" not in result.stderr
    assert not there.open().knows(LEARNED)


def test_a_shop_with_a_copy_of_the_keys_is_told_of_its_root_key(monday, tea_house, there):
    """To destroy the old root key of one shop would otherwise close the other for good."""
    options = ["--key-store", tea_house.place.keys_url, "--copy-keys-to", there.place.keys_url]
    options += ["--to", there.url, "--keys", str(tea_house.key), "--accept-lost-choices"]
    arguments = ["backup", "restore", str(monday), *options]
    result = CliRunner(env=QUIET).invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "give it a key file of its own before" in result.stderr
    own = there.folder / "own.key"
    shutil.copy(tea_house.key, own)
    tea_house.open().keys.rotate(destroy_old=True)
    with pytest.raises(knowingly.RootKeyError, match="is not here"):
        there.open()
    shop = there.open(keys=own)
    assert shop.profiles.view("t002", "personalize").events
    assert shop.keys.rotate(destroy_old=True).left == ()


def test_a_key_store_without_a_tenants_keys_is_refused(monday, tea_house, there):
    """Everybody of theirs would be taken for erased."""
    tea_house.run("DELETE FROM tenant_keys WHERE tenant = ?", "acme", store="keys")
    with pytest.raises(knowingly.StoreError, match="no keys of acme"):
        restored(monday, tea_house, there)
