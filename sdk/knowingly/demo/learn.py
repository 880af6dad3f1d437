"""Step 2: train on the first 44 weeks, evaluate on the rest."""

from typing import Any

from knowingly.demo.stage import Stage, Told
from knowingly.demo.teller import plural

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
        found = stage.shop.evaluate(k=K, progress=tell)
    stage.teller.say(
        f"Tested on the weeks after: of {plural(found.people, 'household')}, {found.tested:,} "
        f"bought something new to them, {plural(found.bought_new, 'pair')} of household and item "
        f"in all. Each of the {plural(found.items, 'item')} is ranked for each household, without "
        "those it already had."
    )
    rows = [(one.algorithm, f"{one.ndcg:.4f}", f"{one.coverage:.1%}") for one in found.scores]
    stage.teller.table(("algorithm", f"NDCG@{K}", f"coverage@{K}"), rows, numbers=(1, 2))
    stage.teller.say(
        f"Coverage is the share of the modelled items that are in anybody's first {K}."
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
            "bought_new": found.bought_new,
        },
        "scores": {
            one.algorithm: {"ndcg": one.ndcg, "coverage": one.coverage} for one in found.scores
        },
    }
    best = ", ".join(f"{one.algorithm} NDCG@{K} {one.ndcg:.3f}" for one in found.scores)
    return Told(f"{plural(trained.items, 'item')}, {trained.people:,} households; {best}", figures)
