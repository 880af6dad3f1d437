"""The TC string: read as the specification writes it, and held to what needs no network."""

from datetime import UTC, datetime, timedelta

import pytest

import bitstrings as bits
from knowingly import Bits, SignalContext, SignalError
from knowingly.consent.signals.decoder import decode
from knowingly_plugins.tcf import Tcf, check, parse

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXAMPLE = (
    "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA"  # in the spec
)


def said(string, *, now=NOW, vendors=()):
    return Tcf().decode(string, SignalContext(now, vendors=frozenset(vendors)))


def test_the_example_of_the_specification_reads_as_it_says():
    """Field by field."""
    string = parse(EXAMPLE)
    assert string.created == string.updated == datetime(2025, 6, 3, tzinfo=UTC)
    assert (string.cmp, string.language, string.vendor_list) == (880, "EN", 48)
    assert (string.policy, string.service_specific, string.country) == (2, True, "DE")
    assert string.purposes == frozenset()
    assert [one for one in range(500) if one in string.vendors] == [1, 2, 3, 4]
    assert [one for one in range(500) if one in string.disclosed] == [1, 2, 3, 4, 5, 100, 404]
    assert string.publisher.consents == frozenset()


def test_the_example_is_of_a_policy_that_has_ended():
    """It can be read, and not relied on."""
    with pytest.raises(SignalError, match="ended on 30 September 2023"):
        check(parse(EXAMPLE), NOW)


def test_a_valid_string_tells_purposes_and_when():
    """Those of the shop from the publisher's segment, the others from the core."""
    found = said(bits.tc_string(bits.disclosed(), bits.publisher([5, 6], [11], 2, [2])))
    assert found.at == bits.CREATED
    for purpose in range(1, 12):
        assert found.answers[f"purpose-{purpose}"] == "yes"
        agreed = "yes" if purpose in (5, 6) else "no"
        assert found.answers[f"publisher-consent-{purpose}"] == agreed
    assert (found.answers["publisher-li-11"], found.answers["publisher-li-2"]) == ("yes", "no")
    assert found.answers["publisher-custom-1"] == "no"
    assert found.answers["publisher-custom-2"] == "yes"
    assert "vendors" not in found.answers


def test_without_a_publishers_segment_nothing_is_said_of_the_shop():
    """Its own purposes are silent, whatever vendors were told."""
    answers = said(bits.tc_string(bits.disclosed())).answers
    assert not any(term.startswith("publisher") for term in answers)


VENDORS = {
    "bits": bits.bitfield([10, 755]),
    "ranges": bits.ranged([(1, 10), 755], 755),
    "overlapping": bits.ranged([(1, 10), (5, 20), 755, 755], 755),
}


@pytest.mark.parametrize("written", VENDORS)
def test_every_vendor_the_shop_names_must_be_agreed_to(written):
    """In bits and in ranges alike; a vendor that is not disclosed is not agreed to."""
    string = bits.tc_string(bits.disclosed(VENDORS[written]), vendors=VENDORS[written])
    assert said(string, vendors=[755]).answers["vendors"] == "yes"
    assert said(string, vendors=[10, 755]).answers["vendors"] == "yes"
    assert said(string, vendors=[755, 700]).answers["vendors"] == "no"
    assert said(string, vendors=[65_535]).answers["vendors"] == "no"
    hidden = bits.tc_string(bits.disclosed(bits.bitfield([10])), vendors=VENDORS[written])
    assert said(hidden, vendors=[10, 755]).answers["vendors"] == "no"


def test_before_march_2026_vendors_that_were_not_disclosed_are_silent():
    """Such a string is valid, and shares with nobody."""
    assert "vendors" not in said(bits.tc_string(bits.publisher()), vendors=[755]).answers


@pytest.mark.parametrize(
    ("restriction", "agreed"),
    [
        ((3, 0, [755]), "no"),
        ((4, 2, [(700, 800)]), "no"),
        ((1, 0, [755]), "no"),
        ((3, 1, [755]), "yes"),
        ((7, 0, [755]), "yes"),
        ((3, 0, [754]), "yes"),
    ],
    ids=["not_allowed", "only_interest", "storage", "consent", "other_purpose", "other_vendor"],
)
def test_a_publishers_restriction_holds_a_vendor_back(restriction, agreed):
    """Where it forbids an advertising purpose, or allows it on legitimate interest alone."""
    string = bits.tc_string(restrictions=[restriction])
    assert said(string, vendors=[755]).answers["vendors"] == agreed


