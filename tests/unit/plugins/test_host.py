"""The host looks at the allow-list first, checks each plugin alone, and says why one is skipped."""

from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import ClassVar

import pluggy
import pytest
from pydantic import BaseModel

import knowingly
from knowingly.errors import ContractError, MissingExtraError, PluginError, PluginLoadError
from knowingly.plugins import finding as module
from knowingly.plugins.host import PluginHost
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm

WORDS = "zqx-words of a plugin"


class Good(Algorithm):
    name = "good"
    forgets = "stateless"

    def fit(self, data):
        raise NotImplementedError


def plugin_of(*classes):
    """A module-like plugin that offers these classes."""

    class Offer:
        @knowingly.hookimpl
        def knowingly_algorithms(self):
            return list(classes)

    return Offer()


class Point(EntryPoint):
    """An entry point that loads what a test gives it."""

    found: ClassVar[dict] = {}

    def load(self):
        value = self.found[self.name]
        if isinstance(value, BaseException):
            raise value
        return value


@pytest.fixture
def install(monkeypatch):
    """Pretend that these plugins are installed, by name; ``extra`` on a name gives it an extra."""

    def fake(**found):
        points = [
            Point(name, "somewhere [fast]" if name.endswith("extra") else "somewhere", "knowingly")
            for name in found
        ]
        monkeypatch.setattr(Point, "found", found)
        monkeypatch.setattr(module, "entry_points", lambda group: points)

    return fake


def test_the_first_party_plugins_are_found_as_a_strangers_would_be():
    """Through their entry points, with nothing skipped, strict or not."""
    host = PluginHost(strict=True)
    assert {"item_item", "popularity"} <= set(host.algorithms)
    assert host.origin["item_item"] == "item_item"
    assert set(host.skipped) <= {"lightfm_hybrid"}, "only what needs an extra may be missing"


def test_a_plugin_that_is_not_allowed_is_never_imported(install):
    """Also strictly: not allowing it is no mistake."""
    install(good=plugin_of(Good), evil=AssertionError("imported"))
    host = PluginHost(allow=["good"], strict=True)
    assert set(host.algorithms) == {"good"}
    assert host.skipped == {"evil": "not allowed by the policy file"}


def with_unknown_hook():
    found = ModuleType("theirs")
    found.knowingly_recommendations = list
    return found


def broken_hook(error=ValueError):
    class Broken:
        @knowingly.hookimpl
        def knowingly_algorithms(self):
            raise error(WORDS)

    return Broken()


def no_list():
    class Odd:
        @knowingly.hookimpl
        def knowingly_algorithms(self):
            return None

    return Odd()


def wrong_argument():
    class Odd:
        @knowingly.hookimpl
        def knowingly_algorithms(self):
            return [Good]

        @knowingly.hookimpl
        def knowingly_stats(self, statistics):
            raise NotImplementedError

    return Odd()


def a_class_alone():
    class Odd:
        @knowingly.hookimpl
        def knowingly_algorithms(self):
            return Good

    return Odd()


def named(name, **more):
    return type("Odd", (Good,), {"name": name, **more})


class Unfinished(CountingAlgorithm):
    name = "unfinished"


def counting(**more):
    def count(self, block):
        raise NotImplementedError

    return type(
        "Lax", (CountingAlgorithm,), {"name": "lax", "count": count, "build": count, **more}
    )


class Pretender(Good):
    name = "pretender"
    forgets = "exact"


