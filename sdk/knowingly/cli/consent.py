"""``knowingly consent``: what a person chose, why that allows what it does, and their history."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from knowingly.cli.entries import OPENED, opened_rows
from knowingly.cli.failing import CommandError
from knowingly.cli.listing import AsCsv, AsJsonl, Listing
from knowingly.cli.moments import At, moment
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.cli.rights import Subject
from knowingly.domain.consent import Receipt
from knowingly.domain.moments import from_us
from knowingly.shop import Shop

Purposes = Annotated[
    list[str] | None, typer.Argument(metavar="[PURPOSE]…", help="Every purpose when left out.")
]
NamedPurposes = Annotated[list[str], typer.Argument(metavar="PURPOSE…", help="What is agreed to.")]
Device = Annotated[
    str | None, typer.Option("--device", metavar="ID", help="The device: it is that one's own.")
]
Surface = Annotated[
    str | None, typer.Option("--surface", metavar="WORD", help="Where in the shop it was made.")
]
Law = Annotated[
    str | None, typer.Option("--jurisdiction", metavar="DE", help="Whose law holds: DE, US-CA.")
]
Method = Annotated[
    str | None, typer.Option("--method", metavar="WORD", help="How: phone, letter, button …")
]
By = Annotated[
    str, typer.Option("--by", metavar="WHO", help="Who chose: subject, guardian, agent, operator.")
]

_ASKED = "no such person in this shop, which knows those who made a choice"


@shop_command
def status(
    shop: Shop,
    output: Output,
    subject: Subject,
    *,
    device: Device = None,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
) -> None:
    """Say what a person allows now, purpose by purpose; a staff read, so it is logged."""
    listing = Listing(output, as_csv, as_jsonl)
    if not shop.knows(subject):
        raise CommandError(_ASKED)
    shop.audit.note_read("status", subject)
    said = shop.consent.status(subject, device=device)
    rows = [
        {
            "purpose": name,
            "allowed": one.allowed,
            "reason": one.reason,
            "since": from_us(one.since_us) if one.since_us else None,
            "entries": one.rests_on,
        }
        for name, one in said.items()
    ]
    listing.rows(("purpose", "allowed", "reason", "since", "entries"), rows)
    listing.document({"purposes": [{**row, "since": _iso(row["since"])} for row in rows]})


@shop_command
def grant(
    shop: Shop,
    output: Output,
    subject: Subject,
    purposes: NamedPurposes,
    notice: Annotated[str, typer.Option("--notice", metavar="ID", help="The text they read.")],
    *,
    device: Device = None,
    surface: Surface = None,
    jurisdiction: Law = None,
    method: Method = None,
    at: At = None,
    by: By = "operator",
    age: Annotated[int | None, typer.Option("--age", help="In years, where it counts.")] = None,
) -> None:
    """Record that a person agreed to purposes after reading a notice."""
    how = _how(device, surface, jurisdiction, method, by) | {"at": moment(at, "--at"), "age": age}
    _tell(output, shop.consent.grant(subject, purposes, notice=notice, **how))


def _no(verb: str, about: str) -> Callable[..., None]:
    """The command of one way to say no; none of them asks for more than a person."""

    def say(
        shop: Shop,
        output: Output,
        subject: Subject,
        purposes: Purposes = None,
        *,
        device: Device = None,
        surface: Surface = None,
        jurisdiction: Law = None,
        method: Method = None,
        at: At = None,
        by: By = "operator",
    ) -> None:
        how = _how(device, surface, jurisdiction, method, by) | {"at": moment(at, "--at")}
        _tell(output, getattr(shop.consent, verb)(subject, purposes or (), **how))

    say.__name__, say.__doc__ = verb, about
    return shop_command(say)


@shop_command
def refuse(
    shop: Shop,
    output: Output,
    subject: Subject,
    purposes: Purposes = None,
    notice: Annotated[str | None, typer.Option("--notice", help="The text they read.")] = None,
    *,
    device: Device = None,
    surface: Surface = None,
    jurisdiction: Law = None,
    method: Method = None,
    at: At = None,
    by: By = "operator",
) -> None:
    """Record that a person said no when asked; to every purpose if none is named."""
    how = _how(device, surface, jurisdiction, method, by) | {"at": moment(at, "--at")}
    _tell(output, shop.consent.refuse(subject, purposes or (), notice=notice, **how))


withdraw = _no(
    "withdraw", "Record that a person took their agreement back; every one if none is named."
)
object_ = _no("object", "Record that a person objects (GDPR art. 21); to all if none is named.")


@shop_command
def explain(
    shop: Shop,
    output: Output,
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT|TOKEN", help="A person's id, or a page's token.")
    ],
    purpose: Annotated[
        str | None, typer.Argument(metavar="[PURPOSE]", help="The purpose; none with a token.")
    ] = None,
    *,
    at: At = None,
    device: Device = None,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
) -> None:
    """Say why a purpose was allowed or denied, at any moment, and what it rests on; logged."""
    listing = Listing(output, as_csv, as_jsonl)
    if purpose is None:
        if at is not None or device is not None:
            raise typer.BadParameter("--at and --device go with a SUBJECT and a PURPOSE")
        told = shop.consent.explain(subject)
    else:
        told = shop.consent.explain(subject, purpose, at=moment(at, "--at"), device=device)
    said = told.decision
    verdict = "allowed" if said.allowed else "denied"
    listing.say(f"{said.purpose} at {told.at:%Y-%m-%d %H:%M:%S} UTC: {verdict} ({said.reason})")
    listing.say(told.why)
    listing.say(f"Consent status (DPV): {told.status}. Policy: {told.policy_digest or 'not kept'}")
    if listing.is_for_people:
        listing.rows(OPENED, opened_rows(told.entries))
    else:
        row: dict[str, Any] = {
            "at": told.at,
            "purpose": said.purpose,
            "allowed": said.allowed,
            "reason": said.reason,
            "why": told.why,
            "status": str(told.status),
            "policy": told.policy_digest,
            "entries": said.rests_on,
        }
        listing.rows(tuple(row), [row])
    listing.document(asdict(told))


@shop_command
def log(
    shop: Shop,
    output: Output,
    subject: Subject,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
) -> None:
    """List every entry of the log about a person, opened, oldest first; logged."""
    listing = Listing(output, as_csv, as_jsonl)
    found = shop.consent.log(subject)
    listing.rows(OPENED, opened_rows(found))
    listing.document({"entries": [asdict(one) for one in found]})


def _how(
    device: str | None, surface: str | None, jurisdiction: str | None, method: str | None, by: str
) -> dict[str, Any]:
    return {
        "device": device,
        "surface": surface,
        "jurisdiction": jurisdiction,
        "method": method,
        "by": by,
    }


def _tell(output: Output, receipt: Receipt) -> None:
    purposes = ", ".join(receipt.purposes)
    output.say(f"Recorded as entry {receipt.index}: {receipt.action} of {purposes}.")
    for what, number in receipt.effects.items():
        output.say(f"{what.replace('_', ' ').capitalize()}: {number:,}")
    output.document(asdict(receipt))


def _iso(at: object) -> object:
    return at.isoformat() if hasattr(at, "isoformat") else at
