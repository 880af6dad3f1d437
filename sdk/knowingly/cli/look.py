"""``knowingly stats`` and ``knowingly plugins``."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic_core import to_jsonable_python

from knowingly.cli.options import PolicyFile, command, shop_command
from knowingly.cli.output import Output
from knowingly.means import POLICY_FILE
from knowingly.plugins.host import PluginHost
from knowingly.policy import load_policy
from knowingly.recommend.interface.algorithms import Algorithm
from knowingly.shop import Shop


@shop_command
def stats(shop: Shop, output: Output) -> None:
    """Count items, models, the privacy budget and what waits for deletion; nobody is named."""
    budget = shop.aggregates.budget()
    release = shop.aggregates.bestsellers()
    document: dict[str, Any] = {
        "tenant": shop.name,
        "items": len(shop.items),
        **shop.stats(),
        "models": [asdict(card) for card in shop.models.cards()],
        "bestsellers": None if release is None else asdict(release),
        "budget": asdict(budget),
    }
    output.say(f"Items: {document['items']:,}")
    for name in ("people", "events", "people_by_consent"):
        if name in document:
            output.say(f"{name.replace('_', ' ').capitalize()}: {_numbers(document[name])}")
    output.say(f"Events waiting for deletion: {document['events_waiting_for_deletion']:,}")
    at = "none" if release is None else f"{release.at:%Y-%m-%d}, {len(release.items)} items"
    output.say(f"Bestsellers released: {at}")
    output.say(
        f"Privacy budget: epsilon {budget.total:.3g} spent in all, at most "
        f"{budget.per_period:.3g} a period; {_spent(budget.spent)}"
    )
    _tell_models(shop, output)
    output.document(document)


@command
def plugins(output: Output, policy: PolicyFile = None) -> None:
    """List the algorithms that were found, with their options, and the plugins skipped."""
    default = POLICY_FILE if POLICY_FILE.is_file() else None
    host = PluginHost(allow=load_policy(policy or default).plugins.allow)
    found = [_describe(host, name) for name in sorted(host.algorithms)]
    output.table(
        ("algorithm", "plugin", "forgets", "options"),
        [(one["name"], one["plugin"], one["forgets"], _options(one)) for one in found],
    )
    for name, reason in sorted(host.skipped.items()):
        output.say(f"skipped {name}: {reason}")
    output.document({"algorithms": found, "skipped": host.skipped})


def _numbers(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number:,}" for name, number in value.items())
    return f"{value:,}"


def _spent(spent: Mapping[str, float]) -> str:
    return ", ".join(f"{period} {epsilon:.3g}" for period, epsilon in spent.items()) or "none yet"


def _tell_models(shop: Shop, output: Output) -> None:
    cards = shop.models.cards()
    if not cards:
        output.say("Models: none yet; run knowingly train")
        return
    output.table(
        ("model", "trained", "people", "items", "forgets", "refit by", "in service"),
        [
            (
                card.algorithm,
                f"{card.trained_at:%Y-%m-%d %H:%M} UTC",
                f"{card.people:,}",
                f"{card.items:,}",
                card.forgets,
                "" if card.refit_by is None else f"{card.refit_by:%Y-%m-%d %H:%M} UTC",
                "yes" if card.in_service else f"no: {card.fault}" if card.fault else "no",
            )
            for card in cards
        ],
    )


def _describe(host: PluginHost, name: str) -> dict[str, Any]:
    algorithm: type[Algorithm[Any]] = host.algorithms[name]
    return {
        "name": name,
        "plugin": host.origin[name],
        "forgets": algorithm.forgets,
        "about": (algorithm.__doc__ or "").strip().partition("\n")[0],
        "options": [
            {
                "name": option,
                "required": field.is_required(),
                "default": None
                if field.is_required()
                else to_jsonable_python(field.get_default(call_default_factory=True), fallback=str),
                "about": field.description or "",
            }
            for option, field in algorithm.options_type.model_fields.items()
        ],
    }


def _options(described: Mapping[str, Any]) -> str:
    return ", ".join(
        one["name"] if one["required"] else f"{one['name']} = {one['default']}"
        for one in described["options"]
    )
