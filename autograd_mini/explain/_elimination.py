"""Formulas in terms of named quantities: what has no name is eliminated through the relations that define it.

An expression is read as a rational function of symbols, one for every name, input and transcendental subexpression.
The definition of each named node is then a polynomial relation, as are r^2 = x of a square root and s^2 + c^2 = 1 of a
sine and cosine. Relations that are linear in a nameless symbol are solved for it; where that does not end it, a
Gröbner basis with the nameless symbols first finds the relation that is linear in the wanted expression and free of
them. So exp(-z)/(1 + exp(-z))^2 becomes a - a^2 by itself. Denominators, and exponentials, are invertible (the ideal
is saturated by them).
"""

from __future__ import annotations

import ctypes
import itertools
import math
import threading
from contextlib import contextmanager
from typing import Any, Iterable, Iterator, Mapping, Sequence


class TookTooLong(BaseException):
    """Raised inside `time_limit` when the time is up; no `except Exception` on the way swallows it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TookTooLong inside the block after so many seconds; works in any thread, for pure Python code."""
    thread, lock = ctypes.c_ulong(threading.get_ident()), threading.Lock()
    finished: list[bool] = []

    def interrupt() -> None:
        with lock:
            if not finished:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(TookTooLong))

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            finished.append(True)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, None)  # one that was sent but has not arrived
        timer.cancel()


