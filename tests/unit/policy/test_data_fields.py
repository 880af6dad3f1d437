"""The data map of the policy file: what a field can say, and what is refused."""

import pytest

from knowingly.errors import PolicyError
from knowingly.policy import DataField, parse_policy

PURPOSES = """\
[purposes.personalize]
title = "P"
description = "p"
[purposes.orders]
title = "O"
description = "o"
basis = "contract"
[data.size]
title = "Shoe size"
purposes = ["personalize"]
"""
FAITH = """\
[data.faith]
title = "x"
purposes = ["personalize", "orders"]
special = true
explicit_consent = true
"""


def test_a_field_has_safe_defaults():
    """Provided text, no special category, exported, deleted by an erasure."""
    field = parse_policy(PURPOSES).data["size"]
    assert (field.source, field.kind, field.category) == ("provided", "text", "other")
    assert (field.special, field.explicit_consent) == (False, False)
    assert (field.export, field.erase, field.keep_days) == (True, "deleted", None)


@pytest.mark.parametrize(
    ("more", "path", "cure"),
    [
        ('titles = "x"', "11 data.size.titles", "did you mean 'title'"),
        ('kind = "colour"', "11 data.size.kind", '"text", "number", "flag"'),
        ('source = "bought"', "11 data.size.source", '"provided", "observed"'),
        ("keep_days = 0", "11 data.size.keep_days", "at least 1"),
        ("max_chars = 1001", "11 data.size.max_chars", "at most 1000"),
        ('erase = "kept"', "11 data.size.erase", '"deleted"'),
        ('kind = "choice"', "8 data.size", "needs at least one"),
        ('choices = ["a"]', "8 data.size", 'choices belong to kind = "choice"'),
        ("export = false", "8 data.size", "export_note says why"),
        ('export_note = "x"', "8 data.size", "export_note says why"),
        ("special = true", "11 data.size.special", "write explicit_consent = true"),
        (
            '[data.shoe]\ntitle = "x"\npurposes = ["personlize"]',
            "13 data.shoe.purposes",
            "declare it as [purposes.personlize]",
        ),
        ('[data.shoe]\ntitle = "x"\npurposes = []', "13 data.shoe.purposes", "not empty"),
        ('[data.shoe]\ntitle = "x"', "11 data.shoe.purposes", "is missing: add purposes ="),
        (
            FAITH,
            "14 data.faith.special",
            'rests on consent alone, and [purposes.orders] has basis = "contract"',
        ),
        ("[identities]\nkinds = ['E-Mail']", "12 identities.kinds[0]", "small letters"),
        ("[intake]\nbots = ['x']", "12 intake.bots[0]", "text"),
    ],
)
def test_an_error_names_line_and_key_and_says_the_cure(more, path, cure):
    """As everywhere in the file."""
    with pytest.raises(PolicyError) as caught:
        parse_policy(PURPOSES + more, "shop.toml")
    assert caught.value.path == f"shop.toml:{path}"
    assert cure in str(caught.value)


def test_a_special_field_with_explicit_consent_is_taken():
    """For purposes that rest on consent."""
    more = "special = true\nexplicit_consent = true"
    assert parse_policy(PURPOSES + more).data["size"].special


def test_two_hundred_fields_are_the_most():
    """A bound, as for purposes."""
    one = '[data.f{}]\ntitle = "x"\npurposes = ["personalize"]\n'
    text = PURPOSES + "".join(map(one.format, range(200)))
    with pytest.raises(PolicyError, match="at most 200 entries"):
        parse_policy(text)


def test_a_field_made_in_code_is_checked_alike():
    """A plugin makes them so."""
    with pytest.raises(ValueError, match="needs at least one"):
        DataField(title="x", purposes=("a",), kind="choice")
