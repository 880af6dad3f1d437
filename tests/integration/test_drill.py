"""The drill passes on a real flow, and fails when anything it looks for is sabotaged."""

import json

import pytest
from typer.testing import CliRunner

import knowingly
from knowingly.backup import restoring
from knowingly.backup.creating import create
from knowingly.backup.drill import drill
from knowingly.cli.app import app
from knowingly.governance import erasure, replay
from knowingly.governance.claims import Claims
from knowingly.governance.erasure import Erasures
from knowingly.means import find_means
from knowingly.recommend.training import forgetting
from knowingly.store import models as stored
from knowingly.store import subjects

QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}
LEARNED, PLAIN, BACK, RESEALED = "t000", "t015", "t001", "t003"


@pytest.fixture
def key_rows(tea_house):
    """The keys that are destroyed later, as a thief has them."""
    columns = "tenant, key_id, created_us, wrapped, tenant_version, first_version"
    return lambda: tea_house.rows(f"SELECT {columns} FROM subject_keys", store="keys")  # noqa: S608


@pytest.fixture
def monday(tea_house, tmp_path, agree, key_rows):
    """A backup; since then three were erased, one came back, one has a new key, some are new."""
    shop = tea_house.open()
    agree(shop, PLAIN, ["personalize"])
    shop.track(PLAIN, "view", "oolong")
    shop.tenant("acme").items.upsert([{"id": "cup"}])
    agree(shop.tenant("acme"), "a1")
    shop.tenant("acme").track("a1", "view", "cup")
    tea_house.clock.forward(hours=2)
    shop.train()
    create(
        tea_house.url,
        None,
        data_to=tmp_path / "monday",
        keys_to=tmp_path / "keys",
        means=find_means(tea_house.policy, tea_house.key, tea_house.clock),
        clock=tea_house.clock,
    )
    tea_house.stolen = key_rows()
    tea_house.clock.forward(days=1)
    for who in (LEARNED, PLAIN, BACK):
        shop.rights.erase(who)
    shop.keys.reseal(RESEALED)
    tea_house.clock.forward(hours=1)
    agree(shop, BACK)
    agree(shop, "new")
    shop.track(BACK, "purchase", "oolong")
    tea_house.close()
    return tmp_path / "monday"


@pytest.fixture
def lapsed(tea_house, tmp_path):
    """A backup with evidence for a claim, whose days have passed since."""
    tea_house.with_policy(evidence={"keep_days_after_erasure": 30})
    shop = tea_house.open()
    shop.rights.erase(LEARNED)
    create(tea_house.url, None, data_to=tmp_path / "lapsed", clock=tea_house.clock)
    tea_house.clock.forward(days=31)
    assert shop.retain(apply=True).claims == 1
    tea_house.close()
    return tmp_path / "lapsed"


def test_evidence_that_was_destroyed_does_not_come_back(lapsed, tea_house, monkeypatch):
    """The restore removes it; where it would not, the drill says so."""
    assert drilled(lapsed, tea_house).passed
    monkeypatch.setattr(Claims, "end_lost", lambda _: 0)
    assert "evidence for claims is there that was destroyed: 1" in faults(lapsed, tea_house)


def test_evidence_that_is_kept_is_of_nobody_erased_since(tea_house, tmp_path):
    """A drill of the key store alone leaves the keys of evidence that must still open."""
    tea_house.with_policy(evidence={"keep_days_after_erasure": 30})
    tea_house.open().rights.erase(LEARNED)
    create(tea_house.url, None, keys_to=tmp_path / "keys", clock=tea_house.clock)
    tea_house.close()
    found = drilled(tmp_path / "keys", tea_house)
    assert (found.passed, [one.erased for one in found.tenants]) == (True, [0])


def drilled(folder, house):
    means = find_means(house.policy, house.key, house.clock)
    return drill(folder, means, url=house.url, key_store=house.place.keys_url)


def faults(folder, house):
    found = drilled(folder, house)
    assert not found.passed
    return "\n".join(fault for one in found.tenants for fault in one.faults)


def test_evidence_of_who_is_erased_again_is_no_fault(tea_house, tmp_path):
    """It is new there, as it was when they were erased: its key is not among today's."""
    tea_house.with_policy(evidence={"keep_days_after_erasure": 30})
    shop = tea_house.open()
    create(tea_house.url, None, data_to=tmp_path / "before", clock=tea_house.clock)
    tea_house.clock.forward(days=1)
    shop.rights.erase(LEARNED)
    tea_house.close()
    found = drilled(tmp_path / "before", tea_house)
    assert [(one.erased, one.faults) for one in found.tenants] == [(1, ())]


def test_the_drill_passes_and_leaves_nothing_behind(monday, tea_house, tmp_path, key_rows):
    """Nor does it change the backup, today's data or today's keys."""
    before = key_rows(), (monday / "data.db").read_bytes(), tea_house.count("ledger_entries")
    listing = sorted(path.name for path in tmp_path.iterdir())
    found = drilled(monday, tea_house)
    assert found.passed, found
    by_name = {one.tenant: one for one in found.tenants}
    assert (by_name["default"].erased, by_name["acme"].erased) == (3, 0)
    assert by_name["default"].people > 100
    assert sorted(path.name for path in tmp_path.iterdir()) == listing
    after = key_rows(), (monday / "data.db").read_bytes(), tea_house.count("ledger_entries")
    assert after == before


