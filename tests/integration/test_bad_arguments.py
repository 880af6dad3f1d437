"""Public calls with arguments they do not take: an error of ours, and nothing written."""

from datetime import UTC, datetime, tzinfo

import pytest

import knowingly
from knowingly import Certificate, Event, Signal
from knowingly.domain.moments import to_us

SECRET = "ann.secret@example.com"  # noqa: S105 - an id, not a password
GOOD = {"subject": "t000", "kind": "view", "item": "sencha"}
NAIVE = datetime(2026, 2, 1)  # noqa: DTZ001


class Nowhere(tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, moment):
        return None


NOT_TEXT = (None, 5, 1.5, b"x", [SECRET], {SECRET: 1}, object())
NOT_ROWS = (None, 5, 1.5, True, b"x", object(), Signal("gpc"))
NOT_LISTS = (None, 5, SECRET, b"x", {SECRET}, {SECRET: 1}, iter(()), object())
NOT_TIMES = ("2026", 5, 1.5, b"x", NAIVE, datetime(2026, 2, 1, tzinfo=Nowhere()), object())
NOT_VERSIONS = (SECRET, 9, 2**70, 1.0, True, b"x", [1], {1: 1}, object())

CALLS = {
    "recommend(subject)": (lambda shop, bad: shop.recommend(bad), (5, b"x", [SECRET], "", " ann")),
    "recommend(slot)": (lambda shop, bad: shop.recommend(slot=bad), (*NOT_TEXT, SECRET)),
    "recommend(item)": (lambda shop, bad: shop.recommend(item=bad), NOT_TEXT[1:]),
    "recommend(k)": (
        lambda shop, bad: shop.recommend(k=bad),
        (0, 101, 10**30, True, False, 1.5, "5", b"x", [5], object()),
    ),
    "explain_hit(subject)": (
        lambda shop, bad: shop.explain(bad, "assam"),
        (None, 5, b"x", "", " ann"),
    ),
    "explain_hit(hit)": (lambda shop, bad: shop.explain("t000", bad), NOT_TEXT),
    "explain_hit(slot)": (
        lambda shop, bad: shop.explain("t000", "mint", slot=bad),
        (*NOT_TEXT, SECRET, [], ["home", SECRET], ["home", "home"], ["home"] * 21, [["home"]]),
    ),
    "recommend(profiling)": (
        lambda shop, bad: shop.recommend(profiling=bad),
        (*NOT_TEXT, SECRET, True),
    ),
    "recommend_many(slots)": (
        lambda shop, bad: shop.recommend_many(slots=bad),
        (*NOT_LISTS, "home", [], [5], [SECRET], ["home", "home"], ["home"] * 21),
    ),
    "recommend(basket)": (
        lambda shop, bad: shop.recommend("t000", slot="cart", basket=bad),
        (*NOT_LISTS, [5], [None], [["a"]], ("mint", b"x"), ["mint"] * 501),
    ),
    "recommend(signals)": (
        lambda shop, bad: shop.recommend("t000", signals=bad),
        (
            *NOT_LISTS,
            Signal("gpc"),
            [SECRET],
            [None],
            [Signal(5)],
            [Signal("gpc", allows="personalize")],
            [Signal("gpc", refuses=None)],
            [Signal("gpc", refuses=["personalize"])],
            [Signal("gpc", frozenset([5]))],
            [Signal("gpc", objects={SECRET: 1})],
            [Signal("gpc", objects=frozenset([5]))],
        ),
    ),
    "import_file(path)": (lambda shop, bad: shop.import_file(bad), NOT_TEXT),
    "import_file(mapping)": (
        lambda shop, bad: shop.import_file("items.csv", mapping=bad),
        NOT_TEXT[1:],
    ),
    "signals.read(at)": (
        lambda shop, bad: shop.signals.read(shopify={}, at=bad),
        [one for one in NOT_TIMES if one is not None],
    ),
    "signals.read(others)": (
        lambda shop, bad: shop.signals.read(others=bad),
        (5, SECRET, b"x", [SECRET], {5: 5}, object()),
    ),
    "signal(subject)": (lambda shop, bad: shop.consent.signal(bad, Signal("gpc")), NOT_TEXT),
    "signal(signals)": (
        lambda shop, bad: shop.consent.signal("t000", bad),
        (None, 5, SECRET, b"x", [SECRET], [None], Signal(SECRET), Signal("gpc", decoder=SECRET)),
    ),
    "signal(device)": (
        lambda shop, bad: shop.consent.signal("t000", Signal("gpc"), device=bad),
        NOT_TEXT[1:],
    ),
    "train(until)": (lambda shop, bad: shop.train(until=bad), NOT_TIMES),
    "models.cards": (lambda shop, bad: shop.models.cards(bad), NOT_VERSIONS),
    "models.rollback": (lambda shop, bad: shop.models.rollback(bad), NOT_VERSIONS),
    "models.prune": (lambda shop, bad: shop.models.prune(bad), NOT_VERSIONS),
    "models.record": (lambda shop, bad: shop.models.record(bad), (None, *NOT_VERSIONS)),
    "maintain(skip)": (
        lambda shop, bad: shop.maintain(skip=bad),
        (None, 5, "train", b"", b"x", [SECRET], [5], [["train"]], iter(()), object()),
    ),
    "track(subject)": (lambda shop, bad: shop.track(bad), NOT_ROWS),
    "track(subject, kind)": (lambda shop, bad: shop.track(bad, "view", "sencha"), NOT_ROWS),
    "track(batch, kind)": (lambda shop, bad: shop.track([GOOD], bad), ("view", 5)),
    "track(batch, item)": (lambda shop, bad: shop.track(GOOD, item=bad), ("sencha", 5)),
    "track(batch, price)": (lambda shop, bad: shop.track([GOOD], price=bad), (1, None)),
    "track(kind)": (lambda shop, bad: shop.track("t000", bad, "sencha"), NOT_TEXT),
    "track(item)": (lambda shop, bad: shop.track("t000", "view", bad), NOT_TEXT),
    "track(a field)": (lambda shop, bad: shop.track("t000", **bad), ({SECRET: 1},)),
    "upsert": (lambda shop, bad: shop.items.upsert(bad), (*NOT_ROWS, SECRET)),
    "upsert(a key)": (
        lambda shop, bad: shop.items.upsert(bad, strict=True),
        ({"id": "x", SECRET: 1}, {"id": "x", 5: 1}, {"id": "x", (SECRET,): 1}),
    ),
    "grant": (
        lambda shop, bad: shop.consent.grant("t000", bad, notice="2026-01/en"),
        (*(bad for bad in NOT_LISTS if bad != SECRET), [5], [None], b""),
    ),
    "grant(notice)": (
        lambda shop, bad: shop.consent.grant("t000", "train", notice=bad),
        (5, 1.5, [SECRET], {SECRET: 1}, object()),
    ),
    "refuse": (lambda shop, bad: shop.consent.refuse("t000", bad), (None, 5, b"", [5])),
    "withdraw": (lambda shop, bad: shop.consent.withdraw("t000", bad), (None, 5, b"", [5])),
    "object": (lambda shop, bad: shop.consent.object("t000", bad), (None, 5, b"", [5])),
    "object(at)": (lambda shop, bad: shop.consent.object("t000", at=bad), NOT_TIMES),
    "record": (lambda shop, bad: shop.consent.record(bad), (*NOT_ROWS, SECRET, "", [None])),
    "explain": (lambda shop, bad: shop.consent.explain(bad), (*NOT_TEXT, SECRET, "")),
    "explain(subject)": (lambda shop, bad: shop.consent.explain(bad, "train"), NOT_TEXT),
    "explain(purpose)": (
        lambda shop, bad: shop.consent.explain("t000", bad),
        (5, 1.5, "", " x", "x" * 201, [SECRET], object()),
    ),
    "explain(at)": (
        lambda shop, bad: shop.consent.explain("t000", "train", at=bad),
        (5, 1.5, "2026-03-01", SECRET, datetime(2026, 3, 1), datetime(9999, 1, 1, tzinfo=UTC)),  # noqa: DTZ001
    ),
    "explain(device)": (
        lambda shop, bad: shop.consent.explain("t000", "train", device=bad),
        NOT_TEXT[1:],
    ),
    "log": (lambda shop, bad: shop.consent.log(bad), NOT_TEXT),
    "who_saw": (
        lambda shop, bad: shop.audit.who_saw(bad),
        (*NOT_TEXT, "", SECRET, "x" * 201, "\ud800"),
    ),
    "note_told": (
        lambda shop, bad: shop.rights.note_told(bad),
        (*NOT_TEXT, "", SECRET, "\ud800"),
    ),
    "disclosed(recipient)": (
        lambda shop, bad: shop.rights.disclosed("t000", bad, "x", purpose="train"),
        (*NOT_TEXT, SECRET, "\ud800"),
    ),
    "who_saw(limit)": (
        lambda shop, bad: shop.audit.who_saw("2026-01/en", limit=bad),
        (None, "5", 0, -1, 10_001),
    ),
    "choices(by)": (
        lambda shop, bad: shop.audit.choices(bad),
        (None, 5, [5], SECRET, [SECRET], {"day": 1}),
    ),
    "choices(since)": (lambda shop, bad: shop.audit.choices(since=bad), NOT_TIMES),
    "expiring(days)": (
        lambda shop, bad: shop.audit.expiring(bad),
        (None, "5", 1.5, True, -1, 36_501),
    ),
    "withdrawal_latency(until)": (
        lambda shop, bad: shop.audit.withdrawal_latency(until=bad),
        NOT_TIMES,
    ),
    "search(subject)": (lambda shop, bad: shop.audit.search(subject=bad), NOT_TEXT[1:]),
    "search(actor)": (lambda shop, bad: shop.audit.search(actor=bad), NOT_TEXT[1:]),
    "search(kind)": (
        lambda shop, bad: shop.audit.search(kind=bad),
        (5, "", "Consent", "%", "consent.", "consent.grant\n", SECRET.upper()),
    ),
    "view(subject)": (lambda shop, bad: shop.profiles.view(bad, "train"), NOT_TEXT),
    "view(purpose)": (lambda shop, bad: shop.profiles.view("t000", bad), NOT_TEXT),
    "entries(since)": (
        lambda shop, bad: shop.audit.entries(since=bad),
        (None, "5", 1.5, True, -1, 2**62 + 1, 10**30, [0]),
    ),
    "entries(limit)": (
        lambda shop, bad: shop.audit.entries(limit=bad),
        (None, "5", 1.5, True, 0, -1, 10_001, 10**30, [1]),
    ),
    "verify(since)": (lambda shop, bad: shop.audit.verify(since=bad), (5, b"", SECRET, "")),
    "verify(key)": (lambda shop, bad: shop.audit.verify(key=bad), (5, b"", SECRET, "", "a+b+c")),
    "prove": (
        lambda shop, bad: shop.audit.prove(bad),
        (None, "5", 1.5, True, -1, 10**30, [1]),
    ),
    "checkpoint": (lambda shop, bad: shop.audit.checkpoint(bad), ("5", 1.5, True, 0, -1, 10**30)),
    "consistency": (
        lambda shop, bad: shop.audit.consistency(bad),
        (None, "5", 1.5, True, 0, -1, 10**30),
    ),
    "bundle": (lambda shop, bad: shop.audit.bundle(bad), (None, 5, [SECRET], "/", "\0")),
    "note_read(what)": (
        lambda shop, bad: shop.audit.note_read(bad, "t000"),
        (*NOT_TEXT, "", "View", "a view", "view\n", "a" * 41, SECRET),
    ),
    "note_read(subject)": (lambda shop, bad: shop.audit.note_read("view", bad), NOT_TEXT),
    "set(subject)": (lambda shop, bad: shop.profiles.set(bad, {"size": "m"}), NOT_TEXT),
    "set(values)": (
        lambda shop, bad: shop.profiles.set("t000", bad),
        (None, 5, "size", b"x", [SECRET], {}, {SECRET: 1}, {5: 1}, {"size": 5}, {"size": [SECRET]}),
    ),
    "set(source)": (
        lambda shop, bad: shop.profiles.set("t000", {"size": "m"}, source=bad),
        (*NOT_TEXT[1:], "", SECRET),
    ),
    "set(origin)": (
        lambda shop, bad: shop.profiles.set("t000", {"size": "m"}, origin=bad),
        (*NOT_TEXT, "a\nb", SECRET * 20),
    ),
    "set(at)": (
        lambda shop, bad: shop.profiles.set("t000", {"size": "m"}, at=bad),
        NOT_TIMES,
    ),
    "rectify(subject)": (lambda shop, bad: shop.profiles.rectify(bad, {"size": "m"}), NOT_TEXT),
    "remove(fields)": (
        lambda shop, bad: shop.profiles.remove("t000", bad),
        (None, 5, b"x", {SECRET}, {SECRET: 1}, [5], [None], object()),
    ),
    "link(kind)": (
        lambda shop, bad: shop.profiles.link("t000", bad, "a@b.cc"),
        (*NOT_TEXT, "", SECRET),
    ),
    "link(value)": (
        lambda shop, bad: shop.profiles.link("t000", "email", bad),
        (*NOT_TEXT, "", f"{SECRET} {SECRET}", "@", "a@"),
    ),
    "find(value)": (lambda shop, bad: shop.profiles.find("phone", bad), (*NOT_TEXT, "", SECRET)),
    "merge(session)": (
        lambda shop, bad: shop.profiles.merge(bad, into="t000"),
        (*NOT_TEXT, "t000"),
    ),
    "merge(into)": (lambda shop, bad: shop.profiles.merge("t000", into=bad), NOT_TEXT),
    "hold(subject)": (lambda shop, bad: shop.rights.hold(bad, reason="x"), NOT_TEXT),
    "hold(reason)": (
        lambda shop, bad: shop.rights.hold("t000", reason=bad),
        (*NOT_TEXT, "", " ", SECRET * 100),
    ),
    "restrict(subject)": (lambda shop, bad: shop.rights.restrict(bad), NOT_TEXT),
    "recommend(agent)": (lambda shop, bad: shop.recommend(agent=bad), NOT_TEXT[1:]),
    "track(agent)": (
        lambda shop, bad: shop.track("t000", "view", "sencha", agent=bad),
        NOT_TEXT[1:],
    ),
    "track(device)": (
        lambda shop, bad: shop.track("t000", "view", "sencha", device=bad),
        (*NOT_TEXT[1:], "", SECRET * 100),
    ),
    "tenant": (lambda shop, bad: shop.tenant(bad), (*NOT_TEXT, "", SECRET, "a\n")),
    "from_json": (
        lambda shop, bad: Certificate.from_json(bad),
        (
            *NOT_TEXT,
            "",
            SECRET,
            "[]",
            "5",
            "{}",
            "[" * 100_000,
            '{"statement": 1, "public_key": "", "signature": ""}',
            '{"statement": {}, "public_key": 1, "signature": ""}',
            '{"statement": {}, "public_key": "", "signature": null}',
        ),
    ),
}
SWEEP = [
    pytest.param(call, bad, id=f"{name}-{number}")
    for name, (call, many) in CALLS.items()
    for number, bad in enumerate(many)
]


