"""Standard test functions of optimisation, as sums of squared residuals, with their published starts and optima.

J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software", ACM Transactions on
Mathematical Software 7 (1981); their numbers are kept. Himmelblau's function is from D. M. Himmelblau, "Applied
Nonlinear Programming" (1972).
"""

import math
from typing import Callable, NamedTuple, Optional

import numpy as np

from autograd_mini import atan2, exp, hypot

BARD = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
KOWALIK = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
KOWALIK_AT = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
GAUSS = np.array([0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
                  0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044, 0.0009])


def rosenbrock(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def chained_rosenbrock(x):
    return [r for i in range(0, len(x), 2) for r in (10 * (x[i + 1] - x[i] ** 2), 1 - x[i])]


def freudenstein_roth(x):
    return [-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]]


def powell_badly_scaled(x):
    return [1e4 * x[0] * x[1] - 1, exp(-x[0]) + exp(-x[1]) - 1.0001]


def beale(x):
    return [y - x[0] * (1 - x[1] ** i) for i, y in ((1, 1.5), (2, 2.25), (3, 2.625))]


def jennrich_sampson(x):
    return [2 + 2 * i - (exp(i * x[0]) + exp(i * x[1])) for i in range(1, 11)]


def helical_valley(x):
    return [10 * (x[2] - 10 * atan2(x[1], x[0]) / (2 * math.pi)), 10 * (hypot(x[0], x[1]) - 1), x[2]]


def bard(x):
    return [y - (x[0] + u / ((16 - u) * x[1] + min(u, 16 - u) * x[2])) for u, y in enumerate(BARD, 1)]


def gaussian(x):
    return [x[0] * exp(-x[1] * ((8 - i) / 2 - x[2]) ** 2 / 2) - y for i, y in enumerate(GAUSS, 1)]


def box(x):
    return [exp(-t * x[0]) - exp(-t * x[1]) - x[2] * (math.exp(-t) - math.exp(-10 * t))
            for t in (i / 10 for i in range(1, 11))]


def powell_singular(x):
    return [x[0] + 10 * x[1], math.sqrt(5) * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, math.sqrt(10) * (x[0] - x[3]) ** 2]


def wood(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0], math.sqrt(90) * (x[3] - x[2] ** 2), 1 - x[2],
            math.sqrt(10) * (x[1] + x[3] - 2), (x[1] - x[3]) / math.sqrt(10)]


def kowalik_osborne(x):
    return [y - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3]) for u, y in zip(KOWALIK_AT, KOWALIK)]


def brown_dennis(x):
    return [(x[0] + t * x[1] - math.exp(t)) ** 2 + (x[2] + x[3] * math.sin(t) - math.cos(t)) ** 2
            for t in (i / 5 for i in range(1, 21))]


def himmelblau(x):
    return [x[0] ** 2 + x[1] - 11, x[0] + x[1] ** 2 - 7]


class StandardFunction(NamedTuple):
    residuals: Callable
    start: tuple
    minimum: float                    # of the sum of squares, from that start
    at: Optional[tuple]               # where, if the paper says so

    def __call__(self, x):
        return sum(r * r for r in self.residuals(x))


FUNCTIONS = {f.residuals.__name__: f for f in (
    StandardFunction(rosenbrock, (-1.2, 1.0), 0.0, (1.0, 1.0)),
    StandardFunction(chained_rosenbrock, (-1.2, 1.0) * 5, 0.0, (1.0,) * 10),
    StandardFunction(freudenstein_roth, (0.5, -2.0), 48.9842, (11.4128, -0.896805)),
    StandardFunction(powell_badly_scaled, (0.0, 1.0), 0.0, (1.098159e-5, 9.106147)),
    StandardFunction(beale, (1.0, 1.0), 0.0, (3.0, 0.5)),
    StandardFunction(jennrich_sampson, (0.3, 0.4), 124.362, (0.257825, 0.257825)),
    StandardFunction(helical_valley, (-1.0, 0.0, 0.0), 0.0, (1.0, 0.0, 0.0)),
    StandardFunction(bard, (1.0, 1.0, 1.0), 8.21487e-3, None),
    StandardFunction(gaussian, (0.4, 1.0, 0.0), 1.12793e-8, None),
    StandardFunction(box, (0.0, 10.0, 20.0), 0.0, (1.0, 10.0, 1.0)),
    StandardFunction(powell_singular, (3.0, -1.0, 0.0, 1.0), 0.0, (0.0, 0.0, 0.0, 0.0)),
    StandardFunction(wood, (-3.0, -1.0, -3.0, -1.0), 0.0, (1.0, 1.0, 1.0, 1.0)),
    StandardFunction(kowalik_osborne, (0.25, 0.39, 0.415, 0.39), 3.07505e-4, None),
    StandardFunction(brown_dennis, (25.0, 5.0, -5.0, -1.0), 85822.2, None),
    StandardFunction(himmelblau, (1.0, 1.0), 0.0, (3.0, 2.0)),
)}