def test_it_fails_when_a_destroyed_key_is_back(monday, tea_house):
    """The key, and what it opens in the backup, and whom the restore therefore kept."""
    there = set(tea_house.rows("SELECT key_id FROM subject_keys", store="keys"))
    back = [row for row in tea_house.stolen if (row[1],) not in there]
    assert len(back) == 4
    for row in back:
        tea_house.run("INSERT INTO subject_keys VALUES (?, ?, ?, ?, ?, ?)", *row, store="keys")
    said = faults(monday, tea_house)
    assert "the key store has keys of 3 people who were erased" in said
    assert "sealed rows of people who were erased can be opened" in said
    assert "rows of people who were erased are in events" in said


def test_it_fails_when_the_replay_is_skipped(monday, tea_house, monkeypatch):
    """Their rows are there, without a tombstone, and so is what models learned."""
    monkeypatch.setattr(replay, "without_key", lambda _: [])
    said = faults(monday, tea_house)
    assert "rows of people who were erased are in subjects" in said
    assert "3 people who were erased have no tombstone" in said
    assert "item_item of version 1 has what it learned" in said


def test_it_fails_when_models_stay_in_service(monday, tea_house, monkeypatch):
    """A manifest that does not open is no reason to go on serving any version, or to keep it."""
    monkeypatch.setattr(forgetting, "stop_serving", lambda *_: {})
    assert faults(monday, tea_house).splitlines() == [
        f"the model {name} of version {version} has what it learned from people who were erased"
        for version in (1, 2)
        for name in ("bought_together", "item_item", "popularity", "trending")
    ]


def test_it_fails_when_counts_are_left(monday, tea_house, monkeypatch):
    """A model without parameters is made again from its counts, the erased included."""
    monkeypatch.setattr(stored, "delete_parameters", stored.drop_serving_rows)
    assert "item_item of version 1 has what it learned" in faults(monday, tea_house)


def test_it_fails_without_tombstones(monday, tea_house, monkeypatch):
    """Old events could come back by an import."""
    real = Erasures.replay

    def without(self, subject, **options):
        certificate = real(self, subject, **options)
        with self._tenancy.write() as tx:
            subjects.drop_tombstones(tx, 2**62)
        return certificate

    monkeypatch.setattr(Erasures, "replay", without)
    assert faults(monday, tea_house) == "3 people who were erased have no tombstone"


def test_it_fails_when_rows_are_left(monday, tea_house, monkeypatch):
    """In any table with people in it."""
    tables = [name for name in erasure.tables_to_erase() if name != "events"]
    monkeypatch.setattr(erasure, "tables_to_erase", lambda: tables)
    assert "rows of people who were erased are in events" in faults(monday, tea_house)


def test_it_fails_when_the_living_are_lost(monday, tea_house):
    """A backup that nobody can be read from is none."""
    [[kept]] = tea_house.rows(
        "SELECT key_id FROM subjects WHERE subject = "
        "(SELECT min(s.subject) FROM subjects s JOIN events e ON e.subject = s.subject)"
    )
    tea_house.run("DELETE FROM subject_keys WHERE key_id = ?", kept, store="keys")
    assert "the events of 1 living people do not open" in faults(monday, tea_house)


def test_the_scratch_folder_goes_whatever_happens(monday, tea_house, tmp_path, monkeypatch):
    """It holds a copy of the key store."""
    seen = []

    def fail(*_arguments, **_options):
        seen.extend(tmp_path.glob(".monday.*.drill/keys.db"))
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "replay", fail)
    with pytest.raises(KeyboardInterrupt):
        drilled(monday, tea_house)
    assert len(seen) == 1
    assert not list(tmp_path.glob(".monday.*"))


@pytest.mark.only_sqlite("the key file is put back behind the shop's back")
def test_the_command_says_who_failed(monday, tea_house):
    """Exit 1 with a line for each fault; a damaged backup is exit 4."""
    arguments = ["backup", "drill", str(monday), "--shop", tea_house.url]
    arguments += ["--keys", str(tea_house.key)]
    runner = CliRunner(env=QUIET)
    result = runner.invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "default: 3 of" in result.stdout
    assert "FAILED" not in result.stdout
    for row in tea_house.stolen:
        tea_house.run(
            "INSERT OR IGNORE INTO subject_keys VALUES (?, ?, ?, ?, ?, ?)", *row, store="keys"
        )
    result = runner.invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 1, result.output
    assert not json.loads(result.stdout)["passed"]
    assert "error: default: the key store has keys of 3" in result.stderr
    (monday / "data.db").write_bytes(b"x")
    assert runner.invoke(app, arguments).exit_code == 4


def test_todays_shop_has_to_be_there(monday, tea_house, tmp_path):
    """The drill asks it who was erased."""
    means = find_means(tea_house.policy, tea_house.key, tea_house.clock)
    with pytest.raises(knowingly.StoreError, match="there is no shop"):
        drill(monday, means, url=f"sqlite:///{tmp_path / 'nothing.db'}")
    nothing = f"sqlite:///{tmp_path / 'nothing.keys.db'}"
    with pytest.raises(knowingly.StoreError, match="there is no key store at"):
        drill(monday, means, url=tea_house.url, key_store=nothing)
