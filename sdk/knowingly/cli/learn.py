"""``knowingly train`` and ``knowingly maintain``."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from knowingly.cli.codes import Code
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.cli.progress import steps
from knowingly.domain.moments import from_us
from knowingly.governance.upkeep import Maintained
from knowingly.recommend.training.publishing import Trained
from knowingly.shop import Shop


class Step(StrEnum):
    """The steps of ``maintain`` that can be left out."""

    ERASURES = "erasures"
    TRAIN = "train"
    RELEASE = "release"
    RETENTION = "retention"
    SWEEP = "sweep"
    CHECKPOINT = "checkpoint"


@shop_command
def train(shop: Shop, output: Output) -> None:
    """Fit the algorithms that the policy names on those who agreed, and publish."""
    with steps(output) as tell:
        trained = shop.train(progress=tell)
    output.say(_sentence(trained))
    output.document(_as_document(trained))


@shop_command
def maintain(
    shop: Shop,
    output: Output,
    skip: Annotated[
        list[Step] | None, typer.Option("--skip", help="A step to leave out; may be repeated.")
    ] = None,
) -> None:
    """Do what a cron line should.

    Finish interrupted erasures, train, release bestsellers, delete what is past its time, sweep
    unused keys, forget imports that were stopped long ago, sign a checkpoint of the log and hand it
    on.
    """
    skipped = skip or []
    with steps(output) as tell:
        done = shop.maintain(skip=[step.value for step in skipped], progress=tell)
    if done.trained is not None:
        output.say(_sentence(done.trained))
    output.say(
        f"Erasures finished: {done.erasures_finished}. "
        f"Bestsellers {'released' if done.released else 'not released'}. "
        f"Events expired: {done.events_expired}, deleted: {done.events_deleted}. "
        f"Traits expired: {done.traits_expired}, deleted: {done.traits_deleted}. "
        f"People under a legal hold: {done.people_held}. "
        f"Tombstones dropped: {done.tombstones_dropped}. Evidence for claims destroyed: "
        f"{done.claims_destroyed}. Keys swept: {done.keys_swept}. "
        f"Imports forgotten: {done.imports_forgotten}. Checkpoint: {done.checkpoint:,} entries."
    )
    for note in done.notes:
        output.hint(f"note: {note}")
    output.document(_maintained(done))
    if done.trained is None and Step.TRAIN not in skipped:
        # The rest was done, but cron should hear that the models are getting old.
        raise typer.Exit(Code.FAILED)


def _sentence(trained: Trained) -> str:
    left_out = f" {trained.unreadable:,} people cannot be read." if trained.unreadable else ""
    return (
        f"Training {trained.training}: {', '.join(trained.algorithms)} learned from "
        f"{trained.events:,} events of {trained.people:,} people, over {trained.items:,} items."
        f"{left_out}"
    )


def _as_document(trained: Trained) -> dict[str, Any]:
    document = asdict(trained)
    document["until"] = from_us(document.pop("until_us")).isoformat()
    return document


def _maintained(done: Maintained) -> dict[str, Any]:
    document = asdict(done)
    document["trained"] = None if done.trained is None else _as_document(done.trained)
    return document
