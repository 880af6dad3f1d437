"""The state of a consent, in the words of the Data Privacy Vocabulary: a decision says more."""

from collections.abc import Sequence

from knowingly.domain.consent import (
    ACCOUNT,
    Action,
    ConsentRecord,
    ConsentStatus,
    Decision,
)

_BY_REASON = {
    "refused": ConsentStatus.CONSENT_REFUSED,
    "objected": ConsentStatus.CONSENT_REFUSED,
    "signal_refused": ConsentStatus.CONSENT_REFUSED,
    "signal_objected": ConsentStatus.CONSENT_REFUSED,
    "withdrawn": ConsentStatus.CONSENT_WITHDRAWN,
    "revoked": ConsentStatus.CONSENT_REVOKED,
    "expired": ConsentStatus.CONSENT_EXPIRED,
    "invalidated": ConsentStatus.CONSENT_INVALIDATED,
    "reconsent": ConsentStatus.CONSENT_INVALIDATED,
    "under_age": ConsentStatus.CONSENT_INVALIDATED,
    "weak_evidence": ConsentStatus.CONSENT_INVALIDATED,
    "needs_confirmation": ConsentStatus.CONSENT_REQUESTED,
    "signal": ConsentStatus.CONSENT_GIVEN,
}
_ASKED = {
    Action.REQUEST: ConsentStatus.CONSENT_REQUESTED,
    Action.DEFER: ConsentStatus.CONSENT_REQUEST_DEFERRED,
}


def status_of(decision: Decision, records: Sequence[ConsentRecord]) -> ConsentStatus:
    """The state that a decision, and the history it was made from, leave a consent in.

    A purpose that is allowed on another basis, prohibited, restricted or unknown has no consent to
    speak of unless the history tells of one: it is ``CONSENT_UNKNOWN``, or asked for.
    """
    if decision.reason == "granted":
        return _given(decision, records)
    return _BY_REASON.get(decision.reason) or _asked(decision, records)


def _given(decision: Decision, records: Sequence[ConsentRecord]) -> ConsentStatus:
    first = min(decision.rests_on, default=0)
    renewed = any(
        record.action is Action.GRANT
        and record.purpose == decision.purpose
        and record.index < first
        for record in records
    )
    return ConsentStatus.RENEWED_CONSENT_GIVEN if renewed else ConsentStatus.CONSENT_GIVEN


def _asked(decision: Decision, records: Sequence[ConsentRecord]) -> ConsentStatus:
    asked = [
        record
        for record in records
        if record.action in _ASKED
        and record.purpose == decision.purpose
        and record.scope == ACCOUNT
        and record.received_us <= decision.at_us
    ]
    if decision.reason != "no_record" or not asked:
        return ConsentStatus.CONSENT_UNKNOWN
    return _ASKED[max(asked, key=lambda record: record.index).action]
