"""What a page may be asked with, checked before anything is read."""

from collections.abc import Mapping, Sequence

from knowingly.domain.item import A_MARKET, is_market
from knowingly.domain.signal import check_signal
from knowingly.errors import InputError, UnknownSlotError

MAX_K = 100
MAX_BASKET = 500


def check_request(
    slots: Mapping[str, object],
    *,
    slot: object,
    item: object,
    basket: object,
    signals: object,
    market: object,
    k: object,
) -> None:
    """Refuse a request whose parts are not what ``recommend`` takes.

    Raises:
        InputError: An argument is of another kind, or out of bounds; it never repeats the value.
    """
    if not isinstance(slot, str) or slot not in slots:
        raise UnknownSlotError(slots)
    if k is not None and not (isinstance(k, int) and k is not True and 1 <= k <= MAX_K):
        raise InputError("k", f"a number of hits from 1 to {MAX_K}")
    if item is not None and not isinstance(item, str):
        raise InputError("item", "an item's id, or None")
    if market is not None and not is_market(market):
        raise InputError("market", f"{A_MARKET}; or None")
    # Most pages have neither, and this runs on each of them.
    if type(basket) is not tuple or basket:
        _check_basket(basket)
    if type(signals) is not tuple or signals:
        for one in _sequence(signals, "signals", "a list of signals"):
            check_signal(one)


def _check_basket(basket: object) -> None:
    items = _sequence(basket, "basket", "a list of item ids")
    if len(items) > MAX_BASKET:
        raise InputError("basket", f"at most {MAX_BASKET} items")
    for one in items:
        if not isinstance(one, str):
            raise InputError("basket", "a list of item ids")


def _sequence(value: object, field: str, expected: str) -> Sequence[object]:
    # Lists and tuples first: asking an abstract class costs more.
    if not isinstance(value, list | tuple) and (
        isinstance(value, str | bytes | bytearray) or not isinstance(value, Sequence)
    ):
        raise InputError(field, expected)
    return value
