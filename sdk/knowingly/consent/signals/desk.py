"""``shop.signals``: what a request's banner and browser said, read as the shop's policy says."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from knowingly.consent.signals.consent_mode import ConsentMode
from knowingly.consent.signals.decoder import SignalDecoder, decode
from knowingly.consent.signals.gpc import Gpc, GpcSupport, gpc_header, gpc_support
from knowingly.consent.signals.plain import parse
from knowingly.consent.signals.shopify import Shopify
from knowingly.consent.signals.shopify_marketing import ShopifyEmail, ShopifySms
from knowingly.domain.moments import from_us, to_us
from knowingly.domain.signal import Signal, SignalContext
from knowingly.errors import InputError, PluginError, SignalError
from knowingly.policy import normalise
from knowingly.tenancy import Tenancy

CORE: Mapping[str, type[SignalDecoder]] = {
    one.source: one for one in (ConsentMode, Gpc, Shopify, ShopifyEmail, ShopifySms)
}
"""The decoders that no plugin brings."""
MAX_OTHERS = 20
_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?\Z")
_OTHERWISE = {"UK": "GB", "EL": "GR", "XX": "", "ZZ": ""}
"""What is often written for a place, and what says that it is unknown."""
_CHANNELS = {
    "shopify_email": ("email_marketing_consent", "emailMarketingConsent"),
    "shopify_sms": ("sms_marketing_consent", "smsMarketingConsent"),
}
"""Where a Shopify customer has each channel, in the REST and the GraphQL API."""


class Signals:
    """Reads signals, which are evidence and no choices: the page's answer is ``decide``'s.

    Stability: stable.
    """

    def __init__(
        self,
        tenancy: Tenancy,
        decoders: Mapping[str, type[SignalDecoder]],
        skipped: Mapping[str, str],
    ) -> None:
        self._tenancy = tenancy
        self._decoders = decoders
        self._skipped = skipped

    def read(
        self,
        *,
        headers: object = None,
        shopify: object = None,
        shopify_customer: object = None,
        consent_mode: object = None,
        tcf: object = None,
        gpp: object = None,
        others: Mapping[str, object] | None = None,
        jurisdiction: str | None = None,
        at: datetime | None = None,
    ) -> list[Signal]:
        """What came with one request, as signals for ``recommend``; what is None was not there.

        A value that cannot be understood gives a signal with a ``problem``, which denies.

        Args:
            headers: The request's headers, of which only ``Sec-GPC`` is looked at.
            shopify: What ``currentVisitorConsent()`` returned, or its like, as an object or JSON.
            shopify_customer: A customer of Shopify's API; of it, the consents to marketing.
            consent_mode: The commands that ``gtag('consent', …)`` was called with.
            tcf: A TC string.
            gpp: A GPP string.
            others: Raw values by the source whose decoder a plugin brings.
            jurisdiction: Where the person is, such as ``"DE"`` or ``"US-CA"``. Anything else is
                taken as unknown, and the stricter rules then hold.
            at: When the person said so, for what does not tell itself (aware); now if left out.

        Raises:
            PluginError: A value was given that no installed and allowed decoder reads.
            InputError: ``at`` is no time with a zone, or ``others`` no mapping.
        """
        now = from_us(self._tenancy.now_us())
        said_at = now if at is None else from_us(to_us(at))
        context = SignalContext(
            now, _place(jurisdiction), frozenset(self._tenancy.policy.signals.vendors)
        )
        named = {"shopify": shopify, "consent_mode": consent_mode, "tcf": tcf, "gpp": gpp}
        given = [*named.items(), *_checked(others).items()]
        found = self._gpc(headers, context, said_at)
        for source, raw in given:
            if raw is not None:
                found += self._signals(self._decoder(source), raw, context, said_at)
        if shopify_customer is not None:
            found += self._customer(shopify_customer, context, said_at)
        return found

    def gpc_support(self, raw: object) -> GpcSupport:
        """What a site's ``/.well-known/gpc.json`` says of that site; never of a person.

        Args:
            raw: The file's text or bytes. Whatever is wrong with it, it then says nothing.
        """
        return gpc_support(raw)

    def _gpc(self, headers: object, context: SignalContext, at: datetime) -> list[Signal]:
        try:
            raw = None if headers is None else gpc_header(headers)
        except SignalError as error:
            return [Signal("gpc", at=at, problem=str(error), decoder=_version(Gpc()))]
        return [] if raw is None else self._signals(Gpc(), raw, context, at)

    def _customer(self, customer: object, context: SignalContext, at: datetime) -> list[Signal]:
        with suppress(SignalError):
            customer = parse(customer) if isinstance(customer, str) else customer
        found = []
        for source, names in _CHANNELS.items():
            # Of what is no customer, both decoders say what is wrong.
            values = [customer]
            if isinstance(customer, Mapping):
                values = [customer[name] for name in names if customer.get(name) is not None]
            for value in values:
                found += self._signals(CORE[source](), value, context, at)
        return found

    def _decoder(self, source: str) -> SignalDecoder:
        kind = CORE.get(source) or self._decoders.get(source)
        if kind is None:
            why = self._skipped.get(source, "no plugin of that name is installed")
            raise PluginError(
                f"nothing decodes this signal ({why}): install the plugin that does, and name it "
                "in [plugins] allow of the policy file",
                plugin=source,
            )
        return kind()

    def _signals(
        self,
        decoder: SignalDecoder,
        raw: object,
        context: SignalContext,
        at: datetime,
        *,
        nested: bool = False,
    ) -> list[Signal]:
        """The signal of a raw value, and those of other standards found inside it."""
        said, problem, text = decode(decoder, raw, context)
        evidence = Signal(
            decoder.source, at=at, scope=decoder.scope, decoder=_version(decoder), raw=text
        )
        if said is None:
            return [replace(evidence, problem=problem)]
        policy = self._tenancy.policy
        basis_of = {name: purpose.basis for name, purpose in policy.purposes.items()}
        found = [normalise(said, evidence, context, signals=policy.signals, basis_of=basis_of)]
        # A part has no parts: nothing nests twice in any standard, or may go round in circles.
        for source, part in () if nested else said.parts.items():
            found += self._part(source, part, context, at)
        return found

    def _part(self, source: str, raw: str, context: SignalContext, at: datetime) -> list[Signal]:
        try:
            decoder = self._decoder(source)
        except PluginError:
            return [Signal(source, at=at, problem="has no decoder in this shop", raw=raw)]
        return self._signals(decoder, raw, context, at, nested=True)


def _version(decoder: SignalDecoder) -> str:
    return f"{decoder.source} {decoder.version}"


def _place(jurisdiction: object) -> str | None:
    """A place as it is written in ISO 3166; what cannot be one is unknown."""
    said = jurisdiction.upper() if isinstance(jurisdiction, str) else ""
    said = _OTHERWISE.get(said, said)
    return said if _PLACE.match(said) else None


def _checked(others: object) -> Mapping[str, object]:
    if others is None:
        return {}
    if (
        not isinstance(others, Mapping)
        or len(others) > MAX_OTHERS
        or not all(isinstance(source, str) for source in others)
    ):
        raise InputError("others", "raw values by their source")
    return others
