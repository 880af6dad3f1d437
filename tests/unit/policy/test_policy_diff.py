"""What a change of policy means for people, in plain words."""

import pytest

from knowingly.policy import diff, load_policy
from knowingly.policy.changes import Change

MAILER = {"name": "Mail Ltd", "role": "processor", "country": "IE"}
OLD = load_policy().model_copy(update={"recipients": {"mailer": MAILER}})


def purpose(policy, name="share", **values):
    said = {**policy.purposes[name].model_dump(), **values}
    return policy.model_copy(update={"purposes": {**policy.purposes, name: said}})


def with_notice(policy, **values):
    new = {**policy.notices[0].model_dump(), "id": "new", "text": "New words.", **values}
    return policy.model_copy(update={"notices": [*policy.notices, new]})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"recipients": ["mailer"]}, "data is also given to Mail Ltd (processor, IE)"),
        ({"data": ["behaviour", "purchase", "contact"]}, "it also uses data: contact"),
        ({"keep_days": 900}, "events are kept 900 days instead of 730"),
        ({"valid_days": 400}, "a yes counts 400 days instead of 395 days"),
        ({"valid_days": "never"}, "a yes counts for ever instead of 395 days"),
        ({"version": 2}, "its version is 2 instead of 1"),
    ],
)
def test_it_says_who_must_be_asked_again_for_what_and_why(change, why):
    [asked] = diff(OLD, purpose(OLD, **change)).ask
    assert (asked.purpose, asked.title) == ("share", "Sharing with others")
    assert asked.notices == ("2026-01/en",)
    assert why in asked.why
    assert asked.ask_with == ()


def test_it_names_the_notice_to_ask_with():
    wider = with_notice(purpose(OLD, keep_days=900))
    assert diff(OLD, wider).ask[0].ask_with == ("new",)


@pytest.mark.parametrize(
    "change",
    [{"keep_days": 30}, {"valid_days": 30}, {"data": ["purchase"]}, {"enabled": False}],
)
def test_what_narrows_asks_nobody(change):
    found = diff(OLD, purpose(OLD, **change))
    assert found.changes
    assert not found.ask
    assert not found.inform


def test_a_purpose_that_comes_to_rest_on_consent_asks_everyone():
    before = purpose(OLD, basis="legitimate_interest")
    [asked] = diff(before, OLD).ask
    assert asked.why == ("it rested on legitimate interest, and rests on consent now",)
    assert asked.notices == ()


def test_a_purpose_without_consent_that_widens_must_be_told():
    """Nobody can be asked where nobody is; art. 13(3) and 14(4) still hold."""
    before = purpose(OLD, basis="contract")
    found = diff(before, purpose(before, keep_days=900))
    assert not found.ask
    [told] = found.inform
    assert (told.purpose, told.basis) == ("share", "contract")
    assert told.why == ("events are kept 900 days instead of 730",)
    [turned] = diff(OLD, before).inform
    assert turned.why == ("it rested on consent, and rests on contract now",)


def test_a_notice_that_went_or_covers_less_is_said():
    gone = OLD.model_copy(update={"notices": []})
    assert diff(OLD, gone).ask[0].why == ("the notice 2026-01/en is not in the file any more",)
    less = {**OLD.notices[0].model_dump(), "covers": {"train": 1}}
    [*_, last] = diff(OLD, OLD.model_copy(update={"notices": [less]})).ask
    assert last.why == ("the notice 2026-01/en does not say that it covers it as it is now",)


def test_a_new_purpose_asks_nobody_again():
    news = {"title": "News", "description": "Write."}
    found = diff(OLD, OLD.model_copy(update={"purposes": {**OLD.purposes, "news": news}}))
    assert not found.ask
    assert Change("purposes.news", "is new") in found.changes


def test_other_words_under_the_same_id_are_refused():
    other = {**OLD.notices[0].model_dump(), "text": "Other words."}
    found = diff(OLD, OLD.model_copy(update={"notices": [other]}))
    assert found.refused == ("2026-01/en",)
    assert found.changes == (Change("notices.2026-01/en.text", "says something else"),)


def test_every_line_that_changed_is_told_in_words():
    slot = {**OLD.slots["cart"].model_dump(), "k": 12, "algorithms": ["popularity"]}
    new = OLD.model_copy(
        update={
            "controller": {"name": "Tea Ltd"},
            "slots": {**OLD.slots, "cart": slot},
            "age": {"ES": 16, "PT": 13},
            "recipients": {},
            "identities": {"kinds": ["email", "loyalty"]},
            "aggregates": {"min_people": 9},
        }
    )
    told = {change.key: change.words for change in diff(OLD, new).changes}
    assert told == {
        "controller.name": "is Tea Ltd now, was This shop",
        "slots.cart.algorithms": "is popularity now, was item_item, bestsellers",
        "slots.cart.k": "is 12 now, was 10",
        "age.ES": "is 16 now, was 14",
        "age.PT": "is new: 13",
        "recipients.mailer": "is gone",
        "identities.kinds": "now with loyalty; without customer_id, phone",
        "aggregates.min_people": "is 9 now, was not set",
    }
