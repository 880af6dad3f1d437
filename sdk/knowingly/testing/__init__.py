"""Contracts that plugin authors subclass in their own tests. Needs pytest."""

import pytest

pytest.register_assert_rewrite("knowingly.testing.algorithms")
