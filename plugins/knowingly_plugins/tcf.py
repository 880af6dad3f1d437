"""Read IAB Europe's TC string: what a CMP was told, for the shop itself and for its vendors.

Decode only: nobody but a registered CMP may make or change such a string. What cannot be known
without a network is not checked: whether the CMP is registered, and what the vendor list says.

Source: IAB Tech Lab, Consent string and vendor list formats v2 (TCF 2.2 and 2.3).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from knowingly import Bits, Said, SignalContext, SignalDecoder, SignalError, hookimpl

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DISCLOSED, ALLOWED, PUBLISHER = 1, 2, 3
"""The types of the segments that can follow the core."""
MIN_POLICY, OLD_POLICIES_END = 4, datetime(2023, 10, 1, tzinfo=UTC)
DISCLOSED_FROM = datetime(2026, 3, 1, tzinfo=UTC)
"""From then on a string without its disclosed vendors is invalid (TCF 2.3)."""
MAX_MONTHS = 13
NEVER_LEGITIMATE_INTEREST = (3, 4, 5, 6)
ADVERTISING = (1, 3, 4)
"""The purposes that each vendor the shop shares with needs consent to."""
REQUIRE_CONSENT, REQUIRE_LEGITIMATE_INTEREST = 1, 2
"""The types of a publisher's restriction; the third, 0, is that the purpose is not allowed."""
LAST_PURPOSE = 11
"""Of the Global Vendor List 2.2; a higher bit means nothing yet."""


@dataclass(frozen=True)
class Vendors:
    """A set of vendor ids, as the ranges or the bits it was written in."""

    bits: str = ""
    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, vendor: int) -> bool:
        if 1 <= vendor <= len(self.bits):
            return self.bits[vendor - 1] == "1"
        return any(first <= vendor <= last for first, last in self.ranges)


Restriction = tuple[int, int, Vendors]
"""A purpose, what the publisher decided of it, and for which vendors."""


@dataclass(frozen=True)
class Publisher:
    """The publisher TC segment: what was agreed with the shop itself."""

    consents: frozenset[int]
    legitimate_interests: frozenset[int]
    customs: int
    custom_consents: frozenset[int]


@dataclass(frozen=True)
class TcString:
    """The fields of a TC string that this decoder has a use for; ids are numbers from 1."""

    created: datetime
    updated: datetime
    cmp: int
    language: str
    vendor_list: int
    policy: int
    service_specific: bool
    country: str
    purposes: frozenset[int]
    legitimate_interests: frozenset[int]
    vendors: Vendors
    restrictions: tuple[Restriction, ...]
    disclosed: Vendors | None = None
    publisher: Publisher | None = None


def parse(text: str) -> TcString:
    """The fields of a string, whether or not it is valid today.

    Raises:
        SignalError: It is no TC string of version 2.
    """
    first, *others = text.split(".")
    core, found = _core(Bits(first)), dict[int, Vendors | Publisher]()
    for other in others:
        bits = Bits(other)
        kind = bits.number(3)
        if kind in found or kind not in (DISCLOSED, ALLOWED, PUBLISHER):
            raise SignalError("has a segment twice, or one that is unknown")
        found[kind] = _publisher(bits) if kind == PUBLISHER else _vendors(bits)
        bits.end()
    disclosed, publisher = found.get(DISCLOSED), found.get(PUBLISHER)
    return replace(
        core,
        disclosed=disclosed if isinstance(disclosed, Vendors) else None,
        publisher=publisher if isinstance(publisher, Publisher) else None,
    )


def _core(bits: Bits) -> TcString:
    if bits.number(6) != 2:
        raise SignalError("is no TC string of version 2")
    created, updated = _moment(bits), _moment(bits)
    cmp, _, _ = bits.number(12), bits.take(12), bits.take(6)
    language, vendor_list, policy = _letters(bits), bits.number(12), bits.number(6)
    service_specific, _, _ = bits.flag(), bits.take(1), bits.take(12)
    purposes, interests, _ = _ids(bits, 24), _ids(bits, 24), bits.take(1)
    country = _letters(bits)
    vendors, _ = _vendors(bits), _vendors(bits)
    restrictions = tuple(_restriction(bits) for _ in range(bits.number(12)))
    bits.end()
    return TcString(
        created=created,
        updated=updated,
        cmp=cmp,
        language=language,
        vendor_list=vendor_list,
        policy=policy,
        service_specific=service_specific,
        country=country,
        purposes=purposes,
        legitimate_interests=interests,
        vendors=vendors,
        restrictions=restrictions,
    )


def _moment(bits: Bits) -> datetime:
    return EPOCH + timedelta(milliseconds=100 * bits.number(36))