class Generators:
    """Expressions as rational functions: a symbol for every transcendental or algebraic part, and their relations."""

    def __init__(self, expressions: Sequence[Any]) -> None:
        import sympy as sp

        self.sp = sp
        self.meaning: dict[Any, Any] = {}
        self.relations: list[Any] = []
        self.invertible: list[Any] = []
        self._known: dict[Any, Any] = {}
        self._roots: dict[Any, tuple[Any, int]] = {}
        self._count = itertools.count(1)
        self._exponentials = self._exponents([e.args[0] for x in expressions for e in _ordered(x.atoms(sp.exp))])
        self._degrees: dict[Any, int] = {}
        for power in (p for x in expressions for p in _ordered(x.atoms(sp.Pow))):
            if power.exp.is_Rational and not power.exp.is_Integer:
                self._degrees[power.base] = math.lcm(self._degrees.get(power.base, 1), int(power.exp.q))
        self.rationals = [self.rational(expression) for expression in expressions]
        self._identities()

    def _new(self, meaning: Any) -> Any:
        symbol = self.sp.Symbol(f"_{next(self._count)}")
        self.meaning[symbol] = meaning
        return symbol

    def _exponents(self, arguments: Iterable[Any]) -> dict[Any, list[tuple[Any, int]]]:
        """Each exponent as whole multiples of shared units: exp(2x) and exp(-x) are powers of one symbol."""
        arguments = list(dict.fromkeys(arguments))
        parts = {argument: [(argument, self.sp.Integer(1))] for argument in arguments}
        units = self._units(parts)
        split = {argument: [(term, c) for term, c in argument.expand().as_coefficients_dict().items()]
                 for argument in arguments}
        if all(c.is_Rational for terms in split.values() for _, c in terms) and len(self._units(split)) < len(units):
            parts, units = split, self._units(split)
        result: dict[Any, list[tuple[Any, int]]] = {}
        for argument, terms in parts.items():
            result[argument] = []
            for term, coefficient in terms:
                base, unit, symbol = next(u for u in units if self._ratio(term, u[0]) is not None)
                if symbol is None:
                    symbol = self._new(self.sp.exp(base * unit))
                    self.invertible.append(symbol)
                    units[next(i for i, u in enumerate(units) if u[0] is base)] = (base, unit, symbol)
                ratio = self._ratio(term, base)
                result[argument].append((symbol, int(coefficient * ratio / unit)))
        return result

    def _units(self, parts: Mapping[Any, Sequence[tuple[Any, Any]]]) -> list[tuple[Any, Any, Any]]:
        """(base, greatest common divisor of its multiples, None) for every set of proportional terms."""
        groups: list[tuple[Any, list[Any]]] = []
        for term, coefficient in itertools.chain.from_iterable(parts.values()):
            for base, multiples in groups:
                ratio = self._ratio(term, base)
                if ratio is not None:
                    multiples.append(ratio * coefficient)
                    break
            else:
                groups.append((term, [coefficient]))
        return [(base, self.sp.gcd_list(multiples) if len(multiples) > 1 else abs(multiples[0]), None)
                for base, multiples in groups]

    def _ratio(self, term: Any, base: Any) -> Any:
        ratio = term / base
        if not ratio.is_Rational and ratio.free_symbols and term.free_symbols == base.free_symbols:
            ratio = self.sp.cancel(ratio)
        return ratio if ratio.is_Rational else None

    def rational(self, expression: Any) -> Any:
        """The expression with every transcendental or algebraic part replaced by its symbol."""
        sp = self.sp
        if expression.is_Symbol or expression.is_Rational:
            return expression
        if expression in self._known:
            return self._known[expression]
        if expression.is_Add or expression.is_Mul:
            result = expression.func(*map(self.rational, expression.args))
        elif isinstance(expression, sp.exp) and expression.args[0] in self._exponentials:
            result = sp.Mul(*[symbol ** n for symbol, n in self._exponentials[expression.args[0]]])
        elif expression.is_Pow and expression.exp.is_Integer:
            result = self.rational(expression.base) ** expression.exp
        elif expression.is_Pow and expression.exp.is_Rational and expression.base in self._degrees:
            symbol, degree = self._root(expression.base)
            result = symbol ** int(expression.exp * degree)
        elif expression.is_Pow and not expression.exp.is_Rational:
            result = self._power(expression)
        else:
            result = self._new(expression)
        self._known[expression] = result
        return result

    def _root(self, base: Any) -> tuple[Any, int]:
        if base not in self._roots:
            degree = self._degrees[base]
            symbol = self._new(base ** self.sp.Rational(1, degree))
            self._roots[base] = symbol, degree
            self.relations.append(self.sp.fraction(self.sp.together(symbol ** degree - self.rational(base)))[0])
            self.invertible.append(symbol)
        return self._roots[base]

    def _power(self, power: Any) -> Any:
        """x^(n-1) as x^n / x, where x^n has a symbol: exponents that differ by whole numbers share one."""
        for known, symbol in list(self._known.items()):
            if known.is_Pow and symbol in self.meaning and known.base == power.base:
                distance = self.sp.expand(power.exp - known.exp)
                if distance.is_Integer:
                    return symbol * self.rational(power.base) ** distance
        symbol = self._new(power)
        self.invertible.append(symbol)
        return symbol

    def _identities(self) -> None:
        sp = self.sp
        found = {meaning: symbol for symbol, meaning in self.meaning.items()}
        for a, b, sign in ((sp.sin, sp.cos, 1), (sp.sinh, sp.cosh, -1)):
            for meaning, symbol in found.items():
                if isinstance(meaning, b) and a(*meaning.args) in found:
                    self.relations.append(symbol ** 2 + sign * found[a(*meaning.args)] ** 2 - 1)

    def divisor(self, total: Any) -> Any:
        """A symbol for a sum that something is divided by."""
        symbol = self._new(self.back(total))
        self.invertible.append(symbol)
        return symbol

    def back(self, expression: Any) -> Any:
        """What the symbols stand for, put back."""
        return expression.xreplace(self.meaning)


def functions(expression: Any) -> list[Any]:
    """The parts of a formula that are not rational: functions, roots, powers with a symbol above."""
    import sympy as sp

    return [part for part in expression.atoms(sp.Function, sp.Pow) if not part.is_Pow or not part.exp.is_Integer]


def cost(expression: Any) -> float:
    """How long a formula is for a reader: its operations, and four more for every function that is left in it."""
    import sympy as sp

    return float(sp.count_ops(expression)) + 4 * len(functions(expression))