def rows(shop):
    """How much there is of everything that a call could add to."""
    stats = shop.stats()
    events = len(shop.profiles.view("t000", "personalize").events)
    return stats["ledger_entries"], stats["items"], stats["people"], events


@pytest.fixture(scope="module")
def one_tea(tea_files, tmp_path_factory):
    """One copy of the tea shop for the whole sweep: nothing in it writes."""
    place = tea_files.copy(tmp_path_factory.mktemp("arguments") / "tea")
    size = {"title": "Size", "purposes": ["personalize"]}
    place.policy = place.policy.model_copy(update={"data": {"size": size}})
    yield place.open()
    place.remove()


@pytest.mark.parametrize(("call", "bad"), SWEEP)
def test_a_bad_argument_is_refused(one_tea, call, bad):
    """As an input error that does not repeat the value; nothing is written."""
    before = rows(one_tea)
    with pytest.raises(knowingly.InputError) as caught:
        call(one_tea, bad)
    assert caught.value.field
    assert SECRET not in f"{caught.value} {caught.value.field}"
    assert rows(one_tea) == before


@pytest.mark.parametrize("now", [5, "2026", None, NAIVE])
def test_a_clock_gives_a_time(house, now):
    """A clock that gives anything else is named as the bad argument."""
    with pytest.raises(knowingly.InputError, match="zone"):
        house.open(clock=lambda: now)
    with pytest.raises(knowingly.InputError, match="clock"):
        house.open(clock=now)


