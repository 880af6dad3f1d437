"""``knowingly consent`` and the questions of ``knowingly audit``, in every form of output."""

import csv
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import knowingly
from knowingly.cli.app import app

WHO = "canary-person-7f3a"
STAFF = "canary-operator-51c2"
NOTICE = "2026-01/en"
QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}


def call(*arguments: str) -> Result:
    return CliRunner(env=QUIET).invoke(app, arguments, catch_exceptions=False)


def document(*arguments: str, code: int = 0) -> dict:
    result = call(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def table(*arguments: str) -> list[dict[str, str]]:
    """What a command prints with ``--csv``."""
    result = call(*arguments, "--csv")
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def lines(*arguments: str) -> list[dict]:
    """What a command prints with ``--jsonl``."""
    result = call(*arguments, "--jsonl")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def shop(tmp_path, monkeypatch, shop_url) -> Path:
    """Somebody who agreed on a banner in Germany, and took one purpose back by telephone."""
    monkeypatch.chdir(tmp_path)
    assert call("init").exit_code == 0
    how = ("--surface", "banner", "--jurisdiction", "DE", "--by", "subject")
    told = call("consent", "grant", WHO, "personalize", "train", "--notice", NOTICE, *how)
    assert told.exit_code == 0, told.output
    assert "Recorded as entry 1: grant of personalize, train." in told.stdout
    assert WHO not in told.output
    return tmp_path


def test_a_choice_is_recorded_and_told(shop):
    """Who typed it is an operator, unless something else is said; withdrawing asks for nothing."""
    assert document("consent", "status", WHO)["purposes"][0]["reason"] == "granted"
    told = call("consent", "withdraw", WHO, "--as", STAFF)
    assert told.exit_code == 0
    assert STAFF not in told.output
    rows = table("consent", "status", WHO)
    assert {(one["allowed"], one["reason"]) for one in rows} == {("no", "withdrawn")}
    [*_, last] = [one for one in lines("consent", "log", WHO) if one["kind"] == "consent.withdraw"]
    assert (last["by"], last["who"]) == ("operator", STAFF)
    assert call("consent", "object", WHO, "measure").exit_code == 0
    assert call("consent", "refuse", WHO, "share", "--notice", NOTICE).exit_code == 0
    reasons = {one["purpose"]: one["reason"] for one in lines("consent", "status", WHO)}
    assert (reasons["measure"], reasons["share"]) == ("objected", "refused")


def test_why_is_told_for_any_moment(shop):
    """With the sentence, the status, and how the choice was made."""
    told = call("consent", "explain", WHO, "train")
    assert told.exit_code == 0
    assert "allowed (granted)" in told.stdout
    assert "Consent status (DPV): ConsentGiven" in told.stdout
    assert "banner" in told.stdout
    assert WHO not in told.output
    [row] = table("consent", "explain", WHO, "train", "--at", "2001-01-01")
    assert (row["allowed"], row["reason"], row["status"]) == ("no", "no_record", "ConsentUnknown")
    [entry] = document("consent", "explain", WHO, "train")["entries"]
    assert entry["details"]["jurisdiction"] == "DE"
    later = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    refused = call("consent", "explain", WHO, "train", "--at", later)
    assert refused.exit_code == 1
    assert "not in the future" in refused.stderr
    with knowingly.open(os.environ["KNOWINGLY_SHOP"]) as opened:
        token = opened.recommend(WHO).decision
    assert "personalize" in call("consent", "explain", token).stdout


def test_the_history_is_listed_in_every_form(shop):
    """And each look is in the next."""
    assert call("consent", "status", WHO).exit_code == 0
    assert [one["kind"] for one in lines("consent", "log", WHO)] == ["consent.grant", "read.status"]
    assert [one["kind"] for one in table("consent", "log", WHO)][-1] == "read.log"
    told = call("consent", "log", WHO).stdout
    assert "consent.grant" in told
    assert WHO not in told
    assert document("consent", "log", WHO)["entries"][0]["details"]["surface"] == "banner"


@pytest.mark.parametrize("command", [("log", "x1"), ("status", "x1"), ("log", "bad id ")])
def test_nobody_is_told_of_as_nobody(shop, command):
    """Without a word of who was asked for."""
    result = call("consent", *command)
    assert result.exit_code == 1
    assert command[1] not in result.output


def test_an_auditors_questions_are_answered(shop):
    """Counts, entries, dates and seconds; no person in any of them."""
    assert call("consent", "withdraw", WHO, "train").exit_code == 0
    [row] = table("audit", "choices", "--by", "surface,jurisdiction", "--until", "2999-01-01")[1:]
    assert row == {
        "surface": "banner",
        "jurisdiction": "DE",
        "action": "grant",
        "choices": "1",
        "people": "1",
    }
    seen = call("audit", "seen", NOTICE)
    assert "People: 1. Choices: grant 1." in seen.stdout
    assert document("audit", "seen", NOTICE)["entries"] == [1]
    [soon] = document("audit", "expiring", "--days", "800")["expiring"]
    assert (soon["purpose"], soon["people"], list(soon["by_day"].values())) == (
        "personalize",
        1,
        [1],
    )
    assert table("audit", "expiring", "--days", "800")[0]["consents"] == "1"
    took = {one["where"]: one["noes"] for one in lines("audit", "latency")}
    assert took == {"profiles_and_models": 1, "destinations": 0}
    kinds = [one["kind"] for one in table("audit", "unfounded")]
    assert kinds == ["events", "traits", "models", "releases", "disclosures", "exports"]
    assert WHO not in call("audit", "unfounded").output


def test_what_stands_on_nothing_fails_the_command(shop):
    """So that a job notices."""
    call("consent", "status", WHO)
    with knowingly.open(os.environ["KNOWINGLY_SHOP"]) as opened:
        opened.items.upsert([{"id": "cup"}])
        assert opened.track(WHO, "view", "cup").kept == 1
    assert call("audit", "unfounded").exit_code == 0
    with knowingly.open(os.environ["KNOWINGLY_SHOP"]) as opened, opened._tenancy.write() as tx:
        tx.connection.exec_driver_sql("UPDATE events SET day = 1")
    result = call("audit", "unfounded")
    assert result.exit_code == 1
    assert "1 uses stand on no valid basis" in result.stderr
    assert document("audit", "unfounded", code=1)["unfounded"][0]["reasons"] == {"too_old": 1}


def test_the_log_is_searched(shop):
    """By kind, time, person and actor; what may be more is said to be."""
    assert call("consent", "withdraw", WHO, "train", "--as", STAFF).exit_code == 0
    found = table("audit", "search", "--kind", "consent", "--limit", "1")
    assert [one["kind"] for one in found] == ["consent.grant"]
    assert "--start 2" in call("audit", "search", "--kind", "consent", "--limit", "1").stderr
    assert lines("audit", "search", "--since", "2999-01-01") == []
    assert [one["entry"] for one in lines("audit", "search", "--purpose", "train")] == [1, 2]
    [no] = lines("audit", "search", "--subject", WHO, "--kind", "consent.withdraw")
    assert no["who"] == STAFF
    by_actor = call("audit", "search", "--actor", STAFF)
    assert "consent.withdraw" in by_actor.stdout
    assert STAFF not in by_actor.output
    assert len(document("audit", "search", "--actor", "subject")["entries"]) == 1


@pytest.mark.parametrize(
    "bad",
    [
        ("audit", "search", "--since", "canary-time-1"),
        ("audit", "search", "--since", "2026-03-01T12:00:00"),
        ("audit", "search", "--csv", "--jsonl"),
        ("audit", "choices", "--csv", "--json"),
        ("audit", "expiring", "--days", "-1"),
        ("consent", "explain", "token", "--at", "2026-03-01"),
        ("consent", "grant", "canary-person-7f3a", "train"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(shop, bad):
    """With exit code 2, and without repeating what was written."""
    result = call(*bad)
    assert result.exit_code == 2, result.output
    assert "canary" not in result.output


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(shop, start):
    """An employee's name is not ours to trust either."""
    name = f"{start}cmd|canary"
    assert call("consent", "withdraw", WHO, "train", "--as", name).exit_code == 0
    [no] = table("audit", "search", "--subject", WHO, "--kind", "consent.withdraw")
    assert no["who"] == f"'{name}"
    [plain] = lines("audit", "search", "--subject", WHO, "--kind", "consent.withdraw")
    assert plain["who"] == name
