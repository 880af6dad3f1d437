"""Invented people and what they did, to fit algorithms on."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np

from knowingly.domain.event import KIND_CODE, KINDS, MAX_QUANTITY, EventKind
from knowingly.domain.item import Attribute
from knowingly.items.table import ItemTable
from knowingly.recommend.interface.arrays import Rows
from knowingly.recommend.interface.block import Block, FitData
from knowingly.recommend.interface.query import History, Query

_SHARE = {
    EventKind.VIEW: 0.45,
    EventKind.CART: 0.15,
    EventKind.PURCHASE: 0.2,
    EventKind.RETURN: 0.05,
    EventKind.LIKE: 0.1,
    EventKind.HIDE: 0.05,
    EventKind.CANCEL: 0.0,  # taken out before a model sees it
}

_CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)
_WORDS = ("green", "tea", "Cup", "of", "Größe", "10", "茶", "fine-cut", "organic", "a")
_VALUES: tuple[Attribute, ...] = (True, False, 3, -2.5, "wide", "")


def make_block(n_people: int, n_items: int, seed: int) -> Block:
    """Invent people who did things of every kind, each mostly with neighbouring items.

    Args:
        n_people: How many; every tenth did nothing at all.
        n_items: Items of the shop; with 0 nobody did anything.
        seed: The same seed gives the same people.

    Stability: plugin.
    """
    rng = np.random.default_rng(seed)
    events = rng.integers(4, 14, n_people) if n_items else np.zeros(n_people, np.int64)
    events[::10] = 0
    person = np.repeat(np.arange(n_people, dtype=np.int32), events)
    size = len(person)
    taste = rng.integers(0, max(n_items, 1), n_people)
    near = taste[person] + rng.integers(0, 5, size)
    anywhere = rng.integers(0, max(n_items, 1), size)
    item = np.where(rng.random(size) < 0.8, near, anywhere) % max(n_items, 1)
    share = [_SHARE[kind] for kind in KINDS]
    return Block(
        n_people=n_people,
        n_items=n_items,
        person=person,
        item=item.astype(np.int32),
        kind=rng.choice(len(KINDS), size, p=share).astype(np.int8),
        age_days=rng.uniform(0.0, 365.0, size),
        quantity=rng.integers(1, 4, size).astype(np.int32),
        order=rng.integers(0, 4, size).astype(np.int64),
    )


def make_choices(
    people: Rows, items: Rows, *, n_people: int, n_items: int, kind: EventKind = EventKind.PURCHASE
) -> Block:
    """The block in which ``people[i]`` chose ``items[i]`` once, a day ago.

    Args:
        people: Row numbers, ascending.
        items: Row numbers, same shape.
        n_people: People in the block.
        n_items: Items of the shop.
        kind: What they did.

    Stability: plugin.
    """
    size = len(people)
    return Block(
        n_people=n_people,
        n_items=n_items,
        person=np.asarray(people, np.int32),
        item=np.asarray(items, np.int32),
        kind=np.full(size, KIND_CODE[kind], np.int8),
        age_days=np.ones(size),
        quantity=np.ones(size, np.int32),
        order=np.zeros(size, np.int64),
    )


def often(people: Rows, items: Rows, *, n_people: int, n_items: int) -> Block:
    """The block in which ``people[i]`` did every kind of thing with ``items[i]``, again and again.

    Each time it was a million units, and all of a person is one order.

    Args:
        people: Row numbers, ascending.
        items: Row numbers, same shape.
        n_people: People in the block.
        n_items: Items of the shop.

    Stability: plugin.
    """
    kinds = [KIND_CODE[kind] for kind in _CHOICES] * 3
    people, items = (np.repeat(rows, len(kinds)) for rows in (people, items))
    block = make_choices(people, items, n_people=n_people, n_items=n_items)
    return replace(
        block,
        kind=np.resize(np.array(kinds, np.int8), len(people)),
        quantity=np.full_like(block.quantity, MAX_QUANTITY),
        order=block.person.astype(np.int64) + 1,
    )


def make_fit_data(
    n_people: int, n_items: int, seed: int, *, floor: int = 5, n_blocks: int = 3
) -> FitData:
    """Invent fit data of ``n_blocks`` blocks of people, as ``make_block`` makes them.

    Stability: plugin.
    """
    block = make_block(n_people, n_items, seed)
    parts = np.array_split(np.arange(n_people), n_blocks)
    return as_fit_data(*(block.select(part) for part in parts), floor=floor)


def as_fit_data(*blocks: Block, floor: int = 5, seed: int = 1) -> FitData:
    """The fit data of these blocks, of which there is at least one.

    Stability: plugin.
    """
    return FitData(n_items=blocks[0].n_items, floor=floor, seed=seed, source=lambda: blocks)


def make_history(block: Block, person: int) -> History:
    """What one person of a block did.

    Stability: plugin.
    """
    one = block.select(np.array([person]))
    return History(one.item, one.kind, one.age_days, one.quantity, one.order)


def make_queries(n_items: int, seed: int) -> list[Query]:
    """Queries without anything, with a history, with a page's item, with a basket, with all.

    The last is the one with all, once more, and only every third item may be shown.

    Stability: plugin.
    """
    if not n_items:
        return [Query(0)]
    block = make_block(9, n_items, seed)
    histories = [make_history(block, person) for person in range(9)]
    basket = np.array([0, n_items - 1], np.int32)
    context = [Query(n_items, item=0), Query(n_items, basket=basket)]
    personal = [Query(n_items, history) for history in histories]
    every = Query(n_items, histories[1], 0, basket)
    some = replace(every, candidates=np.arange(0, n_items, 3, dtype=np.int32))
    return [Query(n_items), *context, *personal, every, some]


def make_items(n_items: int, seed: int) -> ItemTable:
    """Invent items with and without a title, tags, categories, a brand, a price and attributes.

    Stability: plugin.
    """
    draw = np.random.default_rng(seed)

    def words(most: int) -> list[str]:
        return [str(word) for word in draw.choice(_WORDS, draw.integers(0, most))]

    def values(names: list[str]) -> dict[str, Attribute]:
        return {name: _VALUES[draw.integers(0, len(_VALUES))] for name in names}

    prices = np.append(draw.uniform(0.01, 1e6, n_items), [0.0, 1e12, 1e-9, np.nan])
    return ItemTable(
        title=[" ".join(words(9)) for _ in range(n_items)],
        brand=[" ".join(words(2)) for _ in range(n_items)],
        categories=[tuple(words(4)) for _ in range(n_items)],
        tags=[tuple(words(60)) for _ in range(n_items)],
        attributes=[MappingProxyType(values(words(3))) for _ in range(n_items)],
        price=draw.choice(prices, n_items),
    )
