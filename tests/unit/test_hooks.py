"""Every hook, called as its docstring says."""

import inspect
import traceback
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import knowingly
from knowingly import Said, SignalDecoder, hookspecs
from knowingly.plugins.host import PluginHost
from knowingly.recommend.interface.algorithms import Algorithm
from knowingly.recommend.models.kinds import ItemScores

SHOE_SIZE = knowingly.DataField(
    title="Shoe size", purposes=("personalize", "fitting"), kind="number"
)
HOOKS = [name for name in vars(hookspecs) if name.startswith("knowingly_")]


class Level(Algorithm):
    """Every item alike."""

    name = "level"
    forgets = "stateless"

    def fit(self, data):
        return ItemScores(np.ones(data.n_items))


class Stamp(SignalDecoder):
    """A text that says yes to each term in it."""

    source = "stamp"
    version = "1"

    def decode(self, raw, context):
        return Said(dict.fromkeys(raw.split(), "yes"))


class Small:
    """A plugin with every hook there is."""

    def __init__(self):
        self.got = []

    @knowingly.hookimpl
    def knowingly_algorithms(self):
        return [Level]

    @knowingly.hookimpl
    def knowingly_data_fields(self):
        return {"shoe_size": SHOE_SIZE}

    @knowingly.hookimpl
    def knowingly_destinations(self):
        return {"mailer": self}

    def tell(self, notification):
        self.got.append(notification)

    @knowingly.hookimpl
    def knowingly_signals(self):
        return [Stamp]

    @knowingly.hookimpl
    def knowingly_stats(self, tenant, stats):
        self.got.append((tenant, stats))

    @knowingly.hookimpl
    def knowingly_checkpoints(self, tenant, checkpoint):
        self.got.append((tenant, checkpoint))

    @knowingly.hookimpl
    def knowingly_root_keys(self, source):
        return Plain() if source.startswith("plain://") else None


class Plain:
    """Root keys that hide nothing: enough to see who is asked for what."""

    version = "p1"

    def wrap(self, key, *, context):
        return context + key

    def unwrap(self, wrapped, *, context):
        if not wrapped.startswith(context):
            raise ValueError("zqx-secret")
        return wrapped.removeprefix(context)


def test_every_hook_is_documented_and_tested():
    """It has a docstring, types, and a test of its name in this file."""
    tests = Path(__file__).read_text(encoding="utf-8")
    assert HOOKS
    for name in HOOKS:
        hook = getattr(hookspecs, name)
        assert inspect.getdoc(hook), name
        signature = inspect.signature(hook)
        assert signature.return_annotation is not inspect.Signature.empty
        for parameter in signature.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty
            assert parameter.name in hook.__doc__
        assert f"def test_hook_{name}" in tests, name


def test_hook_knowingly_algorithms(house):
    """Its classes are there by name, can be trained, and stand on a page."""
    house.with_policy(models={"algorithms": {"level": {}}})
    house.policy = house.policy.model_copy(update={"slots": {"home": {"algorithms": ("level",)}}})
    shop = house.open()
    shop.plugins.add("small", Small())
    assert shop.plugins.algorithms["level"] is Level
    assert shop.plugins.origin["level"] == "small"
    shop.items.upsert([{"id": "tea"}])
    for number in range(5):
        shop.consent.grant(f"p{number}", ["personalize", "train"], notice="2026-01/en")
        shop.track(f"p{number}", "view", "tea")
    assert shop.train().algorithms == ("level",)
    assert shop.recommend("p1").hits[0].source == "level"


def test_hook_knowingly_data_fields(house):
    """Its fields can be set as the policy's; a purpose the policy lacks sees nothing of them."""
    shop = house.open()
    shop.plugins.add("small", Small())
    assert shop.plugins.data_fields == {"shoe_size": SHOE_SIZE}
    shop.consent.grant("ada", ["personalize"], notice="2026-01/en")
    assert shop.profiles.set("ada", {"shoe_size": 42}).kept == 1
    assert shop.profiles.view("ada", "personalize").traits["shoe_size"].value == 42
    assert not shop.profiles.view("ada", "fitting").traits
    assert [one["field"] for one in shop.rights.export("ada")["traits"]] == ["shoe_size"]


