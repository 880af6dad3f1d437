"""``knowingly evaluate``."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from knowingly.cli.moments import moment
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.cli.private_file import private_file
from knowingly.cli.progress import steps
from knowingly.evaluate.metrics import METRICS
from knowingly.evaluate.results import Evaluation
from knowingly.evaluate.words import interval, p_value, shown
from knowingly.shop import Shop


@shop_command
def evaluate(
    shop: Shop,
    output: Output,
    *,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="Items of a list.")] = 10,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="TIME", help="Learn from what came before; 28 days ago if left out."
        ),
    ] = None,
    served: Annotated[
        bool,
        typer.Option("--served", help="Test the served models; nothing is fitted but baselines."),
    ] = False,
    repeats: Annotated[
        bool, typer.Option("--repeats", help="Count what people buy again, too.")
    ] = False,
    consent_rates: Annotated[
        bool, typer.Option(help="Also as if only 70 and 40 in a hundred of them had agreed.")
    ] = True,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="What intervals and p-values are drawn from.")
    ] = 0,
    slot: Annotated[
        list[str] | None,
        typer.Option("--slot", help="A slot to test too, by its algorithms; home if left out."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a report with plots there.")
    ] = None,
    record: Annotated[
        bool,
        typer.Option("--record", help="Keep the figures on the cards of the models in service."),
    ] = False,
) -> None:
    """Say how well algorithms foretell what people buy; publishes no model.

    On the data of those who agree to train: what came before a moment is learned from, all items
    are ranked for everybody, and the lists are held against what the same people bought after it.
    """
    at = moment(split, "--split")
    rates = {} if consent_rates else {"consent_rates": ()}
    with private_file(html) if html is not None else nullcontext() as write:
        with steps(output) as tell:
            found = shop.evaluate(
                k=k,
                split=at,
                served=served,
                repeats=repeats,
                seed=seed,
                slots=slot,
                progress=tell,
                **rates,
            )
        if write is not None:
            write(found.to_html())
    _say(output, found)
    if html is not None:
        output.say(f"The report, with plots, is in {html}.")
    if record:
        kept = ", ".join(shop.models.record(found)) or "none, for want of the same options"
        output.say(f"Recorded on the model cards of: {kept}.")
    output.document(found.as_dict())


def _say(output: Output, found: Evaluation) -> None:
    bought = "things they bought" if found.repeats else "things they bought that were new to them"
    output.say(
        f"Learned from {found.people:,} people up to {found.split:%Y-%m-%d %H:%M} UTC; tested on "
        f"{found.tested:,} of them and {found.bought:,} {bought}, with all {found.items:,} items "
        f"ranked, at k = {found.k}."
    )
    for note in found.notes:
        output.hint(f"note: {note}")
    output.table(
        ["algorithm", *(metric.label for metric in METRICS)],
        [
            [score.algorithm, *(shown(score.figures[metric.name].value) for metric in METRICS)]
            for score in found.scores
        ],
    )
    output.say("")
    output.table(
        ["algorithm", f"NDCG@{found.k}", "95 % interval"],
        [
            [score.algorithm, shown(score.figures["ndcg"].value), interval(score.figures["ndcg"])]
            for score in found.scores
        ],
    )
    _say_more(output, found)


def _say_more(output: Output, found: Evaluation) -> None:
    if found.tests:
        output.say("")
        output.table(
            ["paired test", "difference in NDCG", "95 % interval", "p", "p, corrected (Holm)"],
            [
                [
                    f"{one.first} less {one.second}",
                    shown(one.difference.value),
                    interval(one.difference),
                    p_value(one.p),
                    p_value(one.p_holm),
                ]
                for one in found.tests
            ],
        )
    output.say("")
    output.table(
        ["recall by popularity", *(one.name for one in found.scores[0].by_popularity)],
        [
            [score.algorithm, *(shown(one.recall) for one in score.by_popularity)]
            for score in found.scores
        ],
    )
    output.say("")
    output.table(
        ["NDCG by items in the history", *(one.name for one in found.scores[0].by_history)],
        [
            [score.algorithm, *(shown(one.ndcg) for one in score.by_history)]
            for score in found.scores
        ],
    )
    if found.by_consent_rate:
        output.say("")
        output.table(
            ["had only so many agreed", "rate", "people", "items", f"NDCG@{found.k}"],
            [
                [
                    one.algorithm,
                    f"{one.rate:.0%}",
                    f"{one.people:,}",
                    f"{one.items:,}",
                    shown(one.ndcg.value),
                ]
                for one in found.by_consent_rate
            ],
        )
