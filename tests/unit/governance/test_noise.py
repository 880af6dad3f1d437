"""What noise costs and what it refuses; that it is random is checked in tests/privacy."""

import inspect
import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from knowingly.errors import InputError
from knowingly.governance import noise
from knowingly.governance.noise import epsilon_of, from_pico_rho, rho_for, to_pico_rho, top_k

COUNTS = np.array([9, 7, 5, 3, 1])
RHOS = [1e-9, 0.0018, 0.02, 0.1, 1 / 3, 1.0, 7.7]


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_cost_is_what_was_charged_or_less(rho, k):
    """OpenDP's own map never exceeds the whole pico-rho charged, compared without rounding."""
    released = top_k(COUNTS, k=k, rho=rho)
    assert Fraction(released.rho) * 10**12 <= to_pico_rho(rho)
    assert released.rho == pytest.approx(rho, rel=1e-9)


@pytest.mark.parametrize("rho", RHOS)
def test_no_more_noise_than_needed(rho):
    """The scale is sqrt(k / (8 rho)), and a billionth less of it would cost too much."""
    released = top_k(COUNTS, k=2, rho=rho)
    assert released.scale == pytest.approx(math.sqrt(2 / (8 * rho)), rel=1e-12)
    dp = noise._opendp()
    less = dp.m.make_noisy_top_k(
        dp.vector_domain(dp.atom_domain(T="i64"), size=5),
        dp.linf_distance(T="i64", monotonic=True),
        output_measure=dp.zero_concentrated_divergence(),
        k=2,
        scale=released.scale * (1 - 1e-9),
    )
    assert less.map(1) > rho


def test_rows_are_distinct_rows_of_the_list():
    """No row twice, none from outside, whatever the noise."""
    rows = top_k(COUNTS, k=5, rho=1e-6).rows
    assert rows.dtype == np.int64
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]


def test_with_hardly_any_noise_the_order_is_the_true_one():
    """Scale 0.002 against gaps of 2: another order has a chance below exp(-1000)."""
    shuffled = np.array([3, 9, 1, 7, 5], dtype=np.uint16)
    assert top_k(shuffled, k=3, rho=1e5).rows.tolist() == [1, 3, 4]


def test_more_rows_than_candidates_gives_all_and_costs_no_more():
    """K is cut to the public number of candidates; the noise is that of the smaller k."""
    released = top_k(COUNTS, k=50, rho=0.1)
    assert len(released.rows) == 5
    assert released.scale == pytest.approx(math.sqrt(5 / 0.8))


def test_no_candidates_draws_nothing(monkeypatch):
    """An empty list is answered without OpenDP."""
    monkeypatch.setattr(noise, "_opendp", lambda: pytest.fail("noise was drawn"))
    released = top_k(np.empty(0, dtype=np.int64), k=3, rho=0.1)
    assert (released.rows.size, released.rho, released.scale) == (0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"counts": np.array([1.0, np.nan])}, "counts"),
        ({"counts": np.array([1.0, 2.0])}, "counts"),
        ({"counts": np.array([True, False])}, "counts"),
        ({"counts": np.array([1, -1])}, "counts"),
        ({"counts": np.array([2**63], dtype=np.uint64)}, "counts"),
        ({"counts": np.ones((2, 2), dtype=int)}, "counts"),
        ({"counts": [1, 2]}, "counts"),
        ({"k": 0}, "k"),
        ({"k": -1}, "k"),
        ({"k": 1.5}, "k"),
        ({"k": True}, "k"),
        ({"rho": 0.0}, "rho"),
        ({"rho": -0.1}, "rho"),
        ({"rho": math.inf}, "rho"),
        ({"rho": math.nan}, "rho"),
        ({"counts": np.empty(0, dtype=int), "k": 0}, "k"),
    ],
)
def test_bad_input_draws_nothing(monkeypatch, change, field):
    """What is out of range is refused by name before OpenDP is touched."""
    monkeypatch.setattr(noise, "_opendp", lambda: pytest.fail("noise was drawn"))
    asked = {"counts": COUNTS, "k": 2, "rho": 0.1} | change
    with pytest.raises(InputError) as error:
        top_k(asked.pop("counts"), **asked)
    assert error.value.field == field