def forms(expression: Any) -> list[Any]:
    """The same formula cancelled, factored, and as it is."""
    import sympy as sp

    cancelled = sp.cancel(expression)
    return list(dict.fromkeys([
        cancelled, sp.factor_terms(cancelled), sp.factor(cancelled), sp.expand(cancelled), _over_factored(cancelled),
        sp.powsimp(expression), expression, *map(_positive, (sp.factor(cancelled), sp.factor_terms(expression)))]))


def by_trigonometry(expression: Any) -> list[Any]:
    """The same formula by the theorems about sines and cosines, the hyperbolic ones too; none where it has none."""
    import sympy as sp
    from sympy.functions.elementary.hyperbolic import HyperbolicFunction
    from sympy.functions.elementary.trigonometric import TrigonometricFunction

    if not expression.has(TrigonometricFunction, HyperbolicFunction) or sp.count_ops(expression) > 60:
        return []
    return [sp.trigsimp(expression), _in_tanh(expression)]


def _in_tanh(expression: Any) -> Any:
    """A formula with tanh instead of sinh and cosh, where the quotients that make it one are all there is."""
    import sympy as sp

    return sp.factor_terms(sp.cancel(expression.replace(sp.sinh, lambda a: sp.tanh(a) * sp.cosh(a))))


def _positive(product: Any) -> Any:
    """A negative product with the sign taken into its first sum: -a*(a - 1) as a*(1 - a)."""
    import sympy as sp

    coefficient, factors = product.as_coeff_mul()
    place = next((i for i, factor in enumerate(factors) if factor.is_Add), None)
    if coefficient.is_nonnegative or place is None or not coefficient.is_Rational:
        return product
    return sp.Mul(-coefficient, *factors[:place], -factors[place], *factors[place + 1:])


def _over_factored(expression: Any) -> Any:
    """A quotient with numerator expanded and denominator factored."""
    import sympy as sp

    numerator, denominator = sp.fraction(expression)
    return numerator / sp.factor(denominator)


def divides_anew(form: Any, raw: Any) -> bool:
    """Whether a form divides by what the formula it came from did not divide by: tanh(c) as h/o."""
    import sympy as sp

    def divisors(expression: Any) -> set[Any]:
        bases = [power.base for power in expression.atoms(sp.Pow) if power.exp.could_extract_minus_sign()]
        return {-base if base.could_extract_minus_sign() else base for base in bases if base.free_symbols}

    before = divisors(raw)
    added = divisors(form) - before
    return bool(added) and (not before or not all(base.is_Symbol for base in added))


def shortest(candidates: Iterable[Any]) -> Any:
    """The candidate that costs least; the first of equals."""
    return min(candidates, key=cost)


