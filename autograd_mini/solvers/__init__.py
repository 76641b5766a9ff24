"""Numbers that are defined by a condition: roots, fixed points, integrals, paths of differential equations.

SciPy finds them; their derivatives, of every order, are those of the condition.
"""

from typing import Any

from autograd_mini.solvers import _integrals, _roots
from autograd_mini.solvers._integrals import quad as quad
from autograd_mini.solvers._paths import odeint as odeint
from autograd_mini.solvers._roots import fixed_point as fixed_point, root as root

_MAKERS: dict[str, Any] = {"solution": _roots.solution_row, "linear": _roots.linear_row,
                           "integral": _integrals.integral_row}


def remade(maker: str, arguments: tuple[Any, ...]) -> Any:
    """The row that a saved Program names by what it is made of; LookupError, TypeError or ValueError if none."""
    return _MAKERS[maker](*arguments)