def test_an_aware_time_is_a_time():
    """The one form that counts."""
    assert to_us(datetime(1970, 1, 1, tzinfo=UTC)) == 0


BAD_URLS = {
    "nothing": "",
    "no text": 5,
    "a path": "shop.keys.db",
    "memory": "sqlite://",
    "named memory": "sqlite:///:memory:",
    "no folder": "sqlite:///no/such/folder/keys.db",
    "no driver": "nosuch:///keys.db",
    "a host": "sqlite://host/keys.db",
    "options": "sqlite:///keys.db?uri=true",
    "NUL": "sqlite:///keys\0.db",
    "a long name": f"sqlite:///{'k' * 5_000}.db",
}


@pytest.mark.only_sqlite("it looks for files that were made")
@pytest.mark.parametrize("url", BAD_URLS.values(), ids=list(BAD_URLS))
def test_a_bad_url_makes_no_file(house, monkeypatch, url):
    """Both URLs are read before either file is made."""
    monkeypatch.chdir(house.folder)
    before = sorted(house.folder.iterdir())
    with pytest.raises(knowingly.StoreError):
        knowingly.open(url, keys=house.key)
    assert sorted(house.folder.iterdir()) == before
    with pytest.raises(knowingly.StoreError):
        house.open(key_store=url)
    assert sorted(house.folder.iterdir()) == before


