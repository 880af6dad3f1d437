"""What a page may be asked with, checked before anything is read."""

from collections.abc import Mapping, Sequence

from knowingly.domain.item import A_MARKET, is_market
from knowingly.domain.signal import Signal, check_signal
from knowingly.domain.validate import check_id
from knowingly.errors import InputError, UnknownSlotError
from knowingly.recommend.pages.visit import Request

MAX_K = 100
MAX_BASKET = 500
MAX_SLOTS = 20
_PROFILING = {"on": True, "off": False}


def check_slots(known: Mapping[str, object], slots: object, field: str = "slots") -> list[str]:
    """The slots of one request, each once.

    Raises:
        InputError: They are no list of slots of the policy, or too many.
    """
    named = list(_sequence(slots, field, "a list of slots"))
    if not 1 <= len(named) <= MAX_SLOTS:
        raise InputError(field, f"1 to {MAX_SLOTS} slots")
    found = [check_slot(known, one) for one in named]
    if len(set(found)) < len(found):
        raise InputError(field, "each slot once")
    return found


def check_slot(known: Mapping[str, object], slot: object) -> str:
    """A slot of the policy.

    Raises:
        UnknownSlotError: There is none of that name.
    """
    if not isinstance(slot, str) or slot not in known:
        raise UnknownSlotError(known)
    return slot


def check_k(k: object) -> None:
    """How many hits a page may be asked for.

    Raises:
        InputError: It is no number of hits.
    """
    if k is not None and not (isinstance(k, int) and k is not True and 1 <= k <= MAX_K):
        raise InputError("k", f"a number of hits from 1 to {MAX_K}")


def check_request(
    subject: str | None,
    *,
    item: str | None = None,
    basket: Sequence[str] = (),
    signals: Sequence[Signal] = (),
    device: str | None = None,
    market: str | None = None,
    profiling: str = "on",
) -> Request:
    """The request, whose parts are what ``recommend`` takes.

    Raises:
        InputError: An argument is of another kind, or out of bounds; it never repeats the value.
    """
    if item is not None and not isinstance(item, str):
        raise InputError("item", "an item's id, or None")
    if market is not None and not is_market(market):
        raise InputError("market", f"{A_MARKET}; or None")
    if not isinstance(profiling, str) or profiling not in _PROFILING:
        raise InputError("profiling", '"on" or "off"')
    # Most pages have neither, and this runs on each of them.
    if type(basket) is not tuple or basket:
        _check_basket(basket)
    if type(signals) is not tuple or signals:
        for one in _sequence(signals, "signals", "a list of signals"):
            check_signal(one)
    if device is not None:
        check_id(device, "device")
    return Request(subject, item, basket, signals, device, market, _PROFILING[profiling])


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
