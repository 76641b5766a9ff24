"""Accuracy: the cases of Hamming's chapter 3 before and after `stabilize`, and FPTaylor's published bounds beside ours.

A case is written once, over any namespace of functions: `autograd_mini` runs it in floats, mpmath knows the truth. The
form is chosen by `stabilize` at points of its own; what is measured here are other points of the same domain.
"""

from __future__ import annotations

import math
import random
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import autograd_mini
from autograd_mini import Value, bound, stabilize
from autograd_mini._core.graph import leaves, topological_order

from .timing import table

POINTS, DIGITS = 100, 2000
WIDE, POSITIVE = (-1e300, 1e300), (1e-300, 1e300)


class Case(NamedTuple):
    """A function of a namespace and some numbers, and where these lie."""

    function: Callable[..., Any]
    domain: Mapping[str, tuple[float, float]]


def _of(domain: tuple[float, float], function: Callable[..., Any], **others: tuple[float, float]) -> Case:
    return Case(function, {"x": domain, **others})


def _quadratic(f: Any, a: Any, b: Any, c: Any, sign: int) -> Any:
    return (-b + sign * f.sqrt(b*b - 4*a*c)) / (2*a)


def _half_quadratic(f: Any, a: Any, b: Any, c: Any, sign: int) -> Any:
    return (-b + sign * f.sqrt(b*b - a*c)) / a


_ABC = dict.fromkeys("abc", (-1e100, 1e100))
HAMMING = {
    "2sqrt": _of(POSITIVE, lambda f, x: f.sqrt(x + 1) - f.sqrt(x)),
    "2isqrt": _of(POSITIVE, lambda f, x: 1/f.sqrt(x) - 1/f.sqrt(x + 1)),
    "2frac": _of(WIDE, lambda f, x: 1/(x + 1) - 1/x),
    "3frac": _of(WIDE, lambda f, x: 1/(x + 1) - 2/x + 1/(x - 1)),
    "2cbrt": _of(POSITIVE, lambda f, x: f.cbrt(x + 1) - f.cbrt(x)),
    "2nthrt": _of(POSITIVE, lambda f, x, n: (x + 1)**(1/n) - x**(1/n), n=(1.0, 1e10)),
    "2log": _of(POSITIVE, lambda f, x: f.ln(x + 1) - f.ln(x)),
    "logs": _of((1e-10, 1e300), lambda f, x: (x + 1)*f.ln(x + 1) - x*f.ln(x) - 1),
    "2atan": _of(WIDE, lambda f, x: f.atan(x + 1) - f.atan(x)),
    "2sin": _of((-100.0, 100.0), lambda f, x, e: f.sin(x + e) - f.sin(x), e=(-1.0, 1.0)),
    "2cos": _of((-100.0, 100.0), lambda f, x, e: f.cos(x + e) - f.cos(x), e=(-1.0, 1.0)),
    "2tan": _of((-1.5, 1.5), lambda f, x, e: f.tan(x + e) - f.tan(x), e=(-0.01, 0.01)),
    "cos2": _of((-100.0, 100.0), lambda f, x: (1 - f.cos(x)) / (x*x)),
    "tanhf": _of((-3.0, 3.0), lambda f, x: (1 - f.cos(x)) / f.sin(x)),
    "sintan": _of((-1.5, 1.5), lambda f, x: (x - f.sin(x)) / (x - f.tan(x))),
    "invcot": _of((-3.0, 3.0), lambda f, x: 1/x - 1/f.tan(x)),
    "expm1": _of((-700.0, 700.0), lambda f, x: f.exp(x) - 1),
    "expax": _of((-20.0, 20.0), lambda f, x, a: f.exp(a*x) - 1, a=(-20.0, 20.0)),
    "exp2": _of((-700.0, 700.0), lambda f, x: f.exp(x) - 2 + f.exp(-x)),
    "expq2": _of((-700.0, 700.0), lambda f, x: f.exp(x) / (f.exp(x) - 1)),
    "expq3": _of((-1.0, 1.0), lambda f, x, a, b: x*(f.exp((a + b)*x) - 1) / ((f.exp(a*x) - 1)*(f.exp(b*x) - 1)),
                 a=(-100.0, 100.0), b=(-100.0, 100.0)),
    "logq": _of((-1.0, 1.0), lambda f, x: f.ln((1 - x) / (1 + x))),
    "qlog": _of((-1.0, 1.0), lambda f, x: f.ln(1 - x) / f.ln(1 + x)),
    "sqrtexp": _of((-700.0, 700.0), lambda f, x: f.sqrt((f.exp(2*x) - 1) / (f.exp(x) - 1))),
    "quadp": Case(lambda f, a, b, c: _quadratic(f, a, b, c, 1), _ABC),
    "quadm": Case(lambda f, a, b, c: _quadratic(f, a, b, c, -1), _ABC),
    "quad2p": Case(lambda f, a, b, c: _half_quadratic(f, a, b, c, 1), _ABC),
    "quad2m": Case(lambda f, a, b, c: _half_quadratic(f, a, b, c, -1), _ABC),
}
"""As in Herbie's suite `hamming`, there without domains where the function itself has none."""


