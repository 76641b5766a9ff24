"""What every primitive means, said a second time in mpmath, and derivatives of it by differences at high precision.

Nothing here reads the table: a formula copied from a row could not prove it. Derivatives are central differences
taken twice, the second time with a smaller step and a little to the side, with ever more digits until both agree
to 30; so no rule of differentiation is needed either, and kinks show themselves.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import product
from typing import Any, Callable, Optional, Sequence

from mpmath import mp, mpf

Number = Any


class Undefined(ArithmeticError):
    """The function has no real value there."""


def _real(function: Callable[..., Number]) -> Callable[..., Number]:
    def real_or_undefined(*operands: Number) -> Number:
        try:
            result = function(*operands)
        except (ZeroDivisionError, ValueError):
            raise Undefined from None
        if isinstance(result, mp.mpc) and result.imag != 0:
            raise Undefined
        return mp.mpf(result.real)

    return real_or_undefined


def _log(a: Number) -> Number:
    if a <= 0:
        raise Undefined
    return mp.log(a)


def _power(a: Number, b: Number) -> Number:
    if a == 0 and b < 0:
        raise Undefined
    if a < 0 and not mp.isint(b):
        raise Undefined
    return a ** int(b) if a < 0 else mp.power(a, b)


def _within(low: float, high: float, function: Callable[[Number], Number]) -> Callable[[Number], Number]:
    def inside(a: Number) -> Number:
        if not low <= a <= high:
            raise Undefined
        return function(a)

    return inside


def _exp(a: Number) -> Number:
    """exp, without the digits of results that are far beyond the range of floats anyway."""
    if a > 1e5:
        raise Undefined
    return mp.exp(a) if a > -1e5 else mpf(0)


def _above(low: float, a: Number) -> Number:
    if a <= low:
        raise Undefined
    return a


def _whole_quotients(function: Callable[..., Number]) -> Callable[..., Number]:
    """The function with all bits of a / b before its point, of which there are up to 2,100."""
    def exactly(a: Number, b: Number) -> Number:
        with mp.workprec(mp.prec + 2200):
            return function(a, b)

    return exactly


def _erfc(a: Number) -> Number:
    if abs(a) < 60:
        return mp.erfc(a)
    tail = _exp(-a * a) / (abs(a) * mp.sqrt(mp.pi))  # far below the smallest float
    return tail if a > 0 else 2 - tail


def _erf(a: Number) -> Number:
    return mp.erf(a) if abs(a) < 60 else 1 - _erfc(a) if a > 0 else _erfc(-a) - 1


def _erfcx(a: Number) -> Number:
    """exp(a^2) erfc(a), by its asymptotic series far out."""
    if a < -400:
        raise Undefined
    if a < 60:
        return mp.exp(a * a) * mp.erfc(a)
    return mp.hyper([mpf(1) / 2, 1], [], -1 / (a * a)) / (a * mp.sqrt(mp.pi))


def _erfcx_slope(a: Number) -> Number:
    with mp.workprec(mp.prec + 2 * max(mp.frexp(a)[1], 0)):
        return 2 * a * _erfcx(a) - 2 / mp.sqrt(mp.pi)


def _log_norm_cdf(a: Number) -> Number:
    root = mp.sqrt(2)
    return mp.log1p(-_erfc(a / root) / 2) if a > 0 else mp.log(_erfcx(-a / root) / 2) - a * a / 2


def _norm_density(a: Number) -> Number:
    return _exp(-a * a / 2) / mp.sqrt(2 * mp.pi)


def _hazard(a: Number) -> Number:
    """The derivative of _log_norm_cdf."""
    root = mp.sqrt(2)
    return _norm_density(a) / (1 - _erfc(a / root) / 2) if a > 0 else mp.sqrt(2 / mp.pi) / _erfcx(-a / root)


def _norm_ppf(a: Number) -> Number:
    """By Newton's method for the logarithm of the smaller tail."""
    tail = min(a, 1 - a)
    if tail < 0:
        raise Undefined
    if tail in (0, mpf(1) / 2):
        return mpf(0) if tail else mp.inf if a else -mp.inf
    x = -mp.sqrt(-2 * mp.log(tail)) if tail < 0.1 else (tail - mpf(1) / 2) * 2.5
    for _ in range(60):
        step = (_log_norm_cdf(x) - mp.log(tail)) / _hazard(x)
        x -= step
        if abs(step) <= abs(x) * mpf(2) ** (20 - mp.prec):
            break
    return x if a == tail else -x


