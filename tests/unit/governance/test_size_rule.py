"""When a shop is large enough for a noisy bestseller list."""

import math

import pytest

from knowingly.errors import InputError
from knowingly.governance.size_rule import min_people


@pytest.mark.parametrize(
    ("epsilon", "top", "people"),
    [(0.25, 10, 1202), (0.5, 10, 601), (1, 10, 301), (2, 10, 151), (4, 10, 76), (1, 20, 425)],
)
def test_the_published_sizes(epsilon, top, people):
    """The sizes that docs/explanation/aggregates.md states."""
    assert min_people(epsilon, top) == people


def test_measured_noise_is_below_the_rule_and_measured_use_above():
    """At epsilon 1, 100 people found 15 % of the top ten and 300 found 86 %."""
    assert 100 < min_people(1, 10) <= 301


def test_less_loss_or_a_longer_list_needs_more_people():
    """Monotonic in both, as the noise scale is."""
    assert min_people(0.5, 10) > min_people(1, 10) > min_people(2, 10)
    assert min_people(1, 40) > min_people(1, 20) > min_people(1, 10) > min_people(1, 1)


@pytest.mark.parametrize("epsilon", [0, -1, math.inf, math.nan])
def test_a_bad_epsilon_is_refused(epsilon):
    """It never answers that nobody is enough."""
    with pytest.raises(InputError, match="epsilon"):
        min_people(epsilon, 10)


def test_an_empty_list_is_refused():
    """A list of nothing has no size."""
    with pytest.raises(InputError, match="top"):
        min_people(1, 0)
