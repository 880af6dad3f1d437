"""What is decided once for people who answered alike is what would be decided of each of them."""

from dataclasses import astuple, replace

from hypothesis import given
from hypothesis import strategies as st

from knowingly.domain.consent import ACCOUNT, MERGED, Action
from knowingly.policy import Notice, Policy, Purpose
from knowingly.profiles.alike import Alike
from knowingly.profiles.permission import permission
from knowingly.store.consents import as_record
from knowingly.tenancy import Tenancy

TEXT = {"title": "A purpose", "description": "A purpose."}
PURPOSES = {
    "train": Purpose(**TEXT, version=2, valid_days=1),
    "news": Purpose(**TEXT, valid_days=2),
    "order": Purpose(**TEXT, basis="contract"),
}
TENANCY = Tenancy(
    "t",
    1,
    store=None,
    keyring=None,
    policy=Policy(
        purposes=PURPOSES,
        notices=(Notice(id="new", text="New.", covers={"train": 2, "news": 1, "order": 1}),),
        signals={"accept": {"banner": ("train", "news")}, "stale_after_days": 1},
        intake={
            "clock_skew_seconds": 3_600,
            "past_orders": {"purposes": ("news",), "basis": "legitimate_interest"},
        },
    ),
    clock=None,
    masks={name: 1 << bit for bit, name in enumerate(PURPOSES)},
    past_masks={"news": 8},
)
HOUR_US = 3_600_000_000
NOW_US = 100 * HOUR_US

answers = st.lists(
    st.tuples(
        st.sampled_from((*PURPOSES, "*")),
        st.sampled_from([action.value for action in Action]),
        st.sampled_from(("new", "new", "none", None)),
        st.sampled_from((ACCOUNT, ACCOUNT, "device:a", f"{MERGED}7")),
        st.sampled_from((None, "banner", "gpc")),
        st.sampled_from((None, None, None, "under_age")),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)
# On the hour, and one microsecond off: where a grant of one or two days runs out, and a skew.
ages = st.integers(-2, 60).map(lambda hours: hours * HOUR_US)
moments = st.builds(lambda age, off: NOW_US - age + off, ages, st.integers(-1, 1))
people = st.lists(st.tuples(moments, st.integers(-2, 3), st.integers(0, 3)), min_size=1, max_size=8)


def rows_of(said, chose_us, lag_hours, entry):
    return [(chose_us, chose_us + lag_hours * HOUR_US, entry, *one) for one in said]


@given(st.lists(answers, min_size=1, max_size=2), people)
def test_permissions_are_those_of_each_one(answered, people):
    """Whoever was asked about before, however long ago each of them chose."""
    alike = Alike()
    for number, (chose_us, lag_hours, entry) in enumerate(people):
        rows = rows_of(answered[number % len(answered)], chose_us, lag_hours, entry)
        found = alike.permission(TENANCY, rows, NOW_US)
        expected = permission(TENANCY, [as_record(row) for row in rows], NOW_US)
        assert found.from_us <= NOW_US
        assert astuple(replace(found, from_us=NOW_US)) == astuple(expected)


@given(answers, answers, people)
def test_choices_of_several_acts_are_decided_apart(first, second, people):
    """One act says nothing of somebody who chose again later."""
    alike = Alike()
    for chose_us, lag_hours, entry in people:
        rows = rows_of(first, chose_us, lag_hours, entry)
        alike.permission(TENANCY, rows, NOW_US)
        rows += rows_of(second, chose_us + HOUR_US, lag_hours, entry + 1)
        found = alike.permission(TENANCY, rows, NOW_US)
        assert found == permission(TENANCY, [as_record(row) for row in rows], NOW_US)
