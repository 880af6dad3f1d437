"""Every hook a plugin can implement. The docstring is the contract.

Hooks return classes or values, and none of them is called while a page is made.
"""

from collections.abc import Mapping
from typing import Any

import pluggy

from knowingly.consent.signals.decoder import SignalDecoder
from knowingly.domain.notification import Destination
from knowingly.policy import DataField
from knowingly.recommend.interface.algorithms import Algorithm
from knowingly.vault.wrapping import RootKeys

PROJECT = "knowingly"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def knowingly_algorithms() -> list[type[Algorithm[Any]]]:  # type: ignore[empty-body]
    """The algorithm classes of this plugin.

    Called once when a shop is opened. Each class needs a ``name`` no other plugin has; the policy
    file says which are trained, with which options.
    """


@hookspec
def knowingly_data_fields() -> Mapping[str, DataField]:  # type: ignore[empty-body]
    """The fields of a person that this plugin keeps, by name.

    Called once when a shop is opened. Each needs a name no other plugin has; where the policy file
    declares a field of the same name, the file holds. A purpose that the policy does not declare
    never sees a value. Special categories are for the policy file alone.
    """


@hookspec
def knowingly_destinations() -> Mapping[str, Destination]:  # type: ignore[empty-body]
    """Who passes notifications on to recipients of people's data, by the policy's id of each.

    Called once when a shop is opened. Each id needs one destination only; ``"*"`` takes the
    notifications of every recipient that has none. ``tell`` is called after an erasure and by
    ``maintain``; what it raises leaves the notification for the next time, and its words are never
    repeated.
    """


@hookspec
def knowingly_signals() -> list[type[SignalDecoder]]:  # type: ignore[empty-body]
    """The decoders of this plugin, for signals of banners and browsers.

    Called once when a shop is opened. Each class needs a ``source`` no other decoder has;
    ``shop.signals.read`` makes one, without arguments, for each value to be decoded. A decoder says
    what a value says in its standard's words; ``[signals.map]`` of the policy file says what that
    counts for.
    """


@hookspec
def knowingly_stats(tenant: str, stats: Mapping[str, Any]) -> None:
    """Receive this process's counters, to pass on to a metrics system.

    Called whenever ``shop.stats()`` is read and at the end of ``maintain``. Counters only grow
    until the process ends. There is no personal value among them.

    Args:
        tenant: The merchant's name.
        stats: What ``shop.stats()`` returns.
    """


@hookspec
def knowingly_checkpoints(tenant: str, checkpoint: str) -> None:
    """Take a signed checkpoint of the log to where the shop cannot change it any more.

    Called by ``maintain``, with the newest checkpoint only: it stands for all before it. Mail it,
    publish it, have it timestamped. Raise where that failed: ``maintain`` says so, goes on, and
    calls again next time, also those that took it; take the same checkpoint twice as once. There
    is no personal value in it.

    Args:
        tenant: The merchant's name.
        checkpoint: The signed note, as https://c2sp.org/tlog-checkpoint describes it.
    """


@hookspec(firstresult=True)
def knowingly_root_keys(source: str) -> RootKeys | None:
    """The root keys of a source such as ``vault://shop``, or None where it is another's.

    Called once when a shop is opened whose ``keys`` have a scheme, plugin by plugin until one
    answers. What it returns wraps and unwraps the keys of tenants: see ``RootKeys``.

    Args:
        source: The source as the app gave it, ``scheme://`` and the rest.
    """
