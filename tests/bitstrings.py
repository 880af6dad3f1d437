"""Consent strings for tests, bit by bit. The package only reads them; nothing here ships."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = range(1, 12)


def number(value: int, bits: int) -> str:
    return f"{value:0{bits}b}" if bits else ""


def ids(chosen: Iterable[int], bits: int) -> str:
    chosen = set(chosen)
    return "".join("1" if place in chosen else "0" for place in range(1, bits + 1))


def letters(two: str) -> str:
    return "".join(number(ord(letter) - ord("A"), 6) for letter in two)


def text(bits: str, *, unit: int = 24) -> str:
    """Base64url, filled up to whole units of bits: 6, 8 or 24, as encoders do."""
    bits += "0" * (-len(bits) % unit)
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def bitfield(vendors: Iterable[int], most: int | None = None) -> str:
    vendors = set(vendors)
    most = max(vendors, default=0) if most is None else most
    return number(most, 16) + "0" + ids(vendors, most)


def ranged(entries: Sequence[int | tuple[int, int]], most: int = 65_535) -> str:
    return number(most, 16) + "1" + range_entries(entries)


def range_entries(entries: Sequence[int | tuple[int, int]]) -> str:
    said = number(len(entries), 12)
    for entry in entries:
        if isinstance(entry, tuple):
            said += "1" + number(entry[0], 16) + number(entry[1], 16)
        else:
            said += "0" + number(entry, 16)
    return said


def moment(at: datetime) -> str:
    return number(round(at.timestamp() * 10), 36)


def core(**changes: Any) -> str:
    """The bits of a core segment, valid unless changed."""
    said = {
        "version": 2,
        "created": CREATED,
        "updated": None,
        "cmp": 880,
        "language": "EN",
        "policy": 5,
        "service": 1,
        "purposes": EVERY,
        "interests": (),
        "country": "DE",
        "vendors": bitfield([10, 755]),
        "vendor_interests": bitfield([]),
        "restrictions": (),
        **changes,
    }
    return "".join(
        [
            number(said["version"], 6),
            moment(said["created"]),
            moment(said["updated"] or said["created"]),
            number(said["cmp"], 12),
            number(1, 12),
            number(1, 6),
            letters(said["language"]),
            number(48, 12),
            number(said["policy"], 6),
            number(said["service"], 1),
            "0",
            number(0, 12),
            ids(said["purposes"], 24),
            ids(said["interests"], 24),
            "0",
            letters(said["country"]),
            said["vendors"],
            said["vendor_interests"],
            number(len(said["restrictions"]), 12),
            *(
                number(purpose, 6) + number(kind, 2) + range_entries(entries)
                for purpose, kind, entries in said["restrictions"]
            ),
        ]
    )


def publisher(
    consents: Iterable[int] = EVERY,
    interests: Iterable[int] = (),
    customs: int = 0,
    custom_consents: Iterable[int] = (),
) -> str:
    return text(
        number(3, 3)
        + ids(consents, 24)
        + ids(interests, 24)
        + number(customs, 6)
        + ids(custom_consents, customs)
        + ids((), customs)
    )


def disclosed(vendors: str = "") -> str:
    return text(number(1, 3) + (vendors or ranged([(1, 800)], 800)))


def allowed(vendors: str = "") -> str:
    return text(number(2, 3) + (vendors or bitfield([1])))


def tc_string(*segments: str, **changes: Any) -> str:
    """A TC string that is valid until 2027, with every purpose agreed to, unless changed."""
    return ".".join([text(core(**changes)), *(segments or (disclosed(), publisher()))])


FIBONACCI = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377)


def fibonacci(value: int) -> str:
    bits = []
    for one in reversed(FIBONACCI):
        if one <= value:
            value -= one
            bits.append("1")
        elif bits:
            bits.append("0")
    return "".join(reversed(bits)) + "1"


def gpp_header(sections: Sequence[int], *, unit: int = 8, in_ranges: bool = False) -> str:
    items, last = "", 0
    if in_ranges:
        items = "1" + fibonacci(sections[0]) + fibonacci(sections[-1] - sections[0])
        return text(number(3, 6) + number(1, 6) + number(1, 12) + items, unit=unit)
    for section in sections:
        items += "0" + fibonacci(section - last)
        last = section
    return text(number(3, 6) + number(1, 6) + number(len(sections), 12) + items, unit=unit)


def us_core(version: int, counts: Sequence[int], values: dict[int, int]) -> str:
    """A US section: two-bit fields, 0 unless given by their place; MSPA covers it."""
    total = sum(counts)
    said = {total - 3: 1, **values}
    return text(
        number(version, 6) + "".join(number(said.get(at, 0), 2) for at in range(total)), unit=8
    )


USNAT_1, USNAT_2, USCA = (6, 3, 12, 2, 1, 3), (6, 3, 16, 3, 1, 3), (3, 2, 9, 2, 1, 3)


def gpp_string(sections: dict[int, str], **options: Any) -> str:
    return "~".join([gpp_header(list(sections), **options), *sections.values()])
