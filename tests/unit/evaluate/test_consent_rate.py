"""Who is kept at a rate of consent."""

import numpy as np
import pytest

from knowingly.evaluate.consent_rate import kept

PEOPLE = np.arange(1, 20_001)


@pytest.mark.parametrize("rate", [0.05, 0.4, 0.7])
def test_about_that_share_is_kept(rate):
    """Within five standard errors, and for numbers that follow each other too."""
    error = (rate * (1 - rate) / len(PEOPLE)) ** 0.5
    assert kept(PEOPLE, rate).mean() == pytest.approx(rate, abs=5 * error)
    assert kept(PEOPLE[:1000], rate).mean() == pytest.approx(rate, abs=5 * error * 20**0.5)


def test_all_is_everybody():
    """At 100 % nobody is lost to rounding."""
    assert kept(PEOPLE, 1.0).all()


def test_whoever_is_kept_stays_at_a_higher_rate():
    """40 in a hundred are among the 70, whoever else is there."""
    few, many = kept(PEOPLE, 0.4), kept(PEOPLE, 0.7)
    assert not (few & ~many).any()
    np.testing.assert_array_equal(kept(PEOPLE[5:9], 0.4), few[5:9])


def splitmix64(number):
    """The published hash, in whole numbers without an end."""
    mask = 2**64 - 1
    mixed = number * 0x9E3779B97F4A7C15 & mask
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & mask
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & mask
    return mixed ^ mixed >> 31


def test_it_is_fixed():
    """The same people on every machine and in every version: figures can be compared."""
    assert splitmix64(1) == 0xE220A8397B1DCDAF  # the first value the published generator gives
    expected = [splitmix64(person) / 2**64 < 0.4 for person in PEOPLE[:500].tolist()]
    assert kept(PEOPLE[:500], 0.4).tolist() == expected
