"""Choices are recorded whole, with a receipt that names an entry and nobody."""

import base64

import pytest

import knowingly
from knowingly import Action, Choice
from knowingly.errors import ConsentError, InputError

NOTICE = "2026-01/en"


def allowed(shop, subject="ada"):
    return {name for name, said in shop.consent.status(subject).items() if said.allowed}


def test_a_grant_allows_what_it_names(shop):
    """And nothing else; the receipt says what was recorded."""
    receipt = shop.consent.grant("ada", ["train", "measure", "train"], notice=NOTICE)
    assert allowed(shop) == {"train", "measure"}
    assert receipt.purposes == ("train", "measure")
    assert (receipt.action, receipt.notice) == (Action.GRANT, NOTICE)
    assert shop.audit.entries(since=receipt.index)[0].facts["purposes"] == ["train", "measure"]


def test_one_purpose_may_be_given_as_text(shop):
    """Not taken letter by letter."""
    assert shop.consent.grant("ada", "train", notice=NOTICE).purposes == ("train",)
    assert shop.consent.withdraw("ada", "train").purposes == ("train",)


@pytest.mark.parametrize("no", ["withdraw", "refuse", "object"])
def test_a_no_without_purposes_is_about_all(shop, clock, no):
    """And the latest choice counts."""
    shop.consent.grant("ada", ["train", "measure"], notice=NOTICE)
    clock.forward(minutes=1)
    assert getattr(shop.consent, no)("ada").purposes == tuple(shop.policy.purposes)
    assert allowed(shop) == set()
    clock.forward(minutes=1)
    shop.consent.grant("ada", ["measure"], notice=NOTICE)
    assert allowed(shop) == {"measure"}


def test_at_the_same_moment_no_wins(shop):
    """Whichever came first: ties deny."""
    shop.consent.withdraw("ada", ["train"])
    shop.consent.grant("ada", ["train"], notice=NOTICE)
    shop.consent.grant("bob", ["train"], notice=NOTICE)
    shop.consent.withdraw("bob", ["train"])
    for name in ("ada", "bob"):
        assert shop.consent.status(name)["train"].reason == "tie"


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"action": "grant", "purposes": ["nothing"], "notice": NOTICE}, "unknown_purpose"),
        ({"action": "withdraw", "purposes": ["nothing"]}, "unknown_purpose"),
        ({"action": "grant", "notice": NOTICE}, "no_purpose"),
        ({"action": "grant", "purposes": ["train"]}, "no_notice"),
        ({"action": "grant", "purposes": ["train"], "notice": "2020/xx"}, "no_notice"),
        ({"action": "refuse", "notice": "2020/xx"}, "no_notice"),
    ],
)
def test_a_choice_that_could_not_count_is_refused_and_nothing_written(shop, choice, reason):
    """Nor are the good ones of the same call."""
    good = {"subject": "bob", "action": "refuse"}
    with pytest.raises(ConsentError) as caught:
        shop.consent.record([good, {"subject": "ada", **choice}])
    assert caught.value.reason == reason
    assert not shop.knows("bob")
    assert shop.audit.verify().size == 1


def test_a_grant_for_a_purpose_that_has_widened_is_refused(house):
    """The notice covers an earlier version."""
    house.with_purpose("train", version=2)
    with pytest.raises(ConsentError, match="today's 'train'") as caught:
        house.open().consent.grant("ada", ["train"], notice=NOTICE)
    assert (caught.value.reason, caught.value.purpose) == ("reconsent", "train")


def test_a_choice_from_the_future_is_refused(shop, clock):
    """With its row; within the skew of clocks it is taken."""
    ahead = clock.ago(seconds=-200)
    assert shop.consent.grant("ada", ["train"], notice=NOTICE, at=ahead)
    with pytest.raises(InputError, match=r"row 1, at: .*not in the future"):
        shop.consent.record(
            [
                {"subject": "bob", "action": "refuse"},
                {"subject": "ada", "action": "refuse", "at": clock.ago(days=-1)},
            ]
        )
    assert not shop.knows("bob")


def test_an_import_of_old_choices_keeps_when_they_were_made(shop, clock):
    """A choice that arrives late does not beat one made after it."""
    shop.consent.grant("ada", ["train"], notice=NOTICE, at=clock.ago(days=10))
    shop.consent.withdraw("ada", ["train"], at=clock.ago(days=20))
    assert allowed(shop) == {"train"}
    shop.consent.withdraw("ada", ["train"], at=clock.ago(days=5))
    assert allowed(shop) == set()


def test_many_choices_of_one_stranger_open_one_person(shop):
    """In one transaction, with one key, in the order given."""
    receipts = shop.consent.record(
        [Choice(subject="ada", action="grant", purposes=(one,), notice=NOTICE)][0]
        for one in ("train", "measure", "personalize")
    )
    assert [receipt.index for receipt in receipts] == [1, 2, 3]
    assert allowed(shop) == {"train", "measure", "personalize"}
    with shop._files.keys.reading() as connection:
        keys = connection.exec_driver_sql("SELECT count(*) FROM subject_keys").scalar()
    assert keys == 1


def test_a_yes_ages(shop, clock):
    """After the days the policy names, people are asked again."""
    shop.consent.grant("ada", ["train"], notice=NOTICE)
    clock.forward(days=395)
    assert allowed(shop) == {"train"}
    clock.forward(seconds=1)
    assert shop.consent.status("ada")["train"].reason == "expired"


def test_nobody_allows_anything_unasked(shop):
    """Strangers, in words."""
    status = shop.consent.status("nobody")
    assert set(status) == set(shop.policy.purposes)
    assert {said.reason for said in status.values()} == {"no_record"}
    assert not shop.knows("nobody")


def test_a_token_explains_the_page_it_came_with(shop, agree):
    """What was decided, when, and in which state."""
    receipt = agree(shop, "ada")
    page = shop.recommend("ada", signals=[knowingly.Signal("gpc")])
    said = shop.consent.explain(page.decision)
    assert (said.decision.allowed, said.decision.reason) == (True, "granted")
    assert said.decision.rests_on == (receipt.index,)
    assert (said.log_size, said.training, said.signals) == (2, None, ("gpc",))
    assert shop.policy.digest.startswith(said.policy_digest)
    assert said.at == shop.now()


def test_a_token_of_another_tenant_or_changed_is_refused(shop):
    """And so is anything that is no token."""
    token = shop.recommend("ada").decision
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[-1] ^= 1
    changed = base64.urlsafe_b64encode(bytes(raw)).decode()
    for bad in (changed, token[:-4], "", "é", "x" * 5_000, token + "!"):
        with pytest.raises(InputError, match="token"):
            shop.consent.explain(bad)
    with pytest.raises(InputError, match="token"):
        shop.tenant("acme").consent.explain(token)


def test_a_page_with_many_signals_can_still_be_explained(shop):
    """However many a browser sends, and of whatever characters: the first few are named."""
    signals = [knowingly.Signal(f"source-{number}-{'🙂' * 500}") for number in range(60)]
    token = shop.recommend("ada", signals=signals).decision
    assert shop.consent.explain(token).decision.reason == "no_record"
