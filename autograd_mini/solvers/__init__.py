"""Numbers that are defined by a condition: roots, fixed points, integrals, paths of differential equations.

SciPy finds them; their derivatives, of every order, are those of the condition.
"""

from autograd_mini.solvers._integrals import quad as quad
from autograd_mini.solvers._paths import odeint as odeint
from autograd_mini.solvers._roots import fixed_point as fixed_point, root as root
