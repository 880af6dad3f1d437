"""Which decision lets a purpose see a field."""

import pytest

from knowingly.domain.consent import Decision
from knowingly.policy import DataField
from knowingly.profiles.fields import Fields, may_see

PLAIN = DataField(title="x", purposes=("personalize",))
SPECIAL = PLAIN.model_copy(update={"special": True, "explicit_consent": True})


@pytest.mark.parametrize(
    ("reason", "plain", "special"),
    [
        ("granted", True, True),
        ("signal", True, False),
        ("contract", True, False),
        ("legitimate_interest", True, False),
        ("legal_obligation", True, False),
    ],
)
def test_a_special_field_takes_a_grant_on_record(reason, plain, special):
    """A signal or another basis is enough for others alone."""
    decision = Decision("personalize", True, reason, 0)
    assert may_see(PLAIN, decision) is plain
    assert may_see(SPECIAL, decision) is special


def test_a_purpose_that_is_denied_or_not_the_fields_sees_nothing():
    assert not may_see(PLAIN, Decision("personalize", False, "granted", 0))
    assert not may_see(PLAIN, Decision("measure", True, "granted", 0))


def test_fields_of_plugins_are_found_when_they_come(shop):
    """The policy's come last, so that they hold."""
    from_plugins = {}
    fields = Fields(shop.policy, from_plugins)
    assert fields.all() == {}
    from_plugins["x"] = PLAIN
    assert fields.named("x") is PLAIN