BAD = {
    "no_module": (ModuleNotFoundError(name="lightfm"), PluginLoadError, "no module lightfm"),
    "broken": (SyntaxError(WORDS), PluginLoadError, "SyntaxError"),
    "raising": (RuntimeError(WORDS), PluginLoadError, "RuntimeError"),
    "attribute": (AttributeError(WORDS), PluginLoadError, "AttributeError"),
    "leaving": (SystemExit(WORDS), PluginLoadError, "SystemExit"),
    "unknown_hook": (with_unknown_hook(), PluginLoadError, "knowingly_recommendations"),
    "broken_hook": (broken_hook(), PluginLoadError, "ValueError"),
    "leaving_hook": (broken_hook(SystemExit), PluginLoadError, "SystemExit"),
    "no_list": (no_list(), ContractError, "knowingly_algorithms: expected a list"),
    "no_list_either": (a_class_alone(), ContractError, "knowingly_algorithms: expected a list"),
    "argument": (
        wrong_argument(),
        PluginLoadError,
        "knowingly_stats takes tenant, stats, and not statistics",
    ),
    "no_class": (plugin_of(Good()), ContractError, "subclasses"),
    "other_class": (plugin_of(dict), ContractError, "subclasses"),
    "unfinished": (plugin_of(Unfinished), ContractError, "methods are missing"),
    "pretender": (plugin_of(Pretender), ContractError, "exact forgetting"),
    "bad_name": (plugin_of(named("Not A Slug")), ContractError, "name"),
    "no_name": (plugin_of(named(None)), ContractError, "name"),
    "reserved": (plugin_of(named("bestsellers")), ContractError, "'bestsellers' is built in"),
    "no_words": (plugin_of(named("odd", explains=None)), ContractError, "odd: explains"),
    "no_reason": (plugin_of(named("odd", reason=["x"])), ContractError, "odd: reason"),
    "options": (plugin_of(named("odd", options_type=dict)), ContractError, "odd: options_type"),
    "loose": (plugin_of(named("odd", options_type=BaseModel)), ContractError, "odd: options_type"),
    "lax": (plugin_of(counting(tolerance=0.5)), ContractError, "lax: tolerance"),
    "laxer": (plugin_of(counting(tolerance="no")), ContractError, "lax: tolerance"),
    "forgetful": (plugin_of(named("odd", forgets="never")), ContractError, "forgets"),
    "interface": (plugin_of(named("odd", interface=99)), ContractError, "interface 99"),
    "twice": (plugin_of(Good, named("good")), PluginLoadError, "'good'"),
}


def test_a_plugin_whose_extra_is_missing_is_skipped_with_the_cure(install, caplog):
    """Quietly, and strictly too, unless the policy names it: nobody needs every extra."""
    install(an_extra=ModuleNotFoundError(name="fastlib"), zz_good=plugin_of(Good))
    for allow, strict in ((("*",), False), (("*",), True), (("an_extra", "zz_good"), False)):
        host = PluginHost(allow=allow, strict=strict)
        assert set(host.algorithms) == {"good"}
        assert "pip install 'knowingly[fast]'" in host.skipped["an_extra"]
    assert caplog.text == ""
    with pytest.raises(MissingExtraError, match=r"knowingly\[fast\]"):
        PluginHost(allow=("an_extra",), strict=True)


def test_training_what_needs_an_extra_says_the_cure(house, install):
    """The policy names an algorithm whose plugin was skipped."""
    install(an_extra=ModuleNotFoundError(name="fastlib"))
    house.with_policy(models={"algorithms": {"an_extra": {}}})
    shop = house.open()
    with pytest.raises(PluginLoadError, match=r"was skipped: .*pip install 'knowingly\[fast\]'"):
        shop.train()
    assert any("pip install" in note for note in shop.maintain().notes)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plugin_is_skipped_with_the_reason_and_stops_no_other(install, name, caplog):
    """The reason names it, and repeats nothing it said; strictly, it is the error."""
    found, kind, says = BAD[name]
    install(**{name: found, "zz_good": plugin_of(Good)})
    host = PluginHost()
    assert set(host.algorithms) == {"good"}
    assert list(host.skipped) == [name]
    assert repr(name) in host.skipped[name]
    assert WORDS not in host.skipped[name] + caplog.text
    assert name in caplog.text
    with pytest.raises(kind, match=says) as caught:
        PluginHost(strict=True)
    assert caught.value.plugin == name
    assert WORDS not in str(caught.value)


def test_a_name_that_is_taken_goes_to_the_first(install):
    """In the order of the plugins' names, after those that ship; and the second is told."""
    install(a=plugin_of(Good), b=plugin_of(named("good")))
    host = PluginHost()
    assert (host.algorithms["good"], host.origin) == (Good, {"good": "a"})
    assert "'good' has a name that another plugin uses, 'a'" in host.skipped["b"]
    with pytest.raises(PluginLoadError, match="another plugin"):
        PluginHost(strict=True)