def _erfinv(a: Number) -> Number:
    with mp.workprec(mp.prec - 2 * min(mp.frexp(a)[1], 0)):
        return _norm_ppf((1 + a) / 2) / mp.sqrt(2)


def _gamma(a: Number) -> Number:
    if a > 1e4:
        raise Undefined
    return mp.gamma(a) if a > -1e4 or mp.isint(a) else mpf(0)


def _lgamma(a: Number) -> Number:
    return mp.loggamma(a) if a > 0 else mp.log(abs(mp.pi / (a * mp.sinpi(a)))) - mp.loggamma(-a)


def _polygamma(n: Number, a: Number) -> Number:
    if n < 0 or not mp.isint(n) or (a <= 0 and mp.isint(a)):
        raise Undefined
    if n == 1 and a < 0:
        return (mp.pi / mp.sinpi(a)) ** 2 - mp.psi(1, 1 - a)
    return mp.psi(int(n), a)


def _log_beta(a: Number, b: Number) -> Number:
    if a <= 0 or b <= 0:
        raise Undefined
    with mp.workprec(mp.prec + 20 + max(mp.frexp(x)[1] for x in (a, b, mpf(1)))):
        return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def _cbrt(a: Number) -> Number:
    return mp.sign(a) * mp.cbrt(abs(a))


