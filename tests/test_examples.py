"""Real uses, each against what is known without us: a fit with standard errors, Newton's method, an option's greeks."""

import itertools
import math
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy import optimize, signal, stats

import autograd_mini as ag
from autograd_mini import grad, hessian, jacobian, value_and_grad
from autograd_mini.models import load_breast_cancer
from autograd_mini.primitives import BUILT_IN, FIRST_PAGE, HELPERS


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


PAGE = (Path(__file__).resolve().parent.parent / "docs" / "examples.md").read_text(encoding="utf-8")


def shown(*titles):
    """What the code under these headings of docs/examples.md defines."""
    names = {"np": np, "optimize": optimize, "ag": ag, **{f.__name__: f for f in (grad, hessian, value_and_grad)}}
    for title in titles:
        section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
        exec("\n".join(re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)), names)
    return names


def test_the_gaussian_process_is_scikit_learns():
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")
    from sklearn.gaussian_process import GaussianProcessRegressor
    found = shown("The evidence of a Gaussian process")
    kernel = kernels.ConstantKernel(1.0) * kernels.RBF(1.0) + kernels.WhiteKernel(1.0)
    known = GaussianProcessRegressor(kernel, alpha=0.0).fit(found["place"][:, None], found["height"])
    scale, length, noise = found["fit"].x
    np.testing.assert_allclose([2 * scale, length, 2 * noise], known.kernel_.theta, atol=1e-4)  # its search ends there
    evidence, slope = known.log_marginal_likelihood([0.3, 0.2, -0.5], eval_gradient=True)
    value, ours = value_and_grad(found["surprise_of_heights"])(np.array([0.15, 0.2, -0.25]))
    assert value == pytest.approx(-evidence, rel=1e-13)
    np.testing.assert_allclose(ours, -slope * [2, 1, 2], rtol=1e-12)


def test_garch_is_what_scipy_makes_of_a_filter():
    numdiff = pytest.importorskip("statsmodels.tools.numdiff")
    found = shown("Volatility that clusters")
    returns = found["returns"]

    def surprise(p):
        before = np.concatenate([[np.mean(returns**2)], p[0] + p[1] * returns[:-1]**2])
        h = signal.lfilter([1.0], [1.0, -p[2]], before)
        return np.sum(np.log(h) + returns**2 / h) / 2

    known = optimize.minimize(surprise, [0.1, 0.1, 0.8], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    np.testing.assert_allclose(found["fit"].x, known.x, rtol=1e-5)
    assert found["fit"].fun == pytest.approx(known.fun, rel=1e-13)
    errors = np.sqrt(np.diag(np.linalg.inv(numdiff.approx_hess(known.x, surprise))))
    np.testing.assert_allclose(found["errors"], errors, rtol=1e-3)


def test_the_level_of_the_nile_is_durbin_and_koopmans_and_statsmodels():
    structural = pytest.importorskip("statsmodels.tsa.statespace.structural")
    found = shown("Volatility that clusters", "A level that drifts")
    variances = np.exp(found["fit"].x)
    assert variances == pytest.approx([15099, 1469.1], rel=1e-4)
    known = structural.UnobservedComponents(found["nile"], "llevel", use_exact_diffuse=True)
    missing = np.log(2 * np.pi) / 2  # the diffuse first term, which the page leaves out
    for at in (variances, np.array([10000.0, 3000.0])):
        assert known.loglike(at) + missing == pytest.approx(-found["cost"](np.log(at), found["nile"])[0], rel=1e-12)


def test_special_functions_one_by_one():
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]]
            for line in PAGE.split("## Special functions")[1].splitlines() if line.startswith("| `")]
    words = set(re.findall(r"\w+", " ".join(row[0] for row in rows)))
    second_page = {*BUILT_IN} - {*FIRST_PAGE} - HELPERS
    assert second_page - words <= {"mod", "floordiv"} and len(second_page) > 25
    names = {name: getattr(ag, name) for name in ag.__all__}
    for line, at, value, slope, _, formula in rows:
        x = float(at)
        found = value_and_grad(lambda x, line=line: eval(line, {**names, "x": x}))(x)
        with mpmath.workdps(50):
            def exact(x, formula=formula):
                return eval(formula, {"mp": mpmath.mp, "x": x})

            known = float(exact(mpmath.mpf(x))), float(mpmath.diff(exact, mpmath.mpf(x)))
        assert found[0] == pytest.approx(known[0], rel=2e-15) and found[1] == pytest.approx(known[1], rel=4e-15), line
        assert (f"{known[0]:.12g}", f"{known[1]:.12g}") == (value, slope), line
