"""What rows mean in SymPy: the functions that the column `sympy` names, where SymPy's own is another or has none.

Slopes at kinks and jumps are the contract's: 1/2 each at a tie. Imported when something symbolic is first done.
"""

from __future__ import annotations

from typing import Any

import sympy as sp


def sub(a: Any, b: Any) -> Any: return a - b
def div(a: Any, b: Any) -> Any: return a / b
def neg(a: Any) -> Any: return -a
def log2(a: Any) -> Any: return sp.log(a) / sp.log(2)
def log10(a: Any) -> Any: return sp.log(a) / sp.log(10)
def defined(y: Any, p: Any) -> Any: return p
def away(a: Any) -> Any: return a
def norm_pdf(a: Any) -> Any: return sp.exp(-a ** 2 / 2) / sp.sqrt(2 * sp.pi)
def norm_ppf(a: Any) -> Any: return sp.sqrt(2) * sp.erfinv(2 * a - 1)
def sinc_pi(a: Any) -> Any: return sp.sin(sp.pi * a) / (sp.pi * a)


# Conditions are 1 or 0 by cases, and a choice finds the condition again ----------------------------------------------


def less(a: Any, b: Any) -> Any: return _cases(a < b, sp.Integer(1), sp.Integer(0))
def less_equal(a: Any, b: Any) -> Any: return _cases(a <= b, sp.Integer(1), sp.Integer(0))
def equal(a: Any, b: Any) -> Any: return _cases(sp.Eq(a, b), sp.Integer(1), sp.Integer(0))
def relu(a: Any) -> Any: return _cases(a > 0, a, sp.Integer(0))


def where(condition: Any, a: Any, b: Any) -> Any:
    is_comparison = condition.is_Piecewise and [value for value, _ in condition.args] == [1, 0]
    return _cases(condition.args[0].cond if is_comparison else sp.Ne(condition, 0), a, b)


def _cases(condition: Any, a: Any, b: Any) -> Any:
    return sp.Piecewise((a, condition), (b, True))


# Kinks and jumps ------------------------------------------------------------------------------------------------------


class sign(sp.sign):
    def _eval_derivative(self, symbol: Any) -> Any:
        return sp.Integer(0)


class floor(sp.floor):
    def _eval_derivative(self, symbol: Any) -> Any:
        return sp.Integer(0)


class Abs(sp.Abs):
    def _eval_derivative(self, symbol: Any) -> Any:
        return sign(self.args[0]) * self.args[0].diff(symbol)


class stop_gradient(sp.Function):
    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return sp.Integer(0)

    def _eval_evalf(self, prec: int) -> Any:
        return self.args[0]._eval_evalf(prec)


class maximum(sp.Function):
    nargs, of_both, before = 2, staticmethod(max), sp.Gt

    @classmethod
    def eval(cls, a: Any, b: Any) -> Any:
        return cls.of_both(a, b) if a.is_number and b.is_number and a.is_real and b.is_real else None

    def fdiff(self, argindex: int = 1) -> Any:
        mine, other = self.args if argindex == 1 else self.args[::-1]
        return sp.Piecewise((1, self.before(mine, other)), (sp.Rational(1, 2), sp.Eq(mine, other)), (0, True))

    def _latex(self, printer: Any, **_: Any) -> str:
        return rf"\{self.func.__name__[:3]}\left({', '.join(map(printer._print, self.args))}\right)"

    def _eval_evalf(self, prec: int) -> Any:
        return self.func(*[argument._eval_evalf(prec) for argument in self.args])


class minimum(maximum):
    of_both, before = staticmethod(min), sp.Lt


class norm_cdf(sp.Function):
    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return sp.exp(-self.args[0] ** 2 / 2) / sp.sqrt(2 * sp.pi)

    def _eval_evalf(self, prec: int) -> Any:
        return (sp.erfc(-self.args[0] / sp.sqrt(2)) / 2)._eval_evalf(prec)

    def _latex(self, printer: Any, **_: Any) -> str:
        return rf"\Phi\left({printer._print(self.args[0])}\right)"
