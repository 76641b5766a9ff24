"""The special functions where they are hard: tails, roots, poles, reflections and high orders."""

import math

import pytest
from erfcx_coefficients import coefficients, scaled_slope, scaled_value
from mpmath import mp, mpf
from reference import ulps
from rounding import bound

from autograd_mini import Value, digamma, gamma, grad, lgamma, log_norm_cdf, polygamma, sinc, trace, trigamma
from autograd_mini._core import special
from autograd_mini.primitives import TABLE


def test_the_coefficients_are_those_of_the_script():
    assert tuple(coefficients(scaled_value)) == special._ERFCX
    assert tuple(coefficients(scaled_slope)) == special._ERFCX_SLOPE


def test_the_far_tail_of_the_normal_distribution():
    assert log_norm_cdf(-40.0) == -804.6084420137538
    assert grad(log_norm_cdf)(-40.0) == pytest.approx(40.02496884720727, rel=1e-15)
    assert grad(grad(log_norm_cdf))(-1e8) == pytest.approx(-1.0, rel=1e-14)


def test_sinc_one_float_beside_its_top():
    slope = grad(lambda t: sinc(2 * t - 1))(0.49999999999999994)
    assert slope == pytest.approx(4 * math.pi ** 2 / 3 * 2 ** -53, rel=1e-14)


@pytest.mark.parametrize("x", [1.4616321449683622, 1.4616321449683625, 1.4616, 1.46163214])
def test_digamma_at_its_root(x):
    with mp.workprec(200):
        assert ulps(digamma(x), mp.digamma(mpf(x))) <= 4


@pytest.mark.parametrize("name, x, expected", [
    ("lgamma", 0.0, math.inf), ("lgamma", -3.0, math.inf), ("lgamma", math.inf, math.inf),
    ("lgamma", -math.inf, math.inf), ("lgamma", 1.0, 0.0), ("lgamma", 2.0, 0.0), ("gamma", 0.0, math.inf),
    ("gamma", -0.0, -math.inf), ("gamma", -1.0, math.nan), ("gamma", -math.inf, math.nan),
    ("gamma", math.inf, math.inf), ("gamma", 5.0, 24.0), ("gamma", 172.0, math.inf), ("gamma", -200.5, -0.0),
    ("digamma", 0.0, -math.inf),
    ("digamma", -0.0, math.inf), ("digamma", -2.0, math.nan), ("trigamma", -2.0, math.inf), ("erfinv", 1.0, math.inf),
    ("norm_ppf", 0.0, -math.inf), ("norm_ppf", 1.1, math.nan), ("erfcx", -30.0, math.inf), ("erfcx", math.inf, 0.0)])
def test_poles_and_ends_are_ieee(name, x, expected):
    for found in (TABLE[name].number(x), getattr(Value(x), name)().data):
        assert repr(found) == repr(expected)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8, 13, 30])
@pytest.mark.parametrize("x", [1e-8, 0.3, 1.7, 11.9, 12.1, 40.5, 1e6, -0.3, -7.8])
def test_polygamma_of_every_order(n, x):
    with mp.workprec(300):
        exact = mp.psi(n, mpf(x))
    assert ulps(polygamma(n, x), exact) <= bound(TABLE["polygamma"].ulps[0], (float(n), x))


@pytest.mark.parametrize("x", [0.4, 2.6, 30.0, -1.4])
def test_derivatives_of_lgamma_of_every_order_are_polygamma(x):
    slope = lgamma
    for n in range(6):
        slope = grad(slope)
        assert slope(x) == polygamma(n, x)
    program = trace(grad(grad(lgamma)), x)
    assert program(x) == trigamma(x) and "polygamma" not in program.python_source()


def test_an_order_that_is_no_whole_number_is_nan():
    assert math.isnan(polygamma(1.5, 2.0)) and math.isnan(polygamma(-1, 2.0))


def test_gamma_is_differentiated_as_a_factorial():
    assert grad(gamma)(3.0) == pytest.approx(2 * (1.5 - 0.5772156649015329), rel=4e-16)
