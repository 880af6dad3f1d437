"""Policies of the past, read by a later release."""

import json

import pytest

from knowingly.domain.consent import Action, ConsentRecord
from knowingly.policy import decide, load_policy, recall

POLICY = load_policy()


def kept(change):
    """The body of the shipped policy, as another release might have written it."""
    said = json.loads(POLICY.body)
    change(said)
    return json.dumps(said)


def allowed(policy, purpose):
    grant = ConsentRecord(purpose, Action.GRANT, 1, 1, 0, notice="2026-01/en")
    return decide(purpose, [grant], policy=policy, at_us=2)


def test_what_was_kept_is_what_was_written():
    assert recall(POLICY.body) == POLICY
    assert recall(POLICY.body).digest == POLICY.digest


def test_keys_that_are_no_longer_known_are_left_out():
    def change(said):
        said["lottery"] = {"on": True}
        said["purposes"]["train"]["mood"] = "good"
        said["notices"][0]["colour"] = ["red", "blue"]

    assert recall(kept(change)).digest == POLICY.digest


def test_keys_that_are_new_since_have_their_default():
    def change(said):
        del said["evidence"], said["purposes"]["train"]["data"], said["notices"][0]["language"]

    assert recall(kept(change)).evidence == POLICY.evidence
    assert allowed(recall(kept(change)), "train").allowed


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("title", lambda said: said["purposes"]["train"].pop("title")),
        ("purpose", lambda said: said["purposes"].update(train=3)),
        ("purposes", lambda said: said.update(purposes=[])),
    ],
)
def test_a_purpose_that_cannot_be_read_denies(name, change):
    """Whatever a person agreed to."""
    assert allowed(recall(kept(change)), "train").reason == "unknown_purpose"


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["notices"][0].pop("text"),
        lambda said: said["notices"][0]["covers"].update(train="2"),
        lambda said: said["notices"][0]["covers"].update(train=9),
        lambda said: said.update(notices="none"),
    ],
)
def test_a_notice_that_cannot_be_read_covers_nothing(change):
    assert allowed(recall(kept(change)), "train").reason == "reconsent"


def test_several_things_are_left_out_one_after_the_other():
    """In lists too, where each that goes changes the places of the next."""

    def change(said):
        said["purposes"]["train"]["data"] = ["smell", "purchase", "taste", "behaviour", "sound"]
        said["slots"]["home"]["k"] = 0
        said["models"].update(min_subjects=9, min_item_subjects=2)

    policy = recall(kept(change))
    assert policy.purposes["train"].data == ("behaviour", "purchase")
    assert policy.slots["home"].k == 10


def test_nothing_at_all_is_a_policy_that_declares_nothing():
    assert recall("{}").purposes == {}
