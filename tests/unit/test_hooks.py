"""Every hook, called as its docstring says."""

import inspect
from pathlib import Path

import numpy as np
import pytest

import knowingly
from knowingly import hookspecs
from knowingly.recommend.interface import Algorithm
from knowingly.recommend.models import ItemScores

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
    def knowingly_stats(self, tenant, stats):
        self.got.append((tenant, stats))


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
        ([1], knowingly.PluginLoadError, "failed in knowingly_data_fields"),
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


def test_hook_knowingly_stats(shop):
    """Called when stats are read and at the end of maintain, with the tenant's name."""
    small = Small()
    shop.plugins.add("small", small)
    stats = shop.stats()
    assert small.got == [("default", stats)]
    shop.maintain(skip=["train"])
    assert len(small.got) == 2
    shop.tenant("acme").stats()
    assert small.got[-1][0] == "acme"


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
