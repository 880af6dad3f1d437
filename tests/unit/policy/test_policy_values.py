"""What a policy is once it has been read."""

import copy

import pytest
from pydantic import ValidationError

from knowingly.domain.consent import Action, ConsentRecord
from knowingly.policy import decide, load_policy, parse_policy

PURPOSES = """
[purposes.train]
title = "Train"
description = "Learn."
version = 2
[purposes.news]
title = "News"
description = "Write to people."
valid_days = "never"
"""


def test_the_digest_does_not_depend_on_order():
    head, tail = PURPOSES.split("[purposes.news]")
    swapped = f"[purposes.news]{tail}{head}"
    first = '[[notices]]\nid = "a"\ntext = "A"\ncovers = { train = 2, news = 1 }\n'
    second = '[[notices]]\nid = "b"\ntext = "B"\ncovers = { train = 1 }\n'
    turned = first.replace("train = 2, news = 1", "news = 1, train = 2")
    one = parse_policy(PURPOSES + first + second)
    other = parse_policy(second + turned + swapped)
    assert one.digest == other.digest
    assert len(one.digest) == 64


def test_the_digest_does_not_depend_on_the_order_of_sets():
    text = '[slots.home]\nalgorithms = ["a", "b"]\nexclude = {}\n'
    one = parse_policy(text.replace("{}", '["seen", "basket"]'))
    assert one.digest == parse_policy(text.replace("{}", '["basket", "seen", "seen"]')).digest
    chain = text.replace("{}", '["seen", "basket"]').replace('"a", "b"', '"b", "a"')
    assert one.digest != parse_policy(chain).digest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version = 2", "version = 3"),
        ('"never"', "395"),
        ('"Learn."', '"Learn more."'),
        ("[purposes.news]", "[purposes.letters]"),
    ],
)
def test_the_digest_changes_with_the_content(before, after):
    changed = PURPOSES.replace(before, after)
    assert changed != PURPOSES
    assert parse_policy(PURPOSES).digest != parse_policy(changed).digest


def test_a_policy_is_frozen():
    policy = load_policy()
    with pytest.raises(ValidationError, match="frozen"):
        policy.controller = policy.controller
    with pytest.raises(ValidationError, match="frozen"):
        policy.purposes["train"].enabled = False


def test_valid_days_can_be_never():
    assert parse_policy(PURPOSES).purposes["news"].valid_days is None


def test_a_changed_copy_forgets_the_old_rules_and_digest():
    policy = load_policy()
    assert decide("train", [], policy=policy, at_us=0).reason == "no_record"
    off = policy.purposes["train"].model_copy(update={"enabled": False})
    changed = policy.model_copy(update={"purposes": {**policy.purposes, "train": off}})
    assert decide("train", [], policy=changed, at_us=0).reason == "prohibited"
    assert changed.digest != policy.digest
    assert policy.model_copy(deep=True) == policy == copy.deepcopy(policy)
    with pytest.raises(ValidationError):
        policy.model_copy(update={"purposes": 3})


def test_catalog_may_be_written_last_and_is_implied():
    written = parse_policy('[slots.home]\nalgorithms = ["a", "catalog"]')
    assert written.slots["home"].algorithms == ("a",)


def test_a_purpose_that_widens_needs_a_new_yes():
    text = PURPOSES + '[[notices]]\nid = "a"\ntext = "A"\ncovers = { train = 2 }\n'
    grant = ConsentRecord("train", Action.GRANT, 1, 1, 0, notice="a")
    assert decide("train", [grant], policy=parse_policy(text), at_us=2).allowed
    widened = parse_policy(text.replace("version = 2", "version = 3"))
    assert decide("train", [grant], policy=widened, at_us=2).reason == "reconsent"
