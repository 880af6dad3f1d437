"""Global Privacy Control: exactly ``1``, or as good as absent."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from knowingly import GpcSupport, SignalContext
from knowingly.consent.signals.gpc import Gpc, gpc_header, gpc_support
from knowingly.errors import SignalError

NOW = SignalContext(datetime(2026, 3, 1, tzinfo=UTC))

ON = {
    "header": {"Sec-GPC": "1"},
    "lower_case": {"sec-gpc": "1"},
    "upper_case": {"SEC-GPC": "1"},
    "wsgi": {"HTTP_SEC_GPC": "1", "REQUEST_METHOD": "GET"},
    "asgi": [(b"host", b"shop"), (b"sec-gpc", b"1")],
    "pairs": (("Sec-GPC", "0"), ("Sec-GPC", "1")),
    "list": {"Sec-GPC": ["0", "1"]},
    "joined": {"Sec-GPC": "0, 1"},
}
OFF = {
    "none": {},
    "zero": {"Sec-GPC": "0"},
    "true": {"Sec-GPC": "true"},
    "quoted": {"Sec-GPC": '"1"'},
    "extension": {"Sec-GPC": "1;q=1"},
    "eleven": {"Sec-GPC": "11"},
    "arabic_one": {"Sec-GPC": "\N{ARABIC-INDIC DIGIT ONE}"},
    "number": {"Sec-GPC": 1},
    "true_bool": {"Sec-GPC": True},
    "none_value": {"Sec-GPC": None},
    "other_header": {"X-Sec-GPC": "1", "Sec-GPC-2": "1", "Cookie": "sec-gpc=1"},
    "bytes_off": [(b"sec-gpc", b"0")],
    "odd_names": {5: "1", None: "1"},
}


@pytest.mark.parametrize("name", ON)
def test_a_header_of_exactly_1_is_on(name):
    """In whatever way a framework has headers; of several, one is enough."""
    assert gpc_header(ON[name]) == "1"


@pytest.mark.parametrize("name", OFF)
def test_anything_else_is_as_good_as_absent(name):
    """No other value means anything."""
    assert gpc_header(OFF[name]) is None


class Broken(dict):
    def items(self):
        raise KeyError("Sec-GPC")


@pytest.mark.parametrize(
    "headers",
    [5, "1", b"1", object(), [1], [("Sec-GPC",)], Broken()],
    ids=["number", "text", "bytes", "object", "no_pairs", "no_value", "broken"],
)
def test_what_are_no_headers_is_a_problem(headers):
    """Not silence: the app has passed something it did not mean."""
    with pytest.raises(SignalError, match="no headers"):
        gpc_header(headers)


def test_the_decoder_knows_one_value():
    """All others say nothing."""
    assert Gpc().decode("1", NOW).answers == {"gpc": "yes"}
    for raw in ("", "0", "yes", "1 ", "A" * 1_000):
        assert Gpc().decode(raw, NOW).answers == {}


def test_a_site_says_whether_it_abides():
    """As in the specification's example; a date is that day, a time has its zone."""
    said = gpc_support('{"gpc": true,"lastUpdate":"2025-04-15"}')
    assert said == GpcSupport(True, datetime(2025, 4, 15, tzinfo=UTC))
    said = gpc_support(b'{"gpc":false,"lastUpdate":"2025-04-15T08:00:00+02:00","more":[1]}')
    at = datetime(2025, 4, 15, 8, tzinfo=timezone(timedelta(hours=2)))
    assert said == GpcSupport(False, at)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "true",
        "[]",
        '{"gpc": 1}',
        '{"gpc": "true"}',
        '{"gpc": null}',
        '{"lastUpdate": "2025-04-15"}',
        '{"gpc": true, "gpc": false}',
        '{"gpc": true',
        '{"gpc": true, "x": NaN}',
        "[" * 100_000,
        '{"gpc": true, "x": "' + "A" * 1_000_000 + '"}',
        b"\xff\xfe",
        None,
        5,
        {"gpc": True},
    ],
    ids=lambda raw: repr(raw)[:24],
)
def test_what_cannot_be_read_says_nothing(raw):
    """Neither yes nor no."""
    assert gpc_support(raw) == GpcSupport()


@pytest.mark.parametrize(
    "said", ['"2025-13-01"', '"2025-04-15T08:00:00"', "5", '"yesterday"', "null"]
)
def test_a_date_that_is_none_is_left_out(said):
    """What the site says of GPC still stands."""
    assert gpc_support(f'{{"gpc": true, "lastUpdate": {said}}}') == GpcSupport(True)
