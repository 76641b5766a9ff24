"""Differences of function values against mpmath's derivatives: near, and honest about how near."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from autograd_mini.explain._differences import central

mp = mpmath.mp


def estimate(f, x, noise=None):
    found = central(lambda point: np.array([f(point[0])]), np.array([x]), 0, noise)
    return found.slope[0], found.error[0]


@pytest.mark.parametrize("x", [0.7, -1.3, 2.0, 3e-9, 0.0, 150.0])
@pytest.mark.parametrize("f, exact", [
    (math.sin, mpmath.cos), (lambda x: x * x, lambda x: 2 * x), (lambda x: x ** 3 - 5 * x, lambda x: 3 * x ** 2 - 5),
    (math.exp, mpmath.exp), (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
    (math.atan, lambda x: 1 / (1 + x * x))], ids=["sin", "square", "cubic", "exp", "bell", "atan"])
def test_a_smooth_function_is_known_to_nine_digits_and_the_error_is_no_lie(f, exact, x):
    slope, error = estimate(f, x)
    off = abs(mpmath.mpf(slope) - exact(mpmath.mpf(x)))
    assert off <= error
    size = max(abs(exact(mpmath.mpf(x))), abs(f(x)) / abs(x or 1.0), 1e-6)
    assert error <= 1e-8 * size


@pytest.mark.parametrize("f, x, exact", [
    (lambda x: math.sin(200 * x), 0.9, 200 * mp.cos(mp.mpf(200) * mp.mpf(0.9))),
    (math.log, 1e-5, 1 / mp.mpf(1e-5)),
    (lambda x: math.sqrt(x - 1), 1.01, 0.5 / mp.sqrt(mp.mpf(1.01) - 1)),
    (lambda x: math.exp(-40 * x * x), 0.25, -20 * mp.exp(mp.mpf(-2.5)))],
    ids=["a wave", "near a pole", "near an end", "a narrow bell"])
def test_a_function_that_bends_much_is_seen_with_smaller_steps(f, x, exact):
    def outside(x):
        try:
            return f(x)
        except ValueError:
            return math.nan

    slope, error = estimate(outside, x)
    assert abs(slope - exact) <= error <= 1e-5 * abs(exact)


@pytest.mark.parametrize("f", [abs, lambda x: max(x, 0.0), lambda x: float(x > 0)])
def test_a_kink_or_a_step_means_nothing(f):
    assert estimate(f, 0.0)[1] > 1e9


def test_a_kink_elsewhere_does_no_harm():
    slope, error = estimate(lambda x: abs(x - 0.5), 0.75)
    assert abs(slope - 1) <= error <= 1e-9


def test_what_holds_at_the_point_only_is_not_asked():
    assert estimate(lambda x: 99.0 if x == 2.0 else x * x, 2.0) == estimate(lambda x: x * x, 2.0)


def test_rounding_that_is_known_widens_the_error():
    noise = np.array([1e-7])
    shaken = lambda x: x + 1e-7 * math.sin(1e9 * x)
    slope, error = estimate(shaken, 1.0, noise)
    assert abs(slope - 1) <= error <= 1e-4
    assert estimate(lambda x: x, 1.0)[1] < 1e-13 < estimate(lambda x: x, 1.0, noise)[1]


def test_noise_that_nobody_told_of_is_noticed():
    rough = lambda x: float(np.float32(math.sin(x)))        # seven digits only
    slope, error = estimate(rough, 0.8)
    assert abs(slope - math.cos(0.8)) <= error


def test_entries_are_judged_one_by_one_and_others_are_held_still():
    f = lambda p: np.array([[p[0] * p[1], abs(p[1])], [math.nan, p[0] + 0 * p[1]]])
    found = central(f, np.array([3.0, 0.0]), 1)
    assert found.slope.shape == (2, 2)
    assert found.slope[0, 0] == pytest.approx(3.0, abs=1e-12) and found.error[0, 0] < 1e-12
    assert found.error[0, 1] == found.error[1, 0] == math.inf
    assert found.slope[1, 1] == 0
