"""GradBench's evaluations that an engine of scalars can do, at sizes of its lists, with the values it checks.

`particle` and `saddle` have published results. The others are checked there against derivatives by hand; here too, or
against JAX where that is installed. `lstm` draws the numbers that the benchmark's files hold. Not here: `ht`, the
tracking of a hand, which needs the mesh and the bones of the benchmark's files.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Callable, NamedTuple, Optional

import numpy as np

import autograd_mini as am
from autograd_mini import grad, hvp, trace, value_and_grad

from .timing import available, compare, table


class Case(NamedTuple):
    """One evaluation: what is run, what must come out, and the same by JAX."""

    name: str
    size: str
    run: Callable[[], Any]
    expected: Callable[[], Any]
    jax: Optional[Callable[[], Any]] = None


def main() -> None:
    """Print the table; stop where a value is wrong."""
    print(evaluations())


def evaluations() -> str:
    """A line for each evaluation: the time of a gradient, and how many times as long JAX takes."""
    lines = []
    for make in (llsq, lse, det, ode, kmeans, gmm, ba, lstm, particle, saddle):
        case = make()
        np.testing.assert_allclose(_flat(case.run()), _flat(case.expected()), rtol=1e-8, atol=1e-12, err_msg=case.name)
        contestants = {"ours": case.run, **({"jax": case.jax} if case.jax else {})}
        timings = compare(contestants, "ours", rounds=5, seconds=0.02)
        ratio = f"{timings['jax'].ratio:.2f}" if case.jax else ""
        lines.append([case.name, case.size, f"{timings['ours'].median * 1e3:,.3f} ms", ratio])
    return table("GradBench, gradients and Jacobians; its own check values, or derivatives by hand, are met",
                 ["evaluation", "size", "a run", "JAX jit"], lines)


def _flat(tree: Any) -> np.ndarray:
    return np.concatenate([*map(_flat, tree)]) if isinstance(tree, (tuple, list)) else np.ravel(np.asarray(tree, float))


def _jax(f: Callable[..., Any], *arguments: Any, by: Any = 0) -> Optional[Callable[[], Any]]:
    """The gradient of a function of JAX's own arrays, compiled."""
    if not available("jax"):
        return None
    import jax

    jax.config.update("jax_enable_x64", True)
    run, given = jax.jit(jax.value_and_grad(f, argnums=by)), [jax.numpy.asarray(entry) for entry in arguments]
    return lambda: jax.block_until_ready(run(*given))


def llsq(n: int = 16_392, m: int = 128) -> Case:
    """Least squares by a polynomial with m coefficients at n points."""
    t = -1 + np.arange(n) * 2 / (n - 1)
    x, s = np.random.RandomState(31337).rand(m), np.sign(t)

    def half_square(x: Any, t: Any, s: Any) -> Any:
        value = 0.0
        for coefficient in x[::-1]:
            value = value * t + coefficient
        return 0.5 * (s - value) ** 2

    program = trace(half_square, x, 0.5, 1.0).value_and_gradient()
    powers = t[:, None] ** np.arange(m)
    rest = s - powers @ x
    return Case("llsq", f"n={n:,}, m={m}", lambda: program.sum(x, t, s), lambda: (0.5 * rest @ rest, -rest @ powers),
                _jax(lambda x, powers, s: 0.5 * ((s - powers @ x) ** 2).sum(), x, powers, s))


def lse(n: int = 5_000) -> Case:
    """The logarithm of a sum of exponentials."""
    x = np.random.RandomState(31337).rand(n)
    program = trace(lambda x, top: am.ln(am.exp(x - top).sum()) + top, x, 1.0).value_and_gradient()

    def by_hand() -> Any:
        shares = np.exp(x - x.max())
        return math.log(shares.sum()) + x.max(), shares / shares.sum()

    return Case("lse", f"n={n:,}", lambda: program(x, x.max()), by_hand,
                _jax(_jax_module().scipy.special.logsumexp, x) if available("jax") else None)


