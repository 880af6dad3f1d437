"""The host: takes each plugin alone, and keeps what it offers or why it was skipped."""

import inspect
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar, cast

import pluggy

from knowingly import hookspecs
from knowingly.consent.signals.decoder import SignalDecoder
from knowingly.consent.signals.desk import CORE
from knowingly.domain.notification import Destination
from knowingly.errors import (
    ContractError,
    KnowinglyError,
    MissingExtraError,
    PluginError,
    PluginLoadError,
    RootKeyError,
)
from knowingly.hookspecs import PROJECT
from knowingly.plugins.checking import (
    check_algorithm,
    check_decoder,
    check_destination,
    check_field,
)
from knowingly.plugins.finding import installed, load
from knowingly.policy import DataField
from knowingly.recommend.interface.algorithms import Algorithm
from knowingly.vault.wrapping import RootKeys, is_root_keys

logger = logging.getLogger("knowingly")

_T = TypeVar("_T", list[Any], dict[Any, Any])


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
        for point in installed():
            if "*" not in allow and point.name not in allow:
                self.skipped[point.name] = "not allowed by the policy file"
                continue
            try:
                self.add(point.name, load(point))
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
                check_field(field, said, name)
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
                check_destination(recipient, one, name)
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
                check_decoder(one, name)
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
                check_algorithm(one, name)
                if one.name in self.algorithms or one.name in found:
                    raise PluginLoadError(
                        f"its algorithm {one.name!r} has a name that another plugin uses, "
                        f"{self.origin.get(one.name, name)!r}: rename it in yours",
                        plugin=name,
                    )
                found[one.name] = one
        return found


def _arguments(hook: Callable[..., object]) -> list[str]:
    """The arguments that have to be given to it, by name."""
    known = inspect.signature(hook).parameters.values()
    return [one.name for one in known if one.default is inspect.Parameter.empty]
