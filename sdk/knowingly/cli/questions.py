"""What an auditor asks: ``knowingly audit search``, ``seen``, ``choices`` and their like."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from knowingly.cli.codes import Code
from knowingly.cli.entries import LEAVES, OPENED, leaf_rows, opened_rows
from knowingly.cli.listing import AsCsv, AsJsonl, Listing
from knowingly.cli.moments import Since, Until, moment
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.ledger.log import Entry
from knowingly.ledger.opened import OpenedEntry
from knowingly.shop import Shop

Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many entries.")]
Start = Annotated[int, typer.Option("--start", min=0, help="The first entry's number.")]


@shop_command
def search(
    shop: Shop,
    output: Output,
    *,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="ID", help="About this person: opened.")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="NAME", help="A choice about this purpose.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="consent.grant, or consent.")
    ] = None,
    since: Since = None,
    until: Until = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="WHO", help="By whom, or a kind of actor.")
    ] = None,
    start: Start = 0,
    limit: Limit = 100,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
) -> None:
    """List entries of the log that are all of what is asked; of a person, with details."""
    listing = Listing(output, as_csv, as_jsonl)
    found = shop.audit.search(
        subject=subject,
        purpose=purpose,
        kind=kind,
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        actor=actor,
        start=start,
        limit=limit,
    )
    _list(listing, found)
    if len(found) == limit:
        listing.hint(f"note: there may be more; add --start {found[-1].index + 1}")


def _list(listing: Listing, found: Sequence[Entry]) -> None:
    opened = [one for one in found if isinstance(one, OpenedEntry)]
    if opened:
        listing.rows(OPENED, opened_rows(opened))
    else:
        listing.rows(LEAVES, leaf_rows(found))
    listing.document({"entries": [asdict(one) for one in found]})


@shop_command
def seen(
    shop: Shop,
    output: Output,
    notice: Annotated[str, typer.Argument(metavar="NOTICE", help="The id of a notice.")],
    *,
    start: Start = 0,
    limit: Limit = 1_000,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
) -> None:
    """Say how many people's choices name a notice, and which entries; nobody is named."""
    listing = Listing(output, as_csv, as_jsonl)
    found = shop.audit.who_saw(notice, since=start, limit=limit)
    chose = ", ".join(f"{action} {number:,}" for action, number in sorted(found.choices.items()))
    listing.say(f"People: {found.people:,}. Choices: {chose or 'none'}.")
    listing.rows(("entry",), [{"entry": index} for index in found.entries])
    if found.next_since is not None:
        listing.hint(f"note: there are more; add --start {found.next_since}")
    listing.document(asdict(found))


@shop_command
def choices(
    shop: Shop,
    output: Output,
    *,
    by: Annotated[
        str, typer.Option("--by", metavar="A,B", help="day, surface, jurisdiction, purpose, notice")
    ] = "day,surface,jurisdiction",
    since: Since = None,
    until: Until = None,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
) -> None:
    """Count grants, refusals, withdrawals and the like; exact figures, not to be published."""
    listing = Listing(output, as_csv, as_jsonl)
    parts = tuple(part.strip() for part in by.split(",") if part.strip())
    found = shop.audit.choices(
        parts, since=moment(since, "--since"), until=moment(until, "--until")
    )
    columns = (*parts, "action", "choices", "people")
    told = [asdict(one) for one in found]
    listing.rows(columns, [{column: one[column] for column in columns} for one in told])
    listing.document({"by": parts, "choices": told})


@shop_command
def expiring(
    shop: Shop,
    output: Output,
    *,
    days: Annotated[int, typer.Option("--days", min=0, max=36_500, help="Within how many.")] = 30,
    limit: Limit = 1_000,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
) -> None:
    """Count the consents that run out within some days, by purpose and day."""
    listing = Listing(output, as_csv, as_jsonl)
    found = shop.audit.expiring(days, limit=limit)
    for one in found:
        listing.say(
            f"{one.purpose}: {one.people:,} people, {one.consents:,} consents, "
            f"from {one.first:%Y-%m-%d} on"
        )
    rows = [
        {"purpose": one.purpose, "day": day, "consents": number}
        for one in found
        for day, number in one.by_day.items()
    ]
    listing.rows(("purpose", "day", "consents"), rows)
    told = [
        {**asdict(one), "by_day": {str(day): number for day, number in one.by_day.items()}}
        for one in found
    ]
    listing.document({"days": days, "expiring": told})


@shop_command
def latency(
    shop: Shop,
    output: Output,
    *,
    since: Since = None,
    until: Until = None,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
) -> None:
    """Say how long each no took from its record until it had been applied."""
    listing = Listing(output, as_csv, as_jsonl)
    found = shop.audit.withdrawal_latency(
        since=moment(since, "--since"), until=moment(until, "--until")
    )
    rows = [{"where": where, **asdict(one)} for where, one in found.items()]
    listing.rows(("where", "noes", "p50_seconds", "p95_seconds", "max_seconds", "waiting"), rows)
    listing.document({"latency": rows})


@shop_command
def unfounded(
    shop: Shop,
    output: Output,
    *,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
) -> None:
    """Look for uses of data that stand on no valid basis now; exit 1 where there are any."""
    listing = Listing(output, as_csv, as_jsonl)
    found = shop.audit.unfounded()
    listing.rows(("kind", "looked_at", "found", "reasons", "checked"), map(asdict, found))
    listing.document({"unfounded": [asdict(one) for one in found]})
    if total := sum(one.found for one in found):
        output.complain(f"{total:,} uses stand on no valid basis now; run knowingly maintain")
        raise typer.Exit(Code.FAILED)