def test_the_policy_file_has_the_last_word_on_a_field(house):
    """A plugin's field of the same name is not used."""
    stated = {"title": "Size", "purposes": ["personalize"], "kind": "text"}
    house.policy = house.policy.model_copy(update={"data": {"shoe_size": stated}})
    shop = house.open()
    shop.plugins.add("small", Small())
    shop.consent.grant("ada", ["personalize"], notice="2026-01/en")
    with pytest.raises(knowingly.InputError, match="characters of text"):
        shop.profiles.set("ada", {"shoe_size": 42})


@pytest.mark.parametrize(
    ("fields", "error", "word"),
    [
        ({"Shoe": SHOE_SIZE}, knowingly.ContractError, "a field's name"),
        ({"shoe": {"title": "x"}}, knowingly.ContractError, "expected a DataField"),
        (
            {"faith": SHOE_SIZE.model_copy(update={"special": True, "explicit_consent": True})},
            knowingly.ContractError,
            "by the policy file, not by a plugin",
        ),
        ([1], knowingly.ContractError, "knowingly_data_fields: expected a mapping"),
        ({"shoe_size": SHOE_SIZE}, knowingly.PluginLoadError, "another plugin uses"),
    ],
)
def test_a_plugin_with_a_bad_field_is_refused_alone(shop, fields, error, word):
    """By name, with what is wrong; nothing of it stays."""

    class Bad:
        @knowingly.hookimpl
        def knowingly_data_fields(self):
            return fields

    shop.plugins.add("small", Small())
    with pytest.raises(error, match=word):
        shop.plugins.add("bad", Bad())
    assert set(shop.plugins.data_fields) == {"shoe_size"}


MAILER = {"mailer": {"name": "Mailer Ltd", "role": "processor", "country": "IE"}}


def test_hook_knowingly_destinations(house):
    """It is told of an erasure, by the name the recipient knows the person by."""
    house.policy = house.policy.model_copy(update={"recipients": MAILER})
    shop, small = house.open(), Small()
    shop.plugins.add("small", small)
    assert shop.plugins.destinations == {"mailer": small}
    shop.consent.grant("ada", ["marketing"], notice="2026-01/en")
    shop.rights.disclosed(
        "ada", "mailer", "her address", purpose="marketing", reference="ada@example.org"
    )
    certificate = shop.rights.erase("ada")
    [notification] = small.got
    assert isinstance(small, knowingly.Destination)
    assert (notification.kind, notification.recipient, notification.tenant) == (
        "erasure",
        "mailer",
        "default",
    )
    assert (notification.references, notification.what) == (("ada@example.org",), ("her address",))
    assert certificate.statement["recipients"][0]["told"] == shop.now().isoformat()


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        ({"Mailer": Small()}, knowingly.ContractError, "an id of the policy"),
        ({"mailer": object()}, knowingly.ContractError, "tell"),
        ([1], knowingly.ContractError, "knowingly_destinations: expected a mapping"),
        ({"mailer": Small()}, knowingly.PluginLoadError, "another plugin tells"),
    ],
    ids=["name", "shape", "kind", "clash"],
)
def test_a_plugin_with_a_bad_destination_is_refused_alone(shop, given, error, word):
    """By name, with what is wrong; nothing of it stays."""

    class Bad:
        @knowingly.hookimpl
        def knowingly_destinations(self):
            return given

    small = Small()
    shop.plugins.add("small", small)
    with pytest.raises(error, match=word):
        shop.plugins.add("bad", Bad())
    assert shop.plugins.destinations == {"mailer": small}


def test_hook_knowingly_signals(house):
    """Its decoder reads what is named after its source; the policy's map says what that counts."""
    house.with_policy(
        signals={
            "map": {"stamp": {"personalize": {"allow": [{"profile": "yes"}]}}},
            "accept": {"stamp": ("personalize",)},
        }
    )
    shop = house.open()
    shop.plugins.add("small", Small())
    assert shop.plugins.decoders["stamp"] is Stamp
    (signal,) = shop.signals.read(others={"stamp": "profile stats"})
    assert (signal.source, signal.decoder, signal.raw) == ("stamp", "stamp 1", "profile stats")
    assert signal.allows == {"personalize"}
    assert shop.recommend("stranger", signals=[signal]).why == "signal"
    with pytest.raises(knowingly.PluginError, match=r"no plugin .* in .plugins. allow"):
        shop.signals.read(others={"other": "x"})