def test_a_strangers_name_takes_none_of_ours(monkeypatch):
    """Whatever its entry point is called; it would put out all that ours has in that module."""
    ours = list(entry_points(group="knowingly"))
    monkeypatch.setattr(Point, "found", {"a_copy": plugin_of(named("popularity"))})
    points = [Point("a_copy", "somewhere", "knowingly"), *ours]
    monkeypatch.setattr(module, "entry_points", lambda group: points)
    host = PluginHost()
    assert host.origin["popularity"] == host.origin["popular_in_category"] == "popularity"
    assert "another plugin uses, 'popularity'" in host.skipped["a_copy"]


def test_a_module_of_a_plugin_is_no_hook(install):
    """Its package may well be called after ours, and be imported in it."""
    module = ModuleType("theirs")
    module.knowingly_theirs = ModuleType("knowingly_theirs")
    module.knowingly_version = "1.0"
    module.knowingly_algorithms = knowingly.hookimpl(lambda: [Good])
    install(theirs=module)
    assert PluginHost(strict=True).origin == {"good": "theirs"}


def test_what_cannot_be_imported_says_how_to_see_why(install):
    """Its words are not repeated, so somebody has to be able to read them."""
    install(broken=RuntimeError(WORDS), attribute=AttributeError(WORDS))
    for why in PluginHost().skipped.values():
        assert "python -c 'import somewhere'" in why


def test_a_plugin_that_stands_there_already_is_told_so(install):
    """Under its name, or under another one."""
    install()
    host, plugin = PluginHost(), plugin_of(Good)
    host.add("mine", plugin)
    for name, added, said in (
        ("mine", plugin_of(named("other")), "another plugin has this name"),
        ("yours", plugin, "is there already, as 'mine'"),
    ):
        with pytest.raises(PluginLoadError, match=said):
            host.add(name, added)
    assert host.origin == {"good": "mine"}


def test_a_refused_plugin_can_be_added_once_it_is_mended(install):
    """Nothing of the refused one stays behind."""
    install()
    host = PluginHost()
    for bad in (wrong_argument(), plugin_of(dict), broken_hook(), with_unknown_hook()):
        with pytest.raises(PluginError):
            host.add("mine", bad)
        assert host.algorithms == {}
    host.add("mine", plugin_of(Good))
    assert host.origin == {"good": "mine"}


def test_two_shops_have_hosts_of_their_own(house):
    """There is no global manager."""
    one, two = house.open(), house.open()
    one.plugins.add("mine", plugin_of(Good))
    assert "good" not in two.plugins.algorithms


def test_a_strict_shop_does_not_open_with_a_bad_plugin(bare_house, install):
    """For CI; otherwise it opens and says so."""
    install(broken=RuntimeError(WORDS))
    with pytest.raises(PluginLoadError, match="'broken'"):
        bare_house.open(strict_plugins=True)
    assert not bare_house.data.exists()
    assert list(bare_house.open().plugins.skipped) == ["broken"]


def test_training_an_algorithm_that_no_plugin_has_names_it(house):
    """And what there is."""
    house.with_policy(models={"algorithms": {"nowhere": {}}})
    with pytest.raises(PluginLoadError, match=r"'nowhere'.*popularity"):
        house.open().train()


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_an_algorithm_of_a_plugin_that_was_skipped_is_told_so(bare_house, install, verb):
    """Whether the plugin is called after it, or has another name."""
    install(theirs=RuntimeError(WORDS), mine=RuntimeError(WORDS))
    for wanted, said in (
        ("mine", r"'mine': .*skipped: .*could not be imported \(RuntimeError\)"),
        ("other", "skipped were mine, theirs, and knowingly plugins says why"),
    ):
        bare_house.with_policy(models={"algorithms": {wanted: {}}})
        with pytest.raises(PluginLoadError, match=said):
            getattr(bare_house.open(), verb)()


def test_hookimpl_is_pluggys():
    """A plugin marked with it is seen by our project and by no other."""
    assert isinstance(knowingly.hookimpl, pluggy.HookimplMarker)
    assert knowingly.hookimpl.project_name == "knowingly"