def eliminate(expression: Any, definitions: Mapping[Any, Any], assumptions: Sequence[Any] = ()) -> list[Any]:
    """Forms of an expression that use names instead of what is behind them, shortest form of each first.

    `definitions` says what each name stands for, `assumptions` are expressions known to be 0. The list is never empty;
    its last entries are the expression itself, cancelled.
    """
    import sympy as sp

    names = list(definitions)
    generators = Generators([expression, *definitions.values(), *assumptions])
    rationals, divided = _shared_divisors(generators)
    wanted = sp.cancel(rationals[0])
    defined = dict(zip(names, rationals[1:]))
    if len(expression.atoms(sp.exp)) > 1 and expression.is_Add and _vanishes(expression, definitions):
        return [sp.Integer(0)]
    found = [*(generators.back(form) for form in forms(wanted)), sp.powsimp(generators.back(wanted)), expression]
    relations = [_numerator(name - value) for name, value in defined.items()]
    relations += [_numerator(assumption) for assumption in rationals[1 + len(names):]]
    relations = _useful(relations + generators.relations + divided, wanted, set(names))
    if not relations:
        return [shortest(found), *found]
    for shorter, fewer in list(_linear_steps(wanted, relations, generators)):
        wanted, relations = shorter, fewer
        found += map(generators.back, forms(wanted))
    results: list[Any] = []
    if not wanted.free_symbols & set(generators.meaning):
        known = [relation for relation in relations if not relation.free_symbols & set(generators.meaning)]
        results += forms(_shortened(wanted, known))
        return [shortest(results + found), *results, *found]
    used = set().union(wanted.free_symbols, *(relation.free_symbols for relation in relations))
    nameless = sorted((symbol for symbol in used if symbol in generators.meaning), key=str)
    named = [name for name in reversed(names) if name in used]
    named += sorted((used - set(nameless) - set(named)), key=str)
    divisors = _divisors(wanted, [defined[name] for name in names if name in used],
                         [symbol for symbol in generators.invertible if symbol in used])
    for order in dict.fromkeys((tuple(named), tuple(reversed(named)))):
        results += _linear_forms(wanted, relations, divisors, nameless, order)
    if not results:  # not all that is nameless can go: perhaps one of it
        for one in nameless[:4]:
            kept = [symbol for symbol in nameless if symbol != one]
            results += _linear_forms(wanted, relations, divisors, [one], (*kept, *named))
    results = [form for result in results for form in forms(generators.back(result))]
    return [shortest(results + found), *results, *found]


def _shared_divisors(generators: Generators) -> tuple[list[Any], list[Any]]:
    """The rational forms with a symbol for every nameless sum that something is divided by, and what the sums are."""
    import sympy as sp

    sums = {power.base for rational in generators.rationals for power in rational.atoms(sp.Pow)
            if power.exp.is_Integer and power.exp < 0 and power.base.is_Add
            and power.base.free_symbols <= set(generators.meaning)}
    symbols = {total: generators.divisor(total) for total in _ordered(sums)}
    meanings = [_numerator(symbol - total) for total, symbol in symbols.items()]
    return [rational.xreplace(symbols) for rational in generators.rationals], meanings


def _linear_steps(wanted: Any, relations: Sequence[Any], generators: Generators) -> Iterator[tuple[Any, list[Any]]]:
    """Solve relations for nameless symbols in which they are linear, one after the other; what is left after each."""
    import sympy as sp

    nameless, invertible = set(generators.meaning), set(generators.invertible)
    relations = list(relations)
    while True:
        choices = []
        for place, relation in enumerate(relations):
            for symbol in sorted(relation.free_symbols & nameless, key=str):
                slope = relation.coeff(symbol, 1)
                if sp.degree(relation, symbol) == 1 and not slope.free_symbols & (nameless - invertible):
                    rest = relation - slope * symbol
                    unknowns = len(rest.free_symbols & nameless)
                    rank = unknowns, len(slope.free_symbols), place, str(symbol)
                    choices.append((rank, symbol, -rest.expand() / slope))
        if not choices:
            return
        (_, _, place, _), symbol, solution = min(choices, key=lambda choice: choice[0])
        wanted = sp.cancel(wanted.subs(symbol, solution))
        relations = [_without(_numerator(relation.subs(symbol, solution)), invertible)
                     for other, relation in enumerate(relations) if other != place]
        relations = [relation for relation in relations if relation != 0]
        yield wanted, relations


def _without(relation: Any, invertible: set[Any]) -> Any:
    """A relation divided by its factors that are never 0."""
    import sympy as sp

    if not relation.free_symbols & invertible:
        return relation
    constant, factors = sp.factor_list(relation)
    kept = [factor ** power for factor, power in factors if factor not in invertible]
    return sp.expand(constant * sp.Mul(*kept))


