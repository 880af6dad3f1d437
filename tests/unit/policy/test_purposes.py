"""Ages, terms and recipients: what the policy says of a purpose."""

import pytest

from knowingly.policy import load_policy, parse_policy
from knowingly.policy.purposes import AGES, DPV

NEWS = """
[purposes.news]
title = "News"
description = "Write to people."
"""


@pytest.mark.parametrize(
    ("jurisdiction", "age"),
    [("DE", 16), ("IE", 16), ("ES", 14), ("US", 13), ("US-CA", 13), ("PT", 16), (None, 16)],
)
def test_the_age_is_that_of_where_a_person_is(jurisdiction, age):
    """Or of the country it is a part of; an unknown place is as strict as the default."""
    assert load_policy().age_to_agree("train", jurisdiction) == age


def test_no_place_is_above_the_default_that_ships():
    """So that not knowing where a person is never lowers their age."""
    assert max(AGES.values()) == AGES["default"]


def test_a_shop_may_say_other_ages_and_keeps_those_it_leaves_out():
    policy = parse_policy(NEWS + '[age]\ndefault = 18\nES = 16\n"US-CA" = 16')
    ages = {
        place: policy.age_to_agree("news", place) for place in ("ES", "US-CA", "US", "FR", "PT")
    }
    assert ages == {"ES": 16, "US-CA": 16, "US": 13, "FR": 15, "PT": 18}


def test_a_purpose_can_ask_for_more_years_and_never_for_fewer():
    policy = parse_policy(NEWS + "minimum_age = 15")
    assert [policy.age_to_agree("news", place) for place in ("US", "FR", "DE")] == [15, 15, 16]


def test_the_five_purposes_have_their_terms_and_others_none():
    policy = parse_policy(NEWS + NEWS.replace("news", "share"))
    assert policy.purposes["share"].dpv == DPV["share"]
    assert policy.purposes["news"].dpv == ()
    own = parse_policy(NEWS.replace("news", "share") + 'dpv = ["Marketing"]')
    assert own.purposes["share"].dpv == ("Marketing",)


def test_every_purpose_uses_what_is_kept_of_everybody():
    """Views and purchases are kept for each purpose a person allows, so each says so."""
    assert parse_policy(NEWS).width("news").data == {"behaviour", "purchase"}


def test_a_policy_as_it_stands_is_the_same_policy():
    """Its digest and body are those of the file; only what its notices told is known beside."""
    policy = load_policy()
    stands = policy.after([policy])
    assert (stands.body, stands.digest) == (policy.body, policy.digest)
    assert stands.rules == policy.rules
