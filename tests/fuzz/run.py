"""Fuzz every decoder: valid values changed at random, and noise.

A fault is an exception, a decoder that failed rather than refused, or an allow that the value does
not plainly carry (``tests/oracles.py`` reads it another way). The first fault ends the run.
"""

import argparse
import json
import logging
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import bitstrings as bits
from knowingly.consent.signals.decoder import SignalDecoder, decode
from knowingly.consent.signals.desk import CORE
from knowingly.consent.signals.gpc import gpc_header, gpc_support
from knowingly.domain.signal import Signal, SignalContext
from knowingly.errors import SignalError
from knowingly.policy import load_policy, normalise
from knowingly_plugins.gpp import Gpp
from knowingly_plugins.tcf import Tcf
from oracles import faults

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DECODERS: dict[str, type[SignalDecoder]] = {**CORE, "tcf": Tcf, "gpp": Gpp}
POLICY = load_policy()
BASES = {name: purpose.basis for name, purpose in POLICY.purposes.items()}
CONTEXT = SignalContext(NOW, None, frozenset({755}))
NOISE = [*bits.ALPHABET, *".~=+/ ,:{}[]\"'\\\x00é\u0661\ud800", "\U0001f642", "yes", "no"]
LENGTHS = (100, 16_384, 16_385, 1_000_000)
FAILED = "could not be decoded"

VALID: dict[str, list[Any]] = {
    "gpc": ["1"],
    "shopify": [
        '{"preferences": "yes", "analytics": "yes", "marketing": "no", "sale_of_data": ""}',
        '{"preferences": true, "analytics": false, "marketing": null, "saleOfData": true}',
        '{"preferencesAllowed": true, "analyticsAllowed": true, "saleOfDataAllowed": true}',
    ],
    "shopify_email": [
        '{"state": "subscribed", "consent_updated_at": "2026-01-01T00:00:00Z"}',
        '[{"marketingState": "UNSUBSCRIBED", "consentUpdatedAt": "2026-01-01T00:00:00Z"}]',
    ],
    "shopify_sms": ['{"state": "pending", "consent_updated_at": "2026-01-01T00:00:00Z"}'],
    "consent_mode": [
        '[["default", {"ad_storage": "denied", "region": ["DE"], "wait_for_update": 500}]]',
        '[["update", {"personalization_storage": "granted", "analytics_storage": "granted"}]]',
        '[["default", {"ad_storage": "denied"}], ["update", {"ad_storage": "granted"}]]',
        '[["consent", "update", {"ad_storage": "granted", "ad_user_data": "granted"}]]',
    ],
    "tcf": [
        bits.tc_string(),
        bits.tc_string(bits.publisher([1, 5, 6], [11], 3, [2]), bits.disclosed()),
        bits.tc_string(
            bits.disclosed(bits.bitfield([755])),
            bits.allowed(),
            vendors=bits.ranged([(1, 10), 755], 755),
            restrictions=[(3, 1, [(2, 9)]), (4, 0, [7])],
        ),
    ],
    "gpp": [
        f"DBACNYA~{bits.tc_string()}~1YNN",
        bits.gpp_string({7: bits.us_core(2, bits.USNAT_2, {6: 1, 7: 2})}),
        "DBABBg~BVqqqqpY.YA",
    ],
}


def changed(text: str, draw: random.Random) -> str:
    """Some characters replaced, cut out, doubled, moved or put in; a bit or two turned."""
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(text) + 1)
        to = min(len(text), at + draw.choice((0, 1, 1, 2, 6, 40)))
        middle = draw.choice(
            (
                "",
                "".join(draw.choices(NOISE, k=draw.randint(1, 3))),
                text[at:to] * 2,
                text[at:to][::-1],
                turned(text[at : at + 1], draw) + text[at + 1 : to],
            )
        )
        text = text[:at] + middle + text[to:]
    return text


def turned(letter: str, draw: random.Random) -> str:
    """A character of the alphabet with one of its six bits turned."""
    if len(letter) != 1 or letter not in bits.ALPHABET:
        return letter
    return bits.ALPHABET[bits.ALPHABET.index(letter) ^ (1 << draw.randrange(6))]


def noise(draw: random.Random) -> Any:
    """Values of no standard: of other kinds, random, or very long."""
    letters = f"{bits.ALPHABET}.~"
    kinds = (
        lambda: draw.choice((None, True, 5, 1.5, [], {}, (), set(), [[]], {"a": {5: 5}}, object())),
        lambda: draw.randbytes(draw.randrange(40)),
        lambda: draw.choice("AC1[{~.") * draw.choices(LENGTHS, (40, 10, 10, 1))[0],
        lambda: "".join(draw.choices(letters, k=draw.randrange(400))),
        lambda: "C" + "".join(draw.choices(letters, k=draw.randrange(120))),
        lambda: "DB" + "".join(draw.choices(letters, k=draw.randrange(80))),
        lambda: "".join(draw.choices(NOISE, k=draw.randrange(60))),
    )
    return draw.choice(kinds)()


def a_value(source: str, draw: random.Random) -> Any:
    if draw.random() < 0.2:
        return noise(draw)
    text = changed(draw.choice(VALID[source]), draw)
    if source in {"tcf", "gpp", "gpc"} or draw.random() < 0.5:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def hear(source: str, raw: Any) -> tuple[str, list[tuple[str, str]]]:
    """Decode and normalise one value: the problem, and values of others inside it.

    Raises:
        AssertionError: There is a fault.
    """
    said, problem, text = decode(DECODERS[source](), raw, CONTEXT)
    if said is None:
        assert problem, "neither said nor a problem"
        assert problem != FAILED, "the decoder failed instead of refusing"
        return problem, []
    evidence = Signal(source, at=NOW, raw=text)
    found = normalise(said, evidence, CONTEXT, signals=POLICY.signals, basis_of=BASES)
    wrong = faults(source, raw, found.allows, NOW)
    assert not wrong, f"allows {', '.join(sorted(wrong))}"
    return "", list(said.parts.items())


def hear_headers(raw: Any) -> None:
    """What is no signal of a decoder: request headers, and a site's gpc.json."""
    gpc_support(raw)
    for headers in (raw, {"Sec-GPC": raw}, [("sec-gpc", raw)], {raw: raw} if _keys(raw) else raw):
        try:
            found = gpc_header(headers)
        except SignalError:
            continue
        assert found in {None, "1"}, "neither on nor absent"


def _keys(raw: Any) -> bool:
    return raw is None or isinstance(raw, str | bytes | int | float)


def main() -> int:
    """Run for some seconds, and say how many values each decoder was given."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args()
    logging.disable(logging.CRITICAL)
    draw = random.Random(options.seed)
    tried: Counter[str] = Counter()
    understood: Counter[str] = Counter()
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        for source in DECODERS:
            raw = a_value(source, draw)
            values = [(source, raw)]
            while values:
                heard, value = values.pop()
                tried[heard] += 1
                try:
                    problem, inside = hear(heard, value)
                    hear_headers(value)
                except Exception as error:
                    sys.stdout.write(f"{heard}, seed {options.seed}: {error!r}\n{value!r:.2000}\n")
                    return 1
                understood[heard] += not problem
                values += inside
    for source, count in sorted(tried.items()):
        share = f"{understood[source]:,} understood"
        sys.stdout.write(f"{source:14} {count:10,} values, {share}\n")
    sys.stdout.write(f"{'all':14} {tried.total():10,} values, no fault, seed {options.seed}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