def days(count):
    return bits.CREATED + timedelta(days=count)


INVALID = {
    "version_1": bits.tc_string(version=1),
    "global_scope": bits.tc_string(service=0),
    "old_policy": bits.tc_string(policy=3),
    "updated_later": bits.tc_string(updated=days(1)),
    "hour_of_day": bits.tc_string(created=bits.CREATED + timedelta(hours=1)),
    "interest_3": bits.tc_string(interests=[3]),
    "interest_6": bits.tc_string(interests=[2, 6]),
    "language": bits.tc_string(language="[A"),
    "country": bits.tc_string(country="A["),
    "no_disclosed": bits.tc_string(bits.publisher(), created=datetime(2026, 3, 1, tzinfo=UTC)),
    "segment_twice": bits.tc_string(bits.disclosed(), bits.disclosed()),
    "core_again": bits.tc_string(bits.text(bits.core())),
    "segment_4": bits.tc_string(bits.text(bits.number(4, 3) + bits.bitfield([1]))),
    "empty_segment": bits.tc_string("", bits.disclosed()),
    "range_backwards": bits.tc_string(vendors=bits.ranged([(9, 3)])),
    "range_of_0": bits.tc_string(vendors=bits.ranged([0])),
    "range_too_far": bits.tc_string(vendors=bits.ranged([12], 11)),
    "restriction_of_0": bits.tc_string(restrictions=[(0, 1, [1])]),
    "restriction_type": bits.tc_string(restrictions=[(2, 3, [1])]),
    "longer": bits.tc_string() + "AAAAA",
    "noise_after": bits.text(bits.core() + "1" * 6),
    "padded": bits.tc_string() + "==",
    "standard_base64": bits.tc_string()[:-3] + "+/A",
    "space": " " + bits.tc_string(),
    "dots": "...",
    "empty": "",
    "umlaut": "CÄ",
    "letters_a": "A" * 16_384,
    "a_megabyte_of_a": "A" * 1_000_000,
    "bytes": bits.tc_string().encode(),
    "none": None,
    "number": 5,
    "list": [bits.tc_string()],
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_wrong_is_a_problem_and_never_an_exception(name):
    """Nothing is said, so nothing can be allowed."""
    found, problem, raw = decode(Tcf(), INVALID[name], SignalContext(NOW))
    assert found is None
    assert problem
    assert len(raw) <= 16_384


def test_a_valid_string_cut_anywhere_says_no_more_than_it_did():
    """Cut between segments it may be valid; then it says less, never more."""
    string = bits.tc_string(vendors=bits.ranged([(1, 10), 755], 755))
    whole = said(string, vendors=[755]).answers
    valid = 0
    for end in range(len(string)):
        found, problem, _ = decode(Tcf(), string[:end], SignalContext(NOW, None, frozenset([755])))
        assert (found is None) == bool(problem)
        if found is not None:
            valid += 1
            assert found.answers.items() <= whole.items()
    assert valid < 12


def test_a_string_is_believed_for_thirteen_months():
    """To the day; decisions have a bound of their own beside it."""
    string = bits.tc_string(created=datetime(2024, 1, 31, tzinfo=UTC))
    assert said(string, now=datetime(2025, 2, 28, 23, tzinfo=UTC))
    with pytest.raises(SignalError, match="13 months"):
        said(string, now=datetime(2025, 3, 1, tzinfo=UTC))


def test_an_old_policy_was_valid_in_its_time():
    """Up to the end of September 2023."""
    string = bits.tc_string(created=datetime(2023, 9, 1, tzinfo=UTC), policy=2)
    assert said(string, now=datetime(2023, 9, 30, 23, tzinfo=UTC))
    with pytest.raises(SignalError, match="policy"):
        said(string, now=datetime(2023, 10, 1, tzinfo=UTC))


@pytest.mark.parametrize("unit", [6, 8, 24])
def test_any_usual_padding_is_accepted(unit):
    """To whole characters, bytes, or three bytes."""
    assert parse(bits.text(bits.core(), unit=unit)).cmp == 880


def test_bits_are_never_read_past_the_end():
    """Whoever asks for more hears that the text ends too early."""
    found = Bits("_A")
    assert (found.left, found.take(6), found.number(3), found.flag()) == (12, "111111", 0, False)
    with pytest.raises(SignalError, match="ends too early"):
        found.take(3)
    with pytest.raises(SignalError, match="too large"):
        Bits("AAAAAAAAAA").fibonacci()
