"""Orders, cancellations and returns end in one state, in whatever order and how often they come."""

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import knowingly
from knowingly.vault.root import write_root_key

NOTICE = "2026-01/en"
ITEMS = ("cup", "pot", "tin")
WHO = "ann"
NOW = "2026-03-01T12:00:00+00:00"

lines = st.lists(
    st.fixed_dictionaries({"item": st.sampled_from(ITEMS), "quantity": st.integers(1, 3)}),
    max_size=3,
)
orders = st.builds(
    lambda order, hours, lines: {"of": order, "hours": hours, "lines": lines},
    st.sampled_from("ab"),
    st.integers(0, 5),
    lines,
)
undoing = st.one_of(
    st.builds(
        lambda kind, order, item, quantity, number: {
            "kind": kind,
            "order": order,
            "item": item,
            "quantity": quantity,
            "event_id": f"u{number}{kind}{order}{item}{quantity}",
        },
        st.sampled_from(["return", "cancel"]),
        st.sampled_from("abz"),
        st.sampled_from(ITEMS),
        st.integers(1, 3),
        st.integers(0, 1),
    ),
    st.builds(lambda order: {"kind": "cancel", "order": order}, st.sampled_from("abz")),
    st.builds(
        lambda kind, item: {"kind": kind, "item": item, "event_id": kind + item},
        st.sampled_from(["return", "purchase", "view"]),
        st.sampled_from(ITEMS),
    ),
)


def as_row(one, now):
    at = now - timedelta(days=1)
    if "of" in one:
        return {
            "subject": WHO,
            "id": one["of"],
            "at": at,
            "updated_at": at + timedelta(hours=one["hours"]),
            "lines": one["lines"],
        }
    return {"subject": WHO, "at": at, **one}


def state(folder, batches):
    """What is known of her, her page and what a training counts, after these batches."""
    now = knowingly.Order(subject="x", id="x", at=NOW, lines=()).at
    policy = knowingly.load_policy()
    policy = policy.model_copy(update={"models": {"min_subjects": 2, "min_item_subjects": 2}})
    write_root_key(folder / "key")
    with knowingly.open(
        f"sqlite:///{folder}/shop.db", policy=policy, keys=folder / "key", clock=lambda: now
    ) as shop:
        shop.items.upsert([{"id": item} for item in ITEMS], strict=True)
        for person in (WHO, "bob", "cay"):
            shop.consent.grant(
                person, ["personalize", "train"], notice=NOTICE, at=now - timedelta(days=9)
            )
        for person in ("bob", "cay"):
            shop.track([{"subject": person, "kind": "purchase", "item": one} for one in ITEMS])
        for batch in batches:
            assert not shop.track([as_row(one, now) for one in batch]).refused
        view = shop.profiles.view(WHO, "personalize")
        trained = shop.train()
        page = shop.recommend(WHO, k=10)
        serving = shop.models._registry
        with shop._tenancy.read() as snapshot:
            models = serving.at(snapshot).models
        arrays = {
            (name, key): array.tolist()
            for name, model in models.items()
            for key, array in model.arrays().items()
        }
        events = Counter(
            (one.kind, one.item, one.quantity, one.order)
            for one in view.events
            if not (one.kind == "cancel" and not one.item)
        )
        whole = {one.order for one in view.events if one.kind == "cancel" and not one.item}
        return events, whole, trained.events, [hit.item for hit in page], page.basis, arrays


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(st.one_of(orders, undoing), min_size=1, max_size=7),
    st.randoms(use_true_random=False),
)
def test_arrival_does_not_matter(happened, chance):
    """One by one in order, or shuffled, repeated and cut into batches by chance."""
    again = happened * 2
    chance.shuffle(again)
    batches, rest = [], again
    while rest:
        size = chance.randint(1, len(rest))
        batches.append(rest[:size])
        rest = rest[size:]
    found = []
    for arrival in ([[one] for one in happened], batches):
        with tempfile.TemporaryDirectory() as folder:
            found.append(state(Path(folder), arrival))
    assert found[0] == found[1]


def test_the_states_that_are_compared_can_differ():
    """By what happened: a cancelled order is no purchase on her page and in no count."""
    bought = {"of": "a", "hours": 0, "lines": [{"item": "cup", "quantity": 1}]}
    cancelled = {"kind": "cancel", "order": "a"}
    states = []
    for batch in ([bought], [bought, cancelled]):
        with tempfile.TemporaryDirectory() as folder:
            states.append(state(Path(folder), [batch]))
    assert (states[0][1], states[1][1]) == (set(), {"a"})
    assert states[0][2] == states[1][2] + 1
    assert "cup" not in states[0][3]
    assert "cup" in states[1][3]
