"""``knowingly audit`` and ``knowingly-verify``: what is handed over, and what an auditor runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import knowingly
from knowingly.cli.app import app
from knowingly.ledger import verifier

WHO = "canary-person-5c1d"
QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}


def call(*arguments):
    return CliRunner(env=QUIET).invoke(app, arguments, catch_exceptions=False)


def document(*arguments, code=0):
    result = call(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def said(*arguments):
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder as ``init`` leaves it, and a shop in it with one person."""
    for name in ("KNOWINGLY_SHOP", "KNOWINGLY_KEY_STORE", "KNOWINGLY_ROOT_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert call("init").exit_code == 0
    with knowingly.open("sqlite:///shop.db") as opened:
        opened.consent.grant(WHO, ["personalize"], notice="2026-01/en")
    return tmp_path


def test_an_auditor_gets_files_and_checks_them(shop, capsys):
    """Key and checkpoint one day; bundle and proof another, a new key in between."""
    Path("log.pub").write_text(said("audit", "key"))
    Path("old.txt").write_text(said("audit", "checkpoint"))
    told = document("keys", "rotate", "--signing")
    assert told["key"] == said("audit", "key").strip()
    assert said("audit", "export", "--bundle", "b.jsonl").startswith("Wrote")
    assert call("audit", "export", "--bundle", "b.jsonl").exit_code == 1
    Path("p.tlog-proof").write_text(said("audit", "prove", "1"))
    capsys.readouterr()
    assert verifier.main(["b.jsonl", "--key", "log.pub", "--since", "old.txt"]) == 0
    out = capsys.readouterr().out
    assert "the checkpoint you hold" in out
    assert WHO not in out
    assert verifier.main(["p.tlog-proof", "--key", told["key"]]) == 0
    assert verifier.main(["p.tlog-proof", "--key", "log.pub", "--json"]) == 4
    size = document("audit", "checkpoint")["size"]
    again = said("audit", "checkpoint", "--size", str(size))
    assert again == document("audit", "checkpoint")["text"]
    assert document("audit", "verify", "--strict", "--since", "old.txt")["size"] == size
    assert call("audit", "checkpoint", "--size", "999").exit_code == 1


def test_a_log_that_does_not_begin_with_a_checkpoint_ends_with_four(shop):
    """As every verification that finds tampering; a file that is no checkpoint ends with 1."""
    with knowingly.open("sqlite:///shop.db", tenant="other") as other:
        for number in range(9):
            other.consent.grant(f"p{number}", ["personalize"], notice="2026-01/en")
        Path("theirs.txt").write_text(other.audit.checkpoint().text)
    error = document("audit", "verify", "--since", "theirs.txt", code=4)["error"]
    assert "does not begin with" in error["message"]
    Path("none.txt").write_text("x")
    assert call("audit", "verify", "--since", "none.txt").exit_code == 1
    assert call("audit", "verify", "--since", "nowhere.txt").exit_code == 1


def test_the_verifier_is_a_command_of_its_own(shop):
    """Run as the installed script runs it."""
    said_key = said("audit", "key").strip()
    said("audit", "export", "--bundle", "b.jsonl")
    run = "from knowingly.ledger.verifier import main; raise SystemExit(main())"
    command = [sys.executable, "-c", run, "b.jsonl", "--key", said_key]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No checkpoint was held against it" in done.stdout


def test_signing_and_destroying_are_not_one_rotation(shop):
    """The one replaces what signs, the other root keys."""
    assert call("keys", "rotate", "--signing", "--destroy-old").exit_code == 2


def test_maintain_says_what_was_not_handed_on(shop):
    """And does the rest."""
    text = Path("policy.toml").read_text()
    Path("policy.toml").write_text(text.replace('folder = ""', 'folder = "nowhere"'))
    result = call("maintain", "--skip", "train")
    assert result.exit_code == 0
    assert "checkpoint not handed on: the folder of the policy" in result.stderr
    Path("nowhere").mkdir()
    assert "not handed on" not in call("maintain", "--skip", "train").stderr
    assert len(list(Path("nowhere").iterdir())) == 1