FUNCTIONS: dict[str, Callable[..., Number]] = {name: _real(function) for name, function in {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "neg": lambda a: -a, "pow": _power,
    "exp": _exp, "expm1": lambda a: mp.expm1(a) if abs(a) < 1 else _exp(a) - 1,
    "exp2": lambda a: _exp(a * mp.ln2),
    "ln": _log, "log1p": lambda a: _log(1 + a) if abs(a) > 1e-5 else mp.log1p(a),
    "log2": lambda a: _log(a) / mp.ln2, "log10": lambda a: _log(a) / mp.ln10,
    "sqrt": _within(0, mp.inf, mp.sqrt), "cbrt": _cbrt, "square": lambda a: a * a, "reciprocal": lambda a: 1 / a,
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan,
    "asin": _within(-1, 1, mp.asin), "acos": _within(-1, 1, mp.acos), "atan": mp.atan, "atan2": mp.atan2,
    "sinh": lambda a: mp.sinh(a) if abs(a) < 1 else (_exp(a) - _exp(-a)) / 2,
    "cosh": lambda a: (_exp(a) + _exp(-a)) / 2, "tanh": lambda a: mp.tanh(a) if abs(a) < 1e5 else mp.sign(a),
    "asinh": lambda a: mp.sign(a) * mp.asinh(abs(a)), "acosh": _within(1, mp.inf, mp.acosh),
    "atanh": _within(-1, 1, mp.atanh),
    "abs": abs, "sign": mp.sign, "floor": mp.floor,  "maximum": max, "minimum": min, "relu": lambda a: max(a, mpf(0)),
    "decay": lambda a: _exp(-abs(a)), "log1p_decay": lambda a: mp.log1p(_exp(-abs(a))),
    "logistic_pdf": lambda a: _exp(-abs(a)) / (1 + _exp(-abs(a))) ** 2, "one_minus_square": lambda a: (1 - a) * (1 + a),
    "stop_gradient": lambda a: a, "where": lambda c, a, b: a if c != 0 else b,
    "less": lambda a, b: mpf(a < b), "less_equal": lambda a, b: mpf(a <= b), "equal": lambda a, b: mpf(a == b),
    "chain": lambda g, d: g * d, "defined": lambda y, p: p, "away": lambda a: a if a else mp.inf,
    "sigmoid": lambda a: 1 / (1 + _exp(-a)) if a > 0 else _exp(a) / (1 + _exp(a)),
    "log_sigmoid": lambda a: -mp.log1p(_exp(-a)) if a > 0 else a - mp.log1p(_exp(a)),
    "softplus": lambda a: a + mp.log1p(_exp(-a)) if a > 0 else mp.log1p(_exp(a)),
    "logaddexp": lambda a, b: max(a, b) + mp.log1p(_exp(-abs(a - b))),
    "hypot": lambda a, b: mp.sqrt(a * a + b * b),
    "ceil": mp.ceil, "trunc": lambda a: mp.sign(a) * mp.floor(abs(a)), "round": mp.nint,
    "fmod": _whole_quotients(lambda a, b: a - b * mp.sign(a / b) * mp.floor(abs(a / b))),
    "mod": _whole_quotients(lambda a, b: a - b * mp.floor(a / b)),
    "floordiv": _whole_quotients(lambda a, b: mp.floor(a / b)), "clip": lambda a, b, c: min(max(a, b), c),
    "xlogy": lambda a, b: a * _log(b) if a else mpf(0),
    "xlog1py": lambda a, b: a * mp.log1p(_above(-1, b)) if a else mpf(0),
    "entr": lambda a: -a * _log(a) if a else mpf(0),
    "log1mexp": lambda a: _log(-mp.expm1(a)) if a > -1 else mp.log1p(-_exp(a)),
    "exprel": lambda a: mpf(1) if a == 0 else mp.expm1(a) / a if abs(a) < 1 else (_exp(a) - 1) / a,
    "sinc": lambda a: mp.sinpi(a) / (mp.pi * a) if a else mpf(1),
    "norm_pdf": _norm_density, "erfcx": _erfcx, "erfcx_slope": _erfcx_slope, "log_norm_cdf": _log_norm_cdf,
    "norm_ppf": _norm_ppf, "erfinv": _erfinv,
    "logit": lambda a: _log(a) - _log(1 - a),
    "logsubexp": lambda a, b: a + (_log(-mp.expm1(b - a)) if b > a - 1 else mp.log1p(-_exp(b - a))),
    "gamma": _gamma, "lgamma": _lgamma,
    "digamma": mp.digamma, "trigamma": lambda a: _polygamma(1, a), "polygamma": _polygamma,
    "lbeta": _log_beta, "beta": lambda a, b: _exp(_log_beta(a, b)),
    "erf": _erf, "erfc": _erfc, "norm_cdf": lambda a: _erfc(-a / mp.sqrt(2)) / 2,
}.items()}

INTEGRANDS = {name: _real(slope) for name, slope in {
              "erf": lambda a: 2 / mp.sqrt(mp.pi) * _exp(-a * a),
              "erfc": lambda a: -2 / mp.sqrt(mp.pi) * _exp(-a * a), "norm_cdf": _norm_density, "log_norm_cdf": _hazard,
              "norm_ppf": lambda a: 1 / _norm_density(_norm_ppf(a)),
              "erfinv": lambda a: mp.sqrt(mp.pi) / 2 * mp.exp(_erfinv(a) ** 2)}.items()}
"""What the functions that are defined as integrals integrate: their first derivative, without thousands of digits."""


def within_reach(name: str, point: Sequence[float]) -> bool:
    """False where mpmath says something else (it has no -0.0) or nothing in reasonable time."""
    if name == "atan2":
        return not any(x == 0 and math.copysign(1, x) < 0 for x in point)
    if name == "away":
        return point[0] != 0
    if name == "polygamma":
        return point[0] < 60 and point[1] > -200
    return name != "pow" or point[0] == 0 or abs(point[1]) * abs(math.log(abs(point[0]))) < 1e5