class Measured(NamedTuple):
    """Mean wrong bits of the value and of the worst slope, before and after, and how many points became worse."""

    before: tuple[float, float]
    after: tuple[float, float]
    worse: int
    seconds: float
    form: str


def measured(case: Case, points: int = POINTS, seed: int = 1) -> Measured:
    """The wrong bits of a case at points that `stabilize` has not seen."""
    start = time.perf_counter()
    stable = stabilize(_named(case), domain=case.domain)
    seconds = time.perf_counter() - start
    names, rng = list(case.domain), random.Random(seed)
    rows: list[tuple[list[float], list[float]]] = []
    while len(rows) < points:
        point = [_drawn(rng, *case.domain[name]) for name in names]
        true = truth(case, point)
        if true is not None:
            given, new = [Value(number, name) for number, name in zip(point, names)], dict(zip(names, point))
            rows.append((wrong_bits(_numbers(case.function(autograd_mini, *given), given), true),
                         wrong_bits(_again(stable.value, new), true)))
    means = [(sum(bits[side][0] for bits in rows) / points, sum(max(bits[side][1:]) for bits in rows) / points)
             for side in (0, 1)]
    worse = sum(any(map(_is_worse, *bits)) for bits in rows)
    return Measured(means[0], means[1], worse, seconds, str(stable).splitlines()[-1])


def truth(case: Case, point: Sequence[float]) -> Any:
    """The true value and slopes, as floats next to them; None where the value is no finite number."""
    import mpmath

    with mpmath.workdps(DIGITS):
        exact = [mpmath.mpf(number) for number in point]
        step = mpmath.mpf(10) ** -40
        try:
            value = case.function(mpmath.mp, *exact)
            slopes = []
            for place in range(len(exact)):
                h = step * (abs(exact[place]) or 1)
                sides = [case.function(mpmath.mp, *[n + side*h*(i == place) for i, n in enumerate(exact)])
                         for side in (1, -1)]
                slopes.append((sides[0] - sides[1]) / (2*h))
        except (ZeroDivisionError, ValueError):
            return None
        numbers = [value, *slopes]
        if any(isinstance(number, mpmath.mpc) for number in numbers) or not math.isfinite(float(value)):
            return None
        return [float(number) for number in numbers]


def wrong_bits(found: Sequence[float], true: Sequence[float]) -> list[float]:
    """FPBench's measure: log2 of 1 + how many floats lie between, 64 for a nan."""
    return [64.0 if a != a and b == b else math.log2(1 + abs(_ordinal(a) - _ordinal(b))) for a, b in zip(found, true)]


def _is_worse(old: float, new: float) -> bool:
    """Whether bits were lost by more than rounding (8 units in the last place), and more than noise lets them vary."""
    return new > (64.0 if old > 48.0 else max(3.0, old + (4.0 if old > 8.0 else 1.5)))


def _ordinal(number: float) -> int:
    bits: int = struct.unpack("<q", struct.pack("<d", abs(number)))[0]
    return -bits if number < 0 else bits


def _drawn(rng: random.Random, low: float, high: float) -> float:
    """Uniform over the numbers, over the floats, or over sizes where people work."""
    kind = rng.randrange(3)
    while True:
        if kind == 0:
            number = low + (high - low) * rng.random()
        else:
            number = rng.choice((-1, 1)) * 2.0 ** rng.uniform(-45, 45) if kind == 1 else \
                struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
        if low <= number <= high:
            return float(number)


