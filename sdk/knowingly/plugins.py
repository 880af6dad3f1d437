"""The host: finds plugins, checks each alone, and keeps why one was skipped."""

import inspect
import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, TypeVar, cast

import pluggy
from pydantic import BaseModel

from knowingly import hookspecs
from knowingly.consent.signals.decoder import INTERFACE as SIGNALS_INTERFACE
from knowingly.consent.signals.decoder import SignalDecoder
from knowingly.consent.signals.desk import CORE
from knowingly.domain.consent import ACCOUNT
from knowingly.domain.notification import Destination
from knowingly.domain.signal import DEVICE
from knowingly.errors import (
    ContractError,
    KnowinglyError,
    MissingExtraError,
    PluginError,
    PluginLoadError,
    RootKeyError,
)
from knowingly.hookspecs import PROJECT
from knowingly.policy import DataField
from knowingly.policy.slots import BUILT_IN
from knowingly.recommend.interface.algorithms import (
    INTERFACE,
    MAX_TOLERANCE,
    Algorithm,
    CountingAlgorithm,
)
from knowingly.vault.wrapping import RootKeys, is_root_keys

logger = logging.getLogger("knowingly")

_T = TypeVar("_T", list[Any], dict[Any, Any])

GROUP = "knowingly"
_OURS = "knowingly"  # the distribution
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_RECIPIENT = re.compile(r"(\*|[a-z][a-z0-9_-]{0,39})\Z")
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,20}\Z")


