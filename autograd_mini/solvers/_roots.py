"""Roots and fixed points, with derivatives by the implicit function theorem.

What solves F(x, p) = 0 moves with p as dx/dp = -(dF/dx)^-1 dF/dp. Written in the table's operations, with rows for x
itself and for the linear equations, this can be differentiated again.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

import numpy as np

from autograd_mini._body import jacobians
from autograd_mini._body.body import Body
from autograd_mini._body.calculus import derivative
from autograd_mini._core import recording, trees
from autograd_mini._core.errors import NoSolutionError
from autograd_mini._core.extras import library
from autograd_mini._core.numbers import value_or_real
from autograd_mini._core.registry import is_value
from autograd_mini._core.rows import MOST_OPERANDS, Primitive, Real, primitive
from autograd_mini._core.value import Value
from autograd_mini.solvers._captured import (
    KEPT,
    REMEMBERED,
    Function,
    Numbers,
    apply,
    are_traced,
    capture,
    numbers_of,
    plain,
    read,
)

Evaluate = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""x -> (F(x), dF/dx)."""

POLISHING = 20
"""Newton steps at the end, as long as they shrink."""
LONGEST_STEP = 1e-10
"""The last Newton step, in parts of x or of the way from the start: one that is longer means digits are missing."""
WORST_CONDITION = 1e13
"""The condition of a Jacobian, rows and columns scaled, beyond which it counts as singular."""
NEARBY, VANISHING = 1e-6, 1e-4
"""How far away, in parts of x, the Jacobian is looked at again, and which part of it there counts as none."""
ITERATIONS, CLOSE = 500, 1e-6
"""Of a fixed point: how often f is applied at the most, and the relative change from which on Newton takes over."""


def root(f: Function, x0: Any, *args: Any, bracket: Optional[tuple[float, float]] = None) -> Any:
    """The x with f(x, *args) = 0 that is found from x0, of the structure of x0.

    x is a number, or a small array or nesting of them; f returns as many numbers as x has, in any structure. `args`
    are any nesting of numbers, arrays and what is none. `scipy.optimize.root` finds x ("hybr", with exact Jacobians),
    `brentq` where one number is enclosed by a `bracket` (a, b) at whose ends f has opposite signs; Newton steps polish
    it.

    Derivatives of every order by the args, and by what f takes from around it, come from the implicit function theorem,
    dx/dp = -(df/dx)^-1 df/dp; that by x0 is 0. Where a function is traced, each call of the Program solves anew, in
    every executor, by calling back to Python; f decides by `where` there.

    >>> from autograd_mini import grad
    >>> root(lambda x, a: x * x - a, 1.0, 2.0)
    1.4142135623730951
    >>> round(grad(lambda a: root(lambda x: x * x - a, 1.0))(4.0), 12)      # 1/(2 sqrt(a))
    0.25

    Raises NoSolutionError (an ArithmeticError) where the search does not end at a root, f is nan, the Jacobian is
    singular there or the bracket holds no change of sign; TypeError where f returns another number of numbers.
    """
    return _solution(f, x0, args, _Search("root", None if bracket is None else _ends(bracket, x0)))


def fixed_point(f: Function, x0: Any, *args: Any) -> Any:
    """The x with f(x, *args) = x that iterating f from x0 leads to, of the structure of x0.

    f returns x's structure. It is iterated until x changes little, and Newton steps on f(x) - x end the search, so that
    slow contractions are found to the last digits too. Arguments, derivatives, Programs and errors are those of `root`;
    an f that does not contract is one of them.

    >>> from autograd_mini import cos, grad
    >>> fixed_point(lambda x: cos(x), 1.0)
    0.7390851332151607
    >>> round(grad(lambda a: fixed_point(lambda x: (x + a / x) / 2, 1.0))(4.0), 12)
    0.25
    """
    def change(x: Any, *given: Any) -> Any:
        after = f(x, *given)
        if trees.outline(after) != trees.outline(x):
            raise TypeError(f"a fixed point is of the structure of x, {trees.outline(x)}, and f returns "
                            f"{trees.outline(after)}")
        return [a - b for a, b in zip(trees.flatten(after)[0], trees.flatten(x)[0])]

    return _solution(change, x0, args, _Search("fixed_point"))


def _ends(bracket: Any, x0: Any) -> tuple[float, float]:
    try:
        a, b = map(float, bracket)
    except (TypeError, ValueError):
        raise TypeError(f"a bracket is a pair of numbers (a, b), not {bracket!r}") from None
    if trees.outline(x0) != "*":
        raise TypeError(f"a bracket encloses one number, and x0 is {trees.outline(x0)}: give x0 only")
    return a, b


