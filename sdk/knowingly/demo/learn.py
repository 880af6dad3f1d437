"""Step 2: train on the first 44 weeks, evaluate on the rest."""

from typing import Any

from knowingly import Score
from knowingly.demo.site import EVALUATION
from knowingly.demo.stage import Stage, Told
from knowingly.demo.teller import plural
from knowingly.evaluate.words import shown

WEEKS = 44
K = 10


def learn(stage: Stage) -> Told:
    """Train, then rank for those who agreed and compare with what they bought."""
    split = stage.year.split_after(WEEKS)
    with stage.teller.waiting("training") as tell:
        trained = stage.shop.train(until=split, progress=tell)
    least = stage.shop.policy.models.min_item_subjects
    stage.teller.say(
        f"Trained {' and '.join(trained.algorithms)} on {plural(trained.events, 'purchase')} of "
        f"the {plural(trained.people, 'household')} that agreed to train, up to "
        f"{split:%-d %B %Y} ({WEEKS} weeks), over the {plural(trained.items, 'item')} that at "
        f"least {least} of them bought."
    )
    with stage.teller.waiting("evaluating") as tell:
        found = stage.shop.evaluate(k=K, served=True, progress=tell)
    stage.teller.say(
        f"Tested on the weeks after: of {plural(found.people, 'household')}, {found.tested:,} "
        f"bought something new to them, {plural(found.bought, 'pair')} of household and item "
        f"in all. Each of the {plural(found.items, 'item')} is ranked for each household, without "
        "those it already had."
    )
    stage.teller.table(
        ("algorithm", f"NDCG@{K}", "95 % interval", "recall", "coverage", "novelty"),
        [_row(score) for score in found.scores],
        numbers=(1, 2, 3, 4, 5),
    )
    page = stage.site.write(EVALUATION, found.to_html())
    stage.teller.say(
        f"Every figure, and what each means, is in {page.name}. And had fewer agreed to train? The "
        "same households, tested on the same purchases:"
    )
    stage.teller.table(
        ("algorithm", "of those who agreed", "households", "items", f"NDCG@{K}"),
        [
            (
                one.algorithm,
                f"{one.rate:.0%}",
                f"{one.people:,}",
                f"{one.items:,}",
                shown(one.ndcg.value, 4),
            )
            for one in found.by_consent_rate
        ],
        numbers=(1, 2, 3, 4),
    )
    figures: dict[str, Any] = {
        "split": split.isoformat(),
        "weeks": WEEKS,
        "k": K,
        "min_item_subjects": least,
        "trained": {
            "people": trained.people,
            "events": trained.events,
            "items": trained.items,
        },
        "evaluated": {
            "people": found.people,
            "tested": found.tested,
            "bought": found.bought,
        },
        "scores": {
            one.algorithm: {name: figure.value for name, figure in one.figures.items()}
            for one in found.scores
        },
        "by_consent_rate": [
            {"algorithm": one.algorithm, "rate": one.rate, "ndcg": one.ndcg.value}
            for one in found.by_consent_rate
        ],
    }
    best = ", ".join(
        f"{one.algorithm} NDCG@{K} {shown(one.figures['ndcg'].value, 3)}" for one in found.scores
    )
    return Told(f"{plural(trained.items, 'item')}, {trained.people:,} households; {best}", figures)


def _row(score: Score) -> tuple[str, ...]:
    figures = score.figures
    ndcg = figures["ndcg"]
    return (
        score.algorithm,
        shown(ndcg.value, 4),
        f"{shown(ndcg.low, 4)} to {shown(ndcg.high, 4)}",
        shown(figures["recall"].value, 4),
        shown(figures["coverage"].value, 3),
        shown(figures["novelty"].value, 2),
    )