class PluginHost:
    """The plugins of one shop.

    ``algorithms`` are the classes found, by name; ``data_fields`` the fields of a person that they
    keep; ``destinations`` tell recipients, by the recipient's id; ``decoders`` read signals, by
    source. ``skipped`` says of each plugin that was not taken why, and ``origin`` which plugin an
    algorithm came from.

    Args:
        allow: Names of plugins that may be loaded; ``"*"`` allows all that are installed.
        strict: Raise for a plugin that would be skipped, except one that is not allowed, or that is
            not named in ``allow`` and needs an extra that is not installed.

    Stability: internal.
    """

    def __init__(self, *, allow: Sequence[str] = ("*",), strict: bool = False) -> None:
        self.algorithms: dict[str, type[Algorithm[Any]]] = {}
        self.data_fields: dict[str, DataField] = {}
        self.destinations: dict[str, Destination] = {}
        self.decoders: dict[str, type[SignalDecoder]] = {}
        self.origin: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for point in sorted(entry_points(group=GROUP), key=_in_turn):
            if "*" not in allow and point.name not in allow:
                self.skipped[point.name] = "not allowed by the policy file"
                continue
            try:
                self.add(point.name, _load(point))
            except MissingExtraError as error:
                # Nobody needs every extra: whoever trains what needs one is told the cure then.
                if strict and point.name in allow:
                    raise
                self.skipped[point.name] = str(error)
            except PluginError as error:
                if strict:
                    raise
                self.skipped[point.name] = str(error)
                logger.warning("%s was skipped", error)

    def add(self, name: str, plugin: ModuleType | object) -> None:
        """Check and take one plugin.

        Raises:
            PluginError: It has an unknown hook, a name that is taken, or a class that is none.
        """
        known = {hook for hook in vars(hookspecs) if hook.startswith("knowingly_")}
        # What is called like a hook and is no function may be the plugin's own package.
        mine = {
            hook
            for hook in dir(plugin)
            if hook.startswith("knowingly_") and callable(getattr(plugin, hook, None))
        }
        if unknown := sorted(mine - known):
            raise PluginLoadError(
                f"has an unknown hook, {unknown[0]}; there are {', '.join(sorted(known))}",
                plugin=name,
            )
        self._register(name, plugin, mine)
        if mine and not self._manager.get_hookcallers(plugin):
            self._manager.unregister(name=name)
            raise PluginLoadError("its hooks lack @hookimpl, so none is called", plugin=name)
        try:
            found = self._algorithms(name, plugin)
            fields = self._data_fields(name, plugin)
            destinations = self._destinations(name, plugin)
            decoders = self._decoders(name, plugin)
        except PluginError:
            self._manager.unregister(name=name)
            raise
        self.algorithms |= found
        self.data_fields |= fields
        self.destinations |= destinations
        self.decoders |= decoders
        self.origin |= dict.fromkeys(found, name)

    def _register(self, name: str, plugin: ModuleType | object, hooks: Collection[str]) -> None:
        if self._manager.has_plugin(name):
            raise PluginLoadError(
                "another plugin has this name already: give its entry point one of its own",
                plugin=name,
            )
        if (other := self._manager.get_name(plugin)) is not None:
            raise PluginLoadError(f"is there already, as {other!r}: name it once", plugin=name)
        try:
            self._manager.register(plugin, name=name)
        except pluggy.PluginValidationError as error:
            # Some releases of pluggy keep what they had of it by then.
            self._manager.unregister(name=name)
            why = "could not be registered"
            for hook in sorted(hooks):
                if self._manager.parse_hookimpl_opts(plugin, hook) is None:
                    continue
                takes, asked = _arguments(getattr(hookspecs, hook)), getattr(plugin, hook)
                if more := [one for one in _arguments(asked) if one not in takes]:
                    known = ", ".join(takes) or "nothing"
                    why = f"{hook} takes {known}, and not {', '.join(more)}"
            raise PluginLoadError(why, plugin=name) from error

    def send_stats(self, tenant: str, stats: Mapping[str, Any]) -> None:
        """Hand the counters to every plugin that wants them; a failing one is logged."""
        self._send("knowingly_stats", {"tenant": tenant, "stats": stats})

    def send_checkpoint(self, tenant: str, checkpoint: str) -> list[str]:
        """Hand a checkpoint to every plugin that wants it; the names of those that failed."""
        return self._send("knowingly_checkpoints", {"tenant": tenant, "checkpoint": checkpoint})

    def _send(self, hook: str, values: Mapping[str, Any]) -> list[str]:
        """Call every implementation of a hook that returns nothing; those that failed."""
        failed = []
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                implementation.function(*[values[name] for name in implementation.argnames])
            except Exception:
                # Its words may hold anything.
                logger.warning("plugin %r failed in %s", implementation.plugin_name, hook)
                failed.append(implementation.plugin_name)
        return failed

    def root_keys(self, source: str) -> RootKeys:
        """The root keys of a source, from the first plugin that knows it.

        Raises:
            RootKeyError: No plugin knows it.
            PluginError: A plugin failed, or gave something else.
        """
        asked = self._manager.hook.knowingly_root_keys.get_hookimpls()
        for implementation in reversed(asked):
            name = implementation.plugin_name
            values = {"source": source}
            try:
                found = implementation.function(
                    *[values[argument] for argument in implementation.argnames]
                )
            except KnowinglyError:
                raise
            except Exception as error:
                # Its words may hold a token.
                failed = f"failed in knowingly_root_keys ({type(error).__name__})"
            else:
                if found is None:
                    continue
                if is_root_keys(found):
                    return cast("RootKeys", found)
                raise ContractError(
                    "knowingly_root_keys: expected version, wrap and unwrap", plugin=name
                )
            raise PluginError(failed, plugin=name)
        names = ", ".join(one.plugin_name for one in reversed(asked)) or "no plugin"
        raise RootKeyError(
            f"nothing opens this source: there are a key file, env:NAME, and {names}; the policy's "
            "[plugins] says which are allowed",
            source=f"{source.partition('://')[0]}://…",
        )

    def _answers(self, name: str, plugin: object, hook: str, kind: type[_T]) -> list[_T]:
        """What one plugin's own implementations of a hook return, each made into ``kind``."""
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        answers = []
        for one in implementations:
            if one.plugin is not plugin:
                continue
            try:
                found = one.function()
            except (Exception, SystemExit) as error:
                raise PluginLoadError(
                    f"failed in {hook} ({type(error).__name__})", plugin=name
                ) from error
            try:
                answers.append(kind(cast("Any", found)))
            except Exception as error:
                expected = "a list" if kind is list else "a mapping"
                raise ContractError(f"{hook}: expected {expected}", plugin=name) from error
        return answers

    def _data_fields(self, name: str, plugin: object) -> dict[str, DataField]:
        found: dict[str, DataField] = {}
        for fields in self._answers(name, plugin, "knowingly_data_fields", dict):
            for field, said in fields.items():
                _check_field(field, said, name)
                if field in self.data_fields or field in found:
                    raise PluginLoadError(
                        f"its field {field!r} has a name that another plugin uses", plugin=name
                    )
                found[field] = said
        return found

    def _destinations(self, name: str, plugin: object) -> dict[str, Destination]:
        found: dict[str, Destination] = {}
        for destinations in self._answers(name, plugin, "knowingly_destinations", dict):
            for recipient, one in destinations.items():
                if not isinstance(recipient, str) or not _RECIPIENT.match(recipient):
                    raise ContractError(
                        "a destination's recipient: expected an id of the policy, or '*'",
                        plugin=name,
                    )
                if not isinstance(one, Destination):
                    raise ContractError(
                        f"the destination of {recipient!r}: expected a tell(notification)",
                        plugin=name,
                    )
                if recipient in self.destinations or recipient in found:
                    raise PluginLoadError(
                        f"another plugin tells the recipient {recipient!r}", plugin=name
                    )
                found[recipient] = one
        return found

    def _decoders(self, name: str, plugin: object) -> dict[str, type[SignalDecoder]]:
        found: dict[str, type[SignalDecoder]] = {}
        for classes in self._answers(name, plugin, "knowingly_signals", list):
            for one in classes:
                _check_decoder(one, name)
                if one.source in {*CORE, *self.decoders, *found}:
                    raise PluginLoadError(
                        f"its signal {one.source!r} has a decoder already", plugin=name
                    )
                found[one.source] = one
        return found

    def _algorithms(self, name: str, plugin: object) -> dict[str, type[Algorithm[Any]]]:
        found: dict[str, type[Algorithm[Any]]] = {}
        for classes in self._answers(name, plugin, "knowingly_algorithms", list):
            for one in classes:
                _check(one, name)
                if one.name in self.algorithms or one.name in found:
                    raise PluginLoadError(
                        f"its algorithm {one.name!r} has a name that another plugin uses, "
                        f"{self.origin.get(one.name, name)!r}: rename it in yours",
                        plugin=name,
                    )
                found[one.name] = one
        return found


