"""``knowingly models``: the versions that are kept, their cards, going back, and pruning."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from knowingly.cli.asking import confirm
from knowingly.cli.failing import CommandError
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output, to_json
from knowingly.cli.rights import Yes
from knowingly.recommend.desk import ModelVersion
from knowingly.recommend.registry.cards import ModelCard
from knowingly.shop import Shop

Version = Annotated[
    int | None, typer.Argument(metavar="[VERSION]", min=1, show_default=False, help="Its number.")
]


class Format(StrEnum):
    """How a model card is written."""

    MARKDOWN = "markdown"
    JSON = "json"


@shop_command
def list_versions(shop: Shop, output: Output) -> None:
    """List the versions of the models that are kept, the newest first."""
    found = shop.models.versions()
    output.table(
        ("version", "trained", "people", "models", "out of service", "active"), map(_row, found)
    )
    output.say(f"Versions kept: {len(found)}, of {shop.policy.models.keep} at most.")
    output.document({"versions": [asdict(one) for one in found]})


@shop_command
def show(
    shop: Shop,
    output: Output,
    version: Version = None,
    algorithm: Annotated[
        str | None, typer.Option("--algorithm", metavar="NAME", help="Only this one's card.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.MARKDOWN,
) -> None:
    """Print the model cards of one version, of the one in service when left out."""
    cards = shop.models.cards(version)
    if algorithm is not None:
        known = ", ".join(card.algorithm for card in cards) or "none yet"
        cards = [card for card in cards if card.algorithm == algorithm]
        if not cards:
            raise CommandError(f"no such model in this version: it has {known}")
    if output.as_json or form is Format.JSON:
        typer.echo(to_json({"models": [card.as_dict() for card in cards]}))
    else:
        _print(output, cards)


@shop_command
def rollback(shop: Shop, output: Output, version: Version = None, yes: Yes = False) -> None:
    """Put a version in service again: the one before, or the one named; logged."""
    confirm(_question(shop, version), yes=yes, done="changed")
    done = shop.models.rollback(version)
    served = ", ".join(done.algorithms) or "no model"
    output.say(f"In service: version {done.to_version}, after {done.from_version}; {served}.")
    output.document(asdict(done))


@shop_command
def prune(shop: Shop, output: Output, version: Version = None, yes: Yes = False) -> None:
    """Delete versions that are not in service, or the one named; logged, cannot be undone."""
    what = "every version that is not in service" if version is None else f"version {version}"
    confirm(f"Delete {what}? Nothing can go back to it then.", yes=yes, done="deleted")
    gone = shop.models.prune(version)
    output.say(f"Versions deleted: {', '.join(map(str, gone)) or 'none'}.")
    output.document({"deleted": list(gone)})


def _question(shop: Shop, version: int | None) -> str:
    active = next((one.version for one in shop.models.versions() if one.active), None)
    target = "the version before" if version is None else f"version {version}"
    return f"Serve {target} on every page, in place of version {active}?"


def _print(output: Output, cards: list[ModelCard]) -> None:
    if not cards:
        output.say("No models yet; run knowingly train.")
    typer.echo("\n".join(card.to_markdown() for card in cards), nl=False)


def _row(one: ModelVersion) -> tuple[str, ...]:
    return (
        str(one.version),
        f"{one.trained_at:%Y-%m-%d %H:%M} UTC",
        f"{one.people:,}",
        ", ".join(one.algorithms),
        ", ".join(one.out_of_service),
        "yes" if one.active else "",
    )
