"""Read the IAB's GPP string: the opt-outs of the United States, and Europe's TC string inside.

Of the sections those are read that shops meet most: tcfeuv2 (by whichever decoder reads ``tcf``),
uspv1, usnat and usca. Any other says nothing here, so it can refuse nothing and allow nothing.

Source: IAB Tech Lab, Global Privacy Platform, consent string specification and US sections.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from knowingly import Bits, Said, SignalContext, SignalDecoder, SignalError, hookimpl

HEADER, HEADER_VERSION = 3, 1
TCFEUV2, USPV1, USNAT, USCA = 2, 6, 7, 8
MAX_SECTIONS = 50
GPC_SEGMENT = 1
OPT_OUT = {0: "", 1: "yes", 2: "no"}
"""Of a field that says whether somebody opted out: not applicable, they did, they did not."""
CONSENT = {0: "", 1: "no", 2: "yes"}
"""Of a field that says whether somebody agreed: the numbers mean the opposite."""
_USPV1 = re.compile(r"1[YN-]([YN-])[YN-]\Z")


Layout = tuple[tuple[str, int], ...]
"""The two-bit fields of a section's core, in their order: name, and how often it stands."""


def _usnat(sensitive: int, children: int) -> Layout:
    return (
        ("notice", 6),
        ("sale-opt-out", 1),
        ("sharing-opt-out", 1),
        ("targeted-advertising-opt-out", 1),
        ("sensitive", sensitive),
        ("child-consent", children),
        ("personal-data-consent", 1),
        ("mspa", 3),
    )


LAYOUTS: Mapping[tuple[str, int], Layout] = {
    ("usnat", 1): _usnat(12, 2),
    ("usnat", 2): _usnat(16, 3),
    ("usca", 1): (
        ("notice", 3),
        ("sale-opt-out", 1),
        ("sharing-opt-out", 1),
        ("sensitive", 9),
        ("child-consent", 2),
        ("personal-data-consent", 1),
        ("mspa", 3),
    ),
}
"""By section and version."""


def section_ids(header: str) -> list[int]:
    """The ids of the sections that follow a header, in their order.

    Raises:
        SignalError: It is no GPP header of version 1.
    """
    bits = Bits(header)
    if bits.number(6) != HEADER or bits.number(6) != HEADER_VERSION:
        raise SignalError("is no GPP string of version 1")
    found: list[int] = []
    for _ in range(bits.number(12)):
        is_range = bits.flag()
        first = (found[-1] if found else 0) + bits.fibonacci()
        last = first + bits.fibonacci() if is_range else first
        if len(found) + last - first >= MAX_SECTIONS:
            raise SignalError("has too many sections")
        found += range(first, last + 1)
    bits.end()
    return found


def us_section(name: str, text: str) -> dict[str, str]:
    """What a section of the United States says, by terms that begin with its name.

    Raises:
        SignalError: It is of an unknown version, or has a value that is none.
    """
    core, *others = text.split(".")
    bits = Bits(core)
    layout = LAYOUTS.get((name, bits.number(6)))
    if layout is None:
        raise SignalError(f"has a {name} section of an unknown version")
    values = {field: [bits.number(2) for _ in range(count)] for field, count in layout}
    bits.end()
    if any(value > max(OPT_OUT) for found in values.values() for value in found):
        raise SignalError(f"has a {name} section with a value that is none")
    if values["mspa"][0] == 0:
        raise SignalError(f"has a {name} section that does not say whether MSPA covers it")
    answers = {
        f"{name}-{field}": _gravest([means[value] for value in values[field]], no)
        for field, means, no in _MEANT
        if field in values
    }
    return answers | _gpc(others)


_MEANT = (
    ("sale-opt-out", OPT_OUT, "yes"),
    ("sharing-opt-out", OPT_OUT, "yes"),
    ("targeted-advertising-opt-out", OPT_OUT, "yes"),
    ("child-consent", CONSENT, "no"),
    ("personal-data-consent", CONSENT, "no"),
)
"""Each field that is read: what its numbers say, and the answer that is a refusal."""


def _gravest(said: list[str], no: str) -> str:
    return no if no in said else next((one for one in said if one), "")


def _gpc(segments: list[str]) -> dict[str, str]:
    """What the optional segment says of Global Privacy Control."""
    if len(segments) > 1:
        raise SignalError("has a section with too many segments")
    for segment in segments:
        bits = Bits(segment)
        if bits.number(2) != GPC_SEGMENT:
            raise SignalError("has a segment that is unknown")
        on = bits.flag()
        bits.end()
        if on:
            return {"gpc": "yes"}
    return {}


def _uspv1(text: str) -> dict[str, str]:
    found = _USPV1.match(text)
    if found is None:
        raise SignalError("has a uspv1 section that is not such as 1YNN")
    return {"uspv1-sale-opt-out": {"Y": "yes", "N": "no", "-": ""}[found[1]]}


_READERS: Mapping[int, Callable[[str], dict[str, str]]] = {
    USPV1: _uspv1,
    USNAT: lambda text: us_section("usnat", text),
    USCA: lambda text: us_section("usca", text),
}


class Gpp(SignalDecoder):
    """A GPP string: every section that is known here, together."""

    source = "gpp"
    version = "1"

    def decode(self, raw: str, context: SignalContext) -> Said:
        """``usnat-sale-opt-out`` and its like, and ``gpc``; a TC string is handed on."""
        answers: dict[str, str] = {}
        parts: dict[str, str] = {}
        for section, text in _sections(raw):
            if section == TCFEUV2:
                parts["tcf"] = text
            elif section in _READERS:
                answers |= _READERS[section](text)
        return Said(answers, parts=parts)


def _sections(raw: str) -> Iterator[tuple[int, str]]:
    header, *texts = raw.split("~")
    ids = section_ids(header)
    if len(ids) != len(texts):
        raise SignalError("has not the sections that its header names")
    return zip(ids, texts, strict=True)


@hookimpl
def knowingly_signals() -> list[type[Gpp]]:
    """The decoders of this module."""
    return [Gpp]
