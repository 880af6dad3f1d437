"""Contracts that plugin authors subclass in their own tests. Needs pytest."""

import pytest

for _room in ("algorithms", "describing", "in_a_shop"):
    pytest.register_assert_rewrite(f"knowingly.testing.{_room}")

from knowingly.testing.algorithms import AlgorithmContract  # noqa: E402 - rewritten only after that
from knowingly.testing.describing import DescribingContract  # noqa: E402 - the same
from knowingly.testing.in_a_shop import ShopContract  # noqa: E402 - the same

__all__ = ["AlgorithmContract", "DescribingContract", "ShopContract"]