def test_nothing_takes_a_seed():
    """No argument of any function could make a draw repeatable."""
    functions = [f for _, f in inspect.getmembers(noise, inspect.isfunction)]
    assert top_k in functions
    names = {name for f in functions for name in inspect.signature(f).parameters}
    assert not {name for name in names if "seed" in name or "rng" in name or "random" in name}


@pytest.mark.parametrize("epsilon", [0.01, 0.25, 1.0, 4.0, 50.0])
@pytest.mark.parametrize("delta", [1e-9, 1e-6, 1e-2])
def test_rho_for_is_the_largest_that_fits(epsilon, delta):
    """Its epsilon is within what was asked for; one pico-rho more is not."""
    rho = rho_for(epsilon, delta)
    assert (
        epsilon_of(rho, delta) <= epsilon < epsilon_of(from_pico_rho(to_pico_rho(rho) + 1), delta)
    )


@pytest.mark.parametrize(("rho", "epsilon"), [(0.01, 0.62), (0.1, 2.14), (0.5, 5.22), (1, 7.77)])
def test_epsilon_of_known_values(rho, epsilon):
    """Published with the design at delta 1e-6; below the simple bound rho + 2 sqrt(rho ln 1/d)."""
    assert epsilon_of(rho, 1e-6) == pytest.approx(epsilon, abs=0.005)
    assert epsilon_of(rho, 1e-6) < rho + 2 * math.sqrt(rho * math.log(1e6))


def test_no_loss_is_no_epsilon():
    """A period in which nothing was released reports 0."""
    assert epsilon_of(0, 1e-6) == 0


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf, math.nan])
def test_conversions_refuse_what_is_no_loss(bad):
    """Neither a negative nor an endless loss is converted."""
    with pytest.raises(InputError, match="epsilon"):
        rho_for(bad, 1e-6)
    if bad != 0:
        with pytest.raises(InputError, match="rho"):
            epsilon_of(bad, 1e-6)
        with pytest.raises(InputError, match="rho"):
            to_pico_rho(bad)


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.5, math.nan])
def test_conversions_refuse_what_is_no_delta(delta):
    """Delta is a chance, and neither 0 nor 1."""
    with pytest.raises(InputError, match="delta"):
        rho_for(1.0, delta)
    with pytest.raises(InputError, match="delta"):
        epsilon_of(0.1, delta)


def test_an_epsilon_below_one_pico_rho_is_refused():
    """A budget cannot charge less than one pico-rho."""
    with pytest.raises(InputError, match="larger epsilon"):
        rho_for(1e-12, 1e-9)


@pytest.mark.parametrize(
    ("rho", "pico"),
    [(0, 0), (0.1, 10**11), (0.02, 2 * 10**10), (1, 10**12), (1e-13, 1), (1.5e-12, 2), (3e3, 3e15)],
)
def test_pico_rho_reads_the_decimal_and_rounds_up(rho, pico):
    """0.1 is exactly a tenth; what is less than a whole pico-rho costs a whole one."""
    assert to_pico_rho(rho) == pico


def test_five_charges_of_a_fiftieth_fit_into_a_tenth():
    """As floats they add up to more than 0.1 in some orders; as pico-rho they do not."""
    assert 5 * to_pico_rho(0.02) == to_pico_rho(0.1)


@pytest.mark.parametrize("pico", [1, 7, 24_355_970_359, 10**12 + 1, 8_999 * 10**12 + 7])
def test_pico_rho_survives_the_round_trip(pico):
    """What a budget stores comes back as the same number."""
    assert to_pico_rho(from_pico_rho(pico)) == pico


def test_opendp_is_imported_only_when_used():
    """Importing the module does not load OpenDP: a page view must not pay for it."""
    code = "import sys, knowingly.governance.noise; sys.exit('opendp' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