class _Search(NamedTuple):
    """How a solution is looked for: by a function of this name, between the ends of a bracket where there is one."""

    kind: str
    bracket: Optional[tuple[float, float]] = None

    def __call__(self, evaluate: Evaluate, start: np.ndarray) -> np.ndarray:
        """The solution. Raises NoSolutionError where there is none to full accuracy."""
        first = evaluate(start)[0] if self.bracket is None else None
        if first is not None and not np.isfinite(first).all():
            raise self.error(f"f is {_shown(first)} at the start x0 = {_shown(start)}")
        with np.errstate(all="ignore"):
            begin = _enclosed if self.bracket else _iterated if self.kind == "fixed_point" else _from_start
            x, story = begin(self, evaluate, start)
            return self.polished(evaluate, x, start, story)

    def error(self, message: str) -> NoSolutionError:
        return NoSolutionError(f"{self.kind}: {message}")

    def polished(self, evaluate: Evaluate, x: np.ndarray, start: np.ndarray, story: str) -> np.ndarray:
        """After Newton steps, as long as they shrink; raises NoSolutionError where the last is still long."""
        length = math.inf
        for _ in range(POLISHING):
            values, jacobian = evaluate(x)
            if not (np.isfinite(values).all() and np.isfinite(jacobian).all()):
                raise self.error(f"f or its Jacobian is not finite at x = {_shown(x)}{story}")
            step = self.step(values, jacobian, x, story)
            scale = np.maximum(abs(x), 1e-300)
            before, length = length, float(max(abs(step) / scale))
            if length > before / 2:
                break
            x = x - step
            if length <= np.finfo(float).eps:
                break
        way = np.maximum(abs(x), 1e-3 * np.maximum(abs(start), abs(x - start)))
        way = np.maximum(way, 1e-5 * max(way))
        if not (abs(step) <= LONGEST_STEP * way).all():
            raise self.error(f"no solution was found: the search ended at x = {_shown(x)} where f is {_shown(values)}"
                             f"{story}; give another x0" + (" or a bracket" if len(x) == 1 else ""))
        self.require_isolated(evaluate, x, jacobian, NEARBY * np.where(way > 0, way, 1.0))
        return x

    def require_isolated(self, evaluate: Evaluate, x: np.ndarray, jacobian: np.ndarray, away: np.ndarray) -> None:
        """NoSolutionError at a multiple root: the Jacobian all but vanishes there, seen from a little away."""
        nearby = evaluate(x + away)[1]
        if np.isfinite(nearby).all():
            scale = abs(nearby).max(axis=1, keepdims=True)
            here, there = (np.linalg.svd(matrix / np.where(scale > 0, scale, 1.0), compute_uv=False)[-1]
                           for matrix in (jacobian, nearby))
            if here < VANISHING * there:
                raise self.singular(x, np.zeros(len(x)))

    def singular(self, x: np.ndarray, values: np.ndarray, story: str = "") -> NoSolutionError:
        return self.error(f"the Jacobian is singular at x = {_shown(x)}, where f is {_shown(values)}: a solution there "
                          f"is not isolated, or a multiple one, and has no derivatives{story}")

    def step(self, values: np.ndarray, jacobian: np.ndarray, x: np.ndarray, story: str = "") -> np.ndarray:
        """jacobian^-1 values; NoSolutionError where the Jacobian is singular."""
        if _is_singular(jacobian):
            raise self.singular(x, values, story)
        return values / jacobian[0, 0] if len(x) == 1 else np.linalg.solve(jacobian, values)


def _shown(x: np.ndarray) -> str:
    numbers = [f"{entry:.6g}" for entry in np.ravel(x)[:6]]
    return numbers[0] if np.size(x) == 1 else f"({', '.join(numbers)}{', ...' if np.size(x) > 6 else ''})"


def _is_singular(jacobian: np.ndarray) -> bool:
    if len(jacobian) == 1:
        return not abs(jacobian[0, 0]) > 0
    largest = abs(jacobian).max(axis=1, keepdims=True)
    if not (largest > 0).all():
        return True
    scaled = jacobian / largest
    largest = abs(scaled).max(axis=0)
    return not (largest > 0).all() or not np.linalg.cond(scaled / largest) < WORST_CONDITION


def _from_start(search: _Search, evaluate: Evaluate, start: np.ndarray) -> tuple[np.ndarray, str]:
    optimize = library("scipy.optimize", "a root")
    found = optimize.root(evaluate, start, jac=True, method="hybr", options={"xtol": 1e-12})
    return found.x, "" if found.success else f" (SciPy: {' '.join(found.message.split()).rstrip('.')})"


