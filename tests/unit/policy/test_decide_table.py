"""Every rule of ``decide``, one row each, and every reason it can give."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from knowingly.domain.consent import Action, ConsentRecord
from knowingly.domain.moments import DAY_US, from_us
from knowingly.domain.signal import Signal
from knowingly.policy import REASONS, decide, parse_policy

G, R, W, O = Action.GRANT, Action.REFUSE, Action.WITHDRAW, Action.OBJECT  # noqa: E741 - a table
HALT, FREE = Action.RESTRICT, Action.UNRESTRICT
NEW, OLD = "2026-01/en", "2020-01/en"
NOW = 1_000
VALID, STALE = 100, 50
SKEW_US = 300_000_000

POLICY = parse_policy(
    f"""
[purposes.train]
title = "Train"
description = "Learn."
version = 2
valid_days = {VALID}
[purposes.forever]
title = "Forever"
description = "A yes that does not age."
valid_days = "never"
[purposes.off]
title = "Off"
description = "Off."
enabled = false
[purposes.order]
title = "Order"
description = "Deliver."
basis = "contract"
[purposes.safety]
title = "Safety"
description = "Stop fraud."
basis = "legitimate_interest"
[purposes.books]
title = "Books"
description = "Keep the books."
basis = "legal_obligation"
[[notices]]
id = "{NEW}"
text = "New."
covers = {{ train = 2, forever = 1, off = 1, safety = 1 }}
[[notices]]
id = "{OLD}"
text = "Old."
covers = {{ train = 1 }}
[signals]
stale_after_days = {STALE}
accept = {{ shopify = ["train", "off"] }}
"""
)


def rec(action, day, index=0, **changes):
    """One choice about ``train``, received at once, on that day."""
    at_us = int(day * DAY_US)
    given = {"purpose": "train", "at_us": at_us, "received_us": at_us, "notice": NEW, **changes}
    return ConsentRecord(action=action, index=index, **given)


def says(source="shopify", *, yes=(), no=(), day=None, **changes):
    at = None if day is None else from_us(int(day * DAY_US))
    return Signal(source, frozenset(yes), frozenset(no), **{"at": at, **changes})


def ask(*records, purpose="train", now=NOW, signals=(), scope=None):
    return decide(purpose, records, policy=POLICY, at_us=now * DAY_US, signals=signals, scope=scope)


YES = says(yes=["train"])
HERE, THERE = {"scope": "device:here"}, {"scope": "device:there"}
ALL = {"purpose": "*"}
AHEAD = {"at_us": 2_000 * DAY_US}
SOON = {"at_us": NOW * DAY_US + SKEW_US}

CHOICES = [
    # (what it shows, records, reason, since in days, rests_on)
    ("nothing on record", [], "no_record", 0, ()),
    ("another purpose", [rec(G, 990, purpose="forever")], "no_record", 0, ()),
    ("a grant", [rec(G, 990, 7)], "granted", 990, (7,)),
    ("a refusal", [rec(R, 990, 7)], "refused", 0, (7,)),
    ("a withdrawal", [rec(W, 990, 7)], "withdrawn", 0, (7,)),
    ("an objection", [rec(O, 990, 7)], "objected", 0, (7,)),
    ("no after yes", [rec(G, 980, 1), rec(W, 990, 2)], "withdrawn", 0, (2,)),
    ("yes after no", [rec(W, 980, 1), rec(G, 990, 2)], "granted", 990, (2,)),
    ("yes after objection", [rec(O, 980, 1), rec(G, 990, 2)], "granted", 990, (2,)),
    ("an objection outlasts a refusal", [rec(O, 980, 1), rec(R, 990, 2)], "objected", 0, (1,)),
    ("a later objection", [rec(O, 970, 1), rec(O, 980, 2), rec(W, 990)], "objected", 0, (2,)),
    ("a tie", [rec(G, 990, 2), rec(R, 990, 1)], "tie", 0, (1, 2)),
    ("an objection at the moment of a yes", [rec(G, 990, 2), rec(O, 990, 1)], "objected", 0, (1,)),
    ("two kinds of no at once", [rec(R, 990, 2), rec(W, 990, 1)], "withdrawn", 0, (1, 2)),
    ("two equal grants", [rec(G, 990, 2), rec(G, 990, 1)], "granted", 990, (1, 2)),
    ("an old tie", [rec(G, 980), rec(R, 980), rec(G, 990, 3)], "granted", 990, (3,)),
    ("an older notice", [rec(G, 990, 1, notice=OLD)], "reconsent", 0, (1,)),
    ("an unknown notice", [rec(G, 990, 1, notice="x")], "reconsent", 0, (1,)),
    ("no notice", [rec(G, 990, 1, notice=None)], "reconsent", 0, (1,)),
    (
        "the older of tied notices",
        [rec(G, 990, 1), rec(G, 990, 2, notice=OLD)],
        "reconsent",
        0,
        (1, 2),
    ),
    (
        "an older notice does not void",
        [rec(G, 980), rec(G, 990, 1, notice=OLD)],
        "reconsent",
        0,
        (1,),
    ),
    ("the last valid day", [rec(G, NOW - VALID, 1)], "granted", NOW - VALID, (1,)),
    ("a day too old", [rec(G, NOW - VALID - 1, 1)], "expired", 0, (1,)),
    (
        "learnt of later",
        [rec(G, 990, 1), rec(W, 995, received_us=1_001 * DAY_US)],
        "granted",
        990,
        (1,),
    ),
    ("a run of grants", [rec(G, 910), rec(G, 950), rec(G, 990, 3)], "granted", 910, (3,)),
    ("a run past its validity", [rec(G, 800), rec(G, 900), rec(G, 990, 3)], "granted", 800, (3,)),
    ("a run broken by age", [rec(G, 849), rec(G, 950), rec(G, 990, 3)], "granted", 950, (3,)),
    ("a run broken by a no", [rec(G, 940), rec(R, 950), rec(G, 990, 3)], "granted", 990, (3,)),
    ("a run broken by a tie", [rec(G, 950), rec(R, 950), rec(G, 990, 3)], "granted", 990, (3,)),
    ("a run broken by the notice", [rec(G, 950, notice=OLD), rec(G, 990, 3)], "granted", 990, (3,)),
    ("a no for everything", [rec(G, 980), rec(W, 990, 2, **ALL)], "withdrawn", 0, (2,)),
    ("a yes for everything is none", [rec(G, 990, 2, **ALL)], "no_record", 0, ()),
]

RESTRICTIONS = [
    ("a restriction", [rec(G, 990), rec(HALT, 980, 2)], "restricted", 0, (2,)),
    ("of everything", [rec(G, 990), rec(HALT, 980, 2, **ALL)], "restricted", 0, (2,)),
    ("of another purpose", [rec(G, 990, 1), rec(HALT, 980, purpose="off")], "granted", 990, (1,)),
    ("lifted", [rec(G, 970, 1), rec(HALT, 980), rec(FREE, 990)], "granted", 970, (1,)),
    (
        "lifted for one",
        [rec(G, 970, 1), rec(HALT, 980, **ALL), rec(FREE, 990)],
        "granted",
        970,
        (1,),
    ),
    (
        "lifted at that moment",
        [rec(G, 970), rec(HALT, 980, 2), rec(FREE, 980)],
        "restricted",
        0,
        (2,),
    ),
    ("lifted earlier", [rec(G, 970), rec(FREE, 975), rec(HALT, 980, 2)], "restricted", 0, (2,)),
    ("again", [rec(HALT, 970, 1), rec(FREE, 980), rec(HALT, 990, 2)], "restricted", 0, (2,)),
    ("before an objection", [rec(O, 990), rec(HALT, 980, 2)], "restricted", 0, (2,)),
    ("lifted by a date ahead", [rec(HALT, 980, 2), rec(FREE, 990, **AHEAD)], "restricted", 0, (2,)),
    ("dated ahead", [rec(G, 990), rec(HALT, 980, 2, **AHEAD)], "restricted", 0, (2,)),
    ("dated ahead, lifted", [rec(HALT, 980, **AHEAD), rec(FREE, 990)], "no_record", 0, ()),
    ("not known yet", [rec(G, 990, 1), rec(HALT, 1_001)], "granted", 990, (1,)),
]

AHEAD_OF_TIME = [
    ("a grant", [rec(G, 990, 1, **AHEAD)], "future_dated", 0, (1,)),
    ("a refusal", [rec(R, 990, 1, **AHEAD)], "future_dated", 0, (1,)),
    ("a grant over a refusal", [rec(R, 980), rec(G, 990, 1, **AHEAD)], "future_dated", 0, (1,)),
    ("a refusal over a grant", [rec(G, 980), rec(R, 990, 1, **AHEAD)], "future_dated", 0, (1,)),
    (
        "at the moment of a grant",
        [rec(G, 990, 1), rec(R, 990, 2, **AHEAD)],
        "future_dated",
        0,
        (1, 2),
    ),
    ("before a refusal", [rec(G, 980, **AHEAD), rec(R, 990, 1)], "refused", 0, (1,)),
    ("before a grant", [rec(R, 980, **AHEAD), rec(G, 990, 1)], "granted", 990, (1,)),
    ("breaks a run", [rec(G, 970), rec(G, 980, **AHEAD), rec(G, 990, 1)], "granted", 990, (1,)),
    ("within the skew", [rec(G, NOW, 1, **SOON)], "granted", NOW, (1,)),
    ("beyond it", [rec(G, NOW, 1, at_us=SOON["at_us"] + 1)], "future_dated", 0, (1,)),
    (
        "does not outrun a no",
        [rec(G, 999, at_us=999 * DAY_US + SKEW_US), rec(R, 999.002, 1)],
        "refused",
        0,
        (1,),
    ),
    (
        "within the skew, twice",
        [rec(G, NOW, 1, **SOON), rec(G, NOW, 2, **SOON)],
        "granted",
        NOW,
        (1, 2),
    ),
    (
        "within the skew, it lifts",
        [rec(O, 980), rec(G, 990, 1, at_us=990 * DAY_US + SKEW_US)],
        "granted",
        990,
        (1,),
    ),
    ("lifts no objection", [rec(O, 980, 1), rec(G, 990, **AHEAD)], "objected", 0, (1,)),
]

DEVICES = [
    ("this device's yes", [rec(G, 990, 1, **HERE)], "granted", 990, (1,)),
    ("this device's no", [rec(R, 990, 1, **HERE)], "refused", 0, (1,)),
    ("another device's", [rec(G, 990, 1, **THERE)], "no_record", 0, ()),
    ("the account before the device", [rec(R, 980, 1), rec(G, 990, **HERE)], "refused", 0, (1,)),
    ("the account's yes holds here", [rec(G, 980, 1), rec(R, 990, **HERE)], "granted", 980, (1,)),
    ("an objection here", [rec(G, 980), rec(O, 990, 2, **HERE)], "objected", 0, (2,)),
    ("at the moment of a yes", [rec(G, 990), rec(O, 990, 2, **HERE)], "objected", 0, (2,)),
    ("an objection there", [rec(G, 980, 1), rec(O, 990, **THERE)], "granted", 980, (1,)),
    ("lifted by the account", [rec(O, 980, **HERE), rec(G, 990, 1)], "granted", 990, (1,)),
    (
        "lifted here, so whole since then",
        [rec(G, 970, 1), rec(O, 980, **HERE), rec(G, 990, **HERE), rec(G, 995, **HERE)],
        "granted",
        990,
        (1,),
    ),
    (
        "a date ahead does not make it whole",
        [rec(G, 970), rec(O, 980, **HERE), rec(G, 985, **AHEAD, **HERE), rec(G, 990, 1)],
        "granted",
        990,
        (1,),
    ),
    (
        "nor in the account's stead",
        [rec(G, 970, 1), rec(O, 980, **HERE), rec(G, 985, **AHEAD, **HERE), rec(G, 990, **HERE)],
        "granted",
        990,
        (1,),
    ),
    ("the account's objection", [rec(O, 980, 1), rec(G, 990, **HERE)], "objected", 0, (1,)),
    (
        "lifted in the account",
        [rec(O, 980), rec(G, 990, 1), rec(R, 995, **HERE)],
        "granted",
        990,
        (1,),
    ),
    ("a restriction here", [rec(G, 980), rec(HALT, 990, 2, **HERE)], "restricted", 0, (2,)),
    (
        "the account's, lifted here",
        [rec(HALT, 980, 2), rec(FREE, 990, **HERE)],
        "restricted",
        0,
        (2,),
    ),
    ("here, lifted by the account", [rec(HALT, 980, **HERE), rec(FREE, 990)], "no_record", 0, ()),
    (
        "dated ahead in the account",
        [rec(G, 980, 1, **AHEAD), rec(G, 990, **HERE)],
        "future_dated",
        0,
        (1,),
    ),
]


def _rows(*tables):
    return [pytest.param(row[1], row[2:], id=row[0]) for table in tables for row in table]


def _told(decision):
    return decision.reason, decision.since_us // DAY_US, decision.rests_on


@pytest.mark.parametrize(("records", "told"), _rows(CHOICES, RESTRICTIONS, AHEAD_OF_TIME))
@pytest.mark.parametrize("scope", [None, "device:here"])
@pytest.mark.parametrize("turn", [1, -1])
def test_the_account_decides(records, told, scope, turn):
    decision = ask(*records[::turn], scope=scope)
    assert _told(decision) == told
    assert decision.allowed is (decision.reason == "granted")
    assert (decision.purpose, decision.at_us) == ("train", NOW * DAY_US)


@pytest.mark.parametrize(("records", "told"), _rows(DEVICES))
@pytest.mark.parametrize("turn", [1, -1])
def test_a_device_decides_for_itself_where_the_account_is_silent(records, told, turn):
    assert _told(ask(*records[::turn], scope="device:here")) == told


def test_a_device_never_decides_for_the_account():
    for action in Action:
        assert ask(rec(action, 990, **HERE)).reason == "no_record"
        assert ask(rec(action, 990, **HERE), rec(G, 980)).allowed


def test_what_is_dated_ahead_does_not_come_true_when_its_day_comes():
    history = [rec(G, 990, **AHEAD), rec(R, 995)]
    assert ask(*history, now=2_001).reason == "refused"
    assert ask(history[0], now=2_001).reason == "future_dated"


def test_the_answer_of_a_past_moment_stays_what_it_was():
    history = [rec(G, 950), rec(W, 960), rec(G, 970), rec(HALT, 980, **ALL)]
    days = (949, 950, 960, 970, 980)
    reasons = [ask(*history, now=day).reason for day in days]
    assert reasons == ["no_record", "granted", "withdrawn", "granted", "restricted"]


def test_a_purpose_that_never_expires():
    old = rec(G, 1, purpose="forever")
    assert ask(old, purpose="forever", now=100_000).since_us == DAY_US


def test_unknown_and_prohibited_purposes_ask_nobody():
    assert ask(rec(G, 990, purpose="zzz"), purpose="zzz").reason == "unknown_purpose"
    assert ask(purpose="*").reason == "unknown_purpose"
    everything = [rec(G, 990, purpose="off"), rec(HALT, 991, purpose="off")]
    assert ask(*everything, purpose="off", signals=[says(yes=["off"])]).reason == "prohibited"


class Broken(tzinfo):
    def utcoffset(self, when):
        raise RuntimeError


class Nowhere(tzinfo):
    def utcoffset(self, when):
        return None


SUMMER = datetime(1972, 9, 1, tzinfo=UTC)
EAST = timezone(timedelta(hours=14))

BANNER = {"source": "shopify"}
GPC = {"source": "gpc"}
OPTS_OUT = says("gpc", objects=frozenset({"train"}))
BEYOND = [
    # (what it shows, records, reason, the signals of the request)
    ("a guardian's word", [rec(G, 980), rec(Action.REVOKE, 990, 1)], "revoked", ()),
    ("found void", [rec(G, 980), rec(Action.INVALIDATE, 990, 1)], "invalidated", ()),
    ("agreed again", [rec(Action.INVALIDATE, 980), rec(G, 990, 1)], "granted", ()),
    ("too young", [rec(G, 990, flaw="under_age")], "under_age", ()),
    ("then old enough", [rec(G, 980, flaw="under_age"), rec(G, 990, 1)], "granted", ()),
    ("imported, and thin", [rec(G, 990, flaw="weak_evidence")], "weak_evidence", ()),
    ("a flaw of a later release", [rec(G, 990, flaw="unheard_of")], "invalidated", ()),
    ("a flaw lifts no objection", [rec(O, 980), rec(G, 990, 1, flaw="under_age")], "objected", ()),
    ("asked", [rec(Action.REQUEST, 990)], "no_record", ()),
    ("put off", [rec(Action.REQUEST, 980), rec(Action.DEFER, 990, 1)], "no_record", ()),
    ("asked after a yes", [rec(G, 980), rec(Action.REQUEST, 990, 1)], "granted", ()),
    ("a session had agreed", [rec(G, 990, scope="account:merged:5")], "needs_confirmation", ()),
    ("had refused", [rec(R, 990, scope="account:merged:5")], "no_record", ()),
    ("confirmed", [rec(G, 980, scope="account:merged:5"), rec(G, 990, 6)], "granted", ()),
    ("a recorded yes", [rec(Action.SIGNAL_ALLOW, 990, **BANNER)], "signal", ()),
    ("of a source nobody accepts", [rec(Action.SIGNAL_ALLOW, 990, **GPC)], "no_record", ()),
    ("a recorded no", [rec(Action.SIGNAL_REFUSE, 990, **GPC)], "signal_refused", ()),
    (
        "a recorded no, then a yes sent",
        [rec(Action.SIGNAL_REFUSE, 990, **GPC)],
        "signal_refused",
        [YES],
    ),
    (
        "a later no of the source",
        [rec(Action.SIGNAL_ALLOW, 980, **BANNER), rec(Action.SIGNAL_REFUSE, 990, 1, **BANNER)],
        "signal_refused",
        (),
    ),
    (
        "recorded long ago",
        [rec(Action.SIGNAL_ALLOW, NOW - STALE - 1, **BANNER)],
        "stale_signal",
        (),
    ),
    (
        "recorded with a flaw",
        [rec(Action.SIGNAL_ALLOW, 990, flaw="x", **BANNER)],
        "invalid_signal",
        (),
    ),
    (
        "a choice before a recorded signal",
        [rec(G, 980), rec(Action.SIGNAL_REFUSE, 990, 1, **GPC)],
        "granted",
        (),
    ),
    ("an opt-out recorded", [rec(G, 980), rec(O, 990, 1, **GPC)], "objected", ()),
    ("a yes over it", [rec(O, 980, **GPC), rec(G, 990, 1, confirmed=True)], "granted", ()),
    ("an opt-out sent over a yes", [rec(G, 990)], "signal_objected", [OPTS_OUT]),
    ("over a yes that knew", [rec(G, 990, confirmed=True)], "granted", [OPTS_OUT]),
    ("over nothing", [], "signal_objected", [OPTS_OUT]),
    ("over a no", [rec(R, 990)], "refused", [OPTS_OUT]),
]


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(
    ("records", "reason", "signals"),
    [row[1:] for row in BEYOND],
    ids=[row[0] for row in BEYOND],
)
def test_what_else_stands_in_a_history(records, reason, signals, turn):
    assert ask(*records[::turn], signals=signals).reason == reason


SIGNALS = [
    ("none", [], "no_record"),
    ("an accepted yes", [YES], "signal"),
    ("a yes of a source nobody accepts", [says("gpc", yes=["train"])], "no_record"),
    ("a no of any source", [says("gpc", no=["train"])], "signal_refused"),
    ("silence", [says(yes=["off"], no=["order"])], "no_record"),
    ("an empty signal", [says()], "no_record"),
    ("yes and no at once", [says(yes=["train"], no=["train"])], "signal_refused"),
    ("a no beside a yes", [YES, says("gpc", no=["train"])], "signal_refused"),
    ("unreadable", [says(yes=["train"], problem="truncated")], "invalid_signal"),
    ("an unreadable one beside a yes", [YES, says("tcf", problem="")], "invalid_signal"),
    ("a stale one beside a yes", [YES, says("gpc", day=NOW - STALE - 1)], "stale_signal"),
    ("the last fresh day", [says(yes=["train"], day=NOW - STALE)], "signal"),
    ("a day too old", [says(yes=["train"], day=NOW - STALE - 1)], "stale_signal"),
    ("within the skew", [says(yes=["train"], day=NOW + 300 / 86_400)], "signal"),
    ("beyond it", [says(yes=["train"], day=NOW + 301 / 86_400)], "future_dated"),
    ("a naive date", [says(yes=["train"], at=SUMMER.replace(tzinfo=None))], "invalid_signal"),
    ("a broken zone", [says(yes=["train"], at=SUMMER.replace(tzinfo=Broken()))], "invalid_signal"),
    ("a zone without offset", [says(at=SUMMER.replace(tzinfo=Nowhere()))], "invalid_signal"),
    ("the first moment", [says(at=datetime.min.replace(tzinfo=EAST))], "stale_signal"),
    ("the last moment", [says(at=datetime.max.replace(tzinfo=UTC))], "future_dated"),
]


@pytest.mark.parametrize(("what", "signals", "reason"), SIGNALS)
@pytest.mark.parametrize("turn", [1, -1])
def test_signals_speak_where_nobody_chose(what, signals, reason, turn):
    decision = ask(signals=signals[::turn])
    assert (decision.reason, decision.allowed) == (reason, reason == "signal"), what
    assert (decision.since_us, decision.rests_on) == (0, ())
    assert ask(rec(G, 990), signals=signals[::turn]).reason == "granted"
    assert ask(rec(R, 990), signals=signals[::turn]).reason == "refused"


def test_a_signal_said_yes_but_the_person_had_said_no():
    assert ask(rec(W, 1), signals=[YES]).reason == "withdrawn"


def test_a_device_choice_hidden_from_the_account_does_not_silence_signals():
    assert ask(rec(R, 990, **HERE), signals=[YES]).reason == "signal"
    assert ask(rec(R, 990, **HERE), signals=[YES], scope="device:here").reason == "refused"


@pytest.mark.parametrize(
    ("purpose", "basis"),
    [
        ("order", "contract"),
        ("safety", "legitimate_interest"),
        ("books", "legal_obligation"),
    ],
)
def test_another_basis_allows_only_where_nobody_says_no(purpose, basis):
    decision = ask(purpose=purpose)
    assert (decision.allowed, decision.reason, decision.since_us) == (True, basis, 0)
    for action, reason in ((R, "refused"), (W, "withdrawn"), (O, "objected"), (HALT, "restricted")):
        assert ask(rec(action, 1, purpose=purpose), purpose=purpose).reason == reason
    refused = [says("gpc", no=[purpose])]
    assert ask(purpose=purpose, signals=refused).reason == "signal_refused"
    assert ask(purpose=purpose, signals=[says(problem="x")]).reason == "invalid_signal"


def test_an_explicit_yes_counts_under_another_basis_too():
    assert ask(rec(G, 990, purpose="safety"), purpose="safety").reason == "granted"


def test_every_reason_is_explained_and_can_be_reached():
    tables = (CHOICES, RESTRICTIONS, AHEAD_OF_TIME, SIGNALS, BEYOND)
    reached = {row[2] for table in tables for row in table}
    reached |= {ask(purpose=name).reason for name in ("zzz", "off", "order", "safety", "books")}
    assert reached == set(REASONS) - {"erased", "key_lost", "no_subject", "profiling_off"}
    for sentence in REASONS.values():
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert sentence.count(".") == 1
