"""Contracts that plugin authors subclass in their own tests. Needs pytest."""

import pytest

pytest.register_assert_rewrite("knowingly.testing.algorithms", "knowingly.testing.describing")

from knowingly.testing.algorithms import AlgorithmContract  # noqa: E402 - rewritten only after that
from knowingly.testing.describing import DescribingContract  # noqa: E402 - the same

__all__ = ["AlgorithmContract", "DescribingContract"]