def _enclosed(search: _Search, evaluate: Evaluate, start: np.ndarray) -> tuple[np.ndarray, str]:
    optimize = library("scipy.optimize", "a root")
    ends: Any = search.bracket

    def value(x: float) -> float:
        number = float(evaluate(np.array([x]))[0][0])
        if math.isnan(number):
            raise search.error(f"f is nan at x = {x:.6g}, inside the bracket")
        return number

    below, above = map(value, ends)
    if below != 0 != above and (below > 0) == (above > 0):
        raise search.error(f"f has one sign at both ends of the bracket: {below:.6g} at {ends[0]:.6g}, {above:.6g} at "
                           f"{ends[1]:.6g}")
    x = optimize.brentq(value, *ends, xtol=4e-300, rtol=4 * np.finfo(float).eps, maxiter=2000)
    return np.array([x]), ""


def _iterated(search: _Search, evaluate: Evaluate, start: np.ndarray) -> tuple[np.ndarray, str]:
    x, sizes = start, []
    for _ in range(ITERATIONS):
        change = evaluate(x)[0]
        x = x + change
        sizes.append(float(max(abs(change))))
        if not (abs(change) > CLOSE * abs(x)).any():
            return x, ""
    if sizes[-1] < sizes[ITERATIONS // 2]:
        x = search.polished(evaluate, x, start, f" (iterating f did not converge within {ITERATIONS} steps)")
        if max(abs(np.linalg.eigvals(evaluate(x)[1] + np.eye(len(x))))) < 1:
            return x, ""
    raise search.error(f"iterating f from x0 = {_shown(start)} leads to no fixed point: after {ITERATIONS} steps x is "
                       f"{_shown(x)} and still changes; root finds fixed points that do not attract")


# From a function to Values --------------------------------------------------------------------------------------------

def _solution(f: Function, x0: Any, args: tuple[Any, ...], search: _Search) -> Any:
    if not callable(f):
        raise TypeError(f"{search.kind} takes a function first, not {type(f).__name__}")
    guess, rebuild = trees.flatten(x0)
    guess = [value_or_real(entry, f"the x0 of {search.kind}") for entry in guess]
    start = np.array(plain(guess), dtype=float)
    if not len(start):
        raise TypeError(f"{search.kind} looks for at least one number, and x0 holds none")

    def of(given: tuple[Any, ...]) -> Callable[[Sequence[Any]], list[Any]]:
        def outputs(unknowns: Sequence[Any]) -> list[Any]:
            found = trees.flatten(f(rebuild(unknowns), *given))[0]
            if len(found) != len(start):
                raise TypeError(f"{search.kind} needs as many equations as unknowns: f gives {len(found)} numbers for "
                                f"{len(start)}")
            return found

        return outputs

    is_traced = are_traced(args) or are_traced(guess)
    if not is_traced:
        eager = _Eager(of(plain(args)), search.kind)
        x = search(eager, start)
        is_traced = eager.is_traced
    if is_traced:
        captured = capture(of(args), start.tolist(), search.kind, True)
    else:
        captured = capture(of(args), x.tolist(), search.kind, False)
        solved = tuple(x.tolist())
        if not captured.around and not any(map(is_value, guess)):
            return rebuild(solved)
    system, operands = _system(captured.body, len(start), search), [*guess, *captured.around]
    if not is_traced:
        system.known = {tuple(plain(operands)): solved}
    return rebuild(system.values(operands))


class _Eager:
    """The function run by Python at every x, so that it may decide by it."""

    def __init__(self, outputs: Callable[[Sequence[Any]], list[Any]], kind: str) -> None:
        self.outputs, self.kind, self.is_traced = outputs, kind, False

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nodes = [*map(Value, x.tolist())]
        with recording.differentiating():
            found = [value_or_real(entry, f"a result of {self.kind}") for entry in self.outputs(nodes)]
        self.is_traced |= are_traced(found)
        return np.array(plain(found), dtype=float), jacobians.columns(found, nodes)


class _System:
    """Equations for the first inputs of a body, the unknowns; the others are parameters.

    Its rows, one for each unknown, take the numbers to start from and then the parameters.
    """

    def __init__(self, body: Body, count: int, search: _Search) -> None:
        if body.inputs > MOST_OPERANDS:
            raise TypeError(f"{search.kind} depends on {body.inputs - count} Values, and {MOST_OPERANDS - count} are "
                            "the most: pass numbers where no derivative is wanted")
        self.body, self.count, self.search = body, count, search
        self.known: dict[tuple[float, ...], tuple[float, ...]] = {}
        self._solve = functools.lru_cache(REMEMBERED)(self._solved)
        self._slopes = functools.lru_cache(REMEMBERED)(self._slopes_at)
        self._bodies: dict[int, Body] = {}
        self.rows = [self._row(place) for place in range(count)]

    def values(self, operands: Sequence[Any]) -> list[Any]:
        """The unknowns, for a start and parameters of any kind."""
        return [apply(row, operands) for row in self.rows]

    def _row(self, unknown: int) -> Primitive:
        def by(parameter: int) -> Callable[..., Any]:
            return lambda y, *operands: self._slope(unknown, parameter, y, operands)

        partials = [None] * self.count + [by(place) for place in range(self.body.inputs - self.count)]
        return primitive(self.search.kind, lambda *numbers: self._solve(numbers)[unknown], partials, named=False,
                         remake=("solution", (self.body, self.count, unknown, *self.search)))

    def _solved(self, numbers: tuple[float, ...]) -> tuple[float, ...]:
        if numbers in self.known:
            return self.known[numbers]
        start, parameters = np.array(numbers[:self.count]), numbers[self.count:]
        return tuple(self.search(lambda x: self._numbers((*x, *parameters)), start).tolist())

    def _slope(self, unknown: int, parameter: int, y: Any, operands: Sequence[Any]) -> Any:
        """dx/dp of one unknown and one parameter, in any reading of the table."""
        if type(y) is Real:
            return float(self._slopes(numbers_of(operands))[unknown, parameter])
        n, body = self.count, self._by(parameter)
        x = [y if place == unknown else apply(row, operands) for place, row in enumerate(self.rows)]
        found = read(body, [*x, *operands[n:]])[n:]
        matrix, column = [entry for row in range(n) for entry in found[row * (n + 1):][:n]], found[n::n + 1]
        if n == 1:
            return -column[0] / matrix[0]
        return -apply(_linear_rows(n)[unknown], [*matrix, *column])

    def _by(self, parameter: int) -> Body:
        """The body, and its derivatives by the unknowns and one parameter."""
        if parameter not in self._bodies:
            self._bodies[parameter] = derivative(self.body, [*range(self.count), self.count + parameter])
        return self._bodies[parameter]

    @functools.cached_property
    def _numbers(self) -> Numbers:
        return Numbers(self.body, range(self.count))

    @functools.cached_property
    def _all_numbers(self) -> Numbers:
        return Numbers(self.body, range(self.body.inputs))

    def _slopes_at(self, numbers: tuple[float, ...]) -> np.ndarray:
        x = np.array(self._solve(numbers))
        _, matrix = self._all_numbers((*x, *numbers[self.count:]))
        with np.errstate(all="ignore"):
            return -self.search.step(matrix[:, self.count:], matrix[:, :self.count], x)


_system = functools.lru_cache(KEPT)(_System)


def solution_row(body: Body, count: int, unknown: int, kind: str, bracket: Optional[tuple[float, float]]) -> Primitive:
    """The row of one unknown of a system; ValueError where these are none."""
    if kind not in ("root", "fixed_point") or not 0 <= unknown < count == len(body.outputs) <= body.inputs:
        raise ValueError("these are no equations")
    return _system(body, count, _Search(kind, bracket)).rows[unknown]


def linear_row(count: int, unknown: int) -> Primitive:
    """The row of one component of the solution of linear equations; ValueError where there is none."""
    if not 0 <= unknown < count:
        raise ValueError("these are no linear equations")
    return _linear_rows(count)[unknown]


@functools.cache
def _linear_rows(count: int) -> list[Primitive]:
    """The rows for the components of matrix^-1 column, whose operands are the matrix, row by row, and the column.

    d(A^-1 b)/db_j is A^-1 e_j and d(A^-1 b)/dA_jk is -A^-1 e_j (A^-1 b)_k.
    """
    if count * (count + 1) > MOST_OPERANDS:
        raise TypeError(f"derivatives beyond the first of {count} unknowns, and 31 are the most")

    @functools.lru_cache(REMEMBERED)
    def solved(numbers: tuple[float, ...]) -> tuple[float, ...]:
        entries = np.array(numbers).reshape(count + 1, count)
        return tuple(np.linalg.solve(entries[:count], entries[count]).tolist())

    def row(unknown: int) -> Primitive:
        def by(j: int) -> Callable[..., Any]:
            return lambda y, *operands: unit(j, operands)

        def by_entry(j: int, k: int) -> Callable[..., Any]:
            return lambda y, *operands: -unit(j, operands) * (
                y if k == unknown else apply(rows[k], operands))

        def unit(j: int, operands: Sequence[Any]) -> Any:
            return apply(rows[unknown], [*operands[:count * count], *(float(j == k) for k in range(count))])

        partials = [by_entry(j, k) for j in range(count) for k in range(count)] + [*map(by, range(count))]
        return primitive("linear_solution", lambda *numbers: solved(numbers)[unknown], partials, named=False,
                         remake=("linear", (count, unknown)))

    rows: list[Primitive] = []
    rows.extend(map(row, range(count)))
    return rows