def _named(case: Case) -> Callable[..., Any]:
    """The case as a function whose parameters have the names of its domain."""
    names = ", ".join(case.domain)
    made: Callable[..., Any] = eval(f"lambda {names}: function(f, {names})",
                                    {"function": case.function, "f": autograd_mini})
    return made


def _numbers(root: Any, inputs: Sequence[Any]) -> list[float]:
    root.backward(inputs)
    return [root.data, *[node.grad for node in inputs]]


def _again(root: Any, numbers: Mapping[str, float]) -> list[float]:
    """The value and slopes of a graph at other numbers of its leaves."""
    made = {id(node): Value(numbers[node.name], node.name) for node in leaves(root)}
    inputs = {node.name: node for node in made.values()}
    for node in topological_order(root):
        if node.operands:
            made[id(node)] = node.operation(*[o if type(o) is float else made[id(o)] for o in node.operands])
    return _numbers(made[id(root)], [inputs.get(name) or Value(number) for name, number in numbers.items()])


# FPTaylor -------------------------------------------------------------------------------------------------------------


def _doppler(u: Any, v: Any, T: Any) -> Any:
    speed = 331.4 + 0.6*T
    return -speed*v / ((speed + u)*(speed + u))


def _jet(x1: Any, x2: Any) -> Any:
    d = x1*x1 + 1
    s = (3*x1*x1 + 2*x2 - x1) / d
    return x1 + ((2*x1*s*(s - 3) + x1*x1*(4*s - 6))*d + 3*x1*x1*s + x1*x1*x1 + x1 + 3*((3*x1*x1 + 2*x2 - x1) / d))


def _himmelblau(x: Any, y: Any) -> Any:
    a, b = x*x + y - 11, x + y*y - 7
    return a*a + b*b


_X = dict.fromkeys(("x1", "x2", "x3"), (-15.0, 15.0))
FPTAYLOR: dict[str, tuple[Callable[..., Any], Mapping[str, tuple[float, float]], float]] = {
    "rigidBody1": (lambda x1, x2, x3: -(x1*x2) - 2*x2*x3 - x1 - x3, _X, 2.95e-13),
    "rigidBody2": (lambda x1, x2, x3: 2*x1*x2*x3 + 3*x3*x3 - x2*x1*x2*x3 + 3*x3*x3 - x2, _X, 3.61e-11),
    "himmilbeau": (_himmelblau, dict.fromkeys("xy", (-5.0, 5.0)), 1.00e-12),
    "turbine1": (lambda v, w, r: 3 + 2/(r*r) - 0.125*(3 - 2*v)*(w*w*r*r)/(1 - v) - 4.5,
                 {"v": (-4.5, -0.3), "w": (0.4, 0.9), "r": (3.8, 7.8)}, 1.67e-14),
    "doppler1": (_doppler, {"u": (-100.0, 100.0), "v": (20.0, 20000.0), "T": (-30.0, 50.0)}, 1.22e-13),
    "jet": (_jet, {"x1": (-5.0, 5.0), "x2": (-20.0, 5.0)}, 1.07e-11)}
"""Function, box and the bound published in Solovyev et al., TOPLAS 41 (2018); inputs are reals that are rounded."""


def hamming() -> list[list[str]]:
    """A row a case, and the means of all."""
    found = {name: measured(case) for name, case in HAMMING.items()}
    rows = [[name, *[f"{bits:.1f}" for bits in (*one.before, *one.after)], str(one.worse), f"{one.seconds:.1f} s"]
            for name, one in found.items()]
    sides = [[side[place] for side in (getattr(one, when) for one in found.values())]
             for when in ("before", "after") for place in (0, 1)]
    means = [f"{sum(numbers) / len(numbers):.1f}" for numbers in sides]
    return [*rows, ["mean", *means, str(sum(one.worse for one in found.values())), ""]]


def fptaylor() -> list[list[str]]:
    rows = []
    for name, (f, box, published) in FPTAYLOR.items():
        found = bound(f, box, seconds=6.0, rounded_inputs=True).value
        rows.append([name, f"{published:.2e}", f"{found:.2e}", f"{found / published:.2f}"])
    return rows


def main() -> None:
    """Print both tables."""
    print(table(f"Hamming's cases: bits of 64 that are wrong, on the mean of {POINTS} points not seen",
                ["case", "value", "slope", "value after", "slope after", "worse points", "time"], hamming()))
    print(table("Proven bounds of the rounding error", ["case", "FPTaylor", "bound()", "ratio"], fptaylor()))
