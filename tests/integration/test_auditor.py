"""An auditor verifies the log without any key, and can neither open nor change anything."""

import gc
import json
from datetime import date

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

import knowingly
from knowingly.cli.app import app
from knowingly.errors import InputError, StoreError, TamperedError
from knowingly.vault.keyring import Keyring
from knowingly.vault.seal import Cipher

NOTICE = "2026-01/en"


@pytest.fixture
def audited(house, agree):
    """A shop with choices on two days, an erased person and two merchants, closed, without keys."""
    shop = house.open()
    agree(shop, "ada", purposes=["train", "measure"])
    shop.consent.refuse("zqxbob", ["share"])
    house.clock.forward(days=1)
    shop.consent.withdraw("ada", ["train"])
    shop.rights.erase("ada")
    agree(shop.tenant("acme"), "ada", purposes=["train"])
    size = shop.audit.verify()
    house.close()
    return house, size


@pytest.fixture
def auditor(audited, backend):
    """Opened where neither the key store nor a root key is."""
    house, _ = audited
    house.key.rename(house.key.with_suffix(".away"))
    if backend == "sqlite":
        house.keys.rename(house.keys.with_suffix(".away"))
    else:
        house.run("DROP SCHEMA public CASCADE", store="keys")
    with knowingly.open_auditor(house.url) as found:
        yield found


def test_the_log_is_read_and_verified_without_keys(audited, auditor):
    """The same root, size and entries as the shop itself finds."""
    assert auditor.verify() == audited[1]
    kinds = [one.kind for one in auditor.entries(limit=1_000)]
    assert kinds[-1] == "erasure.done"
    assert auditor.entries(since=len(kinds) - 1)[0].kind == "erasure.done"
    assert repr(auditor) == "Auditor(tenant='default')"


def test_choices_are_counted_by_day_erased_people_included(auditor):
    """By choice and purpose; nobody is named."""
    counted = {(one.day, one.choice, one.purpose): one.number for one in auditor.choices_by_day()}
    assert counted == {
        (date(2026, 3, 1), "grant", "train"): 1,
        (date(2026, 3, 1), "grant", "measure"): 1,
        (date(2026, 3, 1), "refuse", "share"): 1,
        (date(2026, 3, 2), "withdraw", "train"): 1,
    }


def test_another_merchant_has_a_log_of_its_own(audited, auditor):
    """And one that is not there is refused, not made."""
    house, _ = audited
    before = house.rows("SELECT name FROM tenants")
    with knowingly.open_auditor(house.url, tenant="acme") as other:
        assert [one.choice for one in other.choices_by_day()] == ["grant"]
    for name in ("zqxnobody", "ZQX!"):
        with pytest.raises(InputError) as caught:
            knowingly.open_auditor(house.url, tenant=name)
        assert "zqx" not in str(caught.value).lower()
    assert house.rows("SELECT name FROM tenants") == before


def test_nothing_can_be_written(audited, auditor):
    """The database itself refuses, also outside a transaction of ours."""
    house, _ = audited
    before = house.rows("SELECT * FROM tenants"), house.count("ledger_entries")
    for statement in ("DELETE FROM ledger_entries", "UPDATE tenants SET name = 'x'"):
        with pytest.raises(StoreError), auditor._data.writing() as connection:
            connection.execute(text(statement))
        with pytest.raises(StoreError), auditor._data.reading() as connection:
            connection.execute(text(statement))
    assert (house.rows("SELECT * FROM tenants"), house.count("ledger_entries")) == before


def test_no_sealed_value_can_be_opened(auditor):
    """No key or cipher can be reached from what an auditor holds; what is shown names nobody."""
    seen, todo = set(), [auditor]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type) or type(one).__name__ == "module":
            continue
        seen.add(id(one))
        assert not isinstance(one, Keyring | Cipher | knowingly.Shop)
        if type(one).__module__.startswith(("knowingly", "builtins")):
            todo += gc.get_referents(one)
    assert len(seen) > 5
    shown = json.dumps([repr(one) for one in auditor.entries(limit=1_000)])
    assert "zqxbob" not in shown


def test_a_changed_entry_is_found(audited, auditor):
    """As by the shop itself."""
    house, _ = audited
    [[leaf]] = house.rows("SELECT leaf FROM ledger_entries WHERE tenant=1 AND idx=2")
    forged = bytes(leaf).replace(b"share", b"train")
    assert forged != bytes(leaf)
    house.run("UPDATE ledger_entries SET leaf=? WHERE tenant=1 AND idx=2", forged)
    with pytest.raises(TamperedError) as caught:
        auditor.verify()
    assert caught.value.index == 2


@pytest.mark.parametrize(("since", "limit"), [(-1, 1), (0, 0), (0, 10_001), ("0", 1)])
def test_a_page_out_of_bounds_is_refused(auditor, since, limit):
    """By its field."""
    with pytest.raises(InputError):
        auditor.entries(since=since, limit=limit)


def test_the_command_line_reads_the_log_without_keys(audited, auditor, tmp_path, monkeypatch):
    """Where the same commands without the option find no key."""
    monkeypatch.chdir(tmp_path)
    where = ("--shop", audited[0].url, "--json")
    for command in ("verify", "entries"):
        done = CliRunner().invoke(app, ["audit", command, "--auditor", *where])
        assert done.exit_code == 0, done.output
        assert CliRunner().invoke(app, ["audit", command, *where]).exit_code == 1
    found = json.loads(CliRunner().invoke(app, ["audit", "verify", "--auditor", *where]).stdout)
    assert found["root"] == audited[1].root


def test_a_checkpoint_that_was_kept_is_held_against_the_log(house, agree):
    """Signed by the key the shop gave out; a log that was begun anew is found."""
    shop = house.open()
    agree(shop, "ada")
    key, kept = shop.audit.key(), shop.audit.checkpoint().text
    shop.consent.withdraw("ada")
    with knowingly.open_auditor(house.url) as auditor:
        assert [one.text for one in auditor.checkpoints()] == [kept]
        assert auditor.verify(since=kept, key=key, strict=True).size > 1
        other = shop.tenant("acme").audit.key()
        with pytest.raises(InputError):
            auditor.verify(since=kept, key=other)
        with pytest.raises(InputError):
            auditor.verify(since="zqx")
        acme = shop.tenant("acme")
        agree(acme, "ada")
        with pytest.raises(TamperedError):
            auditor.verify(since=acme.audit.checkpoint().text)


@pytest.mark.only_sqlite("a file that is not there")
def test_a_shop_that_is_not_there_is_not_made(tmp_path):
    """Reading makes nothing."""
    with pytest.raises(StoreError, match="there is no shop"):
        knowingly.open_auditor(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []
