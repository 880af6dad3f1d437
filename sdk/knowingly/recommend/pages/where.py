"""Which items an expression of the policy is true of, worked out once for each state of the items.

An item that lacks a value equals nothing, and is neither less nor more than anything: every
comparison with it is false, and so ``!=`` and ``not in``, which are the opposites, are true.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.item import Attribute
from knowingly.items.table import ItemTable
from knowingly.policy.expression import All, Comparison, Expression, Not, parse

Mask = NDArray[np.bool_]


def matches(expression: Expression, table: ItemTable) -> Mask:
    """Of which items an expression is true, shape ``(n_items,)``."""
    if isinstance(expression, Not):
        return ~matches(expression.inner, table)
    if isinstance(expression, Comparison):
        return _tested(expression, table)
    parts = [matches(part, table) for part in expression.parts]
    both = np.logical_and if isinstance(expression, All) else np.logical_or
    found: Mask = both.reduce(parts)
    return found


def _tested(test: Comparison, table: ItemTable) -> Mask:
    name, value = test.field.name, test.value
    if test.operator == "has":
        lists: Sequence[tuple[str, ...]] = getattr(table, name)
        return np.fromiter((value in some for some in lists), bool, len(table))
    if name == "price":
        return _compared(table.price, test)
    if name != "attributes":
        words: Sequence[str] = getattr(table, name)
        return np.fromiter((word == value for word in words), bool, len(table))
    named = [some.get(test.field.attribute) for some in table.attributes]
    if isinstance(value, float):
        return _compared(np.array([_number(one) for one in named], float), test)
    # Of one type only: true is not 1, and not "true".
    same = (type(one) is type(value) and one == value for one in named)
    return np.fromiter(same, bool, len(table))


def _number(value: Attribute | None) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else np.nan  # type: ignore[arg-type] # seen to be one


def _compared(numbers: NDArray[np.float64], test: Comparison) -> Mask:
    compare = {
        "==": np.equal,
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
    }[test.operator]
    found: Mask = compare(numbers, test.value)  # NaN, a missing number, is false in each of them
    return found


class Matched:
    """What expressions say of the items of one table; each is worked out when first asked."""

    def __init__(self, table: ItemTable) -> None:
        self.table = table
        self._kept: dict[str, Mask] = {}

    def mask(self, text: str, n_items: int) -> Mask:
        """Of which of the catalogue's items it is true.

        Args:
            text: An expression of the policy.
            n_items: Items in the catalogue; one that the table does not have yet is not among them.
        """
        found = self._kept.get(text)
        if found is None:
            found = self._kept[text] = matches(parse(text), self.table)
        if len(found) == n_items:
            return found
        fitted = np.zeros(n_items, bool)
        fitted[: len(found)] = found[:n_items]
        return fitted


class Matching:
    """The newest ``Matched`` of one tenant; those of items as they were go."""

    def __init__(self) -> None:
        self._newest = Matched(ItemTable())

    def at(self, table: ItemTable) -> Matched:
        """What expressions say of this table."""
        newest = self._newest
        if newest.table is not table:
            newest = self._newest = Matched(table)
        return newest