def _letters(bits: Bits) -> str:
    codes = bits.number(6), bits.number(6)
    if max(codes) > ord("Z") - ord("A"):
        raise SignalError("has a language or a country that is no two letters")
    return "".join(chr(ord("A") + code) for code in codes)


def _ids(bits: Bits, count: int) -> frozenset[int]:
    return frozenset(place for place, bit in enumerate(bits.take(count), 1) if bit == "1")


def _vendors(bits: Bits) -> Vendors:
    most, in_ranges = bits.number(16), bits.flag()
    if not in_ranges:
        return Vendors(bits.take(most))
    return Vendors(ranges=_ranges(bits, most))


def _ranges(bits: Bits, most: int) -> tuple[tuple[int, int], ...]:
    found = []
    for _ in range(bits.number(12)):
        is_range, first = bits.flag(), bits.number(16)
        last = bits.number(16) if is_range else first
        if not 1 <= first <= last <= most:
            raise SignalError("has a range of vendors that is none")
        found.append((first, last))
    return tuple(found)


def _restriction(bits: Bits) -> Restriction:
    purpose, kind = bits.number(6), bits.number(2)
    if purpose == 0 or kind > REQUIRE_LEGITIMATE_INTEREST:
        raise SignalError("has a publisher restriction that is unknown")
    return purpose, kind, Vendors(ranges=_ranges(bits, 2**16 - 1))


def _publisher(bits: Bits) -> Publisher:
    consents, interests = _ids(bits, 24), _ids(bits, 24)
    customs = bits.number(6)
    custom_consents, _ = _ids(bits, customs), _ids(bits, customs)
    return Publisher(consents, interests, customs, custom_consents)


def check(string: TcString, now: datetime) -> None:
    """Hold a string to the rules that need no network.

    Raises:
        SignalError: It breaks one.
    """
    if not string.service_specific:
        raise SignalError("is not service-specific, as every valid string is")
    if string.policy < MIN_POLICY and now >= OLD_POLICIES_END:
        raise SignalError("is of a policy that ended on 30 September 2023")
    if string.created != string.updated or string.created.time() != datetime.min.time():
        raise SignalError("was created and updated at moments that are not one same day")
    if string.legitimate_interests & {*NEVER_LEGITIMATE_INTEREST}:
        raise SignalError("claims a legitimate interest in a purpose that has none")
    if string.created >= DISCLOSED_FROM and string.disclosed is None:
        raise SignalError("lacks its disclosed vendors, as no string may since 1 March 2026")
    if now >= _months_later(string.updated, MAX_MONTHS):
        raise SignalError("is older than 13 months: the person must be asked again")


def _months_later(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    try:
        # The first of the month after, for a day that its month does not have.
        return moment.replace(year=moment.year + years, month=month + 1)
    except ValueError:
        return moment.replace(year=moment.year + years, month=month + 2, day=1)


class Tcf(SignalDecoder):
    """A TC string: the shop's own purposes from the publisher's segment, vendors for sharing."""

    source = "tcf"
    version = "1"

    def decode(self, raw: str, context: SignalContext) -> Said:
        """``publisher-consent-5`` and its like, ``purpose-3``, and ``vendors`` for all of them."""
        string = parse(raw)
        check(string, context.now)
        answers = {f"purpose-{one}": _said(one in string.purposes) for one in _numbers()}
        if (publisher := string.publisher) is not None:
            for one in _numbers():
                answers[f"publisher-consent-{one}"] = _said(one in publisher.consents)
                answers[f"publisher-li-{one}"] = _said(one in publisher.legitimate_interests)
            for one in range(1, publisher.customs + 1):
                answers[f"publisher-custom-{one}"] = _said(one in publisher.custom_consents)
        if context.vendors and (disclosed := string.disclosed) is not None:
            agreed = (_agreed(one, string, disclosed) for one in context.vendors)
            answers["vendors"] = _said(all(agreed))
        return Said(answers, string.updated)


def _numbers() -> range:
    return range(1, LAST_PURPOSE + 1)


def _said(agreed: bool) -> str:
    return "yes" if agreed else "no"


def _agreed(vendor: int, string: TcString, disclosed: Vendors) -> bool:
    """Whether one vendor was disclosed, consented to, and not held back by the publisher."""
    return (
        vendor in disclosed
        and vendor in string.vendors
        and not any(
            purpose in ADVERTISING and kind != REQUIRE_CONSENT and vendor in vendors
            for purpose, kind, vendors in string.restrictions
        )
    )


@hookimpl
def knowingly_signals() -> list[type[Tcf]]:
    """The decoders of this module."""
    return [Tcf]
