"""``knowingly keys``: what a person at a terminal, and a program, is told of the keys."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import knowingly
from knowingly.cli.app import app

WHO = "canary-person-5c1d"
QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}


def call(*arguments):
    return CliRunner(env=QUIET).invoke(app, arguments, catch_exceptions=False)


def document(*arguments, code=0):
    result = call(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder as ``init`` leaves it, and a shop in it with one person."""
    for name in ("KNOWINGLY_SHOP", "KNOWINGLY_KEY_STORE", "KNOWINGLY_ROOT_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert call("init").exit_code == 0
    with knowingly.open("sqlite:///shop.db") as opened:
        opened.items.upsert([{"id": "tea"}])
        opened.consent.grant(WHO, ["personalize"], notice="2026-01/en")
        opened.track(WHO, "view", "tea")
    return tmp_path


def test_status_says_what_there_is(shop):
    """In words and as a document; the root key only by its public name."""
    told = document("keys", "status")
    assert told["keys_by_version"] == {"1": 1}
    assert (told["horizon"], told["rotating"], told["due"]) == (None, False, None)
    said = call("keys", "status").stdout
    assert told["root_keys"][0]["name"] in said
    assert "none yet" in said
    assert Path("knowingly.key").read_text().strip() not in said


def test_a_rotation_says_what_to_do_next(shop):
    """Back up the new key; destroy the old one, here and elsewhere."""
    first = document("keys", "status")["root_keys"][0]["name"]
    result = call("keys", "rotate")
    assert result.exit_code == 0
    assert "Back it up now" in result.stdout
    assert f"root key {first} is retired" in result.stderr
    assert "--destroy-old" in result.stderr
    result = call("keys", "rotate", "--destroy-old")
    assert f"Destroyed: root key {first}. Destroy every copy" in result.stdout
    assert result.stderr == ""
    assert "no copy brings back who was erased before" in call("keys", "status").stdout
    done = document("keys", "rotate", "--destroy-old")
    assert (done["keys"], done["left"], len(done["destroyed"])) == (1, [], 1)


def test_a_variable_is_rotated_by_its_owner(shop, monkeypatch):
    """The command says what is missing, and records what the owner did."""
    first = Path("knowingly.key").read_text().strip()
    monkeypatch.setenv("KNOWINGLY_ROOT_KEY", first)
    result = call("keys", "rotate")
    assert result.exit_code == 1
    assert "make one" in result.stderr
    knowingly.write_root_key(Path("second.key"))
    second = Path("second.key").read_text().strip()
    monkeypatch.setenv("KNOWINGLY_ROOT_KEY", f"{second} {first}")
    result = call("keys", "rotate", "--destroy-old")
    old = document("keys", "status")["root_keys"][0]["name"]
    assert f"knowingly keys destroyed {old}" in result.stderr
    monkeypatch.setenv("KNOWINGLY_ROOT_KEY", second)
    assert call("keys", "destroyed", "nonsense").exit_code == 1
    assert document("keys", "destroyed", old) == {"destroyed": old}
    assert document("keys", "status")["root_keys"][0]["destroyed"]


def test_an_interrupted_rotation_is_said_and_finished(shop, monkeypatch):
    """By status, and by the next rotation."""

    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("knowingly.vault.rewrap.rewrap", interrupted)
        assert call("keys", "rotate").exit_code == 130
    assert document("keys", "status")["rotating"]
    assert "was interrupted" in call("keys", "status").stdout
    result = call("keys", "rotate")
    assert "finished an interrupted rotation" in result.stderr
    assert not document("keys", "status")["rotating"]


def test_a_person_is_given_a_new_key(shop):
    """How many rows were sealed anew, and never who."""
    told = document("keys", "reseal", WHO)
    assert told == {
        "rows": {
            "events": 1,
            "ledger_details": 1,
            "manifests": 0,
            **dict.fromkeys(("traits", "identities", "holds"), 0),
        },
        "overwritten": True,
    }
    result = call("keys", "reseal", WHO)
    assert "Sealed anew: 1 events, 2 ledger_details, 0 manifests, 0 traits" in result.stdout
    assert WHO not in result.output
    unknown = call("keys", "reseal", "canary-nobody")
    assert unknown.exit_code == 1
    assert "canary" not in unknown.output


def test_a_source_that_no_plugin_opens_is_said_without_its_secrets(shop):
    """With what there is instead."""
    result = call("keys", "status", "--keys", "vault://token-3f@host/shop")
    assert result.exit_code == 1
    assert "vault://…: nothing opens this source" in result.stderr
    assert "token" not in result.output