def test_a_missing_folder_of_keys_is_named(house):
    """The cure is in the message."""
    with pytest.raises(knowingly.StoreError, match="no/such does not exist"):
        house.open(key_store=f"sqlite:///{house.folder}/no/such/keys.db")


@pytest.mark.only_sqlite("it gives one file several names")
def test_the_data_file_is_no_key_store(bare_house):
    """Under any of its names: keys beside the data they seal could not be destroyed apart."""
    link = bare_house.folder / "link.db"
    link.symlink_to(bare_house.data)
    for path in (bare_house.data, link, bare_house.folder / "." / "shop.db"):
        with pytest.raises(knowingly.StoreError, match="second database"):
            bare_house.open(key_store=f"sqlite:///{path}")
    assert not bare_house.data.exists()
    bare_house.open().close()
    hard = bare_house.folder / "hard.db"
    hard.hardlink_to(bare_house.data)
    with pytest.raises(knowingly.StoreError, match="second database"):
        bare_house.open(key_store=f"sqlite:///{hard}")


def test_one_event_is_a_batch_of_one(tea):
    """As a value or as a mapping; a bad one is refused like any row of a batch."""
    assert tea.track(Event(**GOOD)).kept == 1
    assert tea.track(GOOD).kept == 1
    assert tea.track({**GOOD, "kind": "buy"}).refused[0].field == "kind"
    with pytest.raises(knowingly.InputError, match="row 0, kind"):
        tea.track({**GOOD, "kind": "buy"}, strict=True)


