"""``knowingly audit verify`` and ``knowingly audit entries``."""

from dataclasses import asdict
from typing import Annotated

import typer

from knowingly.cli.options import shop_command
from knowingly.cli.output import Output, to_json
from knowingly.cli.progress import steps
from knowingly.shop import Shop


@shop_command
def verify(shop: Shop, output: Output) -> None:
    """Hash the whole log again and compare it with what is stored; exit 4 where it differs."""
    with steps(output) as tell:
        found = shop.audit.verify(lambda done, total: tell("hashing", done, total))
    output.say(f"{found.size:,} entries, each as it was written. Root: {found.root}")
    output.document(asdict(found))


@shop_command
def entries(
    shop: Shop,
    output: Output,
    since: Annotated[int, typer.Option("--since", min=0, help="The first entry's number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many.")] = 100,
) -> None:
    """List entries of the log; they name no person."""
    found = shop.audit.entries(since=since, limit=limit)
    output.table(
        ("entry", "at", "kind", "facts"),
        [
            (one.index, f"{one.at:%Y-%m-%d %H:%M:%S}", one.kind, _one_line(dict(one.facts)))
            for one in found
        ],
    )
    output.document({"entries": [asdict(one) for one in found]})


def _one_line(facts: dict[str, object]) -> str:
    return " ".join(to_json(facts).split()) if facts else ""