def value(name: str, point: Sequence[float]) -> Optional[Number]:
    """The value of a row at a point of floats to 90 digits, or None where it is undefined."""
    with mp.workprec(300):
        try:
            return +FUNCTIONS[name](*map(mpf, point))
        except Undefined:
            return None


def derivative(name: str, point: Sequence[float], orders: Sequence[int]) -> Optional[Number]:
    """A partial derivative of a row, `orders[i]` times by operand i, to 30 digits; None where there is none.

    Differences on a kink or at the edge of the domain do not settle down, which is how such points are recognised.
    """
    return _derivative(name, tuple(point), tuple(orders))


@cache
def _derivative(name: str, point: tuple[float, ...], orders: tuple[int, ...]) -> Optional[Number]:
    function = FUNCTIONS[name]
    if name == "stop_gradient":
        return mpf(0)
    if name in ("fmod", "mod", "floordiv") and abs(point[0] or 1.0) > abs(point[1]) * 2.0 ** 60:
        return None  # there the steps are closer together than differences are taken
    if value(name, point) is None:
        return None
    if name in INTEGRANDS and orders[0]:
        function, orders = INTEGRANDS[name], (orders[0] - 1,)
    step_bits, most = 120, 5000 if any(0 < abs(x) < 1e-100 for x in point) else 2500
    while step_bits < most:
        try:
            here = _difference(function, point, orders, step_bits, shift=0)
            beside = _difference(function, point, orders, step_bits + 40, shift=1)
        except Undefined:
            return None
        if here and abs(here - beside) <= abs(here) * mpf(10) ** -30:
            return here
        step_bits *= 3  # too few digits for the difference, a kink, or a derivative that is exactly zero
    return mpf(0) if max(abs(here), abs(beside)) < mpf(2) ** -1100 else None


def _difference(function: Callable[..., Number], point: Sequence[float], orders: Sequence[int], step_bits: int,
                shift: int) -> Number:
    """A mixed difference: central, or with `shift` moved sideways by half a step, which only a kink notices."""
    total = sum(orders)
    with mp.workprec(200 + max(math.frexp(x)[1] for x in (*point, 1.0)) + (total + 1) * step_bits):
        exact = [mpf(x) for x in point]
        steps = [(min(abs(x), mpf(1)) if x else mpf(1)) * mpf(2) ** -step_bits for x in exact]
        result = mpf(0)
        for choice in product(*(range(order + 1) for order in orders)):
            sign = (-1) ** sum(choice)
            weight = math.prod(math.comb(order, k) for order, k in zip(orders, choice))
            where = [x + (mpf(order - 2 * k) / 2 + (mpf(shift) / 2 + mpf(shift) / 8 if order else 0)) * h
                     for x, h, order, k in zip(exact, steps, orders, choice)]
            result += sign * weight * function(*where)
        return result / math.prod(h ** order for h, order in zip(steps, orders))


def ulps(got: float, exact: Number) -> float:
    """How many units in the last place of the exact number lie between it and a float."""
    if math.isnan(got):
        return math.inf
    with mp.workprec(200):
        nearest = float(exact) if abs(exact) < mpf(2) ** 1024 else math.copysign(math.inf, exact)
        if math.isinf(got) or math.isinf(nearest):
            if got == nearest:
                return 0.0
            largest = math.copysign(math.nextafter(math.inf, 0), exact)
            got, nearest = (largest if math.isinf(x) and x * exact > 0 else x for x in (got, nearest))
            if math.isinf(got):
                return math.inf
        return float(abs(mpf(got) - min(abs(exact), mpf(2) ** 1024) * mp.sign(exact)) / mpf(math.ulp(nearest)))
