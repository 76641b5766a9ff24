"""Real uses, each against what is known without us: a fit with standard errors, Newton's method, an option's greeks."""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, stats

import autograd_mini as ag
from autograd_mini import grad, hessian, jacobian, value_and_grad
from autograd_mini.models import load_breast_cancer


class TestNonlinearFit:
    """NIST StRD, Misra1a: y = b1 (1 - exp(-b2 x)), with certified parameters and standard deviations."""

    y = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78])
    x = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0])

    def residuals(self, b):
        return np.array([b[0] * (1 - ag.exp(-b[1] * x)) - y for x, y in zip(self.x, self.y)])

    @pytest.mark.parametrize("start", [(500.0, 0.0001), (250.0, 0.0005)])
    def test_certified_parameters_and_standard_errors(self, start):
        found = optimize.least_squares(self.residuals, start, jac=jacobian(self.residuals), x_scale="jac",
                                       xtol=1e-15, ftol=1e-15, gtol=1e-15)
        matrix = jacobian(self.residuals)(found.x)
        variance = 2 * found.cost / (len(self.y) - 2)
        errors = np.sqrt(np.diag(variance * np.linalg.inv(matrix.T @ matrix)))
        np.testing.assert_allclose(found.x, [2.3894212918e2, 5.5015643181e-4], rtol=1e-8)
        np.testing.assert_allclose(errors, [2.7070075241, 7.2668688436e-6], rtol=1e-7)
        assert 2 * found.cost == pytest.approx(1.2455138894e-1, rel=1e-9)


def test_newtons_method_on_the_logistic_cost_converges_quadratically():
    data = load_breast_cancer()
    X, y = np.asarray(data.X, dtype=float)[:120, :3], np.asarray(data.y, dtype=float)[:120]
    X = np.column_stack([(X - X.mean(0)) / X.std(0), np.ones(len(X))])
    m, ridge = len(y), 0.1

    def cost(w):
        z = X @ w
        return sum(ag.softplus(z_i) - y_i * z_i for z_i, y_i in zip(z, y)) / m + ridge / 2 * w @ w

    def closed_form_hessian(w):
        a = 1 / (1 + np.exp(-X @ w))
        return X.T @ ((a * (1 - a))[:, None] * X) / m + ridge * np.eye(4)

    both, second = value_and_grad(cost), hessian(cost)
    w, sizes = np.zeros(4), []
    for _ in range(9):
        _, slope = both(w)
        sizes.append(np.abs(slope).max())
        np.testing.assert_allclose(second(w), closed_form_hessian(w), rtol=1e-11, atol=1e-15)
        w = w - np.linalg.solve(second(w), slope)
    assert sizes[-1] < 1e-15
    steps = [(a, b) for a, b in itertools.pairwise(sizes) if a < 1e-1 and b > 1e-15]
    assert len(steps) >= 2 and all(b < 10 * a ** 2 for a, b in steps)


