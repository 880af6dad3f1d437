"""Shopify's Customer Privacy API: three answers, of which the empty one is no answer.

``currentVisitorConsent()`` says ``'yes'``, ``'no'`` or ``''``; the Storefront API ``true``,
``false`` or null; the event ``visitorConsentCollected`` has booleans of other names.

Source: shopify.dev, Customer Privacy API.
"""

from knowingly.consent.signals.decoder import SignalDecoder
from knowingly.consent.signals.plain import Json
from knowingly.domain.signal import Answer, Said, SignalContext
from knowingly.errors import SignalError

TERMS = {
    "preferences": ("preferences", "preferencesAllowed"),
    "analytics": ("analytics", "analyticsAllowed"),
    "marketing": ("marketing", "marketingAllowed"),
    "sale_of_data": ("sale_of_data", "saleOfData", "saleOfDataAllowed"),
}
"""Each term, with the names it has in Shopify's three ways of saying it."""


class Shopify(SignalDecoder):
    """What a visitor chose in a Shopify shop's banner."""

    source = "shopify"
    version = "1"
    reads = "object"

    def decode(self, raw: Json, context: SignalContext) -> Said:  # noqa: ARG002 - the same for everybody
        """``preferences``, ``analytics``, ``marketing`` and ``sale_of_data``; true is allowed."""
        if not isinstance(raw, dict):
            raise SignalError("is no object: expected what currentVisitorConsent() returns")
        answers: dict[str, Answer] = {}
        for term, names in TERMS.items():
            said = {_answer(raw[name]) for name in names if name in raw}
            if len(said) > 1:
                raise SignalError(f"says two things of {term}")
            answers[term] = said.pop() if said else ""
        return Said(answers)


def _answer(value: object) -> Answer:
    if value is True or value == "yes":
        return "yes"
    if value is False or value == "no":
        return "no"
    if value is None or value == "":
        return ""
    raise SignalError("has an answer that is not yes, no, empty, true, false or null")