class Failing(Stamp):
    """Raises what it likes."""

    source = "failing"

    def decode(self, raw, context):
        raise ValueError(raw)


class Odd(Stamp):
    """Returns what it likes."""

    source = "odd"
    answer: object = None

    def decode(self, raw, context):
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        Said(None),
        Said({"a": "YES"}),
        Said({5: "yes"}),
        Said({}, at="now"),
        Said({}, at=datetime(2026, 1, 1)),  # noqa: DTZ001 - a time without a zone is the point
        Said({}, parts=1),
        Said({}, parts={"tcf": b"x"}),
    ],
    ids=["none", "dict", "no_answers", "answer", "term", "text_at", "naive_at", "parts", "part"],
)
def test_a_decoder_that_misbehaves_gives_a_signal_with_a_problem(shop, caplog, answer):
    """Never an exception, and never an allow; the log names it, and not its words."""

    class Both:
        @knowingly.hookimpl
        def knowingly_signals(self):
            return [Failing, type("Odd", (Odd,), {"answer": answer})]

    shop.plugins.add("both", Both())
    found = shop.signals.read(others={"failing": "zqx-secret", "odd": "zqx-secret"})
    assert [signal.problem for signal in found] == ["could not be decoded"] * 2
    assert not any(signal.allows for signal in found)
    assert "'failing'" in caplog.text
    assert "zqx" not in caplog.text + repr(found)


@pytest.mark.parametrize(
    ("found", "error", "word"),
    [
        ([Level], knowingly.ContractError, "subclasses of SignalDecoder"),
        ([type("Bad", (Stamp,), {"source": "A b"})], knowingly.ContractError, "source"),
        ([type("Bad", (Stamp,), {"version": 1})], knowingly.ContractError, "version is text"),
        (
            [type("Bad", (SignalDecoder,), {"source": "a", "version": "1"})],
            knowingly.ContractError,
            "decode is missing",
        ),
        ([type("Bad", (Stamp,), {"interface": 9})], knowingly.ContractError, "interface 9"),
        ([type("Bad", (Stamp,), {"reads": "bytes"})], knowingly.ContractError, "reads is"),
        ([type("Bad", (Stamp,), {"source": "gpc"})], knowingly.PluginLoadError, "'gpc' has a"),
        ([Stamp], knowingly.PluginLoadError, "'stamp' has a decoder already"),
        (None, knowingly.ContractError, "knowingly_signals: expected a list"),
    ],
)
def test_a_plugin_with_a_bad_decoder_is_refused_alone(shop, found, error, word):
    """By name, with what is wrong; nothing of it stays."""

    class Bad:
        @knowingly.hookimpl
        def knowingly_signals(self):
            return found

    shop.plugins.add("small", Small())
    before = dict(shop.plugins.decoders)
    with pytest.raises(error, match=word):
        shop.plugins.add("bad", Bad())
    assert shop.plugins.decoders == before


def test_hook_knowingly_stats(shop):
    """Called when stats are read and at the end of maintain, with the tenant's name."""
    small = Small()
    shop.plugins.add("small", small)
    stats = shop.stats()
    assert small.got == [("default", stats)]
    shop.maintain(skip=["train", "checkpoint"])
    assert len(small.got) == 2
    shop.tenant("acme").stats()
    assert small.got[-1][0] == "acme"


ALL_BUT_CHECKPOINT = ["erasures", "train", "release", "retention", "sweep"]


def test_hook_knowingly_checkpoints(shop, monkeypatch):
    """Called by maintain with the newest checkpoint, once for each merchant, when the log grew."""
    monkeypatch.setattr(Small, "knowingly_stats", None)
    small = Small()
    shop.plugins.add("small", small)
    shop.maintain(skip=ALL_BUT_CHECKPOINT)
    assert small.got == [("default", shop.audit.checkpoint().text)]
    shop.maintain(skip=ALL_BUT_CHECKPOINT)
    assert len(small.got) == 1
    shop.consent.grant("ada", ["personalize"], notice="2026-01/en")
    shop.audit.checkpoint()
    shop.maintain(skip=ALL_BUT_CHECKPOINT)
    shop.tenant("acme").maintain(skip=ALL_BUT_CHECKPOINT)
    assert [tenant for tenant, _ in small.got] == ["default", "default", "acme"]
    assert len({checkpoint for _, checkpoint in small.got}) == 3