def _jax_module() -> Any:
    import jax

    return jax


def det(size: int = 7) -> Case:
    """A determinant by expansion along the first row, again and again."""
    matrix = np.random.RandomState(31337).rand(size, size)

    def minor(a: Any, row: int, columns: tuple[int, ...]) -> Any:
        if not columns:
            return 1.0
        return sum((-1.0) ** place * a[row, column] * minor(a, row + 1, columns[:place] + columns[place + 1:])
                   for place, column in enumerate(columns))

    program = trace(lambda a: minor(a, 0, tuple(range(size))), matrix).value_and_gradient()
    value = np.linalg.det(matrix)
    return Case("det", f"{size} x {size}", lambda: program(matrix), lambda: (value, value * np.linalg.inv(matrix).T))


def ode(n: int = 1_000, steps: int = 10) -> Case:
    """Of n chained equations y_i' = x_i y_(i-1) the last one that some steps of Runge and Kutta reach."""
    x = np.random.RandomState(31337).rand(n)

    def last(x: Any, stack: Any = np) -> Any:
        y, h = 0.0 * x, 1.0 / steps

        def rates(y: Any) -> Any:
            return x * stack.concatenate([stack.ones(1), y[:-1]])

        for _ in range(steps):
            k1 = rates(y)
            k2 = rates(y + h / 2 * k1)
            k3 = rates(y + h / 2 * k2)
            k4 = rates(y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return y[4 * steps - 1]                     # beyond it every y is still 0

    program = trace(last, x).value_and_gradient()

    def by_hand() -> Any:
        value = last(x)
        return value, np.where(np.arange(n) < 4 * steps, value / x, 0.0)     # a product of the first ones

    jax = _jax(lambda x: last(x, _jax_module().numpy), x)
    return Case("ode", f"n={n:,}, s={steps}", lambda: program(x), by_hand, jax)


def kmeans(k: int = 10, n: int = 100_000, d: int = 8) -> Case:
    """Newton's direction of the k-means cost: its gradient by its Hessian, which is diagonal."""
    points = np.random.RandomState(31337).rand(n, d)
    centroids = points[-k:]

    def nearest(centroids: Any, point: Any) -> Any:
        return _least([((centroid - point) ** 2).sum() for centroid in centroids])

    ones = np.ones((k, d))
    step = trace(lambda c, p: (grad(nearest)(c, p), hvp(nearest, (c, p), (ones, np.zeros(d)))), centroids, points[0])

    def direction() -> np.ndarray:
        slope, curvature = step.sum(centroids, points)
        return slope / curvature

    def by_hand() -> np.ndarray:
        near = ((points[:, None] - centroids) ** 2).sum(axis=2).argmin(axis=1)
        return centroids - np.stack([points[near == which].mean(axis=0) for which in range(k)])

    return Case("kmeans", f"k={k}, n={n:,}, d={d}", direction, by_hand)


def _least(numbers: Any) -> Any:
    found = numbers[0]
    for number in numbers[1:]:
        found = am.where(am.less(number, found), number, found)
    return found


def gmm(k: int = 5, n: int = 10_000, d: int = 2) -> Case:
    """The likelihood of a mixture of Gaussians, by weights, means and inverse Cholesky factors."""
    draw = np.random.RandomState(31337)
    alphas, means = draw.randn(k), draw.rand(k, d)
    factors, points = draw.randn(k, d + d * (d - 1) // 2), draw.randn(n, d)

    def one(alphas: Any, means: Any, factors: Any, point: Any, xp: Any = am) -> Any:
        terms = []
        for alpha, mean, factor in zip(alphas, means, factors):
            off, square = point - mean, 0.0
            below = iter(range(d, len(factor)))
            rows = [xp.exp(factor[i]) * off[i] for i in range(d)]
            for column in range(d):
                for row in range(column + 1, d):
                    rows[row] = rows[row] + factor[next(below)] * off[column]
            for entry in rows:
                square = square + entry * entry
            terms.append(alpha + sum(factor[i] for i in range(d)) - 0.5 * square)
        total = terms[0]
        for term in terms[1:]:
            total = xp.logaddexp(total, term)
        return total

    step = trace(one, alphas, means, factors, points[0]).value_and_gradient(argnums=(0, 1, 2))
    jax = None
    if available("jax"):
        jnp, vmap = _jax_module().numpy, _jax_module().vmap
        jax = _jax(lambda *given: vmap(lambda point: one(*given[:3], point, jnp))(given[3]).sum(),
                   alphas, means, factors, points, by=(0, 1, 2))

    def run() -> Any:
        value, slopes = step.sum(alphas, means, factors, points)
        return value, *slopes

    def by_hand() -> Any:
        if jax is None:
            return run()
        value, slopes = jax()
        return value, *slopes

    return Case("gmm", f"K={k}, N={n:,}, D={d}", run, by_hand, jax)


def ba(observations: int = 36_455) -> Case:
    """Bundle adjustment: 31 entries of the Jacobian for each observation of a point by a camera."""
    draw = np.random.RandomState(31337)
    cameras, points = draw.rand(observations, 11), draw.rand(observations, 3) + np.array([0.0, 0.0, 5.0])
    weights, seen = draw.rand(observations), draw.rand(observations, 2)

    def residuals(camera: Any, point: Any, weight: Any, feature: Any, xp: Any = am) -> Any:
        turn, centre, focus, principal, radial = camera[:3], camera[3:6], camera[6], camera[7:9], camera[9:]
        x = point - centre
        angle = xp.sqrt((turn * turn).sum())
        axis = turn / angle
        cross = [axis[1] * x[2] - axis[2] * x[1], axis[2] * x[0] - axis[0] * x[2], axis[0] * x[1] - axis[1] * x[0]]
        along = (axis * x).sum() * (1.0 - xp.cos(angle))
        y = [x[i] * xp.cos(angle) + cross[i] * xp.sin(angle) + axis[i] * along for i in range(3)]
        u = [y[0] / y[2], y[1] / y[2]]
        square = u[0] * u[0] + u[1] * u[1]
        bent = 1.0 + radial[0] * square + radial[1] * square * square
        shown = [u[i] * bent * focus + principal[i] for i in range(2)]
        return [weight * (shown[0] - feature[0]), weight * (shown[1] - feature[1]), 1.0 - weight * weight]

    program = trace(residuals, cameras[0], points[0], weights[0], seen[0]).jacobian(argnums=(0, 1, 2))
    if not available("jax"):
        return Case("ba", f"P={observations:,}", lambda: program.map(cameras, points, weights, seen),
                    lambda: program.map(cameras, points, weights, seen))
    jax = _jax_module()
    jax.config.update("jax_enable_x64", True)
    rows = jax.jit(jax.vmap(jax.jacrev(lambda *given: residuals(*given, jax.numpy), argnums=(0, 1, 2))))
    return Case("ba", f"P={observations:,}", lambda: program.map(cameras, points, weights, seen),
                lambda: rows(cameras, points, weights, seen),
                lambda: jax.block_until_ready(rows(cameras, points, weights, seen)))


def lstm(layers: int = 2, characters: int = 1_024, bits: int = 14) -> Case:
    """The loss of predicting each character by those before it, by weights and scales; the state is a loop's carry."""
    draw = np.random.RandomState(31337)
    weights, scales = draw.rand(layers, 2, 4, bits), draw.rand(3, bits)
    state, text = draw.rand(layers, 2, bits), draw.randint(0, 2, (characters, bits)).astype(float)

    def loss(weights: Any, scales: Any, state: Any, before: Any, after: Any, xp: Any = np, loop: Any = am.scan) -> Any:
        def sigmoid(x: Any) -> Any:
            return 1.0 / (1.0 + xp.exp(-x))

        def step(carry: Any, characters: Any) -> Any:
            total, state = carry
            seen, kept = characters[0] * scales[0], []
            for (weight, bias), (hidden, cell) in zip(weights, state):
                forget, enter = sigmoid(seen * weight[0] + bias[0]), sigmoid(hidden * weight[1] + bias[1])
                leave, change = sigmoid(seen * weight[2] + bias[2]), xp.tanh(hidden * weight[3] + bias[3])
                now = cell * forget + enter * change
                seen = leave * xp.tanh(now)
                kept.append((seen, now))
            guess = seen * scales[1] + scales[2]
            return (total + (characters[1] * (guess - xp.log(xp.exp(guess).sum() + 2.0))).sum(), kept), None

        return -loop(step, (0.0, [tuple(layer) for layer in state]), (before, after))[0][0] / after.size

    given = weights, scales, state, text[:-1], text[1:]
    program = trace(loss, *given).value_and_gradient(argnums=(0, 1))
    if not available("jax"):
        expected: Callable[[], Any] = lambda: value_and_grad(loss, argnums=(0, 1))(*given)
        return Case("lstm", f"l={layers}, c={characters:,}", lambda: program(*given), expected)
    jax = _jax(lambda *given: loss(*given, _jax_module().numpy, _jax_module().lax.scan), *given, by=(0, 1))
    return Case("lstm", f"l={layers}, c={characters:,}", lambda: program(*given), jax or program, jax)


def argmin(f: Callable[[np.ndarray], Any], x: np.ndarray, slope_of: Callable[..., Any]) -> np.ndarray:
    """Gradient descent whose step doubles after ten successes and halves after a failure (Pearlmutter, Siskind)."""
    both = slope_of(f)
    value, slope = both(x)
    rate, successes = 1e-5, 0
    while not math.sqrt(sum(_number(entry) ** 2 for entry in slope)) <= 1e-5:
        if successes == 10:
            rate, successes = 2.0 * rate, 0
            continue
        there = x - rate * slope
        if math.sqrt(sum((_number(a) - _number(b)) ** 2 for a, b in zip(x, there))) <= 1e-5:
            return x
        if _number(f(there)) < _number(value):
            x, successes = there, successes + 1
            value, slope = both(x)
        else:
            rate, successes = rate / 2.0, 0
    return x


def _number(entry: Any) -> float:
    return entry.data if isinstance(entry, am.Value) else float(entry)


def particle() -> Case:
    """The charge that steers a particle through the origin, by descent over a path that follows a gradient itself."""
    def potential(x: Any, w: Any) -> Any:
        return sum(1.0 / am.sqrt((x[0] - at[0]) ** 2 + (x[1] - at[1]) ** 2) for at in ((10.0, 10.0 - w), (10.0, 0.0)))

    field = trace(lambda x, w: -grad(potential)(x, w), np.ones(2), 0.0)

    def miss(ws: Any) -> Any:
        x, speed, dt = np.array([0.0, 8.0]), np.array([0.75, 0.0]), 0.1
        while True:
            force = field(x, ws[0])
            ahead = x + dt * speed
            if _number(ahead[1]) <= 0:
                return (x[0] - x[1] / speed[1] * speed[0]) ** 2
            x, speed = ahead, speed + dt * force

    return Case("particle", "rr", lambda: argmin(miss, np.array([0.0]), value_and_grad), lambda: 0.2071918746486116)


def saddle() -> Case:
    """A saddle point by descent within descent."""
    def f(x: Any, y: Any) -> Any:
        return (x[0] ** 2 + x[1] ** 2) - (y[0] ** 2 + y[1] ** 2)

    start = np.array([1.0, 1.0])

    def best(x: Any) -> Any:
        return argmin(lambda y: -f(x, y), start, value_and_grad)

    def point() -> np.ndarray:
        x = argmin(lambda x: f(x, best(x)), start, value_and_grad)
        return np.array([_number(entry) for entry in itertools.chain(x, best(x))])

    return Case("saddle", "rr", point, lambda: [8.246324826140356e-06] * 4)
