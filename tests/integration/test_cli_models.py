"""``knowingly models``: the versions that are kept, their cards, going back, and pruning."""

import json

import pytest
from typer.testing import CliRunner

import knowingly
from knowingly.cli.app import app
from knowingly.samples import tea_shop

QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}


def call(*arguments, code=0):
    done = CliRunner(env=QUIET).invoke(app, ["models", *arguments], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


def document(*arguments, code=0):
    return json.loads(call(*arguments, "--json", code=code).stdout)


@pytest.fixture
def folder(tmp_path, monkeypatch, shop_url):
    """A folder with the tea shop and two versions of its models."""
    monkeypatch.chdir(tmp_path)
    assert CliRunner(env=QUIET).invoke(app, ["init"]).exit_code == 0
    with knowingly.open(shop_url) as opened:
        tea_shop(opened)
        opened.train()
        opened.train()
    return tmp_path


def test_versions_are_listed_shown_gone_back_to_and_deleted(folder, shop_url):
    """One life of two versions, in words and as documents; nothing happens unconfirmed."""
    found = document("list")["versions"]
    assert [(one["version"], one["active"]) for one in found] == [(2, True), (1, False)]
    assert "Versions kept: 2, of 2 at most." in call("list").stdout
    cards = document("show", "1")["models"]
    names = ["bought_together", "item_item", "popularity", "trending"]
    assert [one["algorithm"] for one in cards] == names
    assert not cards[0]["active"]
    again = json.loads(call("show", "1", "--algorithm", "popularity", "--format", "json").stdout)
    assert again == {"models": cards[2:3]}
    assert call("show").stdout.startswith("# bought_together, version 2\n")

    assert "nobody is here to confirm" in call("rollback", code=2).stderr
    assert document("list")["versions"] == found
    done = document("rollback", "--yes", "--as", "zqxoperator")
    assert done == {"from_version": 2, "to_version": 1, "algorithms": names}
    with knowingly.open(shop_url) as shop:
        entry = shop.audit.entries(limit=500)[-1]
        assert (entry.kind, entry.facts) == ("models.rolled_back", {"from": 2, "to": 1})
    assert "In service: version 2, after 1;" in call("rollback", "2", "--yes").stdout

    assert "nobody is here to confirm" in call("prune", code=2).stderr
    assert "Versions deleted: 1." in call("prune", "1", "--yes").stdout
    assert document("prune", "--yes") == {"deleted": []}


def test_what_cannot_be_done_is_one_line(folder):
    """No such version, no such model, no number: what there is instead."""
    assert "not in service: 1" in call("rollback", "7", "--yes", code=1).stderr
    assert "not in service: 1" in call("prune", "2", "--yes", code=1).stderr
    assert "kept: 1, 2" in call("show", "7", code=1).stderr
    assert (
        "it has bought_together, item_item, popularity, trending"
        in call("show", "--algorithm", "x", code=1).stderr
    )
    call("rollback", "one", "--yes", code=2)
