"""What a notice covers, over random histories of policies."""

from itertools import permutations

from hypothesis import assume, given
from hypothesis import strategies as st

from knowingly.domain.consent import Action, ConsentRecord
from knowingly.policy import Policy, PolicyDiff, decide, diff, recall

IDS = ("a", "b", "c")
RECIPIENTS = {
    "mail": {"name": "Mail Ltd", "role": "processor", "country": "IE"},
    "ads": {"name": "Ads Inc", "role": "controller", "country": "US"},
}
DATA = ("behaviour", "purchase", "contact")

purposes = st.fixed_dictionaries(
    {
        "title": st.just("News"),
        "description": st.just("Write to people."),
        "version": st.integers(1, 2),
        "data": st.lists(st.sampled_from(DATA), min_size=1, unique=True),
        "recipients": st.lists(st.sampled_from(sorted(RECIPIENTS)), unique=True),
        "keep_days": st.sampled_from((30, 60)),
        "valid_days": st.sampled_from((30, 60, "never")),
    }
)


@st.composite
def policies(draw):
    purpose = draw(purposes)
    covers = st.integers(1, purpose["version"])
    ids = draw(st.lists(st.sampled_from(IDS), unique=True))
    return Policy(
        purposes={"news": purpose},
        recipients=RECIPIENTS,
        notices=[{"id": one, "text": one, "covers": {"news": draw(covers)}} for one in ids],
    )


def reason(policy, notice):
    grant = ConsentRecord("news", Action.GRANT, 1, 1, 0, notice=notice)
    return decide("news", [grant], policy=policy, at_us=2).reason


def told_in(policy, notice):
    """What that policy and notice said, as plain sets and numbers; None without the notice."""
    found = policy.notice(notice)
    if found is None:
        return None
    news = policy.purposes["news"]
    days = float("inf") if news.valid_days is None else news.valid_days
    return (found.covers["news"], set(news.data), set(news.recipients), news.keep_days, days)


def wide(policy):
    news = policy.purposes["news"]
    days = float("inf") if news.valid_days is None else news.valid_days
    return (news.version, set(news.data), set(news.recipients), news.keep_days, days)


def is_within(one, other):
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


@given(st.lists(policies(), min_size=1, max_size=4))
def test_a_yes_counts_only_if_every_policy_with_its_notice_was_as_wide(history):
    """Told here from the definition, in plain sets and numbers; and ``decide`` goes by it."""
    policy = history[-1]
    stands = policy.after(history[:-1])
    for notice in IDS:
        told = [one for past in history if (one := told_in(past, notice)) is not None]
        counts = policy.notice(notice) is not None and all(
            is_within(wide(policy), one) for one in told
        )
        assert (notice in stands.covering("news")) == counts
        assert reason(stands, notice) == ("granted" if counts else "reconsent")


@given(policies(), st.lists(policies(), max_size=3))
def test_the_order_of_the_past_does_not_matter(policy, past):
    """So neither do clocks, nor which of two processes was first."""
    found = {policy.after(order).covering("news") for order in permutations(past)}
    assert len(found) == 1
    one_by_one = policy
    for one in past:
        one_by_one = one_by_one.after([one])
    assert {one_by_one.covering("news")} == found


@given(policies(), st.lists(policies(), max_size=2), policies())
def test_more_history_never_makes_a_notice_cover_more(policy, past, more):
    assert policy.after([*past, more]).covering("news") <= policy.after(past).covering("news")


@given(policies())
def test_a_policy_differs_from_itself_in_nothing(policy):
    """Also when it was kept and read again, and whatever the order it was written in."""
    turned = Policy(
        notices=policy.notices[::-1],
        recipients=dict(reversed(policy.recipients.items())),
        purposes=policy.purposes,
    )
    for same in (policy, recall(policy.body), turned):
        found = diff(policy, same)
        assert found == PolicyDiff((), (), (), ())
        assert same.digest == policy.digest


@given(policies(), policies())
def test_whoever_agreed_is_asked_again_exactly_if_the_purpose_is_wider(old, new):
    """By a policy with the same notices: no more is asked than what widened, and no less."""
    raised = {**new.purposes["news"].model_dump(), "version": old.purposes["news"].version}
    new = old.model_copy(update={"purposes": {"news": raised}})
    assume(old.covering("news"))
    found = diff(old, new)
    is_narrower = is_within(wide(new), wide(old))
    assert bool(found.ask) == (not is_narrower)
    for asked in found.ask:
        assert asked.why
        assert set(asked.notices) == old.covering("news")
        assert asked.ask_with == ()
    stands = new.after([old])
    assert stands.covering("news") == (old.covering("news") if is_narrower else frozenset())


@given(policies(), policies())
def test_a_purpose_that_was_narrow_in_between_asks_again(old, new):
    """Somebody may have agreed to the notice while it was narrow."""
    narrow = {**new.purposes["news"].model_dump(), "version": old.purposes["news"].version}
    narrow = old.model_copy(update={"purposes": {"news": narrow}})
    assume(is_within(wide(narrow), wide(old)) and wide(narrow) != wide(old))
    again = old.after([old, narrow])
    assert again.covering("news") == frozenset()
    assert narrow.after([old, narrow]).covering("news") == old.covering("news")
