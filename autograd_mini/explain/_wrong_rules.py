"""What a rule of calculus taken for another one makes of a node.

Each takes the row, the value, the operands and their derivatives, and gives the derivative that comes out, or None
where it does not apply. What kind of operation a node is, is seen by its numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd_mini.explain._ball import Ball, applied, flint, local


def _same(a: Any, b: Any) -> bool:
    return bool(abs(a - b) <= abs(a) * 1e-40)


def _of_a_product(row: Any, y: Any, numbers: Any, moves: Any) -> Any:
    is_one = len(numbers) == 2 and _same(numbers[0] * numbers[1], y) and 0 not in moves
    return moves[0] * moves[1] if is_one else None


def _of_a_quotient(row: Any, y: Any, numbers: Any, moves: Any) -> Any:
    is_one = len(numbers) == 2 and _same(y * numbers[1], numbers[0]) and 0 not in moves
    return moves[0] / moves[1] if is_one else None


def _power_for_exponential(row: Any, y: Any, numbers: Any, moves: Any) -> Any:
    base, exponent = numbers if len(numbers) == 2 else (flint.arb.const_e(), numbers[0])
    is_one = base > 0 and _same(base ** exponent, y) and (len(numbers) == 1 or moves[0] == 0)
    return exponent * base ** (exponent - 1) * moves[-1] if is_one else None


def _exponential_for_power(row: Any, y: Any, numbers: Any, moves: Any) -> Any:
    is_one = len(numbers) == 2 and numbers[0] > 0 and _same(numbers[0] ** numbers[1], y) and moves[1] == 0
    return y * numbers[0].log() * moves[0] if is_one else None


def _at_the_inner_derivative(row: Any, y: Any, numbers: Any, moves: Any) -> Any:
    if len(numbers) != 1:
        return None
    slope = local(row, 0, Ball(applied(row, moves)), [Ball(moves[0])]).number
    return slope if type(slope) is not float else None


def _undifferentiated(row: Any, y: Any, numbers: Any, moves: Any) -> Any:
    return y * moves[0] if len(numbers) == 1 else None


WRONG_RULES: list[tuple[str, Callable[..., Any]]] = [
    ("the power rule is taken for the exponential {}", _power_for_exponential),
    ("the exponential rule is taken for the power {}", _exponential_for_power),
    ("the product of the derivatives is taken for the derivative of the product {}", _of_a_product),
    ("the quotient of the derivatives is taken for the derivative of the quotient {}", _of_a_quotient),
    ("the derivative of {} is taken at the inner derivative, f'(g') for f'(g)*g'", _at_the_inner_derivative),
    ("{} stands where its derivative should", _undifferentiated)]