def _in_turn(point: EntryPoint) -> tuple[bool, str]:
    """First those that ship with the SDK: of two algorithms with one name, the first one counts."""
    return point.dist is None or point.dist.name != _OURS, point.name


def _load(point: EntryPoint) -> object:
    try:
        return point.load()
    except ModuleNotFoundError as error:
        if point.extras:
            raise MissingExtraError(plugin=point.name, extra=point.extras[0]) from error
        raise PluginLoadError(
            f"could not be imported: no module {error.name}", plugin=point.name
        ) from error
    except (Exception, SystemExit) as error:
        # Its words may hold anything, and whoever wrote it needs them.
        statement = f"import {point.module}"
        if point.attr:
            statement += f"; {point.module}.{point.attr}"
        raise PluginLoadError(
            f"could not be imported ({type(error).__name__}): python -c '{statement}' says why",
            plugin=point.name,
        ) from error


def _arguments(hook: Callable[..., object]) -> list[str]:
    """The arguments that have to be given to it, by name."""
    known = inspect.signature(hook).parameters.values()
    return [one.name for one in known if one.default is inspect.Parameter.empty]


def _check_field(field: object, said: object, plugin: str) -> None:
    if not isinstance(field, str) or not _NAME.match(field):
        raise ContractError(
            "a field's name: expected lower-case letters, digits and _, at most 40", plugin=plugin
        )
    if not isinstance(said, DataField):
        raise ContractError(f"{field}: expected a DataField", plugin=plugin)
    if said.special:
        raise ContractError(
            f"{field}: a special category is declared by the policy file, not by a plugin",
            plugin=plugin,
        )