def _vanishes(expression: Any, definitions: Mapping[Any, Any]) -> bool:
    """Whether exponentials cancel once logarithms in their exponents are seen: exp(ln(S/K) + r T) is S/K exp(r T)."""
    import sympy as sp

    def opened(exponent: Any) -> Any:
        for name, value in reversed(list(definitions.items())):
            exponent = exponent.subs(name, value)
        return exponent

    exponents = {exponential.args[0]: opened(exponential.args[0]) for exponential in expression.atoms(sp.exp)}
    if not any(exponent.has(sp.log) for exponent in exponents.values()):
        return False
    generators = Generators([expression.replace(sp.exp, lambda exponent: sp.exp(sp.expand(exponents[exponent])))])
    numerator = _numerator(generators.rationals[0])
    for relation in generators.relations:
        root = min(relation.free_symbols & set(generators.meaning), key=str)
        numerator = sp.rem(numerator, relation, root)
    return bool(sp.expand(numerator) == 0)


def _linear_forms(wanted: Any, relations: Sequence[Any], divisors: Sequence[Any], nameless: Sequence[Any],
                  named: Sequence[Any]) -> list[Any]:
    """What the wanted expression equals, free of the nameless symbols, by one order of the names."""
    import sympy as sp

    inverse, result = sp.Symbol("_inverse"), sp.Symbol("_result")
    numerator, denominator = sp.fraction(wanted)
    system = [*relations, result * denominator - numerator]
    if divisors:
        system.append(inverse * sp.Mul(*divisors) - 1)
    basis = sp.groebner(system, inverse, *nameless, result, *named, order="lex").exprs
    free = [p for p in basis if not p.free_symbols & {inverse, *nameless}]
    known = [p for p in free if result not in p.free_symbols]
    solutions = []
    for polynomial in free:
        if result in polynomial.free_symbols and sp.degree(polynomial, result) == 1:
            slope = polynomial.coeff(result, 1)
            solutions.append(_shortened(sp.cancel(-(polynomial - slope * result).expand() / slope), known))
    return solutions


def _shortened(expression: Any, known: Sequence[Any]) -> Any:
    """The shortest form that is reached by solving known relations for one name each and putting it in."""
    import sympy as sp

    best = shortest(forms(expression))
    for _ in range(3):
        tries = []
        for relation in known:
            for name in sorted(relation.free_symbols & best.free_symbols, key=str):
                if sp.degree(relation, name) == 1:
                    slope = relation.coeff(name, 1)
                    solved = best.subs(name, -(relation - slope * name).expand() / slope)
                    tries += forms(solved) if not solved.has(sp.zoo, sp.nan) else []
        shorter = min(tries, key=cost, default=best)
        if cost(shorter) >= cost(best):
            break
        best = shorter
    return best


def _ordered(expressions: Iterable[Any]) -> list[Any]:
    return sorted(expressions, key=lambda e: e.sort_key())


def _numerator(expression: Any) -> Any:
    import sympy as sp

    return sp.expand(sp.fraction(sp.cancel(sp.together(expression)))[0])


def _useful(relations: Sequence[Any], wanted: Any, names: set[Any]) -> list[Any]:
    """The relations that can tell something: one with an input or a nameless part of its own only defines that."""
    kept = list(dict.fromkeys(relation for relation in relations if relation != 0))
    while True:
        counts: dict[Any, int] = {}
        for relation in kept:
            for symbol in relation.free_symbols:
                counts[symbol] = counts.get(symbol, 0) + 1
        shared = {symbol for symbol, count in counts.items() if count > 1} | wanted.free_symbols
        needed = [relation for relation in kept
                  if relation.free_symbols & shared and not relation.free_symbols - shared - names]
        if len(needed) == len(kept):
            return kept
        kept = needed


def _divisors(wanted: Any, values: Sequence[Any], invertible: Sequence[Any]) -> list[Any]:
    """The distinct factors of every denominator, and what is never 0."""
    import sympy as sp

    factors = dict.fromkeys(invertible)
    for value in (wanted, *values):
        denominator = sp.fraction(sp.cancel(sp.together(value)))[1]
        factors.update(dict.fromkeys(factor for factor, _ in sp.factor_list(denominator)[1]))
    return list(factors)