class TestOption:
    """The Black-Scholes price of a European call, and its sensitivities in closed form."""

    @staticmethod
    def price(spot, strike, years, rate, volatility):
        spread = volatility * ag.sqrt(years)
        d1 = (ag.ln(spot / strike) + (rate + volatility ** 2 / 2) * years) / spread
        return spot * ag.norm_cdf(d1) - strike * ag.exp(-rate * years) * ag.norm_cdf(d1 - spread)

    @pytest.mark.parametrize("market", [(100.0, 110.0, 0.5, 0.03, 0.2), (100.0, 60.0, 2.0, 0.01, 0.35),
                                        (1.1, 1.2, 0.02, 0.05, 0.08)])
    def test_the_greeks(self, market):
        s, k, t, r, v = market
        root = math.sqrt(t)
        d1 = (math.log(s / k) + (r + v * v / 2) * t) / (v * root)
        d2, density = d1 - v * root, stats.norm.pdf(d1)
        value, (delta, _, theta, rho, vega) = value_and_grad(self.price, (0, 1, 2, 3, 4))(*market)
        discounted = k * math.exp(-r * t)
        assert value == pytest.approx(s * stats.norm.cdf(d1) - discounted * stats.norm.cdf(d2), rel=1e-12)
        assert delta == pytest.approx(stats.norm.cdf(d1), rel=1e-12)
        assert vega == pytest.approx(s * density * root, rel=1e-12)
        assert rho == pytest.approx(t * discounted * stats.norm.cdf(d2), rel=1e-12)
        assert -theta == pytest.approx(-s * density * v / (2 * root) - r * discounted * stats.norm.cdf(d2), rel=1e-11)
        matrix = hessian(self.price, (0, 4))(*market)
        assert matrix[0][0] == pytest.approx(density / (s * v * root), rel=1e-11)                # gamma
        assert matrix[0][1] == pytest.approx(-density * d2 / v, rel=1e-11)                       # vanna
        assert matrix[1][1] == pytest.approx(s * density * root * d1 * d2 / v, rel=1e-10)        # vomma
        speed = grad(grad(grad(self.price)))(*market)
        assert speed == pytest.approx(-matrix[0][0] / s * (d1 / (v * root) + 1), rel=1e-10)

    def test_the_implied_volatility_inverts_the_price_and_so_do_its_derivatives(self):
        market = (100.0, 110.0, 0.5, 0.03)

        def implied(price):
            return optimize.brentq(lambda v: TestOption.price(*market, v) - price, 0.01, 3.0, xtol=1e-15)

        volatility = ag.custom_gradient(
            implied, lambda v, price: 1 / grad(TestOption.price, 4)(*market, v), name="implied_volatility")
        price, vega = value_and_grad(self.price, 4)(*market, 0.2)
        assert volatility(price) == pytest.approx(0.2, rel=1e-12)
        assert grad(volatility)(price) == pytest.approx(1 / vega, rel=1e-10)


def test_weibull_with_censoring_is_what_scipy_fits():
    weeks = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35.0])
    relapsed = np.arange(21) < 9

    def surprise(p):
        z = np.log(weeks / p[1])
        return np.sum(np.exp(p[0] * z) - relapsed * (np.log(p[0] / p[1]) + (p[0] - 1) * z))

    found = optimize.minimize(surprise, [1.0, 20.0], jac=grad(surprise), hess=hessian(surprise), method="trust-exact",
                              tol=1e-9)
    data = stats.CensoredData(uncensored=weeks[relapsed], right=weeks[~relapsed])
    shape, _, scale = stats.weibull_min.fit(data, floc=0)
    np.testing.assert_allclose(found.x, [shape, scale], rtol=1e-4)  # its search ends there
    assert surprise(found.x) <= surprise([shape, scale])


def test_the_negative_binomial_is_what_statsmodels_fits():
    models = pytest.importorskip("statsmodels.discrete.discrete_model")
    mites, leaves = np.arange(8.0), np.array([70, 38, 17, 10, 9, 3, 2, 1])

    def surprise(p):
        mean, k = p
        gammas = ag.lgamma(mites + k) - ag.lgamma(k) - ag.lgamma(mites + 1)
        return -leaves @ (gammas - ag.xlog1py(k, mean / k) + mites * np.log(mean / (mean + k)))

    found = optimize.minimize(surprise, [1.0, 1.0], jac=grad(surprise), hess=hessian(surprise), method="trust-exact",
                              tol=1e-10)
    counts = np.repeat(mites, leaves)
    known = models.NegativeBinomial(counts, np.ones_like(counts)).fit(disp=0, method="newton", tol=1e-12, maxiter=200)
    np.testing.assert_allclose(found.x, [np.exp(known.params[0]), 1 / known.params[1]], rtol=1e-8)
    errors = np.sqrt(np.diag(np.linalg.inv(hessian(surprise)(found.x))))
    np.testing.assert_allclose(errors, [known.bse[0] * found.x[0], known.bse[1] * found.x[1] ** 2], rtol=1e-5)