def test_a_checkpoint_that_a_plugin_did_not_take_goes_out_again(shop, caplog):
    """Maintenance goes on and names the plugin, not its words; the other ones get it too."""

    class Failing:
        fails = True

        @knowingly.hookimpl
        def knowingly_checkpoints(self, checkpoint):
            if self.fails:
                raise ValueError("zqx-secret")

    failing, small = Failing(), Small()
    shop.plugins.add("failing", failing)
    shop.plugins.add("small", small)
    done = shop.maintain(skip=ALL_BUT_CHECKPOINT)
    assert done.notes == ("checkpoint not handed on: plugin 'failing' did not take it",)
    assert "zqx" not in caplog.text
    failing.fails = False
    assert shop.maintain(skip=ALL_BUT_CHECKPOINT).notes == ()
    assert shop.maintain(skip=ALL_BUT_CHECKPOINT).notes == ()
    assert len([one for one in small.got if isinstance(one[1], str)]) == 2


def test_hook_knowingly_root_keys(house, monkeypatch):
    """A plugin opens a source with its scheme; a shop's keys are wrapped by what it gives."""
    init = PluginHost.__init__

    def with_small(self, **options):
        init(self, **options)
        self.add("small", Small())

    with monkeypatch.context() as patch:
        patch.setattr(PluginHost, "__init__", with_small)
        shop = house.open(keys="plain://anywhere")
        key_id = shop._tenancy.keyring.create(1, at_us=0)[0]
        house.close()
        shop = house.open(keys="plain://anywhere")
        assert shop._tenancy.keyring.cipher(key_id)
        with pytest.raises(knowingly.RootKeyError, match="a key file, env:NAME, and small"):
            house.open(keys="other://s.3cret@host")
    with pytest.raises(knowingly.RootKeyError, match="no plugin") as caught:
        house.open(keys="plain://s.3cret@host")
    assert "3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (ValueError("zqx-secret"), knowingly.PluginError, "failed in .* .ValueError."),
        (object(), knowingly.ContractError, "version, wrap and unwrap"),
        (knowingly.RootKeyError("no such key", source="x"), knowingly.RootKeyError, "no such key"),
    ],
)
def test_a_failing_root_keys_plugin_is_named_and_not_repeated(shop, given, error, words):
    """Only an error of ours, which it raised on purpose, comes through as it is."""

    class Odd:
        @knowingly.hookimpl
        def knowingly_root_keys(self):
            if isinstance(given, Exception):
                raise given
            return given

    shop.plugins.add("odd", Odd())
    with pytest.raises(error, match=words) as caught:
        shop.plugins.root_keys("any://where")
    assert "zqx" not in "".join(traceback.format_exception(caught.value))


def test_a_hook_may_take_fewer_arguments(shop):
    """Hooks grow by new arguments: an old plugin names those it knows."""

    class Old:
        def __init__(self):
            self.got = []

        @knowingly.hookimpl
        def knowingly_stats(self, stats):
            self.got.append(stats)

    old = Old()
    shop.plugins.add("old", old)
    stats = shop.stats()
    assert old.got == [stats]


def test_a_failing_stats_plugin_stops_nothing(shop, caplog):
    """The next one still gets them; the log names the one that failed, and not its words."""

    class Failing:
        @knowingly.hookimpl
        def knowingly_stats(self, tenant, stats):
            raise ValueError("zqx-secret")

    small = Small()
    shop.plugins.add("failing", Failing())
    shop.plugins.add("small", small)
    shop.stats()
    assert len(small.got) == 1
    assert "'failing'" in caplog.text
    assert "zqx" not in caplog.text


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_are_not_called_while_a_page_is_made(shop, name, monkeypatch):
    """They are not in the hot path."""
    small = Small()
    shop.plugins.add("small", small)
    monkeypatch.setattr(Small, name, None)
    shop.recommend("ada")
    assert small.got == []
