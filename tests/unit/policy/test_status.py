"""Every state of a consent, by its name in the vocabulary, from the history that leads to it."""

import pytest

from knowingly.domain.consent import ACCOUNT, Action, ConsentRecord, ConsentStatus
from knowingly.policy import Policy, Purpose, decide, status_of

DAY_US = 86_400_000_000
PURPOSE = {"title": "A purpose", "description": "A purpose.", "valid_days": 30}
POLICY = Policy(
    purposes={"train": Purpose(**PURPOSE), "order": Purpose(**PURPOSE, basis="contract")},
    notices=({"id": "n", "text": "Words.", "covers": {"train": 1, "order": 1}},),
)
A = Action


def rec(action, day, index, **changes):
    at_us = day * DAY_US
    given = {"notice": "n", "scope": ACCOUNT, **changes}
    return ConsentRecord("train", action, at_us, at_us, index, **given)


STATES = [
    ("ConsentUnknown", []),
    ("ConsentRequested", [rec(A.REQUEST, 1, 0)]),
    ("ConsentRequestDeferred", [rec(A.REQUEST, 1, 0), rec(A.DEFER, 1, 1)]),
    ("ConsentRefused", [rec(A.REQUEST, 1, 0), rec(A.REFUSE, 2, 1)]),
    ("ConsentGiven", [rec(A.REFUSE, 1, 0), rec(A.GRANT, 2, 1)]),
    ("RenewedConsentGiven", [rec(A.GRANT, 1, 0), rec(A.GRANT, 2, 1)]),
    ("ConsentExpired", [rec(A.GRANT, -40, 0)]),
    ("ConsentWithdrawn", [rec(A.GRANT, 1, 0), rec(A.WITHDRAW, 2, 1)]),
    ("ConsentRevoked", [rec(A.GRANT, 1, 0), rec(A.REVOKE, 2, 1)]),
    ("ConsentInvalidated", [rec(A.GRANT, 1, 0), rec(A.INVALIDATE, 2, 1)]),
    ("ConsentInvalidated", [rec(A.GRANT, 1, 0, notice="older")]),
    ("ConsentRequested", [rec(A.GRANT, 1, 0, scope="account:merged:3")]),
]


@pytest.mark.parametrize(("state", "records"), STATES, ids=[f"{i}" for i in range(len(STATES))])
def test_the_state_that_a_history_leads_to(state, records):
    """And only the two that are valid for processing come with a permission."""
    decision = decide("train", records, policy=POLICY, at_us=3 * DAY_US)
    status = status_of(decision, records)
    assert status == state
    assert decision.allowed == (state in {"ConsentGiven", "RenewedConsentGiven"})


def test_every_state_can_be_reached():
    assert {state for state, _ in STATES} == set(ConsentStatus)


def test_another_basis_is_no_consent():
    decision = decide("order", [], policy=POLICY, at_us=0)
    assert (decision.allowed, status_of(decision, [])) == (True, ConsentStatus.CONSENT_UNKNOWN)
