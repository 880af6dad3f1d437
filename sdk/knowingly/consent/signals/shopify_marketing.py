"""A Shopify customer's consent to marketing, by e-mail and by SMS: each a signal of its own.

It is about messages and nothing else: agreeing to e-mail is not agreeing to personalization.
Shopify may deliver changes in any order, so the latest ``consent_updated_at`` decides, whatever
came in last, and a tie of two states is a no.

Source: shopify.dev, ``CustomerEmailMarketingConsentState``.
"""

from datetime import datetime

from knowingly.consent.signals.decoder import SignalDecoder
from knowingly.consent.signals.plain import Json
from knowingly.domain.signal import Answer, Said, SignalContext
from knowingly.errors import SignalError

STATES: dict[str, Answer] = {
    "subscribed": "yes",
    "unsubscribed": "no",
    "redacted": "no",
    "invalid": "no",
    "pending": "",
    "not_subscribed": "",
}
"""Pending has not been confirmed, and not subscribed was never context: neither is an answer."""


class _Marketing(SignalDecoder):
    """One channel of a customer's marketing consent, as the REST or the GraphQL API has it."""

    version = "1"
    reads = "object"
    scope = "account"

    def decode(self, raw: Json, context: SignalContext) -> Said:  # noqa: ARG002 - the same for everybody
        """The channel's answer: of one state, or of a list of every change there was."""
        changes = raw if isinstance(raw, list) else [raw]
        if not changes:
            return Said({})
        found = [_change(change) for change in changes]
        undated = {answer for answer, at in found if at is None}
        dated = [(at, answer) for answer, at in found if at is not None]
        channel = self.source.removeprefix("shopify_")
        if "yes" in undated:
            raise SignalError("is subscribed since no time: consent_updated_at is missing")
        if "no" in undated:
            return Said({channel: "no"})
        if not dated:
            return Said({channel: ""})
        last = max(at for at, _ in dated)
        latest = {answer for at, answer in dated if at == last}
        return Said({channel: latest.pop() if len(latest) == 1 else "no"}, last)


class ShopifyEmail(_Marketing):
    """A customer's consent to marketing by e-mail."""

    source = "shopify_email"


class ShopifySms(_Marketing):
    """A customer's consent to marketing by SMS."""

    source = "shopify_sms"


def _change(change: object) -> tuple[Answer, datetime | None]:
    """One change: the answer it came to, and when."""
    if not isinstance(change, dict):
        raise SignalError("is no object: expected a marketing consent")
    state = _one(change, "state", "marketingState")
    if not isinstance(state, str) or state.lower() not in STATES:
        raise SignalError("has a state that Shopify does not know")
    return STATES[state.lower()], _moment(_one(change, "consent_updated_at", "consentUpdatedAt"))


def _one(change: dict[str, Json], *names: str) -> Json:
    found = [change[name] for name in names if change.get(name) is not None]
    if len(found) > 1:
        raise SignalError("has the same value under two names")
    return found[0] if found else None


def _moment(said: object) -> datetime | None:
    if said is None:
        return None
    try:
        at = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        at = None
    if at is None or at.utcoffset() is None:
        raise SignalError("has a consent_updated_at that is no time with a zone")
    return at
