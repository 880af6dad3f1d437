"""Checking a policy file: every error with its line, and warnings worth saying."""

import tomllib

import pytest

from knowingly.policy import check_policy, default_policy_text

FULL = """\
[controller]
name = "Tea Ltd"
contact = "privacy@tea.example"
jurisdiction = "IE"
[recipients.mailer]
name = "Mail Ltd"
role = "processor"
country = "IE"
[purposes.share]
title = "Share"
description = "Pass data on."
recipients = ["mailer"]
[[notices]]
id = "a"
language = "en"
text = "We pass data on."
covers = { share = 1 }
"""


@pytest.fixture
def check(tmp_path):
    def look(text):
        path = tmp_path / "policy.toml"
        path.write_text(text, encoding="utf-8")
        return check_policy(path)

    return look


def test_a_whole_policy_has_nothing_to_say(check):
    found = check(FULL)
    assert (found.errors, found.warnings) == ((), ())
    assert tuple(found.policy.purposes) == ("share",)


def test_the_policy_that_ships_asks_to_be_filled_in():
    """And for nothing else."""
    found = check_policy(None)
    assert {one.key for one in found.warnings} == {
        "controller.name",
        "controller.contact",
        "controller.jurisdiction",
        "purposes.share.recipients",
    }
    lines = default_policy_text().splitlines()
    for one in found.warnings:
        assert lines[one.line - 1].startswith(("[", *(f"{part} =" for part in one.key.split("."))))


def test_every_error_is_told_in_the_order_of_the_file(check):
    found = check(
        FULL.replace('"IE"\n[rec', '"Ireland"\n[rec')
        .replace('"processor"', '"helper"')
        .replace('recipients = ["mailer"]', 'dpv = ["to mail"]\nminimum_age = 120\nx = 1')
        .replace('text = "We pass data on."', 'file = "none.txt"')
    )
    assert found.policy is None
    assert [(one.line, one.key) for one in found.errors] == [
        (4, "controller.jurisdiction"),
        (7, "recipients.mailer.role"),
        (12, "purposes.share.dpv[0]"),
        (13, "purposes.share.minimum_age"),
        (14, "purposes.share.x"),
        (18, "notices[0].file"),
    ]
    assert 'a jurisdiction such as "DE"' in found.errors[0].message
    assert "no such file" in found.errors[-1].message


@pytest.mark.parametrize(
    ("before", "after", "key", "cure"),
    [
        ("share = 1 }", "}", "purposes.share", "add a notice that does"),
        ("share = 1 }", "}", "notices[0]", "covers no purpose"),
        ('language = "en"\n', "", "notices[0].language", 'language = "en"'),
        ('recipients = ["mailer"]', "", "recipients.mailer", "no purpose names this recipient"),
        ('recipients = ["mailer"]', "", "purposes.share.recipients", "names nobody"),
        ('"Pass data on."', '"x"\ndata = ["purchase"]', "purposes.share.data", "behaviour"),
        ('"Pass data on."', '"x"\nvalid_days = "never"', "purposes.share.valid_days", "never ages"),
        ('"Pass data on."', '"x"\ndpv = []', "purposes.share", "Data Privacy Vocabulary"),
    ],
)
def test_a_warning_names_line_and_key_and_says_the_cure(check, before, after, key, cure):
    assert before in FULL
    found = check(FULL.replace(before, after))
    assert found.policy is not None
    told = {one.key: one for one in found.warnings}
    assert cure in told[key].message
    assert told[key].line > 1


def test_a_purpose_that_is_off_or_needs_no_consent_needs_no_notice(check):
    for line in ("enabled = false", 'basis = "contract"'):
        found = check(FULL.replace('"Pass data on."', f'"x"\n{line}').replace("share = 1 }", "}"))
        assert "purposes.share" not in {one.key for one in found.warnings}


@pytest.mark.parametrize(
    ("text", "line", "cure"),
    [("\n\na = = 1", 3, "is not TOML"), ("[shop]\nname = 'x'", 1, "rename the table")],
)
def test_a_file_that_is_none_is_an_error_like_others(check, text, line, cure):
    [error] = check(text).errors
    assert error.line == line
    assert cure in error.message


def test_a_file_that_is_not_there_is_an_error_too(tmp_path):
    [error] = check_policy(tmp_path / "policy.toml").errors
    assert "knowingly init" in error.message


def test_a_row_of_things_bought_again_must_not_leave_them_out(check):
    """`buy_again` needs no training, and is told of where the slot hides what it would show."""
    slot = '[slots.again]\nalgorithms = ["buy_again"]\nexclude = ["hidden"]\n'
    assert check(FULL + slot).warnings == ()
    for rules in ("", 'exclude = ["bought"]\n', 'exclude = ["seen"]\nbought_within_days = 3\n'):
        [told] = check(FULL + slot.replace('exclude = ["hidden"]\n', rules)).warnings
        assert told.key == "slots.again.exclude"
    recently = slot.replace('"hidden"]', '"bought"]\nbought_within_days = 7')
    assert check(FULL + recently).warnings == ()


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("default", []),
        ('["ease", "popularity"]', ["ease is not trained"]),
        ("[{ blend = { ease = 1.0, item_item = 1.0 } }]", ["ease is not trained"]),
    ],
)
def test_steps_of_ones_own_must_be_trained_and_those_that_ship_need_not(check, steps, told):
    """The shipped home names what a shop may train; a name of one's own may be misspelt."""
    shipped = tomllib.loads(default_policy_text())["slots"]["home"]["algorithms"]
    blend = ", ".join(f"{name} = {weight}" for name, weight in shipped[0]["blend"].items())
    ours = f'[{{ blend = {{ {blend} }} }}, "popularity", "bestsellers"]'
    own = ours if steps == "default" else steps
    found = check(f"{FULL}\n[slots.home]\nalgorithms = {own}\nk = 12\n")
    assert not found.errors
    assert [one.message.split(":")[0] for one in found.warnings] == told


def test_text_of_another_encoding_is_an_error_in_its_line(tmp_path):
    """Where the editor has to look, as with any other."""
    path = tmp_path / "policy.toml"
    path.write_bytes(b"[controller]\n\nname = '\xe9'\n")
    [error] = check_policy(path).errors
    assert (error.line, error.message) == (3, "is not UTF-8 text: save it as UTF-8")
