"""The transforms inside SciPy: standard test functions reach their published optima, by every door SciPy has."""

import numpy as np
import pytest
from scipy import optimize
from standard_functions import FUNCTIONS

from autograd_mini import check_gradients, grad, hessian, hvp, jacobian, value_and_grad
from autograd_mini.models import lbfgs

EVERY = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


def all_but(*names):
    """Every function but those whose landscape the method is known not to cope with."""
    chosen = [name for name in FUNCTIONS if name not in names]
    return pytest.mark.parametrize("f", [FUNCTIONS[name] for name in chosen], ids=chosen)


def assert_optimal(f, x):
    """The published minimum to the digits it was published with, and a gradient that is small for the terms in it."""
    value, slope = value_and_grad(f)(np.asarray(x))
    assert value == pytest.approx(f.minimum, rel=5e-6, abs=1e-12)
    if f.at is not None and f.residuals.__name__ != "powell_singular":
        np.testing.assert_allclose(x, f.at, rtol=2e-5, atol=1e-6)
    matrix, residuals = np.atleast_2d(jacobian(f.residuals)(np.asarray(x))), np.array(f.residuals(x))
    assert np.all(np.abs(slope) <= 1e-4 * (np.abs(matrix).T @ np.abs(residuals)) + 1e-4)


@EVERY
def test_derivatives_to_second_order(f):
    assert check_gradients(f, np.array(f.start), points=1).ok


@all_but("powell_badly_scaled", "jennrich_sampson")
def test_lbfgs_with_value_and_grad(f):
    assert_optimal(f, lbfgs(value_and_grad(f), np.array(f.start), steps=5000, tolerance=1e-10).x)


@EVERY
def test_a_trust_region_with_the_hessian(f):
    found = optimize.minimize(value_and_grad(f), f.start, jac=True, hess=hessian(f), method="trust-exact",
                              options={"gtol": 1e-9, "maxiter": 2000})
    assert_optimal(f, found.x)


@all_but("powell_badly_scaled")
def test_newton_cg_with_hessian_vector_products(f):
    found = optimize.minimize(value_and_grad(f), f.start, jac=True, hessp=lambda x, p: hvp(f, (x,), (p,)),
                              method="trust-ncg", options={"gtol": 1e-9, "maxiter": 5000})
    assert_optimal(f, found.x)


@EVERY
def test_least_squares_with_the_jacobian(f):
    def residuals(x):
        return np.array(f.residuals(x))

    found = optimize.least_squares(residuals, f.start, jac=jacobian(residuals), method="lm", xtol=1e-15, ftol=1e-15,
                                   gtol=1e-15, max_nfev=5000)
    assert_optimal(f, found.x)


@pytest.mark.parametrize("name", ["rosenbrock", "powell_badly_scaled", "himmelblau", "helical_valley"])
def test_root_with_the_jacobian(name):
    f = FUNCTIONS[name]

    def residuals(x):
        return np.array(f.residuals(x))

    found = optimize.root(residuals, f.start, jac=jacobian(residuals), tol=1e-14)
    assert found.success
    np.testing.assert_allclose(residuals(found.x), 0, atol=1e-10)


def test_root_scalar_takes_halleys_method_with_both_derivatives():
    def f(x):
        return x ** 3 - 2 * x - 5

    found = optimize.root_scalar(f, x0=2.0, fprime=grad(f), fprime2=grad(grad(f)), method="halley")
    assert found.root == pytest.approx(2.0945514815423265, rel=1e-15)


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "wood", "himmelblau", "helical_valley", "box",
                                  "powell_singular"])
def test_at_a_zero_residual_optimum_the_hessian_is_twice_j_transposed_j(name):
    """Every cotangent that reaches a residual is zero there, and none may swallow a second derivative."""
    f = FUNCTIONS[name]
    x = np.array(f.at)
    matrix = jacobian(lambda x: np.array(f.residuals(x)))(x)
    np.testing.assert_allclose(hessian(f)(x), 2 * matrix.T @ matrix, rtol=1e-13, atol=1e-11)
