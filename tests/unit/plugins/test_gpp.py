"""The GPP string: its header, the sections that are read, and silence on all others."""

from datetime import UTC, datetime

import pytest

import bitstrings as bits
from knowingly import SignalContext
from knowingly.consent.signals.decoder import decode
from knowingly_plugins.gpp import MAX_SECTIONS, Gpp, section_ids

NOW = SignalContext(datetime(2026, 3, 1, 12, tzinfo=UTC))
YES_TO_GPC = bits.text(bits.number(1, 2) + "1", unit=8)
TC = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"


def said(string):
    return Gpp().decode(string, NOW)


@pytest.mark.parametrize(
    ("header", "sections"),
    [
        ("DBABM", [2]),
        ("DBACNY", [2, 6]),
        ("DBABMA", [2]),
        ("DBACNYA", [2, 6]),
        ("DBABLA", [7]),
        ("DBABBg", [8]),
    ],
)
def test_headers_of_the_specification_and_of_the_library(header, sections):
    """The one fills up to six bits, the other to eight."""
    assert section_ids(header) == sections


@pytest.mark.parametrize("unit", [6, 8])
@pytest.mark.parametrize("sections", [[1], [2, 3, 4], [7, 8, 23], list(range(2, 30)), [377]])
def test_section_ids_in_fibonacci_coding(sections, unit):
    """One by one, and as a range."""
    assert section_ids(bits.gpp_header(sections, unit=unit)) == sections
    if len(sections) > 1:
        whole = list(range(sections[0], sections[-1] + 1))
        assert section_ids(bits.gpp_header(sections, unit=unit, in_ranges=True)) == whole


def test_a_real_string_of_california_with_gpc():
    """As another implementation's tests have it: nobody opted out, but GPC is on."""
    assert said("DBABBg~BVqqqqpY.YA").answers == {
        "usca-sale-opt-out": "no",
        "usca-sharing-opt-out": "no",
        "usca-child-consent": "yes",
        "usca-personal-data-consent": "yes",
        "gpc": "yes",
    }
    assert set(said("DBABBg~BAAAAACA").answers.values()) == {""}


def test_a_tc_string_inside_is_handed_on():
    """To whichever decoder reads TC strings; uspv1 beside it is read here."""
    found = said(f"DBACNYA~{TC}~1YNN")
    assert found.parts == {"tcf": TC}
    assert found.answers == {"uspv1-sale-opt-out": "no"}


@pytest.mark.parametrize(
    ("text", "answer"), [("1YYN", "yes"), ("1YNN", "no"), ("1---", ""), ("1N-Y", "")]
)
def test_uspv1_says_whether_somebody_opted_out(text, answer):
    """The third character is theirs; a dash says nothing."""
    assert said(f"DBABTA~{text}").answers == {"uspv1-sale-opt-out": answer}


SECTIONS = {
    "usnat_1": (7, 1, bits.USNAT_1, {"sale": 6, "sharing": 7, "targeted-advertising": 8}, 21, 23),
    "usnat_2": (7, 2, bits.USNAT_2, {"sale": 6, "sharing": 7, "targeted-advertising": 8}, 25, 28),
    "usca": (8, 1, bits.USCA, {"sale": 3, "sharing": 4}, 14, 16),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_an_opt_out_is_1_and_a_consent_is_2(name):
    """The numbers mean the opposite in fields of consent; 0 says nothing."""
    section, version, counts, opt_outs, child, personal = SECTIONS[name]
    prefix = name.partition("_")[0]

    def read(values):
        return said(bits.gpp_string({section: bits.us_core(version, counts, values)})).answers

    assert set(read({}).values()) == {""}
    for field, place in opt_outs.items():
        assert read({place: 1})[f"{prefix}-{field}-opt-out"] == "yes"
        assert read({place: 2})[f"{prefix}-{field}-opt-out"] == "no"
    for field, place in (("child-consent", child), ("personal-data-consent", personal)):
        assert read({place: 1})[f"{prefix}-{field}"] == "no"
        assert read({place: 2})[f"{prefix}-{field}"] == "yes"
    assert read({child: 2, child + 1: 1})[f"{prefix}-child-consent"] == "no"


@pytest.mark.parametrize(("bit", "answers"), [("1", {"gpc": "yes"}), ("0", {})])
def test_the_gpc_segment_adds_what_the_browser_said(bit, answers):
    """On is an opt-out; off is no agreement to anything."""
    section = bits.us_core(1, bits.USNAT_1, {}) + "." + bits.text(bits.number(1, 2) + bit, unit=8)
    found = said(bits.gpp_string({7: section})).answers
    assert {term: answer for term, answer in found.items() if answer} == answers


def test_an_unknown_section_is_silent():
    """Virginia, Canada, one of tomorrow: nothing is said, so nothing is allowed."""
    assert said("DBABVg~BVVVVVVg.YA").answers == {}
    assert said(bits.gpp_string({5: "BPXuQIAPXuQ", 9: "B", 99: "anything at all"})).answers == {}


VALID = bits.us_core(1, bits.USNAT_1, {6: 1})
INVALID = {
    "type_2": "C" + bits.gpp_header([7])[1:] + "~" + VALID,
    "version_2": "DC" + bits.gpp_header([7])[2:] + "~" + VALID,
    "no_section": bits.gpp_header([7]),
    "too_many": bits.gpp_string({7: VALID}) + "~" + VALID,
    "too_few": bits.gpp_header([7, 8]) + "~" + VALID,
    "usnat_3": bits.gpp_string({7: bits.us_core(3, bits.USNAT_2, {})}),
    "usca_2": bits.gpp_string({8: bits.us_core(2, bits.USCA, {})}),
    "value_3": bits.gpp_string({7: bits.us_core(1, bits.USNAT_1, {8: 3})}),
    "no_mspa": bits.gpp_string({7: bits.us_core(1, bits.USNAT_1, {24: 0})}),
    "short": bits.gpp_string({7: VALID[:-3]}),
    "long": bits.gpp_string({7: VALID + "AAAAAA"}),
    "segment_2": bits.gpp_string({7: VALID + "." + bits.text("101", unit=8)}),
    "two_segments": bits.gpp_string({7: VALID + "." + YES_TO_GPC + "." + YES_TO_GPC}),
    "usp_2": "DBABTA~2YNN",
    "usp_lower": "DBABTA~1ynn",
    "usp_long": "DBABTA~1YNNY",
    "usp_newline": "DBABTA~1YNN\n",
    "endless": bits.text(bits.number(3, 6) + bits.number(1, 6) + "1" * 12 + "01" * 300),
    "wide_range": bits.gpp_header([1, MAX_SECTIONS + 1], in_ranges=True) + "~A" * 51,
    "tildes": "~~~",
    "empty": "",
    "too_long_though_silent": "DBABVg~" + "B" * 16_384,
    "a_megabyte_of_a": "A" * 1_000_000,
    "bytes": b"DBABTA~1YNN",
    "none": None,
    "dict": {"gpp": "DBABTA~1YNN"},
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_wrong_is_a_problem_and_never_an_exception(name):
    """Nothing is said, so nothing can be allowed."""
    found, problem, _ = decode(Gpp(), INVALID[name], NOW)
    assert found is None
    assert problem
    assert problem != "could not be decoded"
