"""``knowingly hold``, ``restrict`` and ``merge``: what staff do for one person; all is logged."""

import json

import pytest
from typer.testing import CliRunner

from knowingly.cli.app import app

QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}
WHO, SESSION = "canary-person-7f3a", "canary-session-7f3a"


@pytest.fixture
def said(house, agree):
    """Run a command in a shop of one person and one session; the document it prints."""
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    agree(shop, WHO, ["personalize"])
    agree(shop, SESSION, ["personalize", "measure"])
    for one in (WHO, SESSION):
        shop.track(one, "view", "tea")

    def run(*arguments, code=0, as_json=True, given=None):
        common = ["--shop", house.url, "--keys", str(house.key)]
        wanted = [*arguments, *common, *(["--json"] if as_json else [])]
        done = CliRunner(env=QUIET).invoke(app, wanted, input=given, catch_exceptions=False)
        assert done.exit_code == code, done.output
        assert WHO not in done.stderr
        return json.loads(done.stdout) if as_json else done

    run.house = house
    return run


def kinds(house):
    return [entry.kind for entry in house.open().audit.entries(limit=1_000)]


def test_a_hold_is_placed_listed_and_lifted(said):
    """The list names the person and the reason, and is itself an entry of the log."""
    assert said("hold", "list") == {"holds": []}
    placed = said("hold", "place", WHO, "--reason", "a dispute")
    assert placed["held"]
    [hold] = said("hold", "list")["holds"]
    assert (hold["subject"], hold["reason"]) == (WHO, "a dispute")
    assert hold["since"]
    assert said("erase", WHO, "--yes", code=1)["error"]["type"] == "HoldError"
    assert said("hold", "place", WHO, "--reason", "again", code=1)["error"]["type"] == "HoldError"
    lifted = said("hold", "lift", WHO)
    assert not lifted["held"]
    assert lifted["entry"] > placed["entry"]
    assert said("hold", "lift", WHO, code=1)["error"]["type"] == "HoldError"
    assert said("hold", "list") == {"holds": []}
    told = [kind for kind in kinds(said.house) if "hold" in kind]
    assert told == ["read.holds", "hold.placed", "read.holds", "hold.released", "read.holds"]


def test_a_hold_without_its_key_is_still_listed(said):
    """Nobody can say whose it is; that there is one stands."""
    said("hold", "place", WHO, "--reason", "a dispute")
    said.house.close()
    said.house.run("DELETE FROM subject_keys", store="keys")
    assert said("hold", "list") == {"holds": [{"subject": None, "since": None, "reason": None}]}
    assert "(the key is lost)" in said("hold", "list", as_json=False).stdout


def test_a_restriction_is_set_and_ended(said):
    """Kept, and used for nothing in between."""
    view = lambda: said.house.open().profiles.view(WHO, "personalize")  # noqa: E731
    on = said("restrict", "on", WHO)
    assert (on["restricted"], on["receipt"]["action"]) == (True, "restrict")
    assert view().decision.reason == "restricted"
    off = said("restrict", "off", WHO)
    assert (off["restricted"], off["receipt"]["action"]) == (False, "unrestrict")
    assert len(view().events) == 1
    assert said("restrict", "on", "nobody", code=1)["error"]["type"] == "UnknownSubjectError"


def test_a_session_is_merged_after_a_yes(said, monkeypatch):
    """Nobody there to ask: nothing happens, and the exit code says the line was wrong."""
    assert said("merge", SESSION, "--into", WHO, code=2)["error"]
    monkeypatch.setattr("knowingly.cli.asking._is_anybody_there", lambda: True)
    refused = said("merge", SESSION, "--into", WHO, code=1, as_json=False, given="n\n")
    assert "nothing was merged" in refused.stderr
    assert said.house.open().knows(SESSION)
    done = said("merge", SESSION, "--into", WHO, "--yes")
    assert (done["events"], done["needs_confirmation"]) == (1, ["measure"])
    assert not said.house.open().knows(SESSION)
    again = said("merge", SESSION, "--into", WHO, "--yes", code=1)
    assert again["error"]["type"] == "UnknownSubjectError"


def test_in_words_they_say_what_was_done(said):
    """One line or a table for people."""
    for arguments, words in (
        (("hold", "place", WHO, "--reason", "a dispute"), "nothing of theirs is deleted"),
        (("hold", "list"), "a dispute"),
        (("hold", "lift", WHO), "goes with the next retention"),
        (("restrict", "on", WHO), "used for nothing"),
        (("restrict", "off", WHO), "their choices decide"),
        (("merge", SESSION, "--into", WHO, "--yes"), "Moved: 1 events"),
    ):
        assert words in said(*arguments, as_json=False).stdout
