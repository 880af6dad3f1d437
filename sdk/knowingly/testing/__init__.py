"""Contracts that plugin authors subclass in their own tests. Needs pytest."""

import pytest

pytest.register_assert_rewrite("knowingly.testing.algorithms")

from knowingly.testing.algorithms import AlgorithmContract  # noqa: E402 - rewritten only after that

__all__ = ["AlgorithmContract"]