def test_one_item_is_many_of_one(shop):
    """As a value or as a mapping."""
    assert shop.items.upsert({"id": "cup"}).kept == 1
    assert shop.items.upsert({"id": "cup", "price": -1}).refused[0].field == "price"
    assert "cup" in shop.items


def test_one_purpose_is_a_list_of_one(shop):
    """A grant for one purpose may name it by itself."""
    receipt = shop.consent.grant("ann", "train", notice="2026-01/en")
    assert tuple(receipt.purposes) == ("train",)


def test_sets_and_lists_of_a_request_are_taken(tea):
    """What a page has always been asked with."""
    signal = Signal("gpc", refuses={"personalize"})
    page = tea.recommend("t000", slot="cart", basket=("mint",), signals=(signal,), k=3)
    assert len(page) == 3


def test_a_certificate_of_anything_is_not_genuine(tea):
    """Wrong types are no signature; the real one comes back from its document."""
    real = tea.rights.erase("t000")
    assert Certificate.from_json(real.to_json()).is_genuine()
    for bad in (None, 5, b"x", [SECRET], "é", object()):
        assert not Certificate(real.statement, bad, real.signature).is_genuine()
        assert not Certificate(real.statement, real.public_key, bad).is_genuine()
        assert not Certificate(bad, real.public_key, real.signature).is_genuine()
    for value in (1.5, object(), {5: 1, "a": 2}):
        assert not Certificate({"a": value}, real.public_key, real.signature).is_genuine()