def _check_decoder(found: object, plugin: str) -> None:
    if not (isinstance(found, type) and issubclass(found, SignalDecoder)):
        raise ContractError(
            "knowingly_signals: expected subclasses of SignalDecoder", plugin=plugin
        )
    source, version = getattr(found, "source", None), getattr(found, "version", None)
    if not isinstance(source, str) or not _NAME.match(source):
        raise ContractError(
            "a signal's source: expected lower-case letters, digits and _, at most 40",
            plugin=plugin,
        )
    if not isinstance(version, str) or not _VERSION.match(version):
        raise ContractError(
            f'{source}: version is text such as "1" or "2.3", at most 20 characters', plugin=plugin
        )
    if getattr(found, "__abstractmethods__", None):
        raise ContractError(f"{source}: decode is missing", plugin=plugin)
    if found.interface != SIGNALS_INTERFACE:
        raise ContractError(
            f"{source}: written for interface {found.interface}, this release has "
            f"{SIGNALS_INTERFACE}",
            plugin=plugin,
        )
    if found.reads not in ("text", "object") or found.scope not in (DEVICE, ACCOUNT):
        raise ContractError(
            f'{source}: reads is "text" or "object", scope "device" or "account"', plugin=plugin
        )


def _check(found: object, plugin: str) -> None:
    if not (isinstance(found, type) and issubclass(found, Algorithm)):
        raise ContractError("knowingly_algorithms: expected subclasses of Algorithm", plugin=plugin)
    name = getattr(found, "name", None)
    if not isinstance(name, str) or not _NAME.match(name):
        raise ContractError(
            "an algorithm's name: expected lower-case letters, digits and _, at most 40",
            plugin=plugin,
        )
    if name in BUILT_IN:
        raise ContractError(f"the name {name!r} is built in: take another", plugin=plugin)
    if getattr(found, "__abstractmethods__", None):
        raise ContractError(f"{name}: methods are missing", plugin=plugin)
    if found.interface != INTERFACE:
        raise ContractError(
            f"{name}: written for interface {found.interface}, this release has {INTERFACE}",
            plugin=plugin,
        )
    forgets = getattr(found, "forgets", None)
    if forgets not in {"exact", "refit", "stateless"}:
        raise ContractError(f'{name}: forgets is "exact", "refit" or "stateless"', plugin=plugin)
    if (forgets == "exact") != issubclass(found, CountingAlgorithm):
        raise ContractError(
            f"{name}: exact forgetting is for a CountingAlgorithm, and each of them has it",
            plugin=plugin,
        )
    _check_words(found, name, plugin)
    if not _are_options(getattr(found, "options_type", None)):
        raise ContractError(
            f'{name}: options_type is a pydantic model with frozen=True and extra="forbid"',
            plugin=plugin,
        )
    if issubclass(found, CountingAlgorithm) and not _is_small(found.tolerance):
        raise ContractError(
            f"{name}: tolerance is a number from 0 to {MAX_TOLERANCE:g}", plugin=plugin
        )


def _are_options(found: object) -> bool:
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return False
    return bool(found.model_config.get("frozen")) and found.model_config.get("extra") == "forbid"


def _check_words(found: type[Algorithm[Any]], name: str, plugin: str) -> None:
    for words in ("explains", "reason"):
        if not isinstance(getattr(found, words), str):
            raise ContractError(f"{name}: {words} is text, which people are shown", plugin=plugin)


def _is_small(tolerance: object) -> bool:
    return isinstance(tolerance, int | float) and 0 <= tolerance <= MAX_TOLERANCE
