"""The policy file we ship."""

import hashlib

from knowingly.policy import Policy, default_policy_text, load_policy, parse_policy

FIVE = ("personalize", "train", "measure", "marketing", "share")


def test_the_default_file_declares_the_five_purposes_in_order():
    assert tuple(load_policy().purposes) == FIVE


def test_its_notice_covers_every_purpose_at_its_version():
    policy = load_policy()
    notice = policy.notice("2026-01/en")
    assert notice is not None
    assert notice.covers == {name: policy.purposes[name].version for name in FIVE}
    assert notice.digest == hashlib.sha256(notice.text.encode()).hexdigest()
    assert policy.notice("2025-01/en") is None


def test_every_value_it_writes_out_is_the_default():
    shipped = load_policy()
    bare = Policy(
        purposes={
            name: {"title": purpose.title, "description": purpose.description}
            for name, purpose in shipped.purposes.items()
        },
        notices=shipped.notices,
    )
    assert shipped == bare
    assert shipped.digest == bare.digest


def test_every_section_and_key_of_the_model_stands_in_the_file():
    text = default_policy_text()
    for section, field in Policy.model_fields.items():
        assert f"[{section}" in text
        keys = getattr(field.annotation, "model_fields", {})
        for key in keys:
            assert key in text, f"{section}.{key}"


def test_an_empty_file_is_a_policy_that_declares_no_purpose():
    policy = parse_policy("")
    assert policy.purposes == {}
    assert tuple(policy.slots) == ("home", "product", "cart", "bought-together", "trending")
    assert policy.slots["cart"].algorithms == ("item_item", "bestsellers")


def test_signals_allow_nothing_by_default():
    assert load_policy().signals.accept == {}
