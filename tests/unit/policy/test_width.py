"""What widens a purpose, and what does not."""

import pytest

from knowingly.policy import Policy, load_policy

MAILER = {"name": "Mail Ltd", "role": "processor", "country": "IE"}
FIELD = {"title": "Phone", "purposes": ["share"], "category": "contact"}
OLD = load_policy().model_copy(update={"recipients": {"mailer": MAILER}})


def changed(policy: Policy = OLD, **share) -> Policy:
    said = {**policy.purposes["share"].model_dump(), **share}
    return policy.model_copy(update={"purposes": {**policy.purposes, "share": said}})


WIDER = {
    "another recipient": changed(recipients=["mailer"]),
    "another category of data": changed(data=["behaviour", "purchase", "contact"]),
    "a field of another category": OLD.model_copy(update={"data": {"phone": FIELD}}),
    "kept longer": changed(keep_days=731),
    "asked less often": changed(valid_days=396),
    "never asked again": changed(valid_days="never"),
    "a higher version": changed(version=2),
}


@pytest.mark.parametrize("name", WIDER)
def test_a_wider_purpose_outgrows_its_notices(name):
    """And no other purpose does."""
    stands = WIDER[name].after([OLD])
    assert stands.covering("share") == frozenset()
    assert stands.covering("train") == {"2026-01/en"}


@pytest.mark.parametrize("name", WIDER)
def test_what_becomes_narrower_is_covered_as_before(name):
    """By the notice that told of the wider purpose, once it is there."""
    new = {**OLD.notices[0].model_dump(), "id": "new", "text": "New words."}
    covers = {**new["covers"], "share": WIDER[name].purposes["share"].version}
    wider = WIDER[name].model_copy(update={"notices": [{**new, "covers": covers}]})
    narrower = OLD.model_copy(update={"notices": [new]})
    assert narrower.after([wider]).covering("share") == {"new"}


@pytest.mark.parametrize(
    "change", [{"title": "T"}, {"description": "D."}, {"dpv": ["Marketing"]}, {"minimum_age": 18}]
)
def test_other_lines_ask_nobody(change):
    assert changed(**change).after([OLD]).covering("share") == {"2026-01/en"}


@pytest.mark.parametrize("key", ["name", "role", "country"])
def test_a_recipient_that_became_another_is_a_new_one(key):
    """Under the same id; and the same one under another id is not."""
    before = changed(recipients=["mailer"])
    other = {"name": "Post Ltd", "role": "controller", "country": "US"}
    swapped = before.model_copy(update={"recipients": {"mailer": {**MAILER, key: other[key]}}})
    assert swapped.after([before]).covering("share") == frozenset()
    share = {**before.purposes["share"].model_dump(), "recipients": ["post"]}
    renamed = before.model_copy(
        update={
            "recipients": {"post": MAILER},
            "purposes": {**before.purposes, "share": share},
        }
    )
    assert renamed.after([before]).covering("share") == {"2026-01/en"}


def test_a_field_of_a_category_that_the_purpose_names_widens_nothing():
    before = changed(data=["behaviour", "purchase", "contact"])
    after = before.model_copy(update={"data": {"phone": FIELD}})
    assert after.after([before]).covering("share") == {"2026-01/en"}


def test_every_special_field_is_data_of_its_own():
    """Health is not religion, though both are special."""
    special = {**FIELD, "special": True, "explicit_consent": True}
    one = OLD.model_copy(update={"data": {"faith": special}})
    two = OLD.model_copy(update={"data": {"faith": special, "health": special}})
    assert two.after([one]).covering("share") == frozenset()
    assert two.covering("share") == {"2026-01/en"}


def test_raising_what_a_known_notice_covers_does_not_help():
    """The words are the same: they cannot tell of more than they did."""
    wider = changed(version=2)
    notice = wider.notices[0].model_dump()
    claimed = wider.model_copy(
        update={"notices": [{**notice, "covers": {**notice["covers"], "share": 2}}]}
    )
    assert claimed.covering("share") == {"2026-01/en"}
    assert claimed.after([OLD]).covering("share") == frozenset()
