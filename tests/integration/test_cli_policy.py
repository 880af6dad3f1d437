"""``knowingly policy``: what a file says, what is wrong with it, and what a change means."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import knowingly
from knowingly.cli.app import app
from knowingly.policy import default_policy_text

QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}
MAILER = '[recipients.mailer]\nname = "Mail Ltd"\nrole = "processor"\ncountry = "IE"\n'
GIVEN = ("recipients = []", 'recipients = ["mailer"]')
NAMED = ("[recipients]\n", f"[recipients]\n{MAILER}")


def call(*arguments: str, code: int = 0) -> Result:
    result = CliRunner(env=QUIET).invoke(app, ["policy", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def document(*arguments: str, code: int = 0) -> dict:
    return json.loads(call(*arguments, "--json", code=code).stdout)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, *changes: tuple[str, str]) -> None:
    text = default_policy_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    Path(name).write_text(text, encoding="utf-8")


def test_check_tells_every_error_with_line_and_cure(folder):
    write("policy.toml", ("k = 10 ", "k = 0 "), ("keep_days = 730", "keep_day = 730"))
    said = call("check", code=1).stdout
    assert "purposes.personalize.keep_day: unknown key: did you mean 'keep_days'?" in said
    assert "slots.home.k: expected an integer, at least 1" in said
    found = document("check", "policy.toml", code=1)
    assert found["digest"] is None
    assert [one["key"] for one in found["errors"]] == [
        "purposes.personalize.keep_day",
        "slots.home.k",
    ]
    assert found["errors"][0]["file"] == "policy.toml"
    assert found["errors"][0]["line"] > 1


def test_check_warns_and_goes_on_unless_it_is_strict(folder):
    """Of the file that is named, of policy.toml here, or of the policy that ships."""
    assert "default.toml is a policy, with 4 warnings." in call("check").stdout
    write("policy.toml")
    assert "policy.toml is a policy" in call("check").stdout
    found = document("check", "--strict", code=1)
    assert found["digest"] == knowingly.load_policy().digest
    assert len(found["warnings"]) == 4
    assert not found["errors"]


def test_check_knows_the_options_of_algorithms(folder):
    """A wrong one is an error in its line; an algorithm that no plugin here has, a warning."""
    write("wrong.toml", ("item_item = {}", "item_item = {neighbors = 3}"))
    said = call("check", "wrong.toml", code=1).stdout
    assert "option neighbors: expected one of its options, which are: " in said
    [error] = document("check", "wrong.toml", code=1)["errors"]
    assert error["key"] == "models.algorithms.item_item"
    assert error["line"] > 1
    write("odd.toml", ("item_item = {}", "item_item = {}\nelsewhere = {}"))
    found = document("check", "odd.toml")
    assert found["errors"] == []
    assert found["warnings"][-1]["key"] == "models.algorithms.elsewhere"
    assert "no plugin has it" in found["warnings"][-1]["message"]


def test_show_is_a_page_for_people_and_a_document_for_programs(folder):
    write("policy.toml", GIVEN, NAMED)
    said = call("show").stdout
    assert "personalize" in said
    assert "Recipient mailer: Mail Ltd (processor, IE)" in said
    assert "13 to 16" in said
    found = document("show", "policy.toml")
    assert found["digest"] == knowingly.load_policy("policy.toml").digest
    assert found["covering"]["train"] == ["2026-01/en"]
    assert found["policy"]["purposes"]["personalize"]["recipients"] == ["mailer"]


def test_diff_says_who_must_be_asked_and_exits_with_5(folder):
    write("old.toml")
    write("new.toml", GIVEN, NAMED)
    said = call("diff", "old.toml", "new.toml", code=5).stdout
    assert (
        "Must be asked again, for personalize (Recommendations for you): everyone who agreed with "
        "2026-01/en, because data is also given to Mail Ltd (processor, IE)."
    ) in said
    assert "No notice covers it as it is now: add one with a new id." in said
    found = document("diff", "old.toml", "new.toml", code=5)
    assert [one["purpose"] for one in found["ask"]] == ["personalize"]


def test_diff_exits_with_0_where_nobody_must_be_asked(folder):
    write("old.toml")
    write("less.toml", ("keep_days = 730", "keep_days = 30"))
    assert call("diff", "old.toml", "old.toml").stdout == "Nothing changes.\n"
    said = call("diff", "old.toml", "less.toml").stdout
    assert "purposes.personalize.keep_days is 30 now, was 730" in said
    assert said.endswith("Nobody must be asked again.\n")
    assert not document("diff", "old.toml", "less.toml")["ask"]


def test_diff_tells_of_purposes_without_consent_and_of_changed_words(folder):
    based = ('basis = "consent"', 'basis = "contract"')
    write("old.toml", based)
    write("new.toml", based, ("keep_days = 730", "keep_days = 900"))
    assert (
        "Must be told, of personalize (Recommendations for you): everyone whose data it uses on "
        "the basis of contract, because events are kept 900 days instead of 730."
    ) in call("diff", "old.toml", "new.toml").stdout
    write("new.toml", based, ("Each choice stands alone", "No choice stands alone"))
    assert (
        "Will not open: the words of the notice 2026-01/en"
        in call("diff", "old.toml", "new.toml", code=5).stdout
    )


def test_a_file_that_is_not_there_is_an_error(folder):
    assert "there is no such file" in call("diff", "old.toml", "new.toml", code=1).stderr
    assert "there is no such file" in call("check", "none.toml", code=1).stdout


def test_history_lists_what_was_in_force(folder, shop_url, house):
    """And for what people were to be asked again."""
    house.close()
    write("policy.toml")
    where = ("--keys", str(house.key), "--key-store", house.place.keys_url, "--shop", house.url)
    assert len(document("history", *where)["policies"]) == 1
    write("policy.toml", ("keep_days = 730", "keep_days = 900"))
    found = document("history", *where)["policies"]
    assert [one["asks"] for one in found] == [[], ["personalize"]]
    assert found[1]["digest"] == knowingly.load_policy("policy.toml").digest
    assert "personalize" in call("history", *where).stdout
