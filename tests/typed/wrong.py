"""Wrong uses: a type checker finds each line that is marked, and no other one."""

from __future__ import annotations

import math

import numpy as np

import autograd_mini as am
from autograd_mini import Value, draw, exp, grad, gradient, hypot, maximum, text, trace, value_and_grad, where
from autograd_mini.models import MLP, Adam, LogisticRegression

x = Value(1.0, "x")
numbers = np.ones(3)


def f(a: float, b: float = 1.0) -> float:
    return a * b


exp("x")                                        # wrong
exp([1.0, 2.0])                                 # wrong
exp(1.0, 2.0)                                   # wrong
exp(1j)                                         # wrong
maximum(x)                                      # wrong
hypot(x, "y")                                   # wrong
where(x, 1.0)                                   # wrong
Value("a")                                      # wrong
Value(x)                                        # wrong
Value(1.0, 2.0)                                 # wrong
x + "1"                                         # wrong
x * [1.0]                                       # wrong
None - x                                        # wrong
x ** 1j                                         # wrong
x.data = "2"                                    # wrong
x.name = 3                                      # wrong
x.operation = None
x.exp(2.0)                                      # wrong
x.atan2()                                       # wrong
x.expp()                                        # wrong
x.backward(seed="1")                            # wrong
x.backward("x")                                 # wrong
math.exp(x)                                     # wrong
float(x)                                        # wrong
round(x, 2)                                     # wrong
wrong_kind: float = exp(x)                      # wrong
wrong_array: float = exp(numbers)               # wrong
wrong_grad: float = x.grad                      # wrong
gradient(3.0, x)                                # wrong
gradient(x, "x")                                # wrong
wrong_gradient: float = gradient(x * x, x)      # wrong
grad(3)                                         # wrong
grad(f, argnums="a")                            # wrong
grad(f)("a")                                    # wrong
grad(f)(1.0, 2.0, 3.0)                          # wrong
value_and_grad(f)(c=1.0)                        # wrong
am.hessian(f)()                                 # wrong
trace(f, "a")                                   # wrong
trace(f)                                        # wrong
trace(f, 1.0)("a")                              # wrong
trace(f, 1.0)(1.0, c=2.0)                       # wrong
trace(f, 1.0).nothing()                         # wrong
trace(f, 1.0).save(3)                           # wrong
am.jvp(f, 1.0, 1.0)                             # wrong
am.scan(f)                                      # wrong
am.ravel()                                      # wrong
draw(3)                                         # wrong
draw(x, limit="many")                           # wrong
draw(x).save()                                  # wrong
text("x")                                       # wrong
am.latex(1.0)                                   # wrong
am.derive(2.0)                                  # wrong
am.derive(x, wrt=3)                             # wrong
am.check_derivation(x, {3: x})                  # wrong
am.check_gradients(3.0)                         # wrong
am.diagnose(f)                                  # wrong
am.bound(f, {"a": 1.0})                         # wrong
am.leaves(3)                                    # wrong
am.topological_order("x")                       # wrong
am.scope()                                      # wrong
am.primitive(3, f, [f])                         # wrong
am.load(3)                                      # wrong
am.save(3.0, "x")                               # wrong
am.linalg.solved(x)                             # wrong
am.softplus_("x")                               # wrong
MLP("two", [1])                                 # wrong
Adam(rate="fast")                               # wrong
Adam().step(3.0)                                # wrong
LogisticRegression(steps="many")                # wrong
LogisticRegression().fit()                      # wrong
